//! What keeps data: Redis and PostgreSQL, and services with wrong logins to them.

use super::{Breakage, inborn};

pub const REDIS: &[Breakage] = &[
    Breakage {
        what: "Redis has another password than the stack says",
        make: "c redis-1 redis-cli -a hunter22 config set requirepass other",
        ask: "health redis",
        says: "✘ redis-1 ping refuses the stack's password",
        mend: "c redis-1 redis-cli -a other config set requirepass hunter22",
    },
    Breakage {
        what: "Redis' memory is full",
        make: "c redis-1 redis-cli -a hunter22 config set maxmemory 100kb",
        ask: "health redis",
        says: "✘ redis-1 writes takes no writes: its memory is full (* of 100 KiB), and its policy (noeviction) throws nothing out",
        mend: "c redis-1 redis-cli -a hunter22 config set maxmemory 0",
    },
    Breakage {
        what: "Redis follows a master that is gone",
        make: "c redis-1 redis-cli -a hunter22 replicaof 127.0.0.1 1",
        ask: "health redis",
        says: "✘ redis-1 replication a replica without its master: 127.0.0.1:1 can't be reached, what it answers grows old",
        mend: "c redis-1 redis-cli -a hunter22 replicaof no one",
    },
    Breakage {
        what: "Redis' disk is full",
        make: "c redis-1 sh -c 'dd if=/dev/zero of=/data/fill bs=1M count=2 2>/dev/null || redis-cli -a hunter22 set a b && redis-cli -a hunter22 bgsave'",
        ask: "health redis",
        says: "✘ redis-1 ping takes no writes: its last snapshot (RDB) couldn't be written*",
        mend: "c redis-1 sh -c 'rm /data/fill && redis-cli -a hunter22 bgsave'",
    },
    Breakage {
        what: "Redis is held up by a script",
        make: "c redis-1 redis-cli -a hunter22 config set busy-reply-threshold 50; docker exec -d $P-redis-1 redis-cli -a hunter22 eval 'while true do end' 0",
        ask: "health redis",
        says: "✘ redis-1 ping is busy with a script",
        mend: "c redis-1 redis-cli -a hunter22 script kill",
    },
    Breakage {
        what: "Redis is paused",
        make: "docker pause $P-redis-1",
        ask: "health redis",
        says: "✘ redis-1 container paused: its processes are frozen",
        mend: "docker unpause $P-redis-1",
    },
    Breakage {
        what: "Redis was killed",
        make: "docker kill $P-redis-1",
        ask: "health redis",
        says: "✘ redis-1 container ended with 137: it was killed (SIGKILL)",
        mend: "vv start redis",
    },
    Breakage {
        what: "Redis' container was removed by hand",
        make: "docker rm -f $P-redis-1",
        ask: "health redis",
        says: "✘ redis container not running: there is no container",
        mend: "vv start redis",
    },
];

pub const POSTGRES: &[Breakage] = &[
    Breakage {
        what: "PostgreSQL has another password than the stack says",
        make: "c postgres-1 psql -qU app shop -c \"ALTER ROLE app PASSWORD 'other'\"",
        ask: "health postgres",
        says: "✘ postgres-1 login refuses the password of user app",
        mend: "c postgres-1 psql -qU app shop -c \"ALTER ROLE app PASSWORD 'hunter22'\"",
    },
    Breakage {
        what: "PostgreSQL lacks the database",
        make: "c postgres-1 psql -qU app postgres -c 'ALTER DATABASE shop RENAME TO moved'",
        ask: "health postgres",
        says: "✘ postgres-1 login has no database shop",
        mend: "c postgres-1 psql -qU app postgres -c 'ALTER DATABASE moved RENAME TO shop'",
    },
    Breakage {
        what: "PostgreSQL's user may not log in",
        make: "c postgres-1 psql -qU app shop -c 'CREATE ROLE boss SUPERUSER LOGIN' -c 'ALTER ROLE app NOLOGIN'",
        ask: "health postgres",
        says: "✘ postgres-1 login doesn't let user app in: role \"app\" is not permitted to log in",
        mend: "c postgres-1 psql -qU boss shop -c 'ALTER ROLE app LOGIN'",
    },
    Breakage {
        what: "PostgreSQL is read-only",
        make: "c postgres-1 psql -qU app shop -c 'ALTER SYSTEM SET default_transaction_read_only = on' -c 'SELECT pg_reload_conf()'",
        ask: "health postgres --fail-on warn",
        says: "! postgres-1 writes answers queries, but default_transaction_read_only is on: services can't write",
        mend: "c postgres-1 psql -qU app shop -c 'SET transaction_read_only = off' -c 'ALTER SYSTEM RESET ALL' -c 'SELECT pg_reload_conf()'",
    },
    Breakage {
        what: "PostgreSQL's connections are all taken",
        make: "for i in 1 2 3 4 5 6 7; do docker exec -d $P-postgres-1 psql -U app shop -c 'SELECT pg_sleep(300)'; done",
        ask: "health postgres --fail-on warn",
        says: "! postgres-1 connections 7 of 7 connections in use, most (7) by user app in shop; the rest is for superusers",
        mend: "c postgres-1 psql -qU app postgres -c \"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(300)'\"",
    },
    Breakage {
        what: "PostgreSQL hangs",
        make: "docker kill -s STOP $P-postgres-1",
        ask: "health postgres --check-timeout 1s",
        says: "✘ postgres-1 login * accepts but says nothing within 1 s",
        mend: "docker kill -s CONT $P-postgres-1",
    },
    Breakage {
        what: "PostgreSQL is cut off its network",
        make: "docker network disconnect ${P}_apart $P-postgres-1",
        ask: "health postgres",
        says: "✘ postgres-1 port 5432 P-postgres-1 is cut off from its networks",
        mend: "vv start postgres",
    },
    Breakage {
        what: "PostgreSQL's volume is from before, with another password",
        make: "",
        ask: "-f compose.yaml -f stale.yaml --wait-lock start postgres",
        says: "*postgres-1 won't become ready: refuses the password of user app*",
        mend: "vv start postgres; cp compose.yaml stale.yaml",
    },
];

/// Services of which nothing else is wrong.
pub const LOGINS: &[Breakage] = &[
    inborn(
        "the password in one service's URL is wrong",
        "why app-password",
        "app-password isn't ready: it can't log in by its DATABASE_URL: postgres refuses the password of user app",
    ),
    inborn(
        "the database in one service's URL isn't there",
        "why app-database",
        "app-database isn't ready: it can't log in by its DATABASE_URL: postgres has no database nowhere",
    ),
    inborn(
        "the password of one service's cache is wrong",
        "why app-cache",
        "app-cache isn't ready: it can't log in by its REDIS_URL: redis refuses its password",
    ),
    inborn(
        "the login of one service's broker is wrong",
        "why app-broker",
        "app-broker isn't ready: it can't log in by its AMQP_URL: rabbitmq refuses the login of user worker",
    ),
    inborn(
        "the virtual host in one service's URL isn't there",
        "why app-vhost",
        "app-vhost isn't ready: it can't log in by its AMQP_URL: rabbitmq has no virtual host nowhere",
    ),
];

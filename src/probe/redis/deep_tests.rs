use std::net::SocketAddr;

use crate::probe::testing::{deep_of, environment, replies, system};

async fn of(address: SocketAddr) -> String {
    deep_of(environment(system("redis", 6379), &[("REDIS_PASSWORD", "hunter22")]), 6379, address).await
}

/// A server whose INFO has these lines beside those of one that is well, and which answers a SET so.
async fn server(info: &str, set: &str) -> SocketAddr {
    let info = format!(
        "# Server\r\n{info}loading:0\r\nused_memory:1048576\r\nmaxmemory:0\r\n\
         maxmemory_policy:noeviction\r\nrdb_changes_since_last_save:7\r\nrdb_last_bgsave_status:ok\r\naof_enabled:0\r\n\
         aof_last_bgrewrite_status:ok\r\naof_last_write_status:ok\r\nrole:master\r\nconnected_slaves:0\r\n"
    );
    let info = format!("${}\r\n{info}\r\n", info.len());
    replies(&[
        ("AUTH", b"+OK\r\n"),
        ("INFO", info.as_bytes()),
        ("SET", format!("{set}\r\n").as_bytes()),
        ("GET", b"$8\r\nvv-probe\r\n"),
        ("DEL", b":1\r\n"),
    ])
    .await
}

#[tokio::test]
async fn every_state_has_its_words() {
    let ok = "+OK";
    let full = "maxmemory:1048576\r\n";
    let follows = |state: &str| format!("role:slave\r\nmaster_host:cache\r\nmaster_port:6379\r\n{state}\r\n");
    let lines = [
        of(server("", ok).await).await,
        of(server("aof_enabled:1\r\nconnected_slaves:2\r\nmaxmemory:4194304\r\n", ok).await).await,
        of(server(full, ok).await).await,
        of(server(full, "-OOM command not allowed when used memory > 'maxmemory'.").await).await,
        of(server("rdb_last_bgsave_status:err\r\n", "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.").await).await,
        of(server("aof_enabled:1\r\naof_last_write_status:err\r\n", "-MISCONF Errors writing to the AOF file: No space left on device").await).await,
        of(server("aof_enabled:1\r\naof_last_bgrewrite_status:err\r\n", "-CLUSTERDOWN The cluster is down").await).await,
        of(server("", "-MOVED 866 10.0.0.2:6379").await).await,
        of(server("", "-NOREPLICAS Not enough good replicas to write.").await).await,
        of(server("", "-NOPERM this user has no permissions to run the 'set' command").await).await,
        of(server("", "-ERR hunter22 is what you said").await).await,
        of(server(&follows("master_link_status:up"), ok).await).await,
        of(server(&follows("master_link_status:down\r\nmaster_sync_in_progress:1"), ok).await).await,
        of(server(&follows("master_link_status:down\r\nmaster_sync_in_progress:0"), ok).await).await,
        of(server("redis_mode:sentinel\r\n", ok).await).await,
        of(replies(&[("AUTH", b"+OK\r\n"), ("INFO", b"-LOADING Redis is loading the dataset in memory\r\n")]).await).await,
        of(replies(&[("AUTH", b"+OK\r\n"), ("INFO", b"-NOPERM no permissions to run the 'info' command\r\n")]).await).await,
    ];
    insta::assert_snapshot!(lines.join("\n\n"), @r"
    writes ok: a key was written, read and removed; 1.0 MiB in memory
    persistence ok: snapshots can be written, 7 changes since the last
    replication ok: master, no replica

    writes ok: a key was written, read and removed; 1.0 MiB of 4.0 MiB in memory
    persistence ok: append-only file and snapshots can be written
    replication ok: master, 2 replicas

    writes warn: a key was written, read and removed, but memory is nearly full: 1.0 MiB of 1.0 MiB in memory -> raise maxmemory, or let it throw out old keys with --maxmemory-policy allkeys-lru
    persistence ok: snapshots can be written, 7 changes since the last
    replication ok: master, no replica

    writes fail: takes no writes: its memory is full (1.0 MiB of 1.0 MiB), and its policy (noeviction) throws nothing out -> raise maxmemory, or let it throw out old keys with --maxmemory-policy allkeys-lru
    persistence ok: snapshots can be written, 7 changes since the last
    replication ok: master, no replica

    writes fail: takes no writes: its last snapshot (RDB) couldn't be written -> is the disk full (docker system df), or its folder not writable for user redis? Its log says which
    persistence fail: its last snapshot (RDB) failed: takes no writes until one works, by default -> is the disk full (docker system df), or its folder not writable for user redis? Its log says which
    replication ok: master, no replica

    writes fail: takes no writes: it can't write its append-only file (AOF): No space left on device -> is the disk full (docker system df), or its folder not writable for user redis? Its log says which
    persistence fail: can't write its append-only file (AOF): takes no writes -> is the disk full (docker system df), or its folder not writable for user redis? Its log says which
    replication ok: master, no replica

    writes fail: takes no writes: CLUSTERDOWN The cluster is down -> redis-cli --cluster check says which slots nobody serves
    persistence warn: the last rewrite of its append-only file failed: it grows without end -> is the disk full (docker system df), or its folder not writable for user redis? Its log says which
    replication ok: master, no replica

    writes ok: a node of a cluster, which is up
    persistence ok: snapshots can be written, 7 changes since the last
    replication ok: master, no replica

    writes fail: takes no writes: fewer replicas than min-replicas-to-write
    persistence ok: snapshots can be written, 7 changes since the last
    replication ok: master, no replica

    writes not asked: the stack's user may not use SET
    persistence ok: snapshots can be written, 7 changes since the last
    replication ok: master, no replica

    writes fail: answers with an error: ERR ••• is what you said
    persistence ok: snapshots can be written, 7 changes since the last
    replication ok: master, no replica

    writes ok: a replica: answers, and takes no writes, as it should
    persistence ok: snapshots can be written, 7 changes since the last
    replication ok: replica of cache:6379

    writes ok: a replica: answers, and takes no writes, as it should
    persistence ok: snapshots can be written, 7 changes since the last
    replication warn: still takes over everything from its master cache:6379 -> wait, and ask again

    writes ok: a replica: answers, and takes no writes, as it should
    persistence ok: snapshots can be written, 7 changes since the last
    replication fail: a replica without its master: cache:6379 can't be reached, what it answers grows old -> does the master run under that name, and does --masterauth fit its password?

    writes not asked: a sentinel keeps no keys
    persistence ok: snapshots can be written, 7 changes since the last
    replication not asked: a sentinel keeps no keys

    writes fail: is loading its data into memory
    persistence fail: is loading its data into memory
    replication fail: is loading its data into memory

    writes not asked: the stack's user may not use INFO
    persistence not asked: the stack's user may not use INFO
    replication not asked: the stack's user may not use INFO
    ");
}

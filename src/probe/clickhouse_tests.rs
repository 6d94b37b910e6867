use std::net::SocketAddr;

use crate::probe::testing::{deep_of, environment, nobody, site, system};

async fn of(address: SocketAddr) -> String {
    let login =
        [("CLICKHOUSE_USER", "app"), ("CLICKHOUSE_PASSWORD", "hunter22"), ("CLICKHOUSE_DB", "signoz traces")];
    deep_of(environment(system("clickhouse", 8123), &login), 8123, address).await
}

const QUERY: &str = "currentDatabase";
const DISKS: &str = "system.disks";
const REPLICAS: &str = "system.replicas";

async fn but(pages: &[(&str, u16, &str)]) -> String {
    let well = [
        (QUERY, 200, "signoz traces\t24.1.2.5\t0\n"),
        (
            DISKS,
            200,
            "default\t50000000000\t100000000000\t50\nbucket\t18446744073709551615\t18446744073709551615\t1\n",
        ),
        (REPLICAS, 200, ""),
    ];
    of(site(&[pages, &well].concat()).await).await
}

#[tokio::test]
async fn every_state_has_its_words() {
    let all = |status, said| [(QUERY, status, said), (DISKS, status, said), (REPLICAS, status, said)];
    let lines = [
        but(&[]).await,
        but(&[(REPLICAS, 200, "shop.orders\t0\nshop.lines\t1\n"), (QUERY, 200, "x\t24.1.2.5\t1\n")]).await,
        but(&[(REPLICAS, 200, "shop.orders\t0\n"), (DISKS, 200, "default\t1\t100\t1\ncold\t90\t100\t90\n")]).await,
        but(&all(401, "Code: 192, e.displayText() = DB::Exception: Unknown user app, e.what() = DB::Exception")).await,
        but(&all(403, "Code: 516. DB::Exception: app: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED) (version 24.1.2.5 (official build))")).await,
        but(&[(QUERY, 404, "Code: 81. DB::Exception: Database signoz does not exist. (UNKNOWN_DATABASE)")]).await,
        but(&[(DISKS, 404, "Code: 60, e.displayText() = DB::Exception: Table system.disks doesn't exist., e.what() = DB::Exception")]).await,
        but(&all(500, "Code: 202. DB::Exception: Too many simultaneous queries. Maximum: 100. (TOO_MANY_SIMULTANEOUS_QUERIES)")).await,
        but(&[(QUERY, 500, "Code: 241. DB::Exception: Memory limit (total) exceeded: hunter22. (MEMORY_LIMIT_EXCEEDED)")]).await,
        but(&[(QUERY, 502, "<html>Bad Gateway")]).await,
        of(nobody().await).await,
    ];
    insta::assert_snapshot!(lines.join("\n\n"), @r"
    query ok: SELECT in signoz traces as app, version 24.1.2.5
    disks ok: default 50 % free
    replicated tables ok: none

    query warn: user app may only read x (readonly = 1) -> give the user a profile without <readonly>, in users.d
    disks ok: default 50 % free
    replicated tables fail: takes no writes to shop.lines: read only -> has it lost ZooKeeper (or ClickHouse Keeper)? SYSTEM RESTART REPLICA brings a table back

    query ok: SELECT in signoz traces as app, version 24.1.2.5
    disks warn: little room is left: default 1 % free -> free disk space (docker system df): without any, every INSERT fails
    replicated tables ok: 1, writable

    query lasting: refuses the login of user app -> CLICKHOUSE_USER and _PASSWORD are read at each start: recreate the container after a change
    disks not asked: the stack's user may not see system.disks
    replicated tables not asked: the stack's user may not see system.replicas

    query lasting: refuses the login of user app -> CLICKHOUSE_USER and _PASSWORD are read at each start: recreate the container after a change
    disks not asked: the stack's user may not see system.disks
    replicated tables not asked: the stack's user may not see system.replicas

    query lasting: has no database signoz traces -> CLICKHOUSE_DB is made at the first start only; with a volume from before: CREATE DATABASE signoz traces
    disks ok: default 50 % free
    replicated tables ok: none

    query ok: SELECT in signoz traces as app, version 24.1.2.5
    disks not asked: this version has no system.disks
    replicated tables ok: none

    query fail: takes no more queries: too many at once -> raise max_concurrent_queries, or look at SHOW PROCESSLIST
    disks not asked: system.disks can't be read: Too many simultaneous queries. Maximum: 100
    replicated tables not asked: system.replicas can't be read: Too many simultaneous queries. Maximum: 100

    query fail: lacks memory for a query: Memory limit (total) exceeded: ••• -> give the container more memory, or raise max_server_memory_usage
    disks ok: default 50 % free
    replicated tables ok: none

    query fail: a query is answered with 502: <html>Bad Gateway
    disks ok: default 50 % free
    replicated tables ok: none

    query fail: 127.0.0.1:PORT refuses connections (container port 8123)
    disks fail: 127.0.0.1:PORT refuses connections (container port 8123)
    replicated tables fail: 127.0.0.1:PORT refuses connections (container port 8123)
    ");
}

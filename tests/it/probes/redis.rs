//! Redis at work.

use super::deep::{all_well, comes_to, deep, goes_away};
use super::engine::Container;
use super::{service, until_ready};

const OPTIONS: [&str; 2] = ["-p", "127.0.0.1::6379"];

#[tokio::test]
async fn from_well_to_gone() {
    let container = Container::start("redis-deep", "redis:7.0", &OPTIONS, &[]);
    let redis = service("redis", &[6379], &[]);
    until_ready(&redis, &container).await;
    let well = all_well(&redis, &container).await;
    assert!(well.starts_with("writes Ok: a key was written, read and removed; "), "{well}");
    assert!(well.ends_with("replication Ok: master, no replica\n"), "{well}");
    assert_eq!(container.run(&["redis-cli", "dbsize"]), "0", "nothing is left");

    container.run(&["redis-cli", "config", "set", "maxmemory", "100kb"]);
    let full = deep(&redis, &container).await;
    assert!(full.contains("writes Fail: takes no writes: its memory is full ("), "{full}");
    assert!(full.contains(" of 100 KiB), and its policy (noeviction) throws nothing out"), "{full}");
    container.run(&["redis-cli", "config", "set", "maxmemory", "0"]);
    all_well(&redis, &container).await;

    // A master that nobody is.
    container.run(&["redis-cli", "replicaof", "127.0.0.1", "1"]);
    let alone = deep(&redis, &container).await;
    assert!(alone.contains("writes Ok: a replica: answers, and takes no writes, as it should"), "{alone}");
    assert!(
        alone.contains("replication Fail: a replica without its master: 127.0.0.1:1 can't be reached"),
        "{alone}"
    );
    container.run(&["redis-cli", "replicaof", "no", "one"]);
    all_well(&redis, &container).await;

    container.run(&[
        "sh",
        "-c",
        "chown root /data && chmod 555 /data && redis-cli set a b && redis-cli bgsave",
    ]);
    comes_to(&redis, &container, "ping Fail: takes no writes: its last snapshot (RDB) couldn't be written")
        .await;
    // Told to take writes all the same, it answers a PING again.
    container.run(&["redis-cli", "config", "set", "stop-writes-on-bgsave-error", "no"]);
    comes_to(&redis, &container, "persistence Fail: its last snapshot (RDB) failed").await;
    container.run(&["sh", "-c", "chown redis /data && chmod 755 /data && redis-cli bgsave"]);
    comes_to(&redis, &container, "persistence Ok").await;

    goes_away(&redis, &container).await;
}

#[tokio::test]
async fn with_a_full_disk() {
    let container = Container::start(
        "redis-disk",
        "redis:7.0",
        &[&OPTIONS[..], &["--tmpfs", "/data:size=1m,mode=777"]].concat(),
        &["redis-server", "--appendonly", "yes", "--save", ""],
    );
    let redis = service("redis", &[6379], &[]);
    until_ready(&redis, &container).await;
    all_well(&redis, &container).await;
    container.run(&["sh", "-c", "head -c 3000000 /dev/zero | redis-cli -x set big"]);
    let wanted =
        "ping Fail: takes no writes: it can't write its append-only file (AOF): No space left on device";
    comes_to(&redis, &container, wanted).await;
}

#[tokio::test]
async fn a_master_and_its_replica() {
    let master = Container::start("redis-master", "redis:7.0", &OPTIONS, &[]);
    let redis = service("redis", &[6379], &[]);
    until_ready(&redis, &master).await;
    let address =
        super::engine::docker(&["inspect", "--format", "{{.NetworkSettings.IPAddress}}", &master.name]);
    let follower = ["redis-server", "--replicaof", &address, "6379"];
    let replica = Container::start("redis-replica", "redis:7.0", &OPTIONS, &follower);
    until_ready(&redis, &replica).await;
    // Until it has found its master it says that it can't reach it, which on a busy machine takes a while.
    comes_to(&redis, &replica, &format!("replication Ok: replica of {address}:6379")).await;
    comes_to(&redis, &master, "replication Ok: master, 1 replica").await;
}

use std::net::SocketAddr;

use crate::probe::testing::{deep_of, environment, replies, serve, system};
use crate::stack::Service;

fn database() -> Service {
    environment(system("postgres", 5432), &[("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", "hunter22")])
}

async fn of(address: SocketAddr) -> String {
    deep_of(database(), 5432, address).await
}

/// A message of the server: a type, a size, a body.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend((body.len() as u32 + 4).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// A login without a password: ok, the server's version, ready.
fn trusting() -> Vec<u8> {
    [message(b'R', &0_u32.to_be_bytes()), message(b'S', b"server_version\x0015.20\0"), message(b'Z', b"I")]
        .concat()
}

/// What a statement with one row answers.
fn row(values: &[&str]) -> Vec<u8> {
    let count = (values.len() as u16).to_be_bytes();
    let mut description = count.to_vec();
    let mut data = count.to_vec();
    for value in values {
        description.extend(b"c\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0");
        data.extend((value.len() as u32).to_be_bytes());
        data.extend(value.as_bytes());
    }
    [message(b'T', &description), message(b'D', &data), message(b'C', b"SELECT 1\0")].concat()
}

fn done(mut rows: Vec<u8>) -> Vec<u8> {
    rows.extend(message(b'Z', b"I"));
    rows
}

fn error(code: &str, text: &str) -> Vec<u8> {
    done(message(b'E', format!("SERROR\0VERROR\0C{code}\0M{text}\0\0").as_bytes()))
}

/// A server in a state, whose writing and counting come to these.
async fn server(state: &[&str], written: Vec<u8>, counted: Vec<u8>) -> SocketAddr {
    replies(&[
        ("user\0", &trusting()),
        ("pg_is_in_recovery", &done(row(state))),
        ("BEGIN", &written),
        ("max_connections", &counted),
    ])
    .await
}

fn well() -> Vec<u8> {
    let rows = [
        message(b'C', b"BEGIN\0"),
        message(b'C', b"SELECT 32\0"),
        row(&["32"]),
        message(b'C', b"ROLLBACK\0"),
    ];
    done(rows.concat())
}

fn counts(used: &str, most: &[&str]) -> Vec<u8> {
    done([row(&[used, "100", "3"]), row(most)].concat())
}

#[tokio::test]
async fn every_state_has_its_words() {
    let few = || counts("4", &["2", "app", "shop"]);
    let many = |used| counts(used, &["80", "app", "shop"]);
    let lines = [
        of(server(&["f", "off"], well(), few()).await).await,
        of(server(&["t", "off"], well(), many("88")).await).await,
        of(server(&["f", "on"], well(), many("97")).await).await,
        of(server(
            &["f", "off"],
            error("53100", "could not extend file \"base/5/t3_1\": No space left on device"),
            error("57P01", "terminating connection due to administrator command"),
        )
        .await)
        .await,
        of(server(
            &["f", "off"],
            error("25006", "cannot execute CREATE TABLE AS in a read-only transaction"),
            few(),
        )
        .await)
        .await,
        of(server(
            &["f", "off"],
            error("42501", "permission denied to create temporary tables in database \"shop\""),
            few(),
        )
        .await)
        .await,
        of(server(
            &["f", "off"],
            error("53200", "out of shared memory"),
            error("XX000", "hunter22 went wrong"),
        )
        .await)
        .await,
        // One that lets people in and then says nothing.
        of(replies(&[("user\0", &trusting())]).await).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    writes ok: answers queries, takes writes (rolled back)
    connections ok: 4 of 97 connections in use
    writes warn: in recovery: answers queries, but takes no writes -> a standby's files were left in its volume? SELECT pg_promote() makes it a primary
    connections warn: 88 of 97 connections in use, most (80) by user app in shop -> look for clients that don't close theirs, give each a smaller pool, or raise max_connections
    writes warn: answers queries, but default_transaction_read_only is on: services can't write -> ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf() (or ALTER DATABASE, ALTER ROLE … RESET, where it was set there)
    connections warn: 97 of 97 connections in use, most (80) by user app in shop; the rest is for superusers -> look for clients that don't close theirs, give each a smaller pool, or raise max_connections
    writes fail: can't write, its disk is full: could not extend file "base/5/t3_1": No space left on device -> docker system df shows what takes the room
    connections fail: refuses a query: terminating connection due to administrator command (57P01)
    writes fail: takes no writes: cannot execute CREATE TABLE AS in a read-only transaction -> is it a standby, or set to read only?
    connections ok: 4 of 97 connections in use
    writes not asked: the stack's user may not make temporary tables: permission denied to create temporary tables in database "shop"
    connections ok: 4 of 97 connections in use
    writes fail: lacks resources: out of shared memory -> raise the container's memory or shm_size
    connections fail: refuses a query: ••• went wrong (XX000)
    writes fail: lets us in, but a query has no answer within 0.7 s -> is it overloaded, or does a lock hold everything up? SELECT * FROM pg_stat_activity
    connections fail: lets us in, but a query has no answer within 0.7 s -> is it overloaded, or does a lock hold everything up? SELECT * FROM pg_stat_activity
    "#);
}

#[tokio::test]
async fn a_standby_that_the_stack_wants_is_well() {
    let standby = environment(database(), &[("POSTGRESQL_REPLICATION_MODE", "slave")]);
    let address = server(&["t", "on"], well(), counts("4", &["2", "app", "shop"])).await;
    insta::assert_snapshot!(deep_of(standby, 5432, address).await, @r"
    writes ok: a standby, as the stack says: answers queries, takes no writes
    connections ok: 4 of 97 connections in use
    ");
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle() {
    let address = serve(|mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer).await;
        let _ = stream.write_all(&trusting()).await;
        let _ = stream.read(&mut buffer).await;
    })
    .await;
    insta::assert_snapshot!(of(address).await, @r"
    writes fail: hangs up in the middle of a query
    connections fail: hangs up in the middle of a query
    ");
}

//! PostgreSQL at work.

use vv::stack::Service;

use super::deep::{all_well, comes_to, deep, goes_away};
use super::engine::{Container, docker};
use super::{refusal, service, until_ready};

const LOGIN: [(&str, &str); 3] =
    [("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", "hunter22"), ("POSTGRES_DB", "shop")];

fn start(test: &str, options: &[&str], command: &[&str]) -> (Service, Container) {
    let login = LOGIN.map(|(name, value)| format!("{name}={value}"));
    let mut all = vec!["-e", &login[0], "-e", &login[1], "-e", &login[2], "-p", "127.0.0.1::5432"];
    all.extend(options);
    (service("postgres", &[5432], &LOGIN), Container::start(test, "postgres:15", &all, command))
}

fn sql(container: &Container, statements: &[&str]) {
    let mut words = vec!["exec", &container.name, "psql", "-U", "app", "-d", "shop", "-q"];
    statements.iter().for_each(|statement| words.extend(["-c", statement]));
    docker(&words);
}

#[tokio::test]
async fn from_well_to_gone() {
    let (postgres, container) = start("postgres-deep", &[], &[]);
    until_ready(&postgres, &container).await;
    let well = all_well(&postgres, &container).await;
    assert_eq!(
        well,
        "writes Ok: answers queries, takes writes (rolled back)\nconnections Ok: 0 of 97 connections in use\n"
    );

    sql(&container, &["ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"]);
    let locked = comes_to(&postgres, &container, "writes Warn").await;
    assert!(locked.contains("default_transaction_read_only is on: services can't write"), "{locked}");
    sql(
        &container,
        &["SET transaction_read_only = off", "ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()"],
    );
    comes_to(&postgres, &container, "writes Ok").await;

    container.run(&["sh", "-c", "touch $PGDATA/standby.signal && chown postgres $PGDATA/standby.signal"]);
    docker(&["restart", "-t", "20", &container.name]);
    until_ready(&postgres, &container).await;
    comes_to(&postgres, &container, "writes Warn: in recovery: answers queries, but takes no writes").await;
    sql(&container, &["SELECT pg_promote()"]);
    comes_to(&postgres, &container, "writes Ok").await;

    goes_away(&postgres, &container).await;
}

#[tokio::test]
async fn with_every_connection_taken() {
    let (postgres, container) = start("postgres-full", &[], &["postgres", "-c", "max_connections=10"]);
    until_ready(&postgres, &container).await;
    sql(&container, &["CREATE ROLE worker LOGIN PASSWORD 'hunter22'"]);
    for _ in 0..7 {
        let sleep = ["psql", "-U", "app", "-d", "shop", "-c", "SELECT pg_sleep(300)"];
        docker(&[&["exec", "-d", &container.name], &sleep[..]].concat());
    }
    let full = comes_to(&postgres, &container, "connections Warn: 7 of 7").await;
    assert!(full.contains("most (7) by user app in shop; the rest is for superusers"), "{full}");
    let mut worker = postgres.clone();
    worker.environment.insert("POSTGRES_USER".into(), Some("worker".into()));
    let failure = refusal(&worker, &container).await;
    assert!(failure.detail.starts_with("takes no more connections: "), "{failure}");
    assert!(!failure.lasting, "it may pass");
}

#[tokio::test]
async fn with_a_full_disk() {
    let data = ["--tmpfs", "/var/lib/postgresql/data:size=160m"];
    let (postgres, container) = start("postgres-disk", &data, &[]);
    until_ready(&postgres, &container).await;
    all_well(&postgres, &container).await;
    container.run(&[
        "sh",
        "-c",
        "dd if=/dev/zero of=/var/lib/postgresql/data/rubbish bs=64k 2>/dev/null || true",
    ]);
    let full = deep(&postgres, &container).await;
    assert!(full.contains("writes Fail: can't write, its disk is full: could not extend file"), "{full}");
    container.run(&["rm", "/var/lib/postgresql/data/rubbish"]);
    all_well(&postgres, &container).await;
}

//! Kafka and ZooKeeper to their deep level, in the states that a platform brings them into.

mod kraft;
mod zookeeper;

use std::process::Command;
use std::time::Duration;

use vv::probe::{Check, Level, check_service};
use vv::stack::Service;

use super::engine::{Cli, Container, docker, free_port};
use super::{service, stack_of, until_ready};

/// How long a check may take here; the machine builds something else meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);

/// A network that is gone when the test ends, after the containers in it.
struct Network(String);

impl Network {
    fn new(test: &str) -> Self {
        let run = std::env::var("VV_TEST_RUN").unwrap_or_else(|_| format!("vvt{}", std::process::id()));
        let name = format!("{run}-probe-{test}");
        docker(&["network", "create", &name]);
        Self(name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["network", "rm", &self.0]).output();
    }
}

/// A broker's listener for the host and what else it is to be told.
fn kraft(port: u16, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let advertised = format!("HOST://localhost:{port},INSIDE://localhost:29092");
    let mut all = vec![
        ("KAFKA_NODE_ID", "1"),
        ("KAFKA_PROCESS_ROLES", "broker,controller"),
        ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093"),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
        ("KAFKA_INTER_BROKER_LISTENER_NAME", "INSIDE"),
        ("KAFKA_LISTENERS", "HOST://:19092,INSIDE://:29092,CONTROLLER://:9093"),
        ("KAFKA_ADVERTISED_LISTENERS", &advertised),
        ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "HOST:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1"),
        ("KAFKA_HEAP_OPTS", "-Xmx256m"),
    ];
    for (name, value) in more {
        all.retain(|(other, _)| other != name);
        all.push((name, value));
    }
    all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Starts a broker of this image with this environment.
fn start(
    test: &str,
    image: &str,
    port: u16,
    environment: &[(String, String)],
    options: &[&str],
) -> Container {
    let mut words: Vec<String> = options.iter().map(|word| (*word).to_owned()).collect();
    words.extend(["-p".into(), format!("127.0.0.1:{port}:19092")]);
    for (name, value) in environment {
        words.extend(["-e".into(), format!("{name}={value}")]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Container::start(test, image, &words, &[])
}

fn declared(environment: &[(String, String)]) -> Service {
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    service("kafka", &[19092], &environment)
}

async fn checked_within(service: &Service, container: &Container, patience: Duration) -> Vec<Check> {
    let platform = Cli::of(&service.name, container);
    check_service(&stack_of(service), service, &platform, Level::Deep, patience).await
}

/// The deep checks, a line each.
async fn deep(service: &Service, container: &Container) -> String {
    lines(&checked_within(service, container, PATIENCE).await, Level::Deep)
}

fn lines(checks: &[Check], from: Level) -> String {
    let line = |check: &Check| {
        let hint = check.hint.as_ref().map(|hint| format!(" -> {hint}")).unwrap_or_default();
        format!("{} {:?}: {}{hint}", check.name, check.outcome, check.detail)
    };
    let all: Vec<String> = checks.iter().filter(|check| check.level >= from).map(line).collect();
    without_ports(&all.join("\n"))
}

/// Ports of this run blotted out.
fn without_ports(text: &str) -> String {
    let address = regex::Regex::new(r"(127\.0\.0\.1|localhost):\d{4,5}").unwrap();
    address.replace_all(text, "$1:PORT").into_owned()
}

/// A topic that lives on this broker.
fn create_topic(container: &Container, words: &[&str]) {
    let listener =
        ["exec", &container.name, "kafka-topics.sh", "--bootstrap-server", "localhost:29092", "--create"];
    docker(&[&listener[..], words].concat());
}

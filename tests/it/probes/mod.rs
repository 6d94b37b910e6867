//! The probes against the real systems, each alone in a container: ready, refused, hanging, gone.
//!
//! The images are those that `make parts` builds; without them these tests fail.

mod clickhouse;
mod deep;
mod deep_web;
mod elasticsearch;
pub mod engine;
mod envoy;
mod kafka;
mod kafka_deep;
mod levels;
mod logins;
mod postgres;
mod rabbitmq;
mod redis;
mod web;

use std::time::{Duration, Instant};

use engine::{Cli, Container};
use vv::probe::{Answer, ProbeFailure, protocol};
use vv::stack::model::{Origin, Port, Protocol};
use vv::stack::vv::StackVv;
use vv::stack::{Service, Stack};

/// How long a question may take here; machines that build something else meanwhile are slow.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a system may take until it is ready.
pub const START: Duration = Duration::from_secs(90);

/// A service of this kind with this environment, whose container ports are these.
pub fn service(kind: &str, ports: &[u16], environment: &[(&str, &str)]) -> Service {
    let port =
        |target: &u16| Port { target: *target, published: None, host_ip: None, protocol: Protocol::Tcp };
    let mut service =
        Service { name: kind.to_owned(), image: kind.to_owned(), replicas: 1, ..Service::default() };
    service.ports = ports.iter().map(port).collect();
    service.environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect();
    service.vv.kind = Some(kind.to_owned());
    service
}

pub fn stack_of(service: &Service) -> Stack {
    Stack {
        name: "probes".into(),
        origin: Origin::default(),
        services: [(service.name.clone(), service.clone())].into_iter().collect(),
        inactive: Default::default(),
        networks: Default::default(),
        volumes: Default::default(),
        vv: StackVv::default(),
        warnings: Vec::new(),
    }
}

/// Asks once.
async fn ask(service: &Service, container: &Container, patience: Duration) -> Result<Answer, ProbeFailure> {
    let platform = Cli::of(&service.name, container);
    protocol(&stack_of(service), service, &platform, &platform.status(&service.name), patience).await
}

/// Asks until the system is ready; what it was seen as, and the failures on the way, each once.
async fn until_ready(service: &Service, container: &Container) -> (String, Vec<ProbeFailure>) {
    let started = Instant::now();
    let mut failures: Vec<ProbeFailure> = Vec::new();
    loop {
        match ask(service, container, PATIENCE).await {
            Ok(Answer::Seen(seen)) => return (seen, failures),
            Ok(other) => panic!("{other:?}\n{}", container.logs()),
            Err(failure) if started.elapsed() > START => panic!("{failure}\n{}", container.logs()),
            Err(failure) => {
                if failures.last().is_none_or(|last| *last != failure) {
                    failures.push(failure);
                }
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        }
    }
}

/// Asks a system that must refuse.
async fn refusal(service: &Service, container: &Container) -> ProbeFailure {
    match ask(service, container, PATIENCE).await {
        Err(failure) => failure,
        Ok(answer) => panic!("{answer:?}"),
    }
}

/// Asks a system that hangs: the probe must give up in its time, and say that it hangs.
async fn hangs(service: &Service, container: &Container) {
    let patience = Duration::from_millis(700);
    // A signal reaches the threads of a busy machine one after the other.
    let mut tries = 0;
    let (failure, took) = loop {
        let started = Instant::now();
        match ask(service, container, patience).await {
            Err(failure) => break (failure, started.elapsed()),
            Ok(answer) if tries == 20 => panic!("{answer:?}, of a frozen system"),
            Ok(_) => tokio::time::sleep(patience / 10).await,
        }
        tries += 1;
    };
    assert!(failure.detail.ends_with("accepts but says nothing within 0.7 s"), "{failure}");
    assert!(!failure.lasting, "it may go on");
    // Beside the probe's own time, the test's platform starts docker twice.
    assert!(took < patience + Duration::from_secs(4), "{took:?}");
}

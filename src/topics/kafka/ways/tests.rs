use async_trait::async_trait;

use super::*;
use crate::platform::{Endpoint, ExecResult, PlatformError, ReplicaStatus};
use crate::stack::model::Origin;
use crate::stack::vv::StackVv;

/// Two replicas of `kafka`, and a proxy; port 9092 is published for the first, 29092 for nobody, 1 is out of reach.
struct Fake;

fn replica(service: &str, number: u32) -> Replica {
    Replica { service: service.into(), number }
}

#[async_trait]
impl Platform for Fake {
    async fn replicas(&self, service: &str) -> Result<Vec<ReplicaStatus>, PlatformError> {
        let status = |number, state| ReplicaStatus {
            replica: replica(service, number),
            state,
            health: None,
            restarts: 0,
            name: format!("shop-{service}-{number}"),
            stub: false,
            up_for: None,
            last_end: crate::platform::LastEnd::default(),
            start_error: None,
        };
        let dead = ReplicaState::Exited { code: 1, oom: false };
        Ok(match service {
            "kafka" => {
                vec![status(1, dead), status(2, ReplicaState::Running), status(3, ReplicaState::Running)]
            }
            _ => vec![status(1, ReplicaState::Running)],
        })
    }

    async fn reach(&self, replica: &Replica, port: u16) -> Result<Endpoint, PlatformError> {
        match port {
            9092 => Ok(Endpoint {
                address: ([127, 0, 0, 1], 40_000 + replica.number as u16).into(),
                published: true,
            }),
            29092 => {
                Ok(Endpoint { address: ([10, 9, 0, replica.number as u8], port).into(), published: false })
            }
            _ => Err(PlatformError::NotReachable("it isn't published".into())),
        }
    }

    async fn names(&self, replica: &Replica) -> Vec<String> {
        vec![format!("10.9.0.{}", replica.number), format!("{:012x}", replica.number)]
    }

    async fn exec(&self, _: &Replica, _: &[String], _: Duration) -> Result<ExecResult, PlatformError> {
        Err(PlatformError::Other("not asked".into()))
    }

    async fn last_logs(&self, _: &Replica, _: usize) -> Result<Vec<String>, PlatformError> {
        Ok(Vec::new())
    }
}

fn stack() -> Stack {
    let service = |name: &str, kind: &str, hostname: Option<&str>| {
        let mut service =
            Service { name: name.into(), hostname: hostname.map(str::to_owned), ..Service::default() };
        service.vv.kind = Some(kind.into());
        (name.to_owned(), service)
    };
    Stack {
        name: "shop".into(),
        origin: Origin::default(),
        services: [service("kafka", "kafka", Some("queue")), service("proxy", "envoy", None)]
            .into_iter()
            .collect(),
        inactive: Default::default(),
        networks: Default::default(),
        volumes: Default::default(),
        vv: StackVv::default(),
        warnings: Vec::new(),
    }
}

async fn lookups(ways: Ways, only: Option<Server>, asked: &[(&str, u16)]) -> (Vec<String>, Option<String>) {
    let ways = Arc::new(ways);
    let resolver = resolver(Arc::clone(&ways), only);
    let asked: Vec<(String, u16)> = asked.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect();
    let found = tokio::task::spawn_blocking(move || {
        let line = |(host, port): &(String, u16)| match resolver(host, *port) {
            Lookup::At(address) => format!("{host}:{port} at {address}"),
            other => format!("{host}:{port} {other:?}"),
        };
        asked.iter().map(line).collect()
    });
    (found.await.unwrap(), ways.blocked())
}

#[tokio::test]
async fn names_of_the_stack_lead_to_its_replicas() {
    let known = BTreeMap::from([(
        Server { host: "localhost".into(), port: 40_002 },
        ([127, 0, 0, 1], 40_002).into(),
    )]);
    let ways = Ways::of_stack(&stack(), Arc::new(Fake), known);
    let asked = [
        ("localhost", 40_002),
        ("kafka", 9092),
        ("KAFKA", 29092),
        ("queue", 9092),
        ("shop-kafka-3", 9092),
        ("shop-kafka-1", 9092),
        ("10.9.0.3", 29092),
        ("000000000003", 9092),
        ("proxy", 9092),
        ("shop-proxy-1", 9092),
        ("kafka", 1),
        ("example.com", 9092),
        ("localhost", 9092),
        ("127.0.0.1", 9092),
    ];
    let (found, blocked) = lookups(ways, None, &asked).await;
    insta::assert_snapshot!(found.join("\n"), @r"
    localhost:40002 at 127.0.0.1:40002
    kafka:9092 at 127.0.0.1:40002
    KAFKA:29092 System
    queue:9092 at 127.0.0.1:40002
    shop-kafka-3:9092 at 127.0.0.1:40003
    shop-kafka-1:9092 System
    10.9.0.3:29092 at 10.9.0.3:29092
    000000000003:9092 at 127.0.0.1:40003
    proxy:9092 at 127.0.0.1:40001
    shop-proxy-1:9092 System
    kafka:1 Nowhere
    example.com:9092 System
    localhost:9092 System
    127.0.0.1:9092 System
    ");
    assert_eq!(blocked.as_deref(), Some("kafka:1: it isn't published"));
}

#[tokio::test]
async fn what_the_user_names_is_this_machines_first() {
    let ways = Ways::beside_stack(&stack(), Arc::new(Fake));
    let (found, _) = lookups(ways, None, &[("10.9.0.3", 29092), ("localhost", 9092), ("queue", 29092)]).await;
    assert_eq!(found, ["10.9.0.3:29092 System", "localhost:9092 System", "queue:29092 at 10.9.0.2:29092"]);
    let (found, _) = lookups(Ways::default(), None, &[("kafka", 9092)]).await;
    assert_eq!(found, ["kafka:9092 System"]);
}

#[tokio::test]
async fn a_client_that_is_kept_to_one_broker() {
    let only = Server { host: "kafka".into(), port: 9092 };
    let ways = Ways::of_stack(&stack(), Arc::new(Fake), BTreeMap::new());
    let (found, _) =
        lookups(ways, Some(only), &[("kafka", 9092), ("kafka", 29092), ("shop-kafka-3", 9092)]).await;
    assert_eq!(found, ["kafka:9092 at 127.0.0.1:40002", "kafka:29092 Nowhere", "shop-kafka-3:9092 Nowhere"]);
}

//! Kafka, with a listener for each way in which advertising can go right or wrong.

use std::time::Duration;

use vv::stack::Service;
use vv::stack::vv::Url;

use super::engine::{Container, free_port};
use super::{hangs, refusal, service, until_ready};

/// The service as it would declare to be asked on this container port.
fn on(port: u16, environment: &[(&str, &str)]) -> Service {
    let mut kafka = service("kafka", &[], environment);
    kafka.vv.urls = vec![Url {
        name: "Kafka".into(),
        port,
        path: String::new(),
        scheme: "kafka".into(),
        login: None,
        page: true,
    }];
    kafka
}

#[tokio::test]
async fn kafka() {
    let (good, trap, wrong) = (free_port(), free_port(), free_port());
    let nobody = free_port();
    let advertised = format!(
        "INSIDE://kafka:9092,OUTSIDE://localhost:{good},TRAP://kafka:29092,WRONG://localhost:{nobody},LOOP://localhost:49092"
    );
    let environment = [
        ("KAFKA_NODE_ID", "1"),
        ("KAFKA_PROCESS_ROLES", "broker,controller"),
        ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093"),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
        ("KAFKA_INTER_BROKER_LISTENER_NAME", "LOOP"),
        (
            "KAFKA_LISTENERS",
            "INSIDE://:9092,OUTSIDE://:19092,TRAP://:29092,WRONG://:39092,LOOP://:49092,CONTROLLER://:9093",
        ),
        ("KAFKA_ADVERTISED_LISTENERS", advertised.as_str()),
        (
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
            "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,TRAP:PLAINTEXT,WRONG:PLAINTEXT,LOOP:PLAINTEXT,CONTROLLER:PLAINTEXT",
        ),
        ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1"),
        ("KAFKA_HEAP_OPTS", "-Xmx256m"),
    ];
    let mut options: Vec<String> = Vec::new();
    for (name, value) in environment {
        options.extend(["-e".to_owned(), format!("{name}={value}")]);
    }
    for (outer, inner) in [(good, 19092), (trap, 29092), (wrong, 39092)] {
        options.extend(["-p".to_owned(), format!("127.0.0.1:{outer}:{inner}")]);
    }
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let container = Container::start("kafka", "kafka:4.3.1", &options, &[]);

    let (seen, failures) = until_ready(&on(19092, &environment), &container).await;
    assert_eq!(seen, format!("1 broker, advertised as localhost:{good}"));
    assert!(failures.iter().all(|failure| !failure.lasting), "{failures:?}");

    // Without a url, the published listener that is for clients is found by itself.
    let by_itself = service("kafka", &[19092], &environment);
    assert_eq!(until_ready(&by_itself, &container).await.0, seen);

    // Asked at the container's own address, a name of the stack stands for its replica.
    let inside = until_ready(&on(9092, &environment), &container).await.0;
    assert_eq!(inside, "1 broker, advertised as kafka:9092");

    let failure = refusal(&on(29092, &environment), &container).await;
    assert!(failure.lasting, "{failure}");
    assert_eq!(
        failure.detail,
        format!(
            "advertised listener unreachable: the bootstrap at 127.0.0.1:{trap} answers and sends clients on to \
             kafka:29092 (broker 1): the name kafka doesn't resolve from here"
        )
    );
    let hint = failure.hint.unwrap();
    assert!(
        hint.contains(&format!("advertise the listener on container port 29092 as localhost:{trap}")),
        "{hint}"
    );

    let failure = refusal(&on(39092, &environment), &container).await;
    assert!(failure.detail.contains(&format!("sends clients on to localhost:{nobody}")), "{failure}");
    assert!(failure.detail.contains("refuses connections"), "{failure}");

    let failure = refusal(&on(49092, &environment), &container).await;
    assert!(failure.detail.ends_with("for every other container that is itself"), "{failure}");
    assert!(failure.hint.unwrap().contains("kafka:49092"));

    // A controller isn't a broker.
    let mut controller = on(9093, &environment);
    controller.environment.clear();
    let failure = refusal(&controller, &container).await;
    assert!(!failure.detail.contains("advertised"), "{failure}");

    container.freeze();
    hangs(&on(19092, &environment), &container).await;
}

#[tokio::test]
async fn zookeeper() {
    let container = Container::start(
        "zookeeper",
        "kafka-zk:3.5.2",
        &["-e", "ZOOKEEPER_CLIENT_PORT=2181", "-p", "127.0.0.1::2181"],
        &[],
    );
    let zookeeper = service("zookeeper", &[2181], &[("ZOOKEEPER_CLIENT_PORT", "2181")]);
    let (seen, _) = until_ready(&zookeeper, &container).await;
    assert_eq!(seen, "standalone, version 3.6.4");
    tokio::time::sleep(Duration::from_millis(1)).await;
    container.freeze();
    hangs(&zookeeper, &container).await;
}

//! Three brokers on a network of their own, none of them published: known to each other by names of the network alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vv::platform::Platform;
use vv::stack::Stack;
use vv::topics::admin::Admin;
use vv::topics::kafka::security::Security;
use vv::topics::kafka::{Connection, Kafka, servers};

use super::broker::{Broker, Network, Node, PATIENCE};
use super::{names, told, topic};
use crate::probes::engine::{Cli, docker};
use crate::probes::{START, stack_of};

const NAMES: [&str; 3] = ["broker-1", "broker-2", "broker-3"];

fn node(network: &str, index: usize) -> Broker {
    let id = (index + 1).to_string();
    let test = format!("several-{id}");
    let voters = "1@broker-1:9093,2@broker-2:9093,3@broker-3:9093";
    let node = Node {
        test: &test,
        image: "kafka:4.3.1",
        listeners: &[],
        name: NAMES[index],
        environment: &[
            ("KAFKA_NODE_ID", &id),
            ("KAFKA_CONTROLLER_QUORUM_VOTERS", voters),
            ("KAFKA_BROKER_SESSION_TIMEOUT_MS", "3000"),
            ("KAFKA_BROKER_HEARTBEAT_INTERVAL_MS", "500"),
        ],
        options: &[],
        network: Some(network),
        zookeeper: None,
    };
    node.start()
}

fn stack(brokers: &[Broker]) -> (Stack, Arc<dyn Platform>) {
    let mut stack = stack_of(&brokers[0].service);
    let mut platform = Cli::of(NAMES[0], &brokers[0].container);
    for broker in &brokers[1..] {
        stack.services.insert(broker.service.name.clone(), broker.service.clone());
        platform.add(&broker.service.name, &broker.container);
    }
    (stack, Arc::new(platform))
}

#[tokio::test]
async fn three_brokers() {
    let network = Network::new("several");
    let brokers = [0, 1, 2].map(|index| node(&network.0, index));
    let (stack, platform) = stack(&brokers);
    let connection = Connection::of_stack(&stack, Arc::clone(&platform), Security::default()).await.unwrap();
    assert_eq!(connection.described(), "broker-1:29092, broker-2:29092, broker-3:29092");
    let kafka = Kafka::connect(connection, START).await.unwrap_or_else(|error| panic!("{error}"));
    let started = Instant::now();
    while kafka.read(&[]).await.unwrap().brokers != [1, 2, 3] {
        assert!(started.elapsed() < START, "{}", brokers[2].container.logs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // Named by the user, as the stack's containers call it.
    let named = servers("broker-2:29092").unwrap();
    let named = Connection::to(named, Some((&stack, Arc::clone(&platform))), Security::default());
    let named = Kafka::connect(named, PATIENCE).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(named.read(&[]).await.unwrap().brokers, [1, 2, 3]);

    let all: Vec<_> = (1..=30).map(|n| topic(&format!("t-{n:02}"), Some(3), Some(3), &[])).collect();
    let done = kafka.create(&all).await.unwrap();
    assert!(done.values().all(Result::is_ok), "{}", told(&done));
    assert_eq!(kafka.led(&names(&all), PATIENCE).await.unwrap(), Vec::<String>::new());
    // Each broker, asked alone, knows them all.
    for broker in &brokers {
        let listed = docker(&[
            "exec",
            &broker.container.name,
            "kafka-topics.sh",
            "--bootstrap-server",
            &format!("{}:29092", broker.service.name),
            "--list",
        ]);
        assert_eq!(listed.lines().count(), 30, "{}", broker.service.name);
    }
    insta::assert_snapshot!(told(&kafka.create(&[topic("four", Some(1), Some(4), &[])]).await.unwrap()), @"four: INVALID_REPLICATION_FACTOR: Unable to replicate the partition 4 time(s): The target replication factor of 4 cannot be reached because only 3 broker(s) are registered or some brokers have all their log directories cordoned.");

    // One is lost: the others take over, and it isn't waited for for longer than the cluster needs to notice.
    docker(&["kill", &brokers[1].container.name]);
    let more: Vec<_> = (1..=5).map(|n| topic(&format!("u-{n}"), Some(3), Some(2), &[])).collect();
    let done = kafka.create(&more).await.unwrap();
    assert!(done.values().all(Result::is_ok), "{}", told(&done));
    let both = [names(&all), names(&more)].concat();
    assert_eq!(kafka.led(&both, START).await.unwrap(), Vec::<String>::new());
    let cluster = kafka.read(&both).await.unwrap();
    assert_eq!(cluster.brokers, [1, 3]);
    for (name, state) in &cluster.topics {
        for partition in &state.partitions {
            assert!(partition.leader.is_some_and(|leader| leader != 2), "{name}: {partition:?}");
        }
    }
}

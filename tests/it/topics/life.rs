//! Topics from their making to their end, on one broker of each mode.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use vv::topics::admin::Admin;
use vv::topics::kafka::Kafka;

use super::broker::{Broker, Listener, Network, Node, PATIENCE};
use super::{changes, names, told, topic};
use crate::probes::engine::Container;

const HOST: [Listener; 1] = [Listener("HOST", "PLAINTEXT", 19092)];

#[tokio::test]
async fn kraft() {
    let node = Node {
        test: "kraft",
        image: "kafka:4.3.1",
        listeners: &HOST,
        name: "kafka",
        environment: &[],
        options: &[],
        network: None,
        zookeeper: None,
    };
    let broker = node.start();
    let kafka = broker.client().await;
    insta::assert_snapshot!(whole_life(&broker, &kafka).await, @r"
    bad-name!: INVALID_TOPIC_EXCEPTION: Topic name is invalid: 'bad-name!' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'
    bad-partitions: INVALID_PARTITIONS: Number of partitions was set to an invalid non-positive value.
    bad-replicas: INVALID_REPLICATION_FACTOR: Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.
    bad-setting: INVALID_CONFIG: Unknown topic config name: retention.mss
    bad-value: INVALID_CONFIG: Invalid value soon for configuration retention.ms: Not a number of type LONG
    far-too-many: INVALID_REQUEST: num_partitions out of expected range 1..100000 or -1 for broker default
    good: done

    orders-01: TOPIC_ALREADY_EXISTS: Topic 'orders-01' already exists.

    absent: UNKNOWN_TOPIC_OR_PARTITION: Unknown topic or partition (again)
    good: INVALID_PARTITIONS: Topic already has 1 partition(s).
    orders-01: INVALID_PARTITIONS: The topic orders-01 currently has 7 partition(s); 3 would not be an increase.
    orders-02: INVALID_REQUEST: new_total_cnt out of expected range 1..100000

    absent: UNKNOWN_TOPIC_OR_PARTITION: The topic 'absent' does not exist. (again)
    good: INVALID_CONFIG: Invalid value soon for configuration retention.ms: Not a number of type LONG
    orders-01: INVALID_CONFIG: Unknown topic config name: retention.mss
    orders-02: done

    absent: UNKNOWN_TOPIC_OR_PARTITION: Unknown topic or partition (again)
    good: done
    ");
    // Only its own quorum has this limit.
    let many = topic("too-many", Some(20_000), None, &[]);
    insta::assert_snapshot!(told(&kafka.create(&[many]).await.unwrap()), @"too-many: POLICY_VIOLATION: Excessively large number of partitions per request.");
}

#[tokio::test]
async fn zookeeper() {
    let network = Network::new("zookeeper");
    let options = ["--network", &network.0, "--network-alias", "zookeeper"];
    let variables = ["-e", "ZOOKEEPER_CLIENT_PORT=2181", "-e", "KAFKA_HEAP_OPTS=-Xmx96m"];
    let _keeper = Container::start("topics-keeper", "kafka-zk:3.5.2", &[options, variables].concat(), &[]);
    let node = Node {
        test: "zookeeper",
        image: "kafka-zk:3.5.2",
        listeners: &HOST,
        name: "kafka",
        environment: &[],
        options: &[],
        network: Some(&network.0),
        zookeeper: Some("zookeeper:2181"),
    };
    let broker = node.start();
    let kafka = broker.client().await;
    insta::assert_snapshot!(whole_life(&broker, &kafka).await, @r"
    bad-name!: INVALID_TOPIC_EXCEPTION: Topic name is invalid: 'bad-name!' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'
    bad-partitions: INVALID_PARTITIONS: Number of partitions must be larger than 0.
    bad-replicas: INVALID_REPLICATION_FACTOR: Replication factor: 3 larger than available brokers: 1.
    bad-setting: INVALID_CONFIG: Unknown topic config name: retention.mss
    bad-value: INVALID_CONFIG: Invalid value soon for configuration retention.ms: Not a number of type LONG
    far-too-many: INVALID_REQUEST: num_partitions out of expected range 1..100000 or -1 for broker default
    good: done

    orders-01: TOPIC_ALREADY_EXISTS: Topic 'orders-01' already exists.

    absent: UNKNOWN_TOPIC_OR_PARTITION: The topic 'absent' does not exist. (again)
    good: INVALID_PARTITIONS: Topic already has 1 partitions.
    orders-01: INVALID_PARTITIONS: Topic currently has 7 partitions, which is higher than the requested 3.
    orders-02: INVALID_REQUEST: new_total_cnt out of expected range 1..100000

    absent: UNKNOWN_TOPIC_OR_PARTITION: The topic 'absent' does not exist. (again)
    good: INVALID_CONFIG: Invalid config value for resource ConfigResource(type=TOPIC, name='good'): Invalid value soon for configuration retention.ms: Not a number of type LONG
    orders-01: INVALID_CONFIG: Unknown topic config name: retention.mss
    orders-02: done

    absent: UNKNOWN_TOPIC_OR_PARTITION: Unknown topic or partition (again)
    good: done
    ");
}

/// Does everything that can be done with topics; what is refused on the way.
async fn whole_life(broker: &Broker, kafka: &Kafka) -> String {
    assert_eq!(kafka.bootstrap(), format!("localhost:{}", broker.ports["HOST"]));
    let all: Vec<_> = (1..=56)
        .map(|n| {
            let replicas = (n % 2 == 0).then_some(1);
            topic(
                &format!("orders-{n:02}"),
                Some(n % 5 + 1),
                replicas,
                &[("retention.ms", "604800000"), ("cleanup.policy", "compact,delete")],
            )
        })
        .collect();
    let all_names = names(&all);

    // Two at once: each topic is made by one of them.
    let other = broker.client().await;
    let (one, two) = tokio::join!(kafka.create(&all), other.create(&all));
    let (one, two) = (one.unwrap(), two.unwrap());
    for name in &all_names {
        let made = [&one[name], &two[name]].into_iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(made, 1, "{name}: {:?} {:?}", one[name], two[name]);
    }
    assert_eq!(kafka.led(&all_names, PATIENCE).await.unwrap(), Vec::<String>::new());
    assert_eq!(broker.tool("kafka-topics.sh", &["--list"]).lines().collect::<Vec<_>>(), all_names);

    let absent = "absent".to_owned();
    let asked: Vec<String> = all_names.iter().cloned().chain([absent.clone()]).collect();
    let cluster = kafka.read(&asked).await.unwrap();
    assert_eq!(cluster.brokers, [1]);
    assert_eq!(cluster.topics.keys().collect::<Vec<_>>(), all_names.iter().collect::<Vec<_>>());
    for declared in &all {
        let state = &cluster.topics[&declared.name];
        assert!(!state.internal);
        assert_eq!(state.partitions.len() as u32, declared.partitions.unwrap());
        for partition in &state.partitions {
            assert_eq!(
                (partition.leader, &*partition.replicas, &*partition.isr),
                (Some(1), &[1][..], &[1][..])
            );
        }
        let overridden: BTreeMap<&str, &str> = state
            .config
            .iter()
            .filter(|(_, setting)| setting.overridden)
            .map(|(name, setting)| (name.as_str(), setting.value.as_deref().unwrap()))
            .collect();
        let wanted = [("cleanup.policy", "compact,delete"), ("retention.ms", "604800000")];
        assert_eq!(overridden, BTreeMap::from(wanted));
        assert_eq!(state.config["min.insync.replicas"].value.as_deref(), Some("1"), "a default is told too");
    }

    // Growing: those that are asked for, and they alone.
    let grown = BTreeMap::from([("orders-01".to_owned(), 7), ("orders-02".to_owned(), 9)]);
    assert_eq!(told(&kafka.grow(&grown).await.unwrap()), "orders-01: done\norders-02: done");
    assert_eq!(kafka.led(&all_names, PATIENCE).await.unwrap(), Vec::<String>::new());
    // Settings: what isn't named stays.
    let altered = [changes("orders-01", &[("retention.ms", Some("1000")), ("cleanup.policy", None)])];
    assert_eq!(told(&kafka.alter(&BTreeMap::from(altered)).await.unwrap()), "orders-01: done");
    let altered = [changes("orders-01", &[("max.message.bytes", Some("2048"))])];
    assert_eq!(told(&kafka.alter(&BTreeMap::from(altered)).await.unwrap()), "orders-01: done");
    let state = settled(kafka, "orders-01", "max.message.bytes", "2048").await;
    assert_eq!(state.partitions.len(), 7);
    let of = |name: &str| (state.config[name].value.as_deref().unwrap(), state.config[name].overridden);
    assert_eq!(of("retention.ms"), ("1000", true));
    assert_eq!(of("cleanup.policy"), ("delete", false));

    // Refusals: each in the broker's own words, none at another's cost.
    let mut refused = Vec::new();
    let bad = [
        topic("bad-name!", None, None, &[]),
        topic("bad-partitions", Some(0), None, &[]),
        topic("bad-replicas", Some(1), Some(3), &[]),
        topic("bad-setting", None, None, &[("retention.mss", "1")]),
        topic("bad-value", None, None, &[("retention.ms", "soon")]),
        topic("far-too-many", Some(1_000_000), None, &[]),
        topic("good", None, None, &[]),
    ];
    refused.push(told(&kafka.create(&bad).await.unwrap()));
    refused.push(told(&kafka.create(&all[..1]).await.unwrap()));
    let grown = [("absent", 2), ("good", 1), ("orders-01", 3), ("orders-02", 0)];
    let grown = grown.map(|(name, count)| (name.to_owned(), count));
    refused.push(told(&kafka.grow(&BTreeMap::from(grown)).await.unwrap()));
    let altered = [
        changes("absent", &[("retention.ms", Some("1"))]),
        changes("good", &[("retention.ms", Some("soon"))]),
        changes("orders-01", &[("retention.mss", Some("1"))]),
        changes("orders-02", &[("retention.ms", Some("2000"))]),
    ];
    refused.push(told(&kafka.alter(&BTreeMap::from(altered)).await.unwrap()));
    refused.push(told(&kafka.delete(&[absent, "good".into()]).await.unwrap()));

    let deleted = kafka.delete(&all_names).await.unwrap();
    assert!(deleted.values().all(Result::is_ok), "{}", told(&deleted));
    let started = Instant::now();
    loop {
        let left = kafka.read(&[]).await.unwrap().topics;
        if left.is_empty() {
            break;
        }
        // ZooKeeper mode deletes behind its answer.
        assert!(started.elapsed() < PATIENCE, "{left:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(kafka.led(&["gone".into()], Duration::from_millis(300)).await.unwrap(), ["gone"]);
    kafka.read(&["gone".into()]).await.unwrap();
    let listed = kafka.read(&[]).await.unwrap().topics;
    assert!(listed.is_empty(), "asking has made {listed:?}");
    refused.join("\n\n")
}

/// The topic, once its setting is so: a broker learns of a change after the controller has answered.
async fn settled(kafka: &Kafka, name: &str, setting: &str, value: &str) -> vv::topics::cluster::TopicState {
    let started = Instant::now();
    loop {
        let mut cluster = kafka.read(&[name.to_owned()]).await.unwrap();
        let state = cluster.topics.remove(name).unwrap();
        if state.config[setting].value.as_deref() == Some(value) {
            return state;
        }
        assert!(started.elapsed() < PATIENCE, "{:?}", state.config[setting]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! Kafka with ZooKeeper, and ZooKeeper itself.

use super::*;

/// A broker and its ZooKeeper, on a network of their own.
struct Pair {
    kafka: Service,
    keeper: Service,
    broker: Container,
    zookeeper: Container,
    // Goes last, when its containers are gone.
    _network: Network,
}

impl Pair {
    async fn ready(test: &str, more: &[(&str, &str)]) -> Self {
        let network = Network::new(test);
        let mut options =
            vec!["--network", &network.0, "--network-alias", "zookeeper", "-p", "127.0.0.1::2181"];
        options.extend(["-e", "ZOOKEEPER_CLIENT_PORT=2181", "-e", "KAFKA_HEAP_OPTS=-Xmx96m"]);
        let zookeeper = Container::start(&format!("{test}-zookeeper"), "kafka-zk:3.5.2", &options, &[]);
        let keeper = service("zookeeper", &[2181], &[("ZOOKEEPER_CLIENT_PORT", "2181")]);
        until_ready(&keeper, &zookeeper).await;
        let port = free_port();
        let mut environment = kraft(port, more);
        environment.retain(|(name, _)| {
            !name.contains("CONTROLLER") && name != "KAFKA_PROCESS_ROLES" && name != "KAFKA_NODE_ID"
        });
        for (name, value) in &mut environment {
            match name.as_str() {
                "KAFKA_LISTENERS" => *value = "HOST://:19092,INSIDE://:29092".into(),
                "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP" => *value = "HOST:PLAINTEXT,INSIDE:PLAINTEXT".into(),
                _ => {}
            }
        }
        for (name, value) in [("KAFKA_BROKER_ID", "1"), ("KAFKA_ZOOKEEPER_CONNECT", "zookeeper:2181")] {
            environment.push((name.to_owned(), value.to_owned()));
        }
        let kafka = declared(&environment);
        let broker = start(test, "kafka-zk:3.5.2", port, &environment, &["--network", &network.0]);
        until_ready(&kafka, &broker).await;
        Self { kafka, keeper, broker, zookeeper, _network: network }
    }
}

#[tokio::test]
async fn from_ready_to_dead() {
    let Pair { kafka, keeper, broker, zookeeper, _network } = &Pair::ready("zk-life", &[]).await;
    let well = deep(keeper, zookeeper).await;
    insta::assert_snapshot!(well, @r"
    session Ok: a session was opened and / was read
    ensemble Ok: standalone, requests don't pile up
    ");
    insta::assert_snapshot!(deep(kafka, broker).await, @r"
    controller Ok: broker 1 is the controller
    partitions Ok: there is no topic yet
    create topic Ok: a topic could be created (by default 1 partition, 1 replica)
    consumer groups Ok: the topic of the groups' offsets comes with the first group
    disk Ok: 1 log directory, not short of room
    produce and consume Ok: a record was written to vv-probe and read back
    ");
    for _ in 0..20 {
        let (one, other) = tokio::join!(deep(keeper, zookeeper), deep(kafka, broker));
        assert!(!one.contains("Fail") && !one.contains("Warn"), "{one}");
        assert!(!other.contains("Fail") && !other.contains("Warn"), "{other}");
    }

    // Its ZooKeeper hangs: the broker answers on, but nothing can be created.
    zookeeper.freeze();
    let hangs = checked_within(keeper, zookeeper, Duration::from_secs(1)).await;
    insta::assert_snapshot!(lines(&hangs, Level::Protocol), @r"
    srvr Fail: 127.0.0.1:PORT accepts but says nothing within 1 s -> vv logs zookeeper; vv restart zookeeper, where it hangs
    session Skipped: not asked: srvr failed
    ensemble Skipped: not asked: srvr failed
    ");
    let without = checked_within(kafka, broker, Duration::from_secs(3)).await;
    insta::assert_snapshot!(lines(&without, Level::Protocol), @r"
    metadata Ok: 1 broker, advertised as localhost:PORT
    controller Ok: broker 1 is the controller
    partitions Ok: there is no topic yet
    create topic Fail: the broker is there, but no controller answers CreateTopics within 3 s -> is a controller (with ZooKeeper: is ZooKeeper) up, and reached by the broker?
    consumer groups Ok: the topic of the groups' offsets comes with the first group
    disk Ok: 1 log directory, not short of room
    produce and consume Ok: a record was written to vv-probe and read back
    ");
    docker(&["kill", "--signal", "CONT", &zookeeper.name]);

    docker(&["kill", &zookeeper.name]);
    let dead = lines(&checked_within(keeper, zookeeper, PATIENCE).await, Level::Container);
    assert!(dead.starts_with("container Fail: ended with 137"), "{dead}");
}

#[tokio::test]
async fn fewer_brokers_than_must_be_in_sync() {
    let pair = Pair::ready("zk-settings", &[("KAFKA_MIN_INSYNC_REPLICAS", "2")]).await;
    create_topic(&pair.broker, &["--topic", "orders"]);
    let found = checked_within(&pair.kafka, &pair.broker, Duration::from_secs(3)).await;
    insta::assert_snapshot!(lines(&found, Level::Deep), @r"
    controller Ok: broker 1 is the controller
    partitions Fail: 1 of 1 partitions take no writes with acks=all: orders-0: 1 of 1 replica in sync, min.insync.replicas is 2 -> lower min.insync.replicas (for the broker's own topics: KAFKA_MIN_INSYNC_REPLICAS and KAFKA_TRANSACTION_STATE_LOG_MIN_ISR), or give the topics more replicas
    create topic Ok: a topic could be created (by default 1 partition, 1 replica)
    consumer groups Ok: the topic of the groups' offsets comes with the first group
    disk Ok: 1 log directory, not short of room
    produce and consume Fail: a record is refused: fewer replicas are in sync than min.insync.replicas wants (NOT_ENOUGH_REPLICAS) -> are all brokers up? On a single one, set KAFKA_MIN_INSYNC_REPLICAS=1 or raise the replication factor
    ");
}

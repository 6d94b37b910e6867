//! Kafka with its own quorum.

use std::time::Instant;

use vv::probe::Outcome;

use super::*;
use crate::probes::START;
use crate::support::Project;

#[tokio::test]
async fn kraft_from_start_to_death() {
    let port = free_port();
    let environment = kraft(port, &[]);
    let kafka = declared(&environment);
    let container = start("kraft-life", "kafka:4.3.1", port, &environment, &[]);

    // Starting: the deep level is skipped, or holds; it never fails by itself.
    let started = Instant::now();
    loop {
        let checks = checked_within(&kafka, &container, PATIENCE).await;
        let failed: Vec<&Check> = checks.iter().filter(|check| check.outcome == Outcome::Fail).collect();
        assert!(failed.iter().all(|check| check.level < Level::Deep), "{failed:?}");
        if failed.is_empty() {
            break;
        }
        assert!(started.elapsed() < START, "{failed:?}\n{}", container.logs());
    }

    insta::assert_snapshot!(deep(&kafka, &container).await, @r"
    controller Ok: controller 1 leads
    partitions Ok: there is no topic yet
    create topic Ok: a topic could be created (by default 1 partition, 1 replica)
    consumer groups Ok: the topic of the groups' offsets comes with the first group
    disk Ok: 1 log directory, not short of room
    produce and consume Ok: a record was written to vv-probe and read back
    ");
    create_topic(&container, &["--topic", "orders", "--partitions", "3"]);
    let again = deep(&kafka, &container).await;
    assert!(again.contains("1 topic, 3 partitions: leaders and replicas are complete"), "{again}");

    // Many runs, two at a time: none fails.
    for _ in 0..25 {
        let (one, other) = tokio::join!(deep(&kafka, &container), deep(&kafka, &container));
        assert_eq!(one, again);
        assert_eq!(other, again);
    }

    container.freeze();
    let frozen = checked_within(&kafka, &container, Duration::from_secs(1)).await;
    let frozen = lines(&frozen, Level::Protocol);
    assert!(
        frozen.starts_with("metadata Fail: 127.0.0.1:PORT accepts but says nothing within 1 s"),
        "{frozen}"
    );
    assert!(frozen.contains("create topic Skipped: not asked: metadata failed"), "{frozen}");
    docker(&["kill", "--signal", "CONT", &container.name]);
    until_ready(&kafka, &container).await;

    docker(&["kill", &container.name]);
    let dead = lines(&checked_within(&kafka, &container, PATIENCE).await, Level::Container);
    assert!(dead.starts_with("container Fail: ended with 137: it was killed (SIGKILL)"), "{dead}");
}

#[tokio::test]
async fn settings_that_one_broker_cannot_keep() {
    let port = free_port();
    let environment = kraft(
        port,
        &[
            ("KAFKA_MIN_INSYNC_REPLICAS", "2"),
            ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "3"),
            ("KAFKA_NUM_PARTITIONS", "6"),
        ],
    );
    let kafka = declared(&environment);
    let container = start("kraft-settings", "kafka:4.3.1", port, &environment, &[]);
    until_ready(&kafka, &container).await;
    create_topic(&container, &["--topic", "orders"]);
    insta::assert_snapshot!(deep(&kafka, &container).await, @r"
    controller Ok: controller 1 leads
    partitions Ok: 1 topic, 6 partitions: leaders and replicas are complete
    create topic Ok: a topic could be created (by default 6 partitions, 1 replica)
    consumer groups Fail: no consumer group can start: __consumer_offsets wants 3 replicas (offsets.topic.replication.factor), but there is 1 broker -> set KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR to the number of brokers at most, or start more brokers
    disk Ok: 1 log directory, not short of room
    produce and consume Ok: a record was written to vv-probe and read back
    ");
}

#[tokio::test]
async fn more_replicas_by_default_than_there_are_brokers() {
    let port = free_port();
    let environment = kraft(port, &[("KAFKA_DEFAULT_REPLICATION_FACTOR", "3")]);
    let kafka = declared(&environment);
    let container = start("kraft-default", "kafka:4.3.1", port, &environment, &[]);
    until_ready(&kafka, &container).await;
    insta::assert_snapshot!(deep(&kafka, &container).await, @r"
    controller Ok: controller 1 leads
    partitions Ok: there is no topic yet
    create topic Warn: a topic can be created with one replica, but not with the cluster's default: Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered or some brokers have a… -> set KAFKA_DEFAULT_REPLICATION_FACTOR to the number of brokers at most, or start more brokers
    consumer groups Ok: the topic of the groups' offsets comes with the first group
    disk Ok: 1 log directory, not short of room
    produce and consume Ok: a record was written to vv-probe and read back
    ");
}

#[tokio::test]
async fn a_full_disk() {
    let port = free_port();
    let environment = kraft(port, &[("KAFKA_LOG_DIRS", "/logs")]);
    let kafka = declared(&environment);
    let options = ["--tmpfs", "/logs:size=160m,uid=1000"];
    let container = start("kraft-disk", "kafka:4.3.1", port, &environment, &options);
    until_ready(&kafka, &container).await;
    let fill = |left: u32| {
        let script = format!(
            "rm -f /logs/fill; n=$(df -k --output=avail /logs | tail -1); head -c $(((n - {left}) * 1024)) /dev/zero >/logs/fill"
        );
        docker(&["exec", &container.name, "sh", "-c", &script]);
    };
    fill(40 * 1024);
    let little = deep(&kafka, &container).await;
    assert!(little.contains("disk Warn: 39 MiB of 160 MiB are free on the disk of /logs"), "{little}");
    fill(1024);
    let full = deep(&kafka, &container).await;
    assert!(full.contains("disk Fail: the disk of /logs is full -> free space"), "{full}");
    assert!(
        full.contains("produce and consume Fail: nothing was written: the disk of /logs is full"),
        "{full}"
    );
}

#[tokio::test]
async fn a_controller_that_is_gone() {
    let network = Network::new("kraft-controller");
    let roles = |role: &str, id: &str| {
        kraft(
            0,
            &[
                ("KAFKA_PROCESS_ROLES", role),
                ("KAFKA_NODE_ID", id),
                ("KAFKA_CONTROLLER_QUORUM_VOTERS", "9@controller:9093"),
            ],
        )
    };
    let mut of_controller = roles("controller", "9");
    of_controller.retain(|(name, _)| {
        !["KAFKA_ADVERTISED_LISTENERS", "KAFKA_INTER_BROKER_LISTENER_NAME"].contains(&name.as_str())
    });
    for (name, value) in &mut of_controller {
        if name == "KAFKA_LISTENERS" {
            *value = "CONTROLLER://:9093".into();
        }
    }
    let aliased = ["--network", &network.0, "--network-alias", "controller"];
    let controller = start("kraft-controller", "kafka:4.3.1", free_port(), &of_controller, &aliased);
    let port = free_port();
    let mut of_broker = roles("broker", "1");
    for (name, value) in &mut of_broker {
        match name.as_str() {
            "KAFKA_LISTENERS" => *value = "HOST://:19092,INSIDE://:29092".into(),
            "KAFKA_ADVERTISED_LISTENERS" => {
                *value = format!("HOST://localhost:{port},INSIDE://localhost:29092");
            }
            _ => {}
        }
    }
    let kafka = declared(&of_broker);
    let broker = start("kraft-broker", "kafka:4.3.1", port, &of_broker, &["--network", &network.0]);
    until_ready(&kafka, &broker).await;
    let well = deep(&kafka, &broker).await;
    assert!(well.starts_with("controller Ok: controller 9 leads\n"), "{well}");

    docker(&["network", "disconnect", &network.0, &controller.name]);
    let started = Instant::now();
    let cut = checked_within(&kafka, &broker, Duration::from_secs(3)).await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    insta::assert_snapshot!(lines(&cut, Level::Protocol), @r"
    metadata Ok: 1 broker, advertised as localhost:PORT
    controller Fail: the broker is there, but no controller answers DescribeQuorum within 3 s -> is a controller (with ZooKeeper: is ZooKeeper) up, and reached by the broker?
    partitions Ok: there is no topic yet
    create topic Fail: the broker is there, but no controller answers CreateTopics within 3 s -> is a controller (with ZooKeeper: is ZooKeeper) up, and reached by the broker?
    consumer groups Ok: the topic of the groups' offsets comes with the first group
    disk Ok: 1 log directory, not short of room
    produce and consume Ok: a record was written to vv-probe and read back
    ");
}

/// A node of a quorum of one: the first is broker and controller, the others are brokers.
fn node(id: &str, port: u16) -> Vec<(String, String)> {
    let advertised = format!("HOST://localhost:{port},INSIDE://node-{id}:29092");
    let mut more = vec![
        ("KAFKA_NODE_ID", id),
        ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@node-1:9093"),
        ("KAFKA_ADVERTISED_LISTENERS", advertised.as_str()),
        ("KAFKA_DEFAULT_REPLICATION_FACTOR", "2"),
        ("KAFKA_BROKER_SESSION_TIMEOUT_MS", "3000"),
        ("KAFKA_BROKER_HEARTBEAT_INTERVAL_MS", "500"),
    ];
    if id != "1" {
        more.push(("KAFKA_PROCESS_ROLES", "broker"));
        more.push(("KAFKA_LISTENERS", "HOST://:19092,INSIDE://:29092"));
    }
    kraft(port, &more)
}

#[tokio::test]
async fn one_broker_of_two_is_lost() {
    let network = Network::new("kraft-two");
    let start_node = |id: &str| {
        let (port, alias) = (free_port(), format!("node-{id}"));
        let environment = node(id, port);
        let options = ["--network", &network.0, "--network-alias", &alias];
        let container = start(&format!("kraft-two-{id}"), "kafka:4.3.1", port, &environment, &options);
        (declared(&environment), container)
    };
    let (first, first_container) = start_node("1");
    let (second, second_container) = start_node("2");
    let both = async |service: &Service, container: &Container| {
        let started = Instant::now();
        while !until_ready(service, container).await.0.starts_with("2 brokers") {
            assert!(started.elapsed() < START, "{}", container.logs());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    both(&first, &first_container).await;
    both(&second, &second_container).await;
    let topic = ["--topic", "orders", "--partitions", "2", "--config", "min.insync.replicas=2"];
    docker(
        &[
            &["exec", &first_container.name, "kafka-topics.sh", "--bootstrap-server", "node-1:29092"][..],
            &["--create"],
            &topic,
        ]
        .concat(),
    );
    // Whichever leads: each is asked through its own listener, and written to through the leader's.
    let one = deep(&first, &first_container).await;
    assert_eq!(one, deep(&second, &second_container).await);
    insta::assert_snapshot!(one, @r"
    controller Ok: controller 1 leads
    partitions Ok: 1 topic, 2 partitions: leaders and replicas are complete
    create topic Ok: a topic could be created (by default 1 partition, 2 replicas)
    consumer groups Ok: the topic of the groups' offsets comes with the first group
    disk Ok: 1 log directory, not short of room
    produce and consume Ok: a record was written to vv-probe and read back
    ");

    docker(&["kill", &second_container.name]);
    let started = Instant::now();
    // Until the cluster has noticed, the dead one's listener is what is wrong.
    let lost = loop {
        let checks = checked_within(&first, &first_container, Duration::from_secs(3)).await;
        let lost = lines(&checks, Level::Protocol);
        if lost.starts_with("metadata Ok: 1 broker") {
            break lost;
        }
        assert!(lost.starts_with("metadata Fail: advertised listener unreachable"), "{lost}");
        assert!(started.elapsed() < START, "{lost}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    insta::assert_snapshot!(lost, @r"
    metadata Ok: 1 broker, advertised as localhost:PORT
    controller Ok: controller 1 leads
    partitions Fail: 2 of 2 partitions take no writes with acks=all: orders-0, orders-1: 1 of 2 replicas in sync, min.insync.replicas is 2 -> bring broker 2 back
    create topic Ok: a topic could be created (by default 1 partition, 2 replicas)
    consumer groups Ok: the topic of the groups' offsets comes with the first group
    disk Ok: 1 log directory, not short of room
    produce and consume Ok: a record was written to vv-probe and read back
    ");
}

#[tokio::test]
async fn a_listener_with_a_login() {
    let port = free_port();
    let jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required user_vv=\"secret\";";
    let environment = kraft(
        port,
        &[
            (
                "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
                "HOST:SASL_PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
            ),
            ("KAFKA_SASL_ENABLED_MECHANISMS", "PLAIN"),
            ("KAFKA_LISTENER_NAME_HOST_PLAIN_SASL_JAAS_CONFIG", jaas),
            ("KAFKA_LISTENER_NAME_HOST_SASL_ENABLED_MECHANISMS", "PLAIN"),
        ],
    );
    let kafka = declared(&environment);
    let container = start("kraft-login", "kafka:4.3.1", port, &environment, &[]);
    until_ready(&kafka, &container).await;
    let told = deep(&kafka, &container).await;
    assert_eq!(
        told.matches("Skipped: not asked: the listener on port 19092 wants a login (SASL)").count(),
        6,
        "{told}"
    );
    // The file doesn't say so: the broker does.
    let unsaid = service("kafka", &[19092], &[]);
    let checks = checked_within(&unsaid, &container, PATIENCE).await;
    insta::assert_snapshot!(lines(&checks, Level::Protocol), @r"
    metadata Warn: 127.0.0.1:PORT answers ApiVersions and hangs up at Metadata -> does this listener want a login (SASL)? Publish a PLAINTEXT one for local work
    controller Skipped: not asked: 127.0.0.1:PORT: it hangs up on who hasn't logged in (SASL)
    partitions Skipped: not asked: 127.0.0.1:PORT: it hangs up on who hasn't logged in (SASL)
    create topic Skipped: not asked: 127.0.0.1:PORT: it hangs up on who hasn't logged in (SASL)
    consumer groups Skipped: not asked: 127.0.0.1:PORT: it hangs up on who hasn't logged in (SASL)
    disk Skipped: not asked: 127.0.0.1:PORT: it hangs up on who hasn't logged in (SASL)
    produce and consume Skipped: not asked: 127.0.0.1:PORT: it hangs up on who hasn't logged in (SASL)
    ");
}

#[test]
fn a_network_that_is_cut() {
    let port = free_port();
    let mut compose = format!(
        "services:\n  kafka:\n    image: localhost/vv-parts/kafka:4.3.1\n    ports: [\"127.0.0.1:{port}:19092\"]\n    \
         environment:\n"
    );
    for (name, value) in kraft(port, &[]) {
        compose.push_str(&format!("      {name}: \"{value}\"\n"));
    }
    let project = Project::new("kraft-cut", &compose);
    project.ok(&["start"]);
    project.ok(&["health", "--all"]).shows("a record was written to vv-probe and read back");

    let kafka = project.container("kafka-1");
    docker(&["network", "disconnect", &format!("{}_default", project.name), &kafka]);
    let cut = project.fails(1, &["health", "--all"]);
    cut.shows(&format!("{kafka} is cut off from its networks")).shows("not asked: port 19092 failed");

    // As it is said.
    project.ok(&["start"]);
    project.ok(&["health"]);
}

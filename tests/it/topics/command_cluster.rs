//! Three brokers, one of which dies half-way through a run, and what is said and done until all is well again.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::command::{Described, begin, end, health, read_topics};
use crate::support::{Project, docker, free_port, wait_until};

/// So many topics, with so many settings that they take three requests.
const MANY: usize = 400;

/// A narrow way to a broker: what vv sends takes its time, so that a run of several requests can be met half-way.
struct Narrow {
    port: u16,
    traffic: Arc<Traffic>,
}

#[derive(Default)]
struct Traffic {
    /// So many bytes were sent to the broker.
    sent: AtomicUsize,
    /// Nothing passes.
    stopped: AtomicBool,
}

impl Narrow {
    /// A way to this published port; it ends with the test's process.
    fn to(published: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let traffic = Arc::new(Traffic::default());
        let counted = Arc::clone(&traffic);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(broker) = TcpStream::connect(("127.0.0.1", published)) else { continue };
                let (from_client, from_broker) = (client.try_clone().unwrap(), broker.try_clone().unwrap());
                let counted = Arc::clone(&counted);
                thread::spawn(move || narrowly(from_client, broker, &counted));
                thread::spawn(move || {
                    let mut ends = (from_broker, client);
                    let _ = std::io::copy(&mut ends.0, &mut ends.1);
                    let _ = ends.1.shutdown(Shutdown::Both);
                });
            }
        });
        Self { port, traffic }
    }

    fn sent(&self) -> usize {
        self.traffic.sent.load(Ordering::Relaxed)
    }

    fn stop(&self, stopped: bool) {
        self.traffic.stopped.store(stopped, Ordering::Relaxed);
    }
}

/// 25 KB a second, so that the second request takes longer than it takes to see what came of the first.
fn narrowly(mut from: TcpStream, mut to: TcpStream, traffic: &Traffic) {
    const PIECE: usize = 1024;
    const PAUSE: Duration = Duration::from_millis(40);
    let mut piece = [0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if traffic.stopped.load(Ordering::Relaxed) {
            // What waits here is lost.
            while traffic.stopped.load(Ordering::Relaxed) {
                thread::sleep(PAUSE);
            }
            break;
        }
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
        traffic.sent.fetch_add(length, Ordering::Relaxed);
        if length == PIECE {
            thread::sleep(PAUSE);
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// Three nodes that are brokers and controllers. Their state is in the containers, so that it outlives a death.
fn stack(published: &[u16; 3], ways: &[Narrow; 3]) -> String {
    let node = |index: usize| {
        let (id, port, way) = (index + 1, published[index], ways[index].port);
        format!(
            "  broker-{id}:
    image: localhost/vv-parts/kafka:4.3.1
    stop_grace_period: 0s
    ports: ['127.0.0.1:{port}:19092']
    environment:
      KAFKA_NODE_ID: {id}
      KAFKA_PROCESS_ROLES: broker,controller
      KAFKA_CONTROLLER_QUORUM_VOTERS: 1@broker-1:9093,2@broker-2:9093,3@broker-3:9093
      KAFKA_CONTROLLER_LISTENER_NAMES: CONTROLLER
      KAFKA_INTER_BROKER_LISTENER_NAME: INSIDE
      KAFKA_LISTENERS: HOST://:19092,INSIDE://:29092,CONTROLLER://:9093
      KAFKA_ADVERTISED_LISTENERS: HOST://localhost:{way},INSIDE://broker-{id}:29092
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: HOST:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT
      KAFKA_BROKER_SESSION_TIMEOUT_MS: 6000
      KAFKA_HEAP_OPTS: -Xmx256m
"
        )
    };
    format!("x-vv: {{topics: topics.yml}}\nservices:\n{}{}{}", node(0), node(1), node(2))
}

/// Topics with three replicas each, many settings, and a file too long for one request.
fn many() -> String {
    let mut text = String::from("defaults:\n  partitions: 2\n  replication_factor: 3\n  config:\n");
    for (name, value) in [
        ("cleanup.policy", "[compact, delete]"),
        ("compression.type", "producer"),
        ("delete.retention.ms", "86400000"),
        ("file.delete.delay.ms", "60000"),
        ("flush.messages", "9223372036854775807"),
        ("flush.ms", "9223372036854775807"),
        ("index.interval.bytes", "4096"),
        ("max.compaction.lag.ms", "9223372036854775807"),
        ("max.message.bytes", "1048588"),
        ("message.timestamp.type", "CreateTime"),
        ("min.cleanable.dirty.ratio", "0.5"),
        ("min.compaction.lag.ms", "0"),
        ("min.insync.replicas", "2"),
        ("preallocate", "false"),
        ("retention.bytes", "-1"),
        ("retention.ms", "604800000"),
        ("segment.bytes", "1073741824"),
        ("segment.jitter.ms", "0"),
        ("segment.ms", "604800000"),
        ("segment.index.bytes", "1048576"),
        ("compression.gzip.level", "-1"),
        ("compression.lz4.level", "9"),
        ("compression.zstd.level", "3"),
        ("message.timestamp.after.max.ms", "3600000"),
        ("message.timestamp.before.max.ms", "9223372036854775807"),
        ("unclean.leader.election.enable", "false"),
    ] {
        text.push_str(&format!("    {name}: {value}\n"));
    }
    text.push_str("topics:\n");
    (0..MANY).for_each(|number| text.push_str(&format!("  - many-{number:03}\n")));
    text
}

/// What a broker of these says of all topics.
fn asked(project: &Project, id: usize) -> std::collections::BTreeMap<String, Described> {
    let (container, address) = (project.container(&format!("broker-{id}-1")), format!("broker-{id}:29092"));
    let tool = ["exec", &container, "kafka-topics.sh", "--bootstrap-server", &address, "--describe"];
    let mut topics = read_topics(&docker(&tool));
    topics.retain(|name, _| !name.starts_with("__") && name != "vv-probe");
    topics
}

#[test]
fn one_of_three_dies_half_way() {
    let published = [free_port(), free_port(), free_port()];
    let ways = published.map(Narrow::to);
    let project = Project::new("three", &stack(&published, &ways));
    let few = "defaults: {partitions: 3, replication_factor: 3}\n\
               topics: [first, second, {name: single, replication_factor: 1}]\n";
    project.write("topics.yml", few);
    project.write("many.yml", &many());
    // Nobody is missed who only comes a little later than the others.
    let started = project.ok(&["start"]);
    started.says("topics applied");
    assert!(!started.stderr.contains("live"), "{started}");
    project.ok(&["init-topics", "--check"]);
    assert_eq!(health(&project), "ok 3 topics, as declared");

    // More replicas than brokers: refused before anything is sent, beside what can be done.
    project.write("four.yml", "topics: [{name: four, partitions: 1, replication_factor: 4}, five]\n");
    let refused = project.fails(1, &["init-topics", "--topics", "four.yml", "--dry-run", "--check"]);
    refused
        .shows("replication factor 4 is declared and 3 brokers are live")
        .shows("hint: start more brokers, or declare replication factor 3 for four");
    project.fails(1, &["init-topics", "--topics", "four.yml"]).shows("1 done, 1 impossible");
    let there = asked(&project, 1);
    assert_eq!(there.keys().collect::<Vec<_>>(), ["first", "five", "second", "single"]);

    let sent_before: Vec<usize> = ways.iter().map(Narrow::sent).collect();
    let narrow = ways.iter().map(|way| format!("localhost:{}", way.port)).collect::<Vec<_>>().join(",");
    let words = ["init-topics", "--topics", "many.yml", "--bootstrap", &narrow, "--timeout", "40s"];
    let run = begin(&project, &words);
    let made = |id: usize| {
        let listed = docker(&["exec", &project.container(&format!("broker-{id}-1")), "ls", LOGS]);
        listed.lines().filter(|line| line.starts_with("many-") && line.ends_with("-0")).count()
    };
    wait_until("the first topics are made", || made(1) > 0);
    // The one to which the requests go dies, and nothing reaches the others any more.
    ways.iter().for_each(|way| way.stop(true));
    let dead = 1 + (0..3).max_by_key(|index| ways[*index].sent() - sent_before[*index]).unwrap();
    let alive = dead % 3 + 1;
    docker(&["kill", &project.container(&format!("broker-{dead}-1"))]);
    let ran = end(run);
    assert_eq!(ran.code, 6, "{ran}");
    ways.iter().for_each(|way| way.stop(false));
    let half = asked(&project, alive).keys().filter(|name| name.starts_with("many-")).count();
    assert!((1..MANY).contains(&half), "{half} of {MANY} were made: that isn't half-way");
    ran.shows(" not known").shows("hint: ");
    wait_until("the others miss it", || asked(&project, alive)["single"].led == 2);

    // What is said of the cluster as it is then.
    let seen = health(&project);
    assert!(seen.starts_with("fail without a leader: single ("), "{seen}");
    project.write("topics.yml", &few.replace(", {name: single, replication_factor: 1}", ""));
    assert_eq!(
        health(&project),
        "warn replicas not in sync: first (0, 1, 2); second (0, 1, 2) -> a broker is down, or can't keep up with the leader"
    );
    let refused = project.fails(1, &["init-topics", "--topics", "many.yml"]);
    refused
        .shows("replication factor 3 is declared and 2 brokers are live")
        .shows(&format!("400 topics declared: {} impossible, {half} as declared", MANY - half));

    project.write("topics.yml", few);
    project.ok(&["start"]);
    let rest = project.ok(&["init-topics", "--topics", "many.yml"]);
    rest.shows(&format!("400 topics declared: {} done, {half} as declared", MANY - half));
    project.ok(&["init-topics", "--topics", "many.yml"]).shows("400 topics declared: 400 as declared");
    project.ok(&["init-topics", "--check"]);
    for id in 1..=3 {
        let topics = asked(&project, id);
        assert_eq!(topics.len(), MANY + 4, "broker {id}");
        for (name, topic) in topics.iter().filter(|(name, _)| name.starts_with("many-")) {
            assert_eq!((topic.partitions, topic.replicas, topic.led), (2, 3, 2), "{name}");
            assert_eq!(topic.config.len(), 26, "{name}: {topic:?}");
        }
    }
    wait_until("all replicas are in sync", || health(&project) == "ok 3 topics, as declared");
}

/// Where the part keeps its logs.
const LOGS: &str = "/var/lib/kafka/data";

//! `vv init-topics`, and topics in `vv start`, `vv plan` and `vv health`, as a user types them, on real brokers.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};

use crate::support::kafka::broker;
use crate::support::{BUSYBOX, Project, Ran, docker, free_port};

/// The shipped declaration of 56 topics.
pub const MES: &str = include_str!("../../../stacks/mes/topics.yml");

/// Where Kafka's own tools go, in the broker's container.
const INSIDE: &str = "localhost:29092";

/// A single broker cluster: where it keeps its state.
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    Kraft,
    ZooKeeper,
}

/// A stack with one broker, published as `port`, and with topics in `topics.yml`. By default a topic has 4 partitions.
/// `services` are more of them, in the same place as `kafka`.
pub fn stack(mode: Mode, port: u16, services: &str) -> String {
    let variables = "KAFKA_NUM_PARTITIONS: 4
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: 1";
    let kraft = broker(port, &format!("localhost:{port}"), variables);
    let brokers = match mode {
        Mode::Kraft => format!("  kafka:\n    {kraft}"),
        Mode::ZooKeeper => {
            let (begin, end) = kraft.split_once("      KAFKA_NODE_ID").unwrap();
            let (_, listeners) = end.split_once("CONTROLLER_LISTENER_NAMES: CONTROLLER\n").unwrap();
            let listeners = listeners.replace(",CONTROLLER://:9093", "").replace(",CONTROLLER:PLAINTEXT", "");
            let begin = begin.replace("kafka:4.3.1", "kafka-zk:3.5.2");
            format!(
                "  zookeeper:
    image: localhost/vv-parts/kafka-zk:3.5.2
    stop_grace_period: 0s
    tmpfs: ['/data:size=64m,mode=777']
    environment: {{ZOOKEEPER_CLIENT_PORT: 2181, ZOOKEEPER_DATA_DIR: /data, KAFKA_HEAP_OPTS: -Xmx96m}}
  kafka:
    x-vv: {{kind: kafka}}
    {begin}      KAFKA_BROKER_ID: 1
      KAFKA_ZOOKEEPER_CONNECT: zookeeper:2181
{listeners}"
            )
        }
    };
    format!("x-vv: {{topics: topics.yml}}\nservices:\n{brokers}{services}")
}

/// A stack of its own for a test, its broker's port chosen.
pub fn project(test: &str, mode: Mode, services: &str) -> Project {
    Project::new(test, &stack(mode, free_port(), services))
}

/// A service that starts after the topics, and says at its beginning what the broker holds: the names of its logs'
/// folders, and what a KRaft quorum has written down.
pub fn late_comer() -> String {
    format!(
        "  app:
    image: {BUSYBOX}
    stop_grace_period: 0s
    command: [sh, -c, 'ls /logs; cat /logs/__cluster_metadata-0/*.log; exec sleep 1000']
    volumes: ['logs:/logs:ro']
    x-vv: {{needs: [topics]}}
volumes:
  logs:
    driver_opts: {{type: tmpfs, device: tmpfs, o: 'size=160m,mode=1777'}}
"
    )
}

/// Runs a script of Kafka's own tools in the broker's container: `topics` and `configs` know where it is, `put` sets
/// settings of a topic and `take` takes them away. What it prints.
#[track_caller]
pub fn tools(project: &Project, script: &str) -> String {
    let container = project.container("kafka-1");
    let script = format!(
        "set -e
        topics() {{ kafka-topics.sh --bootstrap-server {INSIDE} \"$@\"; }}
        configs() {{ kafka-configs.sh --bootstrap-server {INSIDE} \"$@\"; }}
        put() {{ configs --alter --entity-type topics --entity-name $1 --add-config $2; }}
        take() {{ configs --alter --entity-type topics --entity-name $1 --delete-config $2; }}
        {script}"
    );
    docker(&["exec", &container, "sh", "-c", &script])
}

/// A topic in the words of Kafka's own tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    pub partitions: usize,
    pub replicas: usize,
    /// What is set on the topic.
    pub config: BTreeMap<String, String>,
    /// Of these partitions somebody leads.
    pub led: usize,
}

/// All topics but vv's own, as `kafka-topics.sh --describe` and `kafka-configs.sh --describe` have them. What the one
/// tells the other must tell, too; but kafka-topics.sh also tells what is set for the whole cluster, which a quorum of
/// Kafka 4 does by itself with min.insync.replicas.
#[track_caller]
pub fn described(project: &Project) -> BTreeMap<String, Described> {
    let told = tools(project, "topics --describe; configs --describe --entity-type topics");
    let mut topics = read_topics(&told);
    topics.remove("vv-probe");
    let by_configs = read_configs(&told);
    for (name, topic) in &mut topics {
        let own = by_configs.get(name).cloned().unwrap_or_default();
        topic.config.retain(|key, _| key != "min.insync.replicas" || own.contains_key(key));
        assert_eq!(topic.config, own, "Kafka's two tools don't agree on {name}: {told}");
    }
    topics
}

/// `kafka-topics.sh --describe`.
pub fn read_topics(told: &str) -> BTreeMap<String, Described> {
    let mut topics: BTreeMap<String, Described> = BTreeMap::new();
    for line in told.lines() {
        let fields: BTreeMap<&str, &str> =
            line.trim().split('\t').filter_map(|field| field.split_once(": ")).collect();
        let Some(name) = fields.get("Topic") else { continue };
        let number = |key: &str| fields.get(key).and_then(|text| text.trim().parse::<usize>().ok());
        if let (Some(partitions), Some(replicas)) = (number("PartitionCount"), number("ReplicationFactor")) {
            // A comma stands between settings and within their values.
            let mut config: Vec<(String, String)> = Vec::new();
            let settings = line.split_once("Configs: ").map(|(_, settings)| settings).unwrap_or_default();
            for piece in settings.split(',').filter(|piece| !piece.is_empty()) {
                match (piece.split_once('='), config.last_mut()) {
                    (Some((key, value)), _) => config.push((key.to_owned(), value.trim().to_owned())),
                    (None, Some((_, value))) => value.push_str(&format!(",{}", piece.trim())),
                    (None, None) => panic!("{line}"),
                }
            }
            let config = config.into_iter().collect();
            topics.insert((*name).to_owned(), Described { partitions, replicas, config, led: 0 });
        } else if number("Leader").is_some() {
            topics.get_mut(*name).unwrap().led += 1;
        }
    }
    topics
}

/// `kafka-configs.sh --describe --entity-type topics`.
fn read_configs(told: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut topics: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut name = "";
    for line in told.lines() {
        if let Some(rest) = line.strip_prefix("Dynamic configs for topic ") {
            name = rest.strip_suffix(" are:").unwrap();
        } else if let Some((setting, _)) = line.strip_prefix("  ").and_then(|it| it.split_once(" sensitive="))
        {
            let (key, value) = setting.split_once('=').unwrap();
            topics.entry(name.to_owned()).or_default().insert(key.to_owned(), value.to_owned());
        }
    }
    topics
}

/// Kafka's settings of a topic, to compare with.
pub fn settings(settings: &[(&str, &str)]) -> BTreeMap<String, String> {
    settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The names of the topics.
pub fn names_of(topics: &BTreeMap<String, Described>) -> BTreeSet<&str> {
    topics.keys().map(String::as_str).collect()
}

/// vv with these words, begun and not waited for.
pub fn begin(project: &Project, words: &[&str]) -> Child {
    let mut command: Command = project.command(words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What became of it.
pub fn end(child: Child) -> Ran {
    Ran::of(child.wait_with_output().unwrap())
}

/// The line of the check of declared topics in the health of a stack: its status and its words.
#[track_caller]
pub fn health(project: &Project) -> String {
    let report = project.json(&["health", "--format", "json"]);
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["check"] == "declared topics");
    let check = check.unwrap_or_else(|| panic!("{report:#}"));
    let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let hint = if text("hint").is_empty() { String::new() } else { format!(" -> {}", text("hint")) };
    format!("{} {}{hint}", text("status"), text("detail")).replace(&format!("-p {} ", project.name), "")
}

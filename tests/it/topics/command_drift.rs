//! What was declared against what Kafka's own tools say and do: agreement setting by setting, every drift found and
//! mended, what nobody declared listed and pruned.

use std::collections::BTreeMap;

use super::command::{Described, Mode, described, health, names_of, project, settings, tools};
use super::command_refusals::refused;
use crate::support::{Project, wait_until};

/// Defaults, groups, the broker's own (-1, null), lists, numbers and booleans in every way of writing.
const DECLARED: &str = r#"defaults:
  partitions: 2
  replication_factor: ${REPLICAS:-1}
  config: {retention.ms: 604800000, segment.ms: "3600000"}
topics:
  - plain
  - {name: brokers-own, partitions: -1, replication_factor: -1, config: {retention.ms: null}}
  - name: settings
    partitions: 5
    description: Every kind of value
    config:
      cleanup.policy: [compact, delete]
      min.cleanable.dirty.ratio: 0.10
      retention.ms: -1
      retention.bytes: 1073741824
      max.message.bytes: "2097152"
      compression.type: zstd
      unclean.leader.election.enable: true
      message.timestamp.type: LogAppendTime
      min.insync.replicas: 1
      segment.ms: null
groups:
  - prefix: orders.
    owner: order-service
    partitions: 3
    config: {retention.ms: 3600000}
    topics:
      - placed
      - {name: shipped, partitions: 1, config: {cleanup.policy: "delete,compact", retention.ms: 86400000}}
  - prefix: ${TENANT:-acme}.
    topics:
      - {name: audit, replication_factor: 1, config: {retention.ms: null, segment.ms: null}}
"#;

const HOUR: (&str, &str) = ("segment.ms", "3600000");

fn topic(partitions: usize, config: &[(&str, &str)]) -> Described {
    Described { partitions, replicas: 1, config: settings(config), led: partitions }
}

/// What Kafka's tools are to say, written by hand.
fn wanted() -> BTreeMap<String, Described> {
    let topics = [
        ("plain", topic(2, &[("retention.ms", "604800000"), HOUR])),
        ("brokers-own", topic(4, &[HOUR])),
        (
            "settings",
            topic(
                5,
                &[
                    ("cleanup.policy", "compact,delete"),
                    ("min.cleanable.dirty.ratio", "0.1"),
                    ("retention.ms", "-1"),
                    ("retention.bytes", "1073741824"),
                    ("max.message.bytes", "2097152"),
                    ("compression.type", "zstd"),
                    ("unclean.leader.election.enable", "true"),
                    ("message.timestamp.type", "LogAppendTime"),
                    ("min.insync.replicas", "1"),
                ],
            ),
        ),
        ("orders.placed", topic(3, &[("retention.ms", "3600000"), HOUR])),
        (
            "orders.shipped",
            topic(1, &[("cleanup.policy", "delete,compact"), ("retention.ms", "86400000"), HOUR]),
        ),
        ("acme.audit", topic(2, &[])),
    ];
    topics.map(|(name, topic)| (name.to_owned(), topic)).into()
}

#[test]
fn agreement_and_drift_in_a_quorum() {
    whole(Mode::Kraft, "drift-kraft");
}

#[test]
fn agreement_and_drift_with_zookeeper() {
    whole(Mode::ZooKeeper, "drift-zk");
}

fn whole(mode: Mode, test: &str) {
    let project = project(test, mode, "");
    project.write("topics.yml", DECLARED);
    project.ok(&["start"]).says("topics applied");
    assert_eq!(described(&project), wanted());
    assert_eq!(health(&project), "ok 6 topics, as declared");

    found(&project);
    mended(&project);
    by_a_start(&project);
    refused(&project, mode);
    written_and_pruned(&project);
}

/// Everything that can drift, made to by hand, is found by all who look.
fn found(project: &Project) {
    tools(
        project,
        "put settings retention.ms=1000
        take settings cleanup.policy
        put brokers-own retention.ms=5000
        put orders.shipped max.message.bytes=5000
        topics --alter --topic orders.placed --partitions 6
        topics --create --topic late --partitions 1 --replication-factor 1 --config retention.ms=604800000
        topics --create --topic stray
        topics --delete --topic plain",
    );
    let more = DECLARED.replace("  - plain\n", "  - plain\n  - {name: late, partitions: 3}\n");
    project.write("topics.yml", &more);
    wait_until("plain is gone", || {
        !project.ok(&["init-topics", "--from-cluster"]).stdout.contains("- plain\n")
    });

    let check = project.fails(1, &["init-topics", "--check"]);
    insta::allow_duplicates! {
        insta::assert_snapshot!(check.stdout, @r"
           TOPIC           CHANGE
        +  plain           create: 2 partitions, replication factor 1, retention.ms=604800000, segment.ms=3600000
        ~  late            grow 1 → 3 partitions; set segment.ms 604800000 → 3600000
        ~  brokers-own     unset retention.ms=5000
        ~  settings        set retention.ms 1000 → -1; set cleanup.policy delete → compact,delete
        !  orders.shipped  max.message.bytes=5000 is set and not declared
        ✘  orders.placed   it has 6 partitions and 3 are declared: Kafka takes none away
        hint: declare 6 partitions for orders.placed, or make a new topic and move to it
        not declared: stray
        7 topics declared: 1 missing, 3 to be changed, 1 impossible, 1 drifted, 1 as declared; 1 not declared
        ");
    }
    assert_eq!(project.ok(&["init-topics", "--dry-run"]).stdout, check.stdout, "nothing was done");
    let report = project.json(&["init-topics", "--check", "--format", "json"]);
    assert_eq!(report["status"], "differs");
    let lines: Vec<String> = report["topics"].as_array().unwrap().iter().map(line).collect();
    insta::allow_duplicates! {
        insta::assert_snapshot!(lines.join("\n"), @r#"
        plain: ["missing"] drift [] impossible []
        late: ["fewer_partitions", "other_default"] drift [] impossible []
        brokers-own: ["declared_unset"] drift [] impossible []
        settings: ["other_value", "other_default"] drift [] impossible []
        orders.placed: [] drift [] impossible ["shrink"]
        orders.shipped: [] drift ["max.message.bytes"] impossible []
        acme.audit: [] drift [] impossible []
        "#);
    }
    assert_eq!(report["undeclared"], serde_json::json!(["stray"]));
    let plan = project.ok(&["plan"]);
    insta::allow_duplicates! {
        insta::assert_snapshot!(plan.stdout, @r"
        topics:
          ~ apply topics, changes: 6  (at the end)
            + create topic plain: 2 partitions, replication factor 1, retention.ms=604800000, segment.ms=3600000  (missing)
            ~ grow topic late: 1 → 3 partitions  (fewer partitions than declared)
            ~ topic late: set segment.ms 604800000 → 3600000  (not set, and the broker's default is another)
            ~ topic brokers-own: unset retention.ms=5000  (set, and declared to be the broker's default)
            ~ topic settings: set retention.ms 1000 → -1  (another value than declared)
            ~ topic settings: set cleanup.policy delete → compact,delete  (not set, and the broker's default is another)
        note: topic orders.placed stays as it is: it has 6 partitions and 3 are declared: Kafka takes none away
        note: topic orders.shipped: max.message.bytes=5000 is set and not declared
        ");
    }
    assert_eq!(health(project), "fail missing: plain -> vv init-topics");
    project.fails(1, &["health"]).shows("missing: plain").shows(&project.typed("init-topics"));
}

/// A topic of the JSON document in a line: the causes of its changes, drift and reasons.
fn line(topic: &serde_json::Value) -> String {
    let all = |key: &str, part: &str| -> Vec<String> {
        let items = topic[key].as_array().unwrap().iter();
        items.map(|item| item[part].as_str().unwrap().to_owned()).collect()
    };
    format!(
        "{}: {:?} drift {:?} impossible {:?}",
        topic["topic"].as_str().unwrap(),
        all("changes", "cause"),
        all("drift", "setting"),
        all("impossible", "cause")
    )
}

/// What can be mended is, and what can't be is told until the declaration says otherwise.
fn mended(project: &Project) {
    let ran = project.fails(1, &["init-topics"]);
    insta::allow_duplicates! {
        insta::assert_snapshot!(ran.stdout, @r"
           TOPIC           CHANGE
        ✔  plain           create: 2 partitions, replication factor 1, retention.ms=604800000, segment.ms=3600000
        ✔  late            grow 1 → 3 partitions; set segment.ms 604800000 → 3600000
        ✔  brokers-own     unset retention.ms=5000
        ✔  settings        set retention.ms 1000 → -1; set cleanup.policy delete → compact,delete
        !  orders.shipped  max.message.bytes=5000 is set and not declared
        ✘  orders.placed   it has 6 partitions and 3 are declared: Kafka takes none away
        hint: declare 6 partitions for orders.placed, or make a new topic and move to it
        not declared: stray
        7 topics declared: 4 done, 1 impossible, 1 drifted, 1 as declared; 1 not declared
        ");
    }
    let mut then = wanted();
    then.insert("late".into(), topic(3, &[("retention.ms", "604800000"), HOUR]));
    then.insert("stray".into(), topic(4, &[]));
    then.insert("orders.placed".into(), topic(6, &[("retention.ms", "3600000"), HOUR]));
    then.get_mut("orders.shipped").unwrap().config.insert("max.message.bytes".into(), "5000".into());
    assert_eq!(described(project), then);
    project
        .fails(1, &["init-topics", "--check"])
        .shows("7 topics declared: 1 impossible, 1 drifted, 5 as declared");
    let seen = health(project);
    assert!(seen.starts_with("warn not as declared: orders.placed: it has 6 partitions and 3 are"), "{seen}");
    assert!(seen.contains("; orders.shipped: max.message.bytes=5000 is set and not declared -> "), "{seen}");

    let more = std::fs::read_to_string(project.path("topics.yml")).unwrap();
    let more = more
        .replace("      - placed\n", "      - {name: placed, partitions: 6}\n")
        .replace("retention.ms: 86400000}", "retention.ms: 86400000, max.message.bytes: 5000}");
    project.write("topics.yml", &more);
    project.ok(&["init-topics", "--check"]).shows("7 topics declared: 7 as declared; 1 not declared");
    assert_eq!(health(project), "ok 7 topics, as declared");
}

/// A start mends, too.
fn by_a_start(project: &Project) {
    let before = described(project);
    tools(project, "put late retention.ms=1; put acme.audit retention.bytes=10, segment.ms=5000");
    let started = project.ok(&["start"]);
    started.says("topics applied").says("topic acme.audit: retention.bytes=10 is set and not declared");
    tools(project, "take acme.audit retention.bytes");
    assert_eq!(described(project), before);
    project.ok(&["start"]).says("nothing to do");
}

/// A file written of the cluster is what the cluster is; what isn't declared goes only by name and with a yes.
fn written_and_pruned(project: &Project) {
    let odd = r#"topics: ["null", "1.50", "yes", "0x1F", "-", "...", "old-1", {name: old-2, partitions: 3, config: {cleanup.policy: compact}}]"#;
    project.write("odd.yml", odd);
    project.ok(&["init-topics", "--topics", "odd.yml"]).shows("8 done");
    let written = project.ok(&["init-topics", "--from-cluster"]);
    project.write("all.yml", &written.stdout);
    let count = described(project).len();
    let check = project.ok(&["init-topics", "--topics", "all.yml", "--check"]);
    assert_eq!(check.stdout.trim(), format!("{count} topics declared: {count} as declared"));

    let there = described(project);
    let all = names_of(&there);
    project
        .fails(2, &["init-topics", "--prune", "old-*"])
        .says("--prune deletes data, and there is no terminal to ask")
        .says("--yes deletes it");
    project.ok(&["init-topics", "--prune", "old-?", "--dry-run"]).says("would be deleted: old-1");
    project
        .ok(&["init-topics", "--prune", "plain", "--prune", "none-*", "--yes"])
        .says("--prune plain: no topic that isn't declared matches")
        .says("--prune none-*: no topic that isn't declared matches");
    project.fails(2, &["init-topics", "--prune", "old-[", "--yes"]).says("a '[' is never closed");
    assert_eq!(names_of(&described(project)), all, "nothing went");

    let ran = project.ok(&["init-topics", "--prune", "old-*", "--yes", "--format", "json"]);
    serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap();
    ran.says("deleted old-1").says("deleted old-2");
    wait_until("the old ones are gone", || {
        names_of(&described(project)) == all.iter().copied().filter(|name| !name.starts_with("old")).collect()
    });
    project.ok(&["init-topics", "--prune", "*", "--yes"]).says("deleted stray");
    wait_until("only what is declared is left", || {
        let report = project.json(&["init-topics", "--check", "--format", "json"]);
        report["undeclared"] == serde_json::json!([])
    });
    let left = tools(project, "topics --list");
    assert!(left.contains("vv-probe"), "what vv's own checks need stays: {left}");
    project.ok(&["init-topics", "--check"]).shows("7 topics declared: 7 as declared");
}

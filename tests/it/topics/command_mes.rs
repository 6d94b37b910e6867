//! The 56 topics of the shipped declaration: by a start, by the command, again, and by two at once.

use super::command::{Mode, begin, described, end, health, late_comer, names_of, project, settings, stack};
use crate::support::{Project, docker, free_port, wait_until};

#[test]
fn the_mes_topics_in_a_quorum() {
    whole(Mode::Kraft, "mes-kraft");
}

#[test]
fn the_mes_topics_with_zookeeper() {
    whole(Mode::ZooKeeper, "mes-zk");
}

fn whole(mode: Mode, test: &str) {
    let stack = stack(mode, free_port(), &late_comer());
    // Somebody else looks into what the broker writes.
    let stack = stack.replace("tmpfs: ['/logs:size=160m,mode=777']", "volumes: ['logs:/logs']");
    let project = Project::new(test, &stack);
    project.write("topics.yml", super::command::MES);
    project.write("nothing.yml", "topics: []\n");

    project.ok(&["plan"]).shows("apply topics, as far as they differ then  (needed by app)");
    let started = project.ok(&["start"]);
    let applied = started.stderr.find("topics applied").expect("the topics are told of");
    let app = started.stderr.find("app-1 started").expect("the app is told of");
    assert!(applied < app, "{started}");
    as_the_seed_has_them(&project);
    // What the app found when it began.
    let found = docker(&["logs", &project.container("app-1")]);
    for name in names_of(&described(&project)) {
        assert!(found.contains(name), "the app began before {name} was there");
    }

    project.ok(&["start"]).says("nothing to do");
    assert_eq!(project.ok(&["plan"]).stdout.trim(), "nothing to do");
    assert_eq!(project.ok(&["init-topics"]).stdout.trim(), "56 topics declared: 56 as declared");
    assert_eq!(project.ok(&["init-topics", "--check"]).stdout.trim(), "56 topics declared: 56 as declared");
    let report = project.json(&["init-topics", "--format", "json"]);
    assert_eq!((&report["schema"], &report["status"]), (&"vv.topics/1".into(), &"unchanged".into()));
    assert_eq!(report["counts"]["unchanged"], 56, "{report:#}");
    assert_eq!(health(&project), "ok 56 topics, as declared");
    project.ok(&["health", "--fail-on", "warn"]);

    // Made again in the moment in which they go; a broker deletes behind its answer.
    all_go(&project);
    let made = project.ok(&["init-topics"]);
    assert!(made.stdout.trim_end().ends_with("56 topics declared: 56 done"), "{made}");
    as_the_seed_has_them(&project);

    all_go(&project);
    wait_until("no topic is left", || {
        project.ok(&["init-topics", "--from-cluster"]).stdout == "topics: []\n"
    });
    let two = [begin(&project, &["init-topics"]), begin(&project, &["init-topics"])];
    for ran in two.map(end) {
        assert_eq!(ran.code, 0, "{ran}");
    }
    as_the_seed_has_them(&project);
    project.ok(&["init-topics", "--check"]);
    project.ok(&["start"]).says("nothing to do");
}

fn all_go(project: &Project) {
    let ran = project.ok(&["init-topics", "--topics", "nothing.yml", "--prune", "*", "--yes"]);
    assert_eq!(ran.stderr.matches("deleted ").count(), 56, "{ran}");
}

/// As `mes_topics.txt` and the declaration's own comments have them, in the words of Kafka's own tools.
fn as_the_seed_has_them(project: &Project) {
    let topics = described(project);
    assert_eq!(topics.len(), 56, "{:?}", names_of(&topics));
    let with = |partitions: usize| -> Vec<&str> {
        let some = topics.iter().filter(|(_, topic)| topic.partitions == partitions);
        some.map(|(name, _)| name.as_str()).collect()
    };
    assert_eq!(with(5), ["equipment.status-changed", "integration.scada-data-received", "system.audit-log"]);
    assert_eq!((with(1).len(), with(3).len()), (14, 39));
    for (name, topic) in &topics {
        assert_eq!(topic.led, topic.partitions, "{name}");
        assert_eq!(topic.replicas, 1, "{name}");
        assert_eq!(topic.config, settings(&[("retention.ms", "604800000")]), "{name}");
    }
}

/// Declarations that share a part, for the same empty broker.
#[test]
fn two_declarations_at_once() {
    let project = project("two", Mode::Kraft, "");
    let topics = |from: u32| {
        let names: Vec<String> = (from..from + 60).map(|number| format!("shared-{number:03}")).collect();
        format!("defaults: {{partitions: 3}}\ntopics: [{}]\n", names.join(", "))
    };
    project.write("topics.yml", "topics: []\n");
    project.write("one.yml", &topics(0));
    project.write("two.yml", &topics(30));
    project.ok(&["start"]);
    let two = ["one.yml", "two.yml"].map(|file| begin(&project, &["init-topics", "--topics", file]));
    for ran in two.map(end) {
        assert_eq!(ran.code, 0, "{ran}");
        ran.shows("60 topics declared: ");
    }
    let topics = described(&project);
    assert_eq!(topics.len(), 90);
    assert!(topics.values().all(|topic| topic.partitions == 3 && topic.led == 3), "{topics:?}");
}

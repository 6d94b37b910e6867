//! Brokers that are hard to reach: not published, behind a login, named by hand without a stack, frozen, gone.

use std::time::{Duration, Instant};

use super::command::{Mode, described, project, stack};
use crate::support::{Project, Ran, docker, free_port};

/// Declared where nothing depends on what.
const TWO: &str = "topics: [one, {name: two, partitions: 2}]\n";

#[test]
fn a_broker_that_is_not_published() {
    let stack = stack(Mode::Kraft, 1, "");
    let stack =
        stack.replace("    ports: ['127.0.0.1:1:19092']\n", "").replace("localhost:1,", "kafka:19092,");
    assert!(!stack.contains("ports") && stack.contains("HOST://kafka:19092"), "{stack}");
    let project = Project::new("inside", &stack);
    project.write("topics.yml", TWO);
    project.ok(&["start"]).says("topics applied");
    project.ok(&["init-topics", "--check"]).shows("2 topics declared: 2 as declared");
    project.write("topics.yml", "topics: [one, {name: two, partitions: 3}, three]\n");
    project.ok(&["init-topics"]).shows("grow 2 → 3 partitions").shows("2 done, 1 as declared");
    // Named as the stack's containers call it.
    let named = ["init-topics", "--bootstrap", "kafka:19092", "--check"];
    project.ok(&named).shows("3 topics declared: 3 as declared");
    let topics = described(&project);
    assert_eq!((topics.len(), topics["two"].partitions), (3, 3));
    project.ok(&["plan"]).shows("nothing to do");
    project.ok(&["health"]);
}

#[test]
fn a_broker_that_is_frozen_or_gone() {
    let project = project("frozen", Mode::Kraft, "");
    project.write("topics.yml", TWO);
    project
        .fails(6, &["init-topics", "--timeout", "20s"])
        .says("kafka doesn't run")
        .says(&format!("hint: {}", project.typed("start kafka")));
    project.ok(&["start"]);
    let kafka = project.container("kafka-1");

    // The container goes on to run, and the process in it doesn't.
    docker(&["kill", "-s", "STOP", &kafka]);
    let timeout = Duration::from_secs(4);
    for words in [&["init-topics"][..], &["init-topics", "--check"], &["init-topics", "--from-cluster"]] {
        let begun = Instant::now();
        let ran = project.fails(6, &[words, &["--timeout", "4s"]].concat());
        assert!(begun.elapsed() < timeout + Duration::from_secs(5), "{:?}: {ran}", begun.elapsed());
        ran.says("error: Kafka isn't ready: ").says("says nothing");
        assert_eq!(ran.stdout, "");
    }
    // A plan doesn't wait for it, and says what it doesn't know.
    project.ok(&["plan"]).shows("apply topics, as far as they differ then");
    // It comes to in time.
    let waiting = super::command::begin(&project, &["init-topics", "--check", "--timeout", "60s"]);
    std::thread::sleep(Duration::from_secs(1));
    docker(&["kill", "-s", "CONT", &kafka]);
    let ran = super::command::end(waiting);
    assert_eq!(ran.code, 0, "{ran}");

    docker(&["kill", &kafka]);
    for words in [&["init-topics", "--check"][..], &["init-topics", "--from-cluster"]] {
        project.fails(6, words).says("kafka doesn't run").says(&project.typed("start kafka"));
    }
}

#[test]
fn brokers_without_a_stack() {
    let port = free_port();
    let broker = Project::new("bare", &stack(Mode::Kraft, port, ""));
    broker.write("topics.yml", "topics: []\n");
    broker.ok(&["start"]);

    // Another folder, in which there is no stack at all.
    let nobody = Project::new("nobody", "");
    std::fs::remove_file(nobody.path("compose.yaml")).unwrap();
    nobody.write("mine.yml", "defaults: {partitions: 3}\ntopics: [a, b]\n");
    let there = format!("localhost:{port}");
    let named = ["init-topics", "--bootstrap", &there, "--topics", "mine.yml"];
    let with = |more: &[&'static str]| -> Vec<&str> { [&named, more].concat() };
    nobody.fails(1, &with(&["--check"])).shows("2 topics declared: 2 missing");
    nobody.ok(&with(&[])).shows("2 topics declared: 2 done");
    nobody.ok(&with(&["--check"])).shows("2 topics declared: 2 as declared");
    let written = nobody.ok(&["init-topics", "--bootstrap", &there, "--from-cluster"]);
    assert_eq!(
        written.stdout,
        "defaults:\n  partitions: 3\n  replication_factor: 1\ntopics:\n  - a\n  - b\n"
    );
    assert_eq!(described(&broker).len(), 2);

    let silent = free_port();
    let begun = Instant::now();
    let away = format!("localhost:{silent}");
    let ran = nobody.fails(6, &["init-topics", "--bootstrap", &away, "--from-cluster", "--timeout", "3s"]);
    ran.says(&format!("no Kafka answers at {away} within")).says("hint: is Kafka up, and is this its port?");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    nobody.fails(2, &["init-topics", "--bootstrap", "http://x", "--from-cluster"]).says("--bootstrap: ");
}

#[test]
fn a_login() {
    let port = free_port();
    let module = "org.apache.kafka.common.security.plain.PlainLoginModule required";
    let stack = stack(Mode::Kraft, port, "").replace("HOST:PLAINTEXT", "HOST:SASL_PLAINTEXT").replace(
        "      KAFKA_NUM_PARTITIONS",
        &format!(
            "      KAFKA_SASL_ENABLED_MECHANISMS: PLAIN
      KAFKA_LISTENER_NAME_HOST_PLAIN_SASL_JAAS_CONFIG: '{module} user_vv=\"top-secret-1\";'
      KAFKA_NUM_PARTITIONS"
        ),
    );
    let mut project = Project::new("login", &stack);
    project.write("topics.yml", TWO);
    let properties = |password: &str| {
        format!(
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n\
             sasl.jaas.config={module} username=\"vv\" password=\"{password}\";\n"
        )
    };
    project.write("right.properties", &properties("top-secret-1"));
    project.write("wrong.properties", &properties("top-secret-2"));
    let silent = |ran: Ran| -> Ran {
        assert!(!ran.to_string().contains("top-secret"), "{ran}");
        ran
    };

    // The start itself knows no login, and says what is missing.
    let started = silent(project.fails(5, &["start"]));
    started.says("could not apply topics: ").says("wants a login (SASL)");
    silent(project.fails(5, &["init-topics"])).says("wants a login (SASL)").says("--command-config");
    let wrong = ["init-topics", "--command-config", "wrong.properties"];
    silent(project.fails(5, &wrong)).says("refuses the login").says("Invalid username or password");
    let right = ["init-topics", "--command-config", "right.properties"];
    silent(project.ok(&right)).shows("2 topics declared: 2 done");
    silent(project.ok(&[&right[..], &["--check", "--format", "json"]].concat()));
    silent(project.ok(&[&right[..], &["--from-cluster"]].concat())).shows("- name: one");
    silent(project.fails(2, &["init-topics", "--command-config", "absent.properties"]))
        .says("absent.properties");
    assert_eq!(described(&project).len(), 2);

    // From the environment, for a start and health as well.
    for (name, value) in [
        ("VV_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("VV_KAFKA_SASL_MECHANISM", "PLAIN"),
        ("VV_KAFKA_SASL_USERNAME", "vv"),
        ("VV_KAFKA_SASL_PASSWORD", "top-secret-1"),
    ] {
        project.env.push((name.into(), value.into()));
    }
    project.write("topics.yml", &TWO.replace("one, ", "one, three, "));
    silent(project.ok(&["plan"])).shows("create topic three");
    silent(project.ok(&["start"])).says("topics applied");
    silent(project.ok(&["start"])).says("nothing to do");
    let report = silent(project.vv(&["health", "--format", "json"]));
    report.shows("3 topics, as declared");
}

//! Start, change, scale, stop, down: the daily life of a stack.

use crate::support::proxy::Proxy;
use crate::support::{BUSYBOX, ENGINE, Project, docker, free_port};

/// Two services and what they share: `web` waits for `db` to be healthy.
fn pair(port: u16) -> String {
    format!(
        r#"
services:
  db:
    image: {BUSYBOX}
    command: [sh, -c, "touch /tmp/up; exec sleep 1000"]
    stop_grace_period: 0s
    volumes: [data:/data]
    healthcheck: {{test: [CMD, test, -e, /tmp/up], interval: 15s}}
  web:
    image: {BUSYBOX}
    command: [httpd, -f, -p, "8080"]
    stop_grace_period: 0s
    environment: {{GREETING: hello, API_TOKEN: s3cret}}
    ports: ["127.0.0.1:{port}:8080"]
    depends_on: {{db: {{condition: service_healthy}}}}
volumes: {{data: {{}}}}
"#
    )
}

#[test]
fn a_second_start_changes_nothing_and_makes_five_calls() {
    let proxy = Proxy::new(ENGINE.as_ref());
    let mut project = Project::new("noop", &pair(free_port()));
    project.env.push(("DOCKER_HOST".into(), proxy.docker_host()));
    let started = std::time::Instant::now();
    project.ok(&["start"]);
    assert!(started.elapsed().as_secs() < 15, "an interval of 15 s isn't waited for");
    let healthy = || {
        docker(&["inspect", "-f", "{{.State.Health.Status}}", &project.container("db-1")]).trim() == "healthy"
    };
    crate::support::wait_until("the engine's own first verdict is in", healthy);
    let before = project.containers();
    proxy.reset();
    project.ok(&["start"]).says("nothing to do");
    assert_eq!(proxy.calls().len(), 5, "{:?}", proxy.calls());
    assert_eq!(project.containers(), before);
    project.ok(&["plan", "--check"]).shows("nothing to do");
    project.ok(&["down", "-v"]);
    assert_eq!(project.leftovers(), Vec::<String>::new());
    project.ok(&["down", "-v"]).says("nothing to do");
}

#[test]
fn one_changed_variable_recreates_one_service_and_is_named() {
    let port = free_port();
    let project = Project::new("change", &pair(port));
    project.ok(&["start"]);
    let before = project.containers();
    project.write("compose.yaml", &pair(port).replace("hello", "good day"));
    let plan = project.fails(1, &["plan", "--check"]);
    plan.shows("environment: GREETING");
    assert!(!plan.stdout.contains("good day") && !plan.stdout.contains("-db-1"), "{plan}");
    project.ok(&["start"]);
    let after = project.containers();
    assert_eq!(before[0], after[0], "db is kept");
    assert_ne!(before[1].1, after[1].1, "web is another one");
    assert_eq!(before[1].0, after[1].0, "by the same name");
}

#[test]
fn secrets_show_nowhere() {
    let project = Project::new("secret", &pair(free_port()));
    for words in [
        &["plan"][..],
        &["plan", "--format", "json"],
        &["start", "--dry-run"],
        &["--progress", "json", "--verbose", "start"],
        &["status", "--format", "json"],
    ] {
        let ran = project.ok(words);
        assert!(!ran.stdout.contains("s3cret") && !ran.stderr.contains("s3cret"), "{words:?}: {ran}");
    }
    let labels = docker(&["inspect", "-f", "{{json .Config.Labels}}", &project.container("web-1")]);
    assert!(!labels.contains("s3cret"), "{labels}");
}

#[test]
fn scaling_keeps_the_fixed_port_and_survives_a_start() {
    let port = free_port();
    let project = Project::new("scale", &pair(port));
    project.ok(&["start"]);
    project.ok(&["scale", "web", "4"]);
    let bound = docker(&["port", &project.container("web-1"), "8080"]);
    assert_eq!(bound.trim(), format!("127.0.0.1:{port}"));
    let status = project.json(&["status", "web", "--format", "json"]);
    assert_eq!(status["replicas"].as_array().unwrap().len(), 4);
    project.ok(&["start"]).says("nothing to do");
    project.ok(&["scale", "web=1"]);
    assert_eq!(project.containers().len(), 2);
    assert_eq!(docker(&["port", &project.container("web-1"), "8080"]).trim(), format!("127.0.0.1:{port}"));
    project.ok(&["scale", "web", "3"]);
    project.ok(&["start", "--reset-scale"]);
    assert_eq!(project.containers().len(), 2);
}

#[test]
fn every_dry_run_shows_its_plan_as_json_too() {
    let project = Project::new("dry", &pair(free_port()));
    project.fails(2, &["start", "--format", "json"]).says("--dry-run");
    project.ok(&["start"]);
    let before = project.containers();
    for words in [
        &["start", "--force-recreate"][..],
        &["stop"],
        &["down", "-v"],
        &["restart"],
        &["scale", "web=2"],
        &["build"],
        &["pull"],
        &["reset"],
    ] {
        let ran = project.ok(&[words, &["--dry-run", "--format", "json"]].concat());
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!((&document["schema"], ran.stderr.as_str()), (&"vv.plan/1".into(), ""), "{words:?}");
        let operations = document["operations"].as_array().unwrap();
        assert_eq!(operations.is_empty(), words == ["build"], "{words:?}: {document:#}");
        if words == ["reset"] {
            let actions = |action: &str| operations.iter().filter(|o| o["action"] == action).count();
            assert_eq!((actions("remove_container"), actions("create_container")), (2, 2), "{document:#}");
            let ids: Vec<_> = operations.iter().map(|operation| operation["id"].as_u64().unwrap()).collect();
            for operation in operations {
                let after = operation["after"].as_array().unwrap();
                let id = operation["id"].as_u64().unwrap();
                assert!(after.iter().all(|other| other.as_u64().unwrap() < id), "{ids:?} {operation}");
            }
        }
    }
    project.ok(&["reset", "--dry-run"]).shows("remove container").shows("create container");
    assert_eq!(project.containers(), before);
}

#[test]
fn stop_keeps_and_start_brings_back() {
    let project = Project::new("stop", &pair(free_port()));
    project.ok(&["start"]);
    let before = project.containers();
    project.ok(&["stop"]);
    assert_eq!(project.containers(), before, "stopped containers are kept");
    project.ok(&["stop"]).says("nothing to do");
    project.ok(&["start", "web"]);
    assert_eq!(project.containers(), before);
    project.ok(&["restart", "web"]);
    assert_eq!(project.containers(), before);
}

#[test]
fn whatever_call_a_killed_vv_dies_after_the_next_start_converges() {
    let proxy = Proxy::new(ENGINE.as_ref());
    let port = free_port();
    let mut project = Project::new("killed", &pair(port));
    project.env.push(("DOCKER_HOST".into(), proxy.docker_host()));
    let changed = pair(port).replace("hello", "good day").replace("/tmp/up; ", "/tmp/up;  ");

    let calls = |words: &[&str]| {
        proxy.reset();
        project.ok(words);
        proxy.mutating_calls().len()
    };
    let starting = calls(&["start"]);
    let scaling = calls(&["scale", "web", "3"]);
    project.write("compose.yaml", &changed);
    let recreating = calls(&["start", "--reset-scale"]);
    let going = calls(&["down", "-v"]);
    assert!(
        starting >= 6 && scaling >= 4 && recreating >= 6 && going >= 6,
        "{starting} {scaling} {recreating} {going}"
    );

    let killed = |words: &[&str], after: usize| {
        proxy.cut_after(after);
        let ran = project.vv(words);
        assert!(proxy.was_cut() && ran.code != 0, "vv {words:?} cut after {after}: {ran}");
        proxy.reset();
    };
    let converges = |what: &str| {
        project.ok(&["start"]);
        let plan = project.ok(&["plan"]);
        assert!(plan.stdout.contains("nothing to do"), "{what}: {plan}");
        let odd: Vec<_> =
            project.containers().into_iter().filter(|(name, _)| !name.starts_with(&project.name)).collect();
        assert_eq!(odd, Vec::new(), "{what}");
    };
    for after in 1..=starting {
        project.write("compose.yaml", &pair(port));
        killed(&["start"], after);
        converges(&format!("start cut after call {after}"));
        if after > 1 {
            // From here on the stack is up: everything else is cut on the way, too.
            project.ok(&["down", "-v"]);
        }
        project.ok(&["down", "-v"]);
    }
    project.ok(&["start"]);
    for after in 1..=scaling {
        killed(&["scale", "web", "3"], after);
        converges(&format!("scale cut after call {after}"));
        project.ok(&["start", "--reset-scale"]);
    }
    for after in 1..=recreating {
        project.write("compose.yaml", &pair(port));
        project.ok(&["scale", "web", "3"]);
        project.write("compose.yaml", &changed);
        proxy.cut_after(after);
        project.vv(&["start", "--reset-scale"]);
        proxy.reset();
        converges(&format!("recreate cut after call {after}"));
    }
    for after in 1..=going {
        project.ok(&["start"]);
        proxy.cut_after(after);
        project.vv(&["down", "-v"]);
        proxy.reset();
        project.ok(&["down", "-v"]);
        assert_eq!(project.leftovers(), Vec::<String>::new(), "down cut after call {after}");
    }
}

#[test]
fn orphans_are_named_and_removed_on_request() {
    let port = free_port();
    let project = Project::new("orphan", &pair(port));
    project.ok(&["start"]);
    let without_web = pair(port).split("  web:").next().unwrap().to_owned() + "volumes: {data: {}}\n";
    project.write("compose.yaml", &without_web);
    project.ok(&["start"]).says("-web-1");
    assert_eq!(project.containers().len(), 2);
    project.ok(&["start", "--remove-orphans"]);
    assert_eq!(project.containers().len(), 1);
}

#[test]
fn a_job_that_completed_is_not_run_again() {
    let project = Project::new(
        "job",
        &format!(
            r#"
services:
  migrate:
    image: {BUSYBOX}
    command: [sh, -c, "echo migrated"]
  app:
    image: {BUSYBOX}
    command: [sleep, "1000"]
    stop_grace_period: 0s
    depends_on: {{migrate: {{condition: service_completed_successfully}}}}
"#
        ),
    );
    project.ok(&["start"]);
    let before = project.containers();
    project.ok(&["start"]).says("nothing to do");
    assert_eq!(project.containers(), before);
    project.ok(&["logs", "migrate"]).shows("migrated");
}

#[test]
fn configs_and_secrets_arrive_and_their_change_recreates() {
    let compose = format!(
        r#"
services:
  app:
    image: {BUSYBOX}
    command: [sh, -c, "cat /etc/app.conf /run/secrets/token /etc/inline; exec sleep 1000"]
    stop_grace_period: 0s
    configs:
      - {{source: app, target: /etc/app.conf}}
      - {{source: inline, target: /etc/inline, mode: 0o400}}
    secrets: [token]
configs:
  app: {{file: ./app.conf}}
  inline: {{content: "inline content\n"}}
secrets:
  token: {{file: ./token}}
"#
    );
    let project = Project::new("files", &compose);
    project.write("app.conf", "first\n");
    project.write("token", "hunter2\n");
    project.ok(&["start"]);
    let logs = project.ok(&["logs", "--no-log-prefix"]);
    assert_eq!(logs.stdout, "first\nhunter2\ninline content\n");
    project.write("app.conf", "second\n");
    let plan = project.ok(&["plan"]);
    plan.shows("/etc/app.conf");
    assert!(!plan.stdout.contains("hunter2"));
    project.ok(&["start"]);
    project.ok(&["logs"]).shows("second");
}

//! What vv tells of what runs and what doesn't, and whether it can be typed, copied, or read by a program.

use std::net::TcpListener;

use crate::support::{BUSYBOX, Project, docker, free_port};

fn sleeper(name: &str, more: &str) -> String {
    format!(
        "  {name}:\n    image: {BUSYBOX}\n    command: [sleep, '1000']\n    stop_grace_period: 0s\n{more}"
    )
}

fn stack(services: &[String]) -> String {
    format!("services:\n{}", services.concat())
}

#[test]
fn a_hint_names_the_stack_as_it_was_chosen() {
    let mut project = Project::new("typed", "services: {}\n");
    std::fs::remove_file(project.path("compose.yaml")).unwrap();
    let failing = format!(
        "    image: {BUSYBOX}\n    command: [sh, -c, 'echo no; exit 3']\n    healthcheck: {{test: [CMD, 'false']}}\n"
    );
    project.write("my stack.yml", &format!("services:\n  a:\n{failing}"));
    project.options = vec!["-f".into(), "my stack.yml".into()];
    let chosen = format!("vv -f 'my stack.yml' -p {}", project.name);
    project.vv(&["start", "--timeout", "20s"]).says(&format!("`{chosen} logs a`"));
    project.fails(1, &["health"]).shows(&format!("{chosen} logs a"));
    project.fails(1, &["why", "a"]).shows(&format!("fix: {chosen} "));
    // What it says can be typed.
    let word = |hint: &str| shlex::split(hint).unwrap();
    let words = word(&format!("{chosen} logs a"));
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_vv"))
        .current_dir(project.dir.path())
        .args(&words[1..])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("no"), "{output:?}");
}

#[test]
fn what_was_scaled_to_none_is_not_ready_and_has_no_address() {
    let port = free_port();
    let ports = format!("    ports: ['127.0.0.1:{port}:80']\n");
    let project = Project::new("tonone", &stack(&[sleeper("own", &ports), sleeper("other", "")]));
    project.ok(&["start"]).shows(&format!("localhost:{port}"));
    let ran = project.ok(&["scale", "own", "0"]);
    ran.says("own: no replicas");
    assert!(!ran.stderr.contains("is ready") && !ran.stdout.contains(&port.to_string()), "{ran}");
    project.ok(&["urls"]).shows("own (not running)");
    project.ok(&["scale", "own", "1"]).says("is ready").shows(&format!("localhost:{port}"));
    let urls = project.ok(&["urls"]);
    assert!(!urls.stdout.contains("not running"), "{urls}");
    project.ok(&["down"]);
    project.ok(&["urls"]).shows("own (not running)");
}

#[test]
fn status_shows_all_that_runs_of_the_project() {
    let profile = sleeper("extra", "    profiles: [extra]\n");
    let project = Project::new("all", &stack(&[sleeper("app", ""), sleeper("old", ""), profile.clone()]));
    project.ok(&["start", "--profile", "extra"]);
    project.write("compose.yaml", &stack(&[sleeper("app", ""), profile]));
    let ran = project.ok(&["status"]);
    ran.shows("app-1").shows("extra-1").shows("old-1 (orphan)");
    let document = project.json(&["status", "--format", "json"]);
    let told: Vec<_> = document["replicas"]
        .as_array()
        .unwrap()
        .iter()
        .map(|replica| (replica["service"].as_str().unwrap(), replica["orphan"].as_bool().unwrap()))
        .collect();
    assert_eq!(told, [("app", false), ("extra", false), ("old", true)]);
    let named = project.ok(&["status", "app"]);
    assert!(!named.stdout.contains("extra-1") && !named.stdout.contains("old-1"), "{named}");
}

#[test]
fn with_json_progress_all_talk_is_events() {
    let project = Project::new("events", &stack(&[sleeper("app", "    labels: {a: '${NOT_SET_HERE}'}\n")]));
    let events = |words: &[&str]| -> Vec<serde_json::Value> {
        let ran = project.vv(&[&["--progress", "json"], words].concat());
        let parsed = ran
            .stderr
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}: {ran}")));
        parsed.collect()
    };
    let started = events(&["start"]);
    assert!(started.iter().all(|event| event["schema"] == "vv.event/1"), "{started:?}");
    let said = |level: &str, words: &str| {
        let message =
            |event: &&serde_json::Value| event["message"].as_str().unwrap_or_default().contains(words);
        started
            .iter()
            .filter(|event| event["event"] == "message" && event["level"] == level)
            .any(|event| message(&event))
    };
    assert!(
        said("info", "stack ") && said("info", "is ready") && said("warning", "NOT_SET_HERE"),
        "{started:?}"
    );
    let failed = events(&["exec", "nobody", "true"]);
    let error = failed.last().unwrap();
    assert_eq!((&error["event"], &error["level"]), (&"message".into(), &"error".into()), "{failed:?}");
    assert!(!error["hints"].as_array().unwrap().is_empty(), "{failed:?}");
}

#[test]
fn run_says_who_has_a_port() {
    let port = free_port();
    let ports = format!("    ports: ['127.0.0.1:{port}:80']\n");
    let project = Project::new("runport", &stack(&[sleeper("app", &ports)]));
    let holder = TcpListener::bind(("127.0.0.1", port)).unwrap();
    project.fails(1, &["run", "-P", "app", "true"]).says(&format!("pid {}", std::process::id()));
    assert_eq!(project.containers(), Vec::new());
    project.ok(&["run", "app", "true"]);
    drop(holder);
    let name = project.container("holder");
    let label = format!("com.docker.compose.project={}", project.name);
    let publish = format!("127.0.0.1:{port}:80");
    docker(&["run", "-d", "--name", &name, "--label", &label, "-p", &publish, BUSYBOX, "sleep", "1000"]);
    project.fails(1, &["run", "-P", "app", "true"]).says(&port.to_string());
}

#[test]
fn an_empty_variable_is_none() {
    let mut project = Project::new("emptyvar", &stack(&[sleeper("app", "")]));
    project.env.push(("VV_PORT_OFFSET".into(), String::new()));
    project.env.push(("VV_STUB_BINARY".into(), String::new()));
    project.ok(&["config"]);
    project.env[0].1 = "many".into();
    project.fails(2, &["config"]).says("VV_PORT_OFFSET");
    project.env[0].1 = "70".into();
    project.ok(&["config"]);
}

#[test]
fn a_file_that_says_nothing_is_an_invalid_stack() {
    let project = Project::new("emptyfile", "# later\n");
    project.fails(3, &["config"]).says("compose.yaml").says("empty");
    project.write("compose.yaml", "services:\n  a:\n    image: UPPER/x\n");
    project.fails(3, &["config"]).says("compose.yaml:3:12: services.a.image: 'UPPER/x'").says("lowercase");
    project.write("compose.yaml", "services:\n  a: {image: 'a:b:c'}\n");
    project.fails(3, &["config"]).says("compose.yaml:2:14: services.a.image: 'a:b:c'");
}

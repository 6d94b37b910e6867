//! vv and docker compose manage what the other started.

use std::process::Command;

use crate::support::{BUSYBOX, Project, free_port};

/// docker compose of `make peers`, in this project.
fn compose(project: &Project, words: &[&str]) -> String {
    let peer = std::env::var("VV_PEER_COMPOSE").unwrap_or_else(|_| {
        let cache = std::env::var("XDG_CACHE_HOME")
            .unwrap_or_else(|_| format!("{}/.cache", std::env::var("HOME").unwrap()));
        format!("{cache}/vv-peers/docker-compose-v2.40.3")
    });
    let output = Command::new(&peer)
        .args(["-p", &project.name])
        .args(words)
        .current_dir(project.dir.path())
        .output()
        .unwrap_or_else(|error| panic!("{peer}: {error}; `make peers` builds it"));
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "docker compose {}: {text}", words.join(" "));
    text
}

/// What a stack may have that must survive the change of hands.
fn stack(port: u16) -> String {
    format!(
        r#"
services:
  db:
    image: {BUSYBOX}
    command: [sh, -c, "echo db is up; touch /tmp/up; exec sleep 1000"]
    stop_grace_period: 0s
    user: "0:0"
    volumes: ["data:/data", "./seed:/seed:ro"]
    tmpfs: [/scratch]
    environment: {{PASSWORD: secret, EMPTY: ""}}
    labels: {{team: storage}}
    healthcheck: {{test: [CMD, test, -e, /tmp/up], interval: 1s, timeout: 2s, retries: 5, start_period: 3s}}
    deploy: {{resources: {{limits: {{memory: 64M, cpus: "0.5"}}}}}}
    cap_drop: [NET_RAW]
    security_opt: ["no-new-privileges:true"]
    ulimits: {{nofile: 1024}}
    logging: {{driver: json-file, options: {{max-size: 1m}}}}
  web:
    image: {BUSYBOX}
    command: httpd -f -p 8080
    stop_grace_period: 0s
    hostname: web
    init: true
    read_only: true
    restart: unless-stopped
    expose: ["9000"]
    extra_hosts: ["other:10.0.0.1"]
    dns_search: [example.test]
    working_dir: /
    configs: [{{source: page, target: /index.html}}]
    networks: {{front: {{aliases: [www]}}, default: {{}}}}
    ports: ["127.0.0.1:{port}:8080"]
    depends_on: {{db: {{condition: service_healthy}}}}
networks: {{front: {{}}}}
volumes: {{data: {{}}}}
configs: {{page: {{file: ./index.html}}}}
"#
    )
}

fn project(test: &str) -> Project {
    let project = Project::new(test, &stack(free_port()));
    project.write("index.html", "hello\n");
    project.write("seed/one", "1\n");
    project
}

#[test]
fn compose_manages_what_vv_started() {
    let project = project("byvv");
    project.ok(&["start"]);
    let listed = compose(&project, &["ps", "--format", "{{.Service}} {{.State}}"]);
    assert!(listed.contains("db running") && listed.contains("web running"), "{listed}");
    assert!(compose(&project, &["logs", "db"]).contains("db is up"));
    compose(&project, &["stop"]);
    project.ok(&["start"]);
    compose(&project, &["down", "-v"]);
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

#[test]
fn vv_adopts_what_compose_started() {
    let project = project("bycompose");
    compose(&project, &["up", "-d", "--wait"]);
    let before = project.containers();
    let plan = project.ok(&["plan"]);
    assert!(plan.stdout.contains("nothing to do"), "{plan}");
    project.ok(&["start"]).says("nothing to do");
    assert_eq!(project.containers(), before);
    project.write(
        "compose.yaml",
        &std::fs::read_to_string(project.path("compose.yaml"))
            .unwrap()
            .replace("team: storage", "team: data"),
    );
    project.ok(&["plan"]).shows("labels: team");
    project.ok(&["scale", "db", "2"]);
    project.ok(&["down", "-v"]);
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

#[test]
fn the_resolved_stack_is_the_same_document() {
    let project = project("config");
    let theirs: serde_json::Value =
        serde_json::from_str(&compose(&project, &["config", "--format", "json"])).unwrap();
    let ours = project.json(&["config", "--format", "json"]);
    assert_eq!(said(ours), said(theirs));
}

/// The document without what says nothing: Compose's JSON has a `null` or `{}` for keys that its YAML leaves out.
fn said(document: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match document {
        Value::Object(entries) => {
            let entries = entries.into_iter().map(|(key, value)| (key, said(value)));
            Value::Object(
                entries.filter(|(_, value)| !value.is_null() && *value != serde_json::json!({})).collect(),
            )
        }
        Value::Array(items) => items.into_iter().map(said).collect(),
        value => value,
    }
}

//! vv and docker compose manage what the other started.

use std::process::Command;

use crate::support::{BUSYBOX, Project, free_port};

/// docker compose of `make peers`.
pub fn peer() -> String {
    std::env::var("VV_PEER_COMPOSE").unwrap_or_else(|_| {
        let cache = std::env::var("XDG_CACHE_HOME")
            .unwrap_or_else(|_| format!("{}/.cache", std::env::var("HOME").unwrap()));
        format!("{cache}/vv-peers/docker-compose-v2.40.3")
    })
}

/// docker compose of `make peers`, in this project.
fn compose(project: &Project, words: &[&str]) -> String {
    let peer = peer();
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
    same_document(&project);
    project.write("compose.yaml", &stranger());
    same_document(&project);
}

/// What the other tests don't start: little said of much, and words for a swarm.
fn stranger() -> String {
    format!(
        r#"
services:
  bare: {{image: {BUSYBOX}, deploy: {{}}, networks: {{one: {{}}, two: }}}}
  cleared: {{image: {BUSYBOX}, entrypoint: [], command: "", networks: [one], deploy: {{replicas: 1}}}}
  full:
    image: {BUSYBOX}
    mac_address: 02:42:ac:11:65:43
    networks:
      two: {{priority: 5, aliases: [b, a], driver_opts: {{k: v}}, ipv4_address: 10.123.0.9}}
      one: {{mac_address: "02:42:ac:11:65:44"}}
    ports:
      - {{target: 80, published: "8080", mode: host, name: web, app_protocol: http}}
      - {{target: 81, mode: ingress}}
      - "127.0.0.1:9000-9001:90-91/udp"
    expose: ["100-102", 7]
    ulimits: {{nofile: {{soft: 5, hard: 5}}, nproc: 6}}
    configs: [{{source: page, mode: 0440}}]
    secrets: [key, {{source: key, target: other, mode: 0400}}]
    deploy: {{placement: {{constraints: [node.role==manager]}}, resources: {{limits: {{pids: 5}}}}}}
networks:
  one: {{ipam: {{}}}}
  two: {{ipam: {{config: [{{subnet: 10.123.0.0/16}}]}}}}
configs: {{page: {{file: ./index.html}}}}
secrets: {{key: {{file: ./index.html}}}}
x-mine: {{z: 1, a: [{{d: 1, c: 2}}]}}
"#
    )
}

/// In both of its forms, to the letter.
fn same_document(project: &Project) {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let theirs = compose(project, &["config", "--format", "json"]);
    let ours = project.ok(&["config", "--format", "json"]).stdout;
    assert_eq!(json(&ours), json(&theirs));
    assert_eq!(project.ok(&["config"]).stdout.trim_end(), compose(project, &["config"]).trim_end());
}

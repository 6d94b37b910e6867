//! ValueVerse's gateway in a container: without a database, from its file at its start, and by vv.

use std::collections::BTreeSet;

use super::stacks::{Ports, project, stub, without_database};
use super::{ask, early_in_a_minute, statuses};
use crate::support::{Project, docker, wait_until};

/// The shipped declaration.
const FILE: &str = include_str!("../../../stacks/valueverse/kong.yml");

/// As the platform's page has them: the service, its port in the container, its paths, and requests a minute.
const SERVICES: [(&str, u16, &[&str], usize); 6] = [
    ("value-architect", 8001, &["/api/v1/value-models", "/api/v1/hypotheses"], 300),
    ("value-committer", 8002, &["/api/v1/commitments", "/api/v1/contracts"], 200),
    ("value-executor", 8003, &["/api/v1/deliveries", "/api/v1/milestones"], 300),
    ("value-amplifier", 8004, &["/api/v1/success-metrics", "/api/v1/amplifications"], 200),
    ("calculation-engine", 8005, &["/api/v1/calculations"], 600),
    ("notification-service", 8006, &["/api/v1/notifications"], 120),
];

/// The spans have nowhere to go here.
fn valueverse(test: &str, ports: Ports, file: &str) -> Project {
    let services: String = SERVICES.iter().map(|(name, port, paths, _)| stub(name, *port, paths)).collect();
    project(test, &without_database(ports), &services, file)
}

/// The addresses that an upstream's requests go to, as the Admin API has them.
fn targets(ports: Ports, upstream: &str) -> BTreeSet<String> {
    let listed = ask(&ports.admin(&format!("/upstreams/{upstream}/targets/all?size=1000")), &[]).json();
    let targets = listed["data"].as_array().unwrap_or_else(|| panic!("{listed}")).clone();
    let live = targets.iter().filter(|target| target["weight"] != 0);
    live.map(|target| target["target"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_start_keeps_what_the_page_promises() {
    let ports = Ports::free();
    let project = valueverse("routes-vvs", ports, FILE);
    project.ok(&["start"]).says("routes");
    project.ok(&["start"]).says("nothing to do");
    project.ok(&["setup-routes", "--check"]);
    project.ok(&["health"]);

    for (service, _, paths, limit) in SERVICES {
        for path in paths {
            let answer = ask(&ports.proxy(path), &["-H", "Origin: https://anywhere.example.com"]);
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            assert_eq!(answer.json()["service"], service, "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}: {answer:?}");
            assert_eq!(answer.header("ratelimit-limit"), limit.to_string(), "{path}: {answer:?}");
            assert_eq!(answer.header("x-request-id").len(), 36, "{path}: {answer:?}");
        }
    }
    let preflight =
        ["-X", "OPTIONS", "-H", "Origin: https://a.test", "-H", "Access-Control-Request-Method: PUT"];
    let answer = ask(&ports.proxy("/api/v1/contracts"), &preflight);
    assert!(
        answer.status == 200 && answer.header("access-control-allow-methods").contains("PUT"),
        "{answer:?}"
    );
    early_in_a_minute();
    let codes = statuses(&ports.proxy("/api/v1/notifications"), 130, &[]);
    let over = codes.iter().filter(|code| **code == 429).count();
    assert!((10..=30).contains(&over) && codes[..100].iter().all(|code| *code == 200), "{codes:?}");

    // What is balanced follows the replicas, without being told to prune.
    let upstream = "calculation-engine.upstream";
    let replicas = |count: usize| -> BTreeSet<String> {
        (1..=count)
            .map(|number| format!("{}:8005", project.container(&format!("calculation-engine-{number}"))))
            .collect()
    };
    assert_eq!(targets(ports, upstream), replicas(1));
    project.ok(&["scale", "calculation-engine", "3"]);
    assert_eq!(targets(ports, upstream), replicas(3));
    project.ok(&["setup-routes", "--check"]);
    let codes = statuses(&ports.proxy("/api/v1/calculations"), 30, &[]);
    assert!(codes.iter().all(|code| *code == 200), "{codes:?}");
    for number in 1..=3 {
        let log = docker(&["logs", &project.container(&format!("calculation-engine-{number}"))]);
        assert!(log.contains("/api/v1/calculations"), "replica {number} was never asked: {log}");
    }
    project.ok(&["scale", "calculation-engine", "1"]);
    assert_eq!(targets(ports, upstream), replicas(1));
    project.ok(&["start"]).says("nothing to do");

    // Kong forgets what it was told when it starts again, and reads its file.
    docker(&["restart", "-t", "0", &project.container("kong-1")]);
    wait_until("Kong is back", || {
        std::net::TcpStream::connect(("127.0.0.1", ports.admin)).is_ok()
            && project.vv(&["health", "--quick", "kong"]).code == 0
    });
    project.ok(&["start"]);
    assert_eq!(targets(ports, upstream), replicas(1));
    project.ok(&["setup-routes", "--check"]);
    project.ok(&["down", "-v"]);
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

/// The comment signs are taken off, as the file says.
#[test]
fn api_keys_are_ready() {
    let on: String = FILE
        .lines()
        .map(|line| match line {
            line if line.starts_with("  # - name: key-auth") || line.starts_with("  #   ") => line.replacen("# ", "", 1),
            line if line.starts_with("# consumers") || line.starts_with("#   ") => line.replacen("# ", "", 1),
            line => line.to_owned(),
        } + "\n")
        .collect();
    let on = on.replace("replace-me-with-a-long-random-key", "a-key-of-this-test-alone");
    assert!(on.contains("\n  - name: key-auth\n    config:\n") && on.contains("\nconsumers:\n"), "{on}");
    let ports = Ports::free();
    let project = valueverse("routes-vvs-key", ports, &on);
    let started = project.ok(&["start"]);
    assert!(!format!("{started}").contains("a-key-of-this-test-alone"), "{started}");
    let url = ports.proxy("/api/v1/value-models");
    let none = ask(&url, &[]);
    assert_eq!((none.status, none.header("x-kong-upstream-latency")), (401, ""), "{none:?}");
    assert_eq!(ask(&url, &["-H", "apikey: wrong"]).status, 401);
    assert_eq!(ask(&url, &["-H", "apikey: a-key-of-this-test-alone"]).status, 200);
    assert_eq!(ask(&url, &["-H", "X-API-Key: a-key-of-this-test-alone"]).status, 200);
    let health = project.ok(&["health"]);
    assert!(!format!("{health}").contains("a-key-of-this-test-alone"), "{health}");
}

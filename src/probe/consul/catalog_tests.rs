//! Replicas against instances.

use serde_json::json;

use super::*;
use crate::probe::testing::service;

fn known(name: &str, running: bool, address: &str) -> Known {
    Known { name: name.into(), running, names: vec![name.into(), address.into()] }
}

fn instance(id: &str, address: &str, checks: &[(&str, &str)]) -> Instance {
    let of_node =
        json!({"Name": "Serf Health Status", "Status": "passing", "Output": "alive", "ServiceID": ""});
    let checks: Vec<Value> = checks
        .iter()
        .map(|(status, output)| json!({"ServiceID": id, "Name": "http", "Status": status, "Output": output}))
        .chain([of_node])
        .collect();
    Instance::read(&json!({
        "Node": {"Address": "10.0.0.2"},
        "Service": {"ID": id, "Address": address, "Port": 80},
        "Checks": checks,
    }))
}

fn told(replicas: &[Known], instances: &[Instance]) -> String {
    let findings = compare(&service("web", &[80], &[]), replicas, instances, true);
    let fault = |fault: &Fault| match fault {
        Fault::Dead { line, .. } => format!("dead: {line}"),
        Fault::Missing { line, .. } => format!("missing: {line}"),
        Fault::Critical(line) => format!("critical: {line}"),
    };
    let mut lines: Vec<String> = findings.faults.iter().map(fault).collect();
    lines.extend(findings.doubts.iter().map(|line| format!("doubt: {line}")));
    if lines.is_empty() { "all well".into() } else { lines.join(" | ") }
}

#[test]
fn every_way_in_which_the_catalog_and_the_containers_can_differ() {
    let passing = [("passing", "HTTP GET: 200 OK")];
    let refused = [(
        "critical",
        "Get \"http://10.0.0.3:80/health\": dial tcp 10.0.0.3:80: connect: connection refused",
    )];
    let one = || [known("p-web-1", true, "10.0.0.3")];
    let two = || [known("p-web-1", true, "10.0.0.3"), known("p-web-2", true, "10.0.0.4")];
    let lines = [
        told(&one(), &[instance("p-web-1", "10.0.0.3", &passing)]),
        told(&one(), &[instance("web-of-its-own-naming", "10.0.0.3", &[])]),
        told(&two(), &[instance("web", "web", &passing)]),
        told(&two(), &[instance("a", "10.0.0.3", &passing)]),
        told(&one(), &[instance("p-web-1", "10.0.0.3", &refused)]),
        told(&one(), &[instance("p-web-1", "10.0.0.3", &[("critical", "")])]),
        told(&one(), &[instance("p-web-1", "10.0.0.3", &[("warning", "HTTP GET: 429 Too Many Requests")])]),
        told(&one(), &[instance("a", "10.0.0.3", &passing), instance("b", "10.0.0.9", &refused)]),
        told(&one(), &[instance("a", "10.0.0.3", &passing), instance("b", "10.0.0.9", &[])]),
        told(&one(), &[instance("a", "10.0.0.3", &passing), instance("b", "192.168.1.7", &passing)]),
        told(&[known("p-web-1", false, "")], &[instance("p-web-1", "10.0.0.3", &refused)]),
        told(&[], &[instance("p-web-1", "10.0.0.3", &[])]),
        told(&one(), &[]),
        told(&[], &[]),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    all well
    all well
    all well
    missing: p-web-2 runs, but isn't registered
    critical: p-web-1: http: Get "http://10.0.0.3:80/health": dial tcp 10.0.0.3:80: connect: connection refused
    doubt: p-web-1: hasn't been checked yet
    doubt: p-web-1: http: HTTP GET: 429 Too Many Requests
    dead: b is registered at 10.0.0.9:80, but no container of web is there
    dead: b is registered at 10.0.0.9:80, but no container of web is there
    doubt: b is registered at 192.168.1.7:80 and passes, but is no container of web
    dead: p-web-1 is registered, but doesn't run
    dead: p-web-1 is registered at 10.0.0.3:80, but no container of web is there
    missing: p-web-1 runs, but isn't registered
    all well
    "#);
}

#[test]
fn what_is_not_wanted_is_not_missed() {
    let findings = compare(&service("web", &[80], &[]), &[known("p-web-1", true, "10.0.0.3")], &[], false);
    assert!(findings.faults.is_empty() && findings.doubts.is_empty());
}

#[test]
fn an_instance_without_an_address_has_that_of_its_node() {
    assert_eq!(instance("a", "", &[]).address, "10.0.0.2");
}

#[test]
fn an_instance_that_somebody_took_out_of_service() {
    let by_hand = json!({
        "CheckID": "_service_maintenance:a", "Name": "Service Maintenance Mode", "Status": "critical", "Output": "",
        "Notes": "moving house", "ServiceID": "a",
    });
    let mut instance = instance("a", "10.0.0.3", &[]);
    instance.checks.push(by_hand);
    let told = told(&[known("p-web-1", true, "10.0.0.3")], &[instance]);
    assert_eq!(told, "critical: a: is in maintenance mode: moving house");
}

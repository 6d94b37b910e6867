//! What can only be wrong between services.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::model::{Condition, Port, Service, Test};
use super::node::{Node, Value};
use super::problem::{Mark, Problem};

/// What is wrong, and what is worth saying.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub problems: Vec<Problem>,
    pub warnings: Vec<String>,
}

/// Checks the services that take part, together.
pub(super) fn together(
    services: &IndexMap<String, Service>,
    inactive: &IndexMap<String, Service>,
    root: &Node,
) -> Findings {
    let mut findings = Findings::default();
    for service in services.values() {
        findings.problems.extend(dependencies(service, services, inactive, root));
    }
    findings.problems.extend(cycles(services, root));
    findings.problems.extend(container_names(services, root));
    findings.warnings.extend(host_ports(services, root));
    findings
}

/// Dependencies on services that a profile keeps out, or that can never be healthy.
fn dependencies(
    service: &Service,
    services: &IndexMap<String, Service>,
    inactive: &IndexMap<String, Service>,
    root: &Node,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, dependency) in &service.depends_on {
        if !dependency.required {
            continue;
        }
        let place = || place(root, &["services", &service.name, "depends_on", name]);
        if let Some(other) = inactive.get(name) {
            let profiles = other.profiles.join(", ");
            problems.push(place().problem(format!(
                "needs '{name}', which is only there with the profile {profiles}; switch it on with --profile"
            )));
        } else if dependency.condition == Condition::ServiceHealthy
            && let Some(other) = services.get(name)
            && other.healthcheck.as_ref().is_some_and(|check| check.test == Some(Test::None))
        {
            problems
                .push(place().problem(format!("'{name}' can never be healthy: its healthcheck is disabled")));
        }
    }
    problems
}

/// Dependency cycles, each named in full and once.
fn cycles(services: &IndexMap<String, Service>, root: &Node) -> Vec<Problem> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Open,
        Done,
    }
    let mut states: BTreeMap<&str, State> = BTreeMap::new();
    let mut problems = Vec::new();
    for start in services.keys() {
        if states.contains_key(start.as_str()) {
            continue;
        }
        // The way from `start`: each service with those of its dependencies that are still to be followed. A stack
        // of its own, since a chain may be longer than the thread's.
        let follow = |name: &str| services.get(name).map(|s| s.depends_on.keys().rev().collect::<Vec<_>>());
        let mut way: Vec<(&str, Vec<&String>)> = vec![(start, follow(start).unwrap_or_default())];
        states.insert(start, State::Open);
        while let Some((name, rest)) = way.last_mut() {
            let name = *name;
            let Some(next) = rest.pop() else {
                states.insert(name, State::Done);
                way.pop();
                continue;
            };
            match states.get(next.as_str()) {
                Some(State::Done) => {}
                Some(State::Open) => {
                    let from = way.iter().position(|(on_way, _)| on_way == next).unwrap_or_default();
                    let round = way[from..].iter().map(|(on_way, _)| *on_way).chain([next.as_str()]);
                    let round = round.collect::<Vec<_>>().join(" → ");
                    let place = place(root, &["services", name, "depends_on", next]);
                    problems.push(
                        place.problem(format!("the services depend on each other in a circle: {round}")),
                    );
                }
                None => {
                    states.insert(next, State::Open);
                    way.push((next, follow(next).unwrap_or_default()));
                }
            }
        }
    }
    problems
}

fn container_names(services: &IndexMap<String, Service>, root: &Node) -> Vec<Problem> {
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for service in services.values() {
        let Some(name) = &service.container_name else { continue };
        if let Some(other) = taken.insert(name, &service.name) {
            let place = place(root, &["services", &service.name, "container_name"]);
            problems.push(
                place.problem(format!("'{name}' is already the container name of the service '{other}'")),
            );
        }
    }
    problems
}

/// Fixed host ports that two services publish. Compose accepts the file, and one of them may not be started: so
/// it's only worth saying.
fn host_ports(services: &IndexMap<String, Service>, root: &Node) -> Vec<String> {
    let mut taken: BTreeMap<u16, Vec<(&str, &Port)>> = BTreeMap::new();
    let mut warnings = Vec::new();
    for service in services.values() {
        for port in &service.ports {
            let Some(number) =
                port.published.filter(|range| range.first == range.last).map(|range| range.first)
            else {
                continue;
            };
            let others = taken.entry(number).or_default();
            let overlap = |other: &Port| {
                let same = |ip: &Option<String>| matches!(ip.as_deref(), None | Some("0.0.0.0" | "::"));
                other.protocol == port.protocol
                    && (other.host_ip == port.host_ip || same(&other.host_ip) || same(&port.host_ip))
            };
            if let Some((other, _)) = others.iter().find(|(_, other)| overlap(other)) {
                let place = place(root, &["services", &service.name, "ports"]);
                let whose = match *other == service.name {
                    true => "twice by this service".to_owned(),
                    false => format!("by '{other}', too: only one of the two can run"),
                };
                warnings.push(
                    place.problem(format!("the host's port {number} is published {whose}")).to_string(),
                );
            }
            others.push((&service.name, port));
        }
    }
    warnings
}

/// A place in the document.
struct Place {
    mark: Option<Mark>,
    path: String,
}

impl Place {
    fn problem(self, message: String) -> Problem {
        Problem { mark: self.mark, path: self.path, message }
    }
}

/// Where a path leads, as far as it can be followed: what is implied has no place of its own.
fn place(root: &Node, path: &[&str]) -> Place {
    let mut node = root;
    let mut mark = Some(&root.mark);
    let mut found = Vec::new();
    for part in path {
        let next = match &node.value {
            Value::Mapping(entries) => entries.get(*part).map(|entry| (&entry.key, &entry.node)),
            Value::Sequence(items) => {
                items.iter().find(|item| item.as_str() == Some(part)).map(|item| (&item.mark, item))
            }
            _ => None,
        };
        let Some((at, below)) = next else { break };
        (mark, node) = (Some(at), below);
        found.push(*part);
    }
    Place { mark: mark.cloned(), path: found.join(".") }
}

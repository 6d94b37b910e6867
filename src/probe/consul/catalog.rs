//! The catalog against the containers, both ways: what runs is registered and passes, what is registered runs
//! (<https://developer.hashicorp.com/consul/api-docs/health>).

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::Value;

use super::super::answer::{Answer, ProbeFailure, first_line};
use super::super::deep::{Look, Outcome, few, settled};
use super::{Api, Stop, outcome};
use crate::platform::ReplicaState;
use crate::stack::Service;

/// Looks until everything is as it should be, or the time is up.
pub(super) async fn check(api: Api<'_>) -> Outcome {
    settled(api.target.deadline, || {
        let api = api.clone();
        async move {
            match look(&api).await {
                Ok(findings) => Ok(match findings.verdict(&api) {
                    seen @ Ok(Answer::Seen(_)) => Look::Final(seen),
                    other => Look::NotYet(other),
                }),
                Err(Stop::Failed(failure)) => Err(failure),
                Err(denied) => Ok(Look::Final(outcome(Err(denied)))),
            }
        }
    })
    .await
}

async fn look(api: &Api<'_>) -> Result<Findings, Stop> {
    let stack = api.target.stack;
    let declared: Vec<&Service> =
        stack.services.values().filter(|service| service.vv.register.contains_key("consul")).collect();
    let mut findings = Findings::default();
    for found in join_all(declared.iter().map(|service| of_service(api, service))).await {
        findings.add(found?);
    }
    const ANY: &str = "/v1/health/state/any";
    let all = api.get(ANY).await?;
    // Every node has a check of its own. What ACLs hide is left out in silence for those without a token.
    if list(&all).is_empty() {
        findings.hidden = Some(api.hidden(ANY, "shows nothing"));
        return Ok(findings);
    }
    let critical: Vec<&Value> = list(&all).iter().filter(|check| check["Status"] == "critical").collect();
    let names: BTreeSet<&str> = critical.iter().filter_map(|check| check["ServiceName"].as_str()).collect();
    // Those that nobody declared, but that somebody registers all the same.
    let undeclared = names.into_iter().filter(|name| {
        stack.services.contains_key(*name) && !declared.iter().any(|service| service.name == **name)
    });
    for found in join_all(undeclared.map(|name| undeclared_service(api, name))).await {
        findings.add(found?);
    }
    for check in critical.iter().filter(|check| text(&check["ServiceName"]).is_empty()) {
        findings.doubts.push(format!("node {}: {}", text(&check["Node"]), said(check)));
    }
    Ok(findings)
}

/// A declared service: its replicas and its instances.
async fn of_service(api: &Api<'_>, service: &Service) -> Result<Findings, Stop> {
    let target = &api.target;
    let instances = instances(api, &service.name).await?;
    let replicas = target.deadline.bound(target.platform.replicas(&service.name)).await;
    let replicas = match replicas {
        Ok(Ok(replicas)) => replicas,
        Ok(Err(error)) => return Err(ProbeFailure::new(format!("the engine can't be asked: {error}")).into()),
        Err(_) => return Err(ProbeFailure::new("the engine doesn't answer in time").into()),
    };
    let known = replicas.iter().map(async |status| {
        let mut names = target.platform.names(&status.replica).await;
        names.push(status.name.clone());
        Known { name: status.name.clone(), running: status.state == ReplicaState::Running, names }
    });
    // What vv itself is to register isn't missed: it registers nothing yet.
    let wanted = service.vv.register.get("consul").is_none_or(|who| who != "vv");
    Ok(compare(service, &join_all(known).await, &instances, wanted))
}

/// A service that somebody registers without a declaration, and that has a critical check.
async fn undeclared_service(api: &Api<'_>, name: &str) -> Result<Findings, Stop> {
    let instances = instances(api, name).await?;
    let passing = instances.iter().any(|instance| instance.state() == State::Passing);
    let mut findings = Findings::default();
    for instance in &instances {
        match instance.state() {
            // Others of it serve: what is left of an earlier container does no harm but noise.
            State::Critical(why) if passing => findings.doubts.push(instance.line(&why)),
            State::Critical(why) => findings.faults.push(Fault::Critical(instance.line(&why))),
            State::Unchecked => findings.doubts.push(instance.line("hasn't been checked yet")),
            State::Passing | State::Warning(_) => {}
        }
    }
    Ok(findings)
}

/// The registered instances of a service. The catalog learns of a check's output with its next change of status, or
/// minutes later; the agent that runs it has it at once.
async fn instances(api: &Api<'_>, name: &str) -> Result<Vec<Instance>, Stop> {
    let document = api.get(&format!("/v1/health/service/{name}")).await?;
    let mut instances: Vec<Instance> = list(&document).iter().map(Instance::read).collect();
    if instances.iter().any(|instance| instance.state() == State::Unchecked) {
        let of_agent = api.get("/v1/agent/checks").await?;
        for check in instances.iter_mut().flat_map(|instance| &mut instance.checks) {
            if let Some(known) = of_agent.get(text(&check["CheckID"])) {
                *check = known.clone();
            }
        }
    }
    Ok(instances)
}

/// A replica, and what Consul may know it by.
struct Known {
    name: String,
    running: bool,
    names: Vec<String>,
}

/// A registered instance.
struct Instance {
    id: String,
    address: String,
    port: u64,
    /// Name, status and output of the checks of the service itself.
    checks: Vec<Value>,
}

/// What its checks come to.
#[derive(PartialEq)]
enum State {
    Passing,
    Warning(String),
    Critical(String),
    /// Critical since nobody has run the check so far.
    Unchecked,
}

impl Instance {
    fn read(document: &Value) -> Self {
        let (service, node) = (&document["Service"], &document["Node"]);
        // Without an address of its own it has the node's.
        let address = Some(text(&service["Address"])).filter(|address| !address.is_empty());
        let checks = list(&document["Checks"]).iter().filter(|check| !text(&check["ServiceID"]).is_empty());
        Self {
            id: text(&service["ID"]).to_owned(),
            address: address.unwrap_or(text(&node["Address"])).to_owned(),
            port: service["Port"].as_u64().unwrap_or_default(),
            checks: checks.cloned().collect(),
        }
    }

    fn state(&self) -> State {
        let of = |status: &str| self.checks.iter().find(|check| check["Status"] == status);
        match (of("critical"), of("warning")) {
            (Some(check), _) if text(&check["Output"]).is_empty() && !is_maintenance(check) => {
                State::Unchecked
            }
            (Some(check), _) => State::Critical(said(check)),
            (None, Some(check)) => State::Warning(said(check)),
            (None, None) => State::Passing,
        }
    }

    /// Whether it is this replica.
    fn is(&self, replica: &Known) -> bool {
        replica.names.iter().any(|name| *name == self.id || *name == self.address)
    }

    /// Whether its address is a name that all replicas of the service share.
    fn is_any_of(&self, service: &Service) -> bool {
        let aliases = service.networks.values().flat_map(|network| &network.aliases);
        let own = [&service.container_name, &service.hostname].into_iter().flatten();
        aliases.chain(own).chain([&service.name]).any(|name| *name == self.address)
    }

    fn line(&self, what: &str) -> String {
        format!("{}: {what}", self.id)
    }
}

/// The replicas and the instances of a service against each other; `wanted`: each replica must be registered.
fn compare(service: &Service, replicas: &[Known], instances: &[Instance], wanted: bool) -> Findings {
    let mut findings = Findings { instances: instances.len(), ..Findings::default() };
    let mut shared = false;
    for instance in instances {
        let whose = replicas.iter().find(|replica| instance.is(replica));
        let by_name =
            whose.is_none() && instance.is_any_of(service) && replicas.iter().any(|replica| replica.running);
        shared |= by_name;
        match (whose, instance.state()) {
            (Some(replica), _) if !replica.running => {
                findings.dead(instance, format!("{} is registered, but doesn't run", replica.name));
            }
            (None, state) if !by_name => {
                let place =
                    format!("{} is registered at {}:{}", instance.id, instance.address, instance.port);
                // Somebody answers there, and it may be a process that is meant to.
                if state == State::Passing && !instance.checks.is_empty() {
                    findings
                        .doubts
                        .push(format!("{place} and passes, but is no container of {}", service.name));
                } else {
                    findings
                        .dead(instance, format!("{place}, but no container of {} is there", service.name));
                }
            }
            (_, State::Critical(why)) => findings.faults.push(Fault::Critical(instance.line(&why))),
            (_, State::Warning(why)) => findings.doubts.push(instance.line(&why)),
            (_, State::Unchecked) => findings.doubts.push(instance.line("hasn't been checked yet")),
            (_, State::Passing) => {}
        }
    }
    let running = replicas.iter().filter(|replica| replica.running);
    let missing = running.filter(|replica| !shared && !instances.iter().any(|instance| instance.is(replica)));
    if wanted {
        findings.faults.extend(missing.map(|replica| Fault::Missing {
            service: service.name.clone(),
            line: format!("{} runs, but isn't registered", replica.name),
        }));
    }
    if !instances.is_empty() {
        findings.services.push(service.name.clone());
    }
    findings
}

/// What is wrong with the catalog.
enum Fault {
    Dead { line: String, id: String },
    Missing { line: String, service: String },
    Critical(String),
}

#[derive(Default)]
struct Findings {
    /// Nothing is shown.
    hidden: Option<Answer>,
    faults: Vec<Fault>,
    doubts: Vec<String>,
    services: Vec<String>,
    instances: usize,
}

impl Findings {
    fn add(&mut self, other: Self) {
        self.faults.extend(other.faults);
        self.doubts.extend(other.doubts);
        self.services.extend(other.services);
        self.instances += other.instances;
    }

    fn dead(&mut self, instance: &Instance, line: String) {
        self.faults.push(Fault::Dead { line, id: instance.id.clone() });
    }

    fn verdict(mut self, api: &Api<'_>) -> Outcome {
        if let Some(answer) = self.hidden {
            return Ok(answer);
        }
        // What nobody can be asked about first.
        self.faults.sort_by_key(|fault| matches!(fault, Fault::Critical(_)));
        if let Some(first) = self.faults.first() {
            let hint = match first {
                Fault::Dead { id, .. } => format!(
                    "take it out: curl -X PUT http://{}/v1/agent/service/deregister/{id}",
                    api.place.address
                ),
                Fault::Missing { service, .. } => {
                    format!("it registers itself when it starts: vv logs {service}, or vv restart {service}")
                }
                Fault::Critical(_) => {
                    "Consul asks from its own container: is the check's address right there, and does it answer?".into()
                }
            };
            let lines = self.faults.into_iter().map(|fault| match fault {
                Fault::Dead { line, .. } | Fault::Missing { line, .. } | Fault::Critical(line) => line,
            });
            return Err(ProbeFailure::new(few(lines.collect())).hint(hint));
        }
        if !self.doubts.is_empty() {
            let hint = format!("GET http://{}/v1/health/state/any tells more", api.place.address);
            return Ok(Answer::Doubtful { detail: few(self.doubts), hint });
        }
        Ok(Answer::Seen(match self.instances {
            0 => "no check of this stack's services is critical".into(),
            1 => format!("1 instance of {} is registered and passes", self.services.join(", ")),
            count => format!("{count} instances of {} are registered and pass", self.services.join(", ")),
        }))
    }
}

/// Whether somebody took it out of service by hand, with `consul maint`: such a check is critical and never run
/// (<https://developer.hashicorp.com/consul/api-docs/agent/service#enable-maintenance-mode>).
fn is_maintenance(check: &Value) -> bool {
    let id = text(&check["CheckID"]);
    id.starts_with("_service_maintenance") || id.starts_with("_node_maintenance")
}

/// A check's name and what it last said.
fn said(check: &Value) -> String {
    if is_maintenance(check) {
        return format!("is in maintenance mode: {}", first_line(text(&check["Notes"])));
    }
    let output = first_line(text(&check["Output"]));
    let name = text(&check["Name"]);
    if output.is_empty() {
        format!("{name} is {}", text(&check["Status"]))
    } else {
        format!("{name}: {output}")
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;

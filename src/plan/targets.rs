//! What a gateway sends requests to: replicas that go are taken off it before, and replicas that come are told to it when
//! they are ready. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::observed::{ContainerState, Observed};
use super::operation::{Action, Cause, Operation, OperationId, Plan, Target, Targets, WaitCondition};
use crate::stack::Stack;
use crate::stack::vv::Declared;

/// A plan in which the gateway's targets follow the replicas of these services. Nothing is told where no gateway is left
/// to be told; a replica that is started anew under its name keeps its target.
#[must_use]
pub fn with_targets(plan: Plan, stack: &Stack, observed: &Observed, followed: &BTreeSet<String>) -> Plan {
    let moves = Moves::of(&plan, observed);
    if !moves.gateway_stays(stack, observed) {
        return plan;
    }
    let leaving = moves.per_service(followed, &moves.gone);
    let joining = moves.per_service(followed, &moves.come);
    let forgetful = moves.forgetful_gateway(stack, &plan.operations);
    let first = leaving.len();
    let mut operations: Vec<Operation> = leaving
        .iter()
        .map(|(service, names)| told(service, Targets { leaving: names.clone(), joining: Vec::new() }))
        .collect();
    for mut operation in plan.operations {
        operation.after.iter_mut().for_each(|id| *id += first);
        if let Some(name) = ended(&operation.action) {
            let taken_off = leaving.values().position(|names| names.iter().any(|other| other == name));
            operation.after.splice(0..0, taken_off);
        }
        operations.push(operation);
    }
    if let Some(gateway) = forgetful {
        let after = readiness(&operations, gateway, &[]);
        operations.push(Operation {
            cause: Cause::GatewayStartedAnew,
            after,
            ..told(gateway, Targets::default())
        });
    }
    for (service, names) in joining {
        let after = readiness(&operations, service, &names);
        let joins = told(service, Targets { leaving: Vec::new(), joining: names });
        operations.push(Operation { after, ..joins });
    }
    Plan { operations, notes: plan.notes }
}

/// The replicas that a plan brings to the gateway.
pub fn coming(plan: &Plan) -> BTreeSet<String> {
    let joining = plan.operations.iter().filter_map(|operation| match &operation.action {
        Action::Targets(targets) => Some(targets.joining.iter().cloned()),
        _ => None,
    });
    joining.flatten().collect()
}

fn told(service: &str, targets: Targets) -> Operation {
    let cause = if targets.leaving.is_empty() { Cause::ReplicasCome } else { Cause::ReplicasGo };
    Operation {
        action: Action::Targets(targets),
        target: Target::Service(service.to_owned()),
        cause,
        after: Vec::new(),
    }
}

/// The container that this ends.
fn ended(action: &Action) -> Option<&str> {
    match action {
        Action::StopContainer { container, .. } | Action::RemoveContainer { container, .. } => {
            Some(container)
        }
        _ => None,
    }
}

/// What must be before replicas are told of: they are ready, and so is the gateway with its routes.
fn readiness(operations: &[Operation], service: &str, names: &[String]) -> Vec<OperationId> {
    let is_before = |operation: &Operation| match &operation.action {
        Action::Wait(wait) => wait.service == service && wait.condition != WaitCondition::Completed,
        Action::StartContainer(name) => names.contains(name),
        Action::Apply(apply) => apply.what == Declared::Routes,
        _ => false,
    };
    (0..operations.len()).filter(|id| is_before(&operations[*id])).collect()
}

/// The containers that a plan ends for good, and those that it brings.
struct Moves<'a> {
    services: BTreeMap<&'a str, &'a str>,
    gone: BTreeSet<&'a str>,
    come: BTreeSet<&'a str>,
}

impl<'a> Moves<'a> {
    fn of(plan: &'a Plan, observed: &'a Observed) -> Self {
        let replicas = || observed.containers.iter().filter(|container| !container.oneoff);
        let mut services: BTreeMap<&str, &str> =
            replicas().map(|container| (container.name.as_str(), container.service.as_str())).collect();
        let runs: BTreeSet<&str> = replicas()
            .filter(|container| container.state == ContainerState::Running)
            .map(|container| container.name.as_str())
            .collect();
        let (mut ends, mut starts) = (BTreeSet::new(), BTreeSet::new());
        for operation in &plan.operations {
            if let Target::Container { service, name } = &operation.target {
                services.insert(name, service);
            }
            ends.extend(ended(&operation.action));
            match &operation.action {
                Action::StartContainer(name) | Action::RestartContainer { container: name, .. } => {
                    starts.insert(name.as_str());
                }
                _ => {}
            }
        }
        let gone = runs.iter().filter(|name| ends.contains(*name) && !starts.contains(*name)).copied();
        let come = starts.iter().filter(|name| !runs.contains(*name)).copied();
        Self { gone: gone.collect(), come: come.collect(), services }
    }

    /// A gateway runs now and goes on running, or is started.
    fn gateway_stays(&self, stack: &Stack, observed: &Observed) -> bool {
        let is_gateway = |name: &str| {
            let service = self.services.get(name).and_then(|service| stack.services.get(*service));
            service.is_some_and(|service| stack.holds(service, Declared::Routes))
        };
        let runs = observed.containers.iter().filter(|c| c.state == ContainerState::Running && !c.oneoff);
        let stays = runs.map(|container| container.name.as_str()).filter(|name| !self.gone.contains(name));
        stays.chain(self.come.iter().copied()).any(is_gateway)
    }

    /// A gateway that is started anew without its routes being applied: it may have forgotten what it was told.
    fn forgetful_gateway<'s>(&self, stack: &'s Stack, operations: &[Operation]) -> Option<&'s str> {
        let applies = |operation: &Operation| matches!(&operation.action, Action::Apply(apply) if apply.what == Declared::Routes);
        if operations.iter().any(applies) {
            return None;
        }
        let restarted = |operation: &Operation| match (&operation.action, &operation.target) {
            (
                Action::RestartContainer { .. } | Action::StartContainer(_),
                Target::Container { service, .. },
            ) => Some(service.clone()),
            _ => None,
        };
        let restarted: BTreeSet<String> = operations.iter().filter_map(restarted).collect();
        let mut gateways = stack.services.values().filter(|service| stack.holds(service, Declared::Routes));
        gateways.find(|service| restarted.contains(&service.name)).map(|service| service.name.as_str())
    }

    fn per_service<'f>(
        &self,
        followed: &'f BTreeSet<String>,
        names: &BTreeSet<&str>,
    ) -> BTreeMap<&'f str, Vec<String>> {
        let of = |service: &str| -> Vec<String> {
            let of_it = names.iter().filter(|name| self.services.get(**name) == Some(&service));
            of_it.map(|name| (*name).to_owned()).collect()
        };
        let each = followed.iter().map(|service| (service.as_str(), of(service)));
        each.filter(|(_, names)| !names.is_empty()).collect()
    }
}

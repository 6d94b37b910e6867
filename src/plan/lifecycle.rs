//! The plans of stop, down and restart.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::adopt::is_anonymous;
use super::graph;
use super::input::{Inputs, PlanError};
use super::labels::{PROJECT, REPLACE};
use super::observed::{ContainerState, ObservedContainer};
use super::operation::{Action, Cause, Operation, OperationId, Plan, Target, WaitCondition, WaitFor};
use super::replicas::is_job;
use super::start::Orphans;
use super::steps::target;
use crate::stack::model::{Condition, Service, Stack};

/// What a `down` is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DownRequest {
    /// Remove the stack's volumes too.
    pub volumes: bool,
    /// Remove containers whose service isn't in the stack.
    pub remove_orphans: bool,
    /// How long a stop may take before the kill; nothing: as the container was made with.
    pub timeout: Option<Duration>,
}

/// Stops the containers of these services (all of the stack, when none is named), dependents first. Services that
/// depend on them go on running, as in Compose.
pub fn stop_plan(
    inputs: &Inputs<'_>,
    services: &[String],
    timeout: Option<Duration>,
) -> Result<Plan, PlanError> {
    let named = named(inputs, services)?;
    let mut writer = Writer::new(inputs.stack, timeout);
    for service in backwards(inputs.stack) {
        if named.contains(service) {
            for container in containers(inputs, service, false) {
                writer.stop(container, &Cause::Asked);
            }
        }
    }
    Ok(writer.into_plan(Vec::new()))
}

/// Removes the containers of the whole stack, of services that a profile keeps out and one-off ones too, then its
/// networks, and with `volumes` its volumes. What was not made for this project stays.
pub fn down_plan(inputs: &Inputs<'_>, request: &DownRequest) -> Plan {
    let mut writer = Writer::new(inputs.stack, request.timeout);
    let mut notes = Vec::new();
    let mut gone: Vec<&ObservedContainer> = Vec::new();
    for service in backwards(inputs.stack) {
        for container in containers(inputs, service, true) {
            writer.remove(container, &Cause::Asked);
            gone.push(container);
        }
    }
    let orphans = Orphans::of(inputs);
    if request.remove_orphans {
        for container in &orphans.containers {
            writer.remove(container, &Cause::Orphan);
            gone.push(container);
        }
    } else if !orphans.containers.is_empty() {
        let names: Vec<&str> = orphans.containers.iter().map(|container| container.name.as_str()).collect();
        notes.push(format!("not in the stack any more, left alone: {} (--remove-orphans)", names.join(", ")));
    }
    let stays = |container: &&ObservedContainer| {
        !gone.iter().any(|other| std::ptr::eq::<ObservedContainer>(*other, *container))
    };
    let staying: Vec<&ObservedContainer> = inputs.observed.containers.iter().filter(stays).collect();
    networks(inputs, &gone, &staying, &mut writer, &mut notes);
    anonymous_volumes(inputs, &gone, &staying, &mut writer);
    if request.volumes {
        volumes(inputs, &gone, &staying, &mut writer, &mut notes);
    }
    writer.into_plan(notes)
}

/// Restarts the containers of these services (all, when none is named), each after those it depends on; and those
/// that want to restart with them. One-off services that have done their work are only run again when named.
pub fn restart_plan(
    inputs: &Inputs<'_>,
    services: &[String],
    timeout: Option<Duration>,
    no_wait: bool,
) -> Result<Plan, PlanError> {
    let named = named(inputs, services)?;
    let mut writer = Writer::new(inputs.stack, timeout);
    let mut notes = Vec::new();
    let mut done: BTreeMap<&str, Vec<OperationId>> = BTreeMap::new();
    for service in graph::order(inputs.stack) {
        let name = service.name.as_str();
        let edges = graph::edges(service);
        let follows = edges
            .iter()
            .find(|edge| (edge.restart || edge.namespace) && done.contains_key(edge.to))
            .map(|edge| edge.to);
        let cause = match follows {
            _ if named.contains(name) => Cause::Asked,
            Some(to) => Cause::DependencyRecreated { service: to.to_owned() },
            None => continue,
        };
        let job = is_job(inputs.stack, service);
        let mut restarted: Vec<&ObservedContainer> = Vec::new();
        for container in containers(inputs, name, false) {
            match container.state {
                ContainerState::Created => {
                    notes.push(format!("{} was never started: `vv start` makes it anew", container.name));
                }
                ContainerState::Removing | ContainerState::Dead => {}
                ContainerState::Exited(0) if job && !services.iter().any(|service| service == name) => {}
                ContainerState::Exited(_) if cause != Cause::Asked => {}
                _ => restarted.push(container),
            }
        }
        if restarted.is_empty() {
            continue;
        }
        let after = writer.after_dependencies(service, &done, inputs);
        let ids =
            restarted.iter().map(|container| writer.restart(container, &cause, after.clone())).collect();
        done.insert(name, ids);
        let names: Vec<String> = restarted.iter().map(|container| container.name.clone()).collect();
        writer.restarted.insert(name.to_owned(), names);
    }
    if !no_wait {
        writer.wait_for_all(inputs.stack, &done);
    }
    Ok(writer.into_plan(notes))
}

/// The names of the services that are meant.
fn named<'a>(inputs: &Inputs<'a>, services: &[String]) -> Result<BTreeSet<&'a str>, PlanError> {
    if services.is_empty() {
        return Ok(inputs
            .stack
            .services
            .keys()
            .chain(inputs.stack.inactive.keys())
            .map(String::as_str)
            .collect());
    }
    let known = |name: &String| match inputs.stack.inactive.get(name) {
        Some(service) => Ok(service.name.as_str()),
        None => inputs.service(name).map(|service| service.name.as_str()),
    };
    services.iter().map(known).collect()
}

/// All services, each before those it depends on; those that a profile keeps out come first.
fn backwards(stack: &Stack) -> impl Iterator<Item = &str> {
    let active = graph::order(stack).into_iter().rev();
    stack.inactive.values().rev().chain(active).map(|service| service.name.as_str())
}

fn containers<'a>(inputs: &Inputs<'a>, service: &str, oneoff: bool) -> Vec<&'a ObservedContainer> {
    let mut containers: Vec<&ObservedContainer> = inputs
        .observed
        .containers
        .iter()
        .filter(|container| container.service == service && (oneoff || !container.oneoff))
        .collect();
    containers.sort_by_key(|container| (container.oneoff, container.number, &container.name));
    containers
}

fn is_ours(labels: &BTreeMap<String, String>, stack: &Stack) -> bool {
    labels.get(PROJECT) == Some(&stack.name)
}

/// Removes the project's networks, but for those that somebody is still on.
fn networks(
    inputs: &Inputs<'_>,
    gone: &[&ObservedContainer],
    staying: &[&ObservedContainer],
    writer: &mut Writer<'_>,
    notes: &mut Vec<String>,
) {
    let external: Vec<&str> =
        inputs.stack.networks.values().filter(|network| network.external).map(|n| n.name.as_str()).collect();
    for network in &inputs.observed.networks {
        let declared = inputs.stack.networks.values().any(|declared| declared.name == network.name);
        if external.contains(&network.name.as_str()) {
            continue;
        }
        if !is_ours(&network.labels, inputs.stack) {
            if declared {
                notes.push(format!("network {} was not made for this project: it stays", network.name));
            }
            continue;
        }
        if let Some(user) = staying.iter().find(|container| container.networks.contains_key(&network.name)) {
            notes.push(format!("network {} stays: {} is on it", network.name, user.name));
            continue;
        }
        let users = gone.iter().filter(|container| container.networks.contains_key(&network.name));
        let after = users.filter_map(|container| writer.removed.get(&container.name).copied()).collect();
        let target = Target::Network(network.name.clone());
        writer.push(Action::RemoveNetwork(network.name.clone()), target, Cause::Asked, after);
    }
}

/// Removes the stack's own volumes. Others of the project are only named.
fn volumes(
    inputs: &Inputs<'_>,
    gone: &[&ObservedContainer],
    staying: &[&ObservedContainer],
    writer: &mut Writer<'_>,
    notes: &mut Vec<String>,
) {
    for volume in &inputs.observed.volumes {
        let declared = inputs.stack.volumes.values().find(|declared| declared.name == volume.name);
        match declared {
            Some(declared) if declared.external => {}
            Some(_) if !is_ours(&volume.labels, inputs.stack) => {
                notes.push(format!("volume {} was not made for this project: it stays", volume.name));
            }
            Some(_) => writer.remove_volume(&volume.name, gone, staying, notes),
            None if is_ours(&volume.labels, inputs.stack) => {
                notes.push(format!("volume {} isn't in the stack any more: it stays", volume.name));
            }
            None => {}
        }
    }
}

/// Removes the anonymous volumes that were handed on from container to container: the engine takes them for named
/// ones by now, and leaves them behind.
fn anonymous_volumes(
    inputs: &Inputs<'_>,
    gone: &[&ObservedContainer],
    staying: &[&ObservedContainer],
    writer: &mut Writer<'_>,
) {
    let mounted: BTreeSet<&str> = gone
        .iter()
        .filter(|container| container.labels.contains_key(REPLACE))
        .flat_map(|container| container.mounts.values())
        .filter(|mount| mount.kind == "volume" && is_anonymous(&mount.source))
        .map(|mount| mount.source.as_str())
        .collect();
    let declared = |name: &str| inputs.stack.volumes.values().any(|volume| volume.name == name);
    for name in mounted.into_iter().filter(|name| !declared(name)) {
        writer.remove_volume(name, gone, staying, &mut Vec::new());
    }
}

/// A plan on its way to paper.
struct Writer<'a> {
    stack: &'a Stack,
    timeout: Option<Duration>,
    operations: Vec<Operation>,
    /// The stops written so far, by service.
    stops: BTreeMap<String, Vec<OperationId>>,
    /// The removals written so far, by the container's name.
    removed: BTreeMap<String, OperationId>,
    /// The containers that are restarted, by service.
    restarted: BTreeMap<String, Vec<String>>,
    /// The waits written so far, by service; true for its end.
    waits: BTreeMap<(String, bool), OperationId>,
}

impl<'a> Writer<'a> {
    fn new(stack: &'a Stack, timeout: Option<Duration>) -> Self {
        Self {
            stack,
            timeout,
            operations: Vec::new(),
            stops: BTreeMap::new(),
            removed: BTreeMap::new(),
            restarted: BTreeMap::new(),
            waits: BTreeMap::new(),
        }
    }

    fn into_plan(self, notes: Vec<String>) -> Plan {
        Plan { operations: self.operations, notes }
    }

    fn push(
        &mut self,
        action: Action,
        target: Target,
        cause: Cause,
        mut after: Vec<OperationId>,
    ) -> OperationId {
        after.sort_unstable();
        after.dedup();
        self.operations.push(Operation { action, target, cause, after });
        self.operations.len() - 1
    }

    /// Stops a container after those of the services that depend on its own.
    fn stop(&mut self, container: &ObservedContainer, cause: &Cause) -> Option<OperationId> {
        if !container.state.is_up() {
            return None;
        }
        let dependents = self.stack.services.values().chain(self.stack.inactive.values()).filter(|other| {
            other.name != container.service
                && graph::edges(other).iter().any(|edge| edge.to == container.service)
        });
        let after = dependents.filter_map(|other| self.stops.get(&other.name)).flatten().copied().collect();
        let action = Action::StopContainer { container: container.name.clone(), timeout: self.timeout };
        let id = self.push(action, target(container), cause.clone(), after);
        self.stops.entry(container.service.clone()).or_default().push(id);
        Some(id)
    }

    fn remove(&mut self, container: &ObservedContainer, cause: &Cause) {
        let after = self.stop(container, cause).into_iter().collect();
        let action = Action::RemoveContainer { container: container.name.clone(), force: true };
        let id = self.push(action, target(container), cause.clone(), after);
        self.removed.insert(container.name.clone(), id);
    }

    fn remove_volume(
        &mut self,
        name: &str,
        gone: &[&ObservedContainer],
        staying: &[&ObservedContainer],
        notes: &mut Vec<String>,
    ) {
        let uses = |container: &&&ObservedContainer| {
            container.mounts.values().any(|mount| mount.kind == "volume" && mount.source == name)
        };
        if let Some(user) = staying.iter().find(uses) {
            notes.push(format!("volume {name} stays: {} uses it", user.name));
            return;
        }
        let users = gone.iter().filter(uses);
        let after = users.filter_map(|container| self.removed.get(&container.name).copied()).collect();
        self.push(
            Action::RemoveVolume(name.to_owned()),
            Target::Volume(name.to_owned()),
            Cause::Asked,
            after,
        );
    }

    fn restart(
        &mut self,
        container: &ObservedContainer,
        cause: &Cause,
        after: Vec<OperationId>,
    ) -> OperationId {
        let action = Action::RestartContainer { container: container.name.clone(), timeout: self.timeout };
        self.push(action, target(container), cause.clone(), after)
    }

    /// What a service's restart comes after: the restarts of those it depends on, and their conditions.
    fn after_dependencies(
        &mut self,
        service: &Service,
        done: &BTreeMap<&str, Vec<OperationId>>,
        inputs: &Inputs<'_>,
    ) -> Vec<OperationId> {
        let mut after = Vec::new();
        for edge in graph::edges(service) {
            let Some(restarts) = done.get(edge.to) else { continue };
            after.extend(restarts);
            let condition = match edge.condition {
                Condition::ServiceStarted => continue,
                Condition::ServiceHealthy => WaitCondition::Healthy,
                Condition::ServiceCompletedSuccessfully => WaitCondition::Completed,
            };
            debug_assert!(inputs.stack.services.contains_key(edge.to));
            let id = self.wait(edge.to, condition, edge.required, restarts.clone());
            if let Cause::NeededBy { services } = &mut self.operations[id].cause
                && !services.contains(&service.name)
            {
                services.push(service.name.clone());
                services.sort();
            }
            after.push(id);
        }
        after
    }

    fn wait_for_all(&mut self, stack: &Stack, done: &BTreeMap<&str, Vec<OperationId>>) {
        for service in graph::order(stack) {
            let Some(restarts) = done.get(service.name.as_str()) else { continue };
            let condition =
                if is_job(stack, service) { WaitCondition::Completed } else { WaitCondition::Ready };
            let mut after = restarts.clone();
            if condition == WaitCondition::Ready {
                after.extend(self.waits.get(&(service.name.clone(), false)));
            }
            self.wait(&service.name, condition, true, after);
        }
    }

    fn wait(
        &mut self,
        service: &str,
        condition: WaitCondition,
        required: bool,
        after: Vec<OperationId>,
    ) -> OperationId {
        let key = (service.to_owned(), condition == WaitCondition::Ready);
        if let Some(&id) = self.waits.get(&key) {
            if let Action::Wait(wait) = &mut self.operations[id].action {
                wait.required |= required;
            }
            return id;
        }
        let containers = self.restarted.get(service).cloned().unwrap_or_default();
        let wait = WaitFor { service: service.to_owned(), containers, condition, required };
        let cause = Cause::NeededBy { services: Vec::new() };
        let id = self.push(Action::Wait(wait), Target::Service(service.to_owned()), cause, after);
        self.waits.insert(key, id);
        id
    }
}

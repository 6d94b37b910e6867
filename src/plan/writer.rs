//! Writing down the operations of stop, down and restart.

use std::collections::BTreeMap;
use std::time::Duration;

use super::graph;
use super::observed::ObservedContainer;
use super::operation::{Action, Cause, Operation, OperationId, Plan, Target, WaitCondition, WaitFor};
use super::steps::target;
use crate::stack::model::{Condition, Service, Stack};

/// A plan on its way to paper.
pub(super) struct Writer<'a> {
    stack: &'a Stack,
    timeout: Option<Duration>,
    operations: Vec<Operation>,
    /// The stops written so far, by service.
    stops: BTreeMap<String, Vec<OperationId>>,
    /// The removals written so far, by the container's name.
    pub removed: BTreeMap<String, OperationId>,
    /// The containers that are restarted, by service.
    pub restarted: BTreeMap<String, Vec<String>>,
    /// The waits written so far, by service; true for its end.
    waits: BTreeMap<(String, bool), OperationId>,
}

impl<'a> Writer<'a> {
    pub fn new(stack: &'a Stack, timeout: Option<Duration>) -> Self {
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

    pub fn into_plan(self, notes: Vec<String>) -> Plan {
        Plan { operations: self.operations, notes }
    }

    pub fn push(
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
    pub fn stop(&mut self, container: &ObservedContainer, cause: &Cause) -> Option<OperationId> {
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

    pub fn remove(&mut self, container: &ObservedContainer, cause: &Cause) {
        let after = self.stop(container, cause).into_iter().collect();
        let action = Action::RemoveContainer { container: container.name.clone(), force: true };
        let id = self.push(action, target(container), cause.clone(), after);
        self.removed.insert(container.name.clone(), id);
    }

    pub fn remove_volume(
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

    pub fn restart(
        &mut self,
        container: &ObservedContainer,
        cause: &Cause,
        after: Vec<OperationId>,
    ) -> OperationId {
        let action = Action::RestartContainer { container: container.name.clone(), timeout: self.timeout };
        self.push(action, target(container), cause.clone(), after)
    }

    /// What a service's restart comes after: the restarts of those it depends on, and their conditions.
    pub fn after_dependencies(
        &mut self,
        service: &Service,
        done: &BTreeMap<&str, Vec<OperationId>>,
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

    /// `asked_for` are the services that the user named.
    pub fn wait_for_all(
        &mut self,
        stack: &Stack,
        done: &BTreeMap<&str, Vec<OperationId>>,
        asked_for: &[String],
    ) {
        let dependents = || stack.services.values().filter(|other| done.contains_key(other.name.as_str()));
        for service in graph::order(stack) {
            let Some(restarts) = done.get(service.name.as_str()) else { continue };
            let condition =
                if stack.is_job(service) { WaitCondition::Completed } else { WaitCondition::Ready };
            let mut after = restarts.clone();
            if condition == WaitCondition::Ready {
                after.extend(self.waits.get(&(service.name.clone(), false)));
            }
            let required =
                asked_for.contains(&service.name) || !graph::is_optional(&service.name, dependents());
            self.wait(&service.name, condition, required, after);
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

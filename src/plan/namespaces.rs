//! Services that live in a namespace of another one (`network_mode`, `ipc` or `pid: service:…`). Without a container of
//! that one, theirs would go on in a namespace that is dead: no network, or no processes. So they are stopped with it,
//! as they are replaced with it; a start that brings it back brings them back.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{self, namespace_parents};
use super::observed::ObservedContainer;
use super::operation::{Cause, OperationId};
use super::replicas::{Decision, Fate};
use super::steps::Steps;
use crate::stack::model::{Service, Stack};

/// The service in whose namespace this one lives, when the plan leaves no replica of it.
pub(super) fn parent_without_replicas<'a>(
    service: &'a Service,
    decisions: &BTreeMap<&str, Decision<'_>>,
) -> Option<&'a str> {
    namespace_parents(service)
        .find(|parent| decisions.get(parent).is_some_and(|parent| parent.replicas.is_empty()))
}

/// The services that live in a namespace of these, or of one that does, each with the one it lives in.
pub(super) fn inside<'a>(stack: &'a Stack, of: &BTreeSet<&str>) -> BTreeMap<&'a str, &'a str> {
    let mut inside: BTreeMap<&str, &str> = BTreeMap::new();
    loop {
        let next = stack.services.values().chain(stack.inactive.values()).find_map(|service| {
            let name = service.name.as_str();
            if of.contains(name) || inside.contains_key(name) {
                return None;
            }
            let goes = |parent: &&str| of.contains(*parent) || inside.contains_key(*parent);
            Some((name, namespace_parents(service).find(goes)?))
        });
        match next {
            Some((name, parent)) => inside.insert(name, parent),
            None => return inside,
        };
    }
}

/// Why a container is stopped for want of its namespace, and what is said about it.
pub(super) fn stopped(container: &ObservedContainer, parent: &str) -> (Cause, String) {
    let cause = Cause::NamespaceGone { service: parent.to_owned() };
    let name = &container.name;
    (
        cause,
        format!("{name} is stopped with {parent}, whose namespace it shares: `vv start` brings both back"),
    )
}

impl<'a> Decision<'a> {
    /// The same service where the one in whose namespace it lives has no replica: none of it can run.
    pub fn without_namespace(mut self, parent: &str) -> Self {
        let there = std::mem::take(&mut self.replicas).into_iter().filter_map(|replica| match replica.fate {
            Fate::Keep { container, .. } | Fate::Replace { old: container, .. } => Some(container),
            Fate::Create { .. } => None,
        });
        let running = there.filter(|container| container.state.is_up());
        self.halted = running.map(|container| (container, stopped(container, parent).0)).collect();
        let notes: Vec<String> =
            self.halted.iter().map(|(container, _)| stopped(container, parent).1).collect();
        self.notes.extend(notes);
        if self.halted.is_empty() {
            let name = &self.desired.service.name;
            self.notes.push(format!(
                "{name} isn't started: it shares a namespace of {parent}, of which no replica is wanted"
            ));
        }
        self
    }
}

impl Steps<'_> {
    /// Stops the containers whose namespace goes, each before the one that has it.
    pub fn halt(&mut self) {
        let decisions = self.decisions;
        for service in graph::order(self.inputs.stack).into_iter().rev() {
            let Some(decision) = decisions.get(service.name.as_str()) else { continue };
            for (container, cause) in &decision.halted {
                let before = self.halted_inside(&service.name);
                self.stop(container, cause, before);
            }
        }
    }

    /// The stops of the containers that live in a namespace of this service.
    pub fn halted_inside(&self, service: &str) -> Vec<OperationId> {
        let children = self
            .decisions
            .values()
            .filter(|decision| namespace_parents(decision.desired.service).any(|parent| parent == service));
        let containers = children.flat_map(|decision| &decision.halted);
        containers.filter_map(|(container, _)| self.stops.get(&container.name).copied()).collect()
    }
}

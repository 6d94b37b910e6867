//! The plans of stop and restart.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::graph;
use super::input::{Inputs, PlanError};
use super::namespaces;
use super::observed::{ContainerState, ObservedContainer};
use super::operation::{Cause, OperationId, Plan};
use super::writer::Writer;
use crate::stack::model::Stack;

/// Stops the containers of these services (all of the stack, when none is named), dependents first. Services that
/// depend on them go on running, as in Compose; those that share a namespace of them are stopped too.
pub fn stop_plan(
    inputs: &Inputs<'_>,
    services: &[String],
    timeout: Option<Duration>,
) -> Result<Plan, PlanError> {
    let named = named(inputs, services)?;
    let mut writer = Writer::new(inputs.stack, timeout);
    let inside = namespaces::inside(inputs.stack, &named);
    let mut notes = Vec::new();
    for service in backwards(inputs.stack) {
        for container in containers(inputs, service, false) {
            if named.contains(service) {
                writer.stop(container, &Cause::Asked);
            } else if let Some(parent) = inside.get(service) {
                let (cause, note) = namespaces::stopped(container, parent);
                notes.extend(writer.stop(container, &cause).map(|_| note));
            }
        }
    }
    Ok(writer.into_plan(notes))
}

/// Restarts the containers of these services (all, when none is named), each after those it depends on; and those
/// that want to restart with them. One-off services that have done their work are only run again when named.
pub fn restart_plan(
    inputs: &Inputs<'_>,
    services: &[String],
    timeout: Option<Duration>,
    no_wait: bool,
) -> Result<Plan, PlanError> {
    services.iter().try_for_each(|name| inputs.service(name).map(drop))?;
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
        let job = inputs.stack.is_job(service);
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
        let after = writer.after_dependencies(service, &done);
        let ids =
            restarted.iter().map(|container| writer.restart(container, &cause, after.clone())).collect();
        done.insert(name, ids);
        let names: Vec<String> = restarted.iter().map(|container| container.name.clone()).collect();
        writer.restarted.insert(name.to_owned(), names);
    }
    if !no_wait {
        writer.wait_for_all(inputs.stack, &done, services);
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
pub(super) fn backwards(stack: &Stack) -> impl Iterator<Item = &str> {
    let active = graph::order(stack).into_iter().rev();
    stack.inactive.values().rev().chain(active).map(|service| service.name.as_str())
}

pub(super) fn containers<'a>(inputs: &Inputs<'a>, service: &str, oneoff: bool) -> Vec<&'a ObservedContainer> {
    let mut containers: Vec<&ObservedContainer> = inputs
        .observed
        .containers
        .iter()
        .filter(|container| container.service == service && (oneoff || !container.oneoff))
        .collect();
    containers.sort_by_key(|container| (container.oneoff, container.number, &container.name));
    containers
}

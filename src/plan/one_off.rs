//! One-off containers: `vv run`.

use std::collections::BTreeMap;

use super::desired::Desired;
use super::hash::spec_hash;
use super::images::needs;
use super::input::{Inputs, PlanError, StartRequest};
use super::names;
use super::operation::{Cause, Plan};
use super::replicas::Decision;
use super::request;
use super::start;
use super::steps::Steps;
use crate::stack::model::Port;

/// What a one-off container is to be, besides what its service says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OneOff {
    /// The service.
    pub service: String,
    /// What makes its name unique: hex digits, chosen by the caller.
    pub slug: String,
    /// Its name, instead of one with the slug.
    pub name: Option<String>,
    /// Instead of the service's command.
    pub command: Option<Vec<String>>,
    /// Instead of the service's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// On top of the service's variables.
    pub environment: BTreeMap<String, String>,
    /// On top of the service's labels.
    pub labels: BTreeMap<String, String>,
    /// Instead of the service's user.
    pub user: Option<String>,
    /// Instead of the service's folder.
    pub working_dir: Option<String>,
    /// Publish the service's ports; otherwise none is.
    pub service_ports: bool,
    /// Ports to publish.
    pub publish: Vec<Port>,
    /// With a terminal.
    pub tty: bool,
    /// With stdin.
    pub stdin_open: bool,
    /// Leave the service's dependencies alone.
    pub no_deps: bool,
    /// Build the image though it is there.
    pub build: bool,
}

/// The plan that makes a one-off container: its dependencies are started and waited for as far as the service's
/// conditions say, its networks, volumes and image are made, then the container, which isn't started: the caller
/// attaches to it first. The container's name comes with the plan.
pub fn run_plan(inputs: &Inputs<'_>, one_off: &OneOff) -> Result<(Plan, String), PlanError> {
    let service = inputs.service(&one_off.service)?;
    let dependencies: Vec<String> = super::graph::edges(service)
        .iter()
        .map(|edge| edge.to.to_owned())
        .filter(|name| inputs.stack.services.contains_key(name))
        .collect();
    let request = StartRequest {
        services: dependencies,
        no_wait: true,
        build: one_off.build,
        ..StartRequest::default()
    };
    // An empty list of services would mean all of them.
    let with_deps = !one_off.no_deps && !request.services.is_empty();
    let chosen =
        if with_deps { super::images::selected(inputs, &request.services, false)? } else { Vec::new() };
    let decisions = start::decide_all(inputs, &request, &chosen)?;
    let own = Decision::bare(desired(Desired::new(inputs, service)?, one_off));

    let services: Vec<_> = super::graph::order(inputs.stack)
        .into_iter()
        .filter(|other| decisions.contains_key(other.name.as_str()))
        .collect();
    let mut steps = Steps::new(*inputs, &decisions, start::going(&decisions));
    let mut notes = Vec::new();
    let mut involved = services.clone();
    involved.push(service);
    for need in needs(inputs, &involved, &request)? {
        if need.cause == Cause::Missing || (one_off.build && need.image == own.desired.spec.image) {
            steps.resource(need.operation());
        }
    }
    start::networks(inputs, &involved, &mut steps, &mut notes)?;
    start::volumes(inputs, &involved, &mut steps, &mut notes)?;
    start::write(&mut steps, &services, &decisions, &[], None);

    let name = one_off
        .name
        .clone()
        .unwrap_or_else(|| names::one_off(&inputs.stack.name, &service.name, &one_off.slug));
    let parents = steps.parents(&own);
    let api = inputs.observed.engine.api;
    let request = request::one_off(inputs.stack, api, &own.desired, &name, &one_off.slug, &parents);
    steps.create(&own, request, &Cause::Asked);
    steps.gates(&own);
    for decision in decisions.values() {
        notes.extend(decision.notes.iter().cloned());
    }
    Ok((Plan { operations: steps.operations, notes }, name))
}

/// The service's spec with what is asked for this once.
fn desired<'a>(mut desired: Desired<'a>, one_off: &OneOff) -> Desired<'a> {
    let spec = &mut desired.spec;
    if let Some(entrypoint) = &one_off.entrypoint {
        spec.entrypoint = Some(entrypoint.clone());
        // The command was meant for the service's own entrypoint.
        spec.command = None;
    }
    if let Some(command) = &one_off.command {
        spec.command = Some(command.clone());
    }
    spec.environment.extend(one_off.environment.clone());
    spec.labels.extend(one_off.labels.clone());
    spec.user = one_off.user.clone().or(spec.user.take());
    spec.working_dir = one_off.working_dir.clone().or(spec.working_dir.take());
    if !one_off.service_ports {
        spec.ports.clear();
    }
    spec.ports.extend(one_off.publish.iter().cloned());
    spec.tty = one_off.tty;
    spec.stdin_open = one_off.stdin_open;
    desired.hash = spec_hash(spec);
    desired
}

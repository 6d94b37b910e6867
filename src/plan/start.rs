//! The plan of a start.

use std::collections::BTreeMap;

use super::graph;
use super::images::{self, needs, selected};
use super::input::{Inputs, PlanError, StartRequest};
use super::labels::{self, NETWORK, PROJECT, VOLUME};
use super::namespaces::parent_without_replicas;
use super::observed::{ObservedContainer, ObservedNetwork, ObservedVolume};
use super::operation::{Action, Cause, Operation, Plan, Target};
use super::replicas::{Decision, Fate, decide};
use super::spec::{CreateNetwork, CreateVolume};
use super::stale::{Parent, Parents, lost_namespace};
use super::steps::{Steps, first_container};
use super::waits::AtEnd;
use crate::stack::model::{Network, Service, Volume};

/// What is to be done so that the stack runs as it says. Images that are missing are part of it; those to be
/// refreshed were [`super::images_plan`]'s.
pub fn start_plan(inputs: &Inputs<'_>, request: &StartRequest) -> Result<Plan, PlanError> {
    plan(inputs, request, &[])
}

/// The services that a start is about: those named and what they depend on.
pub fn services_of<'a>(inputs: &Inputs<'a>, request: &StartRequest) -> Result<Vec<&'a Service>, PlanError> {
    selected(inputs, &request.named(), request.no_deps)
}

/// The images' plan and the start's in one, for showing: what the refreshed images will change isn't known yet, and
/// a note says so.
pub fn preview_plan(inputs: &Inputs<'_>, request: &StartRequest) -> Result<Plan, PlanError> {
    let images = images::images_plan(inputs, request)?;
    let mut plan = plan(inputs, request, &images.operations)?;
    for operation in images.operations.iter().filter(|operation| operation.cause != Cause::Missing) {
        if let Target::Image(image) = &operation.target {
            plan.notes.push(format!("containers of {image} are replaced if that gives another image"));
        }
    }
    Ok(plan)
}

fn plan(inputs: &Inputs<'_>, request: &StartRequest, refreshed: &[Operation]) -> Result<Plan, PlanError> {
    let chosen = selected(inputs, &request.named(), request.no_deps)?;
    for name in request.scale.keys() {
        inputs.service(name)?;
    }
    let decisions = decide_all(inputs, request, &chosen)?;
    let orphans = Orphans::of(inputs);
    let removed = if request.remove_orphans { orphans.containers.as_slice() } else { &[] };

    let services: Vec<&Service> = graph::order(inputs.stack)
        .into_iter()
        .filter(|service| decisions.contains_key(service.name.as_str()))
        .collect();
    let mut steps = Steps::new(*inputs, &decisions, going(&decisions).chain(removed.iter().copied()));
    steps.comparisons = &request.declared;
    let mut notes = Vec::new();
    refreshed.iter().cloned().for_each(|operation| steps.resource(operation));
    for need in needs(inputs, &services, request)?.into_iter().filter(|need| need.cause == Cause::Missing) {
        if !refreshed.iter().any(|operation| operation.target == Target::Image(need.image.clone())) {
            steps.resource(need.operation());
        }
    }
    let running: Vec<&Service> = services
        .iter()
        .copied()
        .filter(|service| !decisions[service.name.as_str()].replicas.is_empty())
        .collect();
    networks(inputs, &running, &mut steps, &mut notes)?;
    volumes(inputs, &running, &mut steps, &mut notes)?;
    write(&mut steps, &services, &decisions, removed, (!request.no_wait).then_some(request));

    for decision in decisions.values() {
        notes.extend(decision.notes.iter().cloned());
    }
    notes.extend(steps.unapplied());
    if !request.remove_orphans {
        notes.extend(orphans.notes(inputs));
    }
    Ok(Plan { operations: steps.operations, notes })
}

pub(super) fn write<'a>(
    steps: &mut Steps<'a>,
    services: &[&'a Service],
    decisions: &'a BTreeMap<&'a str, Decision<'a>>,
    orphans: &[&'a ObservedContainer],
    waited_for: Option<&StartRequest>,
) {
    steps.halt();
    steps.release_ports();
    for orphan in orphans {
        steps.remove(orphan, &Cause::Orphan, Vec::new());
    }
    let ordered: Vec<&'a Decision<'a>> =
        services.iter().map(|service| &decisions[service.name.as_str()]).collect();
    for (container, cause) in ordered.iter().flat_map(|decision| &decision.clear) {
        steps.clear(container, cause);
    }
    for decision in &ordered {
        for container in &decision.surplus {
            let before = steps.halted_inside(&decision.desired.service.name);
            steps.remove(container, &Cause::ScaledDown, before);
        }
        steps.service(decision);
    }
    if let Some(request) = waited_for {
        for decision in &ordered {
            let name = &decision.desired.service.name;
            let asked_for = request.services.contains(name) || request.scale.contains_key(name);
            let dependents = || ordered.iter().map(|decision| decision.desired.service);
            let end = AtEnd {
                required: asked_for || !graph::is_optional(name, dependents()),
                unproven: request.unproven.contains(name),
            };
            let started = steps.started(name).to_vec();
            steps.waits.at_end(&mut steps.operations, decision, &started, end);
        }
        steps.apply_all();
    }
}

/// Decides on the chosen services, each after those it depends on, and on running ones that have to follow them.
pub(super) fn decide_all<'a>(
    inputs: &Inputs<'a>,
    request: &StartRequest,
    chosen: &[&Service],
) -> Result<BTreeMap<&'a str, Decision<'a>>, PlanError> {
    let mut decisions: BTreeMap<&'a str, Decision<'a>> = BTreeMap::new();
    let mut parents: Parents<'a> = BTreeMap::new();
    for service in graph::order(inputs.stack) {
        let name = service.name.as_str();
        let renewed = |edge: &graph::Edge<'_>| {
            decisions.get(edge.to).is_some_and(|dependency| {
                (edge.restart && dependency.is_renewed()) || (edge.namespace && dependency.is_started())
            })
        };
        let follows = graph::edges(service).into_iter().find(renewed).map(|edge| edge.to);
        let mut up =
            inputs.observed.containers.iter().filter(|c| c.service == name && !c.oneoff && c.state.is_up());
        let has_to =
            |c: &ObservedContainer| follows.is_some() || lost_namespace(service, c, &parents).is_some();
        let is_chosen = chosen.iter().any(|other| other.name == name);
        let orphaned = parent_without_replicas(service, &decisions);
        if !is_chosen && !up.any(|container| orphaned.is_some() || has_to(container)) {
            parents.extend(first_container(*inputs, name).map(|container| (name, Parent::Stays(container))));
            continue;
        }
        let mut decision = decide(inputs, request, service, &parents, follows)?;
        if let Some(parent) = orphaned {
            decision = decision.without_namespace(parent);
        }
        let parent = decision.replicas.first().map(|replica| match &replica.fate {
            Fate::Keep { container, .. } => Parent::Stays(container),
            Fate::Create { .. } | Fate::Replace { .. } => Parent::New,
        });
        parents.extend(parent.map(|parent| (name, parent)));
        decisions.insert(name, decision);
    }
    Ok(decisions)
}

/// The containers that are stopped for good.
pub(super) fn going<'a>(
    decisions: &'a BTreeMap<&'a str, Decision<'a>>,
) -> impl Iterator<Item = &'a ObservedContainer> {
    decisions.values().flat_map(|decision| {
        let replaced = decision.replicas.iter().filter_map(|replica| match &replica.fate {
            Fate::Replace { old, .. } => Some(*old),
            _ => None,
        });
        let halted = decision.halted.iter().map(|(container, _)| *container);
        replaced.chain(decision.surplus.iter().copied()).chain(halted)
    })
}

/// Makes the networks that are missing. One that is there is used as it is.
pub(super) fn networks(
    inputs: &Inputs<'_>,
    services: &[&Service],
    steps: &mut Steps<'_>,
    notes: &mut Vec<String>,
) -> Result<(), PlanError> {
    for (key, wanted) in &inputs.stack.networks {
        if !services.iter().any(|service| service.networks.contains_key(key)) {
            continue;
        }
        match inputs.observed.networks.iter().find(|there| there.name == wanted.name) {
            Some(there) if !wanted.external => notes.extend(network_note(inputs, wanted, there)),
            Some(_) => {}
            None if wanted.external => {
                return Err(PlanError::new(format!("the external network {} isn't there", wanted.name))
                    .hint(format!("docker network create {}", wanted.name)));
            }
            None => {
                let labels = labels::resource(inputs.stack, NETWORK, key, &wanted.labels);
                let create = Box::new(CreateNetwork { network: wanted.clone(), labels });
                let target = Target::Network(wanted.name.clone());
                let action = Action::CreateNetwork(create);
                steps.resource(Operation { action, target, cause: Cause::Missing, after: Vec::new() });
            }
        }
    }
    Ok(())
}

fn network_note(inputs: &Inputs<'_>, wanted: &Network, there: &ObservedNetwork) -> Option<String> {
    let name = &wanted.name;
    if there.labels.get(PROJECT) != Some(&inputs.stack.name) {
        return Some(format!("network {name} was not made for this project: it is used as it is"));
    }
    let driver = wanted.driver.as_ref().is_some_and(|driver| *driver != there.driver);
    let subnet = |pool: &&str| !there.subnets.iter().any(|subnet| subnet == pool);
    let subnets = wanted.ipam.iter().filter_map(|pool| pool.subnet.as_deref()).any(|pool| subnet(&pool));
    let what = [(driver, "driver"), (wanted.internal != there.internal, "internal"), (subnets, "subnets")];
    let what: Vec<&str> = what.iter().filter(|(differs, _)| *differs).map(|(_, what)| *what).collect();
    (!what.is_empty()).then(|| {
        format!(
            "network {name} differs from the stack in its {}: it stays as it is until a `vv down` and start",
            what.join(", ")
        )
    })
}

/// Makes the volumes that are missing. One that is there is used as it is.
pub(super) fn volumes(
    inputs: &Inputs<'_>,
    services: &[&Service],
    steps: &mut Steps<'_>,
    notes: &mut Vec<String>,
) -> Result<(), PlanError> {
    for (key, wanted) in &inputs.stack.volumes {
        if !services.iter().any(|service| mounts(service, key)) {
            continue;
        }
        match inputs.observed.volumes.iter().find(|there| there.name == wanted.name) {
            Some(there) if !wanted.external => notes.extend(volume_note(inputs, wanted, there)),
            Some(_) => {}
            None if wanted.external => {
                return Err(PlanError::new(format!("the external volume {} isn't there", wanted.name))
                    .hint(format!("docker volume create {}", wanted.name)));
            }
            None => {
                let labels = labels::resource(inputs.stack, VOLUME, key, &wanted.labels);
                let create = Box::new(CreateVolume { volume: wanted.clone(), labels });
                let target = Target::Volume(wanted.name.clone());
                let action = Action::CreateVolume(create);
                steps.resource(Operation { action, target, cause: Cause::Missing, after: Vec::new() });
            }
        }
    }
    Ok(())
}

fn mounts(service: &Service, key: &str) -> bool {
    use crate::stack::model::MountKind::Volume;
    service
        .mounts
        .iter()
        .any(|mount| matches!(&mount.kind, Volume { source: Some(source), .. } if source == key))
}

fn volume_note(inputs: &Inputs<'_>, wanted: &Volume, there: &ObservedVolume) -> Option<String> {
    let name = &wanted.name;
    if there.labels.get(PROJECT) != Some(&inputs.stack.name) {
        return Some(format!("volume {name} was not made for this project: it is used as it is"));
    }
    let driver = wanted.driver.as_ref().filter(|driver| **driver != there.driver)?;
    Some(format!("volume {name} has the driver {} and not {driver}: its data stays as it is", there.driver))
}

/// Containers of the project whose service isn't in the stack.
pub(super) struct Orphans<'a> {
    /// One-off ones aren't among them.
    pub containers: Vec<&'a ObservedContainer>,
}

impl<'a> Orphans<'a> {
    pub fn of(inputs: &Inputs<'a>) -> Self {
        let stack = inputs.stack;
        let known = |name: &str| stack.services.contains_key(name) || stack.inactive.contains_key(name);
        let orphans = inputs.observed.containers.iter().filter(|c| !c.oneoff && !known(&c.service));
        Self { containers: orphans.collect() }
    }

    /// What is said of them, and of running services that a profile keeps out, when they stay.
    pub fn notes(&self, inputs: &Inputs<'_>) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.containers.is_empty() {
            let names: Vec<&str> = self.containers.iter().map(|container| container.name.as_str()).collect();
            notes.push(format!(
                "not in the stack any more: {} (--remove-orphans removes them)",
                names.join(", ")
            ));
        }
        for container in &inputs.observed.containers {
            if !container.oneoff
                && container.state.is_up()
                && inputs.stack.inactive.contains_key(&container.service)
            {
                notes.push(format!("{} runs, though its profile is off: it is left alone", container.name));
            }
        }
        notes
    }
}

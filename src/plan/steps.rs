//! Writing operations down: each with what it comes after, so that it can be carried out as soon as those are done.

use std::collections::{BTreeMap, BTreeSet};

use super::adopt::anonymous_volumes;
use super::declared::Comparison;
use super::graph::{self, namespace_parents};
use super::input::Inputs;
use super::names;
use super::observed::ObservedContainer;
use super::operation::{Action, Cause, Operation, OperationId, Target};
use super::ports::Holders;
use super::replicas::{Decision, Fate, Replica, Revive};
use super::request::{self, Request};
use super::waits::Waits;

/// A plan on its way to paper.
pub(super) struct Steps<'a> {
    pub(super) inputs: Inputs<'a>,
    /// What is declared beside containers.
    pub(super) comparisons: &'a [Comparison],
    /// The services that take part, by name.
    pub(super) decisions: &'a BTreeMap<&'a str, Decision<'a>>,
    /// What is written so far.
    pub operations: Vec<Operation>,
    /// The waits among them.
    pub waits: Waits,
    /// The operations that make an image, network or volume, by target.
    resources: BTreeMap<Target, OperationId>,
    /// The operations that stop a container, by its name.
    pub(super) stops: BTreeMap<String, OperationId>,
    /// The operations after which a container's name is free.
    frees: BTreeMap<String, OperationId>,
    /// The operations after which a service's replicas are started.
    started: BTreeMap<&'a str, Vec<OperationId>>,
    /// Containers that hold a host port now and are stopped by this plan.
    pub(super) holders: Holders<'a>,
}

impl<'a> Steps<'a> {
    /// Nothing written yet. `going` are the containers that the plan will stop for good.
    pub fn new(
        inputs: Inputs<'a>,
        decisions: &'a BTreeMap<&'a str, Decision<'a>>,
        going: impl IntoIterator<Item = &'a ObservedContainer>,
    ) -> Self {
        Self {
            inputs,
            comparisons: &[],
            decisions,
            operations: Vec::new(),
            waits: Waits::default(),
            resources: BTreeMap::new(),
            stops: BTreeMap::new(),
            frees: BTreeMap::new(),
            started: BTreeMap::new(),
            holders: Holders::of(going),
        }
    }

    /// Writes an operation.
    pub fn push(
        &mut self,
        action: Action,
        target: Target,
        cause: Cause,
        after: Vec<OperationId>,
    ) -> OperationId {
        let after: BTreeSet<OperationId> = after.into_iter().collect();
        self.operations.push(Operation { action, target, cause, after: after.into_iter().collect() });
        self.operations.len() - 1
    }

    /// Writes an operation that makes an image, network or volume.
    pub fn resource(&mut self, operation: Operation) {
        self.resources.insert(operation.target.clone(), self.operations.len());
        self.operations.push(operation);
    }

    /// The operations that start a service's replicas.
    pub fn started(&self, service: &str) -> &[OperationId] {
        self.started.get(service).map_or(&[], Vec::as_slice)
    }

    /// Stops a container, if it is up and isn't stopped yet; what comes after the stop.
    pub fn stop(
        &mut self,
        container: &ObservedContainer,
        cause: &Cause,
        after: Vec<OperationId>,
    ) -> Option<OperationId> {
        if !container.state.is_up() {
            return None;
        }
        if let Some(&id) = self.stops.get(&container.name) {
            return Some(id);
        }
        let action = Action::StopContainer { container: container.name.clone(), timeout: None };
        let id = self.push(action, target(container), cause.clone(), after);
        self.stops.insert(container.name.clone(), id);
        Some(id)
    }

    /// Stops and removes a container.
    pub fn remove(
        &mut self,
        container: &ObservedContainer,
        cause: &Cause,
        after: Vec<OperationId>,
    ) -> OperationId {
        let stop = self.stop(container, cause, after.clone());
        let after = stop.map_or(after, |stop| vec![stop]);
        self.discard(container, cause, false, after)
    }

    /// Removes a leftover, whatever it does.
    pub fn clear(&mut self, container: &ObservedContainer, cause: &Cause) -> OperationId {
        self.discard(container, cause, true, Vec::new())
    }

    fn discard(
        &mut self,
        container: &ObservedContainer,
        cause: &Cause,
        force: bool,
        after: Vec<OperationId>,
    ) -> OperationId {
        let action = Action::RemoveContainer { container: container.name.clone(), force };
        let id = self.push(action, target(container), cause.clone(), after);
        self.frees.insert(container.name.clone(), id);
        id
    }

    /// Writes what a service's wanted replicas need.
    pub fn service(&mut self, decision: &'a Decision<'a>) {
        let service = decision.desired.service.name.as_str();
        let mut started = Vec::new();
        for replica in &decision.replicas {
            started.extend(self.replica(decision, replica));
        }
        self.started.insert(service, started);
    }

    fn replica(&mut self, decision: &'a Decision<'a>, replica: &'a Replica<'a>) -> Option<OperationId> {
        let service = decision.desired.service.name.as_str();
        let target = || Target::Container { service: service.to_owned(), name: replica.name.clone() };
        match &replica.fate {
            Fate::Create { cause, inherited } => {
                let mut after = self.make(decision, replica, None, cause, inherited);
                if *cause != Cause::ScaledUp {
                    after.extend(self.quiet(service));
                }
                after.extend(self.gates(decision));
                after.extend(self.port_holders(&decision.desired.spec.ports, replica, None));
                Some(self.push(Action::StartContainer(replica.name.clone()), target(), cause.clone(), after))
            }
            Fate::Replace { old, cause } => {
                let cause = Cause::Replacing { because: Box::new(cause.clone()) };
                let inherited = anonymous_volumes(old, &decision.desired.spec);
                let temporary = names::temporary(&old.id, &replica.name);
                let made = self.make(decision, replica, Some((&temporary, &old.name)), &cause, &inherited);
                let mut before = made.clone();
                before.extend(self.quiet(service));
                before.extend(self.gates(decision));
                let stop = self.stop(old, &cause, before.clone());
                let mut after = made;
                after.extend(stop.map_or(before, |stop| vec![stop]));
                let removed = self.discard(old, &cause, false, after);
                let rename = Action::RenameContainer { from: temporary, to: replica.name.clone() };
                let renamed = self.push(rename, target(), cause.clone(), vec![removed]);
                let mut after = vec![renamed];
                // A stop that came early for its port's sake has waited for nothing.
                after.extend(self.gates(decision));
                after.extend(self.port_holders(&decision.desired.spec.ports, replica, Some(old)));
                Some(self.push(Action::StartContainer(replica.name.clone()), target(), cause, after))
            }
            Fate::Keep { container, rename, revive } => {
                let mut after = Vec::new();
                if *rename {
                    let action =
                        Action::RenameContainer { from: container.name.clone(), to: replica.name.clone() };
                    let is_leftover = names::parse_temporary(&container.name).is_some();
                    let fields = || vec!["container_name".to_owned()];
                    let cause =
                        if is_leftover { Cause::Leftover } else { Cause::SpecChanged { fields: fields() } };
                    let freed = self.frees.get(&replica.name).copied();
                    after.push(self.push(action, target(), cause, freed.into_iter().collect()));
                }
                self.revive(decision, replica, container, revive, after)
            }
        }
    }

    fn revive(
        &mut self,
        decision: &'a Decision<'a>,
        replica: &Replica<'_>,
        container: &'a ObservedContainer,
        revive: &Revive,
        mut after: Vec<OperationId>,
    ) -> Option<OperationId> {
        let service = decision.desired.service.name.as_str();
        let target = Target::Container { service: service.to_owned(), name: replica.name.clone() };
        let name = replica.name.clone();
        match revive {
            Revive::Nothing => after.pop(),
            Revive::Start(cause) => {
                after.extend(self.quiet(service));
                after.extend(self.gates(decision));
                after.extend(self.port_holders(&decision.desired.spec.ports, replica, Some(container)));
                Some(self.push(Action::StartContainer(name), target, cause.clone(), after))
            }
            Revive::Restart(cause) => {
                after.extend(self.quiet(service));
                after.extend(self.gates(decision));
                let action = Action::RestartContainer { container: name, timeout: None };
                Some(self.push(action, target, cause.clone(), after))
            }
            Revive::Follow(cause) => {
                after.extend(self.quiet(service));
                after.extend(self.stop(container, cause, after.clone()));
                after.extend(self.gates(decision));
                Some(self.push(Action::StartContainer(name), target, cause.clone(), after))
            }
        }
    }

    /// Makes a replica's container, under a temporary name where it replaces another; what its start comes after.
    fn make(
        &mut self,
        decision: &'a Decision<'a>,
        replica: &Replica<'_>,
        replaces: Option<(&str, &str)>,
        cause: &Cause,
        inherited: &BTreeMap<String, String>,
    ) -> Vec<OperationId> {
        let desired = &decision.desired;
        let own = request::Replica {
            number: replica.number,
            name: &replica.name,
            replaces,
            scaled: replica.number > desired.service.replicas,
            inherited,
            parents: &self.parents(decision),
        };
        let request = request::replica(self.inputs.stack, self.inputs.observed.engine.api, desired, &own);
        self.create(decision, request, cause)
    }

    /// Makes a container from this request, with its files and networks; what its start comes after.
    pub fn create(
        &mut self,
        decision: &'a Decision<'a>,
        request: Request,
        cause: &Cause,
    ) -> Vec<OperationId> {
        let service = &decision.desired.service.name;
        let Request { create, copied, connect } = request;
        let container = create.name.clone();
        let target = Target::Container { service: service.clone(), name: container.clone() };
        let mut after = self.needed_resources(decision);
        after.extend(self.frees.get(&container));
        for parent in namespace_parents(decision.desired.service) {
            after.extend(self.started(parent));
        }
        let mut last =
            self.push(Action::CreateContainer(Box::new(create)), target.clone(), cause.clone(), after);
        if !copied.is_empty() {
            let action = Action::CopyFiles { container: container.clone(), files: copied };
            last = self.push(action, target.clone(), cause.clone(), vec![last]);
        }
        // One after the other, so that the container's interfaces always come in the same order.
        for (network, attachment) in connect {
            let attachment = Box::new(attachment);
            let action = Action::ConnectNetwork { container: container.clone(), network, attachment };
            last = self.push(action, target.clone(), cause.clone(), vec![last]);
        }
        vec![last]
    }

    fn needed_resources(&self, decision: &Decision<'_>) -> Vec<OperationId> {
        let spec = &decision.desired.spec;
        let networks = spec.networks.keys().map(|name| Target::Network(name.clone()));
        let volumes = named_volumes(spec).map(|name| Target::Volume(name.to_owned()));
        let all = networks.chain(volumes).chain([Target::Image(spec.image.clone())]);
        all.filter_map(|target| self.resources.get(&target).copied()).collect()
    }

    /// For each service whose namespace is shared, its container: an id, or the name it will have.
    pub fn parents(&self, decision: &Decision<'_>) -> BTreeMap<String, String> {
        let reference = |service: &str| match self.decisions.get(service).and_then(|d| d.replicas.first()) {
            Some(Replica { fate: Fate::Keep { container, .. }, .. }) => container.id.clone(),
            Some(replica) => replica.name.clone(),
            None => first_container(self.inputs, service)
                .map_or_else(|| format!("{}-{service}-1", self.inputs.stack.name), |c| c.id.clone()),
        };
        namespace_parents(decision.desired.service).map(|name| (name.to_owned(), reference(name))).collect()
    }

    /// The operations that a service's start comes after, for its dependencies' sake.
    pub fn gates(&mut self, decision: &Decision<'_>) -> Vec<OperationId> {
        let service = decision.desired.service;
        let mut after = Vec::new();
        for edge in graph::edges(service) {
            let Some(dependency) = self.decisions.get(edge.to).filter(|d| !d.replicas.is_empty()) else {
                continue;
            };
            let started = self.started(edge.to).to_vec();
            let wait = self.waits.before(
                &mut self.operations,
                dependency,
                edge.condition,
                edge.required,
                &service.name,
                &started,
            );
            after.extend(started);
            after.extend(wait);
        }
        after.extend(self.applied_before(service));
        after
    }

    /// Stops the services that restart with this one: before it goes, so that an interrupted plan leaves them
    /// stopped, and the next start brings them back.
    fn quiet(&mut self, service: &str) -> Vec<OperationId> {
        let decisions = self.decisions;
        let mut stops = Vec::new();
        for (name, decision) in decisions {
            let follows = graph::edges(decision.desired.service)
                .iter()
                .any(|edge| edge.to == service && (edge.restart || edge.namespace));
            let followers = decision.replicas.iter().filter_map(|replica| match &replica.fate {
                Fate::Keep { container, revive: Revive::Follow(cause), .. } if follows => {
                    Some((*container, cause))
                }
                _ => None,
            });
            for (container, cause) in followers {
                let before = self.quiet(name);
                stops.extend(self.stop(container, cause, before));
            }
        }
        stops
    }
}

/// A container as an operation's target.
pub(super) fn target(container: &ObservedContainer) -> Target {
    Target::Container { service: container.service.clone(), name: container.name.clone() }
}

/// The container that stands for a service where only one can.
pub(super) fn first_container<'a>(inputs: Inputs<'a>, service: &str) -> Option<&'a ObservedContainer> {
    let mine = inputs.observed.containers.iter().filter(|c| c.service == service && !c.oneoff);
    mine.filter(|c| names::parse_temporary(&c.name).is_none()).min_by_key(|c| c.number)
}

/// The names of the volumes that a container mounts by name.
pub(super) fn named_volumes(spec: &super::spec::ContainerSpec) -> impl Iterator<Item = &str> {
    spec.volumes.values().filter_map(|mount| match mount {
        super::spec::MountSpec::Volume { name, .. } => name.as_deref(),
        _ => None,
    })
}

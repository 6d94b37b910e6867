//! Whether a container that is there is still what it should be.

use std::collections::BTreeMap;

use super::adopt;
use super::desired::Desired;
use super::graph::namespace_parents;
use super::hash;
use super::input::Inputs;
use super::labels::{SPEC_FIELDS, SPEC_HASH};
use super::observed::{ContainerState, Observed, ObservedContainer};
use super::operation::Cause;
use super::spec::MountSpec;
use crate::stack::model::{Namespace, Service, Stack};

/// The ids of the containers that have to be inspected before planning (into [`ObservedContainer::inspected`] and
/// [`ObservedContainer::image_sets`]): those without a hash that can be compared, and those in another service's
/// IPC or PID namespace, which no list shows.
pub fn which_need_inspect(stack: &Stack, observed: &Observed) -> Vec<String> {
    let needs = |container: &&ObservedContainer| {
        let Some(service) = stack.services.get(&container.service) else { return false };
        let dead = matches!(
            container.state,
            ContainerState::Created | ContainerState::Removing | ContainerState::Dead
        );
        !container.oneoff && !dead && (comparable_hash(container).is_none() || shares_unlisted(service))
    };
    observed.containers.iter().filter(needs).map(|container| container.id.clone()).collect()
}

fn shares_unlisted(service: &Service) -> bool {
    [&service.ipc, &service.pid].into_iter().any(|mode| matches!(mode, Some(Namespace::Service(_))))
}

fn comparable_hash(container: &ObservedContainer) -> Option<&str> {
    container.labels.get(SPEC_HASH).map(String::as_str).filter(|hash| hash.starts_with(hash::VERSION))
}

/// Where a service whose namespace is shared stands after the plan.
#[derive(Debug, Clone, Copy)]
pub(super) enum Parent<'a> {
    /// This container stands for it, and stays.
    Stays(&'a ObservedContainer),
    /// A new container will.
    New,
}

/// The service's containers that stand for namespaces, by service.
pub(super) type Parents<'a> = BTreeMap<&'a str, Parent<'a>>;

/// What was found of a container.
pub(super) enum Finding {
    /// It is as it should be.
    Current,
    /// It isn't, for this reason.
    Stale(Cause),
    /// It carries no hash and was not inspected.
    Unknown,
}

/// Compares a container with what it should be. One whose work is `done` needs no network or namespace any more.
pub(super) fn find(
    inputs: &Inputs<'_>,
    desired: &Desired<'_>,
    container: &ObservedContainer,
    parents: &Parents<'_>,
    done: bool,
) -> Finding {
    if let Some(cause) = lost_namespace(desired.service, container, parents)
        && !done
    {
        return Finding::Stale(cause);
    }
    match comparable_hash(container) {
        Some(old) if old != desired.hash => {
            let label = container.labels.get(SPEC_FIELDS).map(String::as_str);
            return Finding::Stale(Cause::SpecChanged {
                fields: hash::changed_fields(label, old, &desired.spec),
            });
        }
        Some(_) => {}
        None => match adopt::differences(desired, container) {
            Some(fields) if !fields.is_empty() => return Finding::Stale(Cause::SpecChanged { fields }),
            Some(_) => {}
            None => return Finding::Unknown,
        },
    }
    let moved = desired.image_id.as_ref() != Some(&container.image_id);
    let cause = moved.then_some(Cause::ImageChanged);
    let cause = cause.or_else(|| lost_network(inputs, desired, container).filter(|_| !done));
    cause.or_else(|| lost_volume(inputs, desired, container)).map_or(Finding::Current, Finding::Stale)
}

/// A service whose namespace it shares is another container by now.
pub(super) fn lost_namespace(
    own: &Service,
    container: &ObservedContainer,
    parents: &Parents<'_>,
) -> Option<Cause> {
    let lost = |service: &str| match parents.get(service) {
        None => false,
        Some(Parent::New) => true,
        Some(Parent::Stays(parent)) => {
            let is_parent = |mode: &str| match mode.strip_prefix("container:") {
                Some(reference) => reference == parent.id || reference == parent.name,
                None => false,
            };
            let inspected = container.inspected.as_deref();
            let modes = [
                (&own.network_mode, Some(container.network_mode.as_str())),
                (&own.ipc, inspected.and_then(|spec| spec.ipc.as_deref())),
                (&own.pid, inspected.and_then(|spec| spec.pid.as_deref())),
            ];
            modes.iter().any(|(wanted, found)| {
                let shares = matches!(wanted, Some(Namespace::Service(name)) if name == service);
                shares && found.is_some_and(|mode| !is_parent(mode))
            })
        }
    };
    let service = namespace_parents(own).find(|service| lost(service))?;
    Some(Cause::DependencyRecreated { service: service.to_owned() })
}

/// A network that it should be on isn't there, it isn't on it, or it is on one of that name that is gone.
fn lost_network(inputs: &Inputs<'_>, desired: &Desired<'_>, container: &ObservedContainer) -> Option<Cause> {
    let lost = desired.spec.networks.keys().find(|name| {
        let there = inputs.observed.networks.iter().filter(|network| network.name == **name);
        let ids: Vec<&str> = there.map(|network| network.id.as_str()).collect();
        match container.networks.get(*name) {
            Some(attachment) => {
                ids.is_empty()
                    || (!attachment.network_id.is_empty() && !ids.contains(&attachment.network_id.as_str()))
            }
            None => true,
        }
    })?;
    Some(Cause::NetworkChanged { network: lost.clone() })
}

/// A volume that it should have isn't mounted, or isn't there any more.
fn lost_volume(inputs: &Inputs<'_>, desired: &Desired<'_>, container: &ObservedContainer) -> Option<Cause> {
    let named = desired.spec.volumes.iter().filter_map(|(target, mount)| match mount {
        MountSpec::Volume { name: Some(name), .. } => Some((target, name)),
        _ => None,
    });
    let mounted = |target: &String, name: &String| {
        container.mounts.get(target).is_some_and(|mount| mount.kind == "volume" && mount.source == *name)
    };
    let there = |name: &String| inputs.observed.volumes.iter().any(|volume| volume.name == *name);
    let (_, lost) = named.into_iter().find(|(target, name)| !mounted(target, name) || !there(name))?;
    Some(Cause::VolumeChanged { volume: lost.clone() })
}

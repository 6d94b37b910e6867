//! The plan of a down.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::adopt::is_anonymous;
use super::input::Inputs;
use super::labels::{PROJECT, REPLACE};
use super::lifecycle::{backwards, containers};
use super::observed::ObservedContainer;
use super::operation::{Action, Cause, Plan, Target};
use super::start::Orphans;
use super::writer::Writer;
use crate::stack::model::Stack;

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

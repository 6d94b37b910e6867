//! From what a service's containers should be to the request for one of them.

use std::collections::BTreeMap;

use super::desired::Desired;
use super::spec::{ContainerSpec, CopiedFile, CreateContainer, MountSpec};
use super::{files, labels};
use crate::stack::model::{NetworkAttachment, Port, RestartPolicy, Stack};

/// The first API version (minor) in which a container can be made on several networks at once.
const SEVERAL_NETWORKS: (u32, u32) = (1, 44);

/// What is one replica's own.
pub(super) struct Replica<'a> {
    /// Its number, from 1.
    pub number: u32,
    /// The name it ends up with.
    pub name: &'a str,
    /// The name it is made under, when that is another one, and the name of the container that it replaces.
    pub replaces: Option<(&'a str, &'a str)>,
    /// `vv scale` added it.
    pub scaled: bool,
    /// Volumes by target that a former container hands on.
    pub inherited: &'a BTreeMap<String, String>,
    /// For each service whose namespace is shared, the container that stands for it: an id or a name.
    pub parents: &'a BTreeMap<String, String>,
}

/// A request with what must follow it before the start.
pub(super) struct Request {
    /// The request itself.
    pub create: CreateContainer,
    /// Files to be copied in.
    pub copied: Vec<CopiedFile>,
    /// Networks to be joined, by name.
    pub connect: Vec<(String, NetworkAttachment)>,
}

/// The ports of one replica. A fixed host port is replica 1's; a range serves as many replicas as it has ports; the
/// others get one that the engine picks, on the same address.
pub(super) fn replica_ports(ports: &[Port], number: u32) -> Vec<Port> {
    let ports = ports.iter().cloned().map(|mut port| {
        port.published =
            port.published.filter(|range| number <= u32::from(range.last.saturating_sub(range.first)) + 1);
        port
    });
    ports.collect()
}

/// Whether a service has a host port that only replica 1 can have.
pub(super) fn has_fixed_port(spec: &ContainerSpec) -> bool {
    spec.ports.iter().any(|port| port.published.is_some_and(|range| range.first == range.last))
}

/// The request for a replica.
pub(super) fn replica(
    stack: &Stack,
    api: (u32, u32),
    desired: &Desired<'_>,
    replica: &Replica<'_>,
) -> Request {
    let mut labels = labels::container(stack, desired);
    labels.insert(labels::ONEOFF.to_owned(), "False".to_owned());
    labels.insert(labels::NUMBER.to_owned(), replica.number.to_string());
    if replica.scaled {
        labels.insert(labels::SCALED.to_owned(), "true".to_owned());
    }
    match replica.replaces {
        Some((_, old)) => labels.insert(labels::REPLACE.to_owned(), old.to_owned()),
        // It replaces one that an interrupted run has removed.
        None if !replica.inherited.is_empty() => {
            labels.insert(labels::REPLACE.to_owned(), replica.name.to_owned())
        }
        None => None,
    };
    let mut spec = desired.spec.clone();
    spec.ports = replica_ports(&spec.ports, replica.number);
    inherit(&mut spec, replica.inherited);
    join_namespaces(&mut spec, replica.parents);
    let names = [replica.name, &desired.service.name];
    let connect = split_networks(&mut spec, api, &names);
    Request {
        copied: files::copied(desired.service, &spec),
        connect,
        create: CreateContainer {
            name: replica.replaces.map_or(replica.name, |(temporary, _)| temporary).to_owned(),
            service: desired.service.name.clone(),
            cached: files::cached(desired.service, &spec),
            spec,
            labels,
            service_alias: true,
        },
    }
}

/// The request for a one-off container: no alias of the service, no restarts.
pub(super) fn one_off(
    stack: &Stack,
    api: (u32, u32),
    desired: &Desired<'_>,
    name: &str,
    slug: &str,
    parents: &BTreeMap<String, String>,
) -> Request {
    let mut labels = labels::container(stack, desired);
    labels.insert(labels::ONEOFF.to_owned(), "True".to_owned());
    labels.insert(labels::SLUG.to_owned(), slug.to_owned());
    let mut spec = desired.spec.clone();
    spec.restart = RestartPolicy::No;
    join_namespaces(&mut spec, parents);
    for attachment in spec.networks.values_mut() {
        attachment.aliases.clear();
        // The service's own replica has it.
        attachment.ipv4_address = None;
        attachment.ipv6_address = None;
        attachment.mac_address = None;
    }
    let connect = split_networks(&mut spec, api, &[name]);
    Request {
        copied: files::copied(desired.service, &spec),
        connect,
        create: CreateContainer {
            name: name.to_owned(),
            service: desired.service.name.clone(),
            cached: files::cached(desired.service, &spec),
            spec,
            labels,
            service_alias: false,
        },
    }
}

fn inherit(spec: &mut ContainerSpec, inherited: &BTreeMap<String, String>) {
    for (target, volume) in inherited {
        let mount = spec.volumes.entry(target.clone()).or_insert(MountSpec::Volume {
            name: None,
            read_only: false,
            nocopy: false,
        });
        if let MountSpec::Volume { name: name @ None, .. } = mount {
            *name = Some(volume.clone());
        }
    }
}

fn join_namespaces(spec: &mut ContainerSpec, parents: &BTreeMap<String, String>) {
    for mode in [&mut spec.network_mode, &mut spec.ipc, &mut spec.pid] {
        let parent = mode.as_deref().and_then(|mode| parents.get(mode.strip_prefix("service:")?));
        if let Some(parent) = parent {
            *mode = Some(format!("container:{parent}"));
        }
    }
}

/// Adds these names to the aliases on every network, and takes out of the spec those networks that the engine
/// can't be asked for at create: all but the one of the highest priority.
fn split_networks(
    spec: &mut ContainerSpec,
    api: (u32, u32),
    names: &[&str],
) -> Vec<(String, NetworkAttachment)> {
    for attachment in spec.networks.values_mut() {
        let own = std::mem::take(&mut attachment.aliases);
        let all = names.iter().map(|name| (*name).to_owned()).chain(own);
        for alias in all {
            if !attachment.aliases.contains(&alias) {
                attachment.aliases.push(alias);
            }
        }
    }
    if api >= SEVERAL_NETWORKS || spec.networks.len() < 2 {
        return Vec::new();
    }
    let mut all: Vec<_> = std::mem::take(&mut spec.networks).into_iter().collect();
    all.sort_by_key(|(_, attachment)| -attachment.priority);
    let rest = all.split_off(1);
    spec.networks.extend(all);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::model::{PortRange, Protocol};

    #[test]
    fn fixed_ports_are_the_first_replicas_and_ranges_are_used_up() {
        let port = |first, last| Port {
            target: 80,
            published: Some(PortRange { first, last }),
            host_ip: Some("127.0.0.1".into()),
            protocol: Protocol::Tcp,
        };
        let ports = [port(8080, 8080), port(9000, 9002)];
        let published = |number| -> Vec<_> {
            replica_ports(&ports, number).iter().map(|port| port.published.map(|range| range.first)).collect()
        };
        assert_eq!(published(1), [Some(8080), Some(9000)]);
        assert_eq!(published(3), [None, Some(9000)]);
        assert_eq!(published(4), [None, None]);
        assert_eq!(replica_ports(&ports, 4)[1].host_ip.as_deref(), Some("127.0.0.1"));
    }
}

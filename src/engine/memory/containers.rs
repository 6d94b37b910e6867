//! What can be done to containers.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::state::{Container, Joined, State};
use crate::engine::{ContainerDetails, ContainerEventKind, EngineError};
use crate::plan::observed::{
    ContainerState, Health, ObservedAttachment, ObservedContainer, ObservedMount, ObservedPort,
};
use crate::plan::spec::{ContainerSpec, CopiedFile, CreateContainer, Delivery, MountSpec};
use crate::stack::model::{NetworkAttachment, Port, Protocol, RestartPolicy};

/// The exit code of a process that SIGTERM ended.
const TERMINATED: i64 = 143;
/// The exit code of a process that SIGKILL ended.
const KILLED: i64 = 137;
/// The first port that the engine gives where the request leaves it free.
const FIRST_FREE_PORT: u16 = 49153;

impl State {
    pub fn create_container(&mut self, request: &CreateContainer) -> Result<String, EngineError> {
        let attempt = format!("create container {}", request.name);
        let image = &request.spec.image;
        let Some(image_id) = self.image_id(image) else {
            return Err(EngineError::NotFound { attempt, message: format!("No such image: {image}") });
        };
        if let Some(taken) = self.containers.values().find(|container| container.name == request.name) {
            let message = format!("name {} is in use by container {}", request.name, taken.id);
            return Err(EngineError::Conflict { attempt, message });
        }
        let network_mode = self.namespace(&attempt, request.spec.network_mode.as_deref())?;
        let mut shares = Vec::new();
        for mode in [&request.spec.network_mode, &request.spec.ipc, &request.spec.pid] {
            let mode = self.namespace(&attempt, mode.as_deref())?;
            shares.extend(mode.and_then(|mode| mode.strip_prefix("container:").map(str::to_owned)));
        }
        let mut anonymous = BTreeMap::new();
        for (target, mount) in &request.spec.volumes {
            match mount {
                MountSpec::Volume { name: Some(name), .. } => self.make_volume(name),
                MountSpec::Volume { name: None, .. } => {
                    let name = self.next_id();
                    self.make_volume(&name);
                    anonymous.insert(target.clone(), name);
                }
                MountSpec::Bind { .. } | MountSpec::Tmpfs { .. } => {}
            }
        }
        let networks = request.spec.networks.iter();
        let networks = networks.map(|(name, joined)| (name.clone(), self.join(name, joined))).collect();
        let id = self.next_id();
        let created = self.timestamp(Instant::now()).as_second();
        let container = Container {
            id: id.clone(),
            name: request.name.clone(),
            request: request.clone(),
            state: ContainerState::Created,
            epoch: self.next(),
            runs: 0,
            restarts: 0,
            oom_killed: false,
            started: None,
            finished: None,
            health: None,
            health_output: None,
            created,
            image_id,
            shares,
            network_mode,
            networks,
            ports: Vec::new(),
            anonymous,
            files: BTreeMap::new(),
            logs: Vec::new(),
        };
        self.outbox.events.push(container.event(ContainerEventKind::Created));
        self.containers.insert(id.clone(), container);
        Ok(id)
    }

    /// A namespace as the engine keeps it: another container's by its id.
    fn namespace(&self, attempt: &str, mode: Option<&str>) -> Result<Option<String>, EngineError> {
        let Some(parent) = mode.and_then(|mode| mode.strip_prefix("container:")) else {
            return Ok(mode.map(str::to_owned));
        };
        let message = format!("No such container: {parent}");
        let refusal = || EngineError::NotFound { attempt: attempt.to_owned(), message };
        Ok(Some(format!("container:{}", self.find(parent).ok_or_else(refusal)?.id)))
    }

    fn join(&self, network: &str, attachment: &NetworkAttachment) -> Joined {
        Joined {
            network_id: self.networks.get(network).map(|network| network.id.clone()).unwrap_or_default(),
            address: String::new(),
            attachment: attachment.clone(),
        }
    }

    pub fn connect_network(
        &mut self,
        network: &str,
        container: &str,
        attachment: &NetworkAttachment,
    ) -> Result<(), EngineError> {
        let attempt = format!("connect container {container} to network {network}");
        if !self.networks.contains_key(network) {
            let message = format!("network {network} not found");
            return Err(EngineError::NotFound { attempt, message });
        }
        let joined = self.join(network, attachment);
        let container = self.get_mut("connect", container)?;
        if container.networks.contains_key(network) {
            let message = format!("endpoint already exists in network {network}");
            return Err(EngineError::Conflict { attempt, message });
        }
        container.networks.insert(network.to_owned(), joined);
        let id = container.id.clone();
        if container.state.is_up() {
            self.give_addresses(&id);
        }
        Ok(())
    }

    pub fn copy_files(&mut self, container: &str, files: &[CopiedFile]) -> Result<(), EngineError> {
        let container = self.get_mut("copy files into container", container)?;
        container.files.extend(files.iter().map(|file| (file.target.clone(), file.content.clone())));
        Ok(())
    }

    pub fn start_container(&mut self, container: &str) -> Result<(), EngineError> {
        let found = self.get("start container", container)?;
        if found.state.is_up() {
            return Ok(());
        }
        let attempt = format!("start container {}", found.name);
        for (name, joined) in &found.networks {
            let network = self.networks.get(name);
            // A network of the same name that was made later is another one.
            if network.is_none_or(|network| !joined.network_id.is_empty() && network.id != joined.network_id)
            {
                let message = format!("network {} not found", joined.network_id);
                return Err(EngineError::NotFound { attempt, message });
            }
        }
        for parent in &found.shares {
            if self.containers.get(parent).is_none_or(|parent| !parent.state.is_up()) {
                let message = format!("cannot join namespace of a non running container: {parent}");
                return Err(EngineError::Conflict { attempt, message });
            }
        }
        let ports = self.allocate_ports(found, &attempt)?;
        let id = found.id.clone();
        let container = self.get_mut("start container", &id)?;
        container.ports = ports;
        container.restarts = 0;
        self.run(&id);
        Ok(())
    }

    /// A run begins.
    pub fn run(&mut self, id: &str) {
        let epoch = self.next();
        self.give_addresses(id);
        let Some(container) = self.containers.get(id) else { return };
        let has_healthcheck = container.healthcheck(&self.behaviour(container)).is_some();
        let Some(container) = self.containers.get_mut(id) else { return };
        container.state = ContainerState::Running;
        container.epoch = epoch;
        container.runs += 1;
        container.oom_killed = false;
        container.started = Some(Instant::now());
        container.health = has_healthcheck.then_some(Health::Starting);
        let event = container.event(ContainerEventKind::Started);
        self.outbox.started.push((id.to_owned(), epoch));
        self.outbox.events.push(event);
    }

    fn give_addresses(&mut self, id: &str) {
        let serial = self.next() % 60_000;
        let networks = self.networks.clone();
        let Some(container) = self.containers.get_mut(id) else { return };
        for (name, joined) in &mut container.networks {
            let Some(network) = networks.get(name) else { continue };
            joined.network_id.clone_from(&network.id);
            if joined.address.is_empty() {
                let subnet = network.subnets.first().and_then(|subnet| subnet.split(".0.0/").next());
                let subnet = subnet.unwrap_or("172.31");
                let fixed = joined.attachment.ipv4_address.clone();
                joined.address =
                    fixed.unwrap_or_else(|| format!("{subnet}.{}.{}", serial / 250, serial % 250 + 2));
            }
        }
    }

    fn allocate_ports(&self, container: &Container, attempt: &str) -> Result<Vec<ObservedPort>, EngineError> {
        let mut taken: Vec<ObservedPort> =
            self.containers.values().flat_map(|other| other.ports.clone()).collect();
        let mut allocated = Vec::new();
        for port in &container.request.spec.ports {
            let address = port.host_ip.clone().unwrap_or_else(|| "0.0.0.0".to_owned());
            let free = |number: &u16| {
                let foreign =
                    self.foreign_ports.iter().any(|(ip, foreign)| overlap(ip, &address) && foreign == number);
                !foreign && !taken.iter().any(|other| same_port(other, port, &address, *number))
            };
            let wanted = port.published.map_or(FIRST_FREE_PORT..=u16::MAX, |range| range.first..=range.last);
            let first = *wanted.start();
            let Some(number) = wanted.into_iter().find(free) else {
                let port = format!("{address}:{first}");
                return Err(EngineError::PortTaken { attempt: attempt.to_owned(), port });
            };
            let given = ObservedPort {
                target: port.target,
                protocol: protocol(port.protocol).to_owned(),
                published: Some(number),
                host_ip: address,
            };
            taken.push(given.clone());
            allocated.push(given);
        }
        Ok(allocated)
    }

    /// Ends a run by the user's wish: no restart policy applies.
    pub fn stop_container(&mut self, container: &str, kill: bool) -> Result<(), EngineError> {
        let code = if kill { KILLED } else { TERMINATED };
        let next = self.next();
        let container = self.get_mut("stop container", container)?;
        if !container.state.is_up() {
            return Ok(());
        }
        let dies = container.state != ContainerState::Restarting;
        container.state = ContainerState::Exited(code);
        container.epoch = next;
        container.finished = Some(Instant::now());
        container.health = container.health.map(|_| Health::Unhealthy);
        container.ports.clear();
        container.networks.values_mut().for_each(|joined| joined.address.clear());
        let event = container.event(ContainerEventKind::Died(code));
        if dies {
            self.outbox.events.push(event);
        }
        Ok(())
    }

    pub fn remove_container(&mut self, container: &str, force: bool) -> Result<(), EngineError> {
        let Some(found) = self.find(container) else { return Ok(()) };
        let id = found.id.clone();
        if found.state.is_up() && !force {
            return Err(EngineError::Conflict {
                attempt: format!("remove container {container}"),
                message: format!("You cannot remove a running container {id}"),
            });
        }
        self.stop_container(&id, true)?;
        if let Some(removed) = self.containers.remove(&id) {
            for volume in removed.anonymous.values() {
                // One that its successor mounts stays.
                let _ = self.remove_volume(volume);
            }
            self.outbox.events.push(removed.event(ContainerEventKind::Removed));
        }
        Ok(())
    }

    pub fn rename_container(&mut self, container: &str, name: &str) -> Result<(), EngineError> {
        if let Some(taken) = self.containers.values().find(|other| other.name == name) {
            return Err(EngineError::Conflict {
                attempt: format!("rename container {container} to {name}"),
                message: format!("name {name} is in use by container {}", taken.id),
            });
        }
        self.get_mut("rename container", container)?.name = name.to_owned();
        Ok(())
    }

    pub fn observe_container(&self, container: &Container) -> ObservedContainer {
        let spec = &container.request.spec;
        let label = |name| container.label(name).unwrap_or_default();
        let moved = self.image_id(&spec.image).is_none_or(|id| id != container.image_id);
        ObservedContainer {
            id: container.id.clone(),
            name: container.name.clone(),
            service: container.service().to_owned(),
            number: label("com.docker.compose.container-number").parse().unwrap_or(0),
            oneoff: label("com.docker.compose.oneoff") == "True",
            state: container.state,
            health: container.health.filter(|_| container.state.is_up()),
            image: if moved { container.image_id.clone() } else { spec.image.clone() },
            image_id: container.image_id.clone(),
            labels: container.request.labels.clone(),
            networks: container.networks.iter().map(attachment).collect(),
            network_mode: network_mode(container),
            mounts: mounts(container),
            ports: container.ports.clone(),
            created: container.created,
            status: format!("{:?}", container.state),
            ..ObservedContainer::default()
        }
    }

    fn running_execs(&self, container: &str) -> Vec<String> {
        let of = self.execs.iter().filter(|(_, (id, _))| id == container);
        of.map(|(exec, _)| exec).filter(|exec| !self.exec_codes.contains_key(*exec)).cloned().collect()
    }

    pub fn inspect(&self, container: &str) -> Result<ContainerDetails, EngineError> {
        let found = self.get("inspect container", container)?;
        let time = |moment: Option<Instant>| moment.map(|moment| self.timestamp(moment).to_string());
        let spec = found.request.spec.clone();
        Ok(ContainerDetails {
            id: found.id.clone(),
            name: found.name.clone(),
            state: found.state,
            oom_killed: found.oom_killed,
            error: None,
            restarts: found.restarts,
            last_code: match found.state {
                ContainerState::Exited(code) => Some(code),
                _ => None,
            },
            started_at: time(found.started),
            finished_at: time(found.finished),
            health: found.health,
            health_output: found.health_output.clone(),
            healthcheck: found.healthcheck(&self.behaviour(found)),
            user: spec.user.clone().unwrap_or_default(),
            restarting_policy: spec.restart != RestartPolicy::No,
            environment: spec.environment.clone(),
            addresses: found
                .networks
                .iter()
                .map(|(name, joined)| (name.clone(), joined.address.clone()))
                .collect(),
            image_id: found.image_id.clone(),
            execs: self.running_execs(&found.id),
            spec,
            image_sets: ContainerSpec::default(),
        })
    }
}

fn attachment((name, joined): (&String, &Joined)) -> (String, ObservedAttachment) {
    let (network_id, address) = (joined.network_id.clone(), joined.address.clone());
    (name.clone(), ObservedAttachment { network_id, address, ..ObservedAttachment::default() })
}

fn network_mode(container: &Container) -> String {
    let first = || container.networks.keys().next().cloned();
    container.network_mode.clone().or_else(first).unwrap_or_else(|| "default".to_owned())
}

fn mounts(container: &Container) -> BTreeMap<String, ObservedMount> {
    let spec = &container.request.spec;
    let volumes = spec.volumes.iter().map(|(target, mount)| {
        let (kind, source) = match mount {
            MountSpec::Volume { name, .. } => (
                "volume",
                name.clone().or_else(|| container.anonymous.get(target).cloned()).unwrap_or_default(),
            ),
            MountSpec::Bind { source, .. } => ("bind", source.display().to_string()),
            MountSpec::Tmpfs { .. } => ("tmpfs", String::new()),
        };
        (target.clone(), ObservedMount { kind: kind.to_owned(), source })
    });
    let files = spec.files.iter().filter_map(|(target, file)| match &file.delivery {
        Delivery::Bind(source) | Delivery::CachedBind(source) => Some((
            target.clone(),
            ObservedMount { kind: "bind".to_owned(), source: source.display().to_string() },
        )),
        Delivery::Copy => None,
    });
    volumes.chain(files).collect()
}

fn same_port(other: &ObservedPort, port: &Port, address: &str, number: u16) -> bool {
    other.published == Some(number)
        && other.protocol == protocol(port.protocol)
        && overlap(&other.host_ip, address)
}

/// Two addresses can't both be bound: they are the same, or one is all of them.
fn overlap(one: &str, other: &str) -> bool {
    let all = |address: &str| matches!(address, "" | "0.0.0.0" | "::");
    one == other || all(one) || all(other)
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
    }
}

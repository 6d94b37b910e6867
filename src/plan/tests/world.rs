//! An engine in memory that carries plans out and is stricter than a real one: whatever a plan gets wrong in its
//! order shows as an error.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::images::normal_reference;
use crate::plan::labels;
use crate::plan::observed::{
    ContainerState, EngineInfo, Health, Observed, ObservedAttachment, ObservedContainer, ObservedMount,
    ObservedNetwork, ObservedPort, ObservedVolume,
};
use crate::plan::operation::{Action, Plan, WaitCondition, WaitFor};
use crate::plan::spec::{ContainerSpec, CreateContainer, Delivery, MountSpec};
use crate::stack::model::Test;

/// The order in which operations are carried out, among those that the plan allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As written.
    Forwards,
    /// The last one that may be.
    Backwards,
}

/// The engine.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// What it shows.
    pub observed: Observed,
    /// Folders that an image declares as volumes.
    pub image_volumes: BTreeMap<String, Vec<String>>,
    /// What each container was made of, by id.
    made: BTreeMap<String, CreateContainer>,
    /// The files copied into a container, by id.
    copied: BTreeMap<String, BTreeSet<String>>,
    /// When a container was started last, by name.
    pub started: BTreeMap<String, u64>,
    clock: u64,
}

impl World {
    /// An engine on this machine, with these images.
    pub fn new(images: impl IntoIterator<Item = String>) -> Self {
        let mut world = Self::default();
        world.observed.engine = EngineInfo {
            version: "20.10.24".into(),
            api: (1, 41),
            os: "linux".into(),
            arch: "amd64".into(),
            local: true,
            secluded: false,
            address: None,
        };
        for image in images {
            world.add_image(&image);
        }
        world
    }

    /// Makes a tag mean a new image.
    pub fn add_image(&mut self, image: &str) {
        let id = format!("sha256:{}", self.fresh());
        self.observed.images.insert(normal_reference(image), id);
    }

    /// A fresh id of 64 hex digits.
    fn fresh(&mut self) -> String {
        self.clock += 1;
        format!("{:012x}{}", self.clock, "0".repeat(52))
    }

    /// Carries out at most `limit` operations.
    pub fn run(&mut self, plan: &Plan, order: Order, limit: usize) -> Result<(), String> {
        let mut done: BTreeSet<usize> = BTreeSet::new();
        while done.len() < limit.min(plan.operations.len()) {
            let ready = |id: &usize| {
                !done.contains(id) && plan.operations[*id].after.iter().all(|before| done.contains(before))
            };
            let all = 0..plan.operations.len();
            let next = match order {
                Order::Forwards => all.into_iter().find(ready),
                Order::Backwards => all.rev().find(ready),
            };
            let Some(next) = next else { return Err("operations wait for each other".into()) };
            let action = &plan.operations[next].action;
            self.act(action).map_err(|error| format!("operation {next} {action:?}: {error}"))?;
            done.insert(next);
        }
        Ok(())
    }

    fn act(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::PullImage { image, .. }
            | Action::BuildImage { image, .. }
            | Action::BuildStub { image } => {
                self.add_image(image);
            }
            Action::CreateNetwork(create) => {
                let name = create.network.name.clone();
                ensure(!self.has_network(&name), "the network is there")?;
                let id = self.fresh();
                let driver = create.network.driver.clone().unwrap_or_else(|| "bridge".into());
                let labels = create.labels.clone();
                self.observed.networks.push(ObservedNetwork {
                    id,
                    name,
                    driver,
                    labels,
                    ..Default::default()
                });
            }
            Action::RemoveNetwork(name) => {
                let used =
                    self.observed.containers.iter().any(|c| c.state.is_up() && c.networks.contains_key(name));
                ensure(!used, "the network is in use")?;
                self.observed.networks.retain(|network| network.name != *name);
            }
            Action::CreateVolume(create) => {
                let name = create.volume.name.clone();
                ensure(!self.has_volume(&name), "the volume is there")?;
                self.add_volume(name, create.labels.clone());
            }
            Action::RemoveVolume(name) => {
                ensure(!self.is_mounted(name), "the volume is in use")?;
                self.observed.volumes.retain(|volume| volume.name != *name);
            }
            Action::CreateContainer(create) => self.create(create)?,
            Action::CopyFiles { container, files } => {
                let found = self.find(container)?;
                ensure(found.state == ContainerState::Created, "files are copied before the start")?;
                let id = found.id.clone();
                self.copied.entry(id).or_default().extend(files.iter().map(|file| file.target.clone()));
            }
            Action::ConnectNetwork { container, network, .. } => {
                let attachment = self.attachment(network)?;
                let found = self.find_mut(container)?;
                ensure(!found.networks.contains_key(network), "it is on the network")?;
                found.networks.insert(network.clone(), attachment);
            }
            Action::StartContainer(name) => {
                ensure(!self.find(name)?.state.is_up(), "it is up")?;
                self.start(name)?;
            }
            Action::StopContainer { container, .. } => self.stop(container)?,
            Action::RestartContainer { container, .. } => {
                self.find_mut(container)?.state = ContainerState::Exited(137);
                self.start(container)?;
            }
            Action::RemoveContainer { container, force } => self.remove(container, *force)?,
            Action::RenameContainer { from, to } => {
                ensure(self.find(to).is_err(), "the name is taken")?;
                self.find_mut(from)?.name.clone_from(to);
            }
            Action::Apply(_) | Action::Targets(_) => {}
            Action::Wait(wait) => self.wait(wait)?,
        }
        Ok(())
    }

    fn create(&mut self, create: &CreateContainer) -> Result<(), String> {
        ensure(self.find(&create.name).is_err(), "the name is taken")?;
        let spec = &create.spec;
        let Some(image_id) = self.observed.images.get(&normal_reference(&spec.image)).cloned() else {
            return Err("no such image".into());
        };
        ensure(spec.networks.len() < 2 || self.observed.engine.api >= (1, 44), "too many networks")?;
        for mode in [&spec.network_mode, &spec.ipc, &spec.pid].into_iter().flatten() {
            ensure(!mode.starts_with("service:"), "a namespace isn't resolved")?;
        }
        let id = self.fresh();
        let mut mounts = BTreeMap::new();
        for (target, mount) in &spec.volumes {
            let (kind, source) = match mount {
                MountSpec::Volume { name: Some(name), .. } => {
                    ensure(self.has_volume(name), &format!("there is no volume {name}"))?;
                    ("volume", name.clone())
                }
                MountSpec::Volume { name: None, .. } => ("volume", self.anonymous()),
                MountSpec::Bind { source, .. } => ("bind", source.display().to_string()),
                MountSpec::Tmpfs { .. } => ("tmpfs", String::new()),
            };
            mounts.insert(target.clone(), ObservedMount { kind: kind.into(), source });
        }
        for target in self.image_volumes.get(&spec.image).cloned().unwrap_or_default() {
            mounts
                .entry(target)
                .or_insert_with(|| ObservedMount { kind: "volume".into(), source: self.anonymous() });
        }
        let networks = spec
            .networks
            .keys()
            .map(|name| Ok((name.clone(), self.attachment(name)?)))
            .collect::<Result<_, String>>()?;
        let label = |name: &str| create.labels.get(name).cloned().unwrap_or_default();
        let network_mode = self.resolved(spec.network_mode.as_deref())?.unwrap_or_else(|| "default".into());
        self.observed.containers.push(ObservedContainer {
            id: id.clone(),
            name: create.name.clone(),
            service: label(labels::SERVICE),
            number: label(labels::NUMBER).parse().unwrap_or(0),
            oneoff: label(labels::ONEOFF) == "True",
            image: spec.image.clone(),
            image_id,
            labels: create.labels.clone(),
            networks,
            network_mode,
            mounts,
            ..ObservedContainer::default()
        });
        self.made.insert(id, create.clone());
        Ok(())
    }

    /// `container:name` as the engine keeps it: by id.
    fn resolved(&self, mode: Option<&str>) -> Result<Option<String>, String> {
        match mode.and_then(|mode| mode.strip_prefix("container:")) {
            Some(parent) => Ok(Some(format!("container:{}", self.find(parent)?.id))),
            None => Ok(mode.map(str::to_owned)),
        }
    }

    fn start(&mut self, name: &str) -> Result<(), String> {
        self.clock += 1;
        let container = self.find(name)?.clone();
        ensure(
            crate::plan::names::parse_temporary(&container.name).is_none(),
            "it is started under a temporary name",
        )?;
        for (network, attachment) in &container.networks {
            let there = self.observed.networks.iter().find(|there| there.name == *network);
            ensure(there.is_some_and(|there| there.id == attachment.network_id), "its network is gone")?;
        }
        if let Some(parent) = container.network_mode.strip_prefix("container:") {
            ensure(self.find(parent)?.state.is_up(), "whose network it shares isn't up")?;
        }
        let made = self.made.get(&container.id).cloned();
        let spec = made.map(|made| made.spec).unwrap_or_default();
        for (target, file) in &spec.files {
            let copied = self.copied.get(&container.id).is_some_and(|files| files.contains(target));
            ensure(file.delivery != Delivery::Copy || copied, &format!("{target} wasn't copied"))?;
        }
        for port in ports(&spec) {
            let taken =
                self.observed.containers.iter().find(|other| {
                    other.state.is_up() && port.published.is_some() && other.ports.contains(&port)
                });
            if let Some(other) = taken {
                return Err(format!("{} has port {:?}", other.name, port.published));
            }
        }
        let checked = spec.healthcheck.as_ref().is_some_and(|check| check.test != Some(Test::None));
        let clock = self.clock;
        self.started.insert(name.to_owned(), clock);
        let container = self.find_mut(name)?;
        container.state = ContainerState::Running;
        container.health = checked.then_some(Health::Starting);
        container.ports = ports(&spec);
        Ok(())
    }

    fn stop(&mut self, name: &str) -> Result<(), String> {
        let container = self.find_mut(name)?;
        ensure(container.state.is_up(), "it doesn't run")?;
        container.state = ContainerState::Exited(143);
        container.health = None;
        container.ports.clear();
        Ok(())
    }

    fn remove(&mut self, name: &str, force: bool) -> Result<(), String> {
        let container = self.find(name)?.clone();
        ensure(force || !container.state.is_up(), "it runs")?;
        self.observed.containers.retain(|other| other.id != container.id);
        let made = self.made.remove(&container.id);
        for (target, mount) in container.mounts.iter().filter(|(_, mount)| mount.kind == "volume") {
            // A volume that was asked for by name stays.
            let spec = made.as_ref().and_then(|made| made.spec.volumes.get(target));
            let named = matches!(spec, Some(MountSpec::Volume { name: Some(_), .. }));
            if !named && !self.is_mounted(&mount.source) {
                self.observed.volumes.retain(|volume| volume.name != mount.source);
            }
        }
        Ok(())
    }

    fn wait(&mut self, wait: &WaitFor) -> Result<(), String> {
        for name in &wait.containers {
            let container = self.find_mut(name)?;
            match wait.condition {
                WaitCondition::Completed => {
                    ensure(
                        container.state.is_up() || container.state == ContainerState::Exited(0),
                        "it never ran",
                    )?;
                    container.state = ContainerState::Exited(0);
                    container.health = None;
                }
                WaitCondition::Healthy | WaitCondition::Ready => {
                    ensure(container.state.is_up(), "it doesn't run")?;
                    ensure(
                        wait.condition == WaitCondition::Ready || container.health.is_some(),
                        "it has no healthcheck",
                    )?;
                    container.state = ContainerState::Running;
                    container.health = container.health.map(|_| Health::Healthy);
                }
            }
        }
        Ok(())
    }

    /// The container of this name or id.
    pub fn find(&self, name: &str) -> Result<&ObservedContainer, String> {
        let found = self.observed.containers.iter().find(|c| c.name == name || c.id == name);
        found.ok_or_else(|| format!("there is no container {name}"))
    }

    /// The container of this name or id.
    pub fn find_mut(&mut self, name: &str) -> Result<&mut ObservedContainer, String> {
        let found = self.observed.containers.iter_mut().find(|c| c.name == name || c.id == name);
        found.ok_or_else(|| format!("there is no container {name}"))
    }

    /// What a container was made of.
    pub fn spec(&self, name: &str) -> ContainerSpec {
        self.made[&self.find(name).unwrap().id].spec.clone()
    }

    fn attachment(&self, network: &str) -> Result<ObservedAttachment, String> {
        let there = self.observed.networks.iter().find(|there| there.name == network);
        let there = there.ok_or_else(|| format!("there is no network {network}"))?;
        Ok(ObservedAttachment { network_id: there.id.clone(), ..ObservedAttachment::default() })
    }

    fn anonymous(&mut self) -> String {
        let name = self.fresh();
        self.add_volume(name.clone(), BTreeMap::new());
        name
    }

    fn add_volume(&mut self, name: String, labels: BTreeMap<String, String>) {
        self.observed.volumes.push(ObservedVolume { name, driver: "local".into(), labels });
    }

    fn has_network(&self, name: &str) -> bool {
        self.observed.networks.iter().any(|network| network.name == name)
    }

    fn has_volume(&self, name: &str) -> bool {
        self.observed.volumes.iter().any(|volume| volume.name == name)
    }

    fn is_mounted(&self, volume: &str) -> bool {
        let mounts = self.observed.containers.iter().flat_map(|container| container.mounts.values());
        mounts.into_iter().any(|mount| mount.kind == "volume" && mount.source == volume)
    }
}

fn ports(spec: &ContainerSpec) -> Vec<ObservedPort> {
    let ports = spec.ports.iter().map(|port| ObservedPort {
        target: port.target,
        protocol: "tcp".into(),
        published: port.published.filter(|range| range.first == range.last).map(|range| range.first),
        host_ip: port.host_ip.clone().unwrap_or_default(),
    });
    ports.collect()
}

fn ensure(holds: bool, message: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message.to_owned()) }
}

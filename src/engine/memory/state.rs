//! What the engine has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::behaviour::Behaviour;
use super::{Inner, life};
use crate::engine::{ActiveHealthcheck, ContainerEvent, ContainerEventKind, EngineError, LogLine};
use crate::plan::images::normal_reference;
use crate::plan::observed::{ContainerState, Health, ObservedNetwork, ObservedPort, ObservedVolume};
use crate::plan::spec::CreateContainer;
use crate::stack::model::{Healthcheck, NetworkAttachment, Test};

/// All of it.
pub(super) struct State {
    /// By id.
    pub containers: BTreeMap<String, Container>,
    /// By name.
    pub networks: BTreeMap<String, ObservedNetwork>,
    /// By name.
    pub volumes: BTreeMap<String, ObservedVolume>,
    /// Image IDs by reference.
    pub images: BTreeMap<String, String>,
    pub remote_images: BTreeSet<String>,
    pub image_versions: BTreeMap<String, u32>,
    pub behaviours: BTreeMap<String, Behaviour>,
    pub foreign_ports: BTreeSet<(String, u16)>,
    /// Commands that run now, by container name.
    pub execs_now: BTreeMap<String, usize>,
    pub most_execs_at_once: BTreeMap<String, usize>,
    /// The container's id and the command of every command so far.
    pub execs: BTreeMap<String, (String, Vec<String>)>,
    /// Exit codes of commands that have ended.
    pub exec_codes: BTreeMap<String, i64>,
    /// What follows from a call once its locks are free.
    pub outbox: Outbox,
    /// Counts everything that needs an id of its own.
    serial: u64,
    epoch: Instant,
}

/// What follows from a call: events, and runs that begin.
#[derive(Default)]
pub(super) struct Outbox {
    pub events: Vec<ContainerEvent>,
    /// Containers (id, epoch) that were started.
    pub started: Vec<(String, u64)>,
}

impl Outbox {
    pub fn deliver(self, inner: &Arc<Inner>) {
        for event in self.events {
            inner.emit(event);
        }
        for (id, epoch) in self.started {
            life::begin(inner, &id, epoch);
        }
    }
}

/// A container.
pub(super) struct Container {
    pub id: String,
    pub name: String,
    pub request: CreateContainer,
    pub state: ContainerState,
    /// Changes with every start and end, so that what was meant for an earlier run has no effect.
    pub epoch: u64,
    /// Starts so far.
    pub runs: usize,
    pub restarts: u64,
    pub oom_killed: bool,
    pub started: Option<Instant>,
    pub finished: Option<Instant>,
    pub health: Option<Health>,
    pub health_output: Option<String>,
    pub created: i64,
    pub image_id: String,
    /// The namespaces of other containers that it shares, by their ids.
    pub shares: Vec<String>,
    /// `host`, `container:ID`, …; nothing where it has networks of its own.
    pub network_mode: Option<String>,
    pub networks: BTreeMap<String, Joined>,
    /// Ports that it has while it runs.
    pub ports: Vec<ObservedPort>,
    /// Names of the volumes that were made for it alone, by target.
    pub anonymous: BTreeMap<String, String>,
    pub files: BTreeMap<String, Vec<u8>>,
    pub logs: Vec<LogLine>,
}

/// A container on a network.
pub(super) struct Joined {
    /// The network's id when it joined; empty when there was none of this name.
    pub network_id: String,
    pub address: String,
    pub attachment: NetworkAttachment,
}

impl Container {
    pub fn label(&self, name: &str) -> Option<&str> {
        self.request.labels.get(name).map(String::as_str)
    }

    pub fn service(&self) -> &str {
        self.label("com.docker.compose.service").unwrap_or(&self.request.service)
    }

    pub fn event(&self, kind: ContainerEventKind) -> ContainerEvent {
        ContainerEvent {
            id: self.id.clone(),
            name: self.name.clone(),
            service: self.service().to_owned(),
            kind,
        }
    }

    /// The healthcheck in force: the request's over the image's.
    pub fn healthcheck(&self, behaviour: &Behaviour) -> Option<ActiveHealthcheck> {
        let image = behaviour.image_healthcheck.clone();
        let active = match &self.request.spec.healthcheck {
            None => image?,
            Some(own) => active_healthcheck(own, image)?,
        };
        (active.test != Test::None).then_some(active)
    }
}

fn active_healthcheck(own: &Healthcheck, image: Option<ActiveHealthcheck>) -> Option<ActiveHealthcheck> {
    let test = own.test.clone().or_else(|| image.map(|image| image.test))?;
    let default = Duration::from_secs(30);
    Some(ActiveHealthcheck {
        test,
        shell: Vec::new(),
        timeout: own.timeout.unwrap_or(default),
        interval: own.interval.unwrap_or(default),
        retries: own.retries.unwrap_or(3),
        start_period: own.start_period.unwrap_or_default(),
    })
}

impl State {
    pub fn new() -> Self {
        Self {
            containers: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            images: BTreeMap::new(),
            remote_images: BTreeSet::new(),
            image_versions: BTreeMap::new(),
            behaviours: BTreeMap::new(),
            foreign_ports: BTreeSet::new(),
            execs_now: BTreeMap::new(),
            most_execs_at_once: BTreeMap::new(),
            execs: BTreeMap::new(),
            exec_codes: BTreeMap::new(),
            outbox: Outbox::default(),
            serial: 0,
            epoch: Instant::now(),
        }
    }

    /// A number that nothing else has.
    pub fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// 64 hex digits, as Docker's ids, that start with what differs.
    pub fn next_id(&mut self) -> String {
        let serial = self.next();
        format!("{serial:08x}{:056x}", serial)
    }

    /// A moment as the engine writes it. Its clock starts on 2026-01-01.
    pub fn timestamp(&self, moment: Instant) -> jiff::Timestamp {
        let since = moment.saturating_duration_since(self.epoch);
        let start = jiff::Timestamp::constant(1_767_225_600, 0);
        jiff::SignedDuration::try_from(since)
            .ok()
            .and_then(|since| start.checked_add(since).ok())
            .unwrap_or(start)
    }

    pub fn add_image(&mut self, image: &str) {
        let image = normal_reference(image);
        let version = self.image_versions.get(&image).copied().unwrap_or_default();
        let id = super::resources::image_id(&image, version);
        self.images.insert(image, id);
    }

    /// The ID of the image of this reference, or of this ID.
    pub fn image_id(&self, image: &str) -> Option<String> {
        let by_id = || self.images.values().find(|id| *id == image);
        self.images.get(&normal_reference(image)).or_else(by_id).cloned()
    }

    /// The container of this name or id, or whose id starts so.
    pub fn find(&self, container: &str) -> Option<&Container> {
        let named = self.containers.values().find(|found| found.name == container);
        named.or_else(|| self.containers.values().find(|found| is_id_of(container, &found.id)))
    }

    pub fn find_mut(&mut self, container: &str) -> Option<&mut Container> {
        let id = self.find(container)?.id.clone();
        self.containers.get_mut(&id)
    }

    /// The container of this name or id, or the engine's refusal.
    pub fn get(&self, attempt: &str, container: &str) -> Result<&Container, EngineError> {
        self.find(container).ok_or_else(|| no_such_container(attempt, container))
    }

    pub fn get_mut(&mut self, attempt: &str, container: &str) -> Result<&mut Container, EngineError> {
        self.find_mut(container).ok_or_else(|| no_such_container(attempt, container))
    }

    /// How a container behaves: by its name, its service, its image.
    pub fn behaviour(&self, container: &Container) -> Behaviour {
        let keys = [container.name.as_str(), container.service(), container.request.spec.image.as_str()];
        keys.iter().find_map(|key| self.behaviours.get(*key)).cloned().unwrap_or_default()
    }
}

/// Docker takes any unique beginning of an id; 12 digits are what it shows.
fn is_id_of(text: &str, id: &str) -> bool {
    text.len() >= 12 && id.starts_with(text)
}

fn no_such_container(attempt: &str, container: &str) -> EngineError {
    EngineError::NotFound {
        attempt: format!("{attempt} {container}"),
        message: format!("No such container: {container}"),
    }
}

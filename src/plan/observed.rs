//! What the engine has of a project. Planning a start reads it in a constant number of calls.

use std::collections::BTreeMap;

use super::spec::ContainerSpec;

/// The engine itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineInfo {
    /// `20.10.24`
    pub version: String,
    /// The negotiated API version, as (major, minor).
    pub api: (u32, u32),
    /// `linux`
    pub os: String,
    /// `amd64`
    pub arch: String,
    /// It runs on this machine, so that bind mounts of our files reach it.
    pub local: bool,
    /// Its networks are in another kernel or namespace than ours, though it runs on this machine (Docker Desktop, a
    /// rootless engine): containers' own addresses can't be reached from here.
    pub secluded: bool,
    /// Where its published ports answer, when it isn't this machine.
    pub address: Option<std::net::IpAddr>,
}

/// All that belongs to a project, and the images.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// The engine.
    pub engine: EngineInfo,
    /// The project's containers, one-off ones too.
    pub containers: Vec<ObservedContainer>,
    /// Networks: the project's and all others (a stack may name an external one).
    pub networks: Vec<ObservedNetwork>,
    /// Volumes: the project's and all others.
    pub volumes: Vec<ObservedVolume>,
    /// Image IDs by every tag and digest reference the engine has (`redis:7`, `docker.io` prefixes removed).
    pub images: BTreeMap<String, String>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObservedContainer {
    /// The engine's id.
    pub id: String,
    /// Its name, without the slash.
    pub name: String,
    /// The service that its labels name.
    pub service: String,
    /// Its number; 0 where the label is absent (one-off containers).
    pub number: u32,
    /// Made by `run`.
    pub oneoff: bool,
    /// Its state.
    pub state: ContainerState,
    /// The healthcheck's verdict, when it has one and runs.
    pub health: Option<Health>,
    /// The image's reference it was made with, as the engine says it (an ID when the tag has moved).
    pub image: String,
    /// The image's ID it was made with.
    pub image_id: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// The networks it is on, by name.
    pub networks: BTreeMap<String, ObservedAttachment>,
    /// `host`, `default`, `container:ID`, …
    pub network_mode: String,
    /// Named volumes and binds, by target in the container: the volume's name or the host's path.
    pub mounts: BTreeMap<String, ObservedMount>,
    /// Ports that are published now.
    pub ports: Vec<ObservedPort>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// The engine's own words on the state: `Up 3 minutes (healthy)`.
    pub status: String,
    /// What an inspect said it was made of; only for the containers that [`crate::plan::which_need_inspect`] names.
    /// What its image sets may be in it or not.
    pub inspected: Option<Box<ContainerSpec>>,
    /// What its image sets (command, entrypoint, environment, labels, user, working_dir, exposed ports, healthcheck,
    /// stop_signal), from the same inspect. A value of the stack that equals it can't be told from an unset one.
    pub image_sets: Option<Box<ContainerSpec>>,
}

/// A container's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContainerState {
    /// Made, never started.
    #[default]
    Created,
    /// Running.
    Running,
    /// Frozen.
    Paused,
    /// Between two runs.
    Restarting,
    /// On its way out.
    Removing,
    /// Ended with this code.
    Exited(i64),
    /// Beyond repair.
    Dead,
}

impl ContainerState {
    /// Its processes are there: running, paused or between two runs.
    pub fn is_up(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }
}

/// The healthcheck's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// None yet.
    Starting,
    /// Passing.
    Healthy,
    /// Failing.
    Unhealthy,
}

/// A container on a network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedAttachment {
    /// The network's id, also of a container that doesn't run: it can't start once that very network is gone.
    /// Empty when unknown.
    pub network_id: String,
    /// Its address there, empty when it has none now.
    pub address: String,
    /// Its IPv6 address there, empty when it has none now.
    pub address6: String,
}

/// Something mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedMount {
    /// `volume`, `bind`, `tmpfs`
    pub kind: String,
    /// The volume's name or the host's path.
    pub source: String,
}

/// A port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObservedPort {
    /// The container's.
    pub target: u16,
    /// `tcp`, `udp`
    pub protocol: String,
    /// On the host, when published.
    pub published: Option<u16>,
    /// The host's address.
    pub host_ip: String,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedNetwork {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// No way out.
    pub internal: bool,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// Subnets, in CIDR notation.
    pub subnets: Vec<String>,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedVolume {
    /// Its name.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
}

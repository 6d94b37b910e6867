//! What the findings are made from.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use super::ports::HostPort;
use crate::engine::survey::{ImagePlatform, Neighbour, Proxies, System};
use crate::plan::observed::{EngineInfo, Observed};

/// The answer to a question that may go unanswered; the error says why, in words that follow "it isn't known: ".
pub type Asked<T> = Result<T, String>;

/// Everything that is known.
#[derive(Debug, Clone)]
pub struct Facts {
    /// This machine.
    pub here: Here,
    /// The engine, or why there is none.
    pub engine: Result<EngineFacts, Unreachable>,
    /// Who has the stack's host ports, of those that are in use.
    pub ports: BTreeMap<HostPort, Holder>,
    /// What is at the paths that the stack names, of those that are there.
    pub paths: BTreeMap<PathBuf, PathKind>,
    /// Why this vv can't stand in for services whose sources are missing, where it can't.
    pub stub_problem: Option<String>,
}

/// No engine answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// What was tried and what came back.
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
}

/// What is known of the engine.
#[derive(Debug, Clone)]
pub struct EngineFacts {
    /// Its version and where it is.
    pub info: EngineInfo,
    /// Its machine and its settings.
    pub system: Asked<System>,
    /// What it has.
    pub observed: Asked<Observed>,
    /// All its containers, of whichever project.
    pub neighbours: Asked<Vec<Neighbour>>,
    /// The images that the stack's services run, by their references in the stack; those of stand-ins and those that
    /// are built and aren't there aren't asked for.
    pub images: BTreeMap<String, ImageSeen>,
    /// How far its clock is ahead of this machine's, in milliseconds, and how far off that may be.
    pub skew: Option<(i64, u64)>,
    /// Whether names can be looked up in containers.
    pub names: Resolved,
}

/// An image, as far as it could be found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSeen {
    /// It is here, made for this; nothing where the engine didn't say.
    Here(Option<ImagePlatform>),
    /// It can be pulled, for these.
    Pullable(Vec<ImagePlatform>),
    /// It isn't here, and its registry doesn't have it; the registry's words.
    Nowhere(String),
    /// It isn't here, and the registry couldn't be asked; why.
    Unknown(String),
}

/// What came of looking up a service's name in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// It was found.
    Found {
        /// The container that looked.
        container: String,
        /// The service that was looked for.
        service: String,
    },
    /// It wasn't.
    NotFound {
        /// The container that looked.
        container: String,
        /// The service that was looked for.
        service: String,
    },
    /// It couldn't be tried; why.
    NotAsked(String),
}

/// Who has a host port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A container of this engine.
    Container {
        /// Its name.
        name: String,
        /// Its project, where it is one's.
        project: Option<String>,
        /// The files that its project was read from, where they can be had here.
        files: Vec<String>,
    },
    /// A process of this machine.
    Process {
        /// `process nginx (pid 812)`
        words: String,
        /// Its id, where it can be seen.
        pid: Option<u32>,
    },
    /// A process that has it for a container of another engine.
    OtherEngine {
        /// `a container of another engine (docker-proxy, pid 812)`
        words: String,
    },
    /// Somebody who can't be seen from here.
    Somebody,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A folder.
    Folder,
    /// A file, a socket, a device.
    File,
}

/// This machine, as far as it matters for an engine on it.
#[derive(Debug, Clone, Default)]
pub struct Here {
    /// The engine shares this machine's files and ports: it is local, and vv itself runs in no container.
    pub shared: bool,
    /// The kernel's version, as `uname -r` says it.
    pub kernel: String,
    /// Its memory, in bytes.
    pub memory: Option<u64>,
    /// What is free where a local engine keeps its data, in bytes.
    pub free_disk: Option<u64>,
    /// `vm.max_map_count`
    pub max_map_count: Option<u64>,
    /// `fs.inotify.max_user_instances`
    pub inotify_instances: Option<u64>,
    /// `net.ipv4.ip_unprivileged_port_start`
    pub unprivileged_ports: Option<u16>,
    /// The architectures that the kernel emulates, as images name them.
    pub emulated: BTreeSet<String>,
    /// The name servers of `/etc/resolv.conf`; those of systemd-resolved where that is in charge.
    pub name_servers: Vec<IpAddr>,
    /// The engine's own configuration file names name servers.
    pub engine_has_dns: bool,
    /// The proxies that `~/.docker/config.json` puts into containers.
    pub client_proxies: Proxies,
}

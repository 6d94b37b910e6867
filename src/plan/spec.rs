//! What a container is made of: the engine-neutral create request, and what is hashed and compared.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::stack::model::{Healthcheck, Logging, NetworkAttachment, Port, Resources, RestartPolicy, Ulimit};

/// Everything that decides what a container does, the same for all replicas of a service. Its serialised form is
/// what the spec hash is made of; each top-level key is a field that a cause can name, and a map's keys are fields
/// of their own (`environment: NAME`).
#[derive(Clone, PartialEq, Default, Serialize)]
#[serde(default)]
pub struct ContainerSpec {
    /// The image's reference as the stack names it.
    pub image: String,
    /// `linux/amd64`
    pub platform: Option<String>,
    /// Overrides the image's command.
    pub command: Option<Vec<String>>,
    /// Overrides the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// Variables.
    pub environment: BTreeMap<String, String>,
    /// The user's labels.
    pub labels: BTreeMap<String, String>,
    /// The host name.
    pub hostname: Option<String>,
    /// The NIS domain name.
    pub domainname: Option<String>,
    /// `user[:group]`
    pub user: Option<String>,
    /// The folder that the command starts in.
    pub working_dir: Option<String>,
    /// Published ports as the file has them (replica 1's).
    pub ports: Vec<Port>,
    /// Exposed ports, always with a protocol: `8080/tcp`.
    pub expose: Vec<String>,
    /// Volumes (by their name on the engine), bind mounts and tmpfs, by target in the container.
    pub volumes: BTreeMap<String, MountSpec>,
    /// Configs and secrets, by target in the container.
    pub files: BTreeMap<String, FileSpec>,
    /// The networks it joins, by their name on the engine. Aliases are the file's own; the service's and the
    /// container's name are added for each replica when the request is made.
    pub networks: BTreeMap<String, NetworkAttachment>,
    /// Instead of networks: `host`, `none`, `service:NAME`, `container:NAME`, …
    pub network_mode: Option<String>,
    /// As `network_mode`.
    pub ipc: Option<String>,
    /// As `network_mode`.
    pub pid: Option<String>,
    /// The healthcheck of the file.
    pub healthcheck: Option<Healthcheck>,
    /// What the engine does when it exits.
    pub restart: RestartPolicy,
    /// The signal that stops it.
    pub stop_signal: Option<String>,
    /// How long a stop may take before the kill, in seconds.
    pub stop_grace_period: Option<i64>,
    /// Runs an init as process 1.
    pub init: Option<bool>,
    /// Allocates a terminal.
    pub tty: bool,
    /// Keeps stdin open.
    pub stdin_open: bool,
    /// A read-only root file system.
    pub read_only: bool,
    /// All privileges.
    pub privileged: bool,
    /// Added capabilities.
    pub cap_add: Vec<String>,
    /// Dropped capabilities.
    pub cap_drop: Vec<String>,
    /// Security options.
    pub security_opt: Vec<String>,
    /// Additional groups.
    pub group_add: Vec<String>,
    /// `name:address`
    pub extra_hosts: Vec<String>,
    /// Name servers.
    pub dns: Vec<String>,
    /// Search domains.
    pub dns_search: Vec<String>,
    /// Resolver options.
    pub dns_opt: Vec<String>,
    /// Kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// Limits by name.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// `/dev/shm`, in bytes.
    pub shm_size: Option<u64>,
    /// `host[:container[:permissions]]`
    pub devices: Vec<String>,
    /// The log driver and its options.
    pub logging: Option<Logging>,
    /// Limits and reservations.
    pub resources: Resources,
}

impl fmt::Debug for ContainerSpec {
    /// Shows names only: values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerSpec").field("image", &self.image).finish_non_exhaustive()
    }
}

/// Something mounted, by its name on the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum MountSpec {
    /// A volume.
    Volume {
        /// Its name on the engine; nothing for an anonymous one.
        name: Option<String>,
        /// Mounted read-only.
        read_only: bool,
        /// Don't copy the image's content into an empty volume.
        nocopy: bool,
    },
    /// A folder or file of the host.
    Bind {
        /// Absolute.
        source: PathBuf,
        /// Mounted read-only.
        read_only: bool,
        /// Made when it isn't there.
        create_host_path: bool,
        /// `rprivate`, …
        propagation: Option<String>,
    },
    /// Memory.
    Tmpfs {
        /// In bytes.
        size: Option<u64>,
        /// Permission bits.
        mode: Option<u32>,
    },
}

/// A config or secret in the container. How it gets there isn't part of what is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSpec {
    /// SHA-256 of the content, in hex; for a secret, salted with its name.
    pub hash: String,
    /// Owner.
    pub uid: Option<String>,
    /// Group.
    pub gid: Option<String>,
    /// Permission bits.
    pub mode: Option<u32>,
    /// A secret: its hash isn't shown on its own.
    #[serde(skip)]
    pub secret: bool,
    /// How it gets there.
    #[serde(skip)]
    pub delivery: Delivery,
}

/// How a config or secret gets into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A read-only bind of this absolute path.
    Bind(PathBuf),
    /// Copied between create and start.
    Copy,
    /// A read-only bind of a copy that is written to this absolute path first (see [`CreateContainer::cached`]):
    /// a read-only root, or a target below a tmpfs, can't be copied into.
    CachedBind(PathBuf),
}

/// A container to be made: the service's spec with all that is the replica's own filled in. What the engine is
/// asked for is exactly this; nothing is to be added or looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateContainer {
    /// Its name on the engine; a temporary one while it is going to replace another.
    pub name: String,
    /// The service; for one-off containers too.
    pub service: String,
    /// What it does. Already this replica's are: `ports` (a fixed host port only where it holds it), `networks`
    /// (those to join at create, with the aliases of the service and of the final container name), namespaces
    /// (`service:x` is `container:…` by now), and `volumes` (anonymous ones of a replaced container by name).
    pub spec: ContainerSpec,
    /// All labels: the user's, Compose's and vv's.
    pub labels: BTreeMap<String, String>,
    /// Whether the service's name is among the aliases; false for one-off containers.
    pub service_alias: bool,
    /// Files to be written on this machine before: what [`Delivery::CachedBind`] binds.
    pub cached: Vec<CachedFile>,
}

/// A file to be written on this machine, in folders that only this user can enter. One that is there already with
/// this content is left.
#[derive(Clone, PartialEq, Eq)]
pub struct CachedFile {
    /// Absolute.
    pub path: PathBuf,
    /// The content.
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
}

impl fmt::Debug for CachedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.path.display(), self.content.len())
    }
}

/// A file to be copied into a container.
#[derive(Clone, PartialEq, Eq)]
pub struct CopiedFile {
    /// Absolute path in the container.
    pub target: String,
    /// The content.
    pub content: Vec<u8>,
    /// Owner; 0 when unset.
    pub uid: u64,
    /// Group; 0 when unset.
    pub gid: u64,
    /// Permission bits.
    pub mode: u32,
}

impl fmt::Debug for CopiedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.target, self.content.len())
    }
}

/// A network to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateNetwork {
    /// What the file says, with its name on the engine.
    pub network: crate::stack::model::Network,
    /// All labels.
    pub labels: BTreeMap<String, String>,
}

/// A volume to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateVolume {
    /// What the file says, with its name on the engine.
    pub volume: crate::stack::model::Volume,
    /// All labels.
    pub labels: BTreeMap<String, String>,
}

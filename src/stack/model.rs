//! The typed stack: what a Compose file means after interpolation, merging and normalisation.
//!
//! Names follow the Compose specification; a field's docstring says what normalisation did to it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;

use super::vv::{ServiceVv, StackVv};

/// A whole stack, ready to be planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// The project's name: what its containers, networks and volumes are called after.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// The services that take part (profiles applied), in the order of the file.
    pub services: IndexMap<String, Service>,
    /// The services that a profile keeps out.
    pub inactive: IndexMap<String, Service>,
    /// The networks that active services use, by their key in the file; `default` included when used.
    pub networks: IndexMap<String, Network>,
    /// The volumes that active services use, by key.
    pub volumes: IndexMap<String, Volume>,
    /// Top-level `x-vv`, of the root files.
    pub vv: StackVv,
    /// Things worth saying that don't stop the load (a variable that isn't set, a dropped container_name).
    pub warnings: Vec<String>,
}

/// Where a stack came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The name of the embedded stack, when it is one.
    pub embedded: Option<String>,
    /// Nobody chose it: it is the stack that is used where nothing else is found.
    pub fallback: bool,
    /// The folder that relative paths of the running stack resolve against; Compose's `working_dir` label. Absolute.
    pub working_dir: PathBuf,
    /// Compose's `config_files` label, one entry a file: absolute paths, or `vv://mes/compose.yaml`.
    pub config_files: Vec<String>,
    /// The env files that were named by `--env-file`, absolute; not the implicit `.env`.
    pub env_files: Vec<PathBuf>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Service {
    /// Its key in the file.
    pub name: String,
    /// The image to run. Always there after normalisation: `<project>-<service>` for a build without `image`.
    pub image: String,
    /// How to build the image.
    pub build: Option<Build>,
    /// When to pull.
    pub pull_policy: PullPolicy,
    /// `linux/amd64`
    pub platform: Option<String>,
    /// Overrides the image's command; an empty list clears it. A string in the file was split as a shell would.
    pub command: Option<Vec<String>>,
    /// Overrides the image's entrypoint; an empty list clears it.
    pub entrypoint: Option<Vec<String>>,
    /// `env_file`s and `environment` together. `None` passes the variable on from vv's own environment, and was
    /// already looked up by the loader: what is left as `None` wasn't set there and is left out of the container.
    pub environment: BTreeMap<String, Option<String>>,
    /// The user's labels, without vv's and Compose's own.
    pub labels: BTreeMap<String, String>,
    /// A fixed container name.
    pub container_name: Option<String>,
    /// The host name.
    pub hostname: Option<String>,
    /// The NIS domain name.
    pub domainname: Option<String>,
    /// `user[:group]`
    pub user: Option<String>,
    /// The folder that the command starts in.
    pub working_dir: Option<String>,
    /// Published ports, ranges expanded to one entry per container port.
    pub ports: Vec<Port>,
    /// Exposed container ports, `8080` or `8080/udp`.
    pub expose: Vec<String>,
    /// Volumes, bind mounts and tmpfs.
    pub mounts: Vec<Mount>,
    /// Configs and secrets, resolved to what is put where.
    pub files: Vec<FileMount>,
    /// The networks it joins, by key; `default` when the file says nothing and no `network_mode` is set.
    pub networks: IndexMap<String, NetworkAttachment>,
    /// Instead of networks.
    pub network_mode: Option<Namespace>,
    /// `ipc`
    pub ipc: Option<Namespace>,
    /// `pid`
    pub pid: Option<Namespace>,
    /// What must be there first. `links`, `volumes_from` and `network_mode: service:…` imply an entry.
    pub depends_on: IndexMap<String, Dependency>,
    /// The healthcheck of the file. `Some` with `Test::None` disables the image's.
    pub healthcheck: Option<Healthcheck>,
    /// What the engine does when it exits (`restart`, overridden by `deploy.restart_policy`).
    pub restart: RestartPolicy,
    /// The signal that stops it.
    pub stop_signal: Option<String>,
    /// How long a stop may take before the kill; 10 s when unset.
    pub stop_grace_period: Option<Duration>,
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
    /// `name:address`, as the engine takes it.
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
    /// How many replicas (`scale`, `deploy.replicas`); 1 when unset.
    pub replicas: u32,
    /// `deploy.resources`, `cpus`, `mem_limit`, …
    pub resources: Resources,
    /// Profiles that switch it on; empty: always on.
    pub profiles: Vec<String>,
    /// `x-vv`
    pub vv: ServiceVv,
}

/// How to build an image. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Build {
    /// The context folder.
    pub context: PathBuf,
    /// Relative to the context, `Dockerfile` when unset.
    pub dockerfile: Option<String>,
    /// The Dockerfile's text itself.
    pub dockerfile_inline: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, Option<String>>,
    /// The stage.
    pub target: Option<String>,
    /// Further tags.
    pub tags: Vec<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Images used as cache.
    pub cache_from: Vec<String>,
    /// The network of RUN steps.
    pub network: Option<String>,
    /// Pull base images always.
    pub pull: bool,
    /// Build without cache.
    pub no_cache: bool,
    /// `name:address`
    pub extra_hosts: Vec<String>,
    /// `/dev/shm` of RUN steps, in bytes.
    pub shm_size: Option<u64>,
    /// `linux/amd64`
    pub platforms: Vec<String>,
}

/// When to pull an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PullPolicy {
    /// When it isn't there (and it isn't built here).
    #[default]
    Missing,
    /// At every start.
    Always,
    /// Never: an error when it isn't there.
    Never,
    /// Build, even when it is there.
    Build,
}

/// A port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Port {
    /// The container's.
    pub target: u16,
    /// On the host: nothing means that the engine picks one.
    pub published: Option<PortRange>,
    /// The host address to bind; nothing means all.
    pub host_ip: Option<String>,
    /// tcp or udp.
    pub protocol: Protocol,
}

/// Host ports from `first` to `last`; the same for a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PortRange {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP
    #[default]
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
}

/// Something mounted into the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Where in the container.
    pub target: String,
    /// Mounted read-only.
    pub read_only: bool,
    /// What.
    pub kind: MountKind,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum MountKind {
    /// A volume.
    Volume {
        /// Its key in the stack; nothing for an anonymous one.
        source: Option<String>,
        /// Don't copy the image's content into an empty volume.
        nocopy: bool,
    },
    /// A folder or file of the host.
    Bind {
        /// Absolute.
        source: PathBuf,
        /// Made when it isn't there (the short syntax).
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

/// A config or secret at a place in the container.
#[derive(Clone, PartialEq, Eq)]
pub struct FileMount {
    /// Its key in `configs` or `secrets`.
    pub name: String,
    /// `configs` or `secrets`: the content of a secret never shows.
    pub secret: bool,
    /// Absolute path in the container.
    pub target: String,
    /// Owner.
    pub uid: Option<String>,
    /// Group.
    pub gid: Option<String>,
    /// Permission bits; 0o444 when unset.
    pub mode: Option<u32>,
    /// Where the content comes from.
    pub source: FileSource,
    /// The content itself, read by the loader; empty for a bind of a folder.
    pub content: Vec<u8>,
}

impl std::fmt::Debug for FileMount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileMount")
            .field("name", &self.name)
            .field("secret", &self.secret)
            .field("target", &self.target)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Where the content of a config or secret comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileSource {
    /// `file:` on disk, absolute: bound by a local engine, copied to a remote one.
    Disk(PathBuf),
    /// A file of the embedded tree: copied.
    Embedded(PathBuf),
    /// `content:` of the file: copied.
    Inline,
    /// `environment:` variable of this name: copied.
    Environment(String),
}

/// How a service joins a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NetworkAttachment {
    /// Further names there.
    pub aliases: Vec<String>,
    /// A fixed address.
    pub ipv4_address: Option<String>,
    /// A fixed address.
    pub ipv6_address: Option<String>,
    /// Link-local addresses.
    pub link_local_ips: Vec<String>,
    /// A fixed hardware address.
    pub mac_address: Option<String>,
    /// The highest is the one whose gateway is used.
    pub priority: i64,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
}

/// A namespace that is shared instead of made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespace {
    /// The host's.
    Host,
    /// None at all (`none`).
    None,
    /// A service of the stack.
    Service(String),
    /// A container of this name.
    Container(String),
    /// As it stands (`bridge`, `shareable`, `private`, a network's name).
    Other(String),
}

/// What must hold of another service first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// The condition.
    pub condition: Condition,
    /// Restart this one when vv recreates or restarts the other.
    pub restart: bool,
    /// False: only a warning when it can't be had.
    pub required: bool,
}

/// A dependency's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Started.
    ServiceStarted,
    /// Its healthcheck passes.
    ServiceHealthy,
    /// It ran and exited with 0.
    ServiceCompletedSuccessfully,
}

/// A healthcheck; unset durations are the engine's (interval 30 s, timeout 30 s, retries 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Healthcheck {
    /// What is run. `None` inherits the image's test and changes only the times.
    pub test: Option<Test>,
    /// Time between runs.
    pub interval: Option<Duration>,
    /// Time a run may take.
    pub timeout: Option<Duration>,
    /// Failures in a row until unhealthy.
    pub retries: Option<u64>,
    /// Time in which failures don't count.
    pub start_period: Option<Duration>,
    /// Time between runs in the start period.
    pub start_interval: Option<Duration>,
}

/// A healthcheck's test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Test {
    /// Disabled, the image's too.
    None,
    /// Run as it is.
    Cmd(Vec<String>),
    /// Run by the container's shell.
    Shell(String),
}

/// What the engine does when a container exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Nothing.
    #[default]
    No,
    /// Start it again.
    Always,
    /// Start it again, unless it was stopped.
    UnlessStopped,
    /// Start it again after a failure, at most this often (nothing: for ever).
    OnFailure(Option<u64>),
}

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ulimit {
    /// Soft.
    pub soft: i64,
    /// Hard.
    pub hard: i64,
}

/// A log driver.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Logging {
    /// Its name.
    pub driver: Option<String>,
    /// Its options.
    pub options: BTreeMap<String, String>,
}

/// Limits and reservations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Resources {
    /// In billionths of a CPU.
    pub nano_cpus: Option<i64>,
    /// In bytes.
    pub memory: Option<u64>,
    /// In bytes.
    pub memory_reservation: Option<u64>,
    /// Memory plus swap, in bytes; -1 is unlimited.
    pub memory_swap: Option<i64>,
    /// Processes.
    pub pids: Option<i64>,
    /// Relative weight.
    pub cpu_shares: Option<i64>,
    /// `0-3`
    pub cpuset: Option<String>,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Network {
    /// Its name on the engine: `<project>_<key>` unless the file names it.
    pub name: String,
    /// Made by somebody else.
    pub external: bool,
    /// `bridge` when unset.
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// No way out.
    pub internal: bool,
    /// Single containers may join.
    pub attachable: bool,
    /// IPv6.
    pub enable_ipv6: Option<bool>,
    /// The user's labels.
    pub labels: BTreeMap<String, String>,
    /// The address management's driver.
    pub ipam_driver: Option<String>,
    /// Subnets.
    pub ipam: Vec<IpamPool>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct IpamPool {
    /// In CIDR notation.
    pub subnet: Option<String>,
    /// Addresses given to containers, in CIDR notation.
    pub ip_range: Option<String>,
    /// The gateway.
    pub gateway: Option<String>,
    /// Addresses that are taken, by name.
    pub aux_addresses: BTreeMap<String, String>,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Volume {
    /// Its name on the engine: `<project>_<key>` unless the file names it.
    pub name: String,
    /// Made by somebody else.
    pub external: bool,
    /// `local` when unset.
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// The user's labels.
    pub labels: BTreeMap<String, String>,
}

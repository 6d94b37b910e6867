//! A service and how its containers live.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;

use super::io::{FileMount, Mount, Namespace, NetworkAttachment, Port, PortNotes};
use crate::stack::vv::ServiceVv;

/// A service.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Service {
    /// Its key in the file.
    pub name: String,
    /// The image to run. Always there after normalisation: `<project>-<service>` for a build without `image`.
    pub image: String,
    /// The variable that is the whole of it, if one is: `KAFKA_IMAGE`.
    pub image_variable: Option<String>,
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
    /// What else is said of them, where something is.
    pub port_notes: BTreeMap<Port, PortNotes>,
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
    /// `deploy.resources.reservations.cpus`: for `vv doctor`; the engine has no such thing, and Compose doesn't pass it
    /// on.
    pub reserved_cpus: Option<f64>,
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

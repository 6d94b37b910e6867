//! The container engine: a trait, and Docker behind it. No engine's own type leaves its folder.

pub mod connect;
pub mod docker;
pub mod earlier;
mod error;
pub mod evidence;
#[doc(hidden)]
pub mod memory;
pub mod own_image;
pub mod platform;
pub mod relay;
pub mod survey;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::Stream;

use crate::plan::observed::{ContainerState, EngineInfo, Health, Observed, ObservedContainer, ObservedPort};
use crate::plan::spec::{ContainerSpec, CopiedFile, CreateContainer, CreateNetwork, CreateVolume};
use crate::stack::model::{Build, NetworkAttachment, Test};

pub use connect::ConnectOptions;
pub use error::EngineError;

/// A boxed stream of results.
pub type EngineStream<T> = Pin<Box<dyn Stream<Item = Result<T, EngineError>> + Send>>;

/// A line or step of a pull or build, for progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What goes on: `pulling 3 of 7 layers`, `Step 3/9 : RUN make`.
    pub message: String,
    /// Bytes done and wanted, where known.
    pub bytes: Option<(u64, u64)>,
}

/// Receives progress; called often, must be cheap.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// What an inspect tells of one container.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerDetails {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: ContainerState,
    /// Killed for lack of memory.
    pub oom_killed: bool,
    /// The engine's own error for it (a start that failed).
    pub error: Option<String>,
    /// How often the engine restarted it.
    pub restarts: u64,
    /// How its last run ended; nothing for one that runs, also where it ended before.
    pub last_code: Option<i64>,
    /// When it started last, RFC 3339.
    pub started_at: Option<String>,
    /// When it ended last, RFC 3339.
    pub finished_at: Option<String>,
    /// The verdict of its healthcheck.
    pub health: Option<Health>,
    /// The output of the last run of its healthcheck.
    pub health_output: Option<String>,
    /// Its healthcheck as it is in force, the image's included.
    pub healthcheck: Option<ActiveHealthcheck>,
    /// The user it runs as.
    pub user: String,
    /// The restart policy restarts it.
    pub restarting_policy: bool,
    /// Environment names and values; for guessing credentials. Never shown.
    pub environment: BTreeMap<String, String>,
    /// All networks: name → address.
    pub addresses: BTreeMap<String, String>,
    /// The ID of its image.
    pub image_id: String,
    /// The ids of the commands that were run in it and haven't ended; some engines list ended ones, too.
    pub execs: Vec<String>,
    /// What it was made of.
    pub spec: ContainerSpec,
    /// What its image sets, where that was asked for.
    pub image_sets: ContainerSpec,
}

/// A host port and the container that publishes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPort {
    /// The container's name.
    pub container: String,
    /// The project that its labels name; nothing for one that isn't Compose's or vv's.
    pub project: Option<String>,
    /// The files that its project was read from, as its labels name them; empty where they don't.
    pub files: Vec<String>,
    /// The port, with the host's address it is bound to (`0.0.0.0` and `::` are all of them).
    pub port: ObservedPort,
}

/// A healthcheck in force, with the engine's defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveHealthcheck {
    /// What is run.
    pub test: Test,
    /// The shell that runs a [`Test::Shell`], as the container was made with; empty: `/bin/sh -c`. An image's SHELL
    /// doesn't count: Docker 20.10 takes `/bin/sh` there.
    pub shell: Vec<String>,
    /// Time a run may take.
    pub timeout: Duration,
    /// Time between runs.
    pub interval: Duration,
    /// Failures in a row until unhealthy.
    pub retries: u64,
    /// Time in which failures don't count.
    pub start_period: Duration,
}

/// Something happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerEvent {
    /// The container's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The service that its labels name.
    pub service: String,
    /// What happened.
    pub kind: ContainerEventKind,
}

/// What happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerEventKind {
    /// Made.
    Created,
    /// Started.
    Started,
    /// Ended with this code.
    Died(i64),
    /// Killed for lack of memory.
    Oom,
    /// The healthcheck's verdict.
    Health(Health),
    /// Frozen.
    Paused,
    /// Goes on after it was frozen.
    Unpaused,
    /// Removed.
    Removed,
    /// Anything else.
    Other(String),
}

/// A piece of a container's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When, as the engine noted it (RFC 3339 with nanoseconds).
    pub time: jiff::Timestamp,
    /// From stderr.
    pub stderr: bool,
    /// The line's bytes, without its end.
    pub line: Vec<u8>,
}

/// Which part of a container's output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogQuery {
    /// Go on as more comes.
    pub follow: bool,
    /// The last so many lines; nothing for all.
    pub tail: Option<u64>,
    /// From this time on.
    pub since: Option<jiff::Timestamp>,
    /// Up to this time.
    pub until: Option<jiff::Timestamp>,
}

/// A command to run in a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecRequest {
    /// The command.
    pub command: Vec<String>,
    /// As whom; nothing: as the container's user.
    pub user: Option<String>,
    /// Where; nothing: the container's folder.
    pub working_dir: Option<String>,
    /// Further variables.
    pub environment: BTreeMap<String, String>,
    /// With a terminal.
    pub tty: bool,
    /// With stdin attached.
    pub stdin: bool,
    /// All privileges.
    pub privileged: bool,
}

/// A command that runs in a container (exec) or a container's own first process (attach).
pub struct ExecSession {
    /// Its output as it comes; (from stderr, bytes). Ends when the command ends.
    pub output: EngineStream<(bool, Vec<u8>)>,
    /// Its stdin, where attached.
    pub input: Option<Pin<Box<dyn tokio::io::AsyncWrite + Send>>>,
    /// The engine's name for it: for resizing and its exit code.
    pub id: String,
}

/// A command in a container, whoever runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecState {
    /// The command.
    pub command: Vec<String>,
    /// It hasn't ended.
    pub running: bool,
    /// How it ended; nothing for one that runs, or was never started.
    pub code: Option<i64>,
}

/// A container engine. Every method is one call to it, but for those that say otherwise; those on containers take a
/// name or an id.
#[async_trait]
pub trait Engine: evidence::Evidence + survey::Survey {
    /// What engine this is. One call, the same that connecting made: it is remembered.
    async fn info(&self) -> Result<EngineInfo, EngineError>;

    /// All that belongs to the project and the images, in parallel: containers, networks, volumes, images.
    async fn observe(&self, project: &str) -> Result<Observed, EngineError>;

    /// The project's containers alone.
    async fn containers(&self, project: &str) -> Result<Vec<ObservedContainer>, EngineError>;

    /// The names of all projects that have containers here, with the folder they were started from.
    async fn projects(&self) -> Result<BTreeMap<String, String>, EngineError>;

    /// Every host port that a running container of this engine publishes, of whichever project. One call.
    async fn published_ports(&self) -> Result<Vec<PublishedPort>, EngineError>;

    /// One container; what its image sets is in `spec` too.
    async fn inspect(&self, container: &str) -> Result<ContainerDetails, EngineError>;

    /// One container, and its image once an ID: what the image sets is taken out of `spec`, and is in `image_sets`.
    async fn inspect_with_image(&self, container: &str) -> Result<ContainerDetails, EngineError>;

    /// Makes a network.
    async fn create_network(&self, request: &CreateNetwork) -> Result<(), EngineError>;
    /// Removes a network. One that isn't there is fine.
    async fn remove_network(&self, name: &str) -> Result<(), EngineError>;
    /// Puts a container on a network.
    async fn connect_network(
        &self,
        network: &str,
        container: &str,
        attachment: &NetworkAttachment,
    ) -> Result<(), EngineError>;
    /// Makes a volume.
    async fn create_volume(&self, request: &CreateVolume) -> Result<(), EngineError>;
    /// Removes a volume. One that isn't there is fine.
    async fn remove_volume(&self, name: &str) -> Result<(), EngineError>;

    /// Makes a container; its id.
    async fn create_container(&self, request: &CreateContainer) -> Result<String, EngineError>;
    /// Copies files into a container, folders on the way included.
    async fn copy_files(&self, container: &str, files: &[CopiedFile]) -> Result<(), EngineError>;
    /// Starts a container. One that runs already is fine.
    async fn start_container(&self, container: &str) -> Result<(), EngineError>;
    /// Stops a container. One that doesn't run is fine.
    async fn stop_container(&self, container: &str, timeout: Option<Duration>) -> Result<(), EngineError>;
    /// Stops and starts a container.
    async fn restart_container(&self, container: &str, timeout: Option<Duration>) -> Result<(), EngineError>;
    /// Removes a container and its anonymous volumes. One that isn't there is fine.
    async fn remove_container(&self, container: &str, force: bool) -> Result<(), EngineError>;
    /// Gives a container another name.
    async fn rename_container(&self, container: &str, name: &str) -> Result<(), EngineError>;

    /// The ID of an image, when it is here.
    async fn image_id(&self, image: &str) -> Result<Option<String>, EngineError>;
    /// Pulls an image with the credentials of `~/.docker/config.json`.
    async fn pull_image(
        &self,
        image: &str,
        platform: Option<&str>,
        progress: OnProgress<'_>,
    ) -> Result<(), EngineError>;
    /// Pushes an image with the credentials of `~/.docker/config.json`.
    async fn push_image(&self, image: &str, progress: OnProgress<'_>) -> Result<(), EngineError>;
    /// Builds an image; several calls where the first builder refuses.
    async fn build_image(
        &self,
        image: &str,
        build: &Build,
        progress: OnProgress<'_>,
    ) -> Result<(), EngineError>;
    /// Loads an image of this tag from an archive, in the format of `docker save`. Its tag counts as new.
    async fn load_image(&self, image: &str, archive: Vec<u8>) -> Result<(), EngineError>;
    /// Removes an image's tag. One that isn't there or is in use is fine.
    async fn remove_image(&self, image: &str) -> Result<(), EngineError>;
    /// All tags below a repository name (`vv-stub`).
    async fn image_tags(&self, repository: &str) -> Result<Vec<String>, EngineError>;

    /// Removes the other tags of this image's repository that no container uses and that are older than this.
    async fn prune_images(&self, but: &str, older: Duration) -> Result<(), EngineError>;

    /// Output of a container, stdout and stderr, in the order the engine kept it.
    async fn logs(&self, container: &str, query: &LogQuery) -> Result<EngineStream<LogLine>, EngineError>;
    /// Events of the project's containers from now on; the stream is open when this returns.
    async fn events(&self, project: &str) -> Result<EngineStream<ContainerEvent>, EngineError>;

    /// Starts a command in a container. Two calls.
    async fn exec(&self, container: &str, request: &ExecRequest) -> Result<ExecSession, EngineError>;
    /// Starts a command in a container and leaves it: nothing of its output can be had. Two calls.
    async fn exec_detached(&self, container: &str, request: &ExecRequest) -> Result<(), EngineError>;
    /// The exit code of a command that has ended.
    async fn exec_exit_code(&self, id: &str) -> Result<i64, EngineError>;
    /// What a command is, and whether it still runs.
    async fn exec_state(&self, id: &str) -> Result<ExecState, EngineError>;
    /// Tells a command's terminal its size.
    async fn exec_resize(&self, id: &str, width: u16, height: u16) -> Result<(), EngineError>;
    /// Attaches to a container's first process, before it is started.
    async fn attach(&self, container: &str, tty: bool, stdin: bool) -> Result<ExecSession, EngineError>;
    /// Starts a container on a network that ends, and is removed, when the session is dropped or this process ends;
    /// the session's id is the container's. Three calls.
    async fn start_helper(
        &self,
        image: &str,
        command: &[&str],
        network: &str,
    ) -> Result<ExecSession, EngineError>;
    /// Tells a container's terminal its size.
    async fn resize(&self, container: &str, width: u16, height: u16) -> Result<(), EngineError>;
    /// Waits until a container has ended; its exit code.
    async fn wait_exit(&self, container: &str) -> Result<i64, EngineError>;
}

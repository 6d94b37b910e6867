//! The small view of the running stack that probes, logs and exec need: which replicas there are and how to
//! reach them. No engine type and no container id is in it, so another platform than Docker can stand behind it.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;

/// One replica of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Replica {
    /// The service's name in the stack.
    pub service: String,
    /// Its number, from 1.
    pub number: u32,
}

/// How a replica runs, as the platform sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// Which replica.
    pub replica: Replica,
    /// Its state.
    pub state: ReplicaState,
    /// The platform's own health verdict, where the replica has a healthcheck.
    pub health: Option<HealthVerdict>,
    /// How often it was restarted, where known.
    pub restarts: u64,
    /// How long it has been up, where it runs and that is known.
    pub up_for: Option<Duration>,
    /// How its last run ended, of one that was restarted.
    pub last_end: LastEnd,
    /// What went wrong as it was to be started, in the platform's words.
    pub start_error: Option<String>,
    /// The container's name, for messages.
    pub name: String,
    /// It is the stand-in for a service whose sources are missing.
    pub stub: bool,
}

/// How the last run of a replica ended, as far as that is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastEnd {
    /// Its exit code.
    pub code: Option<i64>,
    /// The kernel killed it for lack of memory.
    pub oom: bool,
}

/// The state of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplicaState {
    /// Made, never started.
    Created,
    /// Running.
    Running,
    /// Paused: its processes are frozen.
    Paused,
    /// Between two runs.
    Restarting,
    /// Ended, with this exit code; whether the kernel killed it for lack of memory.
    Exited {
        /// The exit code.
        code: i64,
        /// Killed for lack of memory.
        oom: bool,
    },
    /// Being removed, or dead beyond repair.
    Dead,
}

/// The platform's own verdict from the healthcheck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthVerdict {
    /// No verdict yet.
    Starting,
    /// The last run passed.
    Healthy,
    /// As many runs as `retries` failed in a row.
    Unhealthy,
}

/// Where a replica's port answers from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// The address to dial.
    pub address: SocketAddr,
    /// True for a port published on the host, false for the replica's own address on a network. The engine's
    /// proxy accepts on a published port for a dead service too, so a TCP connect proves nothing there.
    pub published: bool,
}

/// What a command in a replica left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecResult {
    /// Its exit code.
    pub code: i64,
    /// Its stdout and stderr as they came, at most 64 KiB.
    pub output: String,
}

/// Why the platform couldn't answer. The message says what was attempted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PlatformError {
    /// No such replica, or it doesn't run.
    #[error("{0}")]
    NotRunning(String),
    /// The port isn't published and the replica has no address that can be reached from here.
    #[error("{0}")]
    NotReachable(String),
    /// It runs, but is on none of its networks any more; starting the service puts it there.
    #[error("{0}")]
    CutOff(String),
    /// It took longer than this.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// A run of the command that was begun before hasn't ended in this time, so it wasn't run again.
    #[error("a run that was begun before goes on")]
    StillRuns,
    /// Anything else the platform said.
    #[error("{0}")]
    Other(String),
}

/// A running stack, seen from outside.
#[async_trait]
pub trait Platform: Send + Sync {
    /// The replicas of a service, by number. Empty when there are none.
    async fn replicas(&self, service: &str) -> Result<Vec<ReplicaStatus>, PlatformError>;

    /// Where `port` (the container's, TCP) of a replica answers from here: its published port, else its address
    /// on the stack's network.
    async fn reach(&self, replica: &Replica, port: u16) -> Result<Endpoint, PlatformError>;

    /// What other containers may know a replica by: its addresses and names on its networks, its container's name and
    /// host name. Empty where that can't be told.
    async fn names(&self, _replica: &Replica) -> Vec<String> {
        Vec::new()
    }

    /// Runs a command in a replica. Past `timeout` the answer is [`PlatformError::Timeout`], and the command runs on:
    /// the same one isn't begun a second time meanwhile ([`PlatformError::StillRuns`]).
    async fn exec(
        &self,
        replica: &Replica,
        command: &[String],
        timeout: Duration,
    ) -> Result<ExecResult, PlatformError>;

    /// The last `lines` lines of a replica's output.
    async fn last_logs(&self, replica: &Replica, lines: usize) -> Result<Vec<String>, PlatformError>;
}

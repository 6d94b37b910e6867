//! Waiting until services are what was planned. All waits for one container share one monitor.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::activity::Activity;
use super::events::EventHub;
use super::monitor::{Context, Demand, Monitor, Status};
use crate::engine::{Engine, EngineError};
use crate::plan::operation::{WaitCondition, WaitFor};
use crate::probe::ProbeFailure;

/// Asks a service whether it is ready, in its own protocol.
#[async_trait]
pub trait ReadyCheck: Send + Sync {
    /// One question to one replica: answered, or what was seen instead (`port 8500: connection refused`), and whether
    /// waiting can change it. A service that nothing is known of is answered at once.
    async fn protocol(&self, service: &str, container: &str) -> Result<(), ProbeFailure>;
}

/// A check for where there is nothing to ask.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlwaysReady;

#[async_trait]
impl ReadyCheck for AlwaysReady {
    async fn protocol(&self, _service: &str, _container: &str) -> Result<(), ProbeFailure> {
        Ok(())
    }
}

/// Why a container will not become what was waited for. Reads after its name.
#[derive(Debug, Clone)]
pub enum WaitFailure {
    /// It ended.
    Exited {
        /// Its exit code.
        code: i64,
        /// Killed for lack of memory.
        oom: bool,
    },
    /// It ends and is restarted again and again.
    RestartLoop {
        /// How often the engine restarted it.
        restarts: u64,
        /// The last exit code, where it was seen.
        code: Option<i64>,
    },
    /// Its healthcheck fails; what it said last.
    Unhealthy(String),
    /// It answers in its own protocol, over and over, what waiting doesn't change.
    NeverReady(ProbeFailure),
    /// It should become healthy, and has nothing that says whether it is.
    NoHealthcheck,
    /// It isn't there, or stands still: `is paused`.
    Stopped(&'static str),
    /// The engine can't be asked.
    Engine(EngineError),
    /// The time is up; what it waited for.
    TimedOut {
        /// The limit.
        limit: Duration,
        /// `health: connection refused`; empty when it said nothing.
        waited_for: String,
        /// What to do about that, where it is known.
        hint: Option<String>,
    },
}

impl fmt::Display for WaitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { code, oom: true } => {
                write!(f, "was killed for lack of memory (exit code {code})")
            }
            Self::Exited { code, oom: false } => write!(f, "exited with code {code}"),
            Self::RestartLoop { restarts, code } => {
                write!(f, "ends again and again ({restarts} restarts")?;
                match code {
                    Some(code) => write!(f, ", last with code {code})"),
                    None => f.write_str(")"),
                }
            }
            Self::Unhealthy(said) => write!(f, "is unhealthy: {said}"),
            Self::NeverReady(failure) => write!(f, "won't become ready: {failure}"),
            Self::NoHealthcheck => {
                f.write_str("has no healthcheck, in the stack or in its image, and can't become healthy")
            }
            Self::Stopped(how) => f.write_str(how),
            Self::Engine(error) => write!(f, "can't be watched: {error}"),
            Self::TimedOut { limit, waited_for, .. } if waited_for.is_empty() => {
                write!(f, "isn't ready after {}", short(*limit))
            }
            Self::TimedOut { limit, waited_for, .. } => {
                write!(f, "isn't ready after {}: {waited_for}", short(*limit))
            }
        }
    }
}

/// A duration as one types it: `90s` is `1m30s`.
fn short(duration: Duration) -> String {
    match (duration.as_secs() / 60, duration.as_secs() % 60) {
        (0, _) => format!("{duration:?}"),
        (minutes, 0) => format!("{minutes}m"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

/// A container that failed those who waited for it.
#[derive(Debug, Clone)]
pub struct FailedContainer {
    /// Its name.
    pub container: String,
    /// Why.
    pub failure: WaitFailure,
}

/// The monitors of one execution. They end when this is dropped.
pub(super) struct Waits {
    context: Arc<Context>,
    monitors: Mutex<HashMap<String, Handle>>,
}

struct Handle {
    demand: watch::Sender<Demand>,
    status: watch::Receiver<Status>,
    task: AbortHandle,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Containers that ended badly, as it happens.
pub(super) type Deaths = mpsc::UnboundedReceiver<(String, WaitFailure)>;

impl Waits {
    pub(super) fn new(
        engine: Arc<dyn Engine>,
        ready: Arc<dyn ReadyCheck>,
        hub: EventHub,
        activity: Arc<Activity>,
        settle: Duration,
    ) -> (Self, Deaths) {
        let (deaths, receiver) = mpsc::unbounded_channel();
        let context = Arc::new(Context { engine, ready, hub, activity, settle, deaths });
        (Self { context, monitors: Mutex::default() }, receiver)
    }

    /// Waits until all containers are what is wanted, or one can't become it. `say` gets what it waits for.
    pub(super) async fn wait_for(
        &self,
        wait: &WaitFor,
        say: impl Fn(String) + Sync,
    ) -> Result<(), FailedContainer> {
        let several = wait.containers.len() > 1;
        let each = wait.containers.iter().map(|container| {
            let mut status = self.status(container, wait);
            let say = &say;
            async move {
                let mut said = String::new();
                loop {
                    let now = status.borrow_and_update().clone();
                    if let Some(verdict) = verdict(wait.condition, &now) {
                        let failed = |failure| FailedContainer { container: container.clone(), failure };
                        return verdict.map_err(failed);
                    }
                    if now.said != said {
                        said = now.said;
                        say(if several { format!("{container}: {said}") } else { said.clone() });
                    }
                    if status.changed().await.is_err() {
                        let failure = WaitFailure::Stopped("can't be watched any more");
                        return Err(FailedContainer { container: container.clone(), failure });
                    }
                }
            }
        });
        try_join_all(each).await.map(|_| ())
    }

    /// That a container wasn't ready in time, with what it waits for, as it said last.
    pub(super) fn timed_out(&self, container: &str, limit: Duration) -> WaitFailure {
        let Status { said, hint, .. } = self.now(container);
        WaitFailure::TimedOut { limit, waited_for: said, hint }
    }

    /// Whether a container still has to become what is wanted.
    pub(super) fn is_open(&self, container: &str, condition: WaitCondition) -> bool {
        verdict(condition, &self.now(container)).is_none()
    }

    /// Whether a service that had become ready isn't so any more: a container of it was restarted since.
    pub(super) fn has_lost(&self, wait: &WaitFor) -> bool {
        let is_ready =
            |container: &String| matches!(verdict(wait.condition, &self.now(container)), Some(Ok(())));
        wait.condition == WaitCondition::Ready && !wait.containers.iter().all(is_ready)
    }

    /// The container, if it has failed by now.
    pub(super) fn failed(&self, container: &str, condition: WaitCondition) -> Option<FailedContainer> {
        let failure = verdict(condition, &self.now(container))?.err()?;
        Some(FailedContainer { container: container.to_owned(), failure })
    }

    fn now(&self, container: &str) -> Status {
        let monitors = self.monitors.lock().unwrap_or_else(PoisonError::into_inner);
        monitors.get(container).map(|monitor| monitor.status.borrow().clone()).unwrap_or_default()
    }

    fn status(&self, container: &str, wait: &WaitFor) -> watch::Receiver<Status> {
        let mut monitors = self.monitors.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = monitors.entry(container.to_owned()).or_insert_with(|| {
            let (demand, demanded) = watch::channel(demand(wait.condition));
            let (status, statuses) = watch::channel(Status::default());
            let monitor = Monitor {
                context: Arc::clone(&self.context),
                service: wait.service.clone(),
                container: container.to_owned(),
                demand: demanded,
                status,
            };
            let task = tokio::spawn(monitor.run()).abort_handle();
            Handle { demand, status: statuses, task }
        });
        let wanted = demand(wait.condition);
        handle.demand.send_modify(|demand| {
            demand.healthy |= wanted.healthy;
            demand.ready |= wanted.ready;
        });
        handle.status.clone()
    }
}

fn demand(condition: WaitCondition) -> Demand {
    match condition {
        WaitCondition::Healthy => Demand { healthy: true, ready: false },
        WaitCondition::Ready => Demand { healthy: false, ready: true },
        WaitCondition::Completed => Demand::default(),
    }
}

/// What a container's status means for a wait; nothing while it is open.
fn verdict(condition: WaitCondition, status: &Status) -> Option<Result<(), WaitFailure>> {
    let passed = match condition {
        WaitCondition::Healthy => status.healthy,
        WaitCondition::Ready => status.ready,
        WaitCondition::Completed => status.completed,
    };
    if passed {
        return Some(Ok(()));
    }
    if let Some(failure) = &status.failed {
        return Some(Err(failure.clone()));
    }
    match (condition, status.ended) {
        // A job that nobody waits for by name: it did what it was there for.
        (WaitCondition::Ready, Some(ended)) if ended.code == 0 && !ended.oom => Some(Ok(())),
        (_, Some(ended)) => Some(Err(WaitFailure::Exited { code: ended.code, oom: ended.oom })),
        (WaitCondition::Healthy, None) if status.no_healthcheck => Some(Err(WaitFailure::NoHealthcheck)),
        (_, None) => None,
    }
}

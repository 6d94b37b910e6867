//! Watches one container for all who wait for it: one inspect, then events, and vv's own questions.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::activity::Activity;
use super::events::{EventHub, Listener, Signal};
use super::healthcheck::{HealthTest, TestFailure, Verdict};
use super::protocol;
use super::wait::{ReadyCheck, WaitFailure};
use crate::engine::{ContainerDetails, ContainerEventKind, Engine, EngineError};
use crate::plan::observed::{ContainerState, Health};
use crate::probe::ProbeFailure;
use crate::stack::model::RestartPolicy;

/// So many restarts are a loop when nothing else is coming up that could end them.
const LOOP_ALONE: u64 = 3;
/// So many are one in any case. The engine's pauses double from 100 ms, so this takes half a minute.
const LOOP_AMONG_OTHERS: u64 = 8;
/// How long a container must run after it was restarted before it counts as running.
const SETTLE_AFTER_RESTART: Duration = Duration::from_secs(1);
/// How long a container that the engine would restart must run at least: its end would show nowhere.
const SETTLE_RESTARTING: Duration = Duration::from_millis(500);
/// The longest that vv waits for the engine to renew an old verdict of unhealthy.
const LONGEST_PATIENCE: Duration = Duration::from_secs(30);

/// What is wanted of a container; only this is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Demand {
    pub healthy: bool,
    pub ready: bool,
}

/// How far a container is.
#[derive(Debug, Clone, Default)]
pub(super) struct Status {
    /// What it waits for, in words.
    pub said: String,
    /// What to do about that, where it is known.
    pub hint: Option<String>,
    /// Its healthcheck has passed.
    pub healthy: bool,
    /// There is no healthcheck that could pass.
    pub no_healthcheck: bool,
    /// It has passed everything, in the run that goes on.
    pub ready: bool,
    /// A run of it has ended with 0.
    pub completed: bool,
    /// It has ended and isn't restarted.
    pub ended: Option<Ended>,
    /// It can't become what is wanted.
    pub failed: Option<WaitFailure>,
}

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub code: i64,
    pub oom: bool,
}

/// What all monitors of an execution share.
pub(super) struct Context {
    pub engine: Arc<dyn Engine>,
    pub ready: Arc<dyn ReadyCheck>,
    pub hub: EventHub,
    pub activity: Arc<Activity>,
    /// How long a container without any check must have run.
    pub settle: Duration,
    /// Told of containers that end badly, whether or not they had been ready before.
    pub deaths: mpsc::UnboundedSender<(String, WaitFailure)>,
}

/// Watches one container.
pub(super) struct Monitor {
    pub context: Arc<Context>,
    pub service: String,
    pub container: String,
    pub demand: watch::Receiver<Demand>,
    pub status: watch::Sender<Status>,
}

/// What its state means for those who wait.
enum Judgement {
    /// It runs.
    Up,
    /// It is between two runs.
    BetweenRuns,
    /// It has ended for good.
    Over(Ended),
}

/// What was seen of the container over its runs.
#[derive(Default)]
struct History {
    /// Its count of restarts before this execution had to do with it: the engine sets it to zero at a start.
    restarts_before: Option<u64>,
    /// The exit code of the last run that ended.
    last_code: Option<i64>,
    /// Restarts since then.
    restarts: u64,
}

impl Monitor {
    /// Watches until it has ended, or for ever.
    pub(super) async fn run(self) {
        self.context.activity.comes_up(&self.container);
        let failure = match self.watch().await {
            Ok(ended) => {
                self.status.send_modify(|status| {
                    status.completed |= ended.code == 0;
                    status.ended = Some(ended);
                });
                WaitFailure::Exited { code: ended.code, oom: ended.oom }
            }
            Err(failure) => {
                self.status.send_modify(|status| status.failed = Some(failure.clone()));
                failure
            }
        };
        if matches!(failure, WaitFailure::Exited { code: 0, oom: false }) {
            self.context.activity.has_passed(&self.container);
        } else {
            self.context.activity.is_stuck(&self.container);
            let _ = self.context.deaths.send((self.container, failure));
        }
    }

    async fn watch(&self) -> Result<Ended, WaitFailure> {
        // Listening begins before the look, so that nothing falls between.
        let mut listener = self.context.hub.subscribe();
        let mut details = self.inspect().await?;
        let mut history = History::default();
        loop {
            details = match self.judge(&details, &mut history)? {
                Judgement::Up => self.live(&details, &mut listener, &mut history).await?,
                Judgement::BetweenRuns => {
                    self.context.activity.is_stuck(&self.container);
                    self.say(history.restarting());
                    self.until_changed(&details.id, &mut listener, &mut history).await?;
                    self.inspect().await?
                }
                Judgement::Over(ended) => return Ok(ended),
            };
        }
    }

    async fn inspect(&self) -> Result<ContainerDetails, WaitFailure> {
        let details = self.context.engine.inspect(&self.container).await;
        details.map_err(|error| match error {
            EngineError::NotFound { .. } => WaitFailure::Stopped("is gone"),
            error => WaitFailure::Engine(error),
        })
    }

    fn judge(&self, details: &ContainerDetails, history: &mut History) -> Result<Judgement, WaitFailure> {
        let first_look = history.restarts_before.is_none();
        let started_here = self.context.activity.start_of(&self.container).is_some();
        let at_first = if started_here { 0 } else { details.restarts };
        let before = *history.restarts_before.get_or_insert(at_first);
        history.restarts = details.restarts.saturating_sub(before);
        match details.state {
            ContainerState::Exited(code) => {
                return Ok(Judgement::Over(Ended { code, oom: details.oom_killed }));
            }
            ContainerState::Paused => return Err(WaitFailure::Stopped("is paused")),
            ContainerState::Created => return Err(WaitFailure::Stopped("was never started")),
            ContainerState::Removing | ContainerState::Dead => return Err(WaitFailure::Stopped("is gone")),
            ContainerState::Running | ContainerState::Restarting => {}
        }
        if details.oom_killed && details.state == ContainerState::Restarting {
            let code = history.last_code.unwrap_or(137);
            return Err(WaitFailure::Exited { code, oom: true });
        }
        // One that is met between two runs has been at it for a while: the engine's pauses are short at first.
        let met_looping = first_look
            && details.state == ContainerState::Restarting
            && details.restarts >= LOOP_ALONE
            && self.context.activity.is_settled(&self.container, Duration::ZERO);
        if met_looping || self.is_loop(details.spec.restart, history.restarts) {
            return Err(WaitFailure::RestartLoop { restarts: details.restarts, code: history.last_code });
        }
        match details.state {
            ContainerState::Restarting => Ok(Judgement::BetweenRuns),
            _ => Ok(Judgement::Up),
        }
    }

    fn is_loop(&self, policy: RestartPolicy, restarts: u64) -> bool {
        let demand = *self.demand.borrow();
        let job = !demand.healthy && !demand.ready;
        match policy {
            // A job with a limit of its own has the right to use it up.
            RestartPolicy::OnFailure(Some(_)) if job => false,
            _ if job || self.context.activity.others_come_up(&self.container) => {
                restarts >= LOOP_AMONG_OTHERS
            }
            _ => restarts >= LOOP_ALONE,
        }
    }

    /// Follows one run; what an inspect says once it has ended.
    async fn live(
        &self,
        details: &ContainerDetails,
        listener: &mut Listener,
        history: &mut History,
    ) -> Result<ContainerDetails, WaitFailure> {
        let (verdict, verdicts) = watch::channel(verdict_of(details.health, true));
        let work = self.ask(details, verdicts, history.restarts > 0);
        tokio::pin!(work);
        let mut asking = true;
        loop {
            let signal = tokio::select! {
                biased;
                signal = listener.next(&details.id) => signal,
                result = &mut work, if asking => {
                    result?;
                    asking = false;
                    continue;
                }
            };
            let kind = match signal {
                Signal::Lost(error) => return Err(WaitFailure::Engine(error)),
                Signal::Missed => None,
                Signal::Event(event) => match &event.kind {
                    ContainerEventKind::Health(health) => {
                        verdict.send_replace(verdict_of(Some(*health), false));
                        continue;
                    }
                    ContainerEventKind::Oom => {
                        self.say("a process in it was killed for lack of memory".to_owned());
                        continue;
                    }
                    ContainerEventKind::Died(code) => Some(*code),
                    ContainerEventKind::Removed | ContainerEventKind::Paused => None,
                    ContainerEventKind::Created
                    | ContainerEventKind::Started
                    | ContainerEventKind::Unpaused
                    | ContainerEventKind::Other(_) => continue,
                },
            };
            let now = self.inspect().await?;
            if now.state == ContainerState::Running && now.started_at == details.started_at {
                // News of an earlier run, or a gap in the stream without consequences.
                if kind.is_none() {
                    verdict.send_replace(verdict_of(now.health, false));
                }
                continue;
            }
            if let Some(code) = kind {
                history.last_code = Some(code);
                self.status.send_modify(|status| status.completed |= code == 0);
            }
            // What was proven, was proven of that run.
            self.status.send_modify(|status| (status.healthy, status.ready) = (false, false));
            return Ok(now);
        }
    }

    /// Waits until there is a reason to look again.
    async fn until_changed(
        &self,
        id: &str,
        listener: &mut Listener,
        history: &mut History,
    ) -> Result<(), WaitFailure> {
        loop {
            match listener.next(id).await {
                Signal::Lost(error) => return Err(WaitFailure::Engine(error)),
                Signal::Missed => return Ok(()),
                Signal::Event(event) => match event.kind {
                    ContainerEventKind::Died(code) => {
                        history.last_code = Some(code);
                        self.status.send_modify(|status| status.completed |= code == 0);
                        return Ok(());
                    }
                    ContainerEventKind::Started | ContainerEventKind::Removed => return Ok(()),
                    _ => {}
                },
            }
        }
    }

    /// Asks a running container what is demanded of it, as it is demanded. Events decide over its end.
    async fn ask(
        &self,
        details: &ContainerDetails,
        mut verdicts: watch::Receiver<Verdict>,
        restarted: bool,
    ) -> Result<(), WaitFailure> {
        self.demanded(|demand| demand.healthy || demand.ready).await;
        let test = details.healthcheck.as_ref().and_then(|healthcheck| {
            let test = HealthTest::new(Arc::clone(&self.context.engine), details)?;
            Some((test, (healthcheck.interval + healthcheck.timeout).min(LONGEST_PATIENCE)))
        });
        match &test {
            None => {
                self.status.send_modify(|status| status.no_healthcheck = true);
            }
            Some((test, patience)) => {
                let old_verdict = details.health == Some(Health::Unhealthy);
                if old_verdict {
                    self.context.activity.is_stuck(&self.container);
                }
                let hopeless = || old_verdict && self.context.activity.is_settled(&self.container, *patience);
                let patient_until = details.healthcheck.as_ref().map(|check| check.start_period);
                let lacking = |lasted: Duration| {
                    let believed = protocol::is_believed(&self.context.activity, &self.container, lasted);
                    believed && patient_until.is_none_or(|start_period| lasted >= start_period)
                };
                let say = |said| self.say(said);
                let passed = test.until_passed(&mut verdicts, hopeless, lacking, say).await;
                passed.map_err(|failure| match failure {
                    TestFailure::Unhealthy(said) => WaitFailure::Unhealthy(said),
                    TestFailure::Lacking(said) => WaitFailure::NeverReady(lacking_program(&said)),
                    TestFailure::Engine(error) => WaitFailure::Engine(error),
                })?;
                self.status.send_modify(|status| status.healthy = true);
            }
        }
        if !self.demand.borrow().ready {
            self.context.activity.has_passed(&self.container);
            self.demanded(|demand| demand.ready).await;
            self.context.activity.comes_up(&self.container);
        }
        if test.is_none() {
            self.settle(details.spec.restart, restarted).await;
        }
        let say = |failure: ProbeFailure| self.say_with(failure.detail, failure.hint);
        protocol::until_answered(&self.context, &self.service, &self.container, say).await?;
        self.context.activity.has_passed(&self.container);
        self.status.send_modify(|status| status.ready = true);
        Ok(())
    }

    /// What ends at once has ended by then; where nothing else can be asked, that is all the proof there is.
    async fn settle(&self, policy: RestartPolicy, restarted: bool) {
        let settle = match policy {
            RestartPolicy::No => self.context.settle,
            _ => self.context.settle.max(SETTLE_RESTARTING),
        };
        let pause = match self.context.activity.start_of(&self.container) {
            _ if restarted => SETTLE_AFTER_RESTART,
            Some(start) => start.left_of(settle),
            None => Duration::ZERO,
        };
        sleep(pause).await;
    }

    async fn demanded(&self, wanted: impl Fn(&Demand) -> bool) {
        let mut demand = self.demand.clone();
        if demand.wait_for(|demand| wanted(demand)).await.is_err() {
            // Nobody can demand anything any more.
            std::future::pending::<()>().await;
        }
    }

    fn say(&self, said: String) {
        self.say_with(said, None);
    }

    fn say_with(&self, said: String, hint: Option<String>) {
        self.status.send_if_modified(|status| {
            let changed = status.said != said;
            (status.said, status.hint) = (said, hint);
            changed
        });
    }
}

impl History {
    fn restarting(&self) -> String {
        let ended = self.last_code.map_or("ended".to_owned(), |code| format!("exited with code {code}"));
        match self.restarts {
            0 => format!("{ended}, restarting"),
            restarts => format!("{ended}, restarting ({restarts})"),
        }
    }
}

fn lacking_program(said: &str) -> ProbeFailure {
    ProbeFailure::lasting(format!("its healthcheck can't be run: {said}"))
        .hint("let the healthcheck name a command that the image has; one that is installed first needs a start_period")
}

/// What the engine's word counts for. An unhealthy one from before vv looked may be out of date.
fn verdict_of(health: Option<Health>, from_before: bool) -> Verdict {
    match health {
        Some(Health::Healthy) => Verdict::Healthy,
        Some(Health::Unhealthy) if !from_before => Verdict::Unhealthy,
        Some(Health::Unhealthy | Health::Starting) | None => Verdict::Open,
    }
}

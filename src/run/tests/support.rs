//! Plans, an engine and a reporter for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::engine::memory::MemoryEngine;
use crate::plan::operation::{Action, Cause, Operation, OperationId, Plan, Target, WaitCondition, WaitFor};
use crate::plan::spec::{ContainerSpec, CreateContainer};
use crate::probe::ProbeFailure;
use crate::run::event::{Event, Reporter};
use crate::run::{ExecuteOptions, Outcome, ReadyCheck, RunError, execute};
use crate::stack::model::{Healthcheck, RestartPolicy, Test};

pub(super) const PROJECT: &str = "shop";

pub(super) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Everything that a run needs.
pub(super) struct Bench {
    pub engine: MemoryEngine,
    pub recorder: Recorder,
    pub options: ExecuteOptions,
    pub interrupt: CancellationToken,
    pub ready: Arc<ScriptedReady>,
    begun: Instant,
}

impl Bench {
    pub fn new() -> Self {
        let engine = MemoryEngine::new();
        engine.add_image("app");
        Self {
            engine,
            recorder: Recorder::default(),
            options: ExecuteOptions::new(PROJECT),
            interrupt: CancellationToken::new(),
            ready: Arc::default(),
            begun: Instant::now(),
        }
    }

    pub async fn run(&self, plan: &Steps) -> Result<Outcome, RunError> {
        let (engine, ready) = (Arc::new(self.engine.clone()), Arc::clone(&self.ready));
        let plan = Plan { operations: plan.operations.clone(), notes: Vec::new() };
        *self.recorder.begun.lock().unwrap() = Some(Instant::now());
        execute(&plan, engine, ready, &self.recorder, &self.options, &self.interrupt).await
    }

    /// Since this bench was made.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Does something after a while, beside the run.
    pub fn later(&self, after: Duration, act: impl FnOnce(&MemoryEngine) + Send + 'static) {
        let engine = self.engine.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            act(&engine);
        });
    }
}

/// A plan that is written down step by step.
#[derive(Default)]
pub(super) struct Steps {
    pub operations: Vec<Operation>,
}

impl Steps {
    pub fn add(&mut self, action: Action, target: Target, after: &[OperationId]) -> OperationId {
        self.operations.push(Operation { action, target, cause: Cause::Missing, after: after.to_vec() });
        self.operations.len() - 1
    }

    pub fn pull(&mut self, image: &str, after: &[OperationId]) -> OperationId {
        let action = Action::PullImage { image: image.to_owned(), platform: None };
        self.add(action, Target::Image(image.to_owned()), after)
    }

    pub fn build(&mut self, image: &str, after: &[OperationId]) -> OperationId {
        let action = Action::BuildImage { image: image.to_owned(), build: Box::default() };
        self.add(action, Target::Image(image.to_owned()), after)
    }

    pub fn create(&mut self, spec: ContainerSpec, service: &str, after: &[OperationId]) -> OperationId {
        let name = name(service);
        let labels = BTreeMap::from([
            ("com.docker.compose.project".to_owned(), PROJECT.to_owned()),
            ("com.docker.compose.service".to_owned(), service.to_owned()),
        ]);
        let request = CreateContainer {
            name: name.clone(),
            service: service.to_owned(),
            spec: ContainerSpec { image: "app".to_owned(), ..spec },
            labels,
            service_alias: true,
            cached: Vec::new(),
        };
        let target = Target::Container { service: service.to_owned(), name };
        self.add(Action::CreateContainer(Box::new(request)), target, after)
    }

    pub fn start(&mut self, service: &str, after: &[OperationId]) -> OperationId {
        let target = Target::Container { service: service.to_owned(), name: name(service) };
        self.add(Action::StartContainer(name(service)), target, after)
    }

    pub fn stop(&mut self, service: &str, after: &[OperationId]) -> OperationId {
        let target = Target::Container { service: service.to_owned(), name: name(service) };
        self.add(Action::StopContainer { container: name(service), timeout: None }, target, after)
    }

    pub fn wait(&mut self, service: &str, condition: WaitCondition, after: &[OperationId]) -> OperationId {
        self.wait_for(
            WaitFor {
                service: service.to_owned(),
                containers: vec![name(service)],
                condition,
                required: true,
            },
            after,
        )
    }

    pub fn wait_for(&mut self, wait: WaitFor, after: &[OperationId]) -> OperationId {
        let target = Target::Service(wait.service.clone());
        self.add(Action::Wait(wait), target, after)
    }

    /// Creates and starts a service's container; the start's id.
    pub fn up(&mut self, service: &str, spec: ContainerSpec, after: &[OperationId]) -> OperationId {
        let created = self.create(spec, service, after);
        self.start(service, &[created])
    }
}

/// One service that is created, started and waited for.
pub(super) fn one(spec: ContainerSpec, condition: WaitCondition) -> Steps {
    let mut steps = Steps::default();
    let started = steps.up("web", spec, &[]);
    steps.wait("web", condition, &[started]);
    steps
}

pub(super) fn name(service: &str) -> String {
    format!("{PROJECT}-{service}-1")
}

/// A container with a healthcheck that the engine runs every 30 s.
pub(super) fn checked() -> ContainerSpec {
    checked_every(secs(30))
}

pub(super) fn checked_every(interval: Duration) -> ContainerSpec {
    let healthcheck = Healthcheck {
        test: Some(Test::Shell("check".to_owned())),
        interval: Some(interval),
        timeout: Some(secs(5)),
        retries: Some(3),
        start_period: None,
        start_interval: None,
    };
    ContainerSpec { healthcheck: Some(healthcheck), ..ContainerSpec::default() }
}

pub(super) fn restarting(restart: RestartPolicy) -> ContainerSpec {
    ContainerSpec { restart, ..ContainerSpec::default() }
}

/// Writes events down, as `1.5s started 0`.
#[derive(Default)]
pub(super) struct Recorder {
    begun: Mutex<Option<Instant>>,
    lines: Mutex<Vec<String>>,
}

impl Recorder {
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// The events with this word, without their times.
    pub fn with(&self, word: &str) -> Vec<String> {
        let lines = self.lines();
        let events = lines.iter().filter_map(|line| line.split_once(' ')).map(|(_, event)| event);
        events.filter(|event| event.starts_with(word)).map(str::to_owned).collect()
    }
}

impl Reporter for Recorder {
    fn begin(&self, operations: &[Operation]) {
        self.lines.lock().unwrap().push(format!("begin {}", operations.len()));
    }

    fn event(&self, event: Event) {
        let begun = *self.begun.lock().unwrap();
        let at = begun.map(|begun| begun.elapsed()).unwrap_or_default();
        let text = match event {
            Event::Started { id } => format!("started {id}"),
            Event::Progress { id, message, .. } => format!("progress {id} {message}"),
            Event::Done { id, took } => format!("done {id} in {took:?}"),
            Event::Warned { id, message } => format!("warned {id} {message}"),
            Event::Failed { id, message } => format!("failed {id} {message}"),
            Event::Cancelled { id } => format!("cancelled {id}"),
        };
        self.lines.lock().unwrap().push(format!("{at:?} {text}"));
    }

    fn interrupted(&self, left: &[OperationId]) {
        self.lines.lock().unwrap().push(format!("- interrupted {left:?}"));
    }

    fn end(&self) {
        self.lines.lock().unwrap().push("end".to_owned());
    }
}

/// Services answer after a while from the first question; what isn't scripted answers at once.
#[derive(Default)]
pub(super) struct ScriptedReady {
    pub after: Mutex<BTreeMap<String, Duration>>,
    /// What a service that isn't ready says from so long after the first question on.
    pub refusals: Mutex<BTreeMap<String, (Duration, ProbeFailure)>>,
    first_asked: Mutex<BTreeMap<String, Instant>>,
    pub asked: Mutex<Vec<String>>,
}

#[async_trait]
impl ReadyCheck for ScriptedReady {
    async fn protocol(&self, service: &str, container: &str) -> Result<(), ProbeFailure> {
        self.asked.lock().unwrap().push(container.to_owned());
        let first = *self.first_asked.lock().unwrap().entry(service.to_owned()).or_insert_with(Instant::now);
        if let Some(after) = self.after.lock().unwrap().get(service)
            && first.elapsed() < *after
        {
            let refused = self.refusals.lock().unwrap().get(service).cloned();
            return match refused {
                Some((from, failure)) if first.elapsed() >= from => Err(failure),
                _ => Err(ProbeFailure::new(format!("{service}: no leader yet"))),
            };
        }
        Ok(())
    }
}

/// What failed, in a line each, with hints and last lines.
pub(super) fn described(error: &RunError) -> String {
    let failures = match error {
        RunError::Failed(failures) => failures,
        RunError::Interrupted(what) => &what.failures,
        RunError::Engine(error) => return error.to_string(),
    };
    let lines = failures.iter().flat_map(|failure| {
        let head = format!("{}: could not {}: {}", failure.id, failure.attempt, failure.cause);
        let last = failure.last_lines.iter().map(|line| format!("   | {line}"));
        let hints = failure.hints.iter().map(|hint| format!("   hint: {hint}"));
        std::iter::once(head).chain(last).chain(hints).collect::<Vec<_>>()
    });
    lines.collect::<Vec<_>>().join("\n")
}

//! Progress where there is no terminal: a line, or a JSON object, per event.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::json;

use super::lasting::Lasting;
use super::{short_duration, write_stderr};
use crate::plan::operation::{Action, Operation, OperationId, WaitCondition};
use crate::run::event::{Event, Reporter};

/// Says nothing.
pub struct Silent;

impl Reporter for Silent {
    fn begin(&self, _: &[Operation]) {}
    fn event(&self, _: Event) {}
    fn end(&self) {}
}

/// A line per finished operation, with the time since the beginning; and now and then one for what takes long.
pub struct Plain {
    verbose: bool,
    state: Mutex<State>,
}

struct State {
    begun: Instant,
    operations: Vec<Operation>,
    lasting: Lasting,
    /// What was said already.
    warned: BTreeSet<String>,
}

impl State {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            operations: Vec::new(),
            lasting: Lasting::default(),
            warned: BTreeSet::new(),
        }
    }

    fn line(&self, line: &str) {
        let seconds = self.begun.elapsed().as_secs_f64();
        write_stderr(format_args!("[{seconds:6.1}s] {line}"));
    }

    /// Keeps in mind what is under way.
    fn note(&mut self, event: &Event) {
        let now = Instant::now();
        match event {
            Event::Started { id } => {
                if let Some(operation) = self.operations.get(*id) {
                    self.lasting.begins(*id, operation, now);
                }
            }
            Event::Progress { id, message, .. } => self.lasting.goes_on(*id, message),
            Event::Done { id, .. }
            | Event::Warned { id, .. }
            | Event::Failed { id, .. }
            | Event::Cancelled { id } => self.lasting.ends(*id),
        }
    }
}

impl Plain {
    /// `verbose` also tells beginnings, and what is waited for as soon as it changes.
    pub fn new(verbose: bool) -> Self {
        Self { verbose, state: Mutex::new(State::new()) }
    }
}

impl Reporter for Plain {
    fn begin(&self, operations: &[Operation]) {
        let mut state = lock(&self.state);
        state.begun = Instant::now();
        state.operations = operations.to_vec();
    }

    fn event(&self, event: Event) {
        let mut state = lock(&self.state);
        state.note(&event);
        let State { operations, warned, .. } = &mut *state;
        let of = |id: OperationId| operations.get(id);
        let line = match &event {
            Event::Started { id } if self.verbose => {
                of(*id).map(|operation| format!("{}…", phrase(operation)))
            }
            Event::Progress { id, message, .. } if self.verbose => {
                of(*id).map(|operation| format!("{}: {message}", operation.target))
            }
            Event::Started { .. } | Event::Progress { .. } | Event::Cancelled { .. } => None,
            Event::Done { id, took } => of(*id)
                .filter(|operation| self.verbose || is_worth_a_line(&operation.action))
                .map(|operation| {
                    format!("{} {} ({})", operation.target, past(&operation.action), short_duration(*took))
                }),
            // Several waits may be for the same service.
            Event::Warned { message, .. } => {
                warned.insert(message.clone()).then(|| format!("warning: {message}"))
            }
            Event::Failed { id, message } => {
                of(*id).map(|operation| format!("{} failed: {message}", operation.target))
            }
        };
        if let Some(line) = line {
            state.line(&line);
        }
        if let Event::Progress { id, .. } = &event
            && self.verbose
        {
            state.lasting.was_shown(*id, Instant::now());
        }
    }

    fn interrupted(&self, left: &[OperationId]) {
        let state = lock(&self.state);
        state.line(&waiting_for(&state.operations, left));
    }

    fn tick(&self) {
        let mut state = lock(&self.state);
        for line in state.lasting.due(Instant::now()) {
            state.line(&line);
        }
    }

    fn end(&self) {}
}

/// What is said at an interrupt while these have to end.
pub(super) fn waiting_for(operations: &[Operation], left: &[OperationId]) -> String {
    let targets =
        left.iter().filter_map(|id| operations.get(*id)).map(|operation| operation.target.to_string());
    let targets: BTreeSet<String> = targets.collect();
    let names = targets.iter().map(String::as_str).collect();
    format!("interrupted; waiting for {} (Ctrl-C again leaves at once)", enumerated(&names))
}

/// `a, b, c and 2 more`
pub(super) fn enumerated(names: &BTreeSet<&str>) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = names.iter().copied().take(SHOWN).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A JSON object per event on stderr.
pub struct Json {
    state: Mutex<State>,
}

impl Json {
    /// A new one.
    #[expect(
        clippy::new_without_default,
        reason = "a default reporter would suggest that it has no beginning"
    )]
    pub fn new() -> Self {
        Self { state: Mutex::new(State::new()) }
    }
}

impl Reporter for Json {
    fn begin(&self, operations: &[Operation]) {
        let mut state = lock(&self.state);
        state.begun = Instant::now();
        state.operations = operations.to_vec();
    }

    fn event(&self, event: Event) {
        let state = lock(&self.state);
        let (id, kind, extra) = match &event {
            Event::Started { id } => (*id, "started", json!({})),
            Event::Progress { id, message, bytes } => {
                (*id, "progress", json!({"message": message, "bytes": bytes}))
            }
            Event::Done { id, took } => {
                (*id, "done", json!({"ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX)}))
            }
            Event::Warned { id, message } => (*id, "warned", json!({"message": message})),
            Event::Failed { id, message } => (*id, "failed", json!({"message": message})),
            Event::Cancelled { id } => (*id, "cancelled", json!({})),
        };
        let Some(operation) = state.operations.get(id) else { return };
        let mut object = json!({
            "schema": "vv.event/1",
            "at_ms": u64::try_from(state.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            "event": kind,
            "id": id,
            "action": operation.action.name(),
            "target": operation.target.to_string(),
        });
        if let (Some(object), Some(extra)) = (object.as_object_mut(), extra.as_object()) {
            object.extend(extra.clone());
        }
        write_stderr(format_args!("{object}"));
    }

    fn interrupted(&self, left: &[OperationId]) {
        let state = lock(&self.state);
        let left = left.iter().filter_map(|id| state.operations.get(*id));
        let targets: Vec<String> = left.map(|operation| operation.target.to_string()).collect();
        let at = u64::try_from(state.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let object = json!({
            "schema": "vv.event/1", "at_ms": at, "event": "interrupted", "waiting_for": targets,
        });
        write_stderr(format_args!("{object}"));
    }

    fn end(&self) {}
}

/// A poisoned lock means that another thread panicked while printing; what it guards is still good enough to print.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Steps on the way that nobody reads about unless they take long.
fn is_worth_a_line(action: &Action) -> bool {
    !matches!(
        action,
        Action::CreateContainer(_)
            | Action::CopyFiles { .. }
            | Action::ConnectNetwork { .. }
            | Action::RenameContainer { .. }
    )
}

/// `creating container shop-web-1`, `waiting until service db is ready`
fn phrase(operation: &Operation) -> String {
    match &operation.action {
        Action::Wait(wait) => {
            let what = match wait.condition {
                WaitCondition::Healthy => "is healthy",
                WaitCondition::Completed => "has completed",
                WaitCondition::Ready => "is ready",
            };
            format!("waiting until {} {what}", operation.target)
        }
        Action::Targets(_) => format!("telling the gateway of {}", operation.target),
        action => format!("{} {}", present(action), operation.target),
    }
}

/// What goes on, for a line that already names the target.
pub(super) fn present(action: &Action) -> &'static str {
    match action {
        Action::PullImage { .. } => "pulling",
        Action::BuildImage { .. } | Action::BuildStub { .. } => "building",
        Action::CreateNetwork(_) | Action::CreateVolume(_) | Action::CreateContainer(_) => "creating",
        Action::RemoveNetwork(_) | Action::RemoveVolume(_) | Action::RemoveContainer { .. } => "removing",
        Action::CopyFiles { .. } => "configuring",
        Action::ConnectNetwork { .. } => "connecting",
        Action::StartContainer(_) => "starting",
        Action::StopContainer { .. } => "stopping",
        Action::RestartContainer { .. } => "restarting",
        Action::RenameContainer { .. } => "renaming",
        Action::Apply(_) => "applying",
        Action::Targets(_) => "telling the gateway",
        Action::Wait(wait) => match wait.condition {
            WaitCondition::Completed => "waiting until completed",
            WaitCondition::Healthy => "waiting until healthy",
            WaitCondition::Ready => "waiting until ready",
        },
    }
}

/// What has been done.
pub(super) fn past(action: &Action) -> &'static str {
    match action {
        Action::PullImage { .. } => "pulled",
        Action::BuildImage { .. } | Action::BuildStub { .. } => "built",
        Action::CreateNetwork(_) | Action::CreateVolume(_) | Action::CreateContainer(_) => "created",
        Action::RemoveNetwork(_) | Action::RemoveVolume(_) | Action::RemoveContainer { .. } => "removed",
        Action::CopyFiles { .. } => "configured",
        Action::ConnectNetwork { .. } => "connected",
        Action::StartContainer(_) => "started",
        Action::StopContainer { .. } => "stopped",
        Action::RestartContainer { .. } => "restarted",
        Action::RenameContainer { .. } => "renamed",
        Action::Apply(_) => "applied",
        Action::Targets(_) => "told to the gateway",
        Action::Wait(wait) => match wait.condition {
            WaitCondition::Completed => "completed",
            WaitCondition::Healthy => "healthy",
            WaitCondition::Ready => "ready",
        },
    }
}

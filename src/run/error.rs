//! What came of a plan, and what went wrong, in the user's words.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::images;
use super::wait::{FailedContainer, WaitFailure};
use crate::engine::EngineError;
use crate::failure::{Failure, Kind};
use crate::plan::images::ImageUse;
use crate::plan::operation::{Action, Operation, OperationId, Target, WaitCondition};

/// A plan that was carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many operations were carried out.
    pub done: usize,
    /// What failed without being required.
    pub warnings: Vec<String>,
    /// What systems were told and stays as it is, to be known.
    pub notes: Vec<String>,
    /// How long all of it took.
    pub took: Duration,
}

/// A plan that wasn't carried out to its end.
#[derive(Debug)]
pub enum RunError {
    /// The engine's events can't be had; nothing was begun.
    Engine(EngineError),
    /// Operations failed. The rest was not begun or given up.
    Failed(Vec<OperationFailure>),
    /// The user interrupted.
    Interrupted(Interruption),
}

/// An operation that failed.
#[derive(Debug)]
pub struct OperationFailure {
    /// Which.
    pub id: OperationId,
    /// What it was, in words that follow "could not": `start shop-web-1`.
    pub attempt: String,
    /// Why.
    pub cause: FailureCause,
    /// The last lines of output of the container or build step concerned, if any.
    pub last_lines: Vec<String>,
    /// What to type or change.
    pub hints: Vec<String>,
    /// The image that it was about, if any.
    pub image: Option<FailedImage>,
}

/// An image that was to be pulled or built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedImage {
    /// Its reference.
    pub name: String,
    /// Pulled, and not built.
    pub pulled: bool,
    /// Who wants it.
    pub wanted: ImageUse,
}

impl FailedImage {
    /// What an operation is about, where that is an image.
    pub(super) fn of(operation: &Operation, uses: &BTreeMap<String, ImageUse>) -> Option<Self> {
        let (name, pulled) = match &operation.action {
            Action::PullImage { image, .. } => (image, true),
            Action::BuildImage { image, .. } => (image, false),
            _ => return None,
        };
        let wanted = uses.get(name).cloned().unwrap_or_default();
        Some(Self { name: name.clone(), pulled, wanted })
    }
}

/// Why an operation failed.
#[derive(Debug)]
pub enum FailureCause {
    /// The engine refused.
    Engine(EngineError),
    /// A system refused what it was told.
    Backend(BackendError),
    /// A container won't become what was waited for.
    Wait {
        /// The service that was waited for.
        service: String,
        /// The containers, each with its reason; at least one.
        containers: Vec<FailedContainer>,
    },
}

/// A system that refused what it was told, or didn't answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendError {
    /// Whose fault it is; decides the exit code.
    pub kind: Kind,
    /// What it said, never a secret.
    pub message: String,
    /// What to type or change.
    pub hints: Vec<String>,
}

impl BackendError {
    /// Of several things that were refused: the first is told, and how many more there are.
    pub fn of_all(kind: Kind, told: &[String], hint: &str) -> Self {
        let message = match told {
            [one] => one.clone(),
            many => format!(
                "{} (and {} more)",
                many.first().cloned().unwrap_or_default(),
                many.len().saturating_sub(1)
            ),
        };
        Self { kind, message, hints: vec![hint.to_owned()] }
    }
}

/// What an interrupt left.
#[derive(Debug, Default)]
pub struct Interruption {
    /// How many operations were done.
    pub done: usize,
    /// How many were not begun or given up.
    pub left: usize,
    /// The containers of the project that run now; nothing when the engine wouldn't say.
    pub running: Option<Vec<String>>,
    /// What failed before or while the last operations ended.
    pub failures: Vec<OperationFailure>,
}

impl OperationFailure {
    /// The container whose output may say more.
    pub(super) fn container(&self) -> Option<&str> {
        match &self.cause {
            FailureCause::Wait { containers, .. } => {
                containers.first().map(|failed| failed.container.as_str())
            }
            FailureCause::Engine(_) | FailureCause::Backend(_) => None,
        }
    }

    fn is_timeout(&self) -> bool {
        let timed_out = |failed: &FailedContainer| matches!(failed.failure, WaitFailure::TimedOut { .. });
        matches!(&self.cause, FailureCause::Wait { containers, .. } if containers.iter().all(timed_out))
    }

    fn unreachable(&self) -> Option<&EngineError> {
        let error = match &self.cause {
            FailureCause::Engine(error) => error,
            FailureCause::Backend(_) => return None,
            FailureCause::Wait { containers, .. } => match &containers.first()?.failure {
                WaitFailure::Engine(error) => error,
                _ => return None,
            },
        };
        matches!(error, EngineError::Unreachable { .. }).then_some(error)
    }

    /// In a line or two: what failed and why.
    fn summary(&self) -> String {
        match &self.cause {
            FailureCause::Engine(error) => match self.image.as_ref().and_then(|image| image.wanted.whose()) {
                Some(whose) => format!("{whose}: {error}"),
                None => error.to_string(),
            },
            FailureCause::Backend(error) => format!("could not {}: {}", self.attempt, error.message),
            FailureCause::Wait { service, containers } => {
                format!("service {service} is not ready: {}", reasons(containers))
            }
        }
    }
}

impl fmt::Display for FailedContainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.container, self.failure)
    }
}

impl fmt::Display for FailureCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::Backend(error) => f.write_str(&error.message),
            Self::Wait { containers, .. } => f.write_str(&reasons(containers)),
        }
    }
}

/// `web-1 exited with code 1; web-2 is unhealthy: …`
pub(super) fn reasons(containers: &[FailedContainer]) -> String {
    let reasons: Vec<String> = containers.iter().map(FailedContainer::to_string).collect();
    reasons.join("; ")
}

/// What an operation does, in words that follow "could not".
pub(super) fn attempt(operation: &Operation) -> String {
    let target = match &operation.target {
        Target::Container { name, .. } => name.as_str(),
        Target::Image(name) | Target::Network(name) | Target::Volume(name) | Target::Service(name) => name,
        Target::Declared(what) => what.name(),
    };
    match &operation.action {
        Action::PullImage { .. } => format!("pull image {target}"),
        Action::BuildImage { .. } => format!("build image {target}"),
        Action::BuildStub { .. } => format!("build the stand-in {target}"),
        Action::CreateNetwork(_) => format!("create network {target}"),
        Action::RemoveNetwork(_) => format!("remove network {target}"),
        Action::CreateVolume(_) => format!("create volume {target}"),
        Action::RemoveVolume(_) => format!("remove volume {target}"),
        Action::CreateContainer(_) => format!("create {target}"),
        Action::CopyFiles { .. } => format!("copy files into {target}"),
        Action::ConnectNetwork { network, .. } => format!("connect {target} to network {network}"),
        Action::StartContainer(_) => format!("start {target}"),
        Action::StopContainer { .. } => format!("stop {target}"),
        Action::RestartContainer { .. } => format!("restart {target}"),
        Action::RemoveContainer { .. } => format!("remove {target}"),
        Action::RenameContainer { from, to } => format!("rename {from} to {to}"),
        Action::Apply(_) => format!("apply {target}"),
        Action::Targets(_) => format!("tell the gateway of the replicas of {target}"),
        Action::Wait(wait) => match wait.condition {
            WaitCondition::Healthy => format!("wait until {} is healthy", wait.service),
            WaitCondition::Completed => format!("wait until {} has completed", wait.service),
            WaitCondition::Ready => format!("wait until {} is ready", wait.service),
        },
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::Failed(failures) => {
                let summaries: Vec<String> = failures.iter().map(OperationFailure::summary).collect();
                f.write_str(&summaries.join("; "))
            }
            Self::Interrupted(what) => {
                write!(f, "interrupted: {} of {} operations done", what.done, what.done + what.left)
            }
        }
    }
}

// No `std::error::Error`: as such it would become a failure of no particular kind.
impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Engine(error) => engine_failure(error),
            RunError::Failed(failures) => failed(failures),
            RunError::Interrupted(what) => interrupted(what),
        }
    }
}

fn engine_failure(error: EngineError) -> Failure {
    match error {
        EngineError::Unreachable { message, hints } => {
            hints.into_iter().fold(Failure::new(Kind::EngineUnreachable, message), Failure::hint)
        }
        error => Failure::from_error(Kind::Failed, error.into()),
    }
}

fn failed(mut failures: Vec<OperationFailure>) -> Failure {
    if failures.iter().all(images::is_missing) {
        // Which registry was quicker to say no is chance; the plan has the order of the services.
        failures.sort_by_key(|failure| failure.id);
    }
    if let Some(error) = failures.iter().find_map(OperationFailure::unreachable) {
        return engine_failure(error.clone());
    }
    let timed_out = !failures.is_empty() && failures.iter().all(OperationFailure::is_timeout);
    let of_backend = |failure: &OperationFailure| match &failure.cause {
        FailureCause::Backend(error) => Some(error.kind),
        _ => None,
    };
    let kind = match failures.first().and_then(of_backend) {
        _ if timed_out => Kind::NotReady,
        Some(kind) => kind,
        None => Kind::Failed,
    };
    let message = match failures.as_slice() {
        [one] => one.summary(),
        [first, others @ ..] => format!("{} (and {} more, below)", first.summary(), others.len()),
        [] => "something failed".to_owned(),
    };
    let mut failure = Failure::new(kind, message);
    failure.hints = images::hints(&failures);
    for (index, each) in failures.into_iter().enumerate() {
        if index > 0 {
            failure.details.push(each.summary());
        }
        failure.details.extend(excerpt(&each));
        for hint in each.hints {
            if !failure.hints.contains(&hint) {
                failure.hints.push(hint);
            }
        }
    }
    failure
}

fn excerpt(failure: &OperationFailure) -> Vec<String> {
    if failure.last_lines.is_empty() {
        return Vec::new();
    }
    let whose = failure.container().unwrap_or("this step");
    let title = format!("the last output of {whose}:");
    std::iter::once(title).chain(failure.last_lines.iter().map(|line| format!("  {line}"))).collect()
}

fn interrupted(what: Interruption) -> Failure {
    let message = match what.done + what.left {
        // It came too late to leave anything undone; who waits for the exit code still has to know of it.
        total if what.left == 0 => format!("interrupted: all {total} operations were done"),
        total => format!("interrupted: {} of {total} operations were done", what.done),
    };
    let mut failure = Failure::new(Kind::Interrupted, message);
    failure.details.extend(what.failures.iter().map(OperationFailure::summary));
    failure.details.extend(what.running.map(|running| match running.as_slice() {
        [] => "no container of this project runs".to_owned(),
        running => format!("running: {}", running.join(", ")),
    }));
    if what.left == 0 {
        return failure;
    }
    failure
        .hint("the same command again goes on from here")
        .hint("`vv status` shows what runs, `vv down` removes it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_images_are_named_in_the_plans_order() {
        let missing = |id: OperationId, image: &str| OperationFailure {
            id,
            attempt: format!("pull {image}"),
            cause: FailureCause::Engine(EngineError::NotFound {
                attempt: format!("pull {image}"),
                message: "manifest unknown".to_owned(),
            }),
            last_lines: Vec::new(),
            hints: Vec::new(),
            image: Some(FailedImage { name: image.to_owned(), pulled: true, wanted: ImageUse::default() }),
        };
        let failure = failed(vec![missing(2, "c"), missing(0, "a"), missing(1, "b")]);
        assert!(failure.error.to_string().contains("pull a"), "{}", failure.error);
        let place =
            |image: &str| failure.details.iter().position(|line| line.contains(&format!("pull {image}")));
        assert!(place("b").unwrap() < place("c").unwrap(), "{:?}", failure.details);
    }
}

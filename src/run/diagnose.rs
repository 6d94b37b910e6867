//! What a failure needs to be understood: the container's last words, and what to do.

use std::time::Duration;

use futures_util::StreamExt;

use super::error::{FailureCause, OperationFailure};
use super::ports;
use super::wait::{FailedContainer, WaitFailure};
use crate::engine::{Engine, EngineError, LogQuery};
use crate::probe::said::printable;

/// How many lines of a container's output are shown.
const LAST_LINES: u64 = 20;
/// How many where the service itself answered what is wrong: what it has written is mostly about vv's questions.
const LAST_LINES_OF_ONE_ASKED: u64 = 5;
/// How long looking may take: the failure itself is known already.
const LIMIT: Duration = Duration::from_secs(3);

/// Adds the last output and the hints.
pub(super) async fn diagnose(engine: &dyn Engine, failure: &mut OperationFailure) {
    if let FailureCause::Engine(EngineError::BuildFailed { output, .. }) = &failure.cause {
        failure.last_lines = output.iter().map(|line| printable(line)).collect();
    }
    if let Some(container) = failure.container().map(str::to_owned) {
        let lines = tokio::time::timeout(LIMIT, last_lines(engine, &container, how_many(failure))).await;
        failure.last_lines = lines.unwrap_or_default();
    }
    let hints = tokio::time::timeout(LIMIT, hints(engine, failure)).await;
    failure.hints = hints.unwrap_or_default();
}

/// The containers of a project that run now; nothing when the engine won't say.
pub(super) async fn running(engine: &dyn Engine, project: &str) -> Option<Vec<String>> {
    let containers = tokio::time::timeout(LIMIT, engine.containers(project)).await.ok()?.ok()?;
    let up = containers.into_iter().filter(|container| container.state.is_up());
    let mut names: Vec<String> = up.map(|container| container.name).collect();
    names.sort();
    Some(names)
}

fn how_many(failure: &OperationFailure) -> u64 {
    let asked = |failed: &FailedContainer| matches!(failed.failure, WaitFailure::NeverReady(_));
    match &failure.cause {
        FailureCause::Wait { containers, .. } if containers.first().is_some_and(asked) => {
            LAST_LINES_OF_ONE_ASKED
        }
        _ => LAST_LINES,
    }
}

async fn last_lines(engine: &dyn Engine, container: &str, count: u64) -> Vec<String> {
    let query = LogQuery { tail: Some(count), ..LogQuery::default() };
    let Ok(lines) = engine.logs(container, &query).await else { return Vec::new() };
    let lines = lines.filter_map(|line| std::future::ready(line.ok()));
    lines.map(|line| printable(&String::from_utf8_lossy(&line.line))).collect().await
}

async fn hints(engine: &dyn Engine, failure: &OperationFailure) -> Vec<String> {
    match &failure.cause {
        FailureCause::Engine(EngineError::PortTaken { port, .. }) => {
            let mut hints = Vec::new();
            if let Some(holder) = ports::who_has(engine, port).await {
                hints.push(format!("port {port} is used by {holder}"));
            }
            hints.push("stop what uses it, or publish another port".to_owned());
            hints
        }
        FailureCause::Engine(EngineError::Unreachable { hints, .. }) => hints.clone(),
        FailureCause::Engine(EngineError::CommandMissing { .. }) => {
            vec!["correct its command or entrypoint".to_owned()]
        }
        FailureCause::Engine(_) => Vec::new(),
        FailureCause::Backend(error) => error.hints.clone(),
        FailureCause::Wait { service, containers } => {
            let mut hints = Vec::new();
            for failed in containers {
                let own = hints_of(&failed.container, &failed.failure);
                hints.extend(own.into_iter().filter(|hint| !hints.contains(hint)).collect::<Vec<_>>());
            }
            if containers.iter().any(|failed| says_more(&failed.failure)) {
                hints.push(format!("`vv logs {service}` shows all of its output"));
            }
            hints
        }
    }
}

/// Whether its output may hold the reason.
fn says_more(failure: &WaitFailure) -> bool {
    match failure {
        WaitFailure::Exited { .. }
        | WaitFailure::RestartLoop { .. }
        | WaitFailure::Unhealthy(_)
        | WaitFailure::NeverReady(_)
        | WaitFailure::TimedOut { .. } => true,
        WaitFailure::NoHealthcheck | WaitFailure::Stopped(_) | WaitFailure::Engine(_) => false,
    }
}

fn hints_of(container: &str, failure: &WaitFailure) -> Vec<String> {
    match failure {
        WaitFailure::Exited { oom: true, .. } => {
            vec!["raise its memory limit (deploy.resources.limits.memory or mem_limit)".to_owned()]
        }
        WaitFailure::NoHealthcheck => {
            vec!["give it a healthcheck, or depend on it with condition: service_started".to_owned()]
        }
        WaitFailure::Stopped("is paused") => vec![format!("`docker unpause {container}` lets it go on")],
        WaitFailure::NeverReady(failure) => failure.hint.iter().cloned().collect(),
        // More time is the last thing to try where it is known what is wrong.
        WaitFailure::TimedOut { hint, .. } => {
            hint.iter().cloned().chain(["--timeout gives it more time".to_owned()]).collect()
        }
        WaitFailure::Engine(EngineError::Unreachable { hints, .. }) => {
            hints.iter().take(1).cloned().collect()
        }
        WaitFailure::Exited { .. }
        | WaitFailure::RestartLoop { .. }
        | WaitFailure::Unhealthy(_)
        | WaitFailure::Stopped(_)
        | WaitFailure::Engine(_) => Vec::new(),
    }
}

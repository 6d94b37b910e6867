//! The healthcheck level: the platform's verdict, and one run of the test where there is no good one (yet).

use std::time::Duration;

use super::answer::{Answer, ProbeFailure};
use super::container::Finding;
use super::exec::{self, Ran};
use super::question::Question;
use super::target::{Deadline, Target};
use crate::platform::HealthVerdict;
use crate::stack::Service;
use crate::stack::model::Test;

/// What comes of it; nothing for a replica without a healthcheck.
pub(super) async fn check(target: &Target<'_>) -> Option<Finding> {
    let verdict = target.status.health?;
    if verdict == HealthVerdict::Healthy {
        return Some(Finding::ok("healthy"));
    }
    let name = &target.service.name;
    let logs = format!("vv logs {name}");
    let ran = match test(target) {
        Some(command) => run(target, &command).await,
        None => None,
    };
    Some(match (verdict, ran) {
        (HealthVerdict::Starting, Some(Ok(_))) => Finding::ok("passes (the engine has no verdict yet)"),
        (HealthVerdict::Starting, Some(Err(failure))) => {
            Finding::fail(format!("doesn't pass yet: {}", failure.detail), failure.hint.unwrap_or(logs))
        }
        // Something better will be asked, so the verdict isn't needed.
        (HealthVerdict::Starting, None) if Question::of(target.service, target.status.stub).is_some() => {
            Finding::skipped("the engine has no verdict yet")
        }
        (HealthVerdict::Starting, None) => {
            Finding::warn("the engine has no verdict yet", format!("ask again later, or look at {logs}"))
        }
        (_, Some(Ok(_))) => Finding::warn(
            "passes now, but the engine's last runs failed",
            format!("is its timeout or its number of retries too small? {logs}"),
        ),
        (_, Some(Err(failure))) => {
            Finding::fail(format!("unhealthy: {}", failure.detail), failure.hint.unwrap_or(logs))
        }
        (_, None) => Finding::fail("unhealthy", logs),
    })
}

/// Whether the level applies to a replica that can't be asked because it doesn't run.
pub(super) fn declared(service: &Service) -> bool {
    service
        .healthcheck
        .as_ref()
        .is_some_and(|check| matches!(check.test, Some(Test::Cmd(_) | Test::Shell(_))))
}

/// The test of the file. An image's own isn't known here, and a stub has its own too.
fn test(target: &Target<'_>) -> Option<Vec<String>> {
    if target.status.stub {
        return None;
    }
    match target.service.healthcheck.as_ref()?.test.as_ref()? {
        Test::None => None,
        Test::Cmd(command) => Some(command.clone()),
        Test::Shell(line) => Some(vec!["/bin/sh".into(), "-c".into(), line.clone()]),
    }
}

/// The time that the engine gives a test where the file doesn't say
/// (<https://docs.docker.com/reference/dockerfile/#healthcheck>).
const USUAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs the test once, in no more time than the file gives it. Nothing is known where it couldn't be run, or would
/// have had more time than is left here: that says nothing of the service.
async fn run(target: &Target<'_>, command: &[String]) -> Option<Result<Answer, ProbeFailure>> {
    let own = target.service.healthcheck.as_ref().and_then(|check| check.timeout).unwrap_or(USUAL_TIMEOUT);
    let left = target.deadline.left();
    let deadline = Deadline::after(own.min(left));
    match exec::run(&Target { deadline, ..*target }, command, "healthcheck.test").await {
        Ran::Ended(answer) => Some(answer),
        Ran::Late(failure) => (own <= left).then_some(Err(failure)),
        Ran::Refused(_) => None,
    }
}

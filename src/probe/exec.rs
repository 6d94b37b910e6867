//! A command in the container that says by its exit code whether all is well.

use super::answer::{Answer, ProbeFailure};
use super::said::{lacks_the_command, last_line, missing_program, telling_line};
use super::target::Target;
use crate::platform::{ExecResult, PlatformError};

/// What became of a run.
pub(super) enum Ran {
    /// It ended: with 0, or not.
    Ended(Result<Answer, ProbeFailure>),
    /// It didn't end in time.
    Late(ProbeFailure),
    /// The platform couldn't run it.
    Refused(ProbeFailure),
}

/// Runs it once; 0 is well.
pub(super) async fn ask(target: &Target<'_>, command: &[String]) -> Result<Answer, ProbeFailure> {
    match run(target, command, "x-vv.probe.exec").await {
        Ran::Ended(answer) => answer,
        Ran::Late(failure) | Ran::Refused(failure) => Err(failure),
    }
}

/// Runs it once, and tells a command that fails from one that couldn't be run to its end. `named_by` is what the stack
/// has it from.
pub(super) async fn run(target: &Target<'_>, command: &[String], named_by: &str) -> Ran {
    let limit = target.deadline.left();
    match target.deadline.bound(target.platform.exec(&target.status.replica, command, limit)).await {
        Ok(Err(PlatformError::Timeout(_))) | Err(_) => Ran::Late(ProbeFailure::new(format!(
            "the command doesn't end within {}",
            target.deadline.limit_text()
        ))),
        Ok(Err(PlatformError::StillRuns)) => Ran::Late(still_runs(target)),
        Ok(Err(error)) => Ran::Refused(ProbeFailure::new(error.to_string())),
        Ok(Ok(ran)) => Ran::Ended(judge(&ran, named_by)),
    }
}

/// vv has no way to end it, so at least it isn't begun a second time.
fn still_runs(target: &Target<'_>) -> ProbeFailure {
    let (container, service) = (&target.status.name, &target.service.name);
    ProbeFailure::new("a run of the command that was begun before still goes on, so it wasn't run again")
        .hint(format!("docker top {container} shows it; vv restart {service} ends it"))
}

fn judge(ran: &ExecResult, named_by: &str) -> Result<Answer, ProbeFailure> {
    if ran.code == 0 {
        return Ok(Answer::Seen(match last_line(&ran.output) {
            Some(said) => format!("the command exits with 0: {said}"),
            None => "the command exits with 0".into(),
        }));
    }
    // A shell line may end with another code than the shell's own: `curl … || exit 1`.
    let missing = missing_program(&ran.output);
    let hint = match &missing {
        Some(program) => {
            format!("let {named_by} run something that is in the image, or put {program} into it")
        }
        None => format!("let {named_by} name a command that the image has and can run"),
    };
    Err(match (ran.code, telling_line(&ran.output)) {
        (126 | 127, Some(said)) if lacks_the_command(&said) => {
            ProbeFailure::lasting(format!("the command can't be run in the container: {said}")).hint(hint)
        }
        (code, Some(said)) if missing.is_some() => {
            ProbeFailure::new(format!("the command exits with {code}: {said}")).hint(hint)
        }
        (code, Some(said)) => ProbeFailure::new(format!("the command exits with {code}: {said}")),
        (code, None) => ProbeFailure::new(format!("the command exits with {code}")),
    })
}

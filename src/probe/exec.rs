//! A command in the container that says by its exit code whether all is well.

use super::answer::{Answer, ProbeFailure, first_line};
use super::target::Target;
use crate::platform::PlatformError;

/// Runs it once; 0 is well.
pub(super) async fn ask(target: &Target<'_>, command: &[String]) -> Result<Answer, ProbeFailure> {
    let limit = target.deadline.left();
    let ran = match target.deadline.bound(target.platform.exec(&target.status.replica, command, limit)).await
    {
        Ok(Err(PlatformError::Timeout(_))) | Err(_) => {
            return Err(ProbeFailure::new(format!(
                "the command doesn't end within {}",
                target.deadline.limit_text()
            )));
        }
        Ok(Err(error)) => return Err(ProbeFailure::new(error.to_string())),
        Ok(Ok(ran)) => ran,
    };
    // The last line is where commands say what it came to.
    let said = first_line(ran.output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default());
    match (ran.code, said.is_empty()) {
        (0, true) => Ok(Answer::Seen("the command exits with 0".into())),
        (0, false) => Ok(Answer::Seen(format!("the command exits with 0: {said}"))),
        // What shells and engines answer for a command that can't be run; it won't appear by waiting.
        (126 | 127, _) => {
            Err(ProbeFailure::lasting(format!("the command can't be run in the container: {said}"))
                .hint("name a command that the image has"))
        }
        (code, true) => Err(ProbeFailure::new(format!("the command exits with {code}"))),
        (code, false) => Err(ProbeFailure::new(format!("the command exits with {code}: {said}"))),
    }
}

//! Images that can't be had: what is said of them, and for how long others are asked for, so that all are named.

use std::time::Duration;

use super::error::{FailureCause, OperationFailure};
use crate::engine::EngineError;
use crate::stack::reference;

/// How long the other pulls may go on once one has failed: a registry says no in a second or two, and nobody wants to
/// hear of one missing image at a time.
pub(super) const OTHERS: Duration = Duration::from_secs(5);

/// The engine's words when a login is missing or isn't enough.
const DENIED: [&str; 5] =
    ["denied", "unauthorized", "authentication required", "no basic auth credentials", "forbidden"];

/// Whether it is an image that its registry wouldn't give.
pub(super) fn is_missing(failure: &OperationFailure) -> bool {
    failure.image.as_ref().is_some_and(|image| image.pulled)
        && matches!(
            failure.cause,
            FailureCause::Engine(
                EngineError::NotFound { .. } | EngineError::Refused { .. } | EngineError::Stalled { .. }
            )
        )
}

/// What to do about all of them.
pub(super) fn hints(failures: &[OperationFailure]) -> Vec<String> {
    let missing: Vec<_> = failures.iter().filter(|failure| is_missing(failure)).collect();
    let images = || missing.iter().filter_map(|failure| failure.image.as_ref().map(|image| (failure, image)));
    let mut hints = Vec::new();
    let mut add = |hint: String| {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    };
    for (failure, image) in images() {
        let said = failure.cause.to_string().to_lowercase();
        if DENIED.iter().any(|word| said.contains(word)) {
            add(match reference::registry(&image.name) {
                "docker.io" => "if it is a private one: `docker login`".to_owned(),
                host => format!("log in to its registry: `docker login {host}`"),
            });
        }
    }
    let mut variables: Vec<&str> =
        images().filter_map(|(_, image)| image.wanted.variable.as_deref()).collect();
    variables.dedup();
    if !variables.is_empty() {
        add(format!(
            "set {} to what can be had: in the environment, in .env, or in a file for --env-file",
            variables.join(", ")
        ));
    }
    let fixed: Vec<_> = images().filter(|(_, image)| image.wanted.variable.is_none()).collect();
    if let Some(whose) = fixed.iter().find_map(|(_, image)| image.wanted.whose()) {
        let whose = if fixed.len() == 1 { whose } else { "these services".to_owned() };
        add(match fixed.iter().all(|(_, image)| image.wanted.built) {
            true => format!("build it here: `vv build`, or `vv start --build` ({whose} has a build section)"),
            false => {
                format!("check the name under `image` of {whose}, or add a `build` section to make it here")
            }
        });
    }
    hints
}

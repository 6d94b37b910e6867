//! The engine's words on a container's state, understood. Pure.

use crate::plan::observed::{ContainerState, Health};

/// The state of a listed container: the state's name, and the exit code out of the status text.
pub fn state(name: &str, status: &str) -> ContainerState {
    match name {
        "running" | "stopping" => ContainerState::Running,
        "paused" => ContainerState::Paused,
        "restarting" => ContainerState::Restarting,
        "removing" => ContainerState::Removing,
        "dead" => ContainerState::Dead,
        "exited" => ContainerState::Exited(exit_code(status).unwrap_or_default()),
        _ => ContainerState::Created,
    }
}

/// `Exited (137) 2 minutes ago`
fn exit_code(status: &str) -> Option<i64> {
    status.strip_prefix("Exited (")?.split_once(')')?.0.parse().ok()
}

/// The verdict at the end of `Up 3 seconds (health: starting)`, `Up 2 hours (healthy)`.
pub fn health(status: &str) -> Option<Health> {
    let (_, inside) = status.strip_suffix(')')?.rsplit_once('(')?;
    match inside {
        "health: starting" => Some(Health::Starting),
        "healthy" => Some(Health::Healthy),
        "unhealthy" => Some(Health::Unhealthy),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        for (name, status, expected) in [
            ("created", "Created", ContainerState::Created),
            ("running", "Up 3 seconds", ContainerState::Running),
            ("stopping", "Up 3 seconds", ContainerState::Running),
            ("paused", "Up 3 minutes (Paused)", ContainerState::Paused),
            ("restarting", "Restarting (1) 4 seconds ago", ContainerState::Restarting),
            ("removing", "Removal In Progress", ContainerState::Removing),
            ("dead", "Dead", ContainerState::Dead),
            ("exited", "Exited (0) 2 days ago", ContainerState::Exited(0)),
            ("exited", "Exited (137) 2 minutes ago", ContainerState::Exited(137)),
            ("exited", "Exited (-1) 2 minutes ago", ContainerState::Exited(-1)),
        ] {
            assert_eq!(state(name, status), expected, "{name}: {status}");
        }
    }

    #[test]
    fn verdicts() {
        for (status, expected) in [
            ("Up 3 seconds", None),
            ("Up 3 seconds (health: starting)", Some(Health::Starting)),
            ("Up About an hour (healthy)", Some(Health::Healthy)),
            ("Up 2 hours (unhealthy)", Some(Health::Unhealthy)),
            ("Up 3 minutes (Paused)", None),
            ("Exited (1) 2 minutes ago", None),
            ("Created", None),
        ] {
            assert_eq!(health(status), expected, "{status}");
        }
    }
}

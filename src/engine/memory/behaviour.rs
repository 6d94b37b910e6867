//! How containers behave: scripts.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::ActiveHealthcheck;

/// How the containers of a service or image behave. The default runs for ever and passes its healthcheck at once.
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    /// How each run ends: the first entry for the first run, and so on; the last one goes for all further runs.
    /// `None` runs for ever, as all do where this is empty.
    pub runs: Vec<Option<Exit>>,
    /// How long after a start the healthcheck's test passes.
    pub healthy_after: Duration,
    /// The test never passes.
    pub never_healthy: bool,
    /// How long a run of the test takes.
    pub test_takes: Duration,
    /// What a failing test says.
    pub test_output: String,
    /// The healthcheck that the image brings.
    pub image_healthcheck: Option<ActiveHealthcheck>,
    /// Lines that each run writes to stdout as it starts.
    pub logs: Vec<String>,
    /// Other commands, by their words joined with spaces.
    pub commands: BTreeMap<String, ExecScript>,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// After so long.
    pub after: Duration,
    /// With this code.
    pub code: i64,
    /// Killed for lack of memory.
    pub oom: bool,
}

/// What a command in a container does.
#[derive(Debug, Clone, Default)]
pub struct ExecScript {
    /// How long it takes.
    pub takes: Duration,
    /// Its exit code.
    pub code: i64,
    /// What it writes to stdout.
    pub output: String,
}

impl Behaviour {
    /// Every run ends so.
    pub fn exits(after: Duration, code: i64) -> Self {
        Self { runs: vec![Some(Exit { after, code, oom: false })], ..Self::default() }
    }

    /// The test passes so long after the start.
    pub fn healthy_after(healthy_after: Duration) -> Self {
        Self { healthy_after, test_output: "connection refused".to_owned(), ..Self::default() }
    }

    /// How the run of this number (from 1) ends.
    pub(super) fn exit_of_run(&self, number: usize) -> Option<Exit> {
        let index = number.saturating_sub(1).min(self.runs.len().saturating_sub(1));
        self.runs.get(index).copied().flatten()
    }

    /// What a run of the test gives that begins so long after the container's start.
    pub(super) fn test_result(&self, since_start: Duration) -> ExecScript {
        let passes = !self.never_healthy && since_start >= self.healthy_after;
        let output = if passes { String::new() } else { format!("{}\n", self.test_output) };
        ExecScript { takes: self.test_takes, code: i64::from(!passes), output }
    }
}

//! What was called, and what is to go wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::{MemoryEngine, State};
use crate::engine::EngineError;

/// The calls that change something.
pub const MUTATING: [&str; 16] = [
    "build_image",
    "load_image",
    "connect_network",
    "copy_files",
    "create_container",
    "create_network",
    "create_volume",
    "pull_image",
    "remove_container",
    "remove_image",
    "remove_network",
    "remove_volume",
    "rename_container",
    "restart_container",
    "start_container",
    "stop_container",
];

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method's name.
    pub kind: &'static str,
    /// The name of what it was about.
    pub target: String,
    /// When it came in, since the engine was made.
    pub begun: Duration,
    /// When it was answered; nothing when it wasn't, or the caller gave up.
    pub ended: Option<Duration>,
}

impl Call {
    /// It changes something.
    pub fn is_mutating(&self) -> bool {
        MUTATING.contains(&self.kind)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.target)
    }
}

/// Holds for a call's kind and target.
pub(super) type Matches = Box<dyn Fn(&str, &str) -> bool + Send + Sync>;

pub(super) struct Fault {
    pub matches: Matches,
    /// So many matching calls succeed first.
    pub skip: usize,
    pub error: EngineError,
}

pub(super) struct Ledger {
    pub calls: Vec<Call>,
    pub faults: Vec<Fault>,
    pub delays: Vec<(Matches, Duration)>,
    pub dead: bool,
    pub most_at_once: BTreeMap<&'static str, usize>,
    made: Instant,
    mutating_left: Option<usize>,
    at_once: BTreeMap<&'static str, usize>,
}

impl Ledger {
    pub fn new() -> Self {
        Self {
            calls: Vec::new(),
            faults: Vec::new(),
            delays: Vec::new(),
            dead: false,
            most_at_once: BTreeMap::new(),
            made: Instant::now(),
            mutating_left: None,
            at_once: BTreeMap::new(),
        }
    }

    pub fn die_after(&mut self, mutating_calls: usize) {
        self.mutating_left = Some(mutating_calls);
        self.dead = mutating_calls == 0;
    }

    pub fn revive(&mut self) {
        self.mutating_left = None;
        self.dead = false;
    }

    /// Notes a call; how long it is to take and what it is to fail with.
    fn begin(&mut self, kind: &'static str, target: &str) -> (usize, Duration, Option<EngineError>) {
        let begun = self.made.elapsed();
        self.calls.push(Call { kind, target: target.to_owned(), begun, ended: None });
        let now = self.at_once.entry(kind).or_default();
        *now += 1;
        let most = self.most_at_once.entry(kind).or_default();
        *most = (*most).max(*now);
        let delays = self.delays.iter().filter(|(matches, _)| matches(kind, target));
        let delay = delays.map(|(_, by)| *by).sum();
        let mut error = None;
        for fault in self.faults.iter_mut().filter(|fault| (fault.matches)(kind, target)) {
            match fault.skip {
                0 => error = error.or(Some(fault.error.clone())),
                _ => fault.skip -= 1,
            }
        }
        (self.calls.len() - 1, delay, error)
    }

    /// Counts a mutating call that has had its effect.
    fn mutated(&mut self) {
        if let Some(left) = &mut self.mutating_left {
            *left = left.saturating_sub(1);
            self.dead = *left == 0;
        }
    }
}

/// A call under way; ends when dropped.
struct UnderWay<'a> {
    engine: &'a MemoryEngine,
    kind: &'static str,
    index: usize,
    answered: bool,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut ledger = self.engine.ledger();
        if let Some(now) = ledger.at_once.get_mut(self.kind) {
            *now -= 1;
        }
        if self.answered {
            let ended = ledger.made.elapsed();
            // The calls may have been forgotten meanwhile.
            if let Some(call) = ledger.calls.get_mut(self.index).filter(|call| call.kind == self.kind) {
                call.ended = Some(ended);
            }
        }
    }
}

impl MemoryEngine {
    /// One call: noted, delayed, failed or carried out.
    pub(super) async fn call<T>(
        &self,
        kind: &'static str,
        target: &str,
        effect: impl FnOnce(&mut State) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        if self.is_dead() {
            return Err(unreachable());
        }
        let (index, delay, error) = self.ledger().begin(kind, target);
        let mut under_way = UnderWay { engine: self, kind, index, answered: false };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        under_way.answered = true;
        if let Some(error) = error {
            return Err(error);
        }
        let (result, outbox) = {
            // Both locks at once: what comes after the deadly call has no effect, on other threads neither.
            let mut ledger = self.ledger();
            if ledger.dead {
                return Err(unreachable());
            }
            let mut state = self.state();
            let result = effect(&mut state);
            if MUTATING.contains(&kind) {
                ledger.mutated();
            }
            (result, std::mem::take(&mut state.outbox))
        };
        outbox.deliver(&self.inner);
        if self.is_dead() {
            self.cut_events();
        }
        result
    }
}

pub(super) fn unreachable() -> EngineError {
    EngineError::Unreachable { message: "the engine in memory is gone".to_owned(), hints: Vec::new() }
}

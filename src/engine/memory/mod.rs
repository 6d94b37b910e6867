//! An engine in memory, for tests: Docker's visible rules without Docker. It records every call, fails, delays and
//! dies on demand, and containers behave as a script says.
//!
//! Time is tokio's, so a test with a paused clock is exact and takes no time.

mod behaviour;
mod calls;
mod containers;
mod engine;
mod evidence;
mod exec;
mod life;
mod resources;
mod state;
mod survey;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;

pub use behaviour::{Behaviour, ExecScript, Exit};
pub use calls::{Call, MUTATING};

use super::{ContainerEvent, ContainerEventKind, EngineError, LogLine};
use crate::plan::images::normal_reference;
use crate::plan::observed::{ContainerState, Health};
use calls::{Fault, Ledger};
use state::State;

/// The engine. Clones are the same engine.
#[derive(Clone)]
pub struct MemoryEngine {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    ledger: Mutex<Ledger>,
    /// Nothing tells the listeners that their stream was cut.
    events: broadcast::Sender<Option<ContainerEvent>>,
    /// Lines as they are written, with the id of the container.
    lines: broadcast::Sender<(String, LogLine)>,
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryEngine {
    /// An engine with nothing in it. Must be called inside a tokio runtime.
    pub fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                state: Mutex::new(State::new()),
                ledger: Mutex::new(Ledger::new()),
                events: broadcast::channel(512).0,
                lines: broadcast::channel(512).0,
            }),
        }
    }

    /// Says how containers behave: `whose` is a container's name, a service or an image.
    pub fn script(&self, whose: &str, behaviour: Behaviour) {
        self.state().behaviours.insert(whose.to_owned(), behaviour);
    }

    /// Puts an image there.
    pub fn add_image(&self, image: &str) {
        self.state().add_image(image);
    }

    /// Makes an image one that can be pulled.
    pub fn add_remote_image(&self, image: &str) {
        self.state().remote_images.insert(normal_reference(image));
    }

    /// The next pull or build of this image gives another one than before.
    pub fn renew_image(&self, image: &str) {
        *self.state().image_versions.entry(normal_reference(image)).or_default() += 1;
    }

    /// Makes a host port one that some process has.
    pub fn occupy_port(&self, address: &str, port: u16) {
        self.state().foreign_ports.insert((address.to_owned(), port));
    }

    /// Makes every call of this kind (a method's name) fail from the `nth` on (from 1).
    pub fn fail(&self, kind: &'static str, nth: usize, error: EngineError) {
        let matches = Box::new(move |call: &str, _: &str| call == kind);
        self.ledger().faults.push(Fault { matches, skip: nth.saturating_sub(1), error });
    }

    /// Makes the calls fail for which `matches` (of a method's name and its target) holds.
    pub fn fail_if(&self, matches: impl Fn(&str, &str) -> bool + Send + Sync + 'static, error: EngineError) {
        self.ledger().faults.push(Fault { matches: Box::new(matches), skip: 0, error });
    }

    /// Makes every call of this kind take so long before it has any effect.
    pub fn delay(&self, kind: &'static str, by: Duration) {
        self.delay_if(move |call, _| call == kind, by);
    }

    /// Makes the calls take so long for which `matches` (of a method's name and its target) holds.
    pub fn delay_if(&self, matches: impl Fn(&str, &str) -> bool + Send + Sync + 'static, by: Duration) {
        self.ledger().delays.push((Box::new(matches), by));
    }

    /// Kills the caller after so many mutating calls from now: the last one has its effect, every later call of
    /// any kind fails as unreachable, and event streams end. The containers live on.
    pub fn die_after(&self, mutating_calls: usize) {
        self.ledger().die_after(mutating_calls);
    }

    /// Answers again after [`Self::die_after`]: what a vv that is started anew finds.
    pub fn revive(&self) {
        self.ledger().revive();
    }

    /// Whether [`Self::die_after`] has struck.
    pub fn is_dead(&self) -> bool {
        self.ledger().dead
    }

    /// All calls so far, in the order in which they came in.
    pub fn calls(&self) -> Vec<Call> {
        self.ledger().calls.clone()
    }

    /// All mutating calls so far, as `start_container shop-web-1`.
    pub fn mutations(&self) -> Vec<String> {
        let ledger = self.ledger();
        ledger.calls.iter().filter(|call| call.is_mutating()).map(Call::to_string).collect()
    }

    /// How many calls of this kind there were.
    pub fn count(&self, kind: &str) -> usize {
        self.ledger().calls.iter().filter(|call| call.kind == kind).count()
    }

    /// How many calls of this kind were under way at once, at most.
    pub fn most_at_once(&self, kind: &str) -> usize {
        self.ledger().most_at_once.get(kind).copied().unwrap_or(0)
    }

    /// How many commands ran at once in a container, at most.
    pub fn most_execs_at_once(&self, container: &str) -> usize {
        self.state().most_execs_at_once.get(container).copied().unwrap_or(0)
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.ledger().calls.clear();
    }

    /// The names of all containers and their states.
    pub fn states(&self) -> BTreeMap<String, ContainerState> {
        let state = self.state();
        state.containers.values().map(|container| (container.name.clone(), container.state)).collect()
    }

    /// The names of all networks.
    pub fn networks(&self) -> Vec<String> {
        self.state().networks.keys().cloned().collect()
    }

    /// The names of all volumes.
    pub fn volumes(&self) -> Vec<String> {
        self.state().volumes.keys().cloned().collect()
    }

    /// The files that were copied into a container, by target.
    pub fn copied_files(&self, container: &str) -> BTreeMap<String, Vec<u8>> {
        self.state().find(container).map(|container| container.files.clone()).unwrap_or_default()
    }

    /// Ends a container's first process now.
    pub fn end(&self, container: &str, code: i64, oom: bool) {
        let found = self.state().find(container).map(|found| (found.id.clone(), found.epoch));
        if let Some((id, epoch)) = found {
            life::exit(&self.inner, &id, epoch, Exit { after: Duration::ZERO, code, oom });
        }
    }

    /// Gives a health verdict, as the engine's own runs of the healthcheck would.
    pub fn set_health(&self, container: &str, health: Health) {
        let mut state = self.state();
        if let Some(found) = state.find_mut(container) {
            found.health = Some(health);
            let event = found.event(ContainerEventKind::Health(health));
            drop(state);
            self.inner.emit(event);
        }
    }

    /// Freezes a container.
    pub fn pause(&self, container: &str) {
        let paused = self.state().find_mut(container).map(|found| {
            found.state = ContainerState::Paused;
            found.event(ContainerEventKind::Paused)
        });
        paused.into_iter().for_each(|event| self.inner.emit(event));
    }

    /// Ends all event streams, as a connection that breaks.
    pub fn cut_events(&self) {
        let _ = self.inner.events.send(None);
    }

    /// Sends an event for a container out of turn, as one that comes late.
    pub fn send_event(&self, container: &str, kind: ContainerEventKind) {
        let event = self.state().find(container).map(|found| found.event(kind));
        if let Some(event) = event {
            self.inner.emit(event);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.inner.state)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.inner.ledger)
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn emit(&self, event: ContainerEvent) {
        let _ = self.events.send(Some(event));
    }
}

/// A poisoned lock means that a test has already failed; its state is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What the waits of one execution know of each other: whether anything is still going to change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Shared by the executor and all monitors.
///
/// A container that fails while others are still coming up may only be missing those: an old verdict of unhealthy,
/// or a few restarts, count at once where nothing else is going on, and get a chance where something is.
#[derive(Default)]
pub(super) struct Activity {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Containers that are waited for and show no sign of failure.
    on_their_way: BTreeSet<String>,
    /// Operations under way that aren't waits.
    operations: usize,
    /// When something was last done, or became ready.
    last_change: Option<Instant>,
    /// When this execution started each container that it started.
    started: BTreeMap<String, Start>,
}

/// A container's start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub at: Instant,
    /// How long the engine took for it.
    pub took: Duration,
}

/// What a start takes at most where the machine has time for it.
const QUICK_START: Duration = Duration::from_millis(500);
/// However slow the machine: no container is watched for longer than this for its slowness alone.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

impl Start {
    /// How much of `usual`, and of what comes on top of it on a machine so busy that the start was slow, isn't over:
    /// there, what is going to end at once takes longer for that too.
    pub fn left_of(self, usual: Duration) -> Duration {
        let delay = (self.took.saturating_sub(QUICK_START) / 2).min(LONGEST_DELAY);
        (usual + delay).saturating_sub(self.at.elapsed())
    }
}

impl Activity {
    pub(super) fn operation_begins(&self) {
        self.inner().operations += 1;
    }

    pub(super) fn operation_ends(&self) {
        let mut inner = self.inner();
        inner.operations = inner.operations.saturating_sub(1);
        inner.last_change = Some(Instant::now());
    }

    pub(super) fn container_started(&self, container: &str, took: Duration) {
        self.inner().started.insert(container.to_owned(), Start { at: Instant::now(), took });
    }

    /// How this execution started the container, if it did.
    pub(super) fn start_of(&self, container: &str) -> Option<Start> {
        self.inner().started.get(container).copied()
    }

    /// A container is waited for and may well become ready.
    pub(super) fn comes_up(&self, container: &str) {
        self.inner().on_their_way.insert(container.to_owned());
    }

    /// A container shows signs of failure: nobody else is to wait for it.
    pub(super) fn is_stuck(&self, container: &str) {
        self.inner().on_their_way.remove(container);
    }

    /// A container has become what was waited for.
    pub(super) fn has_passed(&self, container: &str) {
        let mut inner = self.inner();
        inner.on_their_way.remove(container);
        inner.last_change = Some(Instant::now());
    }

    /// Whether something else is under way that may help this container.
    pub(super) fn others_come_up(&self, container: &str) -> bool {
        let inner = self.inner();
        inner.operations > 0 || inner.on_their_way.iter().any(|other| other != container)
    }

    /// Whether nothing is under way, and what was done is at least this long ago.
    pub(super) fn is_settled(&self, container: &str, patience: Duration) -> bool {
        let last_change = self.inner().last_change;
        !self.others_come_up(container) && last_change.is_none_or(|change| change.elapsed() >= patience)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock, and the numbers are good in any case.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_start_is_watched_for_longer() {
        let usual = Duration::from_millis(150);
        for (took, left) in [(0, 150), (250, 150), (500, 150), (900, 350), (1900, 850), (60_000, 1150)] {
            let start = Start { at: Instant::now(), took: Duration::from_millis(took) };
            assert_eq!(start.left_of(usual), Duration::from_millis(left), "{took}");
        }
        let start = Start { at: Instant::now(), took: Duration::ZERO };
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(start.left_of(usual), Duration::from_millis(50));
        tokio::time::advance(usual).await;
        assert_eq!(start.left_of(usual), Duration::ZERO);
    }
}

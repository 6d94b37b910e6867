//! Workers: each has its own view of the entities, and learns of a change at its own time, as Kong's do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::snapshot::Snapshot;
use crate::kong::Gateway;

/// A worker's view.
pub type View = Arc<RwLock<Arc<Snapshot>>>;

/// All workers of a gateway.
#[derive(Debug)]
pub struct Workers {
    gateway: Arc<Gateway>,
    workers: Vec<Worker>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Worker {
    delay: Duration,
    view: View,
}

impl Workers {
    /// With the state as it is now. Without a database changes reach the proxy at once.
    pub fn new(gateway: Arc<Gateway>) -> Self {
        let first = Arc::new(Snapshot::new(&gateway.state()));
        let delays = match gateway.options.database {
            true if !gateway.options.propagation.is_empty() => gateway.options.propagation.clone(),
            _ => vec![Duration::ZERO],
        };
        let worker = |delay| Worker { delay, view: Arc::new(RwLock::new(Arc::clone(&first))) };
        let workers: Vec<Worker> = delays.into_iter().map(worker).collect();
        for worker in workers.iter().filter(|worker| !worker.delay.is_zero()) {
            tokio::spawn(follow(Arc::clone(&gateway), Arc::clone(&worker.view), worker.delay));
        }
        Self { gateway, workers, next: AtomicUsize::new(0) }
    }

    /// The worker that a new connection goes to: one after another.
    pub fn next(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) % self.workers.len()
    }

    /// What a worker knows now.
    pub fn view(&self, worker: usize) -> Arc<Snapshot> {
        let Worker { delay, view } = &self.workers[worker];
        let known = Arc::clone(&view.read().unwrap_or_else(PoisonError::into_inner));
        if !delay.is_zero() || known.state.generation == self.gateway.state().generation {
            return known;
        }
        renew(&self.gateway, view)
    }

    /// The first worker's view, by which certificates are chosen.
    pub fn first(&self) -> View {
        Arc::clone(&self.workers[0].view)
    }
}

fn renew(gateway: &Gateway, view: &View) -> Arc<Snapshot> {
    let snapshot = Arc::new(Snapshot::new(&gateway.state()));
    *view.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&snapshot);
    snapshot
}

/// Renews a view, some time after a change; what changes meanwhile comes with it.
async fn follow(gateway: Arc<Gateway>, view: View, delay: Duration) {
    let mut changes = gateway.watch();
    while changes.changed().await.is_ok() {
        tokio::time::sleep(delay).await;
        changes.mark_unchanged();
        renew(&gateway, &view);
    }
}

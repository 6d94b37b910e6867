//! Ctrl-C while a gateway is told something, or asked.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::gateway::Way;
use crate::failure::{Failure, Kind, Result};
use crate::routes::owner_tag;

/// How long the probe that was broken off may take to be deleted.
const TIDYING: Duration = Duration::from_secs(3);

/// How far a run has got.
#[derive(Debug, Default)]
pub struct Reached(Mutex<Option<String>>);

impl Reached {
    /// The change that ended last: `3 of 40: route orders`.
    pub fn note(&self, what: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(what.to_owned());
    }

    fn told(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Does this, unless the user interrupts: then nothing more is sent, the probe is deleted, and it is said how far it got.
pub async fn or<T>(
    way: &Way,
    owner: &str,
    reached: &Reached,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let interrupt = crate::commands::interrupt();
    tokio::select! {
        done = work => return done,
        () = interrupt.cancelled() => {}
    }
    way.admin.delete_probes(&owner_tag(owner), Instant::now() + TIDYING).await;
    let failure = match reached.told() {
        Some(what) => Failure::new(Kind::Interrupted, format!("interrupted after {what}")),
        None => Failure::new(Kind::Interrupted, "interrupted before anything was changed"),
    };
    Err(failure.hint("vv setup-routes goes on from there"))
}

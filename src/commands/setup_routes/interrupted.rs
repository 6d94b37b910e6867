//! Ctrl-C while a gateway is told something, or asked.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::gateway::Way;
use crate::failure::{Failure, Kind};
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

    /// What is said of a run that was broken off here.
    pub fn failure(&self) -> Failure {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(what) => Failure::new(Kind::Interrupted, format!("interrupted after {what}"))
                .hint("vv setup-routes goes on from there"),
            None => Failure::new(Kind::Interrupted, "interrupted, and no change had ended")
                .hint("vv setup-routes goes on"),
        }
    }
}

/// Does this, unless the user interrupts: then it is broken off, and the probes of this owner, if it makes some, are
/// deleted.
pub async fn or<T>(way: &Way, owner: Option<&str>, work: impl Future<Output = T>) -> Option<T> {
    let interrupt = crate::commands::interrupt();
    tokio::select! {
        done = work => return Some(done),
        () = interrupt.cancelled() => {}
    }
    if let Some(owner) = owner {
        way.admin.delete_probes(&owner_tag(owner), Instant::now() + TIDYING).await;
    }
    None
}

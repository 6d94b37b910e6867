//! The deep level: that a system does its work, and not only that it answers. Each system's file lists its checks;
//! those of a replica run all at once, each with the whole timeout for itself.
//!
//! What a check writes is called [`PROBE`] and is removed again, or is kept for a minute at most by the system itself.

use std::future::Future;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::answer::{Answer, ProbeFailure};
use super::consul;
use super::kind::Kind;
use super::net::Place;
use super::target::{Reach, Target};

/// The name of everything that a check writes: a topic, a key, a document, a service of spans.
pub const PROBE: &str = "vv-probe";

/// What a deep check comes to.
pub(super) type Outcome = Result<Answer, ProbeFailure>;

/// A check that waits to be run.
pub(super) struct DeepCheck<'a> {
    /// What it is called: `persistence`, `alarms`.
    pub name: String,
    /// Runs it.
    pub work: BoxFuture<'a, Outcome>,
}

impl<'a> DeepCheck<'a> {
    /// A check that isn't asked of a port.
    pub fn new(name: impl Into<String>, work: impl Future<Output = Outcome> + Send + 'a) -> Self {
        Self { name: name.into(), work: work.boxed() }
    }

    /// A check of what answers at a container port; not asked where that port can't be reached from here.
    pub fn at<F>(
        name: impl Into<String>,
        target: Target<'a>,
        port: u16,
        ask: impl FnOnce(Target<'a>, Place) -> F + Send + 'a,
    ) -> Self
    where
        F: Future<Output = Outcome> + Send + 'a,
    {
        Self::new(name, async move {
            match target.reach(port).await? {
                Reach::At(endpoint) => ask(target, Place::of(endpoint, port)).await,
                Reach::Hidden(why) => Ok(Answer::NotAsked(why)),
            }
        })
    }
}

/// What a replica that answers in its protocol is asked further. Nothing of a stand-in: what is proven of one isn't
/// proven of the service.
pub(super) fn checks(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    if target.status.stub {
        return Vec::new();
    }
    match Kind::of(target.service) {
        Some(Kind::Consul) => consul::deep(target),
        // Of the others, the protocol level is all there is.
        _ => Vec::new(),
    }
}

/// A word that no other run of a check uses: two at once mustn't read each other's.
pub(super) fn unique() -> String {
    format!("{:016x}", rand::random::<u64>())
}

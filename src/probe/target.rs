//! Whom a probe asks, and until when.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::answer::{ProbeFailure, seconds};
use crate::platform::{Endpoint, Platform, PlatformError, Replica, ReplicaStatus};
use crate::stack::{Service, Stack};

/// The replica that is asked, what the stack says of it, and how long an answer may take.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub stack: &'a Stack,
    pub service: &'a Service,
    pub status: &'a ReplicaStatus,
    pub platform: &'a dyn Platform,
    pub deadline: Deadline,
}

/// Whether a port can be asked from here.
pub(super) enum Reach {
    /// It can, there.
    At(Endpoint),
    /// It isn't published, and containers can't be reached from here; in words.
    Hidden(String),
}

impl Target<'_> {
    /// Where a container port of this replica answers.
    pub async fn reach(&self, port: u16) -> Result<Reach, ProbeFailure> {
        self.reach_other(&self.status.replica, port).await
    }

    /// Where a container port of any replica answers.
    pub async fn reach_other(&self, replica: &Replica, port: u16) -> Result<Reach, ProbeFailure> {
        match self.deadline.bound(self.platform.reach(replica, port)).await {
            Ok(Ok(endpoint)) => Ok(Reach::At(endpoint)),
            Ok(Err(PlatformError::NotReachable(why))) => Ok(Reach::Hidden(why)),
            Ok(Err(PlatformError::CutOff(why))) => {
                Err(ProbeFailure::new(why).hint(format!("vv start {}", self.service.name)))
            }
            Ok(Err(error)) => Err(ProbeFailure::new(error.to_string())),
            Err(Late) => Err(ProbeFailure::new(format!(
                "the engine didn't say within {} where port {port} answers",
                self.deadline.limit_text()
            ))),
        }
    }
}

/// The end of the time that an answer may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    limit: Duration,
}

/// The deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Late;

impl Deadline {
    /// This long from now.
    pub fn after(limit: Duration) -> Self {
        Self { at: Instant::now() + limit, limit }
    }

    /// What is left of the time.
    pub fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// The whole time, for messages: `2 s`.
    pub fn limit_text(&self) -> String {
        seconds(self.limit)
    }

    /// What the future yields, when it does in time.
    pub async fn bound<F: Future>(&self, future: F) -> Result<F::Output, Late> {
        tokio::time::timeout_at(self.at, future).await.map_err(|_| Late)
    }
}

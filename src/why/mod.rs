//! The one reason why a service isn't ready, from facts that were gathered elsewhere. Pure.
//!
//! [`own`] says what a service itself shows, [`explain`] walks from it to what it waits for and talks to, down to the
//! first that fails of its own accord.

mod container;
pub mod facts;
mod links;
mod own;
pub mod report;
#[cfg(test)]
mod tests;
mod walk;
mod words;

use crate::stack::Service;
use serde::Serialize;

pub use links::{Login, links, logins};
pub use walk::explain;

/// What kind of reason it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// There is no container, or one that was never started.
    NotStarted,
    /// No replica is wanted.
    ScaledToZero,
    /// The image can't be had.
    ImageMissing,
    /// Something that it needs to be started isn't there.
    CantStart,
    /// A host port is taken.
    PortTaken,
    /// The engine couldn't start the container.
    StartFailed,
    /// Its processes are frozen.
    Paused,
    /// Killed for lack of memory.
    OutOfMemory,
    /// A disk is full.
    DiskFull,
    /// It ended.
    Exited,
    /// It ends again and again.
    RestartLoop,
    /// It can't be restarted or removed.
    Dead,
    /// What others wait for to end still goes on.
    StillRunning,
    /// The healthcheck's command isn't in the image.
    HealthcheckMissing,
    /// The healthcheck fails.
    HealthcheckFails,
    /// Others wait for it to be healthy, and it has no healthcheck.
    NoHealthcheck,
    /// It doesn't answer as it should.
    ProbeFails,
    /// Another service refuses its login.
    LoginRefused,
}

/// Why a service isn't ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The service.
    pub service: String,
    /// What kind of reason.
    pub cause: Cause,
    /// The container, where the service has several.
    pub container: Option<String>,
    /// What it does, in words that follow its name: `exited with 1: "no such table"`.
    pub what: String,
    /// What shows it, most telling first.
    pub evidence: Vec<String>,
    /// What to type or change.
    pub fix: String,
    /// Nothing that it waits for or talks to can be to blame.
    pub final_: bool,
}

impl Reason {
    /// One that nothing else can be to blame for, without anything that shows it.
    fn of(service: &Service, cause: Cause, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            service: service.name.clone(),
            cause,
            container: None,
            what: what.into(),
            evidence: Vec::new(),
            fix: fix.into(),
            final_: true,
        }
    }
}

/// What came of asking why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The service that was asked for.
    pub service: String,
    /// Why it isn't ready; nothing where it is.
    pub reason: Option<Reason>,
    /// From the service to the one at fault, each with why it leads to the next: `waits for db (service_healthy)`.
    pub chain: Vec<Step>,
    /// What is worth saying besides: warnings of its checks, other services that aren't ready.
    pub notes: Vec<String>,
}

/// A step of the way to the service at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The service.
    pub service: String,
    /// What leads to the next: `waits for db (service_healthy)`, `names db in DATABASE_URL`.
    pub because: String,
}

impl Explanation {
    /// All of it in one line.
    pub fn headline(&self) -> String {
        let service = &self.service;
        match &self.reason {
            None => format!("{service} is ready"),
            Some(reason) => {
                let own = reason.service == *service;
                let subject = match &reason.container {
                    Some(container) => container.as_str(),
                    None if own => "it",
                    None => reason.service.as_str(),
                };
                format!("{service} isn't ready: {subject} {}", reason.what)
            }
        }
    }
}

//! The steps of a replica's checks, from the container up: each only where the one below holds.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::time::Instant;

use super::checks::{asked, check_port};
use super::container::Finding;
use super::deep::DeepCheck;
use super::net::SILENCE;
use super::patience::Patience;
use super::question::Question;
use super::target::{Reach, Target};
use super::{Check, Level, Outcome};
use crate::platform::ReplicaStatus;
use crate::stack::Service;

/// What wasn't asked isn't proven.
fn late() -> Finding {
    Finding::fail("not asked: the time for all checks was over before", "--timeout gives more")
}

/// The checks of a replica so far, and the one that broke.
pub(super) struct Ladder<'a> {
    pub service: &'a Service,
    pub status: &'a ReplicaStatus,
    pub depth: Level,
    pub patience: Patience,
    pub checks: Vec<Check>,
    pub broken: Option<String>,
}

impl Ladder<'_> {
    /// Takes a step, unless it is too deep; a lower one that failed makes it skipped.
    pub async fn step(&mut self, level: Level, name: &str, question: impl AsyncFnOnce() -> Finding) {
        if level > self.depth {
            return;
        }
        let started = Instant::now();
        let found = match &self.broken {
            Some(lower) => Finding::skipped(format!("not asked: {lower} failed")),
            None if self.patience.is_over() => late(),
            None => question().await,
        };
        self.add(level, name, started, found);
    }

    /// Takes the steps of the port and of the protocol, both at once: an answer in the protocol proves the port too,
    /// without the time that a port must stay open for to count.
    pub async fn ask(&mut self, question: &Question, target: Target<'_>) {
        let started = Instant::now();
        let timed = async |work: BoxFuture<'_, Finding>| (work.await, started.elapsed());
        let asks = self.broken.is_none() && !self.patience.is_over() && self.depth >= Level::Protocol;
        let Some(port) = question.port().filter(|_| asks) else {
            if let Some(port) = question.port() {
                let name = format!("port {port}");
                self.step(Level::Port, &name, async || check_port(&target, port, true).await).await;
            }
            let name = question.name();
            return self.step(Level::Protocol, &name, async || asked(target, question).await).await;
        };
        let mut protocol = pin!(timed(asked(target, question).boxed()));
        let mut open = pin!(timed(check_port(&target, port, true).boxed()));
        let (open, answer) = tokio::select! {
            open = &mut open => match open.0.outcome {
                Outcome::Fail => (open, None),
                _ => (open, Some(protocol.await)),
            },
            answer = &mut protocol => match (answer.0.outcome, target.reach(port).await) {
                (Outcome::Ok | Outcome::Warn, Ok(Reach::At(endpoint))) => {
                    ((Finding::ok(format!("{} accepts", endpoint.address)), answer.1), Some(answer))
                }
                _ => (open.await, Some(answer)),
            },
        };
        self.push(Level::Port, &format!("port {port}"), open.1, open.0);
        let (found, took) = match (&self.broken, answer) {
            (None, Some(answer)) => answer,
            (lower, _) => {
                let lower = lower.as_deref().unwrap_or("the port");
                (Finding::skipped(format!("not asked: {lower} failed")), Duration::ZERO)
            }
        };
        self.push(Level::Protocol, &question.name(), took, found);
    }

    /// Takes all steps of the deep level at once.
    pub async fn deep(&mut self, checks: Vec<DeepCheck<'_>>) {
        if let Some(lower) = self.broken.clone() {
            for check in checks {
                let skipped = Finding::skipped(format!("not asked: {lower} failed"));
                self.add(Level::Deep, &check.name, Instant::now(), skipped);
            }
            return;
        }
        if self.patience.is_over() {
            checks.iter().for_each(|check| self.add(Level::Deep, &check.name, Instant::now(), late()));
            return;
        }
        let each = checks.into_iter().map(async |check| {
            let started = Instant::now();
            let outcome = check.work.await;
            (check.name, started.elapsed(), Finding::from(outcome))
        });
        for (name, took, found) in join_all(each).await {
            self.push(Level::Deep, &name, took, found);
        }
    }

    pub fn add(&mut self, level: Level, name: &str, started: Instant, found: Finding) {
        self.push(level, name, started.elapsed(), found);
    }

    /// What to do about a failure that doesn't say so itself.
    fn usual_hint(&self, detail: &str) -> String {
        let name = &self.service.name;
        match detail.contains(SILENCE) {
            true => format!("vv logs {name}; vv restart {name}, where it hangs"),
            false => format!("vv logs {name}"),
        }
    }

    pub fn push(&mut self, level: Level, name: &str, took: Duration, found: Finding) {
        let hint = match found.outcome {
            Outcome::Fail => {
                self.broken.get_or_insert_with(|| name.to_owned());
                Some(found.hint.unwrap_or_else(|| self.usual_hint(&found.detail)))
            }
            _ => found.hint,
        };
        self.checks.push(Check {
            replica: self.status.replica.clone(),
            name: name.to_owned(),
            level,
            outcome: found.outcome,
            detail: found.detail,
            hint,
            took,
        });
    }
}

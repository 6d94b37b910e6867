//! A gateway that is told what is declared as a start, a scaling or a stop goes on: its targets follow the replicas.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::gateway::{self, Named, Way};
use super::live;
use super::on_start::{Compared, Routes, notes, told};
use crate::commands::context::helper_image;
use crate::engine::Engine;
use crate::engine::platform::EnginePlatform;
use crate::failure::{Failure, Kind};
use crate::plan::operation::Targets;
use crate::routes::admin::AdminError;
use crate::routes::apply::{Applied, apply};
use crate::routes::plan::RoutePlan;
use crate::routes::{owner_tag, words};
use crate::run::BackendError;
use crate::run::apply::{Applier, Balancer};
use crate::stack::Stack;

/// How long a gateway may take over a few targets.
const FEW: Duration = Duration::from_secs(20);

/// Replicas that run and aren't targets: not ready yet, or about to go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Away(pub(super) BTreeSet<String>);

impl Away {
    fn note(&mut self, targets: &Targets) {
        self.0.extend(targets.leaving.iter().cloned());
        self.0.retain(|name| !targets.joining.contains(name));
    }
}

/// A gateway that is told what is declared.
pub struct ToldGateway {
    routes: Routes,
    stack: Stack,
    engine: Arc<dyn Engine>,
    timeout: Duration,
    noted: Mutex<Noted>,
    /// How much of what was noted the gateway has taken over. Held while it is told: of two that tell it at once, the
    /// later might have looked at the replicas earlier.
    told: tokio::sync::Mutex<u64>,
}

/// Who is away, how often that was noted, and when the last time was that somebody left.
#[derive(Clone)]
struct Noted {
    away: Away,
    count: u64,
    left: u64,
}

/// What came of telling it.
struct Told {
    way: Way,
    plan: RoutePlan,
    applied: Applied,
}

impl ToldGateway {
    /// One that was told nothing yet, and has this long for each thing. `away`: replicas that are still to come.
    pub(super) fn new(
        routes: Routes,
        stack: Stack,
        engine: Arc<dyn Engine>,
        timeout: Duration,
        away: Away,
    ) -> Self {
        let noted = Mutex::new(Noted { away, count: 0, left: 0 });
        Self { routes, stack, engine, timeout, noted, told: tokio::sync::Mutex::new(0) }
    }

    /// Notes who comes and goes, and tells how often that was done.
    fn note(&self, targets: &Targets) -> u64 {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.away.note(targets);
        noted.count += 1;
        if !targets.leaving.is_empty() {
            noted.left = noted.count;
        }
        noted.count
    }

    fn noted(&self) -> Noted {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Applies what differs, for the replicas that run and aren't away.
    async fn tell(
        &self,
        away: &Away,
        end: Instant,
        say: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Told, BackendError> {
        let platform = EnginePlatform::of(Arc::clone(&self.engine), &self.stack.name).await;
        let platform = platform.map_err(|error| unasked(error.to_string()))?.with_helper(helper_image());
        let way = gateway::now(&self.stack, &platform, &Named::default()).await;
        let way = way.map_err(|absent| unasked(Failure::from(absent).in_a_line()))?;
        way.admin.wait_ready(end, &|waits| say(format!("waiting: {waits}"))).await.map_err(of_admin)?;
        let Compared { declaration, plan } =
            self.routes.seen(&self.stack, &platform, &way, away).await.map_err(of_admin)?;
        if !plan.changes.is_empty() {
            say(words::counted(plan.changes.len(), "change"));
        }
        let applied = apply(&way.admin, &declaration, &plan, end, &|_| {}).await;
        refused(&plan, &applied)?;
        Ok(Told { way, plan, applied })
    }

    /// Tells it who comes and goes. Where somebody goes, until its proxy knows: who is stopped earlier is still asked.
    async fn take_over(&self, away: &Away, drains: bool) -> Result<(), BackendError> {
        let end = Instant::now() + self.timeout.min(FEW);
        let Told { way, plan, applied } = self.tell(away, end, &|_| {}).await?;
        if drains && applied.changed() {
            live::settled(&way, &plan, &owner_tag(&self.stack.name), end).await.map_err(of_admin)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Applier for ToldGateway {
    async fn apply(&self, say: &(dyn Fn(String) + Send + Sync)) -> Result<Vec<String>, BackendError> {
        let _told = self.told.lock().await;
        let told = self.tell(&self.noted().away, Instant::now() + self.timeout, say).await?;
        Ok(notes(&told.plan))
    }
}

#[async_trait]
impl Balancer for ToldGateway {
    async fn follow(&self, targets: &Targets) -> Result<Vec<String>, BackendError> {
        let mine = self.note(targets);
        let mut told = self.told.lock().await;
        // Whoever told it last spoke for those who waited.
        if *told >= mine {
            return Ok(Vec::new());
        }
        let noted = self.noted();
        match self.take_over(&noted.away, noted.left > *told).await {
            Ok(()) => {
                *told = noted.count;
                Ok(Vec::new())
            }
            // They go anyway.
            Err(error) if !targets.leaving.is_empty() && targets.joining.is_empty() => {
                let names = targets.leaving.join(", ");
                Ok(vec![format!("{names}: could not be taken off the gateway: {}", error.message)])
            }
            Err(error) => Err(error),
        }
    }
}

fn refused(plan: &RoutePlan, applied: &Applied) -> Result<(), BackendError> {
    let blocked = plan.blocked.as_ref().map(|_| Kind::Failed);
    let Some(kind) = applied.failure().or(blocked) else { return Ok(()) };
    let wrong = plan.impossible.iter().map(|it| format!("{}: {}", it.label, told(it)));
    let told: Vec<String> = match blocked {
        Some(_) if !plan.impossible.is_empty() => wrong.collect(),
        _ => words::failures(plan, applied),
    };
    Err(BackendError::of_all(kind, &told, "vv setup-routes --check shows each"))
}

fn unasked(message: String) -> BackendError {
    BackendError { kind: Kind::Failed, message, hints: Vec::new() }
}

fn of_admin(error: AdminError) -> BackendError {
    BackendError { kind: error.failure(), message: error.message, hints: error.hint.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_about_to_go_stays_away_while_others_come() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut away = Away(names(&["a-1", "b-1"]).into_iter().collect());
        away.note(&Targets { leaving: names(&["c-2"]), joining: Vec::new() });
        away.note(&Targets { leaving: Vec::new(), joining: names(&["a-1"]) });
        assert_eq!(away, Away(names(&["b-1", "c-2"]).into_iter().collect()));
        away.note(&Targets { leaving: Vec::new(), joining: names(&["b-1"]) });
        assert_eq!(away, Away(names(&["c-2"]).into_iter().collect()));
    }
}

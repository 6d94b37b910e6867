//! The routes of a start: compared while it is planned, applied once the gateway is ready, proven when all is; and the
//! gateway's targets, which follow the replicas.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::gateway::{self, Absent, Named, Way};
use super::interrupted;
use super::live::{self, Proving};
use crate::commands::context::{Context, helper_image, invalid_stack};
use crate::engine::Engine;
use crate::engine::platform::EnginePlatform;
use crate::failure::{Failure, Kind, Result};
use crate::plan::declared::{Comparison, Difference};
use crate::plan::observed::{ContainerState, ObservedContainer};
use crate::plan::operation::{Change, Targets};
use crate::routes::admin::AdminError;
use crate::routes::apply::{Applied, apply};
use crate::routes::declaration::Declaration;
use crate::routes::expand::{expand, services};
use crate::routes::plan::{Options, RoutePlan, plan};
use crate::routes::prove::{Level, Proof};
use crate::routes::read::{self, typed};
use crate::routes::{owner_tag, words};
use crate::run::BackendError;
use crate::run::apply::{Applier, Balancer};
use crate::stack::Stack;
use crate::stack::embedded::Layered;
use crate::stack::files::Disk;
use crate::stack::vv::Declared;

/// How long a gateway that runs may take to tell what it holds; else it is compared when it is ready.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a gateway may take over a few targets.
const FEW: Duration = Duration::from_secs(20);

/// What a stack declares of its gateway.
#[derive(Clone)]
pub struct Routes {
    pub(super) declaration: Declaration,
}

impl Routes {
    /// The routes of the stack; nothing where it declares none.
    ///
    /// # Errors
    /// What is wrong with the declaration.
    pub fn of(context: &Context, stack: &Stack) -> Result<Option<Self>> {
        let routes = Self::read(context, stack)?;
        for warning in routes.iter().flat_map(|routes| &routes.declaration.warnings) {
            context.printer.warn(warning);
        }
        Ok(routes)
    }

    /// The same, without a word, for a command that can do without: nothing also where they are declared wrongly.
    pub fn if_readable(context: &Context, stack: &Stack) -> Option<Self> {
        Self::read(context, stack).ok().flatten()
    }

    fn read(context: &Context, stack: &Stack) -> Result<Option<Self>> {
        let files = Layered::new(&Disk);
        let read = read::declared(stack, &files, &context.load_options()?.cwd).map_err(invalid_stack)?;
        Ok(read.map(|declaration| Self { declaration }))
    }

    /// The services whose replicas are targets.
    pub fn followed(&self, stack: &Stack) -> BTreeSet<String> {
        services(&self.declaration, stack.services.keys().map(String::as_str))
    }

    /// Compares them with what the gateway holds, where it runs and answers. Targets are left to the replicas' coming and
    /// going.
    pub async fn compare(
        &self,
        stack: &Stack,
        engine: &Arc<dyn Engine>,
        containers: &[ObservedContainer],
    ) -> Comparison {
        let unknown =
            Comparison { what: Declared::Routes, difference: Difference::Unknown, notes: Vec::new() };
        let gateways = gateway::gateways(stack);
        if gateways.is_empty() {
            let note =
                "routes are declared, and no service is known to be Kong: x-vv.kind: kong says which is";
            return Comparison { notes: vec![note.to_owned()], ..unknown };
        }
        let runs =
            |container: &&ObservedContainer| container.state == ContainerState::Running && !container.oneoff;
        if !containers.iter().filter(runs).any(|c| gateways.iter().any(|service| service.name == c.service)) {
            return unknown;
        }
        let asked = async {
            let platform =
                EnginePlatform::from_containers(Arc::clone(engine), containers.to_vec()).await.ok()?;
            let platform = platform.with_helper(helper_image());
            let way = gateway::now(stack, &platform, &Named::default()).await.ok()?;
            let seen = self.seen(stack, &platform, &way, &Away::default()).await.ok()?;
            Some(seen.plan)
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Some(plan)) => Comparison {
                what: Declared::Routes,
                difference: Difference::Known(changes(&plan)),
                notes: notes(&plan),
            },
            _ => unknown,
        }
    }

    /// Compares what is declared with what the gateway holds, for the replicas that run and aren't away.
    pub(super) async fn seen(
        &self,
        stack: &Stack,
        platform: &EnginePlatform,
        way: &Way,
        away: &Away,
    ) -> Result<Compared, AdminError> {
        let mut replicas = gateway::replicas(stack, platform);
        for names in replicas.values_mut() {
            names.retain(|name| !away.0.contains(name));
        }
        let mut declaration = self.declaration.clone();
        let gateway = way.admin.read(&declaration, &stack.name).await?;
        typed(&mut declaration, &gateway);
        expand(&mut declaration, &replicas);
        let options = Options {
            owner: stack.name.clone(),
            adopt: false,
            prune: false,
            now: super::now(),
            host: super::host(),
        };
        let plan = plan(&declaration, &gateway, &options);
        Ok(Compared { declaration, plan })
    }

    /// Applies them to a gateway that is ready, within this time, and keeps its targets in step with the replicas.
    /// `coming`: the replicas that a plan brings; each is a target once the plan says that it has come.
    pub fn told(
        &self,
        stack: &Stack,
        engine: &Arc<dyn Engine>,
        timeout: Duration,
        coming: BTreeSet<String>,
    ) -> Arc<ToldGateway> {
        let away = Mutex::new(Away(coming));
        let engine = Arc::clone(engine);
        Arc::new(ToldGateway { routes: self.clone(), stack: stack.clone(), engine, timeout, away })
    }

    /// Proves that each route answers, once all is ready; `changed`: the gateway was told something just now.
    ///
    /// # Errors
    /// The routes that aren't live; or the gateway can't be asked.
    pub async fn prove(
        &self,
        context: &Context,
        stack: &Stack,
        engine: &Arc<dyn Engine>,
        changed: bool,
        end: Instant,
    ) -> Result {
        let platform = EnginePlatform::of(Arc::clone(engine), &stack.name).await?.with_helper(helper_image());
        let way = match gateway::now(stack, &platform, &Named::default()).await {
            Ok(way) => way,
            // There is nothing to prove of one that isn't to run, or can't be asked from anywhere.
            Err(Absent::NotRunning(_) | Absent::Never(..)) => return Ok(()),
            Err(absent) => return Err(absent.into()),
        };
        let asked = async {
            let Compared { declaration, plan } = self.seen(stack, &platform, &way, &Away::default()).await?;
            live::prove(
                &way,
                &declaration,
                &plan,
                &Proving {
                    owner_tag: owner_tag(&stack.name),
                    unsafe_probes: false,
                    applied: false,
                    changed,
                    end,
                },
            )
            .await
        };
        let Some(proofs) = interrupted::or(&way, Some(&stack.name), asked).await else {
            return Err(Failure::new(Kind::Interrupted, "interrupted while the routes were proven")
                .hint("everything runs; vv setup-routes proves them"));
        };
        let proofs = proofs.map_err(gateway::failure_of)?;
        for proof in proofs.iter().filter(|proof| proof.level == Level::Warn) {
            context.printer.warn(format_args!("{}: {}", proof.label, proof.detail));
        }
        not_live(&proofs)?;
        let live = proofs.iter().filter(|proof| matches!(proof.level, Level::Ok | Level::Warn)).count();
        if live > 0 {
            context.printer.say(format_args!("{} live through the proxy", words::counted(live, "route")));
        }
        Ok(())
    }
}

/// The routes that aren't live.
fn not_live(proofs: &[Proof]) -> Result {
    let dead: Vec<&Proof> = proofs.iter().filter(|proof| proof.is_failure()).collect();
    let Some(first) = dead.first() else { return Ok(()) };
    let failure = match dead.len() {
        1 => Failure::new(Kind::Failed, format!("{} isn't live: {}", first.label, first.detail)),
        many => Failure::new(
            Kind::Failed,
            format!("{many} of {} aren't live", words::counted(proofs.len(), "route")),
        )
        .detail(dead.iter().map(|proof| format!("{}: {}", proof.label, proof.detail))),
    };
    Err(first.hint.iter().cloned().fold(failure, Failure::hint).hint("vv health shows each route"))
}

/// What is declared, with replicas in the place of services, and how the gateway differs from it.
pub(super) struct Compared {
    pub declaration: Declaration,
    pub plan: RoutePlan,
}

fn changes(plan: &RoutePlan) -> Vec<Change> {
    let planned = plan.changes.iter().map(words::planned);
    planned.map(|(symbol, what, cause)| Change { symbol, what, cause }).collect()
}

/// What stays as it is, and should be known.
fn notes(plan: &RoutePlan) -> Vec<String> {
    let impossible = plan.impossible.iter().map(|it| format!("{} stays as it is: {}", it.label, it.reason));
    plan.blocked.iter().map(|why| format!("routes: {why}")).chain(impossible).collect()
}

/// Replicas that run and aren't targets: not ready yet, or about to go.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Away(BTreeSet<String>);

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
    /// Held while the gateway is told: of two that tell it at once, the later might have looked at the replicas earlier.
    away: Mutex<Away>,
}

impl ToldGateway {
    /// Applies what differs, for the replicas that run and aren't away.
    async fn tell(
        &self,
        away: &Away,
        limit: Duration,
        say: &(dyn Fn(String) + Send + Sync),
    ) -> Result<(RoutePlan, Applied), BackendError> {
        let end = Instant::now() + limit;
        let platform = EnginePlatform::of(Arc::clone(&self.engine), &self.stack.name).await;
        let platform = platform.map_err(|error| unasked(error.to_string()))?.with_helper(helper_image());
        let way = gateway::now(&self.stack, &platform, &Named::default()).await;
        let way = way.map_err(|absent| unasked(Failure::from(absent).in_a_line()))?;
        way.admin.wait_ready(end, &|waits| say(format!("waiting: {waits}"))).await.map_err(of_admin)?;
        let seen = self.routes.seen(&self.stack, &platform, &way, away).await.map_err(of_admin)?;
        if !seen.plan.changes.is_empty() {
            say(words::counted(seen.plan.changes.len(), "change"));
        }
        let applied = apply(&way.admin, &seen.declaration, &seen.plan, end, &|_| {}).await;
        Ok((seen.plan, applied))
    }
}

#[async_trait]
impl Applier for ToldGateway {
    async fn apply(&self, say: &(dyn Fn(String) + Send + Sync)) -> Result<Vec<String>, BackendError> {
        let away = self.away.lock().await;
        let (plan, applied) = self.tell(&away, self.timeout, say).await?;
        refused(&plan, &applied)?;
        Ok(notes(&plan))
    }
}

#[async_trait]
impl Balancer for ToldGateway {
    async fn follow(&self, targets: &Targets) -> Result<Vec<String>, BackendError> {
        let mut away = self.away.lock().await;
        away.note(targets);
        let told = match self.tell(&away, self.timeout.min(FEW), &|_| {}).await {
            Ok((plan, applied)) => refused(&plan, &applied),
            Err(error) => Err(error),
        };
        match told {
            Ok(()) => Ok(Vec::new()),
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
    let Some(kind) = applied.failure() else { return Ok(()) };
    let told: Vec<String> = words::failures(plan, applied);
    let message = match told.as_slice() {
        [one] => one.clone(),
        many => format!("{} (and {} more)", many.first().cloned().unwrap_or_default(), many.len() - 1),
    };
    Err(BackendError { kind, message, hints: vec!["vv setup-routes --check shows each".to_owned()] })
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

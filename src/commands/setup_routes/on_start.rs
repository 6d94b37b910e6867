//! The routes of a start: compared while it is planned, applied once the gateway is ready, proven when all is; and the
//! gateway's targets, which follow the replicas.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::gateway::{self, Absent, Named, Way};
use super::interrupted;
use super::live::{self, Proving};
use super::told::{Away, ToldGateway};
use crate::commands::context::{Context, helper_image, invalid_stack};
use crate::engine::Engine;
use crate::engine::platform::EnginePlatform;
use crate::failure::{Failure, Kind, Result};
use crate::plan::declared::{Comparison, Difference};
use crate::plan::observed::{ContainerState, ObservedContainer};
use crate::plan::operation::Change;
use crate::routes::admin::AdminError;
use crate::routes::declaration::Declaration;
use crate::routes::expand::{expand, services};
use crate::routes::plan::{Impossible, Options, RoutePlan, plan};
use crate::routes::prove::{Level, Proof};
use crate::routes::read::{self, typed};
use crate::routes::{owner_tag, words};
use crate::stack::Stack;
use crate::stack::embedded::Layered;
use crate::stack::files::Disk;
use crate::stack::vv::Declared;

/// How long a gateway that runs may take to tell what it holds; else it is compared when it is ready.
const PATIENCE: Duration = Duration::from_secs(2);

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
        Arc::new(ToldGateway::new(self.clone(), stack.clone(), Arc::clone(engine), timeout, Away(coming)))
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
            Err(Absent::NotRunning { .. } | Absent::Never(..)) => return Ok(()),
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
                    unmade: live::unmade(&plan, None),
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
    let wrong = plan.impossible.iter().filter(|_| plan.blocked.is_some());
    let wrong = wrong.map(|it| ('!', format!("{} can't be as declared", it.label), told(it)));
    let planned = plan.changes.iter().map(words::planned).chain(wrong);
    planned.map(|(symbol, what, cause)| Change { symbol, what, cause }).collect()
}

/// Where something is declared that can't be so, and why.
pub(super) fn told(impossible: &Impossible) -> String {
    format!("{}: {}", impossible.mark, impossible.reason)
}

/// What stays as it is, and should be known.
pub(super) fn notes(plan: &RoutePlan) -> Vec<String> {
    if let Some(why) = &plan.blocked {
        return vec![format!("routes: {why}")];
    }
    plan.impossible.iter().map(|it| format!("{} isn't as declared: {}", it.label, told(it))).collect()
}

//! What the commands that change something have in common: look, plan, show or carry out.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::context::{Context, helper_image};
use super::declared::Beside;
use crate::cli::Format;
use crate::engine::{ConnectOptions, Engine, connect};
use crate::failure::{Failure, Result};
use crate::output::typed::typed;
use crate::plan::declared::Comparison;
use crate::plan::observed::Observed;
use crate::plan::operation::{Action, Operation, Plan};
use crate::plan::{Inputs, Stubs, images, render, which_need_inspect, with_targets};
use crate::probe::Secrets;
use crate::run::discreet::Discreet;
use crate::run::lock::{Holder, Lock, LockFile};
use crate::run::ready::ProbeReady;
use crate::run::{ExecuteOptions, execute};
use crate::stack::Stack;
use crate::stub;

/// How long a start may take to become ready.
pub const TIMEOUT: &str = "5m";

/// Options of every command that changes something.
#[derive(Debug, Clone, Copy, Args)]
pub struct DryRun {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How --dry-run shows it
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", requires = "dry_run")]
    pub format: Format,
}

/// A stack, what the engine has of it, and the right to change it.
pub struct Deployment<'a> {
    context: &'a Context,
    /// The stack.
    pub stack: Stack,
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// What was there when it was looked at last.
    pub observed: Observed,
    /// What the stack declares beside containers.
    beside: Beside,
    stubs: Stubs,
    cache_dir: PathBuf,
    /// Held until the command ends; none for a command that only looks.
    _lock: Option<Lock>,
}

impl<'a> Deployment<'a> {
    /// Loads the stack, connects, takes the lock unless this is a dry run, and looks. Four engine calls and the
    /// connection's one.
    pub async fn open(context: &'a Context, command: &str, dry_run: bool) -> Result<Self> {
        let stack = context.load(&[])?;
        Self::of(context, stack, command, dry_run).await
    }

    /// The same, of a stack that is loaded already.
    pub async fn of(context: &'a Context, stack: Stack, command: &str, dry_run: bool) -> Result<Self> {
        let engine = context.engine().await?;
        let lock = match dry_run {
            true => None,
            false => Some(lock(context, &stack, command).await?),
        };
        let stubs = stub::stubs_of(&stack)?;
        let mut deployment = Self {
            context,
            stack,
            engine,
            observed: Observed::default(),
            beside: Beside::default(),
            stubs,
            cache_dir: crate::dirs::cache(),
            _lock: lock,
        };
        deployment.look().await?;
        Ok(deployment)
    }

    /// Looks at what is there. Containers that say nothing about what they were made of are inspected.
    pub async fn look(&mut self) -> Result {
        self.observed = self.engine.observe(&self.stack.name).await?;
        let unknown = which_need_inspect(&self.stack, &self.observed);
        let details = unknown.iter().map(|id| self.engine.inspect_with_image(id));
        // One that has gone since then will be missing in the plan's execution, too; nothing to say about it here.
        let details: Vec<_> = futures_util::future::join_all(details).await.into_iter().flatten().collect();
        for container in &mut self.observed.containers {
            if let Some(details) = details.iter().find(|details| details.id == container.id) {
                container.inspected = Some(Box::new(details.spec.clone()));
                container.image_sets = Some(Box::new(details.image_sets.clone()));
            }
        }
        Ok(())
    }

    /// With what the stack declares beside containers, for a command that applies it: who takes containers away has no
    /// use for it.
    #[must_use]
    pub fn declaring(self, beside: Beside) -> Self {
        Self { beside, ..self }
    }

    /// What the stack declares beside containers, compared with what its systems hold, where they can be asked.
    pub async fn compare(&self) -> Vec<Comparison> {
        self.beside.compare(&self.stack, &self.engine, &self.observed.containers).await
    }

    /// Proves that each declared route answers, after this plan.
    pub async fn prove_routes(&self, plan: &Plan, timeout: Duration) -> Result {
        let Some(routes) = &self.beside.routes else { return Ok(()) };
        let told = |operation: &Operation| matches!(operation.action, Action::Apply(_) | Action::Targets(_));
        let changed = self.with_targets(plan).operations.iter().any(told);
        let end = tokio::time::Instant::now() + timeout;
        routes.prove(self.context, &self.stack, &self.engine, changed, end).await
    }

    /// What plans are made from.
    pub fn inputs(&self) -> Inputs<'_> {
        Inputs {
            stack: &self.stack,
            observed: &self.observed,
            stubs: &self.stubs,
            cache_dir: &self.cache_dir,
        }
    }

    /// Prints a plan as `--dry-run` does.
    pub fn show(&self, plan: &Plan, format: Format) {
        show(self.context, &self.stack, &self.with_targets(plan), format);
    }

    /// The plan in which the gateway's targets follow the replicas.
    fn with_targets<'p>(&self, plan: &'p Plan) -> Cow<'p, Plan> {
        match &self.beside.routes {
            Some(routes) => {
                let followed = routes.followed(&self.stack);
                Cow::Owned(with_targets(plan.clone(), &self.stack, &self.observed, &followed))
            }
            None => Cow::Borrowed(plan),
        }
    }

    /// Lets others change the stack from here on; the engine is what is left.
    pub fn unlock(self) -> Arc<dyn Engine> {
        self.engine
    }

    /// Shows a plan, or carries it out; says `nothing` when it is empty.
    pub async fn finish(&self, plan: &Plan, dry_run: DryRun, nothing: &str) -> Result {
        let timeout = Duration::from_secs(600);
        self.finish_within(plan, dry_run, nothing, timeout).await
    }

    /// The same, with a limit on waiting.
    pub async fn finish_within(
        &self,
        plan: &Plan,
        dry_run: DryRun,
        nothing: &str,
        timeout: Duration,
    ) -> Result {
        if dry_run.dry_run {
            self.show(plan, dry_run.format);
            return Ok(());
        }
        self.carry_out(plan, timeout).await?;
        if plan.operations.is_empty() {
            self.context.printer.say(nothing);
        }
        Ok(())
    }

    /// Carries a plan out. Ends with a failure that says what to do.
    pub async fn carry_out(&self, plan: &Plan, timeout: Duration) -> Result {
        for note in &plan.notes {
            self.context.printer.say(typed(note));
        }
        if plan.operations.is_empty() {
            return Ok(());
        }
        let plan = self.with_targets(plan);
        let ready = ProbeReady::new(Arc::clone(&self.engine), self.stack.clone());
        let ready = Arc::new(ready.with_helper(helper_image()));
        let info = self.engine.info().await?;
        let stub_image = move |_: &str| stub::image::archive(&info).map_err(|failure| failure.in_a_line());
        let (appliers, balancer) = self.beside.appliers(&self.stack, &self.engine, timeout, &plan);
        let options = ExecuteOptions {
            timeout: Some(timeout),
            appliers,
            balancer,
            stub_image: Some(Arc::new(stub_image)),
            images: images::uses(&self.stack),
            ..ExecuteOptions::new(&self.stack.name)
        };
        let reporter = self.context.printer.reporter();
        let secrets = Secrets::of(&self.stack);
        let discreet = Discreet { to: reporter.as_ref(), secrets: &secrets };
        let interrupt = super::interrupt();
        let outcome = execute(&plan, Arc::clone(&self.engine), ready, &discreet, &options, &interrupt).await;
        let outcome = outcome.map_err(|error| Failure::from(error).without(&secrets))?;
        // What was only a warning has been reported by now.
        for note in outcome.notes {
            self.context.printer.warn(secrets.scrub(note));
        }
        Ok(())
    }
}

/// Prints a plan.
pub fn show(context: &Context, stack: &Stack, plan: &Plan, format: Format) {
    match format {
        Format::Json => context.printer.json(&render::json(&stack.name, plan)),
        Format::Table if !plan.changes_anything() => {
            let text = render::text(plan);
            if !text.is_empty() {
                context.printer.data(text.trim_end());
            }
            context.printer.data("nothing to do");
        }
        Format::Table => context.printer.data(render::text(plan).trim_end()),
    }
}

/// The right to change a stack on the engine at hand.
pub(super) async fn lock(context: &Context, stack: &Stack, command: &str) -> Result<Lock> {
    let endpoint = connect::resolve(&ConnectOptions::from_env())?.address.to_string();
    lock_at(context, &endpoint, &stack.name, command).await
}

/// The right to change what goes by this name at a place.
pub(super) async fn lock_at(context: &Context, place: &str, name: &str, command: &str) -> Result<Lock> {
    let file = LockFile::new(place, name);
    let locked = match context.options.wait_lock {
        false => file.try_lock(command),
        true => {
            let waiting = |holder: Option<&Holder>| match holder {
                Some(holder) => context.printer.say(format_args!("waiting for {holder}")),
                None => context.printer.say("waiting for another vv"),
            };
            file.lock(command, waiting).await
        }
    };
    Ok(locked?)
}

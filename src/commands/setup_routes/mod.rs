//! `vv setup-routes`: Kong's entities as the stack, or a file, declares them, and the proof that each route answers. What
//! a start, a scaling and health do with them is here too.

mod gateway;
mod interrupted;
mod live;
pub mod on_health;
pub mod on_start;
mod on_urls;
mod told;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueHint};
use tokio::time::Instant;
use url::Url;

use self::gateway::{Named, Replicas, Way, failure_of};
pub use self::told::ToldGateway;
use super::context::{Context, invalid_stack};
use super::deploy;
use crate::cli::Format;
use crate::engine::Engine;
use crate::failure::{Failure, Kind, Result};
use crate::output::routes as shown;
use crate::routes::apply::{Applied, apply};
use crate::routes::declaration::Declaration;
use crate::routes::dump;
use crate::routes::expand::expand;
use crate::routes::owner_tag;
use crate::routes::plan::{Options, RoutePlan, plan};
use crate::routes::prove::Proof;
use crate::routes::read::{self, typed};
use crate::routes::report::Report;
use crate::run::lock::Lock;
use crate::stack::embedded::Layered;
use crate::stack::files::Disk;
use crate::stack::merged::Env;
use crate::stack::{Stack, project_name};

/// Make Kong's routes what the stack declares, and prove that each answers
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv setup-routes                          the file of x-vv.routes
  vv setup-routes --check                  for scripts: exit 1 when it differs, or a route isn't live
  vv setup-routes --dump >kong.yml         what the gateway has
  vv setup-routes --prune                  deletes what this stack made and doesn't declare any more
  vv setup-routes --admin-url http://localhost:8001 --routes kong.yml -p shop")]
pub struct SetupRoutesArgs {
    /// File that declares the routes, in Kong's declarative format, instead of the stack's x-vv.routes
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    routes: Option<PathBuf>,
    /// Kong's Admin API, instead of the stack's
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    admin_url: Option<Url>,
    /// Header to send to the Admin API, such as a login; may be repeated
    #[arg(long, value_name = "NAME: VALUE")]
    admin_header: Vec<String>,
    /// Kong's proxy, through which routes are proven
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    proxy_url: Option<Url>,
    /// Change nothing; exit 1 when the gateway isn't as declared, or a route isn't live
    #[arg(long)]
    check: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete what this stack made and doesn't declare any more; without a database, all that isn't declared
    #[arg(long, conflicts_with_all = ["check", "dump"])]
    prune: bool,
    /// Take over what is declared here and was made by somebody else
    #[arg(long, conflicts_with_all = ["check", "dump"])]
    adopt: bool,
    /// Don't prove the routes through the proxy
    #[arg(long)]
    no_live: bool,
    /// Also send what may change something: the methods of routes that take neither GET, HEAD nor OPTIONS
    #[arg(long, conflicts_with = "no_live")]
    unsafe_probes: bool,
    /// How long it may take until Kong is ready and all is done
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = super::parse_some_time)]
    timeout: Duration,
    /// Write what the gateway has as a kong.yml to stdout
    #[arg(long, conflicts_with_all = ["routes", "check", "dry_run", "format", "all", "no_live", "unsafe_probes"])]
    dump: bool,
    /// Secrets, too, and not variables in their place
    #[arg(long, requires = "dump")]
    secrets: bool,
    /// Show each route, those that are live too
    #[arg(short, long)]
    all: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Compares, shows, applies, proves; exit 1 where something differs, can't be or isn't live, 5 where Kong refuses.
pub async fn run(context: &Context, args: SetupRoutesArgs) -> Result {
    let end = Instant::now() + args.timeout;
    let named = Named::read(args.admin_url.clone(), &args.admin_header, args.proxy_url.clone())?;
    let stack = stack(context, &args)?;
    let owner = owner(context, stack.as_ref(), args.dump)?;
    let declaration = match args.dump {
        true => None,
        false => Some(declaration(context, stack.as_ref(), &args)?),
    };
    let (way, replicas) = way(context, stack.as_ref(), &named, args.timeout, end).await?;
    let Some(mut declaration) = declaration else {
        let gateway = way.admin.read_whole(&Declaration::default(), &owner).await.map_err(failure_of)?;
        let options = dump::Options { secrets: args.secrets };
        context.printer.data(dump::text(&gateway, &options).trim_end());
        return Ok(());
    };
    // From the first look on: who comes second compares with what the first has made.
    let writes = !args.check && !args.dry_run;
    let _lock = match writes {
        true => Some(lock(context, stack.as_ref(), &way, &named, &owner).await?),
        false => None,
    };
    let reached = interrupted::Reached::default();
    let job = Job { context, args: &args, owner: &owner, way: &way, end, reached: &reached };
    let done = job.carry_out(&mut declaration, replicas.as_ref());
    interrupted::or(&way, writes.then_some(&owner), done).await.unwrap_or_else(|| Err(reached.failure()))
}

/// One run, once the gateway is ready.
struct Job<'a> {
    context: &'a Context,
    args: &'a SetupRoutesArgs,
    owner: &'a str,
    way: &'a Way,
    end: Instant,
    /// The change that ended last: `3 of 40: route orders`.
    reached: &'a interrupted::Reached,
}

impl Job<'_> {
    async fn carry_out(&self, declaration: &mut Declaration, replicas: Option<&Replicas>) -> Result {
        let Self { args, way, owner, end, .. } = self;
        let gateway = match args.prune {
            true => way.admin.read_whole(declaration, owner).await,
            false => way.admin.read(declaration, owner).await,
        };
        let gateway = gateway.map_err(failure_of)?;
        typed(declaration, &gateway);
        if let Some(replicas) = replicas {
            expand(declaration, replicas);
        }
        let options = Options {
            owner: (*owner).to_owned(),
            adopt: args.adopt,
            prune: args.prune,
            now: now(),
            host: host(),
        };
        let plan = plan(declaration, &gateway, &options);
        let applied = match args.check || args.dry_run {
            true => None,
            false => Some(apply(&way.admin, declaration, &plan, *end, &|what| self.reached.note(what)).await),
        };
        let unproven = self.unproven(&plan, applied.as_ref());
        let proven = match unproven {
            Some(_) => Ok(Vec::new()),
            None => self.prove(declaration, &plan, applied.as_ref()).await,
        };
        self.show(&plan, applied.as_ref(), proven.as_deref().unwrap_or_default(), unproven);
        // What was done is done, and shown.
        let proofs = proven?;
        match outcome(&plan, args, applied.as_ref(), &proofs) {
            Some(kind) => Err(Failure::quiet(kind)),
            None => Ok(()),
        }
    }

    /// Why the routes aren't proven: it is unwanted, useless or impossible.
    fn unproven(&self, plan: &RoutePlan, applied: Option<&Applied>) -> Option<&str> {
        if self.args.no_live {
            return Some("--no-live");
        }
        if self.args.dry_run {
            return Some("--dry-run");
        }
        if plan.blocked.is_some() || applied.is_some_and(|applied| !applied.said.is_empty()) {
            return Some("what is declared wasn't sent, or not taken");
        }
        let why = self.way.proxy.as_ref().err()?;
        self.context.printer.warn(format_args!("the routes aren't proven: {why}"));
        Some(why)
    }

    /// Proves the routes.
    async fn prove(
        &self,
        declaration: &Declaration,
        plan: &RoutePlan,
        applied: Option<&Applied>,
    ) -> Result<Vec<Proof>> {
        let proving = live::Proving {
            owner_tag: owner_tag(self.owner),
            unsafe_probes: self.args.unsafe_probes,
            unmade: live::unmade(plan, applied),
            changed: applied.is_some_and(Applied::changed),
            end: self.end,
        };
        live::prove(self.way, declaration, plan, &proving).await.map_err(failure_of)
    }

    /// Shows what was found, done and answered.
    fn show(&self, plan: &RoutePlan, applied: Option<&Applied>, proofs: &[Proof], unproven: Option<&str>) {
        match self.args.format {
            Format::Json => {
                self.context.printer.json(&Report::new(self.owner, plan, applied, proofs, unproven));
            }
            Format::Table => self.context.printer.data(shown::table(plan, applied, proofs, self.args.all)),
        }
    }
}

/// The right to change the gateway: the stack's, which a start takes too, or that of the address that is named.
async fn lock(
    context: &Context,
    stack: Option<&Stack>,
    way: &Way,
    named: &Named,
    owner: &str,
) -> Result<Lock> {
    const COMMAND: &str = "setup-routes";
    match stack.filter(|_| named.admin.is_none()) {
        Some(stack) => deploy::lock(context, stack, COMMAND).await,
        None => deploy::lock_at(context, &way.admin.address(), owner, COMMAND).await,
    }
}

/// The name of this host: of the runs of a stack on it, one is at work.
pub(super) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The stack at hand; nothing where the gateway and the file are named and there is no stack that anybody chose.
fn stack(context: &Context, args: &SetupRoutesArgs) -> Result<Option<Stack>> {
    let is_enough = args.admin_url.is_some() && (args.routes.is_some() || args.dump);
    if !is_enough {
        let quiet = args.format == Format::Json || args.dump;
        return if quiet { context.load_quietly(&[]) } else { context.load(&[]) }.map(Some);
    }
    // One that is broken has nothing to do with that gateway.
    Ok(context.load_quietly(&[]).ok().filter(|stack| !stack.origin.fallback))
}

/// Whose entities they are: the tag `vv:<owner>` says it.
fn owner(context: &Context, stack: Option<&Stack>, dump: bool) -> Result<String> {
    let named = context.options.project_name.clone();
    if let (None, Some(name)) = (stack, &named) {
        project_name::check(name).map_err(Failure::usage)?;
    }
    stack.map(|stack| stack.name.clone()).or(named).or_else(|| dump.then(String::new)).ok_or_else(|| {
        Failure::usage("whose routes these are isn't known: there is no stack here")
            .hint("-p NAME: what vv makes is tagged vv:NAME, and nothing else is ever changed")
    })
}

fn declaration(context: &Context, stack: Option<&Stack>, args: &SetupRoutesArgs) -> Result<Declaration> {
    let options = context.load_options()?;
    let files = Layered::new(&Disk);
    let declaration = match (&args.routes, stack) {
        (Some(path), stack) => {
            let env = stack.map_or_else(|| Env(options.env.clone()), |stack| stack.vv.variables.clone());
            let is_kongs_own = stack.is_some_and(|stack| read::is_kongs_own(stack, &options.cwd.join(path)));
            let read = match is_kongs_own {
                true => read::read_as_is(path, &files, &options.cwd),
                false => read::read_file(path, &env, &files, &options.cwd),
            };
            Some(read.map_err(invalid_stack)?)
        }
        (None, Some(stack)) => read::declared(stack, &files, &options.cwd).map_err(invalid_stack)?,
        (None, None) => None,
    };
    let declaration = declaration.ok_or_else(|| {
        let name = stack.map(|stack| stack.name.as_str()).unwrap_or_default();
        let failure = Failure::usage(format!("the stack {name} declares no routes"))
            .hint("name a file: x-vv: {routes: kong.yml}, or --routes FILE");
        match stack.is_some_and(|stack| !gateway::gateways(stack).is_empty()) {
            true => failure.hint("vv setup-routes --dump writes one from what exists"),
            false => failure,
        }
    })?;
    for warning in &declaration.warnings {
        context.printer.warn(warning);
    }
    Ok(declaration)
}

/// The gateway, ready; and the stack's replicas, where there is a stack that runs somewhere.
async fn way(
    context: &Context,
    stack: Option<&Stack>,
    named: &Named,
    timeout: Duration,
    end: Instant,
) -> Result<(Way, Option<Replicas>)> {
    let Some(way) = named.way()? else {
        let Some(stack) = stack else { return Err(Failure::usage("there is no stack here")) };
        let engine = context.engine_within(timeout).await?;
        let (way, platform) = gateway::of_stack(context, &engine, stack, named, end).await?;
        return Ok((way, Some(gateway::replicas(stack, &platform))));
    };
    let say = |waits: &str| context.printer.say(format_args!("waiting until Kong is ready: {waits}"));
    way.admin.wait_ready(end, &say).await.map_err(failure_of)?;
    let replicas = match stack {
        Some(stack) => of_engine(context, stack).await,
        None => None,
    };
    Ok((way, replicas))
}

/// The stack's replicas; nothing where there is no engine to ask, or nothing of it runs there.
async fn of_engine(context: &Context, stack: &Stack) -> Option<Replicas> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let engine: Arc<dyn Engine> = context.engine_within(PATIENCE).await.ok()?;
    let platform = context.platform(engine, stack).await.ok()?;
    (!platform.containers().is_empty()).then(|| gateway::replicas(stack, &platform))
}

/// The kind of the failure that the whole comes to: what Kong refused, then what can't be or isn't live.
fn outcome(
    plan: &RoutePlan,
    args: &SetupRoutesArgs,
    applied: Option<&Applied>,
    proofs: &[Proof],
) -> Option<Kind> {
    let differs = args.check && !plan.is_settled();
    let dead = proofs.iter().any(Proof::is_failure);
    let failed = differs || dead || !plan.impossible.is_empty() || plan.blocked.is_some();
    applied.and_then(Applied::failure).or(failed.then_some(Kind::Failed))
}

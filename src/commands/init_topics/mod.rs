//! `vv init-topics`: Kafka's topics as the stack, or a file, declares them. What a start and health do with them is here
//! too.

mod cluster;
pub mod on_health;
pub mod on_start;
mod prune;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueHint};
use tokio::time::Instant;

use self::cluster::Access;
use super::context::{Context, invalid_stack};
use crate::cli::Format;
use crate::failure::{Failure, Kind, Result};
use crate::output::topics as shown;
use crate::platform::Platform;
use crate::stack::Stack;
use crate::stack::embedded::Layered;
use crate::stack::files::Disk;
use crate::stack::merged::Env;
use crate::topics::admin::{Admin, AdminError};
use crate::topics::apply::{Applied, apply};
use crate::topics::declaration::Declaration;
use crate::topics::kafka::Kafka;
use crate::topics::plan::{TopicPlan, plan};
use crate::topics::report::Report;
use crate::topics::{declared, from_cluster, read_file};

/// Make Kafka's topics what the stack declares
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv init-topics                          the topics of x-vv.topics
  vv init-topics --check                  for scripts: exit 1 when they differ
  vv init-topics --from-cluster >topics.yml
  vv init-topics --bootstrap kafka1:9093 --command-config client.properties")]
pub struct InitTopicsArgs {
    /// Brokers to ask instead of the stack's; may be repeated
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    bootstrap: Vec<String>,
    /// File that declares the topics, instead of the stack's x-vv.topics
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    topics: Option<PathBuf>,
    /// Change nothing; exit 1 when the topics aren't as declared
    #[arg(long)]
    check: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// How long it may take until the brokers are ready and all is done
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = super::parse_some_time)]
    timeout: Duration,
    /// Delete topics that aren't declared and whose name matches; asks first. May be repeated
    #[arg(long, value_name = "GLOB", conflicts_with_all = ["check", "from_cluster"])]
    prune: Vec<String>,
    /// Don't ask before topics are deleted
    #[arg(short, long, requires = "prune")]
    yes: bool,
    /// Write what exists as a topics.yml to stdout
    #[arg(long, conflicts_with_all = ["topics", "check", "dry_run", "format", "all"])]
    from_cluster: bool,
    /// File with the client's properties, as Kafka's own tools take it: TLS, SASL
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    command_config: Option<PathBuf>,
    /// Show each topic, those that are as declared too
    #[arg(short, long)]
    all: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Compares, shows, and applies; exit 1 where something differs or can't be, 5 where the broker refuses.
pub async fn run(context: &Context, args: InitTopicsArgs) -> Result {
    let end = Instant::now() + args.timeout;
    let access = Access::read(&args.bootstrap, args.command_config.as_deref(), context)?;
    let stack = stack(context, &args, &access)?;
    let declaration = match args.from_cluster {
        true => None,
        false => Some(declaration(context, stack.as_ref(), &args)?),
    };
    let platform = match &stack {
        Some(stack) if access.is_elsewhere() => cluster::names_of(context, stack).await,
        _ => None,
    };
    let kafka = match &stack {
        Some(stack) if !access.is_elsewhere() => {
            let engine = context.engine_within(args.timeout).await?;
            cluster::of_stack(context, engine, stack, access, end).await
        }
        stack => access.connect(stack.as_ref().zip(platform), end).await,
    };
    let kafka = kafka.map_err(failure_of)?;
    let Some(declaration) = declaration else {
        let cluster = read_all(&kafka).await.map_err(failure_of)?;
        context.printer.data(from_cluster::text(&cluster).trim_end());
        return Ok(());
    };
    let cluster = kafka.read(&declaration.names()).await.map_err(failure_of)?;
    let plan = plan(&declaration, &cluster);
    let name = stack.map(|stack| stack.name).unwrap_or_default();
    let pruned = prune::chosen(context, &plan, &args.prune)?;
    if args.check || args.dry_run {
        show(context, &args, &name, &declaration, &plan, None);
        for topic in &pruned {
            context.printer.say(format_args!("would be deleted: {topic}"));
        }
        let differs = args.check && !plan.is_settled();
        return if differs { Err(Failure::quiet(Kind::Failed)) } else { Ok(()) };
    }
    // Before anything is done: who says no has changed nothing.
    prune::sure(context, &pruned, args.yes)?;
    let left = end.saturating_duration_since(Instant::now());
    let applied = apply(&kafka, &declaration, &plan, left).await;
    show(context, &args, &name, &declaration, &plan, Some(&applied));
    prune::delete(context, &kafka, &pruned, end.saturating_duration_since(Instant::now())).await?;
    match outcome(&plan, &applied) {
        Some(kind) => Err(Failure::quiet(kind)),
        None => Ok(()),
    }
}

/// The stack at hand; nothing where brokers and topics are named and there is no stack that anybody chose.
fn stack(context: &Context, args: &InitTopicsArgs, access: &Access) -> Result<Option<Stack>> {
    let is_enough = access.is_elsewhere() && (args.topics.is_some() || args.from_cluster);
    if !is_enough {
        let quiet = args.format == Format::Json || args.from_cluster;
        return if quiet { context.load_quietly(&[]) } else { context.load(&[]) }.map(Some);
    }
    // One that is broken has nothing to do with those brokers.
    Ok(context.load_quietly(&[]).ok().filter(|stack| !stack.origin.fallback))
}

fn declaration(context: &Context, stack: Option<&Stack>, args: &InitTopicsArgs) -> Result<Declaration> {
    let options = context.load_options()?;
    let files = Layered::new(&Disk);
    let declaration = match (&args.topics, stack) {
        (Some(path), stack) => {
            let env = stack.map_or_else(|| Env(options.env.clone()), |stack| stack.vv.variables.clone());
            Some(read_file(path, &env, &files, &options.cwd).map_err(invalid_stack)?)
        }
        (None, Some(stack)) => declared(stack, &files, &options.cwd).map_err(invalid_stack)?,
        (None, None) => None,
    };
    let declaration = declaration.ok_or_else(|| {
        let name = stack.map(|stack| stack.name.as_str()).unwrap_or_default();
        Failure::usage(format!("the stack {name} declares no topics"))
            .hint("name a file: x-vv: {topics: topics.yml}, or --topics FILE")
            .hint("vv init-topics --from-cluster writes one from what exists")
    })?;
    for warning in &declaration.warnings {
        context.printer.warn(warning);
    }
    Ok(declaration)
}

async fn read_all(kafka: &Kafka) -> Result<crate::topics::cluster::Cluster, AdminError> {
    let cluster = kafka.read(&[]).await?;
    let names: Vec<String> = cluster.topics.into_keys().collect();
    kafka.read(&names).await
}

fn show(
    context: &Context,
    args: &InitTopicsArgs,
    stack: &str,
    declaration: &Declaration,
    plan: &TopicPlan,
    applied: Option<&Applied>,
) {
    match (args.format, applied) {
        (Format::Json, _) => context.printer.json(&Report::new(stack, declaration, plan, applied)),
        (Format::Table, Some(applied)) => context.printer.data(shown::applied(plan, applied, args.all)),
        (Format::Table, None) => context.printer.data(shown::plan(plan, args.all)),
    }
}

/// The kind of failure that the whole comes to: what the broker refused, then what can't be.
fn outcome(plan: &TopicPlan, applied: &Applied) -> Option<Kind> {
    applied.failure().or_else(|| (!plan.impossible.is_empty()).then_some(Kind::Failed))
}

/// A cluster that can't be asked: it refuses, or isn't ready in time.
fn failure_of(error: AdminError) -> Failure {
    let failure = Failure::new(error.kind(), error.message);
    error.hint.into_iter().fold(failure, Failure::hint)
}

/// A platform, for many tasks.
type Shared = Arc<dyn Platform>;

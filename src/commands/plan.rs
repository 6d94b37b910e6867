//! `vv plan`: every operation that start would do, each with its cause.

use clap::Args;

use super::complete;
use super::context::{self, Context};
use super::declared::Beside;
use super::deploy::Deployment;
use crate::cli::Format;
use crate::failure::{Failure, Kind, Result};
use crate::plan::{StartRequest, preview_plan};

/// Show every operation that start would do, each with its cause
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv plan
  vv plan --check   for scripts: exit 1 when start would change something")]
pub struct PlanArgs {
    /// Services; all when none is named
    #[arg(value_name = "SERVICE", add = complete::services())]
    services: Vec<String>,
    /// Build images anew, even those that are there
    #[arg(long)]
    build: bool,
    /// Pull images anew, even those that are there
    #[arg(long)]
    pull: bool,
    /// Replace containers, even where nothing has changed
    #[arg(long)]
    force_recreate: bool,
    /// Leave what the services depend on alone
    #[arg(long)]
    no_deps: bool,
    /// Remove containers of services that aren't in the stack any more
    #[arg(long)]
    remove_orphans: bool,
    /// Go back to the file's number of replicas, where `vv scale` added some
    #[arg(long)]
    reset_scale: bool,
    /// Exit 1 when there is something to do
    #[arg(long)]
    check: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Shows it. Changes nothing.
pub async fn run(context: &Context, args: PlanArgs) -> Result {
    let stack = context.load_for(args.format, &args.services)?;
    for service in &args.services {
        context::service(&stack, service)?;
    }
    let beside = Beside::of(context, &stack)?;
    let deployment = Deployment::of(context, stack, "plan", true).await?;
    let deployment = deployment.declaring(beside);
    let request = StartRequest {
        services: args.services,
        no_deps: args.no_deps,
        build: args.build,
        pull: args.pull,
        force_recreate: args.force_recreate,
        remove_orphans: args.remove_orphans,
        reset_scale: args.reset_scale,
        declared: deployment.compare().await,
        ..StartRequest::default()
    };
    let plan = preview_plan(&deployment.inputs(), &request)?;
    deployment.show(&plan, args.format);
    match args.check && plan.changes_anything() {
        true => Err(Failure::quiet(Kind::Failed)),
        false => Ok(()),
    }
}

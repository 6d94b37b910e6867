//! `vv plan`: every operation that start would do, each with its cause.

use clap::Args;

use super::complete;
use super::context::{self, Context};
use super::deploy::Deployment;
use crate::cli::Format;
use crate::failure::{Failure, Kind, Result};
use crate::plan::{StartRequest, preview_plan};

/// Show every operation that start would do, each with its cause
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Services; all when none is named
    #[arg(value_name = "SERVICE", add = complete::services())]
    services: Vec<String>,
    /// As start's
    #[arg(long)]
    build: bool,
    /// As start's
    #[arg(long)]
    pull: bool,
    /// As start's
    #[arg(long)]
    force_recreate: bool,
    /// As start's
    #[arg(long)]
    no_deps: bool,
    /// As start's
    #[arg(long)]
    remove_orphans: bool,
    /// As start's
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
    let stack = match args.format {
        Format::Table => context.load(&args.services)?,
        Format::Json => context.load_quietly(&args.services)?,
    };
    for service in &args.services {
        context::service(&stack, service)?;
    }
    let deployment = Deployment::of(context, stack, "plan", true).await?;
    let request = StartRequest {
        services: args.services,
        no_deps: args.no_deps,
        build: args.build,
        pull: args.pull,
        force_recreate: args.force_recreate,
        remove_orphans: args.remove_orphans,
        reset_scale: args.reset_scale,
        ..StartRequest::default()
    };
    let plan = preview_plan(&deployment.inputs(), &request)?;
    deployment.show(&plan, args.format);
    match args.check && plan.changes_anything() {
        true => Err(Failure::quiet(Kind::Failed)),
        false => Ok(()),
    }
}

//! `vv stop`: stops containers and keeps them.

use std::time::Duration;

use clap::Args;

use super::complete;
use super::context::{self, Context};
use super::declared::Beside;
use super::deploy::{Deployment, DryRun};
use crate::failure::Result;
use crate::plan::stop_plan;

/// Stop containers and keep them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv stop
  vv stop --timeout 30s web")]
pub struct StopArgs {
    /// Services; all when none is named
    #[arg(value_name = "SERVICE", add = complete::services())]
    services: Vec<String>,
    /// How long each may take before it is killed [default: what the file says, else 10s]
    #[arg(short, long, value_name = "TIME", value_parser = super::parse_duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Stops them, dependents first.
pub async fn run(context: &Context, args: StopArgs) -> Result {
    let stack = context.load_for(args.dry_run.format, &args.services)?;
    for service in &args.services {
        context::service(&stack, service)?;
    }
    let beside = Beside::of_gateway(context, &stack);
    let deployment = Deployment::of(context, stack, "stop", args.dry_run.dry_run).await?.declaring(beside);
    let plan = stop_plan(&deployment.inputs(), &args.services, args.timeout)?;
    deployment.finish(&plan, args.dry_run, "nothing runs: nothing to do").await
}

//! `vv restart`: stops and starts containers, and waits until they are ready.

use std::time::Duration;

use clap::Args;

use super::complete;
use super::context::{self, Context};
use super::declared::Beside;
use super::deploy::{self, Deployment, DryRun};
use crate::failure::Result;
use crate::plan::restart_plan;

/// Stop and start containers, and wait until they are ready again
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv restart web")]
pub struct RestartArgs {
    /// Services; all when none is named
    #[arg(value_name = "SERVICE", add = complete::services())]
    services: Vec<String>,
    /// Don't wait until the services are ready again
    #[arg(long)]
    no_wait: bool,
    /// How long it may take to become ready again
    #[arg(long, value_name = "TIME", default_value = deploy::TIMEOUT, value_parser = super::parse_some_time)]
    timeout: Duration,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Restarts them in dependency order.
pub async fn run(context: &Context, args: RestartArgs) -> Result {
    let stack = context.load_for(args.dry_run.format, &args.services)?;
    for service in &args.services {
        context::service(&stack, service)?;
    }
    let beside = Beside::of_gateway(context, &stack);
    let deployment = Deployment::of(context, stack, "restart", args.dry_run.dry_run).await?.declaring(beside);
    let plan = restart_plan(&deployment.inputs(), &args.services, None, args.no_wait)?;
    deployment.finish_within(&plan, args.dry_run, "there is no container to restart", args.timeout).await
}

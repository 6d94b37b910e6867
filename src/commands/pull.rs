//! `vv pull`: pulls images.

use clap::Args;

use super::complete;
use super::context::{self, Context};
use super::deploy::{Deployment, DryRun};
use crate::failure::Result;
use crate::plan::pull_plan;

/// Pull images
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv pull
  vv pull kafka redis")]
pub struct PullArgs {
    /// Services; all when none is named
    #[arg(value_name = "SERVICE", add = complete::services())]
    services: Vec<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Pulls them in parallel.
pub async fn run(context: &Context, args: PullArgs) -> Result {
    let stack = context.load_for(args.dry_run.format, &args.services)?;
    for service in &args.services {
        context::service(&stack, service)?;
    }
    let deployment = Deployment::of(context, stack, "pull", args.dry_run.dry_run).await?;
    let plan = pull_plan(&deployment.inputs(), &args.services)?;
    deployment.finish(&plan, args.dry_run, "no service has an image to pull").await
}

//! `vv build`: builds images through the engine.

use clap::Args;

use super::complete;
use super::context::{self, Context};
use super::deploy::{self, Deployment, DryRun};
use crate::cli::Format;
use crate::failure::Result;
use crate::plan::build_plan;
use crate::plan::images::BuildRequest;

/// Build images
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Services; all that have a build section when none is named
    #[arg(value_name = "SERVICE", add = complete::services())]
    services: Vec<String>,
    /// Build every step anew
    #[arg(long)]
    no_cache: bool,
    /// Push the images when they are built
    #[arg(long)]
    push: bool,
    /// Pull newer base images
    #[arg(long)]
    pull: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Builds them, independent ones in parallel.
pub async fn run(context: &Context, args: BuildArgs) -> Result {
    let stack = context.load()?;
    for service in &args.services {
        context::service(&stack, service)?;
    }
    let stack = stack.with_profiles_of(&args.services);
    let deployment = Deployment::of(context, stack, "build", args.dry_run.dry_run).await?;
    let request =
        BuildRequest { services: args.services, no_cache: args.no_cache, pull: args.pull, push: args.push };
    let plan = build_plan(&deployment.inputs(), &request)?;
    let _ = (Format::Table, deploy::TIMEOUT);
    deployment.finish(&plan, args.dry_run, "no service has anything to build").await
}

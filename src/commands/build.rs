//! `vv build`: builds images through the engine.

use clap::Args;

use super::complete;
use super::context::{self, Context};
use super::deploy::{Deployment, DryRun};
use crate::failure::Result;
use crate::plan::build_plan;

/// Build images
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv build
  vv build --no-cache --pull web")]
pub struct BuildArgs {
    /// Services; all that are built when none is named
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
    let stack = context.load_for(args.dry_run.format, &args.services)?;
    for service in &args.services {
        context::service(&stack, service)?;
    }
    let deployment = Deployment::of(context, stack, "build", args.dry_run.dry_run).await?;
    let plan = build_plan(&deployment.inputs(), &args.services, args.no_cache, args.pull)?;
    deployment.finish(&plan, args.dry_run, "there is nothing to build").await?;
    if args.push && !args.dry_run.dry_run {
        push(context, &deployment, &args.services).await?;
    }
    Ok(())
}

/// Pushes what was built, one after another: the line to the registry is what takes the time.
async fn push(context: &Context, deployment: &Deployment<'_>, services: &[String]) -> Result {
    for service in context::select(&deployment.stack, services)? {
        let stub = deployment.inputs().stubs.contains_key(&service.name);
        if service.build.is_none() || stub {
            continue;
        }
        context.printer.say(format_args!("pushing {}", service.image));
        let detail = |progress: crate::engine::Progress| context.printer.detail(progress.message);
        deployment.engine.push_image(&service.image, &detail).await?;
    }
    Ok(())
}

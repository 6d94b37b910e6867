//! `vv down`: removes containers and networks, with -v the volumes.

use std::time::Duration;

use clap::Args;

use super::context::Context;
use super::deploy::{Deployment, DryRun};
use crate::failure::{Failure, Result};
use crate::plan::{DownRequest, down_plan};
use crate::run::cached_files;
use crate::stack::Stack;

/// Remove containers and networks (and with -v the volumes)
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv down      volumes stay
  vv down -v   they go, too")]
pub struct DownArgs {
    /// Remove the volumes, and all data in them, too
    #[arg(short, long)]
    volumes: bool,
    /// Remove containers of services that aren't in the stack any more
    #[arg(long)]
    remove_orphans: bool,
    /// How long each may take before it is killed [default: what the file says, else 10s]
    #[arg(short, long, value_name = "TIME", value_parser = super::parse_duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Removes them, dependents first.
pub async fn run(context: &Context, args: DownArgs) -> Result {
    let stack = context.load_for(args.dry_run.format, &[])?;
    sure_of_the_stack(context, &stack, "down", args.dry_run)?;
    let deployment = Deployment::of(context, stack, "down", args.dry_run.dry_run).await?;
    let request =
        DownRequest { volumes: args.volumes, remove_orphans: args.remove_orphans, timeout: args.timeout };
    let plan = down_plan(&deployment.inputs(), &request);
    deployment.finish(&plan, args.dry_run, "there is nothing: nothing to do").await?;
    if !args.dry_run.dry_run {
        cached_files::remove_project(&crate::dirs::cache(), &deployment.stack.name)?;
    }
    Ok(())
}

/// A stack that nobody named (the fallback where no file was found) isn't taken down without a yes.
pub fn sure_of_the_stack(context: &Context, stack: &Stack, command: &str, dry_run: DryRun) -> Result {
    if !stack.origin.fallback || dry_run.dry_run {
        return Ok(());
    }
    match context
        .printer
        .ask(format_args!("There is no compose file here. {command} the built-in {}?", stack.name))
    {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::usage("nothing was done")),
        None => {
            Err(Failure::usage(format!("there is no compose file here, and no stack was named to {command}"))
                .hint(format!("vv {command} --stack {}", stack.name)))
        }
    }
}

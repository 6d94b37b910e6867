//! `vv reset`: down -v, build, start.

use std::time::Duration;

use clap::Args;

use super::context::Context;
use super::deploy::{self, Deployment, DryRun};
use super::down::sure_of_the_stack;
use crate::cli::Format;
use crate::failure::{Failure, Result};
use crate::plan::{DownRequest, StartRequest, down_plan};

/// Remove everything with its data, build and start anew
#[derive(Debug, Args)]
pub struct ResetArgs {
    /// Don't ask
    #[arg(short, long)]
    yes: bool,
    /// How long it may take to become ready
    #[arg(long, value_name = "TIME", default_value = deploy::TIMEOUT, value_parser = super::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Asks first: data is lost.
pub async fn run(context: &Context, args: ResetArgs) -> Result {
    let stack = context.load(&[])?;
    sure_of_the_stack(context, &stack, "reset", args.dry_run)?;
    let mut deployment = Deployment::of(context, stack, "reset", args.dry_run.dry_run).await?;
    let down = DownRequest { volumes: true, remove_orphans: true, timeout: None };
    let plan = down_plan(&deployment.inputs(), &down);
    if args.dry_run.dry_run {
        deployment.show(&plan, Format::Table);
        context.printer.say("and then it would be built and started anew");
        return Ok(());
    }
    if !args.yes && !plan.operations.is_empty() {
        let volumes: Vec<_> = deployment
            .stack
            .volumes
            .values()
            .filter(|volume| !volume.external)
            .map(|volume| volume.name.as_str())
            .collect();
        let question = format!(
            "Remove all containers, networks and data of {} ({} volumes: {})?",
            deployment.stack.name,
            volumes.len(),
            volumes.join(", ")
        );
        match context.printer.ask(question) {
            Some(true) => {}
            Some(false) => return Err(Failure::usage("nothing was done")),
            None => {
                return Err(Failure::usage("reset removes data, and there is no terminal to ask")
                    .hint("vv reset --yes"));
            }
        }
    }
    deployment.carry_out(&plan, args.timeout).await?;
    deployment.look().await?;
    let request = StartRequest { build: true, ..StartRequest::default() };
    super::start::start(context, &mut deployment, &request, args.timeout).await
}

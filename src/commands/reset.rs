//! `vv reset`: down -v, build, start.

use std::time::Duration;

use clap::Args;

use super::context::Context;
use super::declared::Beside;
use super::deploy::{self, Deployment, DryRun};
use super::down::sure_of_the_stack;
use crate::failure::{Failure, Result};
use crate::plan::observed::Observed;
use crate::plan::operation::{Action, Plan};
use crate::plan::{DownRequest, StartRequest, down_plan, preview_plan};

/// Remove everything with its data, build and start anew
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv reset --dry-run   what would be lost and made
  vv reset --yes       in a script")]
pub struct ResetArgs {
    /// Don't ask
    #[arg(short, long)]
    yes: bool,
    /// How long it may take to become ready
    #[arg(long, value_name = "TIME", default_value = deploy::TIMEOUT, value_parser = super::parse_some_time)]
    timeout: Duration,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Asks first: data is lost.
pub async fn run(context: &Context, args: ResetArgs) -> Result {
    let stack = context.load_for(args.dry_run.format, &[])?;
    sure_of_the_stack(context, &stack, "reset", args.dry_run)?;
    let beside = Beside::of(context, &stack)?;
    let deployment = Deployment::of(context, stack, "reset", args.dry_run.dry_run).await?;
    let mut deployment = deployment.declaring(beside);
    let down = DownRequest { volumes: true, remove_orphans: true, timeout: None };
    let request = StartRequest { build: true, ..StartRequest::default() };
    let plan = down_plan(&deployment.inputs(), &down);
    if args.dry_run.dry_run {
        deployment.observed = without_what_goes(&deployment.observed, &plan);
        let request = StartRequest { declared: deployment.compare().await, ..request };
        let anew = preview_plan(&deployment.inputs(), &request)?;
        deployment.show(&one_after_the_other(plan, anew), args.dry_run.format);
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
    super::start::start(context, &mut deployment, &request, args.timeout).await
}

/// What is there when a plan that removes things has been carried out.
fn without_what_goes(observed: &Observed, plan: &Plan) -> Observed {
    let mut left = observed.clone();
    for operation in &plan.operations {
        match &operation.action {
            Action::RemoveContainer { container, .. } => {
                left.containers.retain(|other| other.name != *container);
            }
            Action::RemoveNetwork(name) => left.networks.retain(|network| network.name != *name),
            Action::RemoveVolume(name) => left.volumes.retain(|volume| volume.name != *name),
            _ => {}
        }
    }
    left
}

/// Two plans as one: the second begins when all of the first is done.
fn one_after_the_other(mut first: Plan, second: Plan) -> Plan {
    let shift = first.operations.len();
    for mut operation in second.operations {
        match operation.after.is_empty() {
            true => operation.after = (0..shift).collect(),
            false => operation.after.iter_mut().for_each(|id| *id += shift),
        }
        first.operations.push(operation);
    }
    first.notes.extend(second.notes);
    first
}

//! `vv start`: everything in dependency order, until it is ready.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::future::join_all;

use super::complete;
use super::context::{self, Context};
use super::declared::Beside;
use super::deploy::{self, Deployment, DryRun};
use super::doctor::preflight;
use crate::engine::platform::EnginePlatform;
use crate::failure::Result;
use crate::output::short_duration;
use crate::plan::{StartRequest, images_plan, preview_plan, services_of, start_plan};
use crate::platform::ReplicaState;
use crate::probe::checks;
use crate::probe::question::Question;
use crate::stack::Service;

/// How long something that runs already may take to answer before it is waited for.
const QUESTION: Duration = Duration::from_secs(2);

/// Start the stack, or some services and what they depend on, until they are ready
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv start                           everything
  vv start web                       web and what it depends on
  vv start --group infra --no-wait   what `x-vv: {group: infra}` names
  vv start --dry-run                 what would be done, and why")]
pub struct StartArgs {
    /// Services; all when none is named
    #[arg(value_name = "SERVICE", add = complete::services())]
    services: Vec<String>,
    /// Services of this group (x-vv.group), too; may be repeated
    #[arg(long, value_name = "GROUP", add = complete::groups())]
    group: Vec<String>,
    /// Build images anew, even those that are there
    #[arg(long)]
    build: bool,
    /// Pull images anew, even those that are there
    #[arg(long)]
    pull: bool,
    /// Don't wait until everything is ready
    #[arg(long)]
    no_wait: bool,
    /// How long it may take to become ready, from the first container started
    #[arg(long, value_name = "TIME", default_value = deploy::TIMEOUT, value_parser = super::parse_some_time)]
    timeout: Duration,
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
    #[command(flatten)]
    dry_run: DryRun,
}

/// Starts, waits, shows the addresses.
pub async fn run(context: &Context, args: StartArgs) -> Result {
    let stack = context.load_for(args.dry_run.format, &args.services)?;
    let mut services = Vec::new();
    for group in &args.group {
        services.extend(context::group(&stack, group)?);
    }
    for service in &args.services {
        services.push(context::service(&stack, service)?.name.clone());
    }
    let request = StartRequest {
        services,
        no_deps: args.no_deps,
        build: args.build,
        pull: args.pull,
        force_recreate: args.force_recreate,
        remove_orphans: args.remove_orphans,
        reset_scale: args.reset_scale,
        no_wait: args.no_wait,
        ..StartRequest::default()
    };
    let beside = Beside::of(context, &stack)?;
    let deployment = Deployment::of(context, stack, "start", args.dry_run.dry_run).await?;
    let mut deployment = deployment.declaring(beside);
    if args.dry_run.dry_run {
        let request = StartRequest { declared: deployment.compare().await, ..request };
        let plan = preview_plan(&deployment.inputs(), &request)?;
        deployment.show(&plan, args.dry_run.format);
        return Ok(());
    }
    start(context, &mut deployment, &request, args.timeout).await
}

/// Carries a start out and shows the addresses, or says that there was nothing to do.
pub async fn start(
    context: &Context,
    deployment: &mut Deployment<'_>,
    request: &StartRequest,
    timeout: Duration,
) -> Result {
    let begun = Instant::now();
    let images = images_plan(&deployment.inputs(), request)?;
    let foreseen = preview_plan(&deployment.inputs(), request)?;
    let (stack, observed, engine) = (&deployment.stack, &deployment.observed, deployment.engine.as_ref());
    preflight::check(context, stack, observed, engine, &foreseen).await?;
    if !images.operations.is_empty() {
        deployment.carry_out(&images, timeout).await?;
        deployment.look().await?;
    }
    // What runs is asked: all at once.
    let unproven =
        async { if request.no_wait { Ok(BTreeSet::new()) } else { unproven(deployment, request).await } };
    let (unproven, declared) = tokio::join!(unproven, deployment.compare());
    let request = &StartRequest { unproven: unproven?, declared, ..request.clone() };
    let plan = start_plan(&deployment.inputs(), request)?;
    deployment.carry_out(&plan, timeout).await?;
    if !plan.changes_anything() && images.operations.is_empty() {
        context.printer.say(format_args!("{} is up to date: nothing to do", deployment.stack.name));
        return Ok(());
    }
    if !request.no_wait && request.services.is_empty() {
        // Of some services only, the others' routes may well be dead.
        deployment.prove_routes(&plan, timeout).await?;
    }
    for line in outcome(&deployment.stack.name, request, &short_duration(begun.elapsed())) {
        context.printer.say(line);
    }
    if context.options.quiet {
        return Ok(());
    }
    let services: Vec<&Service> = deployment
        .stack
        .services
        .values()
        .filter(|service| request.services.is_empty() || request.services.contains(&service.name))
        .collect();
    let platform = EnginePlatform::of(Arc::clone(&deployment.engine), &deployment.stack.name).await?;
    let mut addresses = super::urls::addresses(&services, &platform).await;
    // What was scaled to nothing can't be reached.
    addresses.retain(|address| address.up);
    super::urls::show(context, &deployment.stack, &addresses, None);
    Ok(())
}

/// What has come of it. Of services that are to have no replica there is nothing that could be ready.
fn outcome(stack: &str, request: &StartRequest, took: &str) -> Vec<String> {
    let gone = |service: &String| request.scale.get(service) == Some(&0);
    let mut lines: Vec<String> = request
        .scale
        .keys()
        .filter(|service| gone(service))
        .map(|service| format!("{service}: no replicas"))
        .collect();
    if request.services.is_empty() || !request.services.iter().all(gone) {
        let state = if request.no_wait { "started" } else { "ready" };
        lines.push(format!("{stack} is {state} ({took})"));
    }
    lines
}

/// Those of the start's services that run, but don't answer in their protocol: nothing is to be done to them, and still
/// they aren't ready. No call to the engine: what was seen of the containers is enough, and commands in them, which
/// would be calls, are left to the waits.
async fn unproven(deployment: &Deployment<'_>, request: &StartRequest) -> Result<BTreeSet<String>> {
    let containers = deployment.observed.containers.clone();
    let platform = EnginePlatform::from_containers(Arc::clone(&deployment.engine), containers).await?;
    let inputs = deployment.inputs();
    let services = services_of(&inputs, request)?;
    let running = services.iter().flat_map(|service| {
        let replicas = platform.listed_replicas(&service.name).into_iter();
        replicas.map(move |replica| (*service, replica))
    });
    let asked = running.filter(|(service, replica)| {
        let question = Question::of(service, replica.stub);
        replica.state == ReplicaState::Running
            && question.is_some_and(|question| !matches!(question, Question::Exec(_)))
    });
    let answers = asked.map(async |(service, replica)| {
        let answer = checks::protocol(&deployment.stack, service, &platform, &replica, QUESTION).await;
        answer.is_err().then(|| service.name.clone())
    });
    Ok(join_all(answers).await.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ready_of_what_was_scaled_to_none() {
        let said = |scale: &[(&str, u32)]| {
            let scale: std::collections::BTreeMap<String, u32> =
                scale.iter().map(|(service, replicas)| ((*service).to_owned(), *replicas)).collect();
            let services = scale.keys().cloned().collect();
            outcome("shop", &StartRequest { services, scale, ..StartRequest::default() }, "1.0 s").join("; ")
        };
        assert_eq!(said(&[]), "shop is ready (1.0 s)");
        assert_eq!(said(&[("own", 0)]), "own: no replicas");
        assert_eq!(said(&[("own", 0), ("web", 0)]), "own: no replicas; web: no replicas");
        assert_eq!(said(&[("own", 0), ("web", 2)]), "own: no replicas; shop is ready (1.0 s)");
        assert_eq!(said(&[("web", 2)]), "shop is ready (1.0 s)");
    }
}

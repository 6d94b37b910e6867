//! `vv run`: a command in a new container of a service.

use std::time::Duration;

use clap::Args;

use super::complete;
use super::context::{self, Context};
use super::deploy::{self, Deployment};
use super::exec::{exit_with, variables};
use crate::failure::Result;
use crate::output::terminal;
use crate::plan::{OneOff, run_plan};

/// Run a command in a new container of a service
#[derive(Debug, Args)]
pub struct RunArgs {
    /// As whom
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Where
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// A variable; may be given several times
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Instead of the entrypoint
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// The container's name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Leave what the service depends on alone
    #[arg(long)]
    no_deps: bool,
    /// Publish the service's ports
    #[arg(long)]
    service_ports: bool,
    /// No terminal, also where there is one
    #[arg(short = 'T', long)]
    no_tty: bool,
    /// Build the image, though it is there
    #[arg(long)]
    build: bool,
    /// Keep the container when the command has ended
    #[arg(long)]
    keep: bool,
    /// As in Compose: remove the container when the command has ended, which vv does unless told to keep it
    #[arg(long, hide = true, conflicts_with = "keep")]
    rm: bool,
    /// How long what the service depends on may take to become ready
    #[arg(long, value_name = "TIME", default_value = deploy::TIMEOUT, value_parser = super::parse_duration)]
    timeout: Duration,
    /// The service
    #[arg(value_name = "SERVICE", add = complete::services())]
    service: String,
    /// The command and its arguments; the service's own when absent
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Starts what the service depends on, runs the command, removes its container, ends with its exit code.
pub async fn run(context: &Context, args: RunArgs) -> Result {
    let stack = context.load(std::slice::from_ref(&args.service))?;
    let service = context::service(&stack, &args.service)?.name.clone();
    let tty = !args.no_tty && terminal::is_interactive();
    let one_off = OneOff {
        service,
        slug: format!("{:012x}", rand::random::<u64>() & 0xffff_ffff_ffff),
        name: args.name,
        command: (!args.command.is_empty()).then_some(args.command),
        entrypoint: args.entrypoint.map(|entrypoint| vec![entrypoint]),
        environment: variables(&args.env)?,
        user: args.user,
        working_dir: args.workdir,
        service_ports: args.service_ports,
        tty,
        stdin_open: true,
        no_deps: args.no_deps,
        build: args.build,
        ..OneOff::default()
    };
    let deployment = Deployment::of(context, stack, "run", false).await?;
    let (plan, container) = run_plan(&deployment.inputs(), &one_off)?;
    deployment.carry_out(&plan, args.timeout).await?;
    // The command may run for long; others may change the stack meanwhile.
    let engine = deployment.unlock();
    let interrupt = super::interrupt();
    let ran = tokio::select! {
        ran = attached(context, engine.as_ref(), &container, tty) => ran,
        () = interrupt.cancelled() => Ok(i64::from(crate::failure::Kind::Interrupted.exit_code())),
    };
    if !args.keep {
        engine.remove_container(&container, true).await?;
    }
    exit_with(ran?)
}

/// Starts a container with the terminal attached; its exit code.
async fn attached(
    context: &Context,
    engine: &dyn crate::engine::Engine,
    container: &str,
    tty: bool,
) -> Result<i64> {
    let session = engine.attach(container, tty, true).await?;
    engine.start_container(container).await?;
    let raw = if tty { Some(terminal::Raw::enter()?) } else { None };
    let mut sizes = terminal::sizes();
    let resize = async {
        while let Some((width, height)) = sizes.recv().await {
            // A command that has just ended has no terminal any more.
            let _ = engine.resize(container, width, height).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        pumped = terminal::pump(context.printer, session.output, session.input) => pumped?,
        () = resize, if tty => {}
    }
    drop(raw);
    Ok(engine.wait_exit(container).await?)
}

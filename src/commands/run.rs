//! `vv run`: a command in a new container of a service.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;

use super::attach::{Attach, AttachArgs};
use super::complete;
use super::context::{self, Context};
use super::deploy::{self, Deployment};
use super::doctor::preflight;
use super::exec::{exit_with, variables};
use crate::failure::{Failure, Result};
use crate::output::terminal;
use crate::plan::{OneOff, run_plan};
use crate::stack::model::Port;
use crate::stack::{parse_ports, split_words};

/// Run a command in a new container of a service
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv run web sh
  vv run --no-deps -e DEBUG=1 web ./migrate --all
  vv run --entrypoint 'sh -c' web 'env | sort'")]
pub struct RunArgs {
    /// Run it as this user: NAME or UID, with :GROUP or without
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Run it in this folder of the container
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Set a variable, or pass NAME on as it is here; may be repeated
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Add a label; may be repeated
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    label: Vec<String>,
    /// Run this instead of the entrypoint
    #[arg(long, value_name = "COMMAND", value_parser = entrypoint)]
    entrypoint: Option<Words>,
    /// The container's name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Leave what the service depends on alone
    #[arg(long)]
    no_deps: bool,
    /// Publish the service's ports; else none is
    #[arg(short = 'P', long)]
    service_ports: bool,
    /// Publish a port: [[IP:]HOST:]CONTAINER; may be repeated (-p is the project's name)
    #[arg(long, value_name = "PORTS", value_parser = published)]
    publish: Vec<Published>,
    #[command(flatten)]
    attach: AttachArgs,
    /// Leave it running in the background and print its container's name; it stays when the command has ended
    #[arg(short, long)]
    detach: bool,
    /// Build the image, even if it is there
    #[arg(long)]
    build: bool,
    /// Keep the container when the command has ended
    #[arg(long)]
    keep: bool,
    /// As in Compose: remove the container when the command has ended, which vv does unless told to keep it
    #[arg(long, hide = true, conflicts_with_all = ["keep", "detach"])]
    rm: bool,
    /// How long what the service depends on may take to become ready
    #[arg(long, value_name = "TIME", default_value = deploy::TIMEOUT, value_parser = super::parse_some_time)]
    timeout: Duration,
    #[command(flatten)]
    unsupported: Unsupported,
    /// The service
    #[arg(value_name = "SERVICE", add = complete::services())]
    service: String,
    /// The command and its arguments; the service's own when absent
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// What `docker compose run` can change of a service for once and vv can't.
#[derive(Debug, Args)]
struct Unsupported {
    #[arg(short, long, hide = true)]
    volume: Vec<String>,
    #[arg(long, hide = true)]
    cap_add: Vec<String>,
    #[arg(long, hide = true)]
    cap_drop: Vec<String>,
    #[arg(long, hide = true)]
    env_from_file: Vec<String>,
    #[arg(long, hide = true)]
    use_aliases: bool,
    #[arg(long, hide = true)]
    remove_orphans: bool,
}

impl Unsupported {
    fn refuse(&self, project: Option<&str>) -> Result {
        let volume = "a service of its own, under `profiles`, can have other volumes";
        let capability = "a service of its own, under `profiles`, can have other capabilities";
        let refused = [
            (!self.volume.is_empty(), "--volume", volume),
            (!self.cap_add.is_empty(), "--cap-add", capability),
            (!self.cap_drop.is_empty(), "--cap-drop", capability),
            (!self.env_from_file.is_empty(), "--env-from-file", "-e NAME=VALUE sets a variable"),
            (self.use_aliases, "--use-aliases", "others would reach the one-off container as the service"),
            (self.remove_orphans, "--remove-orphans", "vv start --remove-orphans"),
        ];
        if let Some((_, option, hint)) = refused.into_iter().find(|(given, ..)| *given) {
            return Err(Failure::usage(format!("vv run has no {option}")).hint(hint));
        }
        match project {
            // No project has a name like that, and many have typed this for `docker compose run`.
            Some(name) if name.contains(':') => {
                Err(Failure::usage(format!("-p {name}: -p is the project's name, also after `run`"))
                    .hint(format!("--publish {name} publishes a port")))
            }
            _ => Ok(()),
        }
    }
}

/// A command line, split into words.
#[derive(Debug, Clone)]
struct Words(Vec<String>);

/// As Compose splits it; an empty one clears the image's own.
fn entrypoint(text: &str) -> Result<Words, String> {
    match split_words(text) {
        Some(split) if split.dropped.is_none() => Ok(Words(split.words)),
        Some(_) => Err("no shell reads this: use `sh -c '…'`".to_owned()),
        None => Err("a quote or a bracket isn't closed".to_owned()),
    }
}

/// What one `--publish` publishes: several where it is a range.
#[derive(Debug, Clone)]
struct Published(Vec<Port>);

fn published(text: &str) -> Result<Published, String> {
    parse_ports(text).map(Published)
}

/// Starts what the service depends on, runs the command, removes its container, ends with its exit code.
pub async fn run(context: &Context, args: RunArgs) -> Result {
    args.unsupported.refuse(context.options.project_name.as_deref())?;
    let attach = if args.detach { args.attach.in_background() } else { args.attach.resolve()? };
    let stack = context.load(std::slice::from_ref(&args.service))?;
    let service = context::service(&stack, &args.service)?.name.clone();
    let one_off = OneOff {
        service,
        slug: format!("{:012x}", rand::random::<u64>() & 0xffff_ffff_ffff),
        name: args.name,
        command: (!args.command.is_empty()).then_some(args.command),
        entrypoint: args.entrypoint.map(|words| words.0),
        environment: variables(&args.env)?,
        labels: labels(&args.label),
        user: args.user,
        working_dir: args.workdir,
        service_ports: args.service_ports,
        publish: args.publish.into_iter().flat_map(|ports| ports.0).collect(),
        tty: attach.tty,
        stdin_open: attach.stdin,
        no_deps: args.no_deps,
        build: args.build,
    };
    let deployment = Deployment::of(context, stack, "run", false).await?;
    let (plan, container) = run_plan(&deployment.inputs(), &one_off)?;
    preflight::check(context, &deployment.stack, &deployment.observed, deployment.engine.as_ref(), &plan)
        .await?;
    deployment.carry_out(&plan, args.timeout).await?;
    // The command may run for long; others may change the stack meanwhile.
    let engine = deployment.unlock();
    if args.detach {
        engine.start_container(&container).await?;
        context.printer.data(container);
        return Ok(());
    }
    let interrupt = super::interrupt();
    let ran = tokio::select! {
        ran = attached(context, engine.as_ref(), &container, attach) => ran,
        () = interrupt.cancelled() => Ok(i64::from(crate::failure::Kind::Interrupted.exit_code())),
    };
    if !args.keep {
        engine.remove_container(&container, true).await?;
    }
    exit_with(ran?)
}

/// `NAME=VALUE`, or `NAME` for an empty one.
fn labels(words: &[String]) -> BTreeMap<String, String> {
    let pair = |word: &String| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        (name.to_owned(), value.to_owned())
    };
    words.iter().map(pair).collect()
}

/// Starts a container with the terminal attached; its exit code.
async fn attached(
    context: &Context,
    engine: &dyn crate::engine::Engine,
    container: &str,
    Attach { stdin, tty }: Attach,
) -> Result<i64> {
    let session = engine.attach(container, tty, stdin).await?;
    engine.start_container(container).await?;
    let raw = if tty && stdin { Some(terminal::Raw::enter()?) } else { None };
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

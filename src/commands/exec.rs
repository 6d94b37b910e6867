//! `vv exec`: a command in a running container.

use std::collections::BTreeMap;

use clap::Args;

use super::attach::{Attach, AttachArgs};
use super::complete;
use super::context::{self, Context};
use crate::engine::{Engine, ExecRequest};
use crate::failure::{Failure, Kind, Result};
use crate::output::terminal;

/// Run a command in a running container
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv exec web sh
  vv exec -u root --index 2 web id
  vv exec redis redis-cli ping
  vv exec -T postgres psql -U app <dump.sql")]
pub struct ExecArgs {
    /// Run it as this user: NAME or UID, with :GROUP or without
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Run it in this folder of the container
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Set a variable, or pass NAME on as it is here; may be repeated
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Which replica [default: the lowest that runs]
    #[arg(long, value_name = "N", value_parser = super::parse_replica)]
    index: Option<u32>,
    #[command(flatten)]
    attach: AttachArgs,
    /// Leave it running in the background, and show nothing of it
    #[arg(short, long)]
    detach: bool,
    /// Run it with all privileges
    #[arg(long)]
    privileged: bool,
    /// The service
    #[arg(value_name = "SERVICE", add = complete::services())]
    service: String,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Runs it; ends with its exit code.
pub async fn run(context: &Context, args: ExecArgs) -> Result {
    let stack = context.load_quietly(std::slice::from_ref(&args.service))?;
    let service = context::service(&stack, &args.service)?;
    let engine = context.engine().await?;
    let container = running_replica(engine.as_ref(), &stack.name, &service.name, args.index).await?;
    let Attach { stdin, tty } =
        if args.detach { args.attach.in_background() } else { args.attach.resolve()? };
    let request = ExecRequest {
        command: args.command,
        user: args.user,
        working_dir: args.workdir,
        environment: variables(&args.env)?,
        tty,
        stdin,
        privileged: args.privileged,
    };
    if args.detach {
        return Ok(engine.exec_detached(&container, &request).await?);
    }
    let session = engine.exec(&container, &request).await?;
    let id = session.id.clone();
    let raw = if tty && stdin { Some(terminal::Raw::enter()?) } else { None };
    if tty {
        let engine = std::sync::Arc::clone(&engine);
        let id = id.clone();
        tokio::spawn(async move {
            let mut sizes = terminal::sizes();
            while let Some((width, height)) = sizes.recv().await {
                // A command that has just ended has no terminal any more.
                let _ = engine.exec_resize(&id, width, height).await;
            }
        });
    }
    let pumped = terminal::pump(context.printer, session.output, session.input).await;
    drop(raw);
    pumped?;
    exit_with(engine.exec_exit_code(&id).await?)
}

/// Ends vv with a command's own exit code.
pub fn exit_with(code: i64) -> Result {
    match u8::try_from(code) {
        Ok(0) => Ok(()),
        Ok(code) => Err(Failure::quiet(Kind::Command(code))),
        Err(_) => Err(Failure::quiet(Kind::Failed)),
    }
}

/// `NAME=VALUE`, or `NAME` for the value that it has here.
pub fn variables(words: &[String]) -> Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for word in words {
        match word.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                variables.insert(name.to_owned(), value.to_owned());
            }
            None if !word.is_empty() => {
                if let Ok(value) = std::env::var(word) {
                    variables.insert(word.clone(), value);
                }
            }
            _ => return Err(Failure::usage(format!("-e '{word}': NAME=VALUE is wanted"))),
        }
    }
    Ok(variables)
}

async fn running_replica(
    engine: &dyn Engine,
    project: &str,
    service: &str,
    index: Option<u32>,
) -> Result<String> {
    let mut containers = engine.containers(project).await?;
    containers.retain(|container| container.service == service && !container.oneoff);
    containers.sort_by_key(|container| container.number);
    let wanted = containers.iter().find(|container| match index {
        Some(index) => container.number == index,
        None => container.state.is_up(),
    });
    match wanted {
        Some(container) if container.state.is_up() => Ok(container.id.clone()),
        Some(container) => Err(Failure::new(Kind::Failed, format!("{} doesn't run", container.name))
            .hint(format!("vv start {service}"))),
        None if index.is_some() => {
            Err(Failure::usage(format!("{service} has no replica {}", index.unwrap_or(0)))
                .hint(format!("it has {}", containers.len())))
        }
        None => Err(Failure::new(Kind::Failed, format!("no replica of {service} runs"))
            .hint(format!("vv start {service}"))),
    }
}

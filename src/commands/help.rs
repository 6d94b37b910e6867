//! `vv help [COMMAND | TOPIC]`

use clap::{Args, CommandFactory};

use super::complete;
use super::context::Context;
use crate::cli::Cli;
use crate::failure::{Failure, Result, nearest};

/// Show help for a subcommand, or on a topic: exit-codes
#[derive(Debug, Args)]
pub struct HelpArgs {
    /// A subcommand, or `exit-codes`
    #[arg(add = complete::topics())]
    topic: Option<String>,
}

/// What there is help on besides the subcommands.
pub const TOPIC: &str = "exit-codes";

const EXIT_CODES: &str = "\
Exit codes
    0  done, healthy
    1  something failed, is unhealthy, or --check found a difference
    2  the command line is wrong, or names a service that isn't there
    3  the stack is invalid
    4  the container engine can't be reached
    5  a backend (Kong, Kafka, Consul, …) refused
    6  not ready in time
  101  a bug in vv
  130  interrupted

`vv exec` and `vv run` end with the exit code of the command that they ran.";

/// Prints the help asked for.
pub fn run(context: &Context, args: &HelpArgs) -> Result {
    let mut root = Cli::command();
    root.build();
    let Some(topic) = args.topic.as_deref() else {
        context.printer.data(root.render_help().to_string().trim_end());
        return Ok(());
    };
    if topic == TOPIC {
        context.printer.data(EXIT_CODES);
        return Ok(());
    }
    if let Some(command) = root.find_subcommand_mut(topic) {
        context.printer.data(command.render_help().to_string().trim_end());
        return Ok(());
    }
    let names: Vec<String> = root
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| command.get_name().to_owned())
        .collect();
    let failure = Failure::usage(format!("there is no help on '{topic}'"));
    Err(match nearest(topic, names.iter().map(String::as_str).chain([TOPIC])) {
        Some(near) => failure.hint(format!("did you mean `vv help {near}`?")),
        None => failure.hint("`vv help` lists the subcommands"),
    })
}

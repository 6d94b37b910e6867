//! `vv completions SHELL`

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

use super::context::Context;
use crate::cli::Cli;
use crate::failure::Result;

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(vv completions bash)     in ~/.bashrc
  source <(vv completions zsh)      in ~/.zshrc, after compinit
  vv completions fish | source      in ~/.config/fish/config.fish")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// A shell that completion is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// source <(vv completions bash)
    Bash,
    /// source <(vv completions zsh)
    Zsh,
    /// vv completions fish | source
    Fish,
}

impl Shell {
    /// All of them, with the file in `completions/` that holds the script.
    pub const ALL: [(Shell, &'static str); 3] =
        [(Shell::Bash, "vv.bash"), (Shell::Zsh, "_vv"), (Shell::Fish, "vv.fish")];
}

/// The script: it asks vv itself at each completion, so that services, stacks and groups of the stack at hand are
/// offered.
pub fn script(shell: Shell) -> anyhow::Result<String> {
    let completer: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
    };
    let mut text = Vec::new();
    let name = Cli::command().get_name().to_owned();
    completer.write_registration("COMPLETE", &name, &name, &name, &mut text)?;
    Ok(String::from_utf8(text)?)
}

/// Prints it.
pub fn run(context: &Context, args: CompletionsArgs) -> Result {
    context.printer.data(script(args.shell)?.trim_end());
    Ok(())
}

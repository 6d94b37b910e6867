//! Whether a command in a container gets our stdin and a terminal: what `vv exec` and `vv run` have in common.

use clap::{ArgAction, Args};

use crate::failure::{Failure, Result};
use crate::output::terminal;

/// Options of `docker compose exec` and `run`; <https://docs.docker.com/reference/cli/docker/compose/exec/>. Compose
/// attaches stdin and makes a terminal without being asked; `-i` and `-t` are there for those used to `docker exec`.
#[derive(Debug, Clone, Copy, Args)]
pub struct AttachArgs {
    /// Pass stdin on, as is done anyway; -i=false doesn't
    #[arg(
        short,
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        action = ArgAction::Set
    )]
    interactive: bool,
    /// Give it a terminal, as is done anyway where there is one
    #[arg(
        short,
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true
    )]
    tty: Option<bool>,
    /// Give it no terminal, also where there is one
    #[arg(short = 'T', long, alias = "no-TTY", conflicts_with = "tty")]
    no_tty: bool,
}

/// What a command is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attach {
    /// Our stdin.
    pub stdin: bool,
    /// A terminal.
    pub tty: bool,
}

/// Which of ours are terminals.
#[derive(Debug, Clone, Copy)]
struct Ours {
    stdin: bool,
    stdout: bool,
}

impl AttachArgs {
    /// What the command is given here.
    ///
    /// # Errors
    /// A terminal is asked for where stdin is none.
    pub fn resolve(self) -> Result<Attach> {
        self.decide(Ours { stdin: terminal::stdin_is_one(), stdout: terminal::stdout_is_one() })
    }

    /// What a command in the background is given: a terminal only when asked for.
    pub fn in_background(self) -> Attach {
        Attach { stdin: false, tty: self.tty == Some(true) }
    }

    fn decide(self, ours: Ours) -> Result<Attach> {
        let stdin = self.interactive;
        let wanted = if self.no_tty { Some(false) } else { self.tty };
        if wanted == Some(true) && stdin && !ours.stdin {
            return Err(Failure::usage("-t: stdin is no terminal that could be passed on")
                .hint("without -t, the command gets a terminal where there is one"));
        }
        Ok(Attach { stdin, tty: wanted.unwrap_or(ours.stdout && (ours.stdin || !stdin)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Words {
        #[command(flatten)]
        attach: AttachArgs,
        service: String,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    }

    const TERMINAL: Ours = Ours { stdin: true, stdout: true };
    const PIPED: Ours = Ours { stdin: false, stdout: false };
    const PIPED_INTO: Ours = Ours { stdin: false, stdout: true };
    const PIPED_OUT: Ours = Ours { stdin: true, stdout: false };

    fn decided(words: &str, ours: Ours) -> Option<(bool, bool)> {
        let words = Words::try_parse_from(words.split_whitespace()).unwrap();
        assert_eq!(
            (words.service.as_str(), words.command.as_slice()),
            ("web", &["sh".into(), "-i".into()][..])
        );
        words.attach.decide(ours).ok().map(|attach| (attach.stdin, attach.tty))
    }

    #[test]
    fn means_what_compose_means() {
        // The options; on a terminal, without one, with a pipe before, with a pipe after: (stdin, tty).
        let (both, stdin, tty, none) =
            (Some((true, true)), Some((true, false)), Some((false, true)), Some((false, false)));
        for (options, wanted) in [
            ("", [both, stdin, stdin, stdin]),
            ("-i", [both, stdin, stdin, stdin]),
            ("-it", [both, None, None, both]),
            ("-ti", [both, None, None, both]),
            ("-t", [both, None, None, both]),
            ("-i -t", [both, None, None, both]),
            ("-T", [stdin; 4]),
            ("-iT", [stdin; 4]),
            ("--no-TTY", [stdin; 4]),
            ("--tty=false", [stdin; 4]),
            ("-i=false", [tty, none, tty, none]),
            ("--interactive=false -T", [none; 4]),
            ("--interactive=false --tty", [tty; 4]),
        ] {
            let line = format!("exec {options} web sh -i");
            let seen = [TERMINAL, PIPED, PIPED_INTO, PIPED_OUT].map(|ours| decided(&line, ours));
            assert_eq!(seen, wanted, "{options}");
        }
        assert!(Words::try_parse_from(["exec", "-t", "-T", "web", "sh"]).is_err());
        assert!(Words::try_parse_from(["exec", "-i=maybe", "web", "sh"]).is_err());
    }
}

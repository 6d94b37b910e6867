//! Prints a failure: `error:`, `caused by:`, `hint:`.

use console::style;

use super::write_stderr;
use crate::failure::Failure;

/// Prints it on stderr. Nothing for one that has already been shown.
pub fn print(failure: &Failure) {
    if !failure.quiet {
        for line in lines(failure) {
            write_stderr(format_args!("{line}"));
        }
    }
}

/// Prints a panic: a bug in vv, with the place and nothing of the data it worked on.
pub fn print_bug(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(String::new, |place| format!(" at {place}"));
    let message = panic.payload_as_str().unwrap_or("no message");
    write_stderr(format_args!(
        "{} this is a bug in vv{place}: {message}",
        style("error:").red().bold().for_stderr()
    ));
    write_stderr(format_args!(
        "{} please report it with the command you typed; nothing was lost: the next `vv start` converges",
        style("hint:").cyan().for_stderr()
    ));
}

fn lines(failure: &Failure) -> Vec<String> {
    let mut lines = Vec::new();
    let mut chain = failure.error.chain();
    if let Some(error) = chain.next() {
        lines.push(format!("{} {error}", style("error:").red().bold().for_stderr()));
    }
    let mut last = failure.error.to_string();
    for cause in chain {
        let cause = cause.to_string();
        // A wrapper that repeats its source's text says nothing new.
        if !last.contains(&cause) {
            lines.push(format!("{} {cause}", style("caused by:").red().for_stderr()));
        }
        last = cause;
    }
    lines.extend(failure.details.iter().cloned());
    for hint in &failure.hints {
        lines.push(format!("{} {hint}", style("hint:").cyan().for_stderr()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    #[test]
    fn prints_the_chain_the_details_and_the_hints() {
        console::set_colors_enabled_stderr(false);
        let error = anyhow::anyhow!("connection refused").context("could not start kong");
        let failure = Failure::from_error(Kind::Failed, error)
            .detail(["  | last line".to_owned()])
            .hint("vv logs kong");
        insta::assert_snapshot!(lines(&failure).join("\n"), @r"
        error: could not start kong
        caused by: connection refused
          | last line
        hint: vv logs kong
        ");
    }
}

//! Prints a failure: `error:`, `caused by:`, `hint:`.

use console::style;
use serde_json::Value;

use super::talk::{self, Level};
use super::typed::typed;
use super::write_stderr;
use crate::failure::{Failure, Kind};

/// Prints it on stderr. Nothing for one that has already been shown.
pub fn print(failure: &Failure) {
    if failure.quiet {
        return;
    }
    if talk::is_for_programs() {
        return talk::write_event(&event(failure));
    }
    for line in lines(failure) {
        write_stderr(format_args!("{line}"));
    }
}

/// Prints a panic: a bug in vv, with the place and nothing of the data it worked on.
pub fn print_bug(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(String::new, |place| format!(" at {place}"));
    let message = panic.payload_as_str().unwrap_or("no message");
    let bug = Failure::new(Kind::Failed, format!("this is a bug in vv{place}: {message}"));
    print(&bug.hint(
        "please report it with the command you typed; nothing was lost: the next `vv start` converges",
    ));
}

fn lines(failure: &Failure) -> Vec<String> {
    let mut lines = vec![format!("{} {}", style("error:").red().bold().for_stderr(), failure.error)];
    for cause in causes(failure) {
        lines.push(format!("{} {cause}", style("caused by:").red().for_stderr()));
    }
    lines.extend(failure.details.iter().cloned());
    for hint in &failure.hints {
        lines.push(format!("{} {}", style("hint:").cyan().for_stderr(), typed(hint)));
    }
    lines
}

/// The same as an event.
fn event(failure: &Failure) -> Value {
    let mut event = talk::event(Level::Error, &failure.error.to_string());
    event["causes"] = causes(failure).into();
    event["details"] = failure.details.clone().into();
    event["hints"] = failure.hints.iter().map(|hint| typed(hint).into_owned()).collect();
    event
}

/// What led to the error, without what it says itself.
fn causes(failure: &Failure) -> Vec<String> {
    let mut causes = Vec::new();
    let mut last = failure.error.to_string();
    for cause in failure.error.chain().skip(1) {
        let cause = cause.to_string();
        // A wrapper that repeats its source's text says nothing new.
        if !last.contains(&cause) {
            causes.push(cause.clone());
        }
        last = cause;
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

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
        insta::assert_snapshot!(
            event(&failure),
            @r#"{"causes":["connection refused"],"details":["  | last line"],"event":"message","hints":["vv logs kong"],"level":"error","message":"could not start kong","schema":"vv.event/1"}"#
        );
    }
}

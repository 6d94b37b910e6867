//! Talk on stderr: a line for people, or with `--progress json` a `message` event, so that a program can read all of
//! stderr.

use std::fmt;
use std::sync::OnceLock;

use console::{strip_ansi_codes, style};
use serde_json::{Value, json};

use super::write_stderr;

/// Set where programs read stderr. A process has one command line, so it is one answer for all of it.
static FOR_PROGRAMS: OnceLock<()> = OnceLock::new();

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What goes on.
    Info,
    /// Look at it.
    Warning,
    /// What vv ends with.
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// From now on programs read stderr.
pub fn for_programs() {
    // A second time changes nothing.
    let _ = FOR_PROGRAMS.set(());
}

/// Whether programs read stderr.
pub fn is_for_programs() -> bool {
    FOR_PROGRAMS.get().is_some()
}

/// Says it.
pub fn say(level: Level, text: impl fmt::Display) {
    if is_for_programs() {
        return write_event(&event(level, &text.to_string()));
    }
    match level {
        Level::Info => write_stderr(format_args!("{text}")),
        Level::Warning => {
            write_stderr(format_args!("{} {text}", style("warning:").yellow().bold().for_stderr()));
        }
        Level::Error => write_stderr(format_args!("{} {text}", style("error:").red().bold().for_stderr())),
    }
}

/// A message as an event: `vv.event/1`, without an operation that it belongs to.
pub(super) fn event(level: Level, text: &str) -> Value {
    json!({
        "schema": "vv.event/1",
        "event": "message",
        "level": level.name(),
        "message": strip_ansi_codes(text),
    })
}

/// Writes an event: a line.
pub(super) fn write_event(event: &Value) {
    write_stderr(format_args!("{event}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_event_without_colours() {
        let event = event(Level::Info, "stack \u{1b}[1mshop\u{1b}[0m (a.yml)").to_string();
        insta::assert_snapshot!(
            event,
            @r#"{"event":"message","level":"info","message":"stack shop (a.yml)","schema":"vv.event/1"}"#
        );
    }
}

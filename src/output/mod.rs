//! The only place that writes. stdout is data, stderr is talk.

pub mod doctor;
pub mod failure;
pub mod health;
mod lasting;
pub mod live;
pub mod log;
pub mod plain;
pub mod routes;
pub mod screen;
pub mod stub;
pub mod table;
mod talk;
pub mod terminal;
pub mod topics;
pub mod typed;
pub mod why;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, OnceLock};

use talk::Level;
use tokio::sync::Notify;

use crate::cli::{GlobalOptions, ProgressMode};
use crate::failure::{Failure, Kind};
use crate::run::event::Reporter;

/// Writes to stdout and stderr, as the output options say.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    quiet: bool,
    verbose: bool,
    progress: ProgressMode,
}

impl Printer {
    /// Set up from the options; decides about colours, and who reads stderr, for the whole process.
    pub fn new(options: &GlobalOptions) -> Self {
        if options.no_color {
            console::set_colors_enabled(false);
            console::set_colors_enabled_stderr(false);
        }
        if options.progress == ProgressMode::Json {
            talk::for_programs();
        }
        Self { quiet: options.quiet, verbose: options.verbose, progress: options.progress }
    }

    /// Data: always written. A reader that went away (`| head`) ends vv quietly with success.
    pub fn data(&self, text: impl fmt::Display) {
        let mut out = io::stdout().lock();
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        end_on_broken_pipe(written);
    }

    /// A JSON document, indented.
    pub fn json(&self, document: &impl serde::Serialize) {
        match serde_json::to_string_pretty(document) {
            Ok(text) => self.data(text),
            Err(error) => self.warn(format_args!("could not write JSON: {error}")),
        }
    }

    /// Raw bytes to stdout, or stderr: what a command in a container wrote.
    pub fn raw(&self, stderr: bool, bytes: &[u8]) {
        if stderr {
            let mut out = io::stderr().lock();
            let _ = out.write_all(bytes).and_then(|()| out.flush());
        } else {
            let mut out = io::stdout().lock();
            let written = out.write_all(bytes).and_then(|()| out.flush());
            end_on_broken_pipe(written);
        }
    }

    /// Talk: what goes on. Not with `--quiet`.
    pub fn say(&self, text: impl fmt::Display) {
        if !self.quiet {
            talk::say(Level::Info, text);
        }
    }

    /// Talk that only `--verbose` shows.
    pub fn detail(&self, text: impl fmt::Display) {
        if self.verbose {
            talk::say(Level::Info, text);
        }
    }

    /// A warning; its commands can be typed as they stand. Not with `--quiet`.
    pub fn warn(&self, text: impl fmt::Display) {
        if !self.quiet {
            talk::say(Level::Warning, typed::typed(&text.to_string()));
        }
    }

    /// Asks a yes-or-no question on the terminal. `None` where there is no terminal to ask.
    pub fn ask(&self, question: impl fmt::Display) -> Option<bool> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        let mut err = io::stderr().lock();
        let _ = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
        let mut answer = String::new();
        let _ = io::stdin().read_line(&mut answer);
        Some(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
    }

    /// Who shows the progress of a plan.
    pub fn reporter(&self) -> Arc<dyn Reporter> {
        match self.mode() {
            Mode::Silent => Arc::new(plain::Silent),
            Mode::Live => Arc::new(live::Live::new()),
            Mode::Json => Arc::new(plain::Json::new()),
            Mode::Plain => Arc::new(plain::Plain::new(self.verbose)),
        }
    }

    /// How progress is shown.
    fn mode(&self) -> Mode {
        match self.progress {
            _ if self.quiet => Mode::Silent,
            ProgressMode::Auto if io::stderr().is_terminal() => Mode::Live,
            ProgressMode::Auto | ProgressMode::Plain => Mode::Plain,
            ProgressMode::Tty => Mode::Live,
            ProgressMode::Json => Mode::Json,
        }
    }
}

/// How progress is shown, all things considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Silent,
    Live,
    Plain,
    Json,
}

/// Writes a line to stderr. A terminal that went away is no reason to stop working.
fn write_stderr(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Told when nobody reads stdout any more (`| head`).
static READER_GONE: Notify = Notify::const_new();

/// Waits until nobody reads stdout any more: there is nothing left to do then, and nothing failed.
pub async fn reader_gone() {
    READER_GONE.notified().await;
}

/// Why something couldn't be written to stdout: a disk is full.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// What was to be written to stdout and couldn't be, though somebody reads it.
pub fn unwritten() -> Option<Failure> {
    let error = UNWRITTEN.get()?;
    Some(Failure::new(Kind::Failed, format!("could not write the output: {error}")))
}

fn end_on_broken_pipe(written: io::Result<()>) {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => READER_GONE.notify_one(),
        Err(error) => drop(UNWRITTEN.set(error)),
        Ok(()) => {}
    }
}

/// How old something is, for people: `43 s`, `5 m`, `2 h`, `3 d`. A unit is left for the next at two of that.
pub fn age(age: std::time::Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} m", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86400),
    }
}

/// A duration for people: `0.4 s`, `12.3 s`, `2 m 05 s`, `3 h 20 m`.
pub fn short_duration(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {:02} m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn tells_ages_in_one_unit() {
        for (seconds, text) in [
            (0, "0 s"),
            (43, "43 s"),
            (119, "119 s"),
            (120, "2 m"),
            (7199, "119 m"),
            (7200, "2 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
            (8_640_000, "100 d"),
        ] {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }
}

//! What is waited for, while it is: a live line per service on a terminal, a line per change elsewhere.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::in_a_line;
use crate::output::plain::lock;
use crate::output::{Mode, Printer, short_duration, write_stderr};

/// A service that stays as it is isn't told again before this time has passed.
const AGAIN: Duration = Duration::from_secs(10);

/// Shows what is waited for, on stderr.
pub struct Waiting {
    mode: Mode,
    verbose: bool,
    begun: Instant,
    bars: MultiProgress,
    services: Mutex<HashMap<String, Shown>>,
}

struct Shown {
    /// Which check, and what it says.
    symptom: (String, String),
    told: Instant,
    bar: Option<ProgressBar>,
}

impl Waiting {
    /// As the output options say.
    pub fn new(printer: &Printer) -> Self {
        Self {
            mode: printer.mode(),
            verbose: printer.verbose,
            begun: Instant::now(),
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(15)),
            services: Mutex::default(),
        }
    }

    /// A service isn't well yet: what was asked, and what came of it.
    pub fn waits(&self, service: &str, check: &str, detail: &str) {
        let mut services = lock(&self.services);
        let symptom = (in_a_line(check), in_a_line(detail));
        let known = services.get_mut(service);
        let same = known
            .as_ref()
            .is_some_and(|shown| shown.symptom == symptom || !self.verbose && shown.symptom.0 == symptom.0);
        let again = known.as_ref().is_none_or(|shown| shown.told.elapsed() >= AGAIN);
        let line = format!("{}: {}", symptom.0, symptom.1);
        match self.mode {
            Mode::Silent => return,
            Mode::Live => {}
            _ if same && !again => return,
            Mode::Plain => self.plain(&format!("waiting for {service}: {line}")),
            Mode::Json => self.json("waiting", service, &line),
        }
        let bar = match (self.mode, known.and_then(|shown| shown.bar.take())) {
            (Mode::Live, Some(bar)) => Some(bar),
            (Mode::Live, None) => Some(self.bar(service)),
            _ => None,
        };
        if let Some(bar) = &bar {
            bar.set_message(line);
        }
        services.insert(service.to_owned(), Shown { symptom, told: Instant::now(), bar });
    }

    /// A service is well now. One that always was isn't worth a word.
    pub fn well(&self, service: &str) {
        let Some(shown) = lock(&self.services).remove(service) else { return };
        match self.mode {
            Mode::Silent => {}
            Mode::Live => {
                if let Some(bar) = shown.bar {
                    finish(&bar, self.begun.elapsed());
                }
            }
            Mode::Plain => self.plain(&format!("{service} is well")),
            Mode::Json => self.json("well", service, ""),
        }
    }

    /// The wait is over: live lines of what still isn't well go away; the table says it all.
    pub fn end(&self) {
        for (_, shown) in lock(&self.services).drain() {
            if let Some(bar) = shown.bar {
                bar.finish_and_clear();
            }
        }
    }

    fn plain(&self, text: &str) {
        write_stderr(format_args!("[{:6.1}s] {text}", self.begun.elapsed().as_secs_f64()));
    }

    fn json(&self, event: &str, service: &str, message: &str) {
        let at_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let target = format!("service {service}");
        let object = json!({
            "schema": "vv.event/1", "at_ms": at_ms, "event": event, "action": "wait", "target": target,
            "message": message,
        });
        write_stderr(format_args!("{object}"));
    }

    fn bar(&self, service: &str) -> ProgressBar {
        let running = ProgressStyle::with_template("{spinner} {prefix} {elapsed:>4} {wide_msg}");
        let bar = self.bars.add(ProgressBar::new_spinner());
        bar.set_style(running.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(service.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}

fn finish(bar: &ProgressBar, took: Duration) {
    if let Ok(done) =
        ProgressStyle::with_template(&format!("{} {{prefix}} {{wide_msg}}", style("✔").green().for_stderr()))
    {
        bar.set_style(done);
    }
    bar.finish_with_message(style(short_duration(took)).dim().for_stderr().to_string());
}

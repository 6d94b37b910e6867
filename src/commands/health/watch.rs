//! `vv health --watch`: drawn in place on a terminal; elsewhere a line for each change.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Zoned;
use tokio::time::{Instant, sleep};

use super::scope::Scope;
use crate::commands::context::Context;
use crate::commands::interrupt;
use crate::failure::{Failure, Kind, Result};
use crate::output::health::changes::changes;
use crate::output::health::table;
use crate::output::screen::Screen;
use crate::probe::Report;

/// So many changes stay below the table.
const KEPT: usize = 8;

/// Looks until the user interrupts.
///
/// # Errors
/// [`Kind::Interrupted`] in the end; earlier where the engine can't be asked at the first look.
pub async fn run(context: &Context, scope: &Scope<'_>, every: Duration, all: bool) -> Result {
    let interrupted = interrupt();
    tokio::select! {
        failed = looking(context, scope, every, all) => failed,
        () = interrupted.cancelled() => Err(Failure::quiet(Kind::Interrupted)),
    }
}

async fn looking(context: &Context, scope: &Scope<'_>, every: Duration, all: bool) -> Result {
    let mut screen = Screen::of_stdout();
    let mut last: Option<Report> = None;
    let mut kept = VecDeque::new();
    let mut lost = false;
    loop {
        let begun = Instant::now();
        // A look may take as long as its levels need one after the other.
        match scope.report(begun + scope.each * super::LEVELS).await {
            Ok(report) => {
                if std::mem::take(&mut lost) {
                    context.printer.say("the engine answers again");
                }
                let now = Zoned::now();
                let changed = changes(last.as_ref(), &report);
                match &mut screen {
                    Some(screen) => {
                        if last.is_some() {
                            let time = now.strftime("%H:%M:%S").to_string();
                            kept.extend(changed.iter().map(|change| format!("{time} {change}")));
                        }
                        while kept.len() > KEPT {
                            kept.pop_front();
                        }
                        screen.draw(&picture(scope, &report, &now, every, all, &kept))?;
                    }
                    None => {
                        let time = now.strftime("%Y-%m-%dT%H:%M:%S%:z");
                        for change in changed {
                            context.printer.data(format_args!("{time} {change}"));
                        }
                    }
                }
                last = Some(report);
            }
            Err(failure) if last.is_none() => return Err(failure),
            // It may be restarted just now.
            Err(failure) => {
                if !std::mem::replace(&mut lost, true) {
                    context.printer.warn(failure.in_a_line());
                }
            }
        }
        sleep(every.saturating_sub(begun.elapsed()).max(Duration::from_millis(100))).await;
    }
}

fn picture(
    scope: &Scope<'_>,
    report: &Report,
    now: &Zoned,
    every: Duration,
    all: bool,
    kept: &VecDeque<String>,
) -> Vec<String> {
    let head = format!(
        "{}, {}, every {} s; Ctrl-C ends",
        console::style(&scope.stack.name).bold(),
        now.strftime("%H:%M:%S"),
        every.as_secs_f64()
    );
    let mut lines = vec![head];
    lines.extend(table(report, all).lines().map(str::to_owned));
    if !kept.is_empty() {
        lines.push(String::new());
        lines.extend(kept.iter().cloned());
    }
    lines
}

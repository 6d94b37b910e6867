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
    if let Some(screen) = &mut screen {
        screen.draw(&[format!("{}; looking …", head(scope, &Zoned::now(), every))])?;
    }
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
                        screen.draw(&picture(
                            &head(scope, &now, every),
                            &report,
                            all,
                            &kept,
                            screen.room(),
                        ))?;
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

fn head(scope: &Scope<'_>, now: &Zoned, every: Duration) -> String {
    format!(
        "{}, {}, every {} s; Ctrl-C ends",
        console::style(&scope.stack.name).bold(),
        now.strftime("%H:%M:%S"),
        every.as_secs_f64()
    )
}

/// What is shown in so many lines. Where not everything fits, what is well gives way, and then old changes.
fn picture(head: &str, report: &Report, all: bool, kept: &VecDeque<String>, room: usize) -> Vec<String> {
    let with = |report: &Report, kept: usize, note: Option<String>, changes: &VecDeque<String>| {
        let mut lines = vec![head.to_owned()];
        lines.extend(table(report, all).lines().map(str::to_owned));
        lines.extend(note);
        let latest = changes.iter().skip(changes.len().saturating_sub(kept));
        if kept > 0 && !changes.is_empty() {
            lines.push(String::new());
            lines.extend(latest.cloned());
        }
        lines
    };
    let whole = with(report, KEPT, None, kept);
    if whole.len() <= room {
        return whole;
    }
    let (sick, well) = report.only_sick();
    let note = (well > 0).then(|| format!("… and {well} that are well"));
    let least = with(&sick, 0, note.clone(), kept).len();
    with(&sick, room.saturating_sub(least + 1).min(KEPT), note, kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::health::testing::check;
    use crate::probe::{Level, Outcome};

    #[test]
    fn what_is_sick_stays_where_not_all_fits() {
        let checks = ["a", "b", "c", "d", "e", "f"].map(|service| {
            let outcome = if service == "f" { Outcome::Fail } else { Outcome::Ok };
            check(service, 1, "port 80", Level::Port, outcome)
        });
        let report = Report::new("shop", &checks);
        let kept: VecDeque<String> =
            ["12:00:01 f: ok → fail", "12:00:02 a: fail → ok"].map(str::to_owned).into();
        let shown = |room: usize| {
            let lines = picture("shop", &report, false, &kept, room);
            assert!(lines.len() <= room.max(4), "{lines:?}");
            lines.iter().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(shown(24), @r"
        shop
           SERVICE  CHECK    SEEN             MS
        ✔  a        port 80  as it should be  7
        ✔  b        port 80  as it should be  7
        ✔  c        port 80  as it should be  7
        ✔  d        port 80  as it should be  7
        ✔  e        port 80  as it should be  7
        ✘  f-1      port 80  as it should be  7

        12:00:01 f: ok → fail
        12:00:02 a: fail → ok
        ");
        insta::assert_snapshot!(shown(8), @r"
        shop
           SERVICE  CHECK    SEEN             MS
        ✘  f-1      port 80  as it should be  7
        … and 5 that are well

        12:00:01 f: ok → fail
        12:00:02 a: fail → ok
        ");
        insta::assert_snapshot!(shown(6), @r"
        shop
           SERVICE  CHECK    SEEN             MS
        ✘  f-1      port 80  as it should be  7
        … and 5 that are well

        12:00:02 a: fail → ok
        ");
    }
}

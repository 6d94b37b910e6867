//! What a health run shows: a table for people here, [`junit`] and [`github`] for machines that run it, [`changes`]
//! and [`waiting`] while it goes on.

pub mod changes;
pub mod github;
pub mod junit;
pub mod waiting;

use crate::output::table::{self, Tone};
use crate::probe::Outcome;
use crate::probe::report::{Line, Report};

/// A row: a check, or a service whose checks are all well.
struct Row<'a> {
    who: String,
    check: String,
    line: &'a Line,
    ms: u64,
}

/// One row per service, expanded where a check isn't ok; every check with `all`.
fn rows(report: &Report, all: bool) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for summary in report.services() {
        let lines = || report.checks.iter().filter(|line| line.service == summary.service);
        if !all && summary.status <= Outcome::Skipped {
            let ms = lines().map(|line| line.ms).max().unwrap_or(0);
            let (who, check) = (summary.service.to_owned(), collapsed(lines(), summary.headline));
            rows.push(Row { who, check, line: summary.headline, ms });
            continue;
        }
        let shown = lines().filter(|line| all || line.status > Outcome::Skipped);
        rows.extend(shown.map(|line| Row { who: line.who(), check: line.check.clone(), line, ms: line.ms }));
    }
    rows
}

/// The check that stands for a service's, with the number of its replicas and of what was asked of it further.
fn collapsed<'a>(lines: impl Iterator<Item = &'a Line> + Clone, headline: &Line) -> String {
    let mut replicas: Vec<u32> =
        lines.clone().map(|line| line.replica).filter(|number| *number > 0).collect();
    replicas.sort_unstable();
    replicas.dedup();
    // What is told of the whole service has no replica.
    let deeper = lines.filter(|line| {
        [0, headline.replica].contains(&line.replica)
            && line.status == Outcome::Ok
            && line.level > headline.level
    });
    let mut text = headline.check.clone();
    match deeper.count() {
        0 => {}
        deeper => text.push_str(&format!(" +{deeper}")),
    }
    if replicas.len() > 1 {
        text.push_str(&format!(" ×{}", replicas.len()));
    }
    text
}

/// The table for people, with what to do below it.
pub fn table(report: &Report, all: bool) -> String {
    let mut cells = table::new(&["", "SERVICE", "CHECK", "SEEN", "MS"]);
    let mut hints: Vec<String> = Vec::new();
    for Row { who, check, line, ms } in rows(report, all) {
        let (sign, tone) = match line.status {
            Outcome::Ok => ("✔", Tone::Good),
            Outcome::Skipped => ("-", Tone::Faint),
            Outcome::Warn => ("!", Tone::Doubtful),
            Outcome::Fail => ("✘", Tone::Bad),
        };
        cells.add_row([
            table::cell(sign, tone),
            comfy_table::Cell::new(&who),
            comfy_table::Cell::new(in_a_line(&check)),
            comfy_table::Cell::new(in_a_line(&line.detail)),
            table::cell(ms, Tone::Faint),
        ]);
        if let Some(hint) = &line.hint
            && line.status > Outcome::Skipped
        {
            // Many routes of a gateway may have the same.
            let hint = format!("{who}: {}", in_a_line(hint));
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
    }
    let mut text = table::render(&mut cells);
    for hint in hints {
        text.push_str(&format!("\n{} {hint}", console::style("hint:").cyan()));
    }
    text
}

/// Text of unknown origin as one line that can't steer a terminal.
pub(super) fn in_a_line(text: &str) -> String {
    let text = console::strip_ansi_codes(text).replace("\r\n", " ");
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// The name of an outcome, as the document has it.
fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Skipped => "skipped",
        Outcome::Warn => "warn",
        Outcome::Fail => "fail",
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Reports for the tests of this room.

    use std::time::Duration;

    use crate::platform::Replica;
    use crate::probe::report::Report;
    use crate::probe::{Check, Level, Outcome};

    /// A check of a replica.
    pub fn check(service: &str, number: u32, name: &str, level: Level, outcome: Outcome) -> Check {
        Check {
            replica: Replica { service: service.into(), number },
            name: name.into(),
            level,
            outcome,
            detail: "as it should be".into(),
            hint: None,
            took: Duration::from_millis(7),
        }
    }

    /// A stack with something of everything, and texts that want to break out of every format.
    pub fn evil() -> Report {
        let mut checks = vec![
            check("redis", 1, "container", Level::Container, Outcome::Ok),
            check("redis", 1, "ping", Level::Protocol, Outcome::Ok),
            check("redis", 1, "persistence", Level::Deep, Outcome::Ok),
            check("web", 1, "GET /health", Level::Protocol, Outcome::Ok),
            check("web", 2, "GET /health", Level::Protocol, Outcome::Fail),
            check("web", 2, "through the gateway", Level::Deep, Outcome::Skipped),
            check("kafka", 0, "container", Level::Container, Outcome::Warn),
            check("idle", 0, "container", Level::Container, Outcome::Skipped),
        ];
        checks[1].detail = "PONG".into();
        checks[4].detail = "GET /health: 500: <b>\"100%\" & 'more'</b> ]]> \u{1b}[31m|`a`|\u{0}\n::error::x,y:z ##[add-mask]x é 日本 \u{fffe}"
            .into();
        checks[4].hint = Some("vv logs web\r\nthen: look, 50% of it".into());
        checks[4].took = Duration::from_millis(12_345);
        checks[5].detail = "not asked: GET /health failed".into();
        checks[6].detail = "1 of 3 replicas are there".into();
        checks[6].hint = Some("vv start kafka".into());
        checks[7].detail = "no replica is wanted".into();
        Report::new("shop <\"1\">", &checks)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{check, evil};
    use super::*;
    use crate::probe::Level;

    #[test]
    fn a_line_per_service_and_more_where_it_fails() {
        insta::assert_snapshot!(table(&evil(), false), @r#"
           SERVICE  CHECK        SEEN                                                                                       MS
        ✔  redis    ping +1      PONG                                                                                       7
        ✘  web-2    GET /health  GET /health: 500: <b>"100%" & 'more'</b> ]]> |`a`|  ::error::x,y:z ##[add-mask]x é 日本 ￾  12345
        !  kafka    container    1 of 3 replicas are there                                                                  7
        -  idle     container    no replica is wanted                                                                       7
        hint: web-2: vv logs web then: look, 50% of it
        hint: kafka: vv start kafka
        "#);
    }

    #[test]
    fn every_check() {
        insta::assert_snapshot!(table(&evil(), true), @r#"
           SERVICE  CHECK                SEEN                                                                                       MS
        ✔  redis-1  container            as it should be                                                                            7
        ✔  redis-1  ping                 PONG                                                                                       7
        ✔  redis-1  persistence          as it should be                                                                            7
        ✔  web-1    GET /health          as it should be                                                                            7
        ✘  web-2    GET /health          GET /health: 500: <b>"100%" & 'more'</b> ]]> |`a`|  ::error::x,y:z ##[add-mask]x é 日本 ￾  12345
        -  web-2    through the gateway  not asked: GET /health failed                                                              7
        !  kafka    container            1 of 3 replicas are there                                                                  7
        -  idle     container            no replica is wanted                                                                       7
        hint: web-2: vv logs web then: look, 50% of it
        hint: kafka: vv start kafka
        "#);
    }

    #[test]
    fn replicas_are_counted() {
        let replicas = [1, 2].map(|number| {
            [
                check("consul", number, "leader", Level::Protocol, Outcome::Ok),
                check("consul", number, "kv", Level::Deep, Outcome::Ok),
                check("consul", number, "dns", Level::Deep, Outcome::Skipped),
            ]
        });
        let declared = check("consul", 0, "declared", Level::Deep, Outcome::Ok);
        let checks: Vec<crate::probe::Check> = replicas.into_iter().flatten().chain([declared]).collect();
        let report = Report::new("shop", &checks);
        insta::assert_snapshot!(table(&report, false), @r"
           SERVICE  CHECK         SEEN             MS
        ✔  consul   leader +2 ×2  as it should be  7
        ");
    }
}

//! How a gateway differs from what is declared, what came of changing it, and which routes answer, for people.

#[cfg(test)]
mod tests;

use comfy_table::Cell;
use console::style;

use super::health::in_a_line;
use super::table::{self, Tone};
use crate::routes::apply::{Applied, End};
use crate::routes::plan::{Action, Change, RoutePlan};
use crate::routes::prove::{Level, Proof};
use crate::routes::report::Counts;
use crate::routes::words::{self, counted};

/// How many names, and lines of advice, are shown where they are many.
const NAMED: usize = 10;

/// The difference, or what came of it, and what the routes answered; below them what to do and the counts. Routes that
/// are live share a line, unless `all` are wanted.
pub fn table(plan: &RoutePlan, applied: Option<&Applied>, proofs: &[Proof], all: bool) -> String {
    let mut lines = Vec::new();
    lines.extend(drawn(&["", "ENTITY", "CHANGE"], changes(plan, applied)));
    lines.extend(drawn(&["", "ROUTE", "ASKED", "ANSWER"], answers(proofs, all)));
    lines.extend(advice(plan, applied, proofs));
    lines.extend(plan.blocked.iter().map(|why| in_a_line(why)));
    lines.extend(kept(plan));
    lines.extend(undeclared(plan));
    lines.push(summary(plan, applied, proofs));
    lines.join("\n")
}

/// A line of a table.
struct Row {
    sign: &'static str,
    tone: Tone,
    cells: Vec<String>,
}

impl Row {
    fn new(sign: &'static str, tone: Tone, cells: impl IntoIterator<Item = String>) -> Self {
        Self { sign, tone, cells: cells.into_iter().collect() }
    }
}

/// What is to be done, or was.
fn changes(plan: &RoutePlan, applied: Option<&Applied>) -> Vec<Row> {
    let mut rows: Vec<Row> = plan
        .changes
        .iter()
        .enumerate()
        .map(|(index, change)| {
            change_row(change, applied.and_then(|applied| applied.outcomes.get(index)).map(|it| &it.end))
        })
        .collect();
    let impossible = plan.impossible.iter();
    rows.extend(
        impossible
            .map(|it| Row::new("✘", Tone::Bad, [it.label.clone(), format!("{}: {}", it.mark, it.reason)])),
    );
    rows
}

fn change_row(change: &Change, end: Option<&End>) -> Row {
    let what = match &change.action {
        Action::Create => "create".to_owned(),
        Action::Update { fields, adopts: false } => words::fields(fields),
        Action::Update { fields, adopts: true } if fields.is_empty() => "take over".to_owned(),
        Action::Update { fields, adopts: true } => format!("take over: {}", words::fields(fields)),
        Action::Delete { because } => format!("delete: {}", words::gone(*because)),
    };
    let label = change.label.clone();
    match end {
        Some(End::Done) => Row::new("✔", Tone::Good, [label, what]),
        Some(end) => {
            let sign = if matches!(end, End::NotTried { .. }) { "?" } else { "✘" };
            Row::new(sign, Tone::Bad, [label, words::end(end).unwrap_or_default()])
        }
        None => {
            let (sign, tone) = match &change.action {
                Action::Create => ("+", Tone::Good),
                Action::Update { .. } => ("~", Tone::Doubtful),
                Action::Delete { .. } => ("-", Tone::Bad),
            };
            Row::new(sign, tone, [label, what])
        }
    }
}

/// What the routes answered.
fn answers(proofs: &[Proof], all: bool) -> Vec<Row> {
    let wanted = proofs.iter().filter(|proof| all || proof.level != Level::Ok);
    let row = |proof: &Proof| {
        let (sign, tone) = match proof.level {
            Level::Ok => ("✔", Tone::Good),
            Level::Warn => ("!", Tone::Doubtful),
            Level::Fail => ("✘", Tone::Bad),
            Level::Skipped => ("-", Tone::Faint),
        };
        Row::new(
            sign,
            tone,
            [proof.label.clone(), proof.request.clone().unwrap_or_default(), proof.detail.clone()],
        )
    };
    wanted.map(row).collect()
}

fn drawn(headings: &[&str], rows: Vec<Row>) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let mut cells = table::new(headings);
    for row in rows {
        let texts = row.cells.iter().map(|text| Cell::new(in_a_line(text)));
        cells.add_row(std::iter::once(table::cell(row.sign, row.tone)).chain(texts).collect::<Vec<_>>());
    }
    Some(table::render(&mut cells))
}

/// What to do, each thing once.
fn advice(plan: &RoutePlan, applied: Option<&Applied>, proofs: &[Proof]) -> Vec<String> {
    let impossible = plan.impossible.iter().filter_map(|it| it.hint.clone());
    let outcomes = applied.into_iter().flat_map(|applied| applied.outcomes.iter().chain(&applied.said));
    let refused = outcomes.filter_map(|outcome| match (&outcome.end, &outcome.mark) {
        (End::Unanswered(error), _) => error.hint.clone(),
        (End::Refused { .. }, Some(mark)) => Some(format!("{mark} declares {}", outcome.label)),
        _ => None,
    });
    let dead = proofs.iter().filter(|proof| proof.level != Level::Ok).filter_map(|proof| proof.hint.clone());
    let mut lines: Vec<String> = Vec::new();
    for hint in impossible.chain(refused).chain(dead) {
        let line = format!("{} {}", style("hint:").cyan(), in_a_line(&hint));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let more = lines.len().saturating_sub(NAMED);
    lines.truncate(NAMED);
    if more > 0 {
        lines.push(format!("{} and so on for {more} more", style("hint:").cyan()));
    }
    lines
}

/// What was to be deleted, and why it stays.
fn kept(plan: &RoutePlan) -> impl Iterator<Item = String> {
    let kept = plan.undeclared.iter().filter_map(|it| Some((it, it.kept.as_ref()?)));
    kept.take(NAMED).map(|(it, why)| in_a_line(&format!("not declared, and kept: {}: {why}", it.label)))
}

fn undeclared(plan: &RoutePlan) -> Option<String> {
    let others: Vec<&str> =
        plan.undeclared.iter().filter(|it| it.kept.is_none()).map(|it| it.label.as_str()).collect();
    let first: Vec<&str> = others.iter().take(NAMED).copied().collect();
    let more = others.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!first.is_empty()).then(|| format!("not declared: {}{more} (--prune deletes them)", first.join(", ")))
}

/// The counts in a line: `24 entities declared: 3 missing, 21 as declared; 8 routes: 8 live`.
fn summary(plan: &RoutePlan, applied: Option<&Applied>, proofs: &[Proof]) -> String {
    let counts = Counts::of(plan);
    let parts = match applied {
        None => vec![
            (counts.create, "missing"),
            (counts.change, "to be changed"),
            (counts.delete, "to be deleted"),
        ],
        Some(applied) => {
            let count = |wanted: fn(&End) -> bool| {
                applied.outcomes.iter().filter(|outcome| wanted(&outcome.end)).count()
            };
            vec![
                (count(|end| matches!(end, End::Done)), "done"),
                (count(|end| matches!(end, End::Refused { .. })), "refused"),
                (count(|end| matches!(end, End::Unanswered(_))), "not answered"),
                (count(|end| matches!(end, End::NotTried { .. })), "not tried"),
            ]
        }
    };
    let parts = parts.into_iter().chain([(counts.impossible, "impossible"), (counts.settled, "as declared")]);
    let parts: Vec<String> =
        parts.filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let mut text = format!("{} declared", counted(counts.declared, "entity"));
    if !parts.is_empty() {
        text.push_str(&format!(": {}", parts.join(", ")));
    }
    if !proofs.is_empty() {
        text.push_str(&format!("; {}", live(proofs)));
    }
    text
}

/// `8 routes: 7 live, 1 not live`
fn live(proofs: &[Proof]) -> String {
    let count = |level| proofs.iter().filter(|proof| proof.level == level).count();
    let parts = [
        (count(Level::Ok), "live"),
        (count(Level::Warn), "doubtful"),
        (count(Level::Fail), "not live"),
        (count(Level::Skipped), "not asked"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    format!("{}: {}", counted(proofs.len(), "route"), parts.join(", "))
}

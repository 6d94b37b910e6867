//! How a cluster's topics differ from what is declared, and what came of changing that, for people.

mod rows;
#[cfg(test)]
mod tests;

use comfy_table::Cell;
use console::style;

use self::rows::Row;
use super::health::in_a_line;
use super::table;
use crate::topics::apply::{Applied, End};
use crate::topics::plan::TopicPlan;
use crate::topics::report::Counts;
use crate::topics::words::{self, counted};

/// How many names are shown where they are many.
const NAMED: usize = 5;

/// The difference as a table: a line for each topic that isn't as declared, below it what to do and the counts. Many
/// topics of which the same is to be said share a line; `all` gives each its own, those as declared too.
pub fn plan(plan: &TopicPlan, all: bool) -> String {
    let rows = rows::of_plan(plan, all);
    let mut lines: Vec<String> = drawn(rows, all).into_iter().collect();
    lines.extend(hints(plan));
    lines.extend(undeclared(plan, all));
    lines.push(summary(plan));
    lines.join("\n")
}

/// What came of a plan, as a table; what was impossible from the start is in it too.
pub fn applied(plan: &TopicPlan, applied: &Applied, all: bool) -> String {
    let rows = rows::of_outcome(plan, applied, all);
    let mut lines: Vec<String> = drawn(rows, all).into_iter().collect();
    lines.extend(hints(plan));
    lines.extend(outcome_hints(applied));
    lines.extend(undeclared(plan, all));
    lines.push(outcome_summary(plan, applied));
    lines.join("\n")
}

/// The difference in plain lines, a change each, as `vv plan` shows operations: always the same for the same plan.
pub fn lines(plan: &TopicPlan) -> Vec<String> {
    let changes = plan.changes.iter().flat_map(words::change);
    let impossible = plan
        .impossible
        .iter()
        .map(|impossible| format!("✘ topic {}: {}", impossible.topic, words::reasons(&impossible.reasons)));
    let drift = plan.drift.iter().map(|drift| format!("! topic {}: {}", drift.topic, words::drift(drift)));
    changes.chain(impossible).chain(drift).map(|line| in_a_line(&line)).collect()
}

/// The counts in a line: `56 topics are declared: 50 are missing, 6 as declared; 3 others aren't declared`.
pub fn summary(plan: &TopicPlan) -> String {
    let counts = Counts::of(plan);
    let parts = [
        (counts.create, "missing"),
        (counts.change, "to be changed"),
        (counts.impossible, "impossible"),
        (counts.drift, "drifted"),
        (counts.unchanged, "as declared"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
    let mut text = format!("{} declared", counted(counts.declared, "topic"));
    if !parts.is_empty() {
        text.push_str(&format!(": {}", parts.join(", ")));
    }
    if counts.undeclared > 0 {
        text.push_str(&format!("; {} not declared", counts.undeclared));
    }
    text
}

fn outcome_summary(plan: &TopicPlan, applied: &Applied) -> String {
    let count = |wanted: fn(&End) -> bool| applied.topics.iter().filter(|topic| wanted(&topic.end)).count();
    let drift = Counts::of(plan).drift;
    let parts = [
        (count(|end| *end == End::Done), "done"),
        (count(|end| matches!(end, End::Refused(_))), "refused"),
        (count(|end| matches!(end, End::Unknown(_))), "not known"),
        (count(|end| *end == End::Leaderless), "without leaders"),
        (count(|end| matches!(end, End::Impossible(_))) + plan.impossible.len(), "impossible"),
        (drift, "drifted"),
        (plan.unchanged.len(), "as declared"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
    let mut text = format!("{} declared: {}", counted(plan.declared, "topic"), parts.join(", "));
    if !plan.undeclared.is_empty() {
        text.push_str(&format!("; {} not declared", plan.undeclared.len()));
    }
    text
}

/// The table; nothing for no rows.
fn drawn(rows: Vec<Row>, all: bool) -> Option<String> {
    let rows = if all { rows } else { rows::folded(rows, NAMED) };
    if rows.is_empty() {
        return None;
    }
    let mut cells = table::new(&["", "TOPIC", "CHANGE"]);
    for Row { sign, tone, topic, text } in rows {
        cells.add_row([table::cell(sign, tone), Cell::new(topic), Cell::new(in_a_line(&text))]);
    }
    Some(table::render(&mut cells))
}

/// What to do about what is impossible; the same advice for many topics is given for the first few.
fn hints(plan: &TopicPlan) -> Vec<String> {
    let ways = plan.impossible.iter().flat_map(|impossible| {
        impossible.reasons.iter().map(|reason| words::way_out(&impossible.topic, reason))
    });
    hint_lines(ways)
}

fn outcome_hints(applied: &Applied) -> Vec<String> {
    let hints = applied.topics.iter().flat_map(|outcome| match &outcome.end {
        End::Refused(refusal) => words::hint(refusal).map(str::to_owned).into_iter().collect::<Vec<_>>(),
        End::Unknown(error) => error.hint.clone().into_iter().collect(),
        End::Impossible(reasons) => {
            reasons.iter().map(|reason| words::way_out(&outcome.topic, reason)).collect()
        }
        End::Leaderless => vec!["vv health shows which partitions lack one".to_owned()],
        End::Done => Vec::new(),
    });
    hint_lines(hints)
}

fn hint_lines(hints: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for hint in hints {
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

fn undeclared(plan: &TopicPlan, all: bool) -> Option<String> {
    const SHOWN: usize = 10;
    let shown = if all { plan.undeclared.len() } else { SHOWN };
    (!plan.undeclared.is_empty()).then(|| format!("not declared: {}", few(&plan.undeclared, shown)))
}

/// The first so many names: `a, b and 3 more`.
fn few(names: &[String], shown: usize) -> String {
    let first = names.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(shown) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

//! The rows of the table: one for each topic, or for many of which the same is to be said.

use super::few;
use crate::output::table::Tone;
use crate::topics::apply::{Applied, End};
use crate::topics::plan::{Action, TopicPlan};
use crate::topics::words;

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub sign: &'static str,
    pub tone: Tone,
    pub topic: String,
    pub text: String,
}

/// What a plan is to do, finds or can't do.
pub(super) fn of_plan(plan: &TopicPlan, all: bool) -> Vec<Row> {
    let changes = plan.changes.iter().map(|change| {
        let (sign, tone) = match change.actions[..] {
            [Action::Create(_)] => ("+", Tone::Good),
            _ => ("~", Tone::Doubtful),
        };
        let text = with_drift(words::actions(&change.actions), plan, &change.topic);
        Row { sign, tone, topic: change.topic.clone(), text }
    });
    changes.chain(left_alone(plan, all)).collect()
}

/// What came of it.
pub(super) fn of_outcome(plan: &TopicPlan, applied: &Applied, all: bool) -> Vec<Row> {
    let outcomes = applied.topics.iter().map(|outcome| {
        let done = words::actions(&outcome.done);
        let failed = |what: String| match outcome.done.is_empty() {
            true => what,
            false => format!("{what} (done: {done})"),
        };
        let (sign, tone, text) = match &outcome.end {
            End::Done if outcome.done.is_empty() => {
                ("✔", Tone::Good, "somebody else made it so at the same time".to_owned())
            }
            End::Done => ("✔", Tone::Good, done.clone()),
            End::Refused(refusal) => ("✘", Tone::Bad, failed(refusal.to_string())),
            End::Impossible(reasons) => ("✘", Tone::Bad, failed(words::reasons(reasons))),
            End::Unknown(error) => ("?", Tone::Bad, failed(error.to_string())),
            End::Leaderless => ("!", Tone::Doubtful, words::LEADERLESS.to_owned()),
        };
        Row { sign, tone, topic: outcome.topic.clone(), text: with_drift(text, plan, &outcome.topic) }
    });
    outcomes.chain(left_alone(plan, all)).collect()
}

/// Declared topics to which nothing is done: drifted, impossible, as declared.
fn left_alone(plan: &TopicPlan, all: bool) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let is_shown = |topic: &str| {
        plan.changes.iter().any(|change| change.topic == topic)
            || plan.impossible.iter().any(|impossible| impossible.topic == topic)
    };
    for drift in plan.drift.iter().filter(|drift| !is_shown(&drift.topic)) {
        match rows.last_mut().filter(|row| row.topic == drift.topic) {
            Some(row) => row.text.push_str(&format!("; {}", words::drift(drift))),
            None => rows.push(Row {
                sign: "!",
                tone: Tone::Doubtful,
                topic: drift.topic.clone(),
                text: words::drift(drift),
            }),
        }
    }
    for impossible in &plan.impossible {
        let mut text = words::reasons(&impossible.reasons);
        if !impossible.held.is_empty() {
            text.push_str(&format!("; until then not done: {}", words::actions(&impossible.held)));
        }
        let text = with_drift(text, plan, &impossible.topic);
        rows.push(Row { sign: "✘", tone: Tone::Bad, topic: impossible.topic.clone(), text });
    }
    let unchanged = plan.unchanged.iter().filter(|_| all).map(|topic| Row {
        sign: "=",
        tone: Tone::Faint,
        topic: topic.clone(),
        text: "as declared".to_owned(),
    });
    rows.extend(unchanged);
    rows
}

fn with_drift(mut text: String, plan: &TopicPlan, topic: &str) -> String {
    for drift in plan.drift.iter().filter(|drift| drift.topic == topic) {
        text.push_str(&format!("; {}", words::drift(drift)));
    }
    text
}

/// One row for all topics of which the same is said, where they are more than `most`; it stands where the first did.
pub(super) fn folded(rows: Vec<Row>, most: usize) -> Vec<Row> {
    let mut groups: Vec<(Row, Vec<String>)> = Vec::new();
    for row in rows {
        let same = |(first, _): &&mut (Row, Vec<String>)| first.sign == row.sign && first.text == row.text;
        match groups.iter_mut().find(same) {
            Some((_, topics)) => topics.push(row.topic),
            None => {
                let topic = row.topic.clone();
                groups.push((row, vec![topic]));
            }
        }
    }
    let unfold = |(row, topics): (Row, Vec<String>)| match topics.len() > most {
        true => {
            let text = format!("{} ({})", row.text, few(&topics, 3));
            vec![Row { topic: words::counted(topics.len(), "topic"), text, ..row }]
        }
        false => topics.into_iter().map(|topic| Row { topic, ..row.clone() }).collect(),
    };
    groups.into_iter().flat_map(unfold).collect()
}

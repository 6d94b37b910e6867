//! The document `vv.topics/1`. Its schema is `docs/schema/topics.json`. Pure.

use indexmap::IndexMap;
use serde::Serialize;

use super::apply::{Applied, End};
use super::declaration::Declaration;
use super::plan::{Action, Cause, Reason, TopicPlan};
use super::words;

/// The name of the document's shape.
pub const SCHEMA: &str = "vv.topics/1";

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The stack's name.
    pub stack: String,
    /// What it comes to.
    pub status: Status,
    /// Every declared topic, in the order of the declaration.
    pub topics: Vec<Line>,
    /// Topics that aren't declared, by name.
    pub undeclared: Vec<String>,
    /// How many of each.
    pub counts: Counts,
}

/// What it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The cluster is what is declared.
    Unchanged,
    /// It isn't, and nothing was done.
    Differs,
    /// What could be done was done; drift stays.
    Applied,
    /// Something was refused, impossible or not proven.
    Failed,
}

/// How many topics of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Declared ones.
    pub declared: usize,
    /// To be made.
    pub create: usize,
    /// To be grown or set.
    pub change: usize,
    /// That can't be made what is declared.
    pub impossible: usize,
    /// With settings that nobody declared.
    pub drift: usize,
    /// As declared.
    pub unchanged: usize,
    /// Not declared.
    pub undeclared: usize,
}

/// A declared topic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Its name.
    pub topic: String,
    /// Whose it is, or null.
    pub owner: Option<String>,
    /// What is to be done, held back ones included.
    pub changes: Vec<ChangeLine>,
    /// Settings that somebody set and nobody declared.
    pub drift: Vec<DriftLine>,
    /// Why it can't be made what is declared; nothing is done to it then.
    pub impossible: Vec<ReasonLine>,
    /// What came of it; null where nothing was to be done, or nothing was.
    pub outcome: Option<OutcomeLine>,
}

/// A change, with its cause.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeLine {
    /// Why.
    pub cause: &'static str,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum What {
    /// Makes the topic.
    Create {
        /// Null: the broker's own default.
        partitions: Option<u32>,
        /// Null: the broker's own default.
        replication_factor: Option<u16>,
        /// Its settings.
        config: IndexMap<String, String>,
    },
    /// Adds partitions.
    Grow {
        /// So many now.
        from: u32,
        /// So many then.
        to: u32,
    },
    /// Sets a setting.
    Set {
        /// Its name.
        setting: String,
        /// The value in effect, or null.
        from: Option<String>,
        /// The value then.
        to: String,
    },
    /// Takes a setting off the topic.
    Unset {
        /// Its name.
        setting: String,
        /// The value now, or null.
        from: Option<String>,
    },
}

/// A setting that nobody declared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DriftLine {
    /// Its name.
    pub setting: String,
    /// Its value, or null.
    pub value: Option<String>,
}

/// Why a topic can't be made what is declared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReasonLine {
    /// In a word.
    pub cause: &'static str,
    /// In a sentence.
    pub message: String,
    /// What to do.
    pub fix: String,
}

/// What came of a topic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutcomeLine {
    /// In a word.
    pub status: &'static str,
    /// How many of its changes were made.
    pub done: usize,
    /// Kafka's name of the error, or null.
    pub code: Option<String>,
    /// What the broker said, or what was seen, or null.
    pub message: Option<String>,
}

impl Report {
    /// The document of a plan, and of what came of it where it was carried out.
    pub fn new(stack: &str, declaration: &Declaration, plan: &TopicPlan, applied: Option<&Applied>) -> Self {
        let topics: Vec<Line> = declaration
            .topics
            .iter()
            .map(|topic| {
                let change = plan.changes.iter().find(|change| change.topic == topic.name);
                let impossible = plan.impossible.iter().find(|impossible| impossible.topic == topic.name);
                let actions = change.map(|change| &change.actions).or(impossible.map(|it| &it.held));
                let outcome = applied
                    .and_then(|applied| applied.topics.iter().find(|outcome| outcome.topic == topic.name));
                let drift = plan.drift.iter().filter(|drift| drift.topic == topic.name);
                Line {
                    topic: topic.name.clone(),
                    owner: topic.owner.clone(),
                    changes: actions.into_iter().flatten().map(change_line).collect(),
                    drift: drift
                        .map(|drift| DriftLine { setting: drift.key.clone(), value: drift.value.clone() })
                        .collect(),
                    impossible: impossible
                        .into_iter()
                        .flat_map(|impossible| &impossible.reasons)
                        .map(|reason| reason_line(&topic.name, reason))
                        .collect(),
                    outcome: outcome.map(|outcome| outcome_line(outcome.done.len(), &outcome.end)),
                }
            })
            .collect();
        let status = match applied {
            Some(applied) if applied.failure().is_some() || !plan.impossible.is_empty() => Status::Failed,
            Some(applied) if !applied.topics.is_empty() => Status::Applied,
            _ if plan.is_settled() => Status::Unchanged,
            _ => Status::Differs,
        };
        Self {
            schema: SCHEMA,
            stack: stack.to_owned(),
            status,
            counts: Counts::of(plan),
            topics,
            undeclared: plan.undeclared.clone(),
        }
    }
}

impl Counts {
    /// Those of a plan.
    pub fn of(plan: &TopicPlan) -> Self {
        let creates =
            plan.changes.iter().filter(|change| matches!(change.actions[..], [Action::Create(_)])).count();
        let mut drifted: Vec<&str> = plan.drift.iter().map(|drift| drift.topic.as_str()).collect();
        drifted.dedup();
        Self {
            declared: plan.declared,
            create: creates,
            change: plan.changes.len() - creates,
            impossible: plan.impossible.len(),
            drift: drifted.len(),
            unchanged: plan.unchanged.len(),
            undeclared: plan.undeclared.len(),
        }
    }
}

fn change_line(action: &Action) -> ChangeLine {
    let cause = match action.cause() {
        Cause::Missing => "missing",
        Cause::FewerPartitions => "fewer_partitions",
        Cause::OtherValue => "other_value",
        Cause::OtherDefault => "other_default",
        Cause::DeclaredUnset => "declared_unset",
    };
    let what = match action {
        Action::Create(new) => What::Create {
            partitions: new.partitions,
            replication_factor: new.replication_factor,
            config: new.config.clone(),
        },
        Action::Grow { from, to } => What::Grow { from: *from, to: *to },
        Action::Set { key, from, to, .. } => {
            What::Set { setting: key.clone(), from: from.clone(), to: to.clone() }
        }
        Action::Unset { key, from } => What::Unset { setting: key.clone(), from: from.clone() },
    };
    ChangeLine { cause, what }
}

fn reason_line(topic: &str, reason: &Reason) -> ReasonLine {
    let cause = match reason {
        Reason::Shrink { .. } => "shrink",
        Reason::Replication { .. } => "replication",
        Reason::TooFewBrokers { .. } => "too_few_brokers",
        Reason::Collision { .. } => "collision",
    };
    ReasonLine { cause, message: words::reason(reason), fix: words::way_out(topic, reason) }
}

fn outcome_line(done: usize, end: &End) -> OutcomeLine {
    let line = |status, code: Option<&String>, message: Option<String>| OutcomeLine {
        status,
        done,
        code: code.cloned(),
        message,
    };
    match end {
        End::Done => line("done", None, None),
        End::Refused(refusal) => line("refused", Some(&refusal.code), Some(refusal.message.clone())),
        End::Impossible(reasons) => line("impossible", None, Some(words::reasons(reasons))),
        End::Unknown(error) => line("unknown", None, Some(error.message.clone())),
        End::Leaderless => line("leaderless", None, Some(words::LEADERLESS.to_owned())),
    }
}

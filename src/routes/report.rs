//! The document `vv.routes/1`. Its schema is `docs/schema/routes.json`. Pure.

use serde::Serialize;

use super::apply::{Applied, End};
use super::plan::{Action, FieldChange, RoutePlan};
use super::prove::{Level, Proof};
use super::words;

/// The name of the document's shape.
pub const SCHEMA: &str = "vv.routes/1";

/// The document.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Whose entities they are: the stack's name.
    pub stack: &'a str,
    /// What it comes to.
    pub status: Status,
    /// Why nothing at all was sent, or null.
    pub blocked: Option<&'a str>,
    /// What was to be done.
    pub changes: Vec<ChangeLine<'a>>,
    /// What is declared and can't be made so.
    pub impossible: Vec<ImpossibleLine<'a>>,
    /// What this stack made and doesn't declare any more.
    pub undeclared: Vec<&'a str>,
    /// What the routes answered.
    pub routes: Vec<RouteLine<'a>>,
    /// Why the routes weren't asked, or null.
    pub unproven: Option<&'a str>,
    /// How many of each.
    pub counts: Counts,
}

/// What it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The gateway is as declared, and the routes that were asked are live.
    Unchanged,
    /// It isn't, and nothing was done.
    Differs,
    /// It was made so.
    Applied,
    /// Something was refused, impossible, or isn't live.
    Failed,
}

/// How many entities of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Declared ones.
    pub declared: usize,
    /// To be made.
    pub create: usize,
    /// To be changed.
    pub change: usize,
    /// To be deleted.
    pub delete: usize,
    /// That can't be made what is declared.
    pub impossible: usize,
    /// As declared.
    pub settled: usize,
    /// Of this stack, and not declared.
    pub undeclared: usize,
    /// Of others, of the types that were read.
    pub foreign: usize,
}

/// A change.
#[derive(Debug, Serialize)]
pub struct ChangeLine<'a> {
    /// The type: `routes`.
    pub kind: &'a str,
    /// What it is called.
    pub entity: &'a str,
    /// What is done.
    pub action: &'static str,
    /// The fields that change; secrets are dots.
    pub fields: &'a [FieldChange],
    /// Where it is declared, or null.
    pub place: Option<String>,
    /// What came of it: `done`, `refused`, `not_answered`, `not_tried`; null where nothing was done.
    pub outcome: Option<&'static str>,
    /// Why it wasn't done, or null.
    pub message: Option<String>,
}

/// What a route answered.
#[derive(Debug, Serialize)]
pub struct RouteLine<'a> {
    /// What it is called.
    pub route: &'a str,
    /// How good it is: `ok`, `skipped`, `warn`, `fail`.
    pub level: Level,
    /// What was asked, or null: `GET /orders`.
    pub request: Option<&'a str>,
    /// What came of it.
    pub detail: &'a str,
    /// What to do, or null.
    pub hint: Option<&'a str>,
}

impl<'a> RouteLine<'a> {
    fn of(proof: &'a Proof) -> Self {
        Self {
            route: &proof.label,
            level: proof.level,
            request: proof.request.as_deref(),
            detail: &proof.detail,
            hint: proof.hint.as_deref(),
        }
    }
}

/// What can't be made as declared.
#[derive(Debug, Serialize)]
pub struct ImpossibleLine<'a> {
    /// What it is called.
    pub entity: &'a str,
    /// Why.
    pub reason: &'a str,
    /// What to do, or null.
    pub hint: Option<&'a str>,
    /// Where it is declared.
    pub place: String,
}

impl<'a> Report<'a> {
    /// The document of a plan, of what came of it where it was carried out, and of the routes that were asked, or why
    /// they weren't.
    pub fn new(
        stack: &'a str,
        plan: &'a RoutePlan,
        applied: Option<&'a Applied>,
        proofs: &'a [Proof],
        unproven: Option<&'a str>,
    ) -> Self {
        let line = |(index, change): (usize, &'a super::plan::Change)| {
            let end = applied.and_then(|applied| applied.outcomes.get(index)).map(|outcome| &outcome.end);
            let (action, fields): (_, &[FieldChange]) = match &change.action {
                Action::Create => ("create", &[]),
                Action::Update { fields, adopts: false } => ("update", fields),
                Action::Update { fields, adopts: true } => ("adopt", fields),
                Action::Delete { .. } => ("delete", &[]),
            };
            ChangeLine {
                kind: change.kind.name(),
                entity: &change.label,
                action,
                fields,
                place: change.mark.as_ref().map(ToString::to_string),
                outcome: end.map(outcome),
                message: end.and_then(words::end),
            }
        };
        let impossible = plan.impossible.iter().map(|it| ImpossibleLine {
            entity: &it.label,
            reason: &it.reason,
            hint: it.hint.as_deref(),
            place: it.mark.to_string(),
        });
        Self {
            schema: SCHEMA,
            stack,
            status: status(plan, applied, proofs),
            blocked: plan.blocked.as_deref(),
            changes: plan.changes.iter().enumerate().map(line).collect(),
            impossible: impossible.collect(),
            undeclared: plan.undeclared.iter().map(|it| it.label.as_str()).collect(),
            routes: proofs.iter().map(RouteLine::of).collect(),
            unproven,
            counts: Counts::of(plan),
        }
    }
}

fn outcome(end: &End) -> &'static str {
    match end {
        End::Done => "done",
        End::Refused { .. } => "refused",
        End::Unanswered(_) => "not_answered",
        End::NotTried { .. } => "not_tried",
    }
}

fn status(plan: &RoutePlan, applied: Option<&Applied>, proofs: &[Proof]) -> Status {
    let dead = proofs.iter().any(|proof| proof.level == Level::Fail);
    match applied {
        _ if dead => Status::Failed,
        Some(applied) if applied.failure().is_some() || !plan.impossible.is_empty() => Status::Failed,
        Some(_) if !plan.changes.is_empty() => Status::Applied,
        _ if plan.is_settled() => Status::Unchanged,
        Some(_) => Status::Failed,
        None => Status::Differs,
    }
}

impl Counts {
    /// Those of a plan.
    pub fn of(plan: &RoutePlan) -> Self {
        let count =
            |wanted: fn(&Action) -> bool| plan.changes.iter().filter(|change| wanted(&change.action)).count();
        let create = count(|action| matches!(action, Action::Create));
        let change = count(|action| matches!(action, Action::Update { .. }));
        Self {
            declared: create + change + plan.impossible_entities() + plan.settled,
            create,
            change,
            delete: plan.changes.len() - create - change,
            impossible: plan.impossible_entities(),
            settled: plan.settled,
            undeclared: plan.undeclared.len(),
            foreign: plan.foreign,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::routes::apply::Outcome;
    use crate::routes::plan::{Change, Gone, Impossible};
    use crate::routes::words::change;
    use crate::stack::problem::{Mark, Source};

    fn limit() -> FieldChange {
        FieldChange { field: "config.minute".into(), from: "50".into(), to: "60".into() }
    }

    fn plan() -> RoutePlan {
        let source = Source { name: "kong.yml".into(), text: String::new() };
        let mark = Mark { source: source.into(), line: 4, column: 5 };
        RoutePlan {
            changes: vec![
                Change { mark: Some(mark.clone()), ..change("route a", Action::Create) },
                change("plugin b", Action::Update { fields: vec![limit()], adopts: false }),
                change("plugin c", Action::Update { fields: vec![limit()], adopts: true }),
                change("route d", Action::Delete { because: Gone::Undeclared }),
            ],
            impossible: vec![Impossible {
                label: "route e".into(),
                reason: "it belongs to another owner".into(),
                hint: Some("--adopt takes it over".into()),
                mark,
                declared: Some(0),
            }],
            settled: 2,
            ..RoutePlan::default()
        }
    }

    #[test]
    fn it_is_what_its_schema_says() {
        let schema: Value = serde_json::from_str(include_str!("../../docs/schema/routes.json")).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let plan = plan();
        let ends = [
            End::Done,
            End::Refused { message: "no".into(), code: Some(2) },
            End::NotTried { because: "plugin b was refused".into() },
            End::Done,
        ];
        let outcome =
            |(change, end): (&Change, End)| Outcome { label: change.label.clone(), end, mark: None };
        let applied = Applied {
            outcomes: plan.changes.iter().zip(ends).collect::<Vec<_>>().into_iter().map(outcome).collect(),
            said: Vec::new(),
        };
        let settled = RoutePlan { settled: 1, ..RoutePlan::default() };
        let blocked = RoutePlan { blocked: Some("it would lose route x".into()), ..RoutePlan::default() };
        let nothing = Applied::default();
        let documents = [
            Report::new("shop", &plan, None, &[], Some("--no-live")),
            Report::new("shop", &plan, Some(&applied), &[], Some("--no-live")),
            Report::new("shop", &settled, None, &[], None),
            Report::new("shop", &blocked, Some(&nothing), &[], Some("--no-live")),
        ];
        let statuses: Vec<Status> = documents.iter().map(|document| document.status).collect();
        assert_eq!(statuses, [Status::Differs, Status::Failed, Status::Unchanged, Status::Failed]);
        for document in documents {
            let document = serde_json::to_value(&document).unwrap();
            let errors: Vec<String> =
                validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert_eq!(errors, Vec::<String>::new(), "{document}");
        }
    }
}

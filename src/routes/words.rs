//! What is done to a gateway, in words. Pure.

use super::apply::{Applied, End, Outcome};
use super::plan::{Action, Change, FieldChange, Gone, RoutePlan};

/// How many fields of an entity are named in a line.
const FIELDS: usize = 4;

/// `1 route`, `2 routes`, `2 entities`.
pub fn counted(count: usize, what: &str) -> String {
    match (count, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {what}s"),
    }
}

/// A change as a plan shows it: its sign, what is done, and why.
pub fn planned(change: &Change) -> (char, String, String) {
    let label = &change.label;
    match &change.action {
        Action::Create => ('+', format!("create {label}"), "missing".to_owned()),
        Action::Update { fields, adopts: false } => {
            ('~', format!("change {label}: {}", self::fields(fields)), "differs".to_owned())
        }
        Action::Update { fields, adopts: true } if fields.is_empty() => {
            ('~', format!("take over {label}"), "--adopt".to_owned())
        }
        Action::Update { fields, adopts: true } => {
            ('~', format!("take over {label}: {}", self::fields(fields)), "--adopt".to_owned())
        }
        Action::Delete { because } => ('-', format!("delete {label}"), gone(*because).to_owned()),
    }
}

/// Why an entity goes.
pub fn gone(because: Gone) -> &'static str {
    match because {
        Gone::Undeclared => "not declared",
        Gone::NoReplica => "its replica is gone",
        Gone::Replaced => "its replicas stand in its place",
        Gone::Probe => "left behind by a probe",
    }
}

/// `config.minute 50 → 60, paths /a → /b`, the first few.
pub fn fields(fields: &[FieldChange]) -> String {
    let told = |field: &FieldChange| format!("{} {} → {}", field.field, field.from, field.to);
    let mut parts: Vec<String> = fields.iter().take(FIELDS).map(told).collect();
    if fields.len() > FIELDS {
        parts.push(format!("and {} more fields", fields.len() - FIELDS));
    }
    parts.join(", ")
}

/// What came of a change, where it wasn't done: `route orders: …`.
pub fn failures(plan: &RoutePlan, applied: &Applied) -> Vec<String> {
    let outcomes = applied.outcomes.iter().chain(&applied.said);
    let told = |outcome: &Outcome| Some(format!("{}: {}", outcome.label, end(&outcome.end)?));
    match &plan.blocked {
        Some(why) => vec![why.clone()],
        None => outcomes.filter_map(told).collect(),
    }
}

/// Why a change wasn't made; nothing of one that was.
pub fn end(end: &End) -> Option<String> {
    match end {
        End::Done => None,
        End::Refused { message, .. } => Some(message.clone()),
        End::Unanswered(error) => Some(error.message.clone()),
        End::NotTried { because } => Some(format!("not tried: {because}")),
    }
}

/// A change of a route, for tests.
#[cfg(test)]
pub(crate) fn change(label: &str, action: Action) -> Change {
    Change {
        kind: super::kind::Kind::of("routes"),
        id: String::new(),
        label: label.to_owned(),
        action,
        mark: None,
        declared: None,
        send: super::plan::Body::default(),
        within: None,
        after: Vec::new(),
        park: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_in_words() {
        let field = |name: &str, from: &str, to: &str| FieldChange {
            field: name.into(),
            from: from.into(),
            to: to.into(),
        };
        let many: Vec<FieldChange> = (0..6).map(|n| field(&format!("f{n}"), "1", "2")).collect();
        let actions = [
            Action::Create,
            Action::Update { fields: vec![field("config.minute", "50", "60")], adopts: false },
            Action::Update { fields: many, adopts: false },
            Action::Update { fields: Vec::new(), adopts: true },
            Action::Update { fields: vec![field("paths", "[/a]", "[/b]")], adopts: true },
            Action::Delete { because: Gone::Undeclared },
            Action::Delete { because: Gone::NoReplica },
            Action::Delete { because: Gone::Replaced },
            Action::Delete { because: Gone::Probe },
        ];
        let lines: Vec<String> = actions
            .into_iter()
            .map(|action| planned(&change("route orders", action)))
            .map(|(sign, what, why)| format!("{sign} {what}  ({why})"))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        + create route orders  (missing)
        ~ change route orders: config.minute 50 → 60  (differs)
        ~ change route orders: f0 1 → 2, f1 1 → 2, f2 1 → 2, f3 1 → 2, and 2 more fields  (differs)
        ~ take over route orders  (--adopt)
        ~ take over route orders: paths [/a] → [/b]  (--adopt)
        - delete route orders  (not declared)
        - delete route orders  (its replica is gone)
        - delete route orders  (its replicas stand in its place)
        - delete route orders  (left behind by a probe)
        ");
    }

    #[test]
    fn counts() {
        assert_eq!(counted(1, "entity"), "1 entity");
        assert_eq!(counted(2, "entity"), "2 entities");
        assert_eq!(counted(0, "change"), "0 changes");
    }
}

use super::*;
use crate::routes::apply::Outcome;
use crate::routes::plan::{FieldChange, Gone, Impossible, Undeclared};
use crate::routes::prove::{self, Unanswered};
use crate::stack::problem::{Mark, Source};

fn mark(line: usize) -> Mark {
    let source = Source { name: "kong.yml".into(), text: String::new() };
    Mark { source: source.into(), line, column: 5 }
}

fn mixed() -> RoutePlan {
    let limit = FieldChange { field: "config.minute".into(), from: "50".into(), to: "60".into() };
    let secret = FieldChange { field: "secret".into(), from: "•••".into(), to: "•••".into() };
    RoutePlan {
        changes: vec![
            words::change("service orders", Action::Create),
            words::change(
                "plugin rate-limiting of service orders",
                Action::Update { fields: vec![limit], adopts: false },
            ),
            words::change(
                "JWT credential shop of consumer web",
                Action::Update { fields: vec![secret], adopts: true },
            ),
            words::change("route old", Action::Delete { because: Gone::Undeclared }),
        ],
        impossible: vec![Impossible {
            label: "route taken".into(),
            reason: "it belongs to another owner".into(),
            hint: Some("--adopt takes it over".into()),
            mark: mark(9),
            declared: Some(0),
        }],
        undeclared: (1..=12)
            .map(|number| Undeclared {
                kind: crate::routes::kind::Kind::of("routes"),
                id: number.to_string(),
                label: format!("route r{number}"),
                kept: None,
            })
            .collect(),
        settled: 20,
        foreign: 3,
        ..RoutePlan::default()
    }
}

fn proof(label: &str, level: Level, detail: &str, hint: Option<&str>) -> Proof {
    Proof {
        id: label.into(),
        label: label.into(),
        request: Some("GET /orders (Host localhost)".into()),
        level,
        outcome: prove::Outcome::Unanswered(Unanswered::NotAsked),
        detail: detail.into(),
        hint: hint.map(str::to_owned),
    }
}

#[test]
fn what_is_to_be_done() {
    console::set_colors_enabled(false);
    insta::assert_snapshot!(table(&mixed(), None, &[], false));
}

#[test]
fn what_came_of_it() {
    console::set_colors_enabled(false);
    let plan = mixed();
    let ends = [
        End::Done,
        End::Refused { message: "config.minute: value must be greater than 0".into(), code: Some(2) },
        End::NotTried { because: "consumer web wasn't made".into() },
        End::Done,
    ];
    let outcome = |(change, end): (&Change, End)| Outcome {
        label: change.label.clone(),
        mark: matches!(end, End::Refused { .. }).then(|| mark(4)),
        end,
    };
    let applied =
        Applied { outcomes: plan.changes.iter().zip(ends).map(outcome).collect(), said: Vec::new() };
    let proofs = [
        proof("route orders", Level::Ok, "the service answers 200", None),
        proof(
            "route down",
            Level::Fail,
            "nothing answers Kong at down:80 as it should (502)",
            Some("is the service up?"),
        ),
        proof("route post", Level::Skipped, "only POST", Some("--unsafe-probes asks it")),
    ];
    insta::assert_snapshot!(table(&plan, Some(&applied), &proofs, false));
    assert!(table(&plan, Some(&applied), &proofs, true).contains("the service answers 200"));
}

#[test]
fn nothing_to_do_is_a_line() {
    console::set_colors_enabled(false);
    let settled = RoutePlan { settled: 24, ..RoutePlan::default() };
    assert_eq!(table(&settled, None, &[], false), "24 entities declared: 24 as declared");
    let live = [proof("route a", Level::Ok, "200", None)];
    assert_eq!(table(&settled, None, &live, false), "24 entities declared: 24 as declared; 1 route: 1 live");
}

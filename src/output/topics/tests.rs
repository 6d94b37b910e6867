use super::*;
use crate::topics::apply::{Applied, Outcome};
use crate::topics::plan::{Action, Change, Drift, Impossible, Reason};
use crate::topics::testing::new;

/// The MES platform's way: many alike, and some that aren't.
fn mixed() -> TopicPlan {
    let create = |name: &str, partitions| Change {
        topic: name.to_owned(),
        owner: None,
        actions: vec![Action::Create(new(name, Some(partitions), Some(1), &[("retention.ms", "604800000")]))],
    };
    let mut changes: Vec<Change> =
        (1..=12).map(|number| create(&format!("production.event-{number}"), 3)).collect();
    changes.insert(2, create("production.busy", 5));
    let set = |key: &str, from: &str, to: &str| Action::Set {
        key: key.into(),
        from: Some(from.into()),
        overridden: true,
        to: to.into(),
    };
    changes.push(Change {
        topic: "quality.inspections".into(),
        owner: None,
        actions: vec![Action::Grow { from: 3, to: 6 }, set("cleanup.policy", "delete", "compact")],
    });
    changes.push(Change {
        topic: "quality.old".into(),
        owner: None,
        actions: vec![Action::Unset { key: "segment.bytes".into(), from: Some("5000".into()) }],
    });
    let drift =
        |topic: &str, key: &str| Drift { topic: topic.into(), key: key.into(), value: Some("1000".into()) };
    TopicPlan {
        changes,
        impossible: vec![Impossible {
            topic: "audit".into(),
            reasons: vec![Reason::Shrink { declared: 3, actual: 6 }],
            held: vec![set("retention.ms", "1", "2")],
        }],
        drift: vec![
            drift("equipment.state", "retention.ms"),
            drift("equipment.state", "segment.ms"),
            drift("quality.old", "retention.ms"),
        ],
        undeclared: (1..=14).map(|number| format!("old-{number}")).collect(),
        unchanged: vec!["a".into(), "b".into()],
        declared: 19,
    }
}

/// As at a terminal of 80 columns.
fn narrow(rows: Vec<Row>) -> String {
    let mut cells = table::new(&["", "TOPIC", "CHANGE"]);
    cells.force_no_tty().set_width(80);
    for Row { sign, tone, topic, text } in rows {
        cells.add_row([table::cell(sign, tone), Cell::new(topic), Cell::new(in_a_line(&text))]);
    }
    table::render(&mut cells)
}

#[test]
fn many_alike_share_a_line() {
    console::set_colors_enabled(false);
    insta::assert_snapshot!(plan(&mixed(), false));
    let table = narrow(rows::folded(rows::of_plan(&mixed(), false), NAMED));
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    insta::assert_snapshot!(table);
}

#[test]
fn all_have_a_line_each() {
    console::set_colors_enabled(false);
    let text = plan(&mixed(), true);
    assert!(text.contains("production.event-12") && text.contains("old-14"), "{text}");
    assert!(text.contains("=  a                    as declared"), "{text}");
}

#[test]
fn plain_lines() {
    insta::assert_snapshot!(lines(&mixed()).join("\n"));
}

#[test]
fn nothing_to_do_is_a_line() {
    console::set_colors_enabled(false);
    let settled = TopicPlan { unchanged: vec!["a".into()], declared: 1, ..TopicPlan::default() };
    assert_eq!(plan(&settled, false), "1 topic declared: 1 as declared");
    assert_eq!(plan(&TopicPlan::default(), false), "0 topics declared");
    assert_eq!(applied(&settled, &Applied::default(), false), "1 topic declared: 1 as declared");
}

#[test]
fn what_came_of_it() {
    console::set_colors_enabled(false);
    let plan = mixed();
    let outcome = |(index, change): (usize, &Change)| Outcome {
        topic: change.topic.clone(),
        done: if index == 13 { change.actions[..1].to_vec() } else { change.actions.clone() },
        end: match index {
            1 => End::Leaderless,
            13 => End::Unknown(crate::topics::admin::AdminError {
                message: "kafka:9092: connection refused".into(),
                hint: Some("vv why kafka".into()),
                retriable: true,
            }),
            _ => End::Done,
        },
    };
    let done = Applied { topics: plan.changes.iter().enumerate().map(outcome).collect() };
    insta::assert_snapshot!(applied(&plan, &done, false));
}

//! The document `vv.topics/1` is what its schema says.

use serde_json::Value;

use super::{applied, planned};
use crate::topics::plan::TopicPlan;
use crate::topics::report::{Report, Status};
use crate::topics::testing::declaration;
use crate::topics::testing::{Call, Fake, Fault, refusal};

#[track_caller]
fn valid(report: &Report) -> Value {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/schema/topics.json")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let document = serde_json::to_value(report).unwrap();
    let problems: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}: {document:#}");
    document
}

const TEXT: &str = "
- {name: new, partitions: 2, config: {retention.ms: 5}, owner: me}
- newest
- {name: grown, partitions: 2, config: {retention.ms: 5, segment.bytes: null}}
- {name: drifted}
- {name: big, partitions: 1, config: {retention.ms: 7}}
- {name: wide, replication_factor: 9}
- same
";

fn fake() -> Fake {
    Fake::new(1)
        .with("grown", 1, 1, &[("segment.bytes", "5000")])
        .with("drifted", 1, 1, &[("retention.ms", "5")])
        .with("big", 5, 1, &[])
        .with("same", 1, 1, &[])
        .with("mine", 1, 1, &[])
}

#[test]
fn a_plan_and_what_came_of_it() {
    let declaration = declaration(TEXT);
    let refused = refusal("POLICY_VIOLATION", "no", false);
    let fake = fake().failing(Call::Create, Fault::Refuses("newest", refused)).leaderless("new");
    let plan = planned(TEXT, &fake);
    let document = valid(&Report::new("shop", &declaration, &plan, None));
    insta::assert_json_snapshot!(document);
    let applied = applied(TEXT, &fake);
    let report = Report::new("shop", &declaration, &plan, Some(&applied));
    assert_eq!(report.status, Status::Failed);
    let outcomes: Vec<String> = valid(&report)["topics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|topic| format!("{}: {}", topic["topic"], topic["outcome"]))
        .collect();
    insta::assert_snapshot!(outcomes.join("\n"));
}

#[test]
fn the_status_says_what_it_comes_to() {
    let of = |text: &str, apply: bool| {
        let fake = Fake::new(1).with("a", 1, 1, &[]).with("d", 1, 1, &[("retention.ms", "5")]);
        let plan = planned(text, &fake);
        let applied = apply.then(|| applied(text, &fake));
        let report = Report::new("shop", &declaration(text), &plan, applied.as_ref());
        valid(&report);
        report.status
    };
    assert_eq!(of("[a]", false), Status::Unchanged);
    assert_eq!(of("[a]", true), Status::Unchanged);
    assert_eq!(of("[a, b]", false), Status::Differs);
    assert_eq!(of("[a, b]", true), Status::Applied);
    assert_eq!(of("[d]", true), Status::Differs, "drift is never changed");
    assert_eq!(of("[{name: a, replication_factor: 2}]", false), Status::Differs);
    assert_eq!(of("[{name: a, replication_factor: 2}]", true), Status::Failed);
    let report = Report::new("shop", &declaration("[]"), &TopicPlan::default(), None);
    assert_eq!(valid(&report)["status"], "unchanged");
}

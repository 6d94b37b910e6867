//! How a cluster differs from what is declared.

use super::planned;
use crate::output::topics::lines;
use crate::topics::plan::{Action, TopicPlan};
use crate::topics::testing::Fake;

fn told(plan: &TopicPlan) -> String {
    let mut told = lines(plan);
    told.extend(
        plan.impossible.iter().filter(|it| !it.held.is_empty()).map(|it| format!("held: {:?}", it.held)),
    );
    told.push(format!("undeclared: {}; unchanged: {}", plan.undeclared.join(" "), plan.unchanged.join(" ")));
    told.join("\n")
}

#[test]
fn every_kind_of_difference() {
    let fake = Fake::new(3)
        .with("same", 3, 2, &[("retention.ms", "604800000"), ("cleanup.policy", "compact,delete")])
        .with("default", 1, 1, &[])
        .with("small", 1, 1, &[])
        .with("big", 5, 1, &[("segment.bytes", "1000000")])
        .with("thin", 1, 1, &[])
        .with("set", 1, 1, &[("retention.ms", "1000")])
        .with("unset", 1, 1, &[("retention.ms", "1000")])
        .with("drifted", 1, 1, &[("retention.ms", "1000"), ("segment.bytes", "5000")])
        .with("a_b", 1, 1, &[])
        .with("zz", 1, 1, &[])
        .with("other", 1, 1, &[])
        .with("__heartbeat", 1, 1, &[])
        .with_internal("__consumer_offsets")
        .with_internal("vv-probe");
    let text = "
- {name: same, partitions: 3, replication_factor: 2, config: {retention.ms: '0604800000', cleanup.policy: 'delete,compact'}}
- {name: default, partitions: -1, config: {retention.ms: 604800000, preallocate: FALSE, min.cleanable.dirty.ratio: 0.50, segment.bytes: null}}
- {name: small, partitions: 4, config: {retention.ms: 5}}
- {name: big, partitions: 4, replication_factor: 3, config: {retention.ms: 5}}
- {name: thin, replication_factor: 3}
- {name: set, config: {retention.ms: 2000, preallocate: true}}
- {name: unset, config: {retention.ms: null}}
- {name: drifted, config: {max.message.bytes: 100}}
- {name: new, partitions: 2, replication_factor: 2, config: {retention.ms: 5, segment.bytes: null, cleanup.policy: []}}
- newest
- {name: wide, replication_factor: 4}
- {name: a.b, replication_factor: 5}
";
    let plan = planned(text, &fake);
    insta::assert_snapshot!(told(&plan));
    assert!(!plan.is_settled());
    assert_eq!(plan, planned(text, &fake), "the same for the same input");
}

#[test]
fn a_settled_cluster_may_have_more_topics() {
    let fake = Fake::new(1).with("a", 2, 1, &[]).with("b", 1, 1, &[]);
    let plan = planned("- {name: a, partitions: 2, replication_factor: 1}", &fake);
    assert!(plan.is_settled());
    assert_eq!((plan.undeclared, plan.unchanged, plan.declared), (vec!["b".into()], vec!["a".into()], 1));
}

#[test]
fn what_isnt_known_of_a_topic_is_left_alone() {
    let mut cluster = Fake::new(1).with("a", 2, 1, &[("retention.ms", "5")]).cluster();
    let state = cluster.topics.get_mut("a").unwrap();
    state.partitions.clear();
    state.config.get_mut("retention.ms").unwrap().value = None;
    let text = "- {name: a, partitions: 3, replication_factor: 2, config: {retention.ms: 9, new.setting: x}}";
    let plan = crate::topics::plan::plan(&super::declaration(text), &cluster);
    let unknown = Action::Set { key: "new.setting".into(), from: None, overridden: false, to: "x".into() };
    assert_eq!(plan.changes[0].actions, [unknown], "a broker may know a setting that it doesn't tell of");
    assert!(plan.impossible.is_empty());
}

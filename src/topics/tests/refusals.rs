//! What brokers refuse, with the exact message that is shown, and what is impossible from the start.

use super::{applied, planned};
use crate::output::topics as output;
use crate::topics::testing::declaration;
use crate::topics::testing::{Call, Fake, Fault, refusal};

const ONE: &str = "- {name: orders, partitions: 3, replication_factor: 1}";

/// Kafka's refusals of a topic that is made: code, its own words, whether it may go better.
const REFUSALS: &[(&str, &str, bool)] = &[
    ("INVALID_CONFIG", "Unknown topic config name: retetion.ms", false),
    (
        "INVALID_CONFIG",
        "Invalid value 13 for configuration segment.bytes: Value must be at least 1048576",
        false,
    ),
    ("INVALID_REPLICATION_FACTOR", "Replication factor: 3 larger than available brokers: 1.", false),
    ("INVALID_PARTITIONS", "Number of partitions was set to an invalid non-positive value.", false),
    ("INVALID_TOPIC_EXCEPTION", "Topic 'orders' collides with existing topic: or.ders", false),
    ("POLICY_VIOLATION", "Topics need an owner", false),
    ("POLICY_VIOLATION", "Unable to perform excessively large batch operation.", false),
    ("TOPIC_AUTHORIZATION_FAILED", "Authorization failed.", false),
    ("CLUSTER_AUTHORIZATION_FAILED", "Cluster authorization failed.", false),
    ("UNSUPPORTED_VERSION", "The version of API is not supported.", false),
    ("NOT_CONTROLLER", "This is not the correct controller for this cluster.", true),
    ("REQUEST_TIMED_OUT", "The request timed out.", true),
    ("THROTTLING_QUOTA_EXCEEDED", "The throttling quota has been exceeded.", true),
    ("TOPIC_ALREADY_EXISTS", "Topic 'orders' is marked for deletion.", false),
    ("REASSIGNMENT_IN_PROGRESS", "A partition reassignment is in progress.", false),
    (
        "UNKNOWN_SERVER_ERROR",
        "The server experienced an unexpected error when processing the request.",
        false,
    ),
    ("INVALID_REQUEST", "Evil \u{1b}[31mred\u{1b}[0m\r\nsecond line", false),
];

#[test]
fn every_refusal_is_told_in_the_brokers_words() {
    let mut told = Vec::new();
    for (code, message, retriable) in REFUSALS {
        let refused = refusal(code, *message, *retriable);
        let again = |fake: Fake, _| fake.failing(Call::Create, Fault::Refuses("orders", refused.clone()));
        let fake = (0..100).fold(Fake::new(1), again);
        let plan = planned(ONE, &fake);
        let applied = applied(ONE, &fake);
        told.push(output::applied(&plan, &applied, false));
        assert!(applied.failure().is_some());
    }
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn what_kafka_cannot_do_is_told_with_the_way_out() {
    let fake = Fake::new(2).with("big", 5, 1, &[]).with("thin", 1, 1, &[("retention.ms", "5")]).with(
        "or_ders",
        1,
        1,
        &[],
    );
    let text = "
- {name: big, partitions: 3}
- {name: thin, replication_factor: 2, partitions: 2, config: {min.insync.replicas: 2}}
- {name: wide, replication_factor: 3}
- or.ders
";
    let plan = planned(text, &fake);
    insta::assert_snapshot!(output::plan(&plan, false));
    // The others are carried out, and it is told both times.
    let with_more = format!("{text}- {{name: fine, partitions: 2}}\n");
    let (plan, done) = (planned(&with_more, &fake), applied(&with_more, &fake));
    insta::assert_snapshot!(output::applied(&plan, &done, false));
    assert_eq!(planned(&with_more, &fake).impossible, plan.impossible);
    // Without any broker.
    let plan =
        crate::topics::plan::plan(&declaration("- {name: a, replication_factor: 1}"), &Default::default());
    insta::assert_snapshot!(output::plan(&plan, false));
}

//! A declaration written of what a cluster holds.

use crate::topics::from_cluster::text;
use crate::topics::plan::plan;
use crate::topics::testing::Fake;
use crate::topics::testing::{declaration, read_with};

#[test]
fn the_commonest_values_are_the_defaults() {
    let fake = Fake::new(3)
        .with("orders", 3, 1, &[("retention.ms", "604800000")])
        .with("payments", 3, 1, &[("retention.ms", "604800000"), ("cleanup.policy", "compact,delete")])
        .with("prices", 12, 2, &[("retention.ms", "604800000"), ("min.cleanable.dirty.ratio", "0.1")])
        .with("audit", 3, 1, &[("retention.ms", "-1")])
        .with("plain", 3, 1, &[])
        .with("007", 3, 1, &[("retention.ms", "604800000")])
        .with("true", 3, 1, &[("retention.ms", "604800000")])
        .with("-", 3, 1, &[("retention.ms", "604800000")])
        .with("__heartbeat", 1, 1, &[])
        .with_internal("__consumer_offsets")
        .with_internal("vv-probe");
    let written = text(&fake.cluster());
    insta::assert_snapshot!(written);
    let again = plan(&declaration(&written), &fake.cluster());
    assert!(again.is_settled() && again.undeclared.is_empty(), "{again:?}");
    assert_eq!(again.declared, 8);
}

#[test]
fn odd_clusters() {
    assert_eq!(text(&Fake::new(1).cluster()), "topics: []\n");
    assert_eq!(declaration(&text(&Fake::new(1).cluster())).topics, []);
    let mut cluster = Fake::new(2)
        .with("a", 2, 1, &[("retention.ms", "5")])
        .with("b", 1, 1, &[("retention.ms", "5"), ("compression.type", "x: ${Y}")])
        .with("c", 1, 1, &[("retention.ms", "5")])
        .cluster();
    // In the middle of a reassignment; a value that isn't told.
    cluster.topics.get_mut("a").unwrap().partitions[1].replicas = vec![1, 2];
    cluster.topics.get_mut("c").unwrap().config.get_mut("retention.ms").unwrap().value = None;
    let written = text(&cluster);
    insta::assert_snapshot!(written, @r#"
    defaults:
      partitions: 1
      replication_factor: 1
    topics:
      - name: a
        partitions: 2
        replication_factor: -1
        config:
          retention.ms: 5
      - name: b
        config:
          compression.type: "x: $${Y}"
          retention.ms: 5
      - name: c
        # retention.ms is set, and Kafka doesn't tell its value
    "#);
    let problems = read_with(&written, &[]).unwrap_err().to_string();
    assert!(problems.contains("'x: ${Y}' isn't one of"), "{problems}");
}

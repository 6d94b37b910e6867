//! What health says of declared topics.

use crate::topics::health::{drifted, leaderless, missing, under_replicated};
use crate::topics::testing::Fake;
use crate::topics::testing::declaration;

#[test]
fn each_trouble_is_found_of_declared_topics_only() {
    let fake = Fake::new(3)
        .with("good", 1, 1, &[])
        .with("two", 2, 2, &[])
        .with("three", 2, 3, &[])
        .with("lost", 1, 1, &[("retention.ms", "5")])
        .with("mine", 3, 3, &[])
        .leaderless("lost");
    let declaration = declaration(
        "[{name: good, partitions: 2}, {name: two, partitions: 1}, three, lost, {name: gone, replication_factor: 9}]",
    );
    let seen = |cluster| {
        let of = |found: Vec<crate::topics::health::Partitions>| {
            let each = found.into_iter().map(|it| format!("{}{:?}", it.topic, it.numbers));
            each.collect::<Vec<_>>().join(" ")
        };
        (of(leaderless(&declaration, &cluster)), of(under_replicated(&declaration, &cluster)))
    };
    assert_eq!(missing(&declaration, &fake.cluster()), ["gone"]);
    assert_eq!(seen(fake.cluster()), ("lost[0]".into(), String::new()));
    let found = drifted(&declaration, &fake.cluster());
    let names: Vec<&str> = found.changes.iter().map(|change| change.topic.as_str()).collect();
    let impossible: Vec<&str> = found.impossible.iter().map(|it| it.topic.as_str()).collect();
    assert_eq!((names, impossible), (vec!["good"], vec!["two"]), "what is missing isn't drifted");
    assert_eq!(found.drift[0].key, "retention.ms");
    fake.kill(2);
    assert_eq!(seen(fake.cluster()), ("lost[0]".into(), "two[0, 1] three[0, 1]".into()));
    let mut cluster = fake.cluster();
    cluster.topics.get_mut("good").unwrap().partitions.clear();
    assert_eq!(seen(cluster).0, "good[] lost[0]", "one that is just being made has no leader yet");
}

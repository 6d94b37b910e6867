//! What is wrong with a declaration, with the exact message.

use std::fmt::Write as _;

use crate::topics::testing::read_with;

/// A text and its variables.
const BAD: &[&str] = &[
    // The document.
    "",
    "# nothing but a comment\n",
    "~",
    "orders",
    "5",
    "{}",
    "topics:",
    "topics: orders",
    "topics: {orders: {partitions: 3}}",
    "topics: []\n---\ntopics: []\n",
    "topic: [orders]",
    "topics: [orders]\ndefault: {partitions: 3}",
    "topics: [orders]\ntopics: [payments]",
    "topics: [orders\n",
    "topics:\n\t- orders\n",
    "topics: [*orders]",
    "defaults: {partitions: 3}",
    "defaults: [3]\ntopics: []",
    "defaults: {name: x}\ntopics: []",
    "defaults: {replication-factor: 3}\ntopics: []",
    "defaults: {replicationFactor: 3, configs: {}}\ntopics: []",
    // Names.
    "topics: ['']",
    "topics: [.]",
    "topics: ['..']",
    "- order placed",
    "- order/placed",
    "- größe",
    "- 'orders\n\n  placed'",
    "- orders:placed",
    "- 007",
    "- true",
    "- null",
    "- [orders]",
    "- {name: 5}",
    "- {name: }",
    "- {partitions: 3}",
    "- {orders: {partitions: 3}}",
    "- __consumer_offsets",
    "- vv-probe",
    "- orders\n- payments\n- orders",
    "- orders.placed\n- orders_placed",
    "- {name: a}\n- {name: a}\n- a",
    "- ${TOPIC}",
    "- ${TOPIC:?name the topic}",
    "- ${TOPIC",
    "groups: [{prefix: 'mes.', topics: [a, a]}, {prefix: mes_, topics: [a]}]",
    // Numbers.
    "- {name: a, partitions: 0}",
    "- {name: a, partitions: -2}",
    "- {name: a, partitions: 3.5}",
    "- {name: a, partitions: many}",
    "- {name: a, partitions: [3]}",
    "- {name: a, partitions: 2147483648}",
    "- {name: a, partitions: \"${PARTITIONS}\"}",
    "- {name: a, replication_factor: 0}",
    "- {name: a, replication_factor: 32768}",
    "- {name: a, replication_factor: true}",
    "- {name: a, partition: 3, replicas: 1}",
    // Settings.
    "- {name: a, config: [retention.ms=5]}",
    "- {name: a, config: {'retention ms': 5}}",
    "- {name: a, config: {'': 5}}",
    "- {name: a, config: {retention.ms: week}}",
    "- {name: a, config: {retention.ms: 7d}}",
    "- {name: a, config: {retention.ms: -2}}",
    "- {name: a, config: {retention.ms: 6048e5}}",
    "- {name: a, config: {retention.ms: 99999999999999999999}}",
    "- {name: a, config: {retention.ms: {days: 7}}}",
    "- {name: a, config: {retention.ms: \"${RETENTION}\"}}",
    "- {name: a, config: {retention.bytes: 1gb}}",
    "- {name: a, config: {segment.bytes: 2147483648}}",
    "- {name: a, config: {segment.bytes: 13}}",
    "- {name: a, config: {cleanup.policy: compcat}}",
    "- {name: a, config: {cleanup.policy: 'compact,delte'}}",
    "- {name: a, config: {cleanup.policy: [compact, null]}}",
    "- {name: a, config: {cleanup.policy: ''}}",
    "- {name: a, config: {compression.type: LZ4}}",
    "- {name: a, config: {compression.type: brotli}}",
    "- {name: a, config: {compression.type: [lz4]}}",
    "- {name: a, config: {compression.gzip.level: 10}}",
    "- {name: a, config: {min.cleanable.dirty.ratio: 1.5}}",
    "- {name: a, config: {min.cleanable.dirty.ratio: half}}",
    "- {name: a, config: {min.insync.replicas: 0}}",
    "- {name: a, config: {min.insync.replicas: all}}",
    "- {name: a, config: {preallocate: yes}}",
    "- {name: a, config: {unclean.leader.election.enable: 1}}",
    "- {name: a, config: {message.timestamp.type: createtime}}",
    "- {name: a, config: {leader.replication.throttled.replicas: '0-1'}}",
    "- {name: a, config: {min.compaction.lag.ms: 10, max.compaction.lag.ms: 5}}",
    "defaults: {config: {retention.ms: week}}\ntopics: [a, b, c]",
    // People.
    "- {name: a, owner: ''}",
    "- {name: a, owner: [me]}",
    "- {name: a, description: 5}",
    // Groups.
    "topics: [{prefix: a., topics: [b]}]",
    "groups: {a: [b]}",
    "groups: [a]",
    "groups: [~]",
    "groups: [{prefix: a.}]",
    "groups: [{topic: [a]}]",
    "groups: [{prefix: a., groups: [{prefix: b., topics: [c]}]}]",
    "groups: [{prefix: 'a b', topics: [c, d]}]",
    "groups: [{prefix: 5, topics: [c]}]",
    "groups: [{prefix: a., topics: ['', '${TOPIC}', {name: ''}]}]",
    "groups: [{name: a, topics: [c]}]",
    "groups: [{prefix: __consumer_, topics: [offsets]}]",
    "groups: [{prefix: mes, owner: x, partitions: none, config: {retention.ms: x}, topics: ['a b', {nam: c}]}]",
];

#[test]
fn every_bad_declaration_has_its_message() {
    let mut text = String::new();
    for bad in BAD {
        let problems = match read_with(bad, &[]) {
            Ok(declaration) => panic!("nothing is wrong with:\n{bad}\n{declaration:?}"),
            Err(error) => error.to_string(),
        };
        writeln!(text, "{}", bad.replace('\t', "<tab>")).unwrap();
        for problem in problems.lines() {
            writeln!(text, "    {problem}").unwrap();
        }
    }
    assert!(BAD.len() >= 60);
    insta::assert_snapshot!(text);
}

#[test]
fn all_problems_come_at_once_in_their_order() {
    let text = "
defaults:
  partitions: none
  config: {retention.ms: week}
topics:
  - a b
  - {name: c, partitions: 0, replication_factor: -5, config: {cleanup.policy: x}}
groups:
  - {prefix: g., topcs: [a]}
  - {prefix: h., topics: [a, a]}
";
    insta::assert_snapshot!(read_with(text, &[]).unwrap_err().to_string());
}

#[test]
fn a_name_may_have_249_bytes_with_its_prefix() {
    let of = |letters: usize| {
        let text = format!("groups: [{{prefix: mes., topics: [{}]}}]", "x".repeat(letters));
        read_with(&text, &[]).map(|declaration| declaration.topics[0].name.len())
    };
    assert_eq!(of(245).unwrap(), 249);
    insta::assert_snapshot!(of(246).unwrap_err().to_string());
}

#[test]
fn what_may_be_right_is_a_warning() {
    let text = "
defaults: {replication_factor: \"${REPLICAS:-1}\", config: {min.insync.replicas: 2, log.retention.hours: 5}}
topics:
  - a
  - b
  - name: c
    replication_factor: 2
    config: {retetion.ms: 5, log.cleanup.policy: compact, message.max.bytes: 5, num.partitions: 1, new.setting: x}
  - {name: d, config: {confluent.tier.enable: true, default.replication.factor: 3}}
  - {name: e, description: \"in ${PLACE}\"}
";
    insta::assert_snapshot!(read_with(text, &[]).unwrap().warnings.join("\n"));
}

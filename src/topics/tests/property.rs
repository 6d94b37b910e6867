//! For any declaration and any cluster that Kafka can have: what is done once needs no doing again.

use std::collections::BTreeSet;
use std::time::Duration;

use indexmap::IndexMap;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::asynchronous;
use crate::stack::problem::{Mark, Source};
use crate::topics::apply::{Applied, End, apply};
use crate::topics::declaration::{Declaration, Topic};
use crate::topics::from_cluster;
use crate::topics::name;
use crate::topics::plan::{TopicPlan, plan};
use crate::topics::testing::{Call, Fake, Fault, new, refusal};

/// Some collide in metrics, some are hidden.
const NAMES: [&str; 9] = ["a", "b", "c.d", "c_d", "e-f", "g.h_i", "g_h.i", "__j", "K"];

/// Settings and values that Kafka takes, the defaults among them, written in several ways.
const SETTINGS: [(&str, &[&str]); 6] = [
    ("retention.ms", &["604800000", "0604800000", "-1", "5"]),
    ("cleanup.policy", &["delete", "compact", "compact,delete", "delete,compact"]),
    ("min.cleanable.dirty.ratio", &["0.5", "0.50", "5e-1", "0.1", "1"]),
    ("preallocate", &["true", "false", "TRUE", "False"]),
    ("segment.bytes", &["1073741824", "2000000"]),
    ("compression.type", &["producer", "zstd"]),
];

fn value(index: usize) -> impl Strategy<Value = String> {
    select(SETTINGS[index].1).prop_map(str::to_owned)
}

fn settings() -> impl Strategy<Value = Vec<usize>> {
    subsequence((0..SETTINGS.len()).collect::<Vec<_>>(), 0..=SETTINGS.len())
}

/// Settings with a value each, or with nothing.
fn declared_config() -> impl Strategy<Value = IndexMap<String, Option<String>>> {
    let entry = |index: usize| {
        proptest::option::weighted(0.8, value(index))
            .prop_map(move |value| (SETTINGS[index].0.to_owned(), value))
    };
    settings()
        .prop_flat_map(move |indices| indices.into_iter().map(entry).collect::<Vec<_>>())
        .prop_map(|entries| entries.into_iter().collect())
}

fn topic(name: &'static str) -> impl Strategy<Value = Topic> {
    let numbers = (proptest::option::of(1..6u32), proptest::option::of(1..5u16));
    (numbers, declared_config()).prop_map(move |((partitions, replication_factor), config)| Topic {
        name: name.to_owned(),
        partitions,
        replication_factor,
        config,
        owner: None,
        description: None,
        mark: Mark { source: Source { name: "p".into(), text: String::new() }.into(), line: 1, column: 1 },
    })
}

/// Names of which no two are the same in metrics, as reading sees to.
fn names() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(NAMES.to_vec(), 0..=NAMES.len()).prop_shuffle().prop_map(|names| {
        let mut seen = BTreeSet::new();
        names.into_iter().filter(|name| seen.insert(name::in_metrics(name))).collect()
    })
}

fn declarations() -> impl Strategy<Value = Declaration> {
    names()
        .prop_flat_map(|names| names.into_iter().map(topic).collect::<Vec<_>>())
        .prop_map(|topics| Declaration { topics, warnings: Vec::new() })
}

/// A topic that somebody made: partitions, replicas (no more than there are brokers), settings.
type Made = (&'static str, u32, u16, Vec<(usize, String)>);

/// A cluster that Kafka can have: how many brokers, its topics, and which broker died since.
#[derive(Debug, Clone)]
struct World {
    brokers: i32,
    defaults: (u32, u16),
    topics: Vec<Made>,
    dead: Option<i32>,
}

fn worlds() -> impl Strategy<Value = World> {
    let made = |name: &'static str, brokers: u16| {
        let config = settings().prop_flat_map(|indices| {
            indices
                .into_iter()
                .map(|index| value(index).prop_map(move |value| (index, value)))
                .collect::<Vec<_>>()
        });
        (Just(name), 1..6u32, 1..=brokers, config)
    };
    (1..4u16, names())
        .prop_flat_map(move |(brokers, names)| {
            let topics = names.into_iter().map(|name| made(name, brokers)).collect::<Vec<_>>();
            let dead = proptest::option::weighted(0.2, 1..=i32::from(brokers));
            (Just(brokers), (1..4u32, 1..=brokers), topics, dead)
        })
        .prop_map(|(brokers, defaults, topics, dead)| World {
            brokers: i32::from(brokers),
            defaults,
            topics,
            // Somebody must answer.
            dead: dead.filter(|_| brokers > 1),
        })
}

impl World {
    fn fake(&self) -> Fake {
        let mut fake = Fake::new(self.brokers).defaults(self.defaults.0, self.defaults.1);
        for (name, partitions, replicas, config) in &self.topics {
            let config: Vec<(&str, &str)> =
                config.iter().map(|(index, value)| (SETTINGS[*index].0, value.as_str())).collect();
            fake = fake.with(name, *partitions, *replicas, &config);
        }
        if let Some(dead) = self.dead {
            fake.kill(dead);
        }
        fake
    }
}

/// What may go wrong on the way, and go better the next time.
fn faults() -> impl Strategy<Value = Vec<(Call, Fault)>> {
    let busy = || refusal("NOT_CONTROLLER", "not the controller", true);
    let fault = prop_oneof![
        Just(Fault::Unreachable),
        (0..4usize).prop_map(Fault::DiesAfter),
        select(&NAMES[..]).prop_map(Fault::Forgets),
        select(&NAMES[..]).prop_map(move |name| Fault::Refuses(name, busy())),
    ];
    let call = select(&[Call::Create, Call::Grow, Call::Alter, Call::Read][..]);
    proptest::collection::vec((call, fault), 0..6)
}

fn done(fake: &Fake, declaration: &Declaration) -> (TopicPlan, Applied) {
    let before = plan(declaration, &fake.cluster());
    let applied = asynchronous(apply(fake, declaration, &before, Duration::from_secs(60)));
    (before, applied)
}

fn refused(applied: &Applied) -> Vec<(&str, &End)> {
    let failed = applied.topics.iter().filter(|outcome| outcome.end != End::Done);
    failed.map(|outcome| (outcome.topic.as_str(), &outcome.end)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_done_once_needs_no_doing_again(declaration in declarations(), world in worlds()) {
        let fake = world.fake();
        let before = fake.cluster();
        let (first, applied) = done(&fake, &declaration);
        let (second, again) = done(&fake, &declaration);
        // Only what a broker refused is to be done again, and is refused again in the same words.
        prop_assert_eq!(refused(&applied), refused(&again));
        let left: Vec<&str> = second.changes.iter().map(|change| change.topic.as_str()).collect();
        let failed: Vec<&str> = refused(&applied).into_iter().map(|(topic, _)| topic).collect();
        prop_assert_eq!(left, failed);
        prop_assert_eq!(&first.impossible, &second.impossible);
        prop_assert_eq!(&first.drift, &second.drift);
        prop_assert_eq!(&first.undeclared, &second.undeclared);
        // What isn't declared, or can't be done, is as it was.
        let after = fake.cluster();
        for topic in first.undeclared.iter().chain(first.impossible.iter().map(|it| &it.topic)) {
            prop_assert_eq!(before.topics.get(topic), after.topics.get(topic));
        }
        // Every declared topic is somewhere.
        let named = first.changes.len() + first.impossible.len() + first.unchanged.len();
        prop_assert!(named <= first.declared && first.declared <= named + first.drift.len());
    }

    #[test]
    fn what_goes_wrong_on_the_way_changes_nothing_of_the_end(
        declaration in declarations(),
        world in worlds(),
        faults in faults(),
    ) {
        let (smooth, rough) = (world.fake(), world.fake());
        let (_, expected) = done(&smooth, &declaration);
        let rough = faults.into_iter().fold(rough, |fake, (call, fault)| fake.failing(call, fault));
        let (_, seen) = done(&rough, &declaration);
        prop_assert_eq!(refused(&expected), refused(&seen));
        prop_assert_eq!(smooth.cluster(), rough.cluster());
    }

    #[test]
    fn what_is_written_of_a_cluster_is_what_it_holds(world in worlds()) {
        let cluster = world.fake().cluster();
        let written = from_cluster::text(&cluster);
        let declaration = super::declaration(&written);
        let again = plan(&declaration, &cluster);
        prop_assert!(again.is_settled() && again.undeclared.is_empty(), "{}\n{:?}", written, again);
    }
}

#[test]
fn a_cluster_in_memory_is_as_strict_as_kafka() {
    let fake = Fake::new(1);
    let refused = asynchronous(async {
        use crate::topics::admin::Admin;
        fake.create(&[
            new("a", Some(1), Some(2), &[]),
            new("b", None, None, &[("x", "y")]),
            new("c d", None, None, &[]),
        ])
        .await
        .unwrap()
    });
    let codes: Vec<String> = refused.values().map(|answer| answer.clone().unwrap_err().code).collect();
    assert_eq!(codes, ["INVALID_REPLICATION_FACTOR", "INVALID_CONFIG", "INVALID_TOPIC_EXCEPTION"]);
}

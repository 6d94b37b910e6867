//! OBSERVED: what a cluster holds, as far as topics go.

use std::collections::BTreeMap;

/// A cluster at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cluster {
    /// The ids of the live brokers.
    pub brokers: Vec<i32>,
    /// Its topics, by name.
    pub topics: BTreeMap<String, TopicState>,
}

/// A topic that exists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopicState {
    /// Kafka's own (`__consumer_offsets`).
    pub internal: bool,
    /// By number, from 0.
    pub partitions: Vec<PartitionState>,
    /// Its settings, by Kafka's names; empty where they weren't asked for.
    pub config: BTreeMap<String, Setting>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartitionState {
    /// The broker that leads it, if one does.
    pub leader: Option<i32>,
    /// The brokers that should have it.
    pub replicas: Vec<i32>,
    /// Those of them that are in sync.
    pub isr: Vec<i32>,
}

/// A setting of a topic, as DescribeConfigs tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its value in effect; nothing where Kafka doesn't tell it (sensitive).
    pub value: Option<String>,
    /// It is set on the topic itself, and not a default of the broker's or of Kafka's.
    pub overridden: bool,
}

//! What the cluster in memory does with a request: Kafka's rules and Kafka's words.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Call, Fault, refusal};
use crate::topics::admin::{Alteration, NewTopic, Outcome, Refusal};
use crate::topics::cluster::{Cluster, PartitionState, Setting, TopicState};
use crate::topics::name;

/// What a cluster in memory holds.
pub(super) struct State {
    pub brokers: BTreeSet<i32>,
    pub partitions: u32,
    pub replication: u16,
    pub defaults: BTreeMap<&'static str, &'static str>,
    pub topics: BTreeMap<String, Held>,
    pub faults: VecDeque<(Call, Fault)>,
    pub leaderless: BTreeSet<String>,
    /// Before the last change of settings.
    pub before: Cluster,
    pub log: Vec<String>,
}

/// A topic.
pub(super) struct Held {
    pub internal: bool,
    pub partitions: Vec<Vec<i32>>,
    pub config: BTreeMap<String, String>,
}

const DEFAULTS: [(&str, &str); 8] = [
    ("cleanup.policy", "delete"),
    ("compression.type", "producer"),
    ("max.message.bytes", "1048588"),
    ("min.cleanable.dirty.ratio", "0.5"),
    ("min.insync.replicas", "1"),
    ("preallocate", "false"),
    ("retention.ms", "604800000"),
    ("segment.bytes", "1073741824"),
];

/// No such topic.
pub(super) fn absent() -> Refusal {
    refusal("UNKNOWN_TOPIC_OR_PARTITION", "This server does not host this topic-partition.", true)
}

impl State {
    pub fn new(brokers: i32) -> Self {
        Self {
            brokers: (1..=brokers).collect(),
            partitions: 1,
            replication: 1,
            defaults: DEFAULTS.into(),
            topics: BTreeMap::new(),
            faults: VecDeque::new(),
            leaderless: BTreeSet::new(),
            before: Cluster::default(),
            log: Vec::new(),
        }
    }

    pub fn fault(&mut self, call: Call) -> Option<Fault> {
        let index = self.faults.iter().position(|(at, _)| *at == call)?;
        self.faults.remove(index).map(|(_, fault)| fault)
    }

    /// As `ReplicationControlManager.createTopic`.
    pub fn create(&mut self, new: &NewTopic) -> Outcome {
        if let Err(wrong) = name::check(&new.name) {
            return Err(refusal("INVALID_TOPIC_EXCEPTION", wrong.to_string(), false));
        }
        if self.topics.contains_key(&new.name) {
            return Err(refusal(
                "TOPIC_ALREADY_EXISTS",
                format!("Topic '{}' already exists.", new.name),
                false,
            ));
        }
        let metric = name::in_metrics(&new.name);
        if let Some(other) = self.topics.keys().find(|other| name::in_metrics(other) == metric) {
            let message = format!("Topic '{}' collides with existing topic: {other}", new.name);
            return Err(refusal("INVALID_TOPIC_EXCEPTION", message, false));
        }
        for (key, value) in &new.config {
            self.check(key, value)?;
        }
        let replicas = usize::from(new.replication_factor.unwrap_or(self.replication));
        if replicas > self.brokers.len() {
            let message = format!(
                "Unable to replicate the partition {replicas} time(s): The target replication factor of {replicas} \
                 cannot be reached because only {} broker(s) are registered.",
                self.brokers.len()
            );
            return Err(refusal("INVALID_REPLICATION_FACTOR", message, false));
        }
        let partitions = new.partitions.unwrap_or(self.partitions) as usize;
        let partition = self.brokers.iter().copied().take(replicas).collect::<Vec<_>>();
        let config = new.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let held = Held { internal: false, partitions: vec![partition; partitions], config };
        self.topics.insert(new.name.clone(), held);
        Ok(())
    }

    pub fn grow(&mut self, topic: &str, partitions: u32) -> Outcome {
        let held = self.topics.get_mut(topic).ok_or_else(absent)?;
        let (now, then) = (held.partitions.len(), partitions as usize);
        if then == now {
            return Err(refusal(
                "INVALID_PARTITIONS",
                format!("Topic already has {now} partition(s)."),
                false,
            ));
        }
        if then < now {
            let message = format!(
                "The topic {topic} currently has {now} partition(s); {then} would not be an increase."
            );
            return Err(refusal("INVALID_PARTITIONS", message, false));
        }
        let like = held.partitions[0].clone();
        held.partitions.resize(then, like);
        Ok(())
    }

    pub fn alter(&mut self, topic: &str, changes: &BTreeMap<String, Alteration>) -> Outcome {
        for (key, change) in changes {
            if let Alteration::Set(value) = change {
                self.check(key, value)?;
            }
        }
        let held = self.topics.get_mut(topic).ok_or_else(absent)?;
        for (key, change) in changes {
            match change {
                Alteration::Set(value) => held.config.insert(key.clone(), value.clone()),
                Alteration::Unset => held.config.remove(key),
            };
        }
        Ok(())
    }

    fn check(&self, key: &str, value: &str) -> Outcome {
        let Some(default) = self.defaults.get(key) else {
            return Err(refusal("INVALID_CONFIG", format!("Unknown topic config name: {key}"), false));
        };
        let is_number = |text: &str| text.parse::<f64>().is_ok();
        if is_number(default) && !is_number(value) {
            let message = format!("Invalid value {value} for configuration {key}: Not a number of type LONG");
            return Err(refusal("INVALID_CONFIG", message, false));
        }
        Ok(())
    }

    pub fn cluster(&self, described: &[String]) -> Cluster {
        let state = |(name, held): (&String, &Held)| {
            let partition = |replicas: &Vec<i32>| {
                let live: Vec<i32> =
                    replicas.iter().copied().filter(|id| self.brokers.contains(id)).collect();
                let leader = live.first().copied().filter(|_| !self.leaderless.contains(name));
                PartitionState { leader, replicas: replicas.clone(), isr: live }
            };
            let mut config = BTreeMap::new();
            if described.contains(name) {
                let setting = |(key, default): (&&str, &&str)| {
                    let own = held.config.get(*key);
                    let value = own.cloned().unwrap_or_else(|| (*default).to_owned());
                    ((*key).to_owned(), Setting { value: Some(value), overridden: own.is_some() })
                };
                config = self.defaults.iter().map(setting).collect();
            }
            let partitions = held.partitions.iter().map(partition).collect();
            (name.clone(), TopicState { internal: held.internal, partitions, config })
        };
        Cluster {
            brokers: self.brokers.iter().copied().collect(),
            topics: self.topics.iter().map(state).collect(),
        }
    }
}

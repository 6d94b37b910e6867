//! DECISION: how a cluster differs from what is declared, and what is to be done about it. Pure; the same for the same
//! input.

use indexmap::IndexMap;

use super::admin::NewTopic;
use super::cluster::{Cluster, TopicState};
use super::declaration::{Declaration, Topic};
use super::{name, value};

/// The difference. Topics stand in the order of the declaration, undeclared ones in that of their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopicPlan {
    /// What is to be done.
    pub changes: Vec<Change>,
    /// Declared topics that Kafka can't bring to what is declared; nothing is done to them.
    pub impossible: Vec<Impossible>,
    /// Settings of declared topics that somebody set and nobody declared; shown, never changed.
    pub drift: Vec<Drift>,
    /// Topics that exist and aren't declared; listed, never touched. Kafka's own and vv's aren't among them.
    pub undeclared: Vec<String>,
    /// Declared topics that are as declared.
    pub unchanged: Vec<String>,
    /// How many topics are declared.
    pub declared: usize,
}

impl TopicPlan {
    /// Whether the cluster is what is declared: nothing to do, nothing impossible, no drift. Undeclared topics don't
    /// matter.
    pub fn is_settled(&self) -> bool {
        self.changes.is_empty() && self.impossible.is_empty() && self.drift.is_empty()
    }
}

/// What is to be done to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub topic: String,
    /// Whose it is.
    pub owner: Option<String>,
    /// At least one; [`Action::Create`] stands alone.
    pub actions: Vec<Action>,
}

/// One thing that is to be done to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Makes it, with its settings.
    Create(NewTopic),
    /// Adds partitions.
    Grow {
        /// So many now.
        from: u32,
        /// So many then.
        to: u32,
    },
    /// Sets a setting.
    Set {
        /// Its name.
        key: String,
        /// The value in effect; nothing where Kafka doesn't tell or know it.
        from: Option<String>,
        /// The value is set on the topic, and isn't the broker's default.
        overridden: bool,
        /// The value then.
        to: String,
    },
    /// Takes a setting off the topic: the broker's own default holds again.
    Unset {
        /// Its name.
        key: String,
        /// The value on the topic.
        from: Option<String>,
    },
}

/// Why something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The topic isn't there.
    Missing,
    /// It has fewer partitions than declared.
    FewerPartitions,
    /// A setting has another value on the topic than declared.
    OtherValue,
    /// A setting isn't set on the topic, and the broker's default is another than declared.
    OtherDefault,
    /// A setting is set that is declared to be the broker's own default.
    DeclaredUnset,
}

impl Action {
    /// Why it is to be done.
    pub fn cause(&self) -> Cause {
        match self {
            Action::Create(_) => Cause::Missing,
            Action::Grow { .. } => Cause::FewerPartitions,
            Action::Set { overridden: true, .. } => Cause::OtherValue,
            Action::Set { overridden: false, .. } => Cause::OtherDefault,
            Action::Unset { .. } => Cause::DeclaredUnset,
        }
    }
}

/// A topic that can't be made what is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impossible {
    /// Its name.
    pub topic: String,
    /// Why; at least one.
    pub reasons: Vec<Reason>,
    /// What would be done to it otherwise. It waits: settings may only be right with the replicas that were declared
    /// with them.
    pub held: Vec<Action>,
}

/// Why a topic can't be made what is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It has more partitions than declared, and Kafka takes none away.
    Shrink {
        /// So many are declared.
        declared: u32,
        /// So many there are.
        actual: u32,
    },
    /// A partition has another number of replicas; that is a reassignment, which moves data.
    Replication {
        /// So many are declared.
        declared: u16,
        /// So many the first partition has that differs.
        actual: usize,
    },
    /// It is to be made with more replicas than there are brokers.
    TooFewBrokers {
        /// So many replicas are declared.
        declared: u16,
        /// The live brokers.
        brokers: usize,
    },
    /// Another topic's name is the same in Kafka's metrics.
    Collision {
        /// That topic.
        existing: String,
    },
}

/// A setting that somebody set and nobody declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The topic.
    pub topic: String,
    /// The setting.
    pub key: String,
    /// Its value; nothing where Kafka doesn't tell it.
    pub value: Option<String>,
}

/// Compares what is declared with what the cluster holds. The settings of every declared topic must have been read.
pub fn plan(declaration: &Declaration, cluster: &Cluster) -> TopicPlan {
    let mut plan = TopicPlan { declared: declaration.topics.len(), ..TopicPlan::default() };
    let declared: IndexMap<&str, &Topic> =
        declaration.topics.iter().map(|topic| (topic.name.as_str(), topic)).collect();
    let others: IndexMap<String, &str> =
        cluster.topics.keys().map(|name| (name::in_metrics(name), name.as_str())).collect();
    for topic in &declaration.topics {
        let (actions, reasons, drift) = match cluster.topics.get(&topic.name) {
            Some(state) => (changes(topic, state), obstacles(topic, state), drift(topic, state)),
            None => {
                let other = others.get(&name::in_metrics(&topic.name)).copied();
                (vec![Action::Create(new(topic))], hindrances(topic, cluster, other), Vec::new())
            }
        };
        let name = topic.name.clone();
        if !reasons.is_empty() {
            let held = actions.into_iter().filter(|action| !matches!(action, Action::Create(_))).collect();
            plan.impossible.push(Impossible { topic: name, reasons, held });
        } else if !actions.is_empty() {
            plan.changes.push(Change { topic: name, owner: topic.owner.clone(), actions });
        } else if drift.is_empty() {
            plan.unchanged.push(name);
        }
        plan.drift.extend(drift);
    }
    let undeclared = cluster.topics.iter().filter(|(name, state)| {
        !state.internal && !name::is_hidden(name) && !declared.contains_key(name.as_str())
    });
    plan.undeclared = undeclared.map(|(name, _)| name.clone()).collect();
    plan
}

fn new(topic: &Topic) -> NewTopic {
    // A setting that is declared to be the broker's own isn't sent.
    let config = topic.config.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
    NewTopic {
        name: topic.name.clone(),
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        config: config.collect(),
    }
}

/// What stands in the way of a topic that isn't there.
fn hindrances(topic: &Topic, cluster: &Cluster, other: Option<&str>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some(declared) = topic.replication_factor
        && usize::from(declared) > cluster.brokers.len()
    {
        reasons.push(Reason::TooFewBrokers { declared, brokers: cluster.brokers.len() });
    }
    reasons.extend(other.map(|existing| Reason::Collision { existing: existing.to_owned() }));
    reasons
}

/// What stands in the way of one that is.
fn obstacles(topic: &Topic, state: &TopicState) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let actual = count(state);
    if let Some(declared) = topic.partitions
        && actual > declared
    {
        reasons.push(Reason::Shrink { declared, actual });
    }
    if let Some(declared) = topic.replication_factor {
        let differs = |replicas: &usize| *replicas != usize::from(declared);
        let replicas = state.partitions.iter().map(|partition| partition.replicas.len());
        reasons.extend(
            replicas.into_iter().find(differs).map(|actual| Reason::Replication { declared, actual }),
        );
    }
    reasons
}

fn changes(topic: &Topic, state: &TopicState) -> Vec<Action> {
    let mut actions = Vec::new();
    let from = count(state);
    // Of a topic that is just being made, a broker may know the name alone.
    if let Some(to) = topic.partitions
        && (1..to).contains(&from)
    {
        actions.push(Action::Grow { from, to });
    }
    for (key, declared) in &topic.config {
        let setting = state.config.get(key);
        let overridden = setting.is_some_and(|setting| setting.overridden);
        let from = setting.and_then(|setting| setting.value.clone());
        let action = match declared {
            None if overridden => Action::Unset { key: key.clone(), from },
            Some(to) => {
                let is_same = match &from {
                    Some(from) => value::same(key, from, to),
                    // Kafka doesn't tell it: what is set stays as it is.
                    None => overridden,
                };
                if is_same {
                    continue;
                }
                Action::Set { key: key.clone(), from, overridden, to: to.clone() }
            }
            None => continue,
        };
        actions.push(action);
    }
    actions
}

fn drift(topic: &Topic, state: &TopicState) -> Vec<Drift> {
    let overridden = state.config.iter().filter(|(_, setting)| setting.overridden);
    let undeclared = overridden.filter(|(key, _)| !topic.config.contains_key(*key));
    let drift = |(key, setting): (&String, &super::cluster::Setting)| Drift {
        topic: topic.name.clone(),
        key: key.clone(),
        value: setting.value.clone(),
    };
    undeclared.map(drift).collect()
}

fn count(state: &TopicState) -> u32 {
    u32::try_from(state.partitions.len()).unwrap_or(u32::MAX)
}

//! What a check of health says of declared topics. Pure.

use super::cluster::{Cluster, TopicState};
use super::declaration::Declaration;
use super::plan::{self, Change, Drift, Impossible};

/// Partitions of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partitions {
    /// The topic.
    pub topic: String,
    /// Their numbers, ascending.
    pub numbers: Vec<usize>,
}

/// What differs of topics that exist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drifted {
    /// What `init-topics` would do to them.
    pub changes: Vec<Change>,
    /// What it can't do.
    pub impossible: Vec<Impossible>,
    /// What somebody set and nobody declared.
    pub drift: Vec<Drift>,
}

/// The declared topics that don't exist, in the order of the declaration.
pub fn missing<'a>(declaration: &'a Declaration, cluster: &Cluster) -> Vec<&'a str> {
    let names = declaration.topics.iter().map(|topic| topic.name.as_str());
    names.filter(|name| !cluster.topics.contains_key(*name)).collect()
}

/// The partitions of declared topics that no broker leads: nothing is read from them or written to them. A topic without
/// any partition is just being made, and is leaderless, too.
pub fn leaderless(declaration: &Declaration, cluster: &Cluster) -> Vec<Partitions> {
    existing(declaration, cluster)
        .filter_map(|(name, state)| {
            let numbers = numbers(state, |partition| partition.leader.is_none());
            (state.partitions.is_empty() || !numbers.is_empty())
                .then(|| Partitions { topic: name.to_owned(), numbers })
        })
        .collect()
}

/// The partitions of declared topics that have a leader and lack an in-sync replica.
pub fn under_replicated(declaration: &Declaration, cluster: &Cluster) -> Vec<Partitions> {
    existing(declaration, cluster)
        .filter_map(|(name, state)| {
            let numbers = numbers(state, |partition| {
                partition.leader.is_some()
                    && partition.replicas.iter().any(|replica| !partition.isr.contains(replica))
            });
            (!numbers.is_empty()).then(|| Partitions { topic: name.to_owned(), numbers })
        })
        .collect()
}

/// How existing topics differ from what is declared. Their settings must have been read.
pub fn drifted(declaration: &Declaration, cluster: &Cluster) -> Drifted {
    let exists = |name: &str| cluster.topics.contains_key(name);
    let mut plan = plan::plan(declaration, cluster);
    plan.changes.retain(|change| exists(&change.topic));
    plan.impossible.retain(|impossible| exists(&impossible.topic));
    Drifted { changes: plan.changes, impossible: plan.impossible, drift: plan.drift }
}

fn existing<'a>(
    declaration: &'a Declaration,
    cluster: &'a Cluster,
) -> impl Iterator<Item = (&'a str, &'a TopicState)> {
    declaration
        .topics
        .iter()
        .filter_map(|topic| Some((topic.name.as_str(), cluster.topics.get(&topic.name)?)))
}

fn numbers(state: &TopicState, wanted: impl Fn(&super::cluster::PartitionState) -> bool) -> Vec<usize> {
    let partitions = state.partitions.iter().enumerate();
    partitions.filter(|(_, partition)| wanted(partition)).map(|(number, _)| number).collect()
}

//! DESIRED: the topics that a stack, or a file, declares.

use indexmap::IndexMap;

use crate::stack::problem::Mark;

/// The declared topics, in the order of the file; names are unique.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Declaration {
    /// The topics.
    pub topics: Vec<Topic>,
    /// Things worth saying that don't stop anything: `topics.yml:3:20: the variable 'REPLICAS' is not set, …`.
    pub warnings: Vec<String>,
}

impl Declaration {
    /// The names of the topics, in their order.
    pub fn names(&self) -> Vec<String> {
        self.topics.iter().map(|topic| topic.name.clone()).collect()
    }

    /// The topic of this name.
    pub fn get(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }
}

/// A declared topic, with the defaults of its file and group already in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Topic {
    /// Its name, with the prefix of its group.
    pub name: String,
    /// How many partitions; nothing: the broker's own default (`num.partitions`).
    pub partitions: Option<u32>,
    /// How many replicas each partition has; nothing: the broker's own default (`default.replication.factor`).
    pub replication_factor: Option<u16>,
    /// Its settings, by Kafka's names, as Kafka would print them. Nothing as a value: the broker's own default, which
    /// takes away what is set.
    pub config: IndexMap<String, Option<String>>,
    /// Whose it is, for people.
    pub owner: Option<String>,
    /// What it is for, for people.
    pub description: Option<String>,
    /// Where it is declared.
    pub mark: Mark,
}

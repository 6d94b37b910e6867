//! What a file, a group and a topic say of a topic, on top of each other. Pure.

use indexmap::IndexMap;

use super::settings;
use crate::stack::decode::{At, Fields, Sink};
use crate::stack::node::Value;
use crate::stack::units;

/// A number that is declared, or said to be the broker's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count<T> {
    /// So many.
    Of(T),
    /// `-1`
    Brokers,
}

impl<T> Count<T> {
    /// The number; nothing where it is the broker's.
    pub fn number(self) -> Option<T> {
        match self {
            Count::Of(number) => Some(number),
            Count::Brokers => None,
        }
    }
}

/// What can be said at each level; what isn't said is left to the level above.
#[derive(Debug, Clone, Default)]
pub(super) struct Defaults {
    pub partitions: Option<Count<u32>>,
    pub replication_factor: Option<Count<u16>>,
    pub config: IndexMap<String, Option<String>>,
    pub owner: Option<String>,
}

/// Kafka's protocol counts partitions in 32 bits, and replicas in 16.
const MOST_PARTITIONS: i64 = i32::MAX as i64;
const MOST_REPLICAS: i64 = i16::MAX as i64;

impl Defaults {
    /// What a mapping says with `partitions`, `replication_factor` and `config`.
    pub fn read(fields: &Fields<'_>, sink: &Sink) -> Self {
        let partitions = fields.get("partitions").and_then(|at| count(&at, MOST_PARTITIONS));
        let replicas = fields.get("replication_factor").and_then(|at| count(&at, MOST_REPLICAS));
        Self {
            partitions: partitions.map(|count| count.map(|number| u32::try_from(number).unwrap_or(u32::MAX))),
            replication_factor: replicas
                .map(|count| count.map(|number| u16::try_from(number).unwrap_or(u16::MAX))),
            config: fields.get("config").map(|at| config(&at, sink)).unwrap_or_default(),
            owner: None,
        }
    }

    /// This, and what it doesn't say as the level above does.
    pub fn over(mut self, above: &Self) -> Self {
        let mut config = above.config.clone();
        config.extend(std::mem::take(&mut self.config));
        Self {
            partitions: self.partitions.or(above.partitions),
            replication_factor: self.replication_factor.or(above.replication_factor),
            config,
            owner: self.owner.or_else(|| above.owner.clone()),
        }
    }
}

impl<T> Count<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Count<U> {
        match self {
            Count::Of(number) => Count::Of(change(number)),
            Count::Brokers => Count::Brokers,
        }
    }
}

fn count(at: &At<'_>, most: i64) -> Option<Count<i64>> {
    const WANTED: &str = "1 or more, or -1 for the broker's own default";
    let number = match &at.node.value {
        Value::Int(number) => *number,
        Value::String(text) if text.trim().is_empty() => {
            at.problem(format!("is empty; is its variable set? It takes {WANTED}"));
            return None;
        }
        Value::String(text) => match units::integer(text) {
            Some(number) => number,
            None => {
                at.problem(format!("expected {WANTED}, found '{text}'"));
                return None;
            }
        },
        _ => {
            at.expected(WANTED);
            return None;
        }
    };
    match number {
        -1 => Some(Count::Brokers),
        1.. if number <= most => Some(Count::Of(number)),
        1.. => {
            at.problem(format!("{number} is out of range: the most is {most}"));
            None
        }
        _ => {
            at.problem(format!("expected {WANTED}, found {number}"));
            None
        }
    }
}

fn config(at: &At<'_>, sink: &Sink) -> IndexMap<String, Option<String>> {
    let mut config = IndexMap::new();
    for (name, value) in at.entries() {
        let key = at.node.as_mapping().and_then(|entries| entries.get(name)).map(|entry| &entry.key);
        if name.is_empty() || name.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
            let message = format!("{name:?} can't be a setting's name");
            sink.problem(key.unwrap_or(value.mark()), &at.path, message);
            continue;
        }
        if let Some(warning) = settings::unknown(name) {
            sink.warn(key.unwrap_or(value.mark()), &value.path, warning);
        }
        if value.is_null() {
            config.insert(name.to_owned(), None);
        } else if let Some(text) = settings::read(name, &value) {
            config.insert(name.to_owned(), Some(text));
        }
    }
    config
}

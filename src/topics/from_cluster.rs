//! Writes the declaration of what a cluster holds. Pure. Read back and compared with the same cluster it gives no
//! difference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::cluster::{Cluster, TopicState};
use super::name;
use crate::stack::node::Value;
use crate::stack::scalar;

/// A topic as it will be written.
struct Row<'a> {
    name: &'a str,
    /// -1 where it can't be told.
    partitions: i64,
    /// -1 where it can't be told.
    replicas: i64,
    config: BTreeMap<&'a str, &'a str>,
    /// Settings whose value Kafka doesn't tell.
    untold: Vec<&'a str>,
}

/// The text of a `topics.yml`: topics by name, the commonest values as defaults, only settings that are set on a topic;
/// without Kafka's own topics and vv's. The settings of every topic must have been read.
pub fn text(cluster: &Cluster) -> String {
    let topics = cluster.topics.iter().filter(|(name, state)| !state.internal && !name::is_hidden(name));
    let rows: Vec<Row<'_>> = topics.map(|(name, state)| row(name, state)).collect();
    if rows.is_empty() {
        return "topics: []\n".to_owned();
    }
    let partitions = commonest(rows.iter().map(|row| row.partitions));
    let replicas = commonest(rows.iter().map(|row| row.replicas));
    let config = common_settings(&rows);
    let mut text = String::from("defaults:\n");
    let _ = writeln!(text, "  partitions: {partitions}\n  replication_factor: {replicas}");
    settings(&mut text, 2, config.iter().map(|(key, value)| (*key, Some(*value))));
    text.push_str("topics:\n");
    for row in &rows {
        topic(&mut text, row, partitions, replicas, &config);
    }
    text
}

fn topic(text: &mut String, row: &Row<'_>, partitions: i64, replicas: i64, defaults: &BTreeMap<&str, &str>) {
    let own: BTreeMap<&str, Option<&str>> = {
        let set = row.config.iter().filter(|(key, value)| defaults.get(*key) != Some(*value));
        let unset = defaults
            .keys()
            .filter(|key| !row.config.contains_key(*key) && !row.untold.contains(key))
            .map(|key| (*key, None));
        set.map(|(key, value)| (*key, Some(*value))).chain(unset).collect()
    };
    let name = written(row.name);
    if row.partitions == partitions && row.replicas == replicas && own.is_empty() && row.untold.is_empty() {
        let _ = writeln!(text, "  - {name}");
        return;
    }
    let _ = writeln!(text, "  - name: {name}");
    if row.partitions != partitions {
        let _ = writeln!(text, "    partitions: {}", row.partitions);
    }
    if row.replicas != replicas {
        let _ = writeln!(text, "    replication_factor: {}", row.replicas);
    }
    settings(text, 4, own.into_iter());
    for key in &row.untold {
        let _ = writeln!(text, "    # {key} is set, and Kafka doesn't tell its value");
    }
}

fn settings<'a>(
    text: &mut String,
    indent: usize,
    settings: impl ExactSizeIterator<Item = (&'a str, Option<&'a str>)>,
) {
    if settings.len() == 0 {
        return;
    }
    let _ = writeln!(text, "{:indent$}config:", "");
    for (key, value) in settings {
        let value = value.map_or_else(|| "null".to_owned(), written);
        let _ = writeln!(text, "{:indent$}  {}: {value}", "", written(key));
    }
}

fn row<'a>(name: &'a str, state: &'a TopicState) -> Row<'a> {
    let replicas: BTreeSet<usize> =
        state.partitions.iter().map(|partition| partition.replicas.len()).collect();
    let number = |number: usize| i64::try_from(number).unwrap_or(-1);
    let overridden = state.config.iter().filter(|(_, setting)| setting.overridden);
    let (mut config, mut untold) = (BTreeMap::new(), Vec::new());
    for (key, setting) in overridden {
        match &setting.value {
            Some(value) => {
                config.insert(key.as_str(), value.as_str());
            }
            None => untold.push(key.as_str()),
        }
    }
    Row {
        name,
        partitions: if state.partitions.is_empty() { -1 } else { number(state.partitions.len()) },
        // Several in the middle of a reassignment.
        replicas: match replicas.len() {
            1 => replicas.first().map_or(-1, |replicas| number(*replicas)),
            _ => -1,
        },
        config,
        untold,
    }
}

/// The value that occurs most often; of several the least.
fn commonest(values: impl Iterator<Item = i64>) -> i64 {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let most = counts.into_iter().max_by(|(a, many), (b, others)| many.cmp(others).then(b.cmp(a)));
    most.map_or(-1, |(value, _)| value)
}

/// Settings that more than half of the topics have with the same value: the others need a line each.
fn common_settings<'a>(rows: &[Row<'a>]) -> BTreeMap<&'a str, &'a str> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (key, value) in rows.iter().flat_map(|row| &row.config) {
        *counts.entry((key, value)).or_default() += 1;
    }
    // A topic whose value isn't told would need a line that takes it away.
    let told = |key: &str| !rows.iter().any(|row| row.untold.contains(&key));
    let common = counts.into_iter().filter(|((key, _), count)| count * 2 > rows.len() && told(key));
    common.map(|(pair, _)| pair).collect()
}

/// A scalar as YAML that reads back as it is, with variables' signs doubled.
fn written(text: &str) -> String {
    let text = text.replace('$', "$$");
    let is_number = matches!(scalar::plain(&text), Value::Int(number) if number.to_string() == text);
    let is_word = matches!(scalar::plain(&text), Value::String(_))
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-,".contains(letter))
        // Other readers take these for booleans.
        && !["y", "n", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str());
    match is_number || is_word {
        true => text,
        // JSON's strings are YAML's.
        false => serde_json::Value::String(text).to_string(),
    }
}

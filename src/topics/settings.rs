//! Kafka's settings of topics: their names and what values they take, as far as that can be told without a broker
//! (Kafka 3.0 to 4.x, `LogConfig` and <https://kafka.apache.org/documentation/#topicconfigs>). Pure.

use std::collections::BTreeSet;

use super::value;
use crate::failure::nearest;
use crate::stack::decode::At;
use crate::stack::node::Value;

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// A whole number in these bounds; what it counts.
    Whole(i64, i64, Unit),
    /// A number in these bounds.
    Number(f64, f64),
    /// `true` or `false`
    Boolean,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words.
    Words(&'static [&'static str]),
    /// `partition:broker` pairs, or `*`.
    Replicas,
    /// Anything.
    Text,
}

/// What a whole number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Bytes,
    Nothing,
}

use Kind::{Boolean, Number, Replicas, Text, Whole, Word, Words};
use Unit::{Bytes, Milliseconds, Nothing};

const INT: i64 = i32::MAX as i64;
const LONG: i64 = i64::MAX;

/// The settings of topics, those included that later versions dropped.
const KNOWN: &[(&str, Kind)] = &[
    ("cleanup.policy", Words(&["delete", "compact"])),
    ("compression.gzip.level", Whole(-1, 9, Nothing)),
    ("compression.lz4.level", Whole(1, 17, Nothing)),
    ("compression.type", Word(&["producer", "uncompressed", "zstd", "lz4", "snappy", "gzip"])),
    ("compression.zstd.level", Whole(-131_072, 22, Nothing)),
    ("delete.retention.ms", Whole(0, LONG, Milliseconds)),
    ("file.delete.delay.ms", Whole(0, LONG, Milliseconds)),
    ("flush.messages", Whole(0, LONG, Nothing)),
    ("flush.ms", Whole(0, LONG, Milliseconds)),
    ("follower.replication.throttled.replicas", Replicas),
    ("index.interval.bytes", Whole(0, INT, Bytes)),
    ("leader.replication.throttled.replicas", Replicas),
    ("local.retention.bytes", Whole(-2, LONG, Bytes)),
    ("local.retention.ms", Whole(-2, LONG, Milliseconds)),
    ("max.compaction.lag.ms", Whole(1, LONG, Milliseconds)),
    ("max.message.bytes", Whole(0, INT, Bytes)),
    ("message.downconversion.enable", Boolean),
    ("message.format.version", Text),
    ("message.timestamp.after.max.ms", Whole(0, LONG, Milliseconds)),
    ("message.timestamp.before.max.ms", Whole(0, LONG, Milliseconds)),
    ("message.timestamp.difference.max.ms", Whole(0, LONG, Milliseconds)),
    ("message.timestamp.type", Word(&["CreateTime", "LogAppendTime"])),
    ("min.cleanable.dirty.ratio", Number(0.0, 1.0)),
    ("min.compaction.lag.ms", Whole(0, LONG, Milliseconds)),
    ("min.insync.replicas", Whole(1, INT, Nothing)),
    ("preallocate", Boolean),
    ("remote.copy.lag.bytes", Whole(-1, LONG, Bytes)),
    ("remote.copy.lag.ms", Whole(-1, LONG, Milliseconds)),
    ("remote.log.copy.disable", Boolean),
    ("remote.log.delete.on.disable", Boolean),
    ("remote.storage.enable", Boolean),
    // Kafka takes any negative number for no limit.
    ("retention.bytes", Whole(i64::MIN, LONG, Bytes)),
    ("retention.ms", Whole(-1, LONG, Milliseconds)),
    // 14 until Kafka 4.0, 1 MiB from then on.
    ("segment.bytes", Whole(14, INT, Bytes)),
    ("segment.index.bytes", Whole(4, INT, Bytes)),
    ("segment.jitter.ms", Whole(0, LONG, Milliseconds)),
    ("segment.ms", Whole(1, LONG, Milliseconds)),
    ("unclean.leader.election.enable", Boolean),
];

/// Settings that only these brokers have.
const VENDORS: [&str; 2] = ["confluent.", "redpanda."];

/// A broker's settings that are called otherwise on a topic.
const BROKERS: [(&str, &str); 12] = [
    ("log.cleaner.delete.retention.ms", "delete.retention.ms"),
    ("log.cleaner.min.cleanable.ratio", "min.cleanable.dirty.ratio"),
    ("log.cleaner.min.compaction.lag.ms", "min.compaction.lag.ms"),
    ("log.cleaner.max.compaction.lag.ms", "max.compaction.lag.ms"),
    ("log.flush.interval.messages", "flush.messages"),
    ("log.flush.interval.ms", "flush.ms"),
    ("log.retention.hours", "retention.ms"),
    ("log.retention.minutes", "retention.ms"),
    ("log.roll.hours", "segment.ms"),
    ("log.roll.ms", "segment.ms"),
    ("log.segment.delete.delay.ms", "file.delete.delay.ms"),
    ("message.max.bytes", "max.message.bytes"),
];

/// What the setting takes, if it is known.
pub(super) fn kind(name: &str) -> Option<Kind> {
    KNOWN.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

/// Whether the setting's value is a list whose order means nothing.
pub(super) fn is_list(name: &str) -> bool {
    matches!(kind(name), Some(Words(_) | Replicas))
}

/// What is worth saying of a name that isn't known: it may be a newer Kafka's.
pub(super) fn unknown(name: &str) -> Option<String> {
    if kind(name).is_some() || VENDORS.iter().any(|vendor| name.starts_with(vendor)) {
        return None;
    }
    let names = || KNOWN.iter().map(|(name, _)| *name);
    let of_broker = BROKERS.iter().find(|(broker, _)| *broker == name).map(|(_, topic)| *topic);
    let without_log = || names().find(|topic| name.strip_prefix("log.") == Some(*topic));
    if let Some(topic) = of_broker.or_else(without_log) {
        return Some(format!("a broker's setting; a topic's is '{topic}'"));
    }
    match name {
        "num.partitions" => Some("a broker's setting; a topic has 'partitions'".into()),
        "default.replication.factor" => Some("a broker's setting; a topic has 'replication_factor'".into()),
        _ => Some(match nearest(name, names()) {
            Some(near) => format!("not a setting of a topic that vv knows; did you mean '{near}'?"),
            None => "not a setting of a topic that vv knows; the broker may".into(),
        }),
    }
}

/// A declared value as Kafka would print it; what is wrong with it is noted. Nothing for a wrong one.
pub(super) fn read(name: &str, at: &At<'_>) -> Option<String> {
    let kind = kind(name).unwrap_or(Text);
    let text = match (&at.node.value, kind) {
        (Value::Sequence(items), Words(_) | Replicas) => {
            let words: Vec<String> = at.items().iter().filter_map(At::text).collect();
            if words.len() < items.len() {
                // Noted already, unless it is null.
                at.items().iter().filter(|at| at.is_null()).for_each(|at| at.expected("a string"));
                return None;
            }
            words.join(",")
        }
        // Every digit counts, and a number of more than 64 bits is none to a broker.
        (Value::Float(_, written), _) => written.trim().to_owned(),
        _ => at.scalar()?,
    };
    if text.trim().is_empty() && !at.is_list() && !matches!(kind, Text | Replicas) {
        at.problem("is empty; is its variable set? 'null' takes the setting off the topic");
        return None;
    }
    match checked(kind, &text) {
        Ok(value) => Some(value),
        Err(problem) => {
            at.problem(problem);
            None
        }
    }
}

fn checked(kind: Kind, text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    match kind {
        Text => Ok(text.to_owned()),
        Boolean => match trimmed.to_ascii_lowercase().as_str() {
            word @ ("true" | "false") => Ok(word.to_owned()),
            _ => Err(format!("expected true or false, found '{text}'")),
        },
        Word(words) => one_of(words, trimmed).map(str::to_owned),
        Words(words) => {
            let mut found: Vec<&str> = Vec::new();
            for word in trimmed.split(',').map(str::trim).filter(|word| !word.is_empty()) {
                let word = one_of(words, word)?;
                if !found.contains(&word) {
                    found.push(word);
                }
            }
            Ok(found.join(","))
        }
        Replicas => {
            let number = |text: &str| text.parse::<u32>().is_ok();
            let pair = |pair: &str| {
                pair.split_once(':').is_some_and(|(left, right)| number(left.trim()) && number(right.trim()))
            };
            let valid = trimmed.is_empty() || trimmed == "*" || trimmed.split(',').all(pair);
            let wrong =
                || format!("expected '*' or PARTITION:BROKER pairs such as '0:1,1:2', found '{text}'");
            valid.then(|| trimmed.to_owned()).ok_or_else(wrong)
        }
        Number(least, most) => match trimmed.parse::<f64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(value::number(number)),
            Ok(_) => Err(format!("expected a number from {least} to {most}, found {text}")),
            Err(_) => Err(format!("expected a number from {least} to {most}, found '{text}'")),
        },
        Whole(least, most, unit) => whole(trimmed, least, most, unit),
    }
}

fn one_of<'a>(words: &[&'a str], text: &str) -> Result<&'a str, String> {
    words.iter().copied().find(|word| *word == text).ok_or_else(|| {
        let list = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
        let near = nearest(text, words.iter().copied());
        let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
        format!("'{text}' isn't one of {list}{hint}")
    })
}

fn whole(text: &str, least: i64, most: i64, unit: Unit) -> Result<String, String> {
    let unit_name = match unit {
        Milliseconds => "milliseconds",
        Bytes => "bytes",
        Nothing => "a whole number",
    };
    let Ok(number) = text.parse::<i64>() else {
        let is_long = text.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit());
        if is_long {
            return Err(format!("{text} is out of range: the most is {most}"));
        }
        let counted = match unit {
            Milliseconds => {
                crate::stack::units::duration(text).map(|duration| duration.as_millis().to_string())
            }
            Bytes => crate::stack::units::bytes(text).map(|bytes| bytes.to_string()),
            Nothing => None,
        };
        let hint = counted.map(|counted| format!("; that is {counted}")).unwrap_or_default();
        let whole = if unit == Nothing { "" } else { " as a whole number" };
        return Err(format!("expected {unit_name}{whole}, found '{text}'{hint}"));
    };
    if number < least {
        return Err(format!("{number} is out of range: the least is {least}"));
    }
    if number > most {
        return Err(format!("{number} is out of range: the most is {most}"));
    }
    Ok(number.to_string())
}

/// The items of a list setting.
pub(super) fn items(value: &str) -> BTreeSet<&str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
}

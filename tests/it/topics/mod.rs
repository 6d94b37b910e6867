//! Topics on real clusters: KRaft and ZooKeeper mode, one broker and three, every kind of listener.

mod broker;
mod command;
mod command_cluster;
mod command_drift;
mod command_mes;
mod command_reach;
mod command_refusals;
mod life;
mod listeners;
mod several;

use std::collections::BTreeMap;

use vv::topics::admin::{AdminError, Alteration, NewTopic, Outcome};

/// A topic to be made.
fn topic(name: &str, partitions: Option<u32>, replicas: Option<u16>, config: &[(&str, &str)]) -> NewTopic {
    NewTopic {
        name: name.to_owned(),
        partitions,
        replication_factor: replicas,
        config: config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

fn names(topics: &[NewTopic]) -> Vec<String> {
    topics.iter().map(|topic| topic.name.clone()).collect()
}

/// Changes of a topic's settings; nothing takes one away.
fn changes(topic: &str, changes: &[(&str, Option<&str>)]) -> (String, BTreeMap<String, Alteration>) {
    let change = |(name, value): &(&str, Option<&str>)| {
        let change = value.map_or(Alteration::Unset, |value| Alteration::Set(value.to_owned()));
        ((*name).to_owned(), change)
    };
    (topic.to_owned(), changes.iter().map(change).collect())
}

/// What was said of each topic, a line each.
fn told(done: &BTreeMap<String, Outcome>) -> String {
    let line = |(name, outcome): (&String, &Outcome)| match outcome {
        Ok(()) => format!("{name}: done"),
        Err(refusal) => format!("{name}: {refusal}{}", if refusal.retriable { " (again)" } else { "" }),
    };
    done.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A failure, with ports of this run blotted out.
fn failure(error: &AdminError) -> String {
    let hint = error.hint.as_ref().map(|hint| format!(" -> {hint}")).unwrap_or_default();
    let told = format!("{}{hint}{}", error.message, if error.retriable { " (again)" } else { "" });
    let port = regex::Regex::new(r"localhost:\d{4,5}").unwrap();
    port.replace_all(&told, "localhost:PORT").into_owned()
}

//! Waiting until every live broker knows who leads: a topic that has just been made is known to one broker after the
//! other, and a client that asks another one is told that there is no such topic.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::native::{Client, Metadata, TopicSeen};
use super::reason::Troubles;
use super::{Kafka, Server, blocking, open};
use crate::topics::admin::AdminError;

/// Pauses between two looks: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(400));

/// What a broker is given at least, however little time is left.
const LEAST: Duration = Duration::from_secs(1);

/// A client for each live broker, kept to that broker.
type Clients = BTreeMap<(i32, Server), Arc<Client>>;

/// Asks every live broker until each knows a leader for every partition of these topics, or the time is over; the
/// topics that lack one then.
pub(super) async fn led(
    kafka: &Kafka,
    topics: &[String],
    timeout: Duration,
) -> Result<Vec<String>, AdminError> {
    let expected = kafka.partitions.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let deadline = Instant::now() + timeout;
    let (mut pause, longest) = PAUSES;
    let mut clients = Clients::new();
    // By the last time that all were asked.
    let mut lacking: Option<Vec<String>> = None;
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).max(LEAST);
        let failure = match ask_all(kafka, &mut clients, left).await {
            Ok(answers) => {
                let now = lacking_of(topics, &expected, &answers);
                if now.is_empty() {
                    return Ok(now);
                }
                lacking = Some(now);
                None
            }
            Err(failure) => Some(failure),
        };
        if Instant::now() + pause >= deadline {
            return match (lacking, failure) {
                (Some(lacking), _) => Ok(lacking),
                (None, Some(failure)) => Err(failure),
                (None, None) => Ok(topics.to_vec()),
            };
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

/// What each live broker says, as long as all are asked within `patience`.
async fn ask_all(
    kafka: &Kafka,
    clients: &mut Clients,
    patience: Duration,
) -> Result<Vec<Metadata>, AdminError> {
    let first = kafka.blocking(move |client| client.metadata(patience)).await;
    let first = first.map_err(|said| kafka.failed("ask who leads", &said, patience))?;
    if first.brokers.len() < 2 {
        return Ok(vec![first]);
    }
    let server = |(id, host, port): &(i32, String, i32)| {
        (*id, Server { host: host.clone(), port: u16::try_from(*port).unwrap_or_default() })
    };
    let live: Vec<(i32, Server)> = first.brokers.iter().map(server).collect();
    // A broker that is gone isn't waited for.
    clients.retain(|key, _| live.contains(key));
    for key in &live {
        if !clients.contains_key(key) {
            let client = open(&kafka.connection, Some(key.1.clone())).await?;
            clients.insert(key.clone(), Arc::new(client));
        }
    }
    // One that doesn't answer may be dying, which the others notice after a while: then it is no longer among them.
    let each = patience.min(Duration::from_secs(3));
    let asks = clients.iter().map(|((id, server), client)| async move {
        let said = blocking(client, move |client| client.metadata(each)).await;
        said.map_err(|said| {
            let mut troubles = Troubles::default();
            troubles.extend(client.troubles());
            troubles.failed(&format!("ask broker {id} at {server}"), &said, &kafka.connection.asked(), each)
        })
    });
    join_all(asks).await.into_iter().collect()
}

/// The topics that a broker doesn't know all leaders of.
fn lacking_of(topics: &[String], expected: &BTreeMap<String, u32>, answers: &[Metadata]) -> Vec<String> {
    let answers: Vec<HashMap<&str, &TopicSeen>> = answers
        .iter()
        .map(|answer| answer.topics.iter().map(|topic| (topic.name.as_str(), topic)).collect())
        .collect();
    let has = |answer: &HashMap<&str, &TopicSeen>, name: &String| {
        let Some(topic) = answer.get(name.as_str()) else { return false };
        let least = expected.get(name).map_or(1, |count| *count as usize);
        topic.partitions.len() >= least && topic.partitions.iter().all(|partition| partition.leader >= 0)
    };
    topics.iter().filter(|name| !answers.iter().all(|answer| has(answer, name))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::native::PartitionSeen;
    use super::*;

    fn seen(topics: &[(&str, &[i32])]) -> Metadata {
        let partition =
            |leader: &i32| PartitionSeen { id: 0, leader: *leader, replicas: vec![], isr: vec![] };
        let topic = |(name, leaders): &(&str, &[i32])| TopicSeen {
            name: (*name).into(),
            partitions: leaders.iter().map(partition).collect(),
        };
        Metadata { brokers: Vec::new(), topics: topics.iter().map(topic).collect() }
    }

    #[test]
    fn every_broker_must_know_every_leader() {
        let topics = ["a".to_owned(), "b".to_owned()];
        let none = BTreeMap::new();
        let grown = BTreeMap::from([("a".to_owned(), 3)]);
        let full = seen(&[("a", &[1, 2]), ("b", &[1])]);
        assert_eq!(lacking_of(&topics, &none, std::slice::from_ref(&full)), Vec::<String>::new());
        assert_eq!(
            lacking_of(&topics, &grown, std::slice::from_ref(&full)),
            ["a"],
            "its third partition isn't known yet"
        );
        assert_eq!(lacking_of(&topics, &none, &[full.clone(), seen(&[("a", &[1, -1]), ("b", &[1])])]), ["a"]);
        assert_eq!(
            lacking_of(&topics, &none, &[full, seen(&[("a", &[1, 2])])]),
            ["b"],
            "one hasn't heard of it"
        );
        assert_eq!(lacking_of(&topics, &none, &[seen(&[("a", &[]), ("b", &[1])])]), ["a"]);
    }
}

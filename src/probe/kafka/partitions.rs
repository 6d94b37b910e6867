//! Whether every partition of every topic has a leader and its full in-sync replica set, and takes writes. The judging
//! is pure.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::{DescribeConfigsRequest, FetchRequest, MetadataResponse};

use super::client::Step;
use super::cluster::{Cluster, Topics};
use super::configs::{self, Resource};
use crate::probe::answer::{Answer, ProbeFailure};
use crate::probe::deep::PROBE;

/// How many of the things that are wrong are named.
const NAMED: usize = 3;
/// Of how many topics the settings are asked at once.
const ASKED: usize = 2000;

/// From this version of Fetch on (Kafka 3.7) a broker wants no more replicas in sync than the partition has, whatever
/// min.insync.replicas says (<https://github.com/apache/kafka/pull/14594>).
const CAPPED: i16 = 16;

/// Looks at every topic, Kafka's own too.
pub(super) async fn check(cluster: Cluster<'_>) -> Step<Answer> {
    let (mut client, seen) = cluster.look(Topics::All).await?;
    let names: Vec<&str> = topics(&seen).map(|(name, _)| name).take(ASKED).collect();
    let mut least = BTreeMap::new();
    // Asking for no resource at all would ask for every one.
    if !names.is_empty() && client.version::<DescribeConfigsRequest>(4).is_some() {
        let resources: Vec<Resource<'_>> = names.into_iter().map(Resource::Topic).collect();
        for (name, value) in configs::describe(&mut client, &resources, "min.insync.replicas").await? {
            if let Ok(value) = value.parse() {
                least.insert(name, value);
            }
        }
    }
    let capped = client.version::<FetchRequest>(CAPPED).is_some_and(|version| version.number() == CAPPED);
    judge(&seen, &least, capped)
}

/// The topics that count: vv's own has a check of its own.
fn topics(seen: &MetadataResponse) -> impl Iterator<Item = (&str, &[MetadataResponsePartition])> {
    seen.topics.iter().filter_map(|topic| {
        let name = topic.name.as_ref()?.as_str();
        (name != PROBE).then_some((name, topic.partitions.as_slice()))
    })
}

/// What the partitions come to; `least` is each topic's min.insync.replicas, where known, `capped` whether a partition
/// with fewer replicas makes do with those.
fn judge(seen: &MetadataResponse, least: &BTreeMap<String, usize>, capped: bool) -> Step<Answer> {
    let alive: BTreeSet<i32> = seen.brokers.iter().map(|broker| broker.node_id.0).collect();
    let (mut offline, mut refusing, mut behind) = (Vec::new(), Vec::new(), Vec::new());
    let (mut missing, mut too_few) = (BTreeSet::new(), None);
    let mut count = 0;
    for (topic, partitions) in topics(seen) {
        let wanted = least.get(topic).copied().unwrap_or(1);
        for partition in partitions {
            count += 1;
            let name = format!("{topic}-{}", partition.partition_index);
            let (replicas, in_sync) = (&partition.replica_nodes, &partition.isr_nodes);
            let wanted = if capped { wanted.min(replicas.len()) } else { wanted };
            let lost = replicas.iter().filter(|replica| !in_sync.contains(replica)).map(|replica| replica.0);
            if partition.leader_id.0 < 0 {
                missing.extend(lost.chain(replicas.iter().map(|replica| replica.0)));
                offline.push(name);
            } else if in_sync.len() < wanted {
                missing.extend(lost);
                too_few.get_or_insert((in_sync.len(), wanted, replicas.len()));
                refusing.push(name);
            } else if in_sync.len() < replicas.len() {
                missing.extend(lost);
                behind.push(name);
            }
        }
    }
    let gone: Vec<String> =
        missing.iter().filter(|id| !alive.contains(id)).map(ToString::to_string).collect();
    let back = match gone.as_slice() {
        [] => "vv logs shows why they don't follow; a broker that just started needs a moment".to_owned(),
        [one] => format!("bring broker {one} back"),
        all => format!("bring the brokers {} back", all.join(", ")),
    };
    let topics = topics(seen).count();
    if !offline.is_empty() {
        let detail = format!("{} of {count} partitions have no leader: {}", offline.len(), named(&offline));
        return Err(ProbeFailure::new(detail).hint(back).into());
    }
    if let Some((in_sync, wanted, replicas)) = too_few {
        let hint = if replicas < wanted {
            "lower min.insync.replicas (for the broker's own topics: KAFKA_MIN_INSYNC_REPLICAS and \
             KAFKA_TRANSACTION_STATE_LOG_MIN_ISR), or give the topics more replicas"
                .to_owned()
        } else {
            back
        };
        let detail = format!(
            "{} of {count} partitions take no writes with acks=all: {}: {in_sync} of {} in sync, \
             min.insync.replicas is {wanted}",
            refusing.len(),
            named(&refusing),
            counted(replicas, "replica"),
        );
        return Err(ProbeFailure::new(detail).hint(hint).into());
    }
    if !behind.is_empty() {
        let detail = format!("{} of {count} partitions lack a replica: {}", behind.len(), named(&behind));
        return Ok(Answer::Doubtful { detail, hint: back });
    }
    Ok(Answer::Seen(match topics {
        0 => "there is no topic yet".into(),
        1 => format!("1 topic, {}: leaders and replicas are complete", counted(count, "partition")),
        _ => format!("{topics} topics, {count} partitions: leaders and replicas are complete"),
    }))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn named(names: &[String]) -> String {
    let first = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::deep::Outcome;
    use crate::probe::testing::told;
    use kafka_protocol::messages::metadata_response::{MetadataResponseBroker, MetadataResponseTopic};
    use kafka_protocol::messages::{BrokerId, TopicName};
    use kafka_protocol::protocol::StrBytes;

    /// Brokers, and topics as `name: leader/replicas/in sync, …` with a digit per broker.
    fn judged(brokers: &[i32], topics: &[&str], least: &[(&str, usize)]) -> String {
        let ids = |digits: &str| digits.bytes().map(|digit| BrokerId(i32::from(digit - b'0'))).collect();
        let partition = |(index, text): (usize, &str)| {
            let mut parts = text.split('/');
            let leader = parts.next().unwrap();
            MetadataResponsePartition::default()
                .with_partition_index(index as i32)
                .with_leader_id(BrokerId(leader.parse().unwrap_or(-1)))
                .with_replica_nodes(ids(parts.next().unwrap()))
                .with_isr_nodes(ids(parts.next().unwrap()))
        };
        let topic = |text: &&str| {
            let (name, partitions) = text.split_once(": ").unwrap();
            MetadataResponseTopic::default()
                .with_name(Some(TopicName(StrBytes::from_string(name.to_owned()))))
                .with_partitions(partitions.split(", ").enumerate().map(partition).collect())
        };
        let broker = |id: &i32| MetadataResponseBroker::default().with_node_id(BrokerId(*id));
        let seen = MetadataResponse::default()
            .with_brokers(brokers.iter().map(broker).collect())
            .with_topics(topics.iter().map(topic).collect());
        let least = least.iter().map(|(name, least)| ((*name).to_owned(), *least)).collect();
        [false, true]
            .map(|capped| told(judge(&seen, &least, capped).map_or_else(Outcome::from, Ok)))
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
            .join("\n  since 3.7: ")
    }

    #[test]
    fn every_state_has_its_words() {
        let lines = [
            judged(&[1], &[], &[]),
            judged(&[1], &["orders: 1/1/1"], &[("orders", 1)]),
            judged(
                &[1, 2, 3],
                &["orders: 1/123/123, 2/231/312", "__consumer_offsets: 3/3/3"],
                &[("orders", 2)],
            ),
            judged(&[1, 2], &["orders: 1/123/12, 2/23/2", "other: 1/1/1"], &[("orders", 1)]),
            judged(&[1, 2, 3], &["orders: 1/123/12"], &[]),
            judged(&[2], &["orders: -/1/1, 2/2/2, -/3/", "other: -/3/3", "more: -/1/1"], &[]),
            judged(&[1], &["orders: 1/1/1", "__transaction_state: 1/1/1"], &[("__transaction_state", 2)]),
            judged(&[1], &["orders: 1/12/1, 1/12/1"], &[("orders", 2)]),
            // vv's own isn't counted, whatever becomes of it.
            judged(&[1], &["vv-probe: -/2/2", "orders: 1/1/1"], &[("vv-probe", 2)]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        ok: there is no topic yet
        ok: 1 topic, 1 partition: leaders and replicas are complete
        ok: 2 topics, 3 partitions: leaders and replicas are complete
        warn: 2 of 3 partitions lack a replica: orders-0, orders-1 -> bring broker 3 back
        warn: 1 of 1 partitions lack a replica: orders-0 -> vv logs shows why they don't follow; a broker that just started needs a moment
        fail: 4 of 5 partitions have no leader: orders-0, orders-2, other-0 and 1 more -> bring the brokers 1, 3 back
        fail: 1 of 2 partitions take no writes with acks=all: __transaction_state-0: 1 of 1 replica in sync, min.insync.replicas is 2 -> lower min.insync.replicas (for the broker's own topics: KAFKA_MIN_INSYNC_REPLICAS and KAFKA_TRANSACTION_STATE_LOG_MIN_ISR), or give the topics more replicas
          since 3.7: ok: 2 topics, 2 partitions: leaders and replicas are complete
        fail: 2 of 2 partitions take no writes with acks=all: orders-0, orders-1: 1 of 2 replicas in sync, min.insync.replicas is 2 -> bring broker 2 back
        ok: 1 topic, 1 partition: leaders and replicas are complete
        ");
    }
}

//! A record written and read back, on a topic that vv creates for it: with one partition, whose records the broker
//! deletes after a minute.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    BrokerId, CreateTopicsRequest, FetchRequest, MetadataResponse, ProduceRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use super::client::{Client, End, Step};
use super::cluster::{Cluster, Topics};
use super::create::{INVALID_REPLICATION_FACTOR, create, topic};
use super::disk;
use super::refusal::accepted;
use crate::probe::answer::{Answer, ProbeFailure};
use crate::probe::deep::{self, PROBE};

const UNKNOWN_TOPIC: i16 = 3;
const ALREADY_EXISTS: i16 = 36;

/// What the topic is made with. Records bear the broker's time: by the time of a machine whose clock is wrong they
/// would be refused, or deleted before they are read.
const SETTINGS: &[(&str, &str)] = &[
    ("cleanup.policy", "delete"),
    ("compression.type", "uncompressed"),
    ("message.timestamp.type", "LogAppendTime"),
    ("retention.ms", "60000"),
    ("segment.ms", "60000"),
];

/// Writes a record and reads it back.
pub(super) async fn check(cluster: Cluster<'_>) -> Step<Answer> {
    let value = Bytes::from(deep::unique());
    let (mut client, seen) = cluster.look(Topics::Only(PROBE)).await?;
    let leader = match leader(&seen)? {
        Leader::Is(leader) => leader,
        Leader::NoTopic => {
            disk::has_room(&mut client).await?;
            return make(&cluster, &mut client).await;
        }
    };
    let mut client = cluster.broker(&seen, leader).await?;
    disk::has_room(&mut client).await?;
    let offset = produce(&mut client, &cluster, &value).await?;
    consume(&mut client, offset, &value).await?;
    Ok(Answer::Seen(format!("a record was written to {PROBE} and read back")))
}

enum Leader {
    Is(BrokerId),
    NoTopic,
}

/// Who leads the topic's partition.
fn leader(seen: &MetadataResponse) -> Step<Leader> {
    let Some(topic) = seen.topics.first() else {
        return Err(ProbeFailure::new(format!("Metadata doesn't tell of {PROBE}")).into());
    };
    if topic.error_code == UNKNOWN_TOPIC {
        return Ok(Leader::NoTopic);
    }
    let Some(partition) = topic.partitions.first() else {
        accepted(topic.error_code, None, &format!("use {PROBE}"))?;
        return Err(ProbeFailure::new(format!("{PROBE} has no partition yet")).into());
    };
    if partition.leader_id.0 >= 0 {
        return Ok(Leader::Is(partition.leader_id));
    }
    let alive = |id: &BrokerId| seen.brokers.iter().any(|broker| broker.node_id == *id);
    if partition.replica_nodes.iter().any(alive) {
        return Err(ProbeFailure::new(format!("{PROBE} has no leader yet")).into());
    }
    // It says nothing about the others' topics, and that the broker is down is said elsewhere.
    let holders: Vec<String> = partition.replica_nodes.iter().map(|id| id.0.to_string()).collect();
    Err(End::Answer(Answer::Doubtful {
        detail: format!(
            "nothing was written: {PROBE} lies on broker {} only, which is down",
            holders.join(", ")
        ),
        hint: format!("bring that broker back, or delete the topic {PROBE}: vv creates it again"),
    }))
}

/// Creates the topic; the next look finds its leader.
async fn make(cluster: &Cluster<'_>, client: &mut Client<'_>) -> Step<Answer> {
    let (_, seen) = cluster.look(Topics::None).await?;
    let version = client.expect_version::<CreateTopicsRequest>(7)?;
    // The cluster's own number of replicas, so that a broker that ends doesn't take the topic along.
    let replicas = if version.number() >= 4 { -1 } else { 1 };
    let wanted = |replicas| vec![topic(PROBE, 1, replicas, SETTINGS)];
    let mut results = create(cluster, client, &seen, wanted(replicas), false).await?;
    // That the default can't be kept is the business of another check.
    if results.iter().any(|result| result.error_code == INVALID_REPLICATION_FACTOR) && replicas < 0 {
        results = create(cluster, client, &seen, wanted(1), false).await?;
    }
    for result in results.iter().filter(|result| result.error_code != ALREADY_EXISTS) {
        accepted(result.error_code, result.error_message.as_ref(), &format!("create the topic {PROBE}"))?;
    }
    Err(ProbeFailure::new(format!("{PROBE} was created, but has no leader yet")).into())
}

/// Writes the record to every replica in sync; where it came to lie.
async fn produce(client: &mut Client<'_>, cluster: &Cluster<'_>, value: &Bytes) -> Step<i64> {
    let records = batch(value).map_err(|error| ProbeFailure::lasting(format!("no record: {error}")))?;
    let data = TopicProduceData::default()
        .with_name(name())
        .with_partition_data(vec![PartitionProduceData::default().with_records(Some(records))]);
    let patience = cluster.target.deadline.left().as_millis() * 3 / 4;
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(i32::try_from(patience).unwrap_or(i32::MAX).max(100))
        .with_topic_data(vec![data]);
    // From 13 on topics are named by their ids.
    let version = client.expect_version::<ProduceRequest>(12)?;
    let answer = client.call(&version, &request).await?;
    let Some(result) = answer.responses.first().and_then(|topic| topic.partition_responses.first()) else {
        return Err(ProbeFailure::new("Produce isn't answered for the partition").into());
    };
    accepted(result.error_code, result.error_message.as_ref(), "write a record")?;
    Ok(result.base_offset)
}

/// Reads from an offset on until the record comes.
async fn consume(client: &mut Client<'_>, offset: i64, value: &Bytes) -> Step<()> {
    // From 13 on topics are named by their ids.
    let version = client.expect_version::<FetchRequest>(12)?;
    let partition = FetchPartition::default().with_fetch_offset(offset).with_partition_max_bytes(1024 * 1024);
    let topic = FetchTopic::default().with_topic(name()).with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_max_wait_ms(200)
        .with_min_bytes(1)
        .with_max_bytes(1024 * 1024)
        .with_topics(vec![topic]);
    loop {
        let answer = client.call(&version, &request).await?;
        accepted(answer.error_code, None, "read a record")?;
        let Some(result) = answer.responses.first().and_then(|topic| topic.partitions.first()) else {
            return Err(ProbeFailure::new("Fetch isn't answered for the partition").into());
        };
        accepted(result.error_code, None, "read a record")?;
        let read = result.records.clone().unwrap_or_default();
        // Nothing: other replicas haven't confirmed it yet.
        if read.is_empty() {
            continue;
        }
        return match first(read) {
            Some(record) if record == *value => Ok(()),
            _ => Err(ProbeFailure::new("a record that was just written reads otherwise").into()),
        };
    }
}

fn name() -> TopicName {
    TopicName(StrBytes::from_static_str(PROBE))
}

/// A batch of one record.
fn batch(value: &Bytes) -> anyhow::Result<Bytes> {
    let record = Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        timestamp: jiff::Timestamp::now().as_millisecond(),
        key: None,
        value: Some(value.clone()),
        headers: Default::default(),
    };
    let mut encoded = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut encoded, [&record], &options)?;
    Ok(encoded.freeze())
}

/// The value of the first record of what was fetched; the last batch may be cut.
fn first(mut read: Bytes) -> Option<Bytes> {
    RecordBatchDecoder::decode(&mut read).ok()?.records.into_iter().next()?.value
}

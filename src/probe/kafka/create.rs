//! Whether topics can be created: tried without creating any, and whether consumer groups find theirs.

use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::{CreateTopicsRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::client::{Client, End, Step};
use super::cluster::{Cluster, Topics};
use super::configs::{self, Resource};
use super::refusal::accepted;
use crate::probe::answer::{Answer, ProbeFailure, first_line};
use crate::probe::deep::{self, PROBE};

const NOT_CONTROLLER: i16 = 41;
/// What is answered where more replicas are wanted than there are brokers.
pub(super) const INVALID_REPLICATION_FACTOR: i16 = 38;
/// Where consumer groups keep their offsets.
const OFFSETS: &str = "__consumer_offsets";
const OFFSETS_REPLICAS: &str = "offsets.topic.replication.factor";

/// A topic to create; -1 stands for the cluster's own default.
pub(super) fn topic(name: &str, partitions: i32, replicas: i16, settings: &[(&str, &str)]) -> CreatableTopic {
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    let setting = |(name, value): &(&str, &str)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
    };
    CreatableTopic::default()
        .with_name(TopicName(text(name)))
        .with_num_partitions(partitions)
        .with_replication_factor(replicas)
        .with_configs(settings.iter().map(setting).collect())
}

/// Creates topics, or only has it validated that they could be; the results in the order of the request.
pub(super) async fn create(
    cluster: &Cluster<'_>,
    client: &mut Client<'_>,
    seen: &MetadataResponse,
    topics: Vec<CreatableTopic>,
    validate_only: bool,
) -> Step<Vec<CreatableTopicResult>> {
    let patience = cluster.target.deadline.left().as_millis();
    let request = CreateTopicsRequest::default()
        .with_topics(topics)
        .with_validate_only(validate_only)
        // The broker should be the first to give up, and say why.
        .with_timeout_ms(i32::try_from(patience * 3 / 4).unwrap_or(i32::MAX).max(100));
    let mut results = ask(client, &request).await?;
    // With ZooKeeper, only the controller does it.
    if results.iter().any(|result| result.error_code == NOT_CONTROLLER) && seen.controller_id.0 >= 0 {
        let mut controller = cluster.broker(seen, seen.controller_id).await?;
        results = ask(&mut controller, &request).await?;
    }
    results.sort_by_key(|result| request.topics.iter().position(|topic| topic.name == result.name));
    if results.len() != request.topics.len() {
        return Err(ProbeFailure::new("CreateTopics isn't answered for every topic").into());
    }
    Ok(results)
}

async fn ask(client: &mut Client<'_>, request: &CreateTopicsRequest) -> Step<Vec<CreatableTopicResult>> {
    // From 4 on there are defaults, from 5 on the answer tells them.
    let version = client.expect_version::<CreateTopicsRequest>(7)?;
    Ok(client.call(&version, request).await?.topics)
}

/// Has it validated that a topic could be created, on a broker of its own and as the cluster would by itself.
pub(super) async fn check(cluster: Cluster<'_>) -> Step<Answer> {
    let (mut client, seen) = cluster.look(Topics::None).await?;
    let name = |which: &str| format!("{PROBE}-{which}-{}", deep::unique());
    let mut topics = vec![topic(&name("single"), 1, 1, &[])];
    if client.expect_version::<CreateTopicsRequest>(7)?.number() >= 4 {
        topics.push(topic(&name("default"), -1, -1, &[]));
    }
    let results = create(&cluster, &mut client, &seen, topics, true).await?;
    judge(&results)
}

fn judge(results: &[CreatableTopicResult]) -> Step<Answer> {
    const WHAT: &str = "create a topic";
    for result in results.iter().take(1) {
        accepted(result.error_code, result.error_message.as_ref(), WHAT)?;
    }
    let Some(usual) = results.get(1) else {
        return Ok(Answer::Seen("a topic could be created".into()));
    };
    if usual.error_code == INVALID_REPLICATION_FACTOR {
        let said = usual.error_message.as_ref().map(|said| first_line(said)).unwrap_or_default();
        return Ok(Answer::Doubtful {
            detail: format!(
                "a topic can be created with one replica, but not with the cluster's default: {said}"
            ),
            hint:
                "set KAFKA_DEFAULT_REPLICATION_FACTOR to the number of brokers at most, or start more brokers"
                    .into(),
        });
    }
    accepted(usual.error_code, usual.error_message.as_ref(), WHAT)?;
    let default = match (usual.num_partitions, usual.replication_factor) {
        (1.., 1..) => {
            let plural =
                |count: i32, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
            let replicas = plural(usual.replication_factor.into(), "replica");
            format!(" (by default {}, {replicas})", plural(usual.num_partitions, "partition"))
        }
        _ => String::new(),
    };
    Ok(Answer::Seen(format!("a topic could be created{default}")))
}

/// That the topic of the consumer groups' offsets is there, or can be made when the first group comes. Where it can't,
/// consumers wait for ever without a word.
pub(super) async fn groups(cluster: Cluster<'_>) -> Step<Answer> {
    let (_, seen) = cluster.look(Topics::All).await?;
    let there = |name: &TopicName| name.as_str() == OFFSETS;
    if seen.topics.iter().any(|topic| topic.name.as_ref().is_some_and(there)) {
        return Ok(Answer::Seen("the topic of the groups' offsets is there".into()));
    }
    let Some(broker) = seen.brokers.first().map(|broker| broker.node_id) else {
        return Err(ProbeFailure::new("no broker is registered").into());
    };
    let mut client = cluster.broker(&seen, broker).await?;
    let found = configs::describe(&mut client, &[Resource::Broker(broker.0)], OFFSETS_REPLICAS).await?;
    let wanted = found.first().and_then(|(_, value)| value.parse().ok());
    can_start(wanted, seen.brokers.len())
}

fn can_start(wanted: Option<usize>, brokers: usize) -> Step<Answer> {
    let Some(wanted) = wanted else {
        return Err(End::Answer(Answer::NotAsked(format!("the broker doesn't tell its {OFFSETS_REPLICAS}"))));
    };
    if wanted <= brokers {
        return Ok(Answer::Seen("the topic of the groups' offsets comes with the first group".into()));
    }
    let are =
        if brokers == 1 { "there is 1 broker".to_owned() } else { format!("there are {brokers} brokers") };
    Err(ProbeFailure::new(format!(
        "no consumer group can start: {OFFSETS} wants {wanted} replicas ({OFFSETS_REPLICAS}), but {are}"
    ))
    .hint(
        "set KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR to the number of brokers at most, or start more brokers",
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::deep::Outcome;
    use crate::probe::testing::told;

    fn result(code: i16, message: &'static str, partitions: i32, replicas: i16) -> CreatableTopicResult {
        CreatableTopicResult::default()
            .with_error_code(code)
            .with_error_message(Some(StrBytes::from_static_str(message)))
            .with_num_partitions(partitions)
            .with_replication_factor(replicas)
    }

    #[test]
    fn every_state_has_its_words() {
        let of = |results: &[CreatableTopicResult]| told(judge(results).map_or_else(Outcome::from, Ok));
        let groups = |wanted, brokers| told(can_start(wanted, brokers).map_or_else(Outcome::from, Ok));
        let fine = result(0, "", 1, 1);
        let lines = [
            of(&[fine.clone(), result(0, "", 3, 1)]),
            of(&[fine.clone(), result(0, "", -1, -1)]),
            of(std::slice::from_ref(&fine)),
            of(&[
                fine.clone(),
                result(
                    38,
                    "Unable to replicate the partition 3 time(s): only 1 broker(s) are registered.",
                    -1,
                    -1,
                ),
            ]),
            of(&[result(38, "Unable to replicate the partition 1 time(s): All brokers are fenced.", -1, -1)]),
            of(&[result(29, "", -1, -1), fine.clone()]),
            of(&[result(41, "", -1, -1), fine]),
            groups(Some(1), 1),
            groups(Some(3), 1),
            groups(Some(3), 2),
            groups(None, 1),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        ok: a topic could be created (by default 3 partitions, 1 replica)
        ok: a topic could be created
        ok: a topic could be created
        warn: a topic can be created with one replica, but not with the cluster's default: Unable to replicate the partition 3 time(s): only 1 broker(s) are registered. -> set KAFKA_DEFAULT_REPLICATION_FACTOR to the number of brokers at most, or start more brokers
        fail: can't create a topic: it wants more replicas than there are brokers (INVALID_REPLICATION_FACTOR: Unable to replicate the partition 1 time(s): All brokers are fenced.) -> are all brokers up? On a single one, set KAFKA_DEFAULT_REPLICATION_FACTOR=1
        warn: who hasn't logged in may not create a topic (TOPIC_AUTHORIZATION_FAILED) -> allow it to User:ANONYMOUS, or publish a listener that may do it, if vv is to prove it
        fail: can't create a topic: no controller does it in time (NOT_CONTROLLER) -> is a controller (or ZooKeeper) up?
        ok: the topic of the groups' offsets comes with the first group
        fail: no consumer group can start: __consumer_offsets wants 3 replicas (offsets.topic.replication.factor), but there is 1 broker -> set KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR to the number of brokers at most, or start more brokers
        fail: no consumer group can start: __consumer_offsets wants 3 replicas (offsets.topic.replication.factor), but there are 2 brokers -> set KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR to the number of brokers at most, or start more brokers
        not asked: the broker doesn't tell its offsets.topic.replication.factor
        ");
    }
}

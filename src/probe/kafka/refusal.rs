//! What a broker's refusal means. Pure. <https://kafka.apache.org/protocol#protocol_error_codes>

use kafka_protocol::error::{ParseResponseErrorCode, ResponseError};
use kafka_protocol::protocol::StrBytes;

use super::client::{End, Step};
use crate::probe::answer::{Answer, ProbeFailure, first_line};

/// Takes a response's error code for what it means to somebody who wanted to do `what`: `create a topic`.
///
/// # Errors
/// The meaning of any code but 0.
pub(super) fn accepted(code: i16, message: Option<&StrBytes>, what: &str) -> Step<()> {
    match code.err() {
        None => Ok(()),
        Some(error) => Err(meaning(error, message.map(StrBytes::as_str), what)),
    }
}

/// `NOT_ENOUGH_REPLICAS`: as Kafka's documents and logs spell it.
pub(crate) fn spelled(error: ResponseError) -> String {
    let mut name = String::new();
    for letter in error.to_string().chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    match error {
        ResponseError::Unknown(code) => format!("error {code}"),
        _ => name,
    }
}

fn meaning(error: ResponseError, message: Option<&str>, what: &str) -> End {
    use ResponseError as E;
    let name = spelled(error);
    let said = message.map(first_line).filter(|said| !said.is_empty());
    let with = |text: &str| match &said {
        Some(said) => format!("{text} ({name}: {said})"),
        None => format!("{text} ({name})"),
    };
    match error {
        // Nothing is wrong with a system for not letting everybody in.
        E::TopicAuthorizationFailed | E::ClusterAuthorizationFailed | E::GroupAuthorizationFailed => {
            End::Answer(Answer::Doubtful {
                detail: with(&format!("who hasn't logged in may not {what}")),
                hint: "allow it to User:ANONYMOUS, or publish a listener that may do it, if vv is to prove it".into(),
            })
        }
        E::PolicyViolation => End::Answer(Answer::Doubtful {
            detail: with(&format!("a policy of the cluster forbids to {what}")),
            hint: "create.topic.policy.class.name sets the policy".into(),
        }),
        E::NotEnoughReplicas | E::NotEnoughReplicasAfterAppend => {
            ProbeFailure::new(with("a record is refused: fewer replicas are in sync than min.insync.replicas wants"))
                .hint(
                    "are all brokers up? On a single one, set KAFKA_MIN_INSYNC_REPLICAS=1 or raise the replication factor",
                )
                .into()
        }
        E::KafkaStorageError => ProbeFailure::new(with(&format!("can't {what}: a log directory is offline")))
            .hint("is its disk full, read-only or broken? Free space, then restart the broker")
            .into(),
        E::InvalidReplicationFactor => {
            ProbeFailure::new(with(&format!("can't {what}: it wants more replicas than there are brokers")))
                .hint("are all brokers up? On a single one, set KAFKA_DEFAULT_REPLICATION_FACTOR=1")
                .into()
        }
        E::RequestTimedOut | E::NotController => {
            ProbeFailure::new(with(&format!("can't {what}: no controller does it in time")))
                .hint("is a controller (or ZooKeeper) up?")
                .into()
        }
        E::NotLeaderOrFollower | E::LeaderNotAvailable | E::UnknownTopicOrPartition => {
            ProbeFailure::new(with(&format!("can't {what}: no leader has it yet"))).into()
        }
        _ => ProbeFailure::new(with(&format!("can't {what}"))).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::deep::Outcome;
    use crate::probe::testing::told;

    #[test]
    fn every_refusal_has_its_words() {
        let of = |code, message: Option<&'static str>| {
            let message = message.map(StrBytes::from_static_str);
            match accepted(code, message.as_ref(), "create a topic") {
                Ok(()) => "accepted".to_owned(),
                Err(end) => told(Outcome::from(end)),
            }
        };
        let lines = [
            of(0, None),
            of(29, None),
            of(31, Some("Authorization failed.")),
            of(44, Some("Topics need 3 replicas.")),
            of(19, None),
            of(56, None),
            of(38, Some("Replication factor: 3 larger than available brokers: 1.")),
            of(7, None),
            of(6, None),
            of(87, Some("One or more records have been rejected")),
            of(-1, None),
            of(4711, None),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        accepted
        warn: who hasn't logged in may not create a topic (TOPIC_AUTHORIZATION_FAILED) -> allow it to User:ANONYMOUS, or publish a listener that may do it, if vv is to prove it
        warn: who hasn't logged in may not create a topic (CLUSTER_AUTHORIZATION_FAILED: Authorization failed.) -> allow it to User:ANONYMOUS, or publish a listener that may do it, if vv is to prove it
        warn: a policy of the cluster forbids to create a topic (POLICY_VIOLATION: Topics need 3 replicas.) -> create.topic.policy.class.name sets the policy
        fail: a record is refused: fewer replicas are in sync than min.insync.replicas wants (NOT_ENOUGH_REPLICAS) -> are all brokers up? On a single one, set KAFKA_MIN_INSYNC_REPLICAS=1 or raise the replication factor
        fail: can't create a topic: a log directory is offline (KAFKA_STORAGE_ERROR) -> is its disk full, read-only or broken? Free space, then restart the broker
        fail: can't create a topic: it wants more replicas than there are brokers (INVALID_REPLICATION_FACTOR: Replication factor: 3 larger than available brokers: 1.) -> are all brokers up? On a single one, set KAFKA_DEFAULT_REPLICATION_FACTOR=1
        fail: can't create a topic: no controller does it in time (REQUEST_TIMED_OUT) -> is a controller (or ZooKeeper) up?
        fail: can't create a topic: no leader has it yet (NOT_LEADER_OR_FOLLOWER)
        fail: can't create a topic (INVALID_RECORD: One or more records have been rejected)
        fail: can't create a topic (UNKNOWN_SERVER_ERROR)
        fail: can't create a topic (error 4711)
        ");
    }
}

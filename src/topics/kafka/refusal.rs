//! What a broker says of one topic, in Kafka's own words. Pure.
//! <https://kafka.apache.org/protocol#protocol_error_codes>

use kafka_protocol::error::ResponseError;

use super::native::{INVALID, Said};
use crate::probe::kafka::spelled;
use crate::topics::admin::{Outcome, Refusal};

/// Takes what is said of a topic for what it means.
pub(super) fn outcome(said: Said) -> Outcome {
    if said.code == 0 { Ok(()) } else { Err(refusal(said)) }
}

/// A broker's refusal; librdkafka's own are spelled as the broker's that they come before.
fn refusal(said: Said) -> Refusal {
    let error = i16::try_from(said.code).ok().and_then(ResponseError::try_from_code);
    let code = match (error, said.code) {
        (_, INVALID) => "INVALID_REQUEST".into(),
        (Some(error), _) => spelled(error),
        (None, code) => format!("error {code}"),
    };
    // Where the broker gives no text, librdkafka puts its own there.
    let text = said.text.trim();
    let text = text.strip_prefix("Broker: ").unwrap_or(text);
    let told = (!text.is_empty()).then(|| text.to_owned());
    let meaning = || match error {
        Some(ResponseError::TopicAlreadyExists) => "the topic exists already".into(),
        Some(ResponseError::UnknownTopicOrPartition) => "there is no such topic".into(),
        Some(ResponseError::TopicAuthorizationFailed) => "this user may not do it".into(),
        _ => "the broker doesn't say why".into(),
    };
    Refusal {
        message: told.unwrap_or_else(meaning),
        retriable: error.is_some_and(|error| error.is_retriable()),
        code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_kafkas_names() {
        let of = |code, text: &str| match outcome(Said { code, text: text.into() }) {
            Ok(()) => "done".into(),
            Err(refusal) => format!("{refusal}{}", if refusal.retriable { " (again)" } else { "" }),
        };
        let lines = [
            of(0, ""),
            of(36, "Topic 'orders' already exists."),
            of(36, ""),
            of(17, "Topic name is invalid: '..' is not allowed"),
            of(3, "Broker: Unknown topic or partition"),
            of(7, "The request timed out."),
            of(29, ""),
            of(41, "This is not the correct controller for this cluster."),
            of(89, ""),
            of(-1, "The server experienced an unexpected error"),
            of(INVALID, "num_partitions out of expected range"),
            of(4711, ""),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        done
        TOPIC_ALREADY_EXISTS: Topic 'orders' already exists.
        TOPIC_ALREADY_EXISTS: the topic exists already
        INVALID_TOPIC_EXCEPTION: Topic name is invalid: '..' is not allowed
        UNKNOWN_TOPIC_OR_PARTITION: Unknown topic or partition (again)
        REQUEST_TIMED_OUT: The request timed out. (again)
        TOPIC_AUTHORIZATION_FAILED: this user may not do it
        NOT_CONTROLLER: This is not the correct controller for this cluster. (again)
        THROTTLING_QUOTA_EXCEEDED: the broker doesn't say why (again)
        UNKNOWN_SERVER_ERROR: The server experienced an unexpected error
        INVALID_REQUEST: num_partitions out of expected range
        error 4711: the broker doesn't say why
        ");
    }
}

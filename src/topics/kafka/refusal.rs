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
        (Some(error), _) => spelled(error),
        (None, INVALID) => "INVALID_REQUEST".into(),
        (None, code) => format!("ERROR_{code}"),
    };
    // Brokers from another world than Kafka's give their errors no text.
    let told = if said.text.trim().is_empty() { None } else { Some(said.text.trim().to_owned()) };
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
        insta::assert_snapshot!(lines.join("\n"), @"");
    }
}

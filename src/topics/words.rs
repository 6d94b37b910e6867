//! What is to be done to topics, why, and what a broker's refusal means, in words. Pure.

use super::admin::{NewTopic, Refusal};
use super::apply::End;
use super::plan::{Action, Cause, Change, Drift, Reason};

/// What an action does, without the topic's name: `set retention.ms 1000 → 604800000`.
pub fn action(action: &Action) -> String {
    match action {
        Action::Create(new) => format!("create: {}", created(new)),
        Action::Grow { from, to } => format!("grow {from} → {to} partitions"),
        Action::Set { key, from: None, to, .. } => format!("set {key}={}", shown(to)),
        Action::Set { key, from: Some(from), to, .. } => {
            format!("set {key} {} → {}", shown(from), shown(to))
        }
        Action::Unset { key, from: None } => format!("unset {key}"),
        Action::Unset { key, from: Some(from) } => format!("unset {key}={}", shown(from)),
    }
}

/// All that is done to a topic.
pub fn actions(actions: &[Action]) -> String {
    actions.iter().map(action).collect::<Vec<_>>().join("; ")
}

/// What a new topic is made with: `3 partitions, replication factor 1, retention.ms=604800000`.
pub fn created(new: &NewTopic) -> String {
    let partitions = match new.partitions {
        Some(number) => counted(number as usize, "partition"),
        None => "the broker's number of partitions".to_owned(),
    };
    let replicas = match new.replication_factor {
        Some(number) => format!("replication factor {number}"),
        None => "the broker's replication factor".to_owned(),
    };
    let config = new.config.iter().map(|(key, value)| format!("{key}={}", shown(value)));
    [partitions, replicas].into_iter().chain(config).collect::<Vec<_>>().join(", ")
}

/// Why something is to be done.
pub fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Missing => "missing",
        Cause::FewerPartitions => "fewer partitions than declared",
        Cause::OtherValue => "another value than declared",
        Cause::OtherDefault => "not set, and the broker's default is another",
        Cause::DeclaredUnset => "set, and declared to be the broker's default",
    }
}

/// A change with its causes, as a plan shows it: `+ create topic orders: 3 partitions  (missing)`.
pub fn change(change: &Change) -> Vec<String> {
    let lines = planned(change).into_iter();
    lines.map(|(symbol, what, cause)| format!("{symbol} {what}  ({cause})")).collect()
}

/// A change in parts: `+`, `create topic orders: 3 partitions`, `missing`.
pub fn planned(change: &Change) -> Vec<(char, String, &'static str)> {
    let name = &change.topic;
    let line = |action: &Action| {
        let (symbol, what) = match action {
            Action::Create(new) => ('+', format!("create topic {name}: {}", created(new))),
            Action::Grow { from, to } => ('~', format!("grow topic {name}: {from} → {to} partitions")),
            Action::Set { .. } | Action::Unset { .. } => {
                ('~', format!("topic {name}: {}", self::action(action)))
            }
        };
        (symbol, what, cause(action.cause()))
    };
    change.actions.iter().map(line).collect()
}

/// How a topic ended that isn't what is declared.
pub fn end(end: &End) -> String {
    match end {
        End::Done => "done".to_owned(),
        End::Refused(refusal) => refusal.to_string(),
        End::Impossible(reasons) => self::reasons(reasons),
        End::Unknown(error) => error.to_string(),
        End::Leaderless => LEADERLESS.to_owned(),
    }
}

/// Why a topic can't be made what is declared.
pub fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Shrink { declared, actual } => {
            let are = if *declared == 1 { "is" } else { "are" };
            format!("it has {actual} partitions and {declared} {are} declared: Kafka takes none away")
        }
        Reason::Replication { declared, actual } => format!(
            "its replication factor is {actual} and {declared} is declared: that is a reassignment, which moves data"
        ),
        Reason::TooFewBrokers { declared, brokers } => format!(
            "replication factor {declared} is declared and {} live",
            match brokers {
                0 => "no broker is".to_owned(),
                1 => "1 broker is".to_owned(),
                _ => format!("{brokers} brokers are"),
            }
        ),
        Reason::Collision { existing } => format!(
            "Kafka refuses it beside the topic '{existing}', which isn't declared: '.' and '_' are the same in its metrics"
        ),
    }
}

/// All of them in a line.
pub fn reasons(reasons: &[Reason]) -> String {
    reasons.iter().map(reason).collect::<Vec<_>>().join("; ")
}

/// What is said of a topic that was made and isn't led everywhere.
pub const LEADERLESS: &str = "it was made, and not every broker knew a leader of each partition in time";

/// What to do about it.
pub fn way_out(topic: &str, reason: &Reason) -> String {
    match reason {
        Reason::Shrink { actual, .. } => {
            format!("declare {actual} partitions for {topic}, or make a new topic and move to it")
        }
        Reason::Replication { actual, .. } => {
            format!(
                "declare replication factor {actual} for {topic}, or change it with kafka-reassign-partitions.sh"
            )
        }
        Reason::TooFewBrokers { brokers: 0, .. } => "are the brokers up?".to_owned(),
        Reason::TooFewBrokers { brokers, .. } => {
            format!("start more brokers, or declare replication factor {brokers} for {topic}")
        }
        Reason::Collision { existing } => {
            format!("declare {existing} instead of {topic}, or delete {existing} first")
        }
    }
}

/// A setting that nobody declared: `retention.ms=1000 is set and not declared`.
pub fn drift(drift: &Drift) -> String {
    match &drift.value {
        Some(value) => format!("{}={} is set and not declared", drift.key, shown(value)),
        None => format!("{} is set and not declared", drift.key),
    }
}

/// What to do about a broker's refusal, where that can be said. <https://kafka.apache.org/protocol#protocol_error_codes>
pub fn hint(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal.code.as_str() {
        "POLICY_VIOLATION" => {
            "the broker's create.topic.policy.class.name or alter.config.policy.class.name sets the policy, and no topic \
             takes more than 10,000 partitions at once"
        }
        "TOPIC_AUTHORIZATION_FAILED" | "CLUSTER_AUTHORIZATION_FAILED" => {
            "log in as somebody who may do that (--command-config), or allow it with kafka-acls.sh"
        }
        "INVALID_REPLICATION_FACTOR" => "are all brokers up?",
        "INVALID_CONFIG" => "this version of Kafka may not have that setting, or take other values for it",
        "NOT_CONTROLLER" | "NOT_LEADER_OR_FOLLOWER" | "LEADER_NOT_AVAILABLE" => {
            "no controller took it in time; is one up?"
        }
        "REQUEST_TIMED_OUT" => "the controller was too slow; the next run goes on with what is missing",
        "THROTTLING_QUOTA_EXCEEDED" => {
            "the broker's controller_mutation_rate allows no more at once; run it again"
        }
        "TOPIC_ALREADY_EXISTS" => "is it being deleted? Run it again when it is gone",
        "REASSIGNMENT_IN_PROGRESS" => "run it again when the partitions have moved",
        "UNSUPPORTED_VERSION" => "this version of Kafka is too old for that",
        _ => return None,
    })
}

/// `1 topic`, `2 topics`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A value in a line: an empty one can be seen.
fn shown(value: &str) -> String {
    if value.is_empty() { "''".to_owned() } else { value.to_owned() }
}

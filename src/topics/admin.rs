//! What is asked of a Kafka cluster: a trait, so that a test's cluster can stand behind it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use indexmap::IndexMap;

use super::cluster::Cluster;
use crate::failure::Kind;

/// A topic to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// Nothing: the broker's own default.
    pub partitions: Option<u32>,
    /// Nothing: the broker's own default.
    pub replication_factor: Option<u16>,
    /// Its settings, by Kafka's names.
    pub config: IndexMap<String, String>,
}

/// A change of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alteration {
    /// Sets it on the topic.
    Set(String),
    /// Takes it off the topic: the broker's own default holds again.
    Unset,
}

/// What the broker said of one topic.
pub type Outcome = Result<(), Refusal>;

/// A broker's refusal of one topic's change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// Kafka's name of the error: `TOPIC_ALREADY_EXISTS`, `INVALID_CONFIG`.
    pub code: String,
    /// The broker's own message, else what the code means.
    pub message: String,
    /// Trying again may help: the broker is busy, not yet or no longer the controller, or timed out.
    pub retriable: bool,
}

/// What stands for Kafka's name of an error where a broker said nothing of a topic.
const UNANSWERED: &str = "UNANSWERED";

impl Refusal {
    /// Not a refusal at all: of several requests this topic's wasn't answered, while others were.
    pub fn unanswered(error: &AdminError) -> Self {
        Self { code: UNANSWERED.to_owned(), message: error.message.clone(), retriable: error.retriable }
    }

    /// The failure, where it isn't a refusal at all.
    pub fn as_unanswered(&self) -> Option<AdminError> {
        const AGAIN: &str = "run it again: it goes on with what is missing";
        (self.code == UNANSWERED).then(|| AdminError {
            message: self.message.clone(),
            hint: self.retriable.then(|| AGAIN.to_owned()),
            retriable: self.retriable,
        })
    }
}

/// A request as a whole failed: nothing is known of its topics.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AdminError {
    /// What was attempted and what was seen; never a secret.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Trying again may help: nobody answered, or not in time.
    pub retriable: bool,
}

impl AdminError {
    /// Whose fault it is: nobody answered in time, or what answered refuses.
    pub fn kind(&self) -> Kind {
        if self.retriable { Kind::NotReady } else { Kind::Backend }
    }
}

/// A cluster that can be asked and changed. Each call sends its topics in one request, or in as few as the
/// controller's limits allow, and none creates a topic by asking for it.
#[async_trait]
pub trait Admin: Send + Sync {
    /// The whole cluster, with the settings of those of `described` that exist.
    async fn read(&self, described: &[String]) -> Result<Cluster, AdminError>;

    /// Makes topics.
    async fn create(&self, topics: &[NewTopic]) -> Result<BTreeMap<String, Outcome>, AdminError>;

    /// Brings topics to this many partitions in total.
    async fn grow(&self, topics: &BTreeMap<String, u32>) -> Result<BTreeMap<String, Outcome>, AdminError>;

    /// Changes settings; those that aren't named stay (IncrementalAlterConfigs).
    async fn alter(
        &self,
        topics: &BTreeMap<String, BTreeMap<String, Alteration>>,
    ) -> Result<BTreeMap<String, Outcome>, AdminError>;

    /// Deletes topics.
    async fn delete(&self, topics: &[String]) -> Result<BTreeMap<String, Outcome>, AdminError>;

    /// Waits until each live broker knows a leader for every partition of these topics; which ones lack one when
    /// `timeout` is over.
    async fn led(&self, topics: &[String], timeout: Duration) -> Result<Vec<String>, AdminError>;
}

//! Kafka itself, as what topics are asked of: librdkafka, and the ways to the brokers of a stack.
//!
//! A request goes out once for all of its topics ([`chunk`] has the one exception), every topic has its own answer in
//! the broker's words ([`refusal`]), and nothing creates a topic by asking for it. Where nobody answers, [`reason`] says
//! why.

mod address;
mod chunk;
mod connection;
mod leaders;
mod native;
mod reason;
mod refusal;
pub mod security;
mod spoken;
mod ways;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

pub use address::{Server, servers};
pub use connection::{Connection, brokers};
use native::{Alter, Client, Create, Metadata, Said};
use reason::Troubles;
use spoken::Spoken;

use super::admin::{Admin, AdminError, Alteration, NewTopic, Outcome, Refusal};
use super::cluster::{Cluster, PartitionState, Setting, TopicState};

/// How long a look at whether somebody has answered takes.
const LOOK: Duration = Duration::from_millis(50);
/// The pause between two questions to a broker that hangs up.
const QUIET: Duration = Duration::from_millis(300);
/// How long a broker that turns us away may be just ending: long enough to be asked several times more.
const AGAIN: Duration = Duration::from_secs(2);
/// Kafka's own topics (`org.apache.kafka.common.internals.Topic`): those that brokers flag as internal.
const INTERNAL: [&str; 3] = ["__consumer_offsets", "__transaction_state", "__share_group_state"];

type Outcomes = BTreeMap<String, Outcome>;

/// A Kafka cluster that has answered.
pub struct Kafka {
    connection: Connection,
    client: Arc<Client>,
    troubles: Mutex<Troubles>,
    patience: Duration,
    /// How many partitions topics have by what was done here: brokers learn of it one after the other.
    partitions: Mutex<BTreeMap<String, u32>>,
}

impl Kafka {
    /// Connects, and waits for the first answer for as long as `patience`, which is also how long each request may take.
    ///
    /// # Errors
    /// Nobody answers in time, or what is answered will not change: a wrong password, a certificate that isn't trusted.
    pub async fn connect(connection: Connection, patience: Duration) -> Result<Self, AdminError> {
        let client = Arc::new(open(&connection, None).await?);
        let kafka =
            Self { client, connection, troubles: Mutex::default(), patience, partitions: Mutex::default() };
        let started = Instant::now();
        let mut asked = started;
        let mut turned_away: Option<Instant> = None;
        loop {
            if kafka.blocking(|client| client.connected(LOOK)).await {
                kafka.answered();
                return Ok(kafka);
            }
            if asked.elapsed() > QUIET {
                let left = patience.saturating_sub(started.elapsed());
                // What isn't found out in time stays as it was told.
                let _ = tokio::time::timeout(left, kafka.ask_the_speechless()).await;
                asked = Instant::now();
            }
            if !kafka.connection.security.has_login() && kafka.troubles().turned_away() {
                let since = *turned_away.get_or_insert_with(Instant::now);
                if since.elapsed() > AGAIN {
                    kafka.troubles().want_login();
                }
            }
            if let Some(error) = kafka.given_up(started.elapsed()) {
                // Its threads may be waiting for a name.
                let _ = tokio::task::spawn_blocking(move || drop(kafka)).await;
                return Err(error);
            }
        }
    }

    /// Why nobody will answer any more, after so long.
    fn given_up(&self, waited: Duration) -> Option<AdminError> {
        let troubles = self.troubles();
        let lasting = troubles.lasting(&self.connection.bootstrap);
        let waited = (!lasting).then_some(self.patience.min(waited));
        (lasting || waited == Some(self.patience))
            .then(|| troubles.unanswered(&self.connection.asked(), waited))
    }

    /// Finds out what a broker speaks that hangs up on us.
    async fn ask_the_speechless(&self) {
        let Some(server) = self.troubles().speechless() else { return };
        let resolver = ways::resolver(Arc::clone(&self.connection.ways), None);
        let tls = self.connection.security.protocol().is_some_and(security::Protocol::tls);
        match spoken::at(&server, resolver).await {
            Some(Spoken::Tls) if !tls => self.troubles().found(&server, true),
            Some(Spoken::Clear) if tls => self.troubles().found(&server, false),
            _ => {}
        }
    }

    /// The brokers that were asked first: `localhost:9092`.
    pub fn bootstrap(&self) -> String {
        self.connection.described()
    }

    /// Makes a call that blocks, on a thread for such.
    async fn blocking<T: Send + 'static>(&self, call: impl FnOnce(&Client) -> T + Send + 'static) -> T {
        blocking(&self.client, call).await
    }

    /// What has gone wrong so far.
    fn troubles(&self) -> std::sync::MutexGuard<'_, Troubles> {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.extend(self.client.troubles());
        troubles
    }

    /// What went wrong before is over.
    fn answered(&self) {
        *self.troubles() = Troubles::default();
    }

    /// A request as a whole failed.
    fn failed(&self, what: &str, said: &Said, patience: Duration) -> AdminError {
        self.troubles().failed(what, said, &self.connection.asked(), patience)
    }

    /// Sends the pieces of a request one after the other.
    async fn pieces<T, F>(&self, what: &str, pieces: Vec<T>, names: fn(&T) -> Vec<String>, send: F) -> Done
    where
        T: Send + Sync + 'static,
        F: Fn(&Client, &T, Duration) -> Result<Vec<(String, Said)>, Said> + Send + Sync + 'static,
    {
        let send = Arc::new(send);
        let patience = self.patience;
        let mut all = Outcomes::new();
        let mut failure: Option<AdminError> = None;
        for piece in pieces {
            let topics = names(&piece);
            let send = Arc::clone(&send);
            let answer = match &failure {
                Some(failure) => Err(failure.clone()),
                None => {
                    let said = self.blocking(move |client| send(client, &piece, patience)).await;
                    said.map_err(|said| self.failed(what, &said, patience))
                }
            };
            match answer {
                Ok(results) => {
                    self.answered();
                    all.extend(results.into_iter().map(|(name, said)| (name, refusal::outcome(said))));
                }
                Err(error) if all.is_empty() && failure.is_none() => return Err(error),
                // What was done before must not be forgotten.
                Err(error) => {
                    let refusal = Refusal::unanswered(&error);
                    all.extend(topics.into_iter().map(|name| (name, Err(refusal.clone()))));
                    failure = Some(error);
                }
            }
        }
        Ok(all)
    }

    /// Remembers how many partitions topics have from now on.
    fn remember(&self, topics: impl Iterator<Item = (String, u32)>, outcomes: &Outcomes) {
        let mut partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        partitions.extend(topics.filter(|(name, _)| matches!(outcomes.get(name), Some(Ok(())))));
    }
}

type Done = Result<Outcomes, AdminError>;

/// Makes a client that knows the way to all brokers, or only to one.
async fn open(connection: &Connection, only: Option<Server>) -> Result<Client, AdminError> {
    let bootstrap =
        only.as_ref().map_or_else(|| connection.described().replace(", ", ","), Server::to_string);
    let properties = connection.security.properties(&bootstrap);
    let resolver = ways::resolver(Arc::clone(&connection.ways), only);
    let made = tokio::task::spawn_blocking(move || Client::new(&properties, resolver)).await;
    made.expect("making a client doesn't panic").map_err(|said| connection.security.refused(said))
}

async fn blocking<T: Send + 'static>(
    client: &Arc<Client>,
    call: impl FnOnce(&Client) -> T + Send + 'static,
) -> T {
    let client = Arc::clone(client);
    let called = tokio::task::spawn_blocking(move || call(&client)).await;
    called.expect("the task isn't aborted, and calls of the client don't panic")
}

#[async_trait]
impl Admin for Kafka {
    async fn read(&self, described: &[String]) -> Result<Cluster, AdminError> {
        let patience = self.patience;
        let seen = self.blocking(move |client| client.metadata(patience)).await;
        let seen = seen.map_err(|said| self.failed("read the topics", &said, patience))?;
        self.answered();
        let mut cluster = cluster(seen);
        let existing: Vec<String> =
            described.iter().filter(|name| cluster.topics.contains_key(*name)).cloned().collect();
        if existing.is_empty() {
            return Ok(cluster);
        }
        let settings = self.blocking(move |client| {
            let names: Vec<&str> = existing.iter().map(String::as_str).collect();
            client.describe(&names, patience)
        });
        let settings =
            settings.await.map_err(|said| self.failed("read the topics' settings", &said, patience))?;
        for (name, said, entries) in settings {
            match refusal::outcome(said) {
                Ok(()) => {}
                // Deleted in between.
                Err(refusal) if refusal.code == "UNKNOWN_TOPIC_OR_PARTITION" => {
                    cluster.topics.remove(&name);
                    continue;
                }
                Err(refusal) => {
                    return Err(AdminError {
                        message: format!("can't read the settings of topic {name}: {refusal}"),
                        hint: (refusal.code == "TOPIC_AUTHORIZATION_FAILED")
                            .then(|| "give this user the right DescribeConfigs on the topic".into()),
                        retriable: refusal.retriable,
                    });
                }
            }
            if let Some(topic) = cluster.topics.get_mut(&name) {
                let setting = |entry: native::Entry| {
                    (entry.name, Setting { value: entry.value, overridden: entry.of_topic })
                };
                topic.config = entries.into_iter().map(setting).collect();
            }
        }
        Ok(cluster)
    }

    async fn create(&self, topics: &[NewTopic]) -> Done {
        let pieces: Vec<Vec<NewTopic>> = chunk::of_new(topics).into_iter().map(<[_]>::to_vec).collect();
        let names = |piece: &Vec<NewTopic>| piece.iter().map(|topic| topic.name.clone()).collect();
        let done = self.pieces("create topics", pieces, names, |client, piece, patience| {
            let create = |topic| create_of(topic);
            client.create(&piece.iter().map(create).collect::<Vec<_>>(), patience)
        });
        let done = done.await?;
        let counted = topics.iter().filter_map(|topic| Some((topic.name.clone(), topic.partitions?)));
        self.remember(counted, &done);
        Ok(done)
    }

    async fn grow(&self, topics: &BTreeMap<String, u32>) -> Done {
        let all: Vec<(&str, u32)> = topics.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        let owned = |piece: &[(&str, u32)]| -> Vec<(String, u32)> {
            piece.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        let pieces = chunk::of_grown(&all).into_iter().map(owned).collect();
        let names = |piece: &Vec<(String, u32)>| piece.iter().map(|(name, _)| name.clone()).collect();
        let done = self.pieces("add partitions", pieces, names, |client, piece, patience| {
            let piece: Vec<(&str, u32)> = piece.iter().map(|(name, count)| (name.as_str(), *count)).collect();
            client.grow(&piece, patience)
        });
        let done = done.await?;
        self.remember(topics.iter().map(|(name, count)| (name.clone(), *count)), &done);
        Ok(done)
    }

    async fn alter(&self, topics: &BTreeMap<String, BTreeMap<String, Alteration>>) -> Done {
        let all: Vec<_> = topics.iter().map(|(name, changes)| (name.as_str(), changes)).collect();
        let owned = |piece: &[(&str, &BTreeMap<String, Alteration>)]| -> Vec<_> {
            piece.iter().map(|(name, changes)| ((*name).to_owned(), (*changes).clone())).collect()
        };
        let pieces: Vec<Vec<(String, BTreeMap<String, Alteration>)>> =
            chunk::of_altered(&all).into_iter().map(owned).collect();
        let names = |piece: &Vec<(String, _)>| piece.iter().map(|(name, _)| name.clone()).collect();
        let done = self.pieces("change settings", pieces, names, |client, piece, patience| {
            let alter =
                |(name, changes): &'_ (String, BTreeMap<String, Alteration>)| (name.clone(), changes.clone());
            let piece: Vec<_> = piece.iter().map(alter).collect();
            let piece: Vec<Alter<'_>> = piece.iter().map(|(name, changes)| alter_of(name, changes)).collect();
            client.alter(&piece, patience)
        });
        done.await
    }

    async fn delete(&self, topics: &[String]) -> Done {
        let all: Vec<&str> = topics.iter().map(String::as_str).collect();
        let owned = |piece: &[&str]| -> Vec<String> { piece.iter().map(|name| (*name).to_owned()).collect() };
        let pieces = chunk::of_deleted(&all).into_iter().map(owned).collect();
        let done = self.pieces("delete topics", pieces, Vec::clone, |client, piece, patience| {
            client.delete(&piece.iter().map(String::as_str).collect::<Vec<_>>(), patience)
        });
        done.await
    }

    async fn led(&self, topics: &[String], timeout: Duration) -> Result<Vec<String>, AdminError> {
        leaders::led(self, topics, timeout).await
    }
}

fn create_of(topic: &NewTopic) -> Create<'_> {
    let number = |count: Option<u32>| count.map_or(-1, |count| i32::try_from(count).unwrap_or(i32::MAX));
    Create {
        name: &topic.name,
        partitions: number(topic.partitions),
        replicas: number(topic.replication_factor.map(u32::from)),
        config: topic.config.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
    }
}

fn alter_of<'a>(name: &'a str, changes: &'a BTreeMap<String, Alteration>) -> Alter<'a> {
    let change = |(name, change): (&'a String, &'a Alteration)| match change {
        Alteration::Set(value) => (name.as_str(), Some(value.as_str())),
        Alteration::Unset => (name.as_str(), None),
    };
    Alter { name, config: changes.iter().map(change).collect() }
}

/// What Metadata says, as topics see it.
fn cluster(seen: Metadata) -> Cluster {
    let partition = |partition: native::PartitionSeen| PartitionState {
        leader: (partition.leader >= 0).then_some(partition.leader),
        replicas: partition.replicas,
        isr: partition.isr,
    };
    let topic = |mut topic: native::TopicSeen| {
        topic.partitions.sort_by_key(|partition| partition.id);
        let state = TopicState {
            internal: INTERNAL.contains(&topic.name.as_str()),
            partitions: topic.partitions.into_iter().map(partition).collect(),
            config: BTreeMap::new(),
        };
        (topic.name, state)
    };
    let mut brokers: Vec<i32> = seen.brokers.iter().map(|(id, ..)| *id).collect();
    brokers.sort_unstable();
    Cluster { brokers, topics: seen.topics.into_iter().map(topic).collect() }
}

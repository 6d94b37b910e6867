//! A cluster in memory that answers as Kafka does, and fails when told to.

mod broker;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;

use super::admin::{Admin, AdminError, Alteration, NewTopic, Outcome, Refusal};
use super::cluster::Cluster;
use super::declaration::Declaration;
use super::read::read_file;
use crate::stack::files::Memory;
use crate::stack::merged::Env;
use crate::stack::problem::LoadError;
use broker::{Held, State, absent};

/// Reads a text as `topics.yml`, with variables.
pub fn read_with(text: &str, variables: &[(&str, &str)]) -> Result<Declaration, LoadError> {
    let files = Memory(BTreeMap::from([("/w/topics.yml".into(), text.as_bytes().to_vec())]));
    let env = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    read_file(Path::new("topics.yml"), &Env(env.collect()), &files, Path::new("/w"))
}

/// What a valid text declares.
pub fn declaration(text: &str) -> Declaration {
    read_with(text, &[]).unwrap_or_else(|error| panic!("{error}"))
}

/// The requests of [`Admin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    Read,
    Create,
    Grow,
    Alter,
    Delete,
    Led,
}

/// What goes wrong at the next request of a kind.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nobody answers, and nothing was done.
    Unreachable,
    /// The first so many topics are done; then the connection dies.
    DiesAfter(usize),
    /// It is done, and the answer never comes.
    Silent,
    /// The login is refused.
    Denied,
    /// A topic is refused.
    Refuses(&'static str, Refusal),
    /// Somebody else makes a topic just before.
    Appears(NewTopic),
    /// Somebody else grows a topic just before.
    Grows(&'static str, u32),
    /// Somebody else deletes a topic just before.
    Vanishes(&'static str),
    /// The answer leaves a topic out.
    Forgets(&'static str),
    /// A broker tells what was before the last change of settings.
    Lags,
}

/// A cluster in memory.
pub struct Fake {
    state: Mutex<State>,
}

impl Fake {
    /// With so many brokers, whose defaults are one partition and one replica.
    pub fn new(brokers: i32) -> Self {
        Self { state: Mutex::new(State::new(brokers)) }
    }

    /// With other defaults of the brokers'.
    pub fn defaults(self, partitions: u32, replication: u16) -> Self {
        {
            let mut state = self.state();
            (state.partitions, state.replication) = (partitions, replication);
        }
        self
    }

    /// With this topic.
    pub fn with(self, topic: &str, partitions: u32, replication: u16, config: &[(&str, &str)]) -> Self {
        let new = new(topic, Some(partitions), Some(replication), config);
        self.state().create(&new).unwrap_or_else(|refusal| panic!("{topic}: {refusal}"));
        self
    }

    /// With a topic of Kafka's own.
    pub fn with_internal(self, topic: &str) -> Self {
        let held = Held { internal: true, partitions: vec![vec![1]], config: BTreeMap::new() };
        self.state().topics.insert(topic.to_owned(), held);
        self
    }

    /// Which fails so at the next request of that kind.
    pub fn failing(self, call: Call, fault: Fault) -> Self {
        self.state().faults.push_back((call, fault));
        self
    }

    /// In which this topic never gets leaders.
    pub fn leaderless(self, topic: &str) -> Self {
        self.state().leaderless.insert(topic.to_owned());
        self
    }

    /// A broker dies.
    pub fn kill(&self, broker: i32) {
        self.state().brokers.remove(&broker);
    }

    /// What was asked, since the last time.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state().log)
    }

    /// What it holds, with all settings.
    pub fn cluster(&self) -> Cluster {
        let state = self.state();
        let all: Vec<String> = state.topics.keys().cloned().collect();
        state.cluster(&all)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Does something to each topic, with what is to go wrong.
    async fn each(
        &self,
        call: Call,
        topics: Vec<String>,
        mut work: impl FnMut(&mut State, &str) -> Outcome + Send,
    ) -> Result<BTreeMap<String, Outcome>, AdminError> {
        let (answers, silent) = {
            let mut state = self.state();
            state.log.push(format!("{call:?}({})", topics.join(", ")));
            let mut answers = BTreeMap::new();
            let (mut lives, mut silent, mut refused, mut forgotten) = (usize::MAX, false, Vec::new(), None);
            match state.fault(call) {
                Some(Fault::Unreachable) => return Err(lost("connection refused")),
                Some(Fault::Denied) => return Err(denied()),
                Some(Fault::DiesAfter(topics)) => lives = topics,
                Some(Fault::Silent) => silent = true,
                Some(Fault::Refuses(topic, refusal)) => refused.push((topic, refusal)),
                Some(Fault::Appears(new)) => state.create(&new).unwrap(),
                Some(Fault::Grows(topic, partitions)) => state.grow(topic, partitions).unwrap(),
                Some(Fault::Vanishes(topic)) => {
                    state.topics.remove(topic);
                }
                Some(Fault::Forgets(topic)) => forgotten = Some(topic),
                Some(Fault::Lags) | None => {}
            }
            for (index, topic) in topics.into_iter().enumerate() {
                if index >= lives {
                    return Err(lost("the connection was closed"));
                }
                let refusal = refused.iter().find(|(refused, _)| *refused == topic);
                let answer = match refusal {
                    Some((_, refusal)) => Err(refusal.clone()),
                    None => work(&mut state, &topic),
                };
                if forgotten != Some(topic.as_str()) {
                    answers.insert(topic, answer);
                }
            }
            (answers, silent)
        };
        if silent {
            std::future::pending::<()>().await;
        }
        Ok(answers)
    }
}

/// A topic to be made.
pub fn new(
    name: &str,
    partitions: Option<u32>,
    replication_factor: Option<u16>,
    config: &[(&str, &str)],
) -> NewTopic {
    let config = config.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    NewTopic { name: name.to_owned(), partitions, replication_factor, config }
}

/// A refusal.
pub fn refusal(code: &str, message: impl Into<String>, retriable: bool) -> Refusal {
    Refusal { code: code.to_owned(), message: message.into(), retriable }
}

fn lost(why: &str) -> AdminError {
    AdminError { message: format!("kafka:9092: {why}"), hint: None, retriable: true }
}

fn denied() -> AdminError {
    AdminError {
        message: "kafka:9092: the login as 'vv' was refused".to_owned(),
        hint: Some("check the password".to_owned()),
        retriable: false,
    }
}

#[async_trait]
impl Admin for Fake {
    async fn read(&self, described: &[String]) -> Result<Cluster, AdminError> {
        let mut state = self.state();
        state.log.push("Read".to_owned());
        match state.fault(Call::Read) {
            Some(Fault::Denied) => Err(denied()),
            Some(Fault::Lags) => Ok(state.before.clone()),
            Some(_) => Err(lost("connection refused")),
            None => Ok(state.cluster(described)),
        }
    }

    async fn create(&self, topics: &[NewTopic]) -> Result<BTreeMap<String, Outcome>, AdminError> {
        let names = topics.iter().map(|topic| topic.name.clone()).collect();
        let by_name: BTreeMap<&str, &NewTopic> =
            topics.iter().map(|topic| (topic.name.as_str(), topic)).collect();
        self.each(Call::Create, names, |state, name| state.create(by_name[name])).await
    }

    async fn grow(&self, topics: &BTreeMap<String, u32>) -> Result<BTreeMap<String, Outcome>, AdminError> {
        let names = topics.keys().cloned().collect();
        self.each(Call::Grow, names, |state, name| state.grow(name, topics[name])).await
    }

    async fn alter(
        &self,
        topics: &BTreeMap<String, BTreeMap<String, Alteration>>,
    ) -> Result<BTreeMap<String, Outcome>, AdminError> {
        let names = topics.keys().cloned().collect();
        let before = self.cluster();
        self.state().before = before;
        self.each(Call::Alter, names, |state, name| state.alter(name, &topics[name])).await
    }

    async fn delete(&self, topics: &[String]) -> Result<BTreeMap<String, Outcome>, AdminError> {
        self.each(Call::Delete, topics.to_vec(), |state, name| {
            state.topics.remove(name).map(|_| ()).ok_or_else(absent)
        })
        .await
    }

    async fn led(&self, topics: &[String], _: Duration) -> Result<Vec<String>, AdminError> {
        let mut state = self.state();
        state.log.push(format!("Led({})", topics.join(", ")));
        match state.fault(Call::Led) {
            Some(_) => Err(lost("connection refused")),
            None => Ok(topics.iter().filter(|topic| state.leaderless.contains(*topic)).cloned().collect()),
        }
    }
}

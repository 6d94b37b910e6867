//! Who answers, and whether it is ready.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Admin, AdminError, ErrorKind, Request};
use crate::backoff::Backoff;

/// What `GET /` tells of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `3.4.2`
    pub version: String,
    /// It has a database.
    pub database: bool,
    /// The plugins that it has.
    pub plugins: BTreeSet<String>,
    /// How many workers its proxy has; nothing where it doesn't tell.
    pub workers: Option<u32>,
}

impl Node {
    /// Reads the answer of `GET /`; nothing where it isn't Kong's.
    pub(super) fn of(said: &Value) -> Option<Self> {
        let version = said.get("version")?.as_str()?.to_owned();
        let database = said.pointer("/configuration/database").and_then(Value::as_str);
        let plugins = match said.pointer("/plugins/available_on_server")? {
            Value::Object(plugins) => plugins.keys().cloned().collect(),
            Value::Array(plugins) => {
                plugins.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
            }
            _ => BTreeSet::new(),
        };
        let workers = said.pointer("/pids/workers").and_then(Value::as_array);
        let workers = workers.and_then(|workers| u32::try_from(workers.len()).ok());
        Some(Self { version, database: database != Some("off"), plugins, workers })
    }
}

impl Admin {
    /// Waits until the Admin API answers and, where it has one, its database is reachable; `say` is told what is waited
    /// for, each thing once.
    pub async fn wait_ready(
        &self,
        end: Instant,
        say: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Node, AdminError> {
        let mut backoff = Backoff::default();
        let mut last: Option<AdminError> = None;
        loop {
            let asked = Instant::now();
            let error = match timeout_at(end, self.ready()).await {
                Ok(Ok(node)) => return Ok(node),
                Ok(Err(error)) if error.retriable => error,
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(last.unwrap_or_else(|| self.too_late(&Request::get("status")))),
            };
            if last.as_ref().is_none_or(|last| last.message != error.message) {
                say(&error.message);
            }
            let pause = backoff.pause(asked.elapsed());
            if Instant::now() + pause >= end {
                return Err(error);
            }
            last = Some(error);
            sleep(pause).await;
        }
    }

    async fn ready(&self) -> Result<Node, AdminError> {
        let (root, status) = (Request::get(""), Request::get("status"));
        let (root, status) = tokio::join!(self.once(&root), self.once(&status));
        // Kong 3.4.2 answers 200 for its status while its database is away, and 500 for everything else. Without a
        // database it is always reachable.
        let reachable = |status: &Value| status.pointer("/database/reachable").and_then(Value::as_bool);
        if status.as_ref().is_ok_and(|(status, _)| reachable(&status.body) == Some(false)) {
            return Err(AdminError {
                kind: ErrorKind::NotReady,
                message: format!("Kong at {} can't reach its database", self.address()),
                hint: Some(
                    "is the service that KONG_PG_HOST names ready, and is its schema migrated?".to_owned(),
                ),
                retriable: true,
            });
        }
        let node = self.node_of(&root?.0)?;
        status?;
        Ok(self.node.get_or_init(|| node).clone())
    }

    /// Reads the answer of `GET /`, or says why it can't be read.
    pub(super) fn node_of(&self, answer: &super::Answer) -> Result<Node, AdminError> {
        match answer.status {
            401 | 403 => return Err(self.unauthorized(answer)),
            429 | 500 | 502 | 503 | 504 => return Err(self.not_ready(answer)),
            _ => {}
        }
        if answer.is_success()
            && let Some(node) = Node::of(&answer.body)
        {
            return Ok(node);
        }
        let address = self.address();
        let no_route = answer.refusal().message.contains("no Route matched");
        let (message, hint) = if no_route {
            (
                format!("{address} is Kong's proxy, and not its Admin API"),
                "the Admin API listens on port 8001 by default",
            )
        } else {
            (
                format!("{address} answers {}, but not as Kong's Admin API", answer.status),
                "is another service at this address? --admin-url names another place",
            )
        };
        Err(AdminError { kind: ErrorKind::NotKong, message, hint: Some(hint.to_owned()), retriable: false })
    }
}

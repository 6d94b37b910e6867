//! Elasticsearch and OpenSearch: the cluster answers
//! (<https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-cluster-health>).

mod deep;

use std::time::Duration;

use serde_json::Value;

pub(super) use deep::deep;

use super::answer::{Answer, ProbeFailure};
use super::credentials;
use super::deep::few;
use super::http::{self, Method, Reply, Request};
use super::listen::port;
use super::net::Place;
use super::question::Scheme;
use super::target::{Deadline, Target};

const PATH: &str = "/_cluster/health";
/// What cleaning up may take at least.
const CLEAN_UP: Duration = Duration::from_millis(500);

/// A node that is asked, and how.
pub(super) struct Node<'a> {
    target: Target<'a>,
    place: Place,
    scheme: Scheme,
    login: Option<(String, String)>,
}

impl<'a> Node<'a> {
    /// The node behind a place; over TLS where it doesn't speak plain HTTP (the default since version 8). Comes with
    /// the answer to the first request, a GET of `path`.
    pub async fn reach(
        target: Target<'a>,
        place: Place,
        scheme: Scheme,
        path: &str,
    ) -> Result<(Self, Reply), ProbeFailure> {
        let login = credentials::elasticsearch(target.service);
        let mut node = Self { target, place, scheme, login };
        match node.send(Request::document(path)).await {
            Err(plain) if scheme == Scheme::Http => {
                node.scheme = Scheme::Https;
                let reply = node.send(Request::document(path)).await.map_err(|_| plain)?;
                Ok((node, reply))
            }
            other => Ok((node, other?)),
        }
    }

    /// Sends a request with the stack's login.
    pub async fn send(&self, request: Request<'_>) -> Result<Reply, ProbeFailure> {
        let login = self.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
        http::send(&self.target, self.place, Request { scheme: self.scheme, login, ..request }).await
    }

    /// A GET whose answer must be JSON.
    pub async fn get(&self, path: &str) -> Result<Value, ProbeFailure> {
        let reply = self.send(Request::document(path)).await?;
        match reply.json() {
            Some(document) if reply.status == 200 => Ok(document),
            _ => Err(reply.refusal(path)),
        }
    }

    /// A request with a document; the status and what was answered.
    pub async fn tell(
        &self,
        method: Method,
        path: &str,
        document: &Value,
    ) -> Result<(u16, Value), ProbeFailure> {
        let reply = self.send(Request::new(method, path).json(document)).await?;
        Ok((reply.status, reply.json().unwrap_or_default()))
    }

    /// The same with some time left at least: what was written is removed also when the time of the check is over.
    pub fn patient(&self) -> Self {
        let deadline = Deadline::after(self.target.deadline.left().max(CLEAN_UP));
        Self {
            target: Target { deadline, ..self.target },
            place: self.place,
            scheme: self.scheme,
            login: self.login.clone(),
        }
    }
}

/// How its declaration says to ask it.
pub(super) fn entrance(target: &Target<'_>) -> (u16, Scheme) {
    let port = port(target.service, &["http", "https"], 9200);
    let tls = target.service.vv.urls.iter().any(|url| url.port == port && url.scheme == "https");
    (port, if tls { Scheme::Https } else { Scheme::Http })
}

/// Asks how the cluster is.
pub(super) async fn ask(target: &Target<'_>, place: Place, scheme: Scheme) -> Result<Answer, ProbeFailure> {
    let (node, reply) = Node::reach(*target, place, scheme, PATH).await?;
    if reply.status == 401 || reply.status == 403 {
        return match node.login {
            // Not lasting: after a restart it refuses right passwords too, until the index that holds them has recovered.
            Some((user, _)) => Err(ProbeFailure::new(format!("refuses the login of {user}"))
                .hint("the password of a first start is kept in its volume; a later change of the variable does nothing")),
            None => Ok(Answer::Doubtful {
                detail: "answers, but wants a login that the stack doesn't give".into(),
                hint: "set ELASTIC_PASSWORD in its environment".into(),
            }),
        };
    }
    if reply.status != 200 {
        return Err(reply.refusal(PATH));
    }
    let health = reply.json().unwrap_or_default();
    let nodes = health.get("number_of_nodes").and_then(Value::as_u64).unwrap_or_default();
    let count = if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") };
    match health.get("status").and_then(Value::as_str) {
        Some("green") => Ok(Answer::Seen(format!("green, {count}"))),
        Some("yellow") if nodes <= 1 => Ok(Answer::Seen(format!(
            "yellow, {count}: a single node has nowhere to put copies of its shards"
        ))),
        Some("yellow") => Ok(Answer::Doubtful {
            detail: format!("yellow, {count}: replicas of shards aren't assigned"),
            hint: "GET /_cluster/allocation/explain says why".into(),
        }),
        Some("red") => {
            let which = match node.get("/_cluster/health?level=indices").await {
                Ok(levels) => red(&levels),
                Err(_) => String::new(),
            };
            Err(ProbeFailure::new(format!("red, {count}: shards aren't assigned{which}"))
                .hint("GET /_cluster/allocation/explain says why"))
        }
        _ => Err(ProbeFailure::new(format!("GET {PATH} answers 200, but not as Elasticsearch"))),
    }
}

/// The indices that lack a shard, in words.
fn red(levels: &Value) -> String {
    let indices = levels["indices"].as_object().into_iter().flatten();
    let red = indices.filter(|(_, index)| index["status"] == "red").map(|(name, index)| {
        let shards = index["unassigned_shards"].as_u64().unwrap_or_default();
        format!("{name} ({shards})")
    });
    let red: Vec<String> = red.collect();
    if red.is_empty() { String::new() } else { format!(", of {}", few(red)) }
}

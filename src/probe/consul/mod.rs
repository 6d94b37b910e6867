//! Consul: a leader is elected (<https://developer.hashicorp.com/consul/api-docs/status>), keys can be kept, the
//! catalog says what is true of the stack, and its DNS answers.

mod catalog;
mod dns;

use serde_json::Value;

use super::answer::{Answer, ProbeFailure};
use super::credentials::given;
use super::deep::{self, DeepCheck, Outcome, PROBE};
use super::http::{self, Method, Reply, Request};
use super::listen::port;
use super::net::Place;
use super::question::Scheme;
use super::target::Target;

const PATH: &str = "/v1/status/leader";

/// Asks who leads; that needs no token.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let reply = http::get(target, place, Scheme::Http, PATH, None).await?;
    if reply.status != 200 {
        return Err(reply.refusal(PATH));
    }
    match reply.json() {
        Some(Value::String(leader)) if leader.is_empty() => {
            Err(ProbeFailure::new("answers, but no leader is elected")
                .hint("a server waits for as many others as its -bootstrap-expect says: are they up?"))
        }
        Some(Value::String(leader)) => Ok(Answer::Seen(format!("the leader is {leader}"))),
        _ => Err(ProbeFailure::new(format!("GET {PATH} answers 200, but not as Consul"))),
    }
}

/// That it does its work: a key is written, read and deleted again; the catalog is right; names are resolved.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let web = port(target.service, &["http", "https"], 8500);
    let mut checks = vec![
        DeepCheck::at("kv", target, web, async |target, place| {
            outcome(key_value(Api::of(target, place)).await)
        }),
        DeepCheck::at("catalog", target, web, async |target, place| {
            catalog::check(Api::of(target, place)).await
        }),
    ];
    checks.extend(dns::checks(target, web));
    checks
}

/// Why a question of several requests ends early.
enum Stop {
    Failed(ProbeFailure),
    /// Consul doesn't let us look.
    Denied(Answer),
}

impl From<ProbeFailure> for Stop {
    fn from(failure: ProbeFailure) -> Self {
        Self::Failed(failure)
    }
}

fn outcome(result: Result<Answer, Stop>) -> Outcome {
    match result {
        Ok(answer) | Err(Stop::Denied(answer)) => Ok(answer),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

/// An agent's HTTP API.
#[derive(Clone)]
struct Api<'a> {
    target: Target<'a>,
    place: Place,
    token: Option<String>,
}

impl<'a> Api<'a> {
    fn of(target: Target<'a>, place: Place) -> Self {
        Self { target, place, token: token(&target) }
    }

    /// Sends a request with the stack's token, and takes 200 only. `what` is the path without what is random in it.
    async fn send(&self, mut request: Request<'_>, what: &str) -> Result<Reply, Stop> {
        if let Some(token) = &self.token {
            request.headers.push(("x-consul-token", token));
        }
        let method = request.method.clone();
        let reply = http::send(&self.target, self.place, request).await?;
        match reply.status {
            200 if reply.header("x-consul-results-filtered-by-acls") == "true" => {
                Err(self.denied(what, "shows only a part"))
            }
            200 => Ok(reply),
            403 if reply.text().contains("ACL not found") => {
                Err(ProbeFailure::lasting("doesn't know the token that the stack gives (CONSUL_HTTP_TOKEN)")
                    .hint("tokens are made in Consul: consul acl bootstrap, consul acl token create")
                    .into())
            }
            403 => Err(self.denied(what, "answers 403: permission denied")),
            _ => {
                let failure = reply.refusal(what);
                let detail = failure.detail.replacen("GET", method.as_str(), 1);
                Err(ProbeFailure { detail, ..failure }.into())
            }
        }
    }

    fn denied(&self, what: &str, how: &str) -> Stop {
        Stop::Denied(self.hidden(what, how))
    }

    /// What isn't shown, and what to do about it.
    fn hidden(&self, what: &str, how: &str) -> Answer {
        let hint = match self.token {
            Some(_) => {
                "give the token of CONSUL_HTTP_TOKEN the right to read services and nodes, and to write keys"
            }
            None => "its ACLs are on: set CONSUL_HTTP_TOKEN in its environment to a token that vv may use",
        };
        Answer::Doubtful { detail: format!("{what} {how}"), hint: hint.into() }
    }

    /// A document.
    async fn get(&self, path: &str) -> Result<Value, Stop> {
        let reply = self.send(Request::document(path), path).await?;
        let foreign = || ProbeFailure::new(format!("GET {path} answers 200, but not as Consul"));
        Ok(reply.json().ok_or_else(foreign)?)
    }
}

/// The token that the stack gives: to Consul's own commands, in Consul's configuration, or to another service.
fn token(target: &Target<'_>) -> Option<String> {
    const NAME: &str = "CONSUL_HTTP_TOKEN";
    let configured = || {
        let text = given(target.service, "CONSUL_LOCAL_CONFIG")?;
        let config: Value = serde_json::from_str(&text).ok()?;
        let tokens = config.pointer("/acl/tokens")?;
        let token = tokens.get("initial_management").or_else(|| tokens.get("master"))?.as_str()?;
        Some(token.to_owned())
    };
    given(target.service, NAME)
        .or_else(configured)
        .or_else(|| target.stack.services.values().find_map(|service| given(service, NAME)))
}

/// Writes a key of its own, reads it back and deletes it (<https://developer.hashicorp.com/consul/api-docs/kv>).
async fn key_value(api: Api<'_>) -> Result<Answer, Stop> {
    const KV: &str = "/v1/kv";
    let path = format!("{KV}/{PROBE}/{}", deep::unique());
    let mut written = Request::new(Method::PUT, &path);
    written.body = Some(PROBE.into());
    api.send(written, KV).await?;
    let raw = format!("{path}?raw");
    let read = api.send(Request::new(Method::GET, &raw), KV).await;
    let deleted = api.send(Request::new(Method::DELETE, &path), KV).await;
    if read?.body != PROBE.as_bytes() {
        return Err(ProbeFailure::new("a key that was just written reads otherwise").into());
    }
    match deleted {
        Ok(_) => Ok(Answer::Seen("a key was written, read and deleted".into())),
        Err(Stop::Failed(failure)) => {
            let detail = format!("a key can be written, but not deleted: {}", failure.detail);
            Err(ProbeFailure { detail, ..failure }.into())
        }
        Err(denied) => Err(denied),
    }
}

#[cfg(test)]
mod tests;

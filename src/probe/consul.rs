//! Consul: a leader is elected (<https://developer.hashicorp.com/consul/api-docs/status>). Asking needs no token.

use super::answer::{Answer, ProbeFailure};
use super::deep::{self, DeepCheck, PROBE};
use super::http::{self, Method};
use super::listen::port;
use super::net::Place;
use super::question::Scheme;
use super::target::Target;

const PATH: &str = "/v1/status/leader";

/// Asks who leads.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let reply = http::get(target, place, Scheme::Http, PATH, None).await?;
    if reply.status != 200 {
        return Err(reply.refusal(PATH));
    }
    match reply.json() {
        Some(serde_json::Value::String(leader)) if leader.is_empty() => {
            Err(ProbeFailure::new("answers, but no leader is elected")
                .hint("a server waits for as many others as its -bootstrap-expect says: are they up?"))
        }
        Some(serde_json::Value::String(leader)) => Ok(Answer::Seen(format!("the leader is {leader}"))),
        _ => Err(ProbeFailure::new(format!("GET {PATH} answers 200, but not as Consul"))),
    }
}

/// That it does its work: a key is written, read and deleted again.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let web = port(target.service, &["http", "https"], 8500);
    vec![DeepCheck::at("kv", target, web, key_value)]
}

/// Writes a key of its own, reads it back and deletes it (<https://developer.hashicorp.com/consul/api-docs/kv>).
async fn key_value(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let path = format!("/v1/kv/{PROBE}/{}", deep::unique());
    let written = http::Request { body: Some(PROBE.into()), ..http::Request::new(Method::PUT, &path) };
    let reply = http::send(&target, place, written).await?;
    if reply.status != 200 {
        return Err(reply.refusal("/v1/kv"));
    }
    let read = http::get(&target, place, Scheme::Http, &format!("{path}?raw"), None).await;
    let deleted = http::send(&target, place, http::Request::new(Method::DELETE, &path)).await;
    if read?.body != PROBE.as_bytes() {
        return Err(ProbeFailure::new("a key that was just written reads otherwise"));
    }
    match deleted?.status {
        200 => Ok(Answer::Seen("a key was written, read and deleted".into())),
        status => Err(ProbeFailure::new(format!("a key can be written, but not deleted: {status}"))),
    }
}

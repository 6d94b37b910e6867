//! Consul: a leader is elected (<https://developer.hashicorp.com/consul/api-docs/status>). Asking needs no token.

use super::answer::{Answer, ProbeFailure};
use super::http;
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

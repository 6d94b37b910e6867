//! Temporal's web interface: it reaches Temporal, whose API it passes on.

use super::answer::{Answer, ProbeFailure, first_line};
use super::deep::{DeepCheck, Look, Outcome, document};
use super::listen::port;
use super::net::Place;
use super::target::Target;

const PATH: &str = "/api/v1/namespaces?pageSize=1";

/// That Temporal answers through it.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    vec![DeepCheck::at("temporal", target, port(target.service, &["http", "https"], 8080), through)]
}

async fn through(target: Target<'_>, place: Place) -> Outcome {
    document(target, place, PATH, |reply| {
        let said = reply.json().unwrap_or_default();
        match reply.status {
            200 if said["namespaces"].is_array() => {
                Look::Final(Ok(Answer::Seen("Temporal answers through it".into())))
            }
            401 | 403 => Look::Final(Ok(Answer::NotAsked("it wants a login".into()))),
            200 | 404 => Look::Final(Ok(Answer::NotAsked("this version has another API".into()))),
            status => {
                let why = said["message"].as_str().map_or_else(|| status.to_string(), first_line);
                Look::NotYet(Err(ProbeFailure::new(format!("can't reach Temporal: {why}"))
                    .hint("is Temporal ready, and is TEMPORAL_ADDRESS its gRPC address (host:7233)?")))
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use crate::probe::testing::{deep_of, site, system};

    #[tokio::test]
    async fn every_state_has_its_words() {
        let mut lines = Vec::new();
        for (status, body) in [
            (200, r#"{"namespaces":[],"nextPageToken":""}"#),
            (
                503,
                r#"{"code":14,"message":"connection error: desc = \"transport: Error while dialing\"","details":[]}"#,
            ),
            (502, "<html>"),
            (401, "{}"),
            (200, "<html>"),
        ] {
            let address = site(&[("GET /api/v1/namespaces", status, body)]).await;
            lines.push(deep_of(system("temporal-ui", 8080), 8080, address).await);
        }
        insta::assert_snapshot!(lines.join("\n"), @r#"
        temporal ok: Temporal answers through it
        temporal fail: can't reach Temporal: connection error: desc = "transport: Error while dialing" -> is Temporal ready, and is TEMPORAL_ADDRESS its gRPC address (host:7233)?
        temporal fail: can't reach Temporal: 502 -> is Temporal ready, and is TEMPORAL_ADDRESS its gRPC address (host:7233)?
        temporal not asked: it wants a login
        temporal not asked: this version has another API
        "#);
    }
}

//! SigNoz's query service: with `live` its health is that of ClickHouse behind it.

use super::answer::{Answer, ProbeFailure, first_line};
use super::deep::{DeepCheck, Look, Outcome, document};
use super::listen::port;
use super::net::Place;
use super::target::Target;

const PATH: &str = "/api/v1/health?live=1";

/// That it reaches its database.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    vec![DeepCheck::at("clickhouse", target, port(target.service, &["http", "https"], 8080), database)]
}

async fn database(target: Target<'_>, place: Place) -> Outcome {
    document(target, place, PATH, |reply| {
        let said = reply.json().unwrap_or_default();
        match (reply.status, said["status"].as_str()) {
            (200, Some("ok")) => Look::Final(Ok(Answer::Seen("its ClickHouse answers".into()))),
            // Its frontend answers everything with a page.
            (200 | 404, _) => Look::Final(Ok(Answer::NotAsked("it isn't the query service".into()))),
            (status, _) => {
                let why = said["error"].as_str().map_or_else(|| status.to_string(), first_line);
                Look::NotYet(Err(ProbeFailure::new(format!("can't reach its ClickHouse: {why}"))
                    .hint("is ClickHouse ready, and is ClickHouseUrl (or SIGNOZ_TELEMETRYSTORE_CLICKHOUSE_DSN) right?")))
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
            (200, r#"{"status":"ok"}"#),
            (
                503,
                r#"{"status":"error","errorType":"unavailable","error":"dial tcp: lookup clickhouse: no such host"}"#,
            ),
            (502, "<html>"),
            (200, "<html>"),
        ] {
            let address = site(&[("GET /api/v1/health?live=1", status, body)]).await;
            lines.push(deep_of(system("signoz", 8080), 8080, address).await);
        }
        insta::assert_snapshot!(lines.join("\n"), @r"
        clickhouse ok: its ClickHouse answers
        clickhouse fail: can't reach its ClickHouse: dial tcp: lookup clickhouse: no such host -> is ClickHouse ready, and is ClickHouseUrl (or SIGNOZ_TELEMETRYSTORE_CLICKHOUSE_DSN) right?
        clickhouse fail: can't reach its ClickHouse: 502 -> is ClickHouse ready, and is ClickHouseUrl (or SIGNOZ_TELEMETRYSTORE_CLICKHOUSE_DSN) right?
        clickhouse not asked: it isn't the query service
        ");
    }
}

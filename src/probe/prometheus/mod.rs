//! Prometheus: ready to serve (<https://prometheus.io/docs/prometheus/latest/management_api/>). Whether its targets
//! are up is another question; it has none for seconds after it is ready.

mod targets;

use super::answer::{Answer, ProbeFailure};
use super::deep::{DeepCheck, Outcome};
use super::http::{self, Request};
use super::listen::port;
use super::net::Place;
use super::question::Scheme;
use super::target::Target;

const PATH: &str = "/-/ready";

/// Asks whether it is ready.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let reply = http::get(target, place, Scheme::Http, PATH, None).await?;
    match reply.status {
        200 => Ok(Answer::Seen(format!("GET {PATH}: 200"))),
        503 => Err(ProbeFailure::new(format!("GET {PATH}: 503, it is starting up"))),
        401 => Ok(Answer::Doubtful {
            detail: format!("GET {PATH}: 401, it wants a login"),
            hint: "its web.config.file asks for one; say how to ask with x-vv.probe.exec".into(),
        }),
        _ => Err(reply.refusal(PATH)),
    }
}

/// That every target is up, and that it runs with the configuration that it was last given.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let web = port(target.service, &["http", "https"], 9090);
    vec![
        DeepCheck::at("targets", target, web, targets::check),
        DeepCheck::at("configuration", target, web, configuration),
    ]
}

/// Whether the last reload of the configuration succeeded
/// (<https://prometheus.io/docs/prometheus/latest/querying/api/#runtime-information>).
async fn configuration(target: Target<'_>, place: Place) -> Outcome {
    const INFO: &str = "/api/v1/status/runtimeinfo";
    let reply = http::send(&target, place, Request::document(INFO)).await?;
    let said = match reply.status {
        200 => reply.json().unwrap_or_default(),
        401 => return Ok(Answer::NotAsked("it wants a login".into())),
        // Before version 2.14.
        404 => return Ok(Answer::NotAsked("this version doesn't tell".into())),
        _ => return Err(reply.refusal(INFO)),
    };
    match said.pointer("/data/reloadConfigSuccess").and_then(serde_json::Value::as_bool) {
        Some(true) => Ok(Answer::Seen("the configuration was loaded".into())),
        Some(false) => Ok(Answer::Doubtful {
            detail: "runs with an old configuration: the last reload failed".into(),
            hint: format!(
                "vv exec {0} promtool check config /etc/prometheus/prometheus.yml says where; vv logs {0} says when",
                target.service.name
            ),
        }),
        None => Err(ProbeFailure::new(format!("GET {INFO} answers 200, but not as Prometheus"))),
    }
}

#[cfg(test)]
mod tests;

//! Grafana: up, and its database answers (<https://grafana.com/docs/grafana/latest/developers/http_api/other/>); and
//! each of its data sources does.

mod sources;

use super::answer::{Answer, ProbeFailure};
use super::deep::DeepCheck;
use super::http;
use super::listen::port;
use super::net::Place;
use super::question::Scheme;
use super::target::Target;

const PATH: &str = "/api/health";

/// Asks how it is.
pub(super) async fn ask(target: &Target<'_>, place: Place, scheme: Scheme) -> Result<Answer, ProbeFailure> {
    let reply = http::get(target, place, scheme, PATH, None).await?;
    let said = reply.json();
    let text = |key: &str| said.as_ref().and_then(|said| said.get(key)).and_then(|value| value.as_str());
    match (reply.status, text("database")) {
        (200, Some("ok")) => Ok(Answer::Seen(match text("version") {
            Some(version) => format!("database ok, version {version}"),
            None => "database ok".into(),
        })),
        (_, Some(state)) => Err(ProbeFailure::new(format!("its database says {state}"))
            .hint("look at GF_DATABASE_* and at whether that database answers")),
        (200, None) => Err(ProbeFailure::new(format!("GET {PATH} answers 200, but not as Grafana"))),
        _ => Err(reply.refusal(PATH)),
    }
}

/// That its data sources answer.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let web = port(target.service, &["http", "https"], 3000);
    vec![DeepCheck::at("data sources", target, web, sources::check)]
}

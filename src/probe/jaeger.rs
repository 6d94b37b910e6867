//! Jaeger: its query API reads from the span store.

use super::answer::{Answer, ProbeFailure};
use super::http;
use super::listen::variable;
use super::net::Place;
use super::question::Scheme;
use super::target::Target;

/// Asks for the services that report.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let base = variable(target.service, "QUERY_BASE_PATH").unwrap_or_default().trim_end_matches('/');
    let path = format!("{base}/api/services");
    let reply = http::get(target, place, Scheme::Http, &path, None).await?;
    if reply.status != 200 {
        return Err(reply.refusal(&path));
    }
    // Without spans yet, `data` is null.
    match reply.json().as_ref().and_then(|said| said.get("data")) {
        Some(serde_json::Value::Array(services)) => Ok(Answer::Seen(match services.len() {
            1 => "the query API answers, 1 service reports".into(),
            count => format!("the query API answers, {count} services report"),
        })),
        Some(serde_json::Value::Null) => Ok(Answer::Seen("the query API answers, no spans yet".into())),
        _ => Err(ProbeFailure::new(format!("GET {path} answers 200, but not as Jaeger"))),
    }
}

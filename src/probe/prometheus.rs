//! Prometheus: ready to serve (<https://prometheus.io/docs/prometheus/latest/management_api/>). Whether its targets
//! are up is another question; it has none for seconds after it is ready.

use super::answer::{Answer, ProbeFailure};
use super::http;
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

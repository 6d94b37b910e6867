//! Jaeger: its query API reads from the span store, and what is sent to its collector comes to be read there.

mod spans;

use serde_json::Value;

use super::answer::{Answer, ProbeFailure};
use super::deep::{DeepCheck, PROBE};
use super::http::{self, Request};
use super::listen::{port, variable};
use super::net::Place;
use super::target::Target;
use crate::stack::Service;

/// Asks for the services that report.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let reporting = reporting(target, target.service, place).await?;
    Ok(Answer::Seen(match reporting.len() {
        0 => "the query API answers, no spans yet".into(),
        1 => "the query API answers, 1 service reports".into(),
        count => format!("the query API answers, {count} services report"),
    }))
}

/// The services whose spans are there; vv's own checks don't count. `service` is the query service at this place.
async fn reporting(
    target: &Target<'_>,
    service: &Service,
    place: Place,
) -> Result<Vec<String>, ProbeFailure> {
    let path = format!("{}/api/services", base(service));
    let reply = http::send(target, place, Request::document(&path)).await?;
    if reply.status != 200 {
        return Err(reply.refusal(&path));
    }
    // Without spans yet, `data` is null.
    match reply.json().as_ref().and_then(|said| said.get("data")) {
        Some(Value::Array(services)) => {
            let names = services.iter().filter_map(Value::as_str).filter(|name| *name != PROBE);
            Ok(names.map(str::to_owned).collect())
        }
        Some(Value::Null) => Ok(Vec::new()),
        _ => Err(ProbeFailure::new(format!("GET {path} answers 200, but not as Jaeger"))),
    }
}

/// What stands before every path of the query service.
fn base(service: &Service) -> &str {
    variable(service, "QUERY_BASE_PATH").unwrap_or_default().trim_end_matches('/')
}

/// Which part of Jaeger a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Takes spans in by UDP and passes them on.
    Agent,
    /// Takes spans in.
    Collector,
    /// Takes spans from Kafka.
    Ingester,
    /// Reads them.
    Query,
    /// Everything in one process.
    Whole,
}

impl Part {
    /// Told by the image's name.
    pub fn of(service: &Service) -> Self {
        let image = |name: &str| service.image.contains(name);
        match () {
            () if image("jaeger-collector") => Self::Collector,
            () if image("jaeger-agent") => Self::Agent,
            () if image("jaeger-ingester") => Self::Ingester,
            () if image("jaeger-query") => Self::Query,
            () => Self::Whole,
        }
    }

    /// Whether it has the query API.
    pub fn answers(self) -> bool {
        matches!(self, Self::Query | Self::Whole)
    }
}

/// The container port of the query API.
pub(super) fn query_port(service: &Service) -> u16 {
    port(service, &["http", "https"], 16686)
}

/// That a span which is sent can be read, by each of OTLP's protocols; and which declared services report.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let part = Part::of(target.service);
    let mut checks = Vec::new();
    if matches!(part, Part::Whole | Part::Collector) {
        checks.extend(spans::checks(target));
    }
    if part.answers() && !spans::senders(target.stack, target.service).is_empty() {
        checks.push(DeepCheck::at("services", target, query_port(target.service), spans::services));
    }
    checks
}

#[cfg(test)]
mod tests;

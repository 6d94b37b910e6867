//! OTLP, the protocol that spans are sent by: a span of vv's own to whatever takes them.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::answer::{ProbeFailure, first_line};
use super::deep::PROBE;
use super::grpc;
use super::http::{self, Method, Request};
use super::net::Place;
use super::target::Target;
use crate::trace::otlp::{Batch, EXPORT, PATH};
use crate::trace::{Kind, Span, SpanContext};

/// How spans are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// In JSON.
    Http,
    /// In protobuf.
    Grpc,
}

impl Protocol {
    /// Its usual port.
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 4318,
            Self::Grpc => 4317,
        }
    }

    /// What a check of it is called.
    pub fn check(self) -> &'static str {
        match self {
            Self::Http => "otlp http",
            Self::Grpc => "otlp grpc",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "OTLP/HTTP",
            Self::Grpc => "OTLP/gRPC",
        })
    }
}

/// A span that wasn't taken.
pub(super) struct Refused {
    /// As a check's.
    pub failure: ProbeFailure,
    /// Somebody listens, and takes no spans at all: it has no pipeline for them, or is something else.
    pub foreign: bool,
}

impl Refused {
    fn foreign(detail: String) -> Self {
        Self { failure: ProbeFailure::new(detail), foreign: true }
    }

    fn by(protocol: Protocol, why: impl fmt::Display) -> Self {
        let failure = ProbeFailure::new(format!("refuses a span by {protocol}: {why}")).hint(
            "its queue is full or what it writes to doesn't take more: look at its log and at its storage",
        );
        Self { failure, foreign: false }
    }
}

impl From<ProbeFailure> for Refused {
    fn from(failure: ProbeFailure) -> Self {
        Self { failure, foreign: false }
    }
}

/// Sends a span.
pub(super) async fn send(
    target: &Target<'_>,
    place: Place,
    protocol: Protocol,
    span: Span,
) -> Result<(), Refused> {
    let resource = [("service.name", PROBE.to_owned())];
    let spans = [span];
    let batch = Batch { resource: &resource, scope: "vv", spans: &spans };
    match protocol {
        Protocol::Http => by_http(target, place, &batch).await,
        Protocol::Grpc => by_grpc(target, place, &batch).await,
    }
}

async fn by_http(target: &Target<'_>, place: Place, batch: &Batch<'_>) -> Result<(), Refused> {
    let reply = http::send(target, place, Request::new(Method::POST, PATH).json(&batch.json())).await?;
    let rejected = |said: serde_json::Value| {
        let partial = said.get("partialSuccess")?;
        // A 64-bit number is a string in protobuf's JSON.
        let count = partial.get("rejectedSpans")?;
        let some =
            count.as_i64().is_some_and(|count| count > 0) || count.as_str().is_some_and(|count| count != "0");
        some.then(|| partial["errorMessage"].as_str().unwrap_or("rejected").to_owned())
    };
    match reply.status {
        200..=299 => match reply.json().and_then(rejected) {
            Some(why) => Err(Refused::by(Protocol::Http, first_line(&why))),
            None => Ok(()),
        },
        404 | 405 => Err(Refused::foreign(format!("{} has no {PATH}: it takes no spans", place.address))),
        status => {
            let said = reply.json().and_then(|said| Some(first_line(said["message"].as_str()?)));
            Err(Refused::by(
                Protocol::Http,
                format!("{status} {}", said.unwrap_or_else(|| reply.text())).trim_end(),
            ))
        }
    }
}

async fn by_grpc(target: &Target<'_>, place: Place, batch: &Batch<'_>) -> Result<(), Refused> {
    let reply = grpc::call(target, place, EXPORT, grpc::frame(&batch.protobuf())).await?;
    match reply.grpc {
        // A partial success is the only thing that an answer can hold.
        Some(0) if reply.body.len() <= 5 || reply.body.get(5..) == Some(&[0x0a, 0]) => Ok(()),
        Some(0) => Err(Refused::by(Protocol::Grpc, "it says that it rejected it")),
        Some(12) => Err(Refused::foreign(format!("{} speaks gRPC, but takes no spans", place.address))),
        Some(code) => Err(Refused::by(Protocol::Grpc, format!("gRPC status {code}: {}", reply.message))),
        None => Err(Refused::by(Protocol::Grpc, format!("HTTP/2 status {}, but no gRPC status", reply.http))),
    }
}

/// A span that nobody takes for a real one.
pub(super) fn span() -> Span {
    let now = SystemTime::now();
    Span {
        context: SpanContext {
            trace: rand::random::<u128>().max(1),
            span: rand::random::<u64>().max(1),
            sampled: true,
        },
        parent: None,
        name: "vv health".into(),
        kind: Kind::Server,
        begun: now.checked_sub(Duration::from_millis(1)).unwrap_or(now),
        ended: now,
        attributes: vec![("vv.probe", "true".into())],
        failed: false,
    }
}

//! Spans of the stand-in: W3C trace context, and export by OTLP over HTTP in JSON.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::RngExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Spans that wait for their export at most; more are dropped, as a batch processor does.
const QUEUE: usize = 2048;

/// How long spans are gathered before they are sent.
const GATHER: Duration = Duration::from_millis(200);

/// Where in a trace something happens (<https://www.w3.org/TR/trace-context/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanContext {
    /// The trace.
    pub trace: u128,
    /// The span.
    pub span: u64,
    /// Whether it is recorded.
    pub sampled: bool,
}

impl SpanContext {
    /// From a `traceparent` header. Nothing for one that is invalid, which is as good as none.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, length: usize| {
            text.len() == length
                && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        };
        // Later versions may append fields; `ff` is forbidden.
        if !hex(version, 2) || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        if !hex(trace, 32) || !hex(span, 16) || !hex(flags, 2) {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?;
        let span = u64::from_str_radix(span, 16).ok().filter(|span| *span != 0)?;
        Some(Self { trace, span, sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1 })
    }

    /// The `traceparent` header.
    pub fn header(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }

    /// The trace's id, as headers, logs and Jaeger show it.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }
}

/// What side of a call a span is of (OTLP's `SpanKind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It answers.
    Server = 2,
    /// It asks.
    Client = 3,
}

/// A finished span.
#[derive(Debug)]
pub struct Span {
    /// Its place.
    pub context: SpanContext,
    /// The span that it is part of.
    pub parent: Option<u64>,
    /// `GET /orders`
    pub name: String,
    /// Which side.
    pub kind: Kind,
    /// When it began.
    pub begun: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// What is known of it.
    pub attributes: Vec<(&'static str, String)>,
    /// It failed.
    pub failed: bool,
}

/// Makes spans and sends them in the background.
pub struct Tracer {
    sender: Option<mpsc::Sender<Span>>,
    ratio: f64,
}

impl Tracer {
    /// As `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and `OTEL_TRACES_SAMPLER_ARG` say;
    /// without an endpoint spans are made, and passed on, but not sent.
    pub fn from_env(service: &str) -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = var("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| {
            let base = var("OTEL_EXPORTER_OTLP_ENDPOINT")?;
            Some(format!("{}/v1/traces", base.trim_end_matches('/')))
        });
        let service = var("OTEL_SERVICE_NAME").unwrap_or_else(|| service.to_owned());
        let sender = endpoint.map(|endpoint| {
            let (sender, spans) = mpsc::channel(QUEUE);
            tokio::spawn(export(endpoint, service, spans));
            sender
        });
        let ratio = var("OTEL_TRACES_SAMPLER_ARG").and_then(|ratio| ratio.parse().ok()).unwrap_or(1.0);
        Self { sender, ratio }
    }

    /// A new span's place: in the caller's trace, else in a new one.
    pub fn begin(&self, parent: Option<SpanContext>) -> SpanContext {
        let mut random = rand::rng();
        let (trace, sampled) = match parent {
            Some(parent) => (parent.trace, parent.sampled),
            None => (random.random_range(1..=u128::MAX), random.random::<f64>() < self.ratio),
        };
        SpanContext { trace, span: random.random_range(1..=u64::MAX), sampled }
    }

    /// Sends a span, if it is sampled.
    pub fn end(&self, span: Span) {
        if let Some(sender) = &self.sender
            && span.context.sampled
        {
            // A full queue means that the collector is slow or gone: requests don't wait for it.
            let _ = sender.try_send(span);
        }
    }
}

async fn export(endpoint: String, service: String, mut spans: mpsc::Receiver<Span>) {
    let Ok(client) = super::client(Duration::from_secs(5)) else {
        return;
    };
    while let Some(first) = spans.recv().await {
        tokio::time::sleep(GATHER).await;
        let mut batch = vec![first];
        while let Ok(span) = spans.try_recv() {
            batch.push(span);
        }
        let document = document(&service, &batch);
        // A collector that is just starting gets them a little later; one that stays away doesn't.
        for wait in [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3)] {
            tokio::time::sleep(wait).await;
            if client
                .post(&endpoint)
                .json(&document)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                break;
            }
        }
    }
}

/// OTLP's `ExportTraceServiceRequest` in its JSON form.
fn document(service: &str, spans: &[Span]) -> Value {
    let attribute = |(key, value): &(&str, String)| json!({"key": key, "value": {"stringValue": value}});
    let spans: Vec<Value> = spans
        .iter()
        .map(|span| {
            json!({
                "traceId": span.context.trace_id(),
                "spanId": format!("{:016x}", span.context.span),
                "parentSpanId": span.parent.map(|parent| format!("{parent:016x}")).unwrap_or_default(),
                "name": span.name,
                "kind": span.kind as u8,
                "startTimeUnixNano": nanoseconds(span.begun),
                "endTimeUnixNano": nanoseconds(span.ended),
                "attributes": span.attributes.iter().map(attribute).collect::<Vec<_>>(),
                "status": {"code": if span.failed { 2 } else { 0 }},
            })
        })
        .collect();
    let resource = [("service.name", service.to_owned()), ("vv.stub", "true".to_owned())];
    json!({
        "resourceSpans": [{
            "resource": {"attributes": resource.iter().map(attribute).collect::<Vec<_>>()},
            "scopeSpans": [{"scope": {"name": "vv stub"}, "spans": spans}],
        }],
    })
}

fn nanoseconds(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_traceparent() {
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(SpanContext::parse(header).unwrap().header(), header);
        assert!(
            !SpanContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").unwrap().sampled
        );
        assert!(SpanContext::parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some());
        for invalid in [
            "",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(SpanContext::parse(invalid), None, "{invalid}");
        }
    }
}

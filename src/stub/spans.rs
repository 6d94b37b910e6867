//! Spans of the stand-in, exported by OTLP over HTTP in JSON.

use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::mpsc;

use crate::trace::otlp::{self, Batch};
use crate::trace::{Span, SpanContext};

/// Spans that wait for their export at most; more are dropped, as a batch processor does.
const QUEUE: usize = 2048;

/// How long spans are gathered before they are sent.
const GATHER: Duration = Duration::from_millis(200);

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
            Some(format!("{}{}", base.trim_end_matches('/'), otlp::PATH))
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
        let resource = [("service.name", service.clone()), ("vv.stub", "true".to_owned())];
        let document = Batch { resource: &resource, scope: "vv stub", spans: &batch }.json();
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

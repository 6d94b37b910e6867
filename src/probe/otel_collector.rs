//! The OpenTelemetry collector: it takes a span in, and what it sends on doesn't pile up. Where the span goes is for
//! the systems behind it to show.

use super::answer::Answer;
use super::deep::{DeepCheck, Outcome, few};
use super::http::{self, Request};
use super::listen::declares;
use super::net::Place;
use super::otlp::{self, Protocol};
use super::target::Target;

/// Its own metrics (<https://opentelemetry.io/docs/collector/internal-telemetry/>).
const METRICS: u16 = 8888;

/// Both of OTLP's protocols, and the queues.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let take = |protocol: Protocol| {
        DeepCheck::at(protocol.check(), target, protocol.port(), move |target, place| {
            takes(target, place, protocol)
        })
    };
    vec![take(Protocol::Http), take(Protocol::Grpc), DeepCheck::at("exporters", target, METRICS, exporters)]
}

async fn takes(target: Target<'_>, place: Place, protocol: Protocol) -> Outcome {
    let port = protocol.port();
    match otlp::send(&target, place, protocol, otlp::span()).await {
        Ok(()) => Ok(Answer::Seen(format!("takes a span by {protocol}"))),
        Err(refused) if refused.foreign => Ok(Answer::NotAsked("it has no pipeline of traces".into())),
        Err(refused) if refused.failure.absent && !declares(target.service, port) => {
            Ok(Answer::NotAsked(format!("port {port} isn't declared, and nothing listens there")))
        }
        Err(refused) if refused.failure.absent => Err(refused.failure.hint(
            "name the endpoint 0.0.0.0 in receivers.otlp.protocols: newer ones listen on localhost only",
        )),
        Err(refused) => Err(refused.failure),
    }
}

async fn exporters(target: Target<'_>, place: Place) -> Outcome {
    let untold = || Ok(Answer::NotAsked(format!("its own metrics aren't served on port {METRICS}")));
    let reply = match http::send(&target, place, Request::document("/metrics")).await {
        Ok(reply) if reply.status == 200 => reply,
        // They are an extra, whose address is the user's choice.
        Ok(_) | Err(_) => return untold(),
    };
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    Ok(judge(&text))
}

/// The samples of a metric: exporter and value.
fn samples<'a>(text: &'a str, metric: &'a str) -> impl Iterator<Item = (&'a str, f64)> + 'a {
    text.lines().filter_map(move |line| {
        let (labels, value) = line.strip_prefix(metric)?.strip_prefix('{')?.rsplit_once('}')?;
        let exporter = labels.split_once("exporter=\"")?.1.split('"').next()?;
        Some((exporter, value.trim().parse().ok()?))
    })
}

fn judge(text: &str) -> Answer {
    let capacities: Vec<(&str, f64)> = samples(text, "otelcol_exporter_queue_capacity").collect();
    let full = samples(text, "otelcol_exporter_queue_size").filter(|(exporter, size)| {
        capacities.iter().any(|(other, capacity)| other == exporter && *capacity > 0.0 && size >= capacity)
    });
    let full: Vec<String> = full.map(|(exporter, size)| format!("{exporter} ({size} wait)")).collect();
    if !full.is_empty() {
        return Answer::Doubtful {
            detail: format!("the queue of an exporter is full: {}", few(full)),
            hint: "what it sends to is down or too slow; what comes now is dropped: vv logs says why".into(),
        };
    }
    // A count since the start: some are lost while what they are sent to is starting.
    let failed: f64 = ["spans", "metric_points", "log_records"]
        .iter()
        .flat_map(|what| {
            let names = [
                format!("otelcol_exporter_send_failed_{what}"),
                format!("otelcol_exporter_send_failed_{what}_total"),
            ];
            names.map(|name| samples(text, &name).map(|(_, count)| count).sum::<f64>())
        })
        .sum();
    Answer::Seen(match failed {
        0.0 => "no exporter's queue is full".into(),
        some => format!("no exporter's queue is full; {some} items failed to be sent since its start"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{closing, deep_of, site, system, told};

    #[tokio::test]
    async fn what_it_takes() {
        let collector = || system("otel-collector", 4318);
        let mut lines = Vec::new();
        for (status, body) in [
            (200, "{}"),
            (404, ""),
            (503, r#"{"code":14,"message":"data refused due to high memory usage"}"#),
        ] {
            lines.push(deep_of(collector(), 4318, site(&[("POST /v1/traces", status, body)]).await).await);
        }
        lines.push(deep_of(collector(), 4318, closing().await).await);
        lines.push(deep_of(system("otel-collector", 13133), 4318, closing().await).await);
        insta::assert_snapshot!(lines.join("\n--\n"), @r"
        otlp http ok: takes a span by OTLP/HTTP
        otlp grpc not asked: port 4317 isn't published
        exporters not asked: port 8888 isn't published
        --
        otlp http not asked: it has no pipeline of traces
        otlp grpc not asked: port 4317 isn't published
        exporters not asked: port 8888 isn't published
        --
        otlp http fail: refuses a span by OTLP/HTTP: 503 data refused due to high memory usage -> its queue is full or what it writes to doesn't take more: look at its log and at its storage
        otlp grpc not asked: port 4317 isn't published
        exporters not asked: port 8888 isn't published
        --
        otlp http fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 4318 in the container -> name the endpoint 0.0.0.0 in receivers.otlp.protocols: newer ones listen on localhost only
        otlp grpc not asked: port 4317 isn't published
        exporters not asked: port 8888 isn't published
        --
        otlp http not asked: port 4318 isn't declared, and nothing listens there
        otlp grpc not asked: port 4317 isn't published
        exporters not asked: port 8888 isn't published
        ");
    }

    #[test]
    fn what_its_metrics_tell() {
        let metrics = |size: u32, failed: u32| {
            format!(
                "# HELP x y\notelcol_exporter_queue_capacity{{exporter=\"otlp/jaeger\",service_name=\"otelcol\"}} 1000\n\
                 otelcol_exporter_queue_size{{exporter=\"otlp/jaeger\",service_name=\"otelcol\"}} {size}\n\
                 otelcol_exporter_send_failed_spans{{exporter=\"otlp/jaeger\"}} {failed}\n"
            )
        };
        let lines = [metrics(0, 0), metrics(3, 7), metrics(1000, 7), String::new()]
            .map(|text| told(Ok(judge(&text))));
        insta::assert_snapshot!(lines.join("\n"), @r"
        ok: no exporter's queue is full
        ok: no exporter's queue is full; 7 items failed to be sent since its start
        warn: the queue of an exporter is full: otlp/jaeger (1000 wait) -> what it sends to is down or too slow; what comes now is dropped: vv logs says why
        ok: no exporter's queue is full
        ");
    }
}

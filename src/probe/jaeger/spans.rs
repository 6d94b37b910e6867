//! A span sent to the collector by OTLP and read back from the query API; and which of the stack's services report.
//!
//! "Refuses" and "takes it, but it can't be read" are two illnesses: the collector's, and that of the storage behind it.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use super::super::answer::{Answer, ProbeFailure, seconds};
use super::super::deep::{DeepCheck, Look, Outcome, settled};
use super::super::http::{self, Method, Request};
use super::super::kind::Kind;
use super::super::listen::{declares, variable};
use super::super::net::Place;
use super::super::otlp::{self, Protocol};
use super::super::target::{Reach, Target};
use super::{Part, base, query_port, reporting};
use crate::platform::Replica;
use crate::stack::{Service, Stack};

/// One check for each protocol.
pub(super) fn checks(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    [Protocol::Http, Protocol::Grpc]
        .into_iter()
        .map(|protocol| DeepCheck::new(protocol.check(), round_trip(target, protocol)))
        .collect()
}

/// Where the collector takes spans by a protocol: its usual port, unless a variable names another.
fn port(service: &Service, protocol: Protocol) -> u16 {
    let name = match protocol {
        Protocol::Http => "COLLECTOR_OTLP_HTTP_HOST_PORT",
        Protocol::Grpc => "COLLECTOR_OTLP_GRPC_HOST_PORT",
    };
    let named = variable(service, name).and_then(|text| text.rsplit(':').next()?.parse().ok());
    named.unwrap_or(protocol.port())
}

async fn round_trip(target: Target<'_>, protocol: Protocol) -> Outcome {
    let switch = variable(target.service, "COLLECTOR_OTLP_ENABLED");
    if switch.is_some_and(|value| value.eq_ignore_ascii_case("false")) {
        return Ok(Answer::Doubtful {
            detail: format!("takes no spans by {protocol}: COLLECTOR_OTLP_ENABLED is false"),
            hint: "set COLLECTOR_OTLP_ENABLED=true, unless every service sends in another format".into(),
        });
    }
    let port = port(target.service, protocol);
    let place = match target.reach(port).await? {
        Reach::At(endpoint) => Place::of(endpoint, port),
        Reach::Hidden(why) => return Ok(Answer::NotAsked(why)),
    };
    let span = otlp::span();
    let trace = span.context.trace_id();
    match otlp::send(&target, place, protocol, span).await {
        Ok(()) => {}
        // Older ones take OTLP only where they are told to, and a stack that doesn't declare the port has no use for it.
        Err(refused) if !declares(target.service, port) && switch.is_none() && refused.failure.absent => {
            return Ok(Answer::NotAsked(format!("port {port} isn't declared, and nothing listens there")));
        }
        Err(refused) if refused.failure.absent => {
            let hint = "Jaeger before 1.35 takes OTLP only with COLLECTOR_OTLP_ENABLED=true";
            return Err(refused.failure.hint(hint));
        }
        Err(refused) => return Err(refused.failure),
    }
    let Some((service, replica)) = query_service(&target) else {
        return Ok(Answer::Seen(format!(
            "takes a span by {protocol}; no query service of this stack to read it from"
        )));
    };
    let port = query_port(service);
    let place = match target.reach_other(&replica, port).await? {
        Reach::At(endpoint) => Place::of(endpoint, port),
        Reach::Hidden(why) => {
            return Ok(Answer::Seen(format!("takes a span by {protocol}; not read back: {why}")));
        }
    };
    read_back(&target, service, place, protocol, &trace).await
}

/// Polls until the trace is there. One that isn't is a 404; so is a path that the query service doesn't have.
async fn read_back(
    target: &Target<'_>,
    service: &Service,
    place: Place,
    protocol: Protocol,
    trace: &str,
) -> Outcome {
    let started = Instant::now();
    let path = format!("{}/api/traces/{trace}", base(service));
    settled(target.deadline, || {
        let path = path.as_str();
        async move {
            let reply = http::send(target, place, Request::new(Method::GET, path)).await?;
            match reply.status {
                200 if reply.json().is_some_and(|said| said.to_string().contains(trace)) => {
                    let after = seconds(started.elapsed().max(Duration::from_millis(1)));
                    Ok(Look::Final(Ok(Answer::Seen(format!(
                        "a span sent by {protocol} can be read after {after}"
                    )))))
                }
                200 | 404 => Ok(Look::NotYet(Err(lost(service, protocol, target)))),
                _ => Ok(Look::NotYet(Err(reply.refusal("/api/traces")))),
            }
        }
    })
    .await
}

/// Taken, and never seen again.
fn lost(service: &Service, protocol: Protocol, target: &Target<'_>) -> ProbeFailure {
    let storage =
        variable(target.service, "SPAN_STORAGE_TYPE").or_else(|| variable(service, "SPAN_STORAGE_TYPE"));
    let hint = match storage {
        None | Some("memory") => {
            format!("its queue may be full: vv logs {0}, or vv restart {0}", target.service.name)
        }
        Some(storage) => {
            format!("its spans go to {storage}: does that take writes, and do collector and query share it?")
        }
    };
    let detail =
        format!("takes a span by {protocol}, but it can't be read within {}", target.deadline.limit_text());
    ProbeFailure::new(detail).hint(hint)
}

/// Whom to ask for what a collector took: itself, or the stack's query service.
fn query_service<'a>(target: &Target<'a>) -> Option<(&'a Service, Replica)> {
    if Part::of(target.service).answers() {
        return Some((target.service, target.status.replica.clone()));
    }
    let jaeger = |service: &&Service| Kind::of(service) == Some(Kind::Jaeger) && Part::of(service).answers();
    let service = target.stack.services.values().find(jaeger)?;
    Some((service, Replica { service: service.name.clone(), number: 1 }))
}

/// The services that are told to send their spans to this one, by the names they report under.
pub(super) fn senders(stack: &Stack, jaeger: &Service) -> Vec<String> {
    const ENDPOINTS: [&str; 6] = [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_JAEGER_ENDPOINT",
        "OTEL_EXPORTER_JAEGER_AGENT_HOST",
        "JAEGER_ENDPOINT",
        "JAEGER_AGENT_HOST",
    ];
    let aliases = jaeger.networks.values().flat_map(|network| &network.aliases);
    let own = [&jaeger.container_name, &jaeger.hostname].into_iter().flatten();
    let names: Vec<&String> = aliases.chain(own).chain([&jaeger.name]).collect();
    let sends = |service: &&Service| {
        let endpoints = ENDPOINTS.iter().filter_map(|name| variable(service, name));
        endpoints.map(host).any(|host| names.iter().any(|name| *name == host))
    };
    stack.services.values().filter(|service| service.replicas > 0).filter(sends).map(reported_name).collect()
}

/// `jaeger` of `http://jaeger:4318/v1/traces`.
fn host(endpoint: &str) -> &str {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    rest.split([':', '/']).next().unwrap_or_default()
}

/// What a service calls itself in its spans.
fn reported_name(service: &Service) -> String {
    let attribute = || {
        let all = variable(service, "OTEL_RESOURCE_ATTRIBUTES")?;
        all.split(',').find_map(|pair| pair.trim().strip_prefix("service.name="))
    };
    let name = variable(service, "OTEL_SERVICE_NAME").or_else(attribute);
    name.or_else(|| variable(service, "JAEGER_SERVICE_NAME")).unwrap_or(&service.name).to_owned()
}

/// Who of them has reported. One without a request so far has nothing to report, so nobody is blamed.
pub(super) fn services<'a>(target: Target<'a>, place: Place) -> impl Future<Output = Outcome> + Send + 'a {
    async move {
        let there = reporting(&target, target.service, place).await?;
        let (seen, silent): (Vec<_>, Vec<_>) =
            senders(target.stack, target.service).into_iter().partition(|name| there.contains(name));
        let verb = |names: &[String], one: &str, more: &str| {
            if names.len() == 1 { one.to_owned() } else { more.to_owned() }
        };
        let seen_text = format!("{} {}", seen.join(", "), verb(&seen, "reports", "report"));
        let silent_text = format!(
            "{} {} no spans so far (without a request there are none)",
            silent.join(", "),
            verb(&silent, "has", "have")
        );
        Ok(Answer::Seen(match (seen.is_empty(), silent.is_empty()) {
            (true, _) => silent_text,
            (false, true) => seen_text,
            (false, false) => format!("{seen_text}; {silent_text}"),
        }))
    }
    .boxed()
}

//! Temporal at work: the namespaces that the stack's services use are there
//! (<https://docs.temporal.io/namespaces>).

use bytes::BufMut;
use futures_util::future::join_all;

use super::answer::{Answer, ProbeFailure};
use super::deep::{DeepCheck, Look, settled};
use super::grpc;
use super::listen::{port, variable};
use super::net::Place;
use super::target::Target;
use crate::stack::{Service, Stack};

const DESCRIBE: &str = "/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace";

/// Its check, where the stack says which namespaces there must be.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let names = namespaces(target.stack, target.service);
    if names.is_empty() {
        return Vec::new();
    }
    let port = port(target.service, &["grpc"], 7233);
    vec![DeepCheck::at("namespaces", target, port, async move |target, place| {
        all(target, place, &names).await
    })]
}

/// That each is there; else what is wrong with the first that isn't.
async fn all(target: Target<'_>, place: Place, names: &[String]) -> Result<Answer, ProbeFailure> {
    for answer in join_all(names.iter().map(|name| described(target, place, name))).await {
        match answer? {
            Answer::Seen(_) => {}
            other => return Ok(other),
        }
    }
    let verb = if names.len() == 1 { "is" } else { "are" };
    Ok(Answer::Seen(format!("{} {verb} there", names.join(", "))))
}

/// The namespaces that the server's image makes, and those that other services name. Pure.
fn namespaces(stack: &Stack, temporal: &Service) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let skipped = variable(temporal, "SKIP_DEFAULT_NAMESPACE_CREATION") == Some("true");
    match variable(temporal, "DEFAULT_NAMESPACE") {
        Some(name) if !skipped => names.push(name.to_owned()),
        // The image with the set-up, and the server for development.
        None if !skipped && (temporal.image.contains("auto-setup") || develops(temporal)) => {
            names.push("default".into());
        }
        _ => {}
    }
    let mut words = temporal.entrypoint.iter().chain(&temporal.command).flatten();
    while let Some(word) = words.next() {
        match word.strip_prefix("--namespace=") {
            Some(name) => names.push(name.to_owned()),
            None if matches!(word.as_str(), "--namespace" | "-n") => names.extend(words.next().cloned()),
            None => {}
        }
    }
    names.extend(
        stack
            .services
            .values()
            .filter_map(|service| variable(service, "TEMPORAL_NAMESPACE").map(str::to_owned)),
    );
    // In the order of their first mention.
    let mut once: Vec<String> = Vec::new();
    names.retain(|name| {
        !once.contains(name) && {
            once.push(name.clone());
            true
        }
    });
    names
}

fn develops(temporal: &Service) -> bool {
    temporal.entrypoint.iter().chain(&temporal.command).flatten().any(|word| word.contains("start-dev"))
}

/// That a namespace is there. One is made some time after the server has started, and is known everywhere later still.
async fn described(target: Target<'_>, place: Place, name: &str) -> Result<Answer, ProbeFailure> {
    settled(target.deadline, || async move {
        let reply = grpc::call(&target, place, DESCRIBE, grpc::frame(&request(name))).await?;
        Ok(match reply.grpc {
            Some(0) => Look::Final(Ok(Answer::Seen(String::new()))),
            // NOT_FOUND
            Some(5) => Look::NotYet(Err(ProbeFailure::new(format!("there is no namespace {name}")).hint(format!(
                "temporal operator namespace create {name} makes it; a step under x-vv.init can do it at each start"
            )))),
            // UNAVAILABLE, RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED
            Some(code @ (14 | 8 | 4)) => Look::NotYet(Err(ProbeFailure::new(format!(
                "{name} can't be asked for: gRPC status {code}: {}",
                reply.message
            ))
            .hint("is its database up? It keeps namespaces there"))),
            // PERMISSION_DENIED, UNAUTHENTICATED
            Some(7 | 16) => Look::Final(Ok(Answer::NotAsked("the server wants a login".into()))),
            Some(code) => Look::Final(Err(ProbeFailure::new(format!("gRPC status {code}: {}", reply.message)))),
            None => Look::Final(Err(ProbeFailure::new(format!("HTTP/2 status {}, but no gRPC status", reply.http)))),
        })
    })
    .await
}

/// DescribeNamespaceRequest: field 1, the name.
fn request(name: &str) -> Vec<u8> {
    // A namespace's name has at most 63 characters by default; one byte of length holds 127.
    let name = &name.as_bytes()[..name.len().min(127)];
    let mut message = vec![0x0a];
    message.put_u8(name.len() as u8);
    message.extend(name);
    message
}

#[cfg(test)]
#[path = "temporal_tests.rs"]
mod tests;

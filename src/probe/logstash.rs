//! Logstash at work: its pipelines run, and a document that goes in comes out in the stack's Elasticsearch
//! (<https://www.elastic.co/docs/api/doc/logstash/>).

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{Answer, ProbeFailure, first_line};
use super::deep::{DeepCheck, PROBE, few, unique};
use super::elasticsearch::{Node, entrance};
use super::http::{self, Method, Request};
use super::kind::Kind;
use super::listen::{declares, port};
use super::net::{GRACE, Place, Wire};
use super::target::{Deadline, Reach, Target};
use crate::platform::ReplicaState;
use crate::stack::Service;

/// Where pipelines by custom take lines of JSON.
const INPUT: u16 = 5000;
/// Before Elasticsearch is searched again.
const PAUSE: Duration = Duration::from_millis(100);

/// Its checks.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let web = port(target.service, &["http", "https"], 9600);
    let mut checks = vec![DeepCheck::at("pipelines", target, web, pipelines)];
    if let Some(input) = input(target.service) {
        checks.push(DeepCheck::at("document", target, input, document));
    }
    checks
}

/// The port that takes lines of JSON by TCP: of a url with that scheme, else the usual one where it is declared.
fn input(service: &Service) -> Option<u16> {
    let url = service.vv.urls.iter().find(|url| url.scheme == "tcp").map(|url| url.port);
    url.or_else(|| Some(INPUT).filter(|port| declares(service, *port)))
}

/// That every pipeline was loaded.
async fn pipelines(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    const PATH: &str = "/_node/stats/pipelines";
    let reply = http::send(&target, place, Request::document(PATH)).await?;
    let said = reply.json().unwrap_or_default();
    let Some(pipelines) = said["pipelines"].as_object().filter(|_| reply.status == 200) else {
        return Err(reply.refusal(PATH));
    };
    let broken = pipelines.iter().filter_map(|(name, pipeline)| {
        let reloads = &pipeline["reloads"];
        // The last reload failed: what runs is the pipeline before it, or none.
        let failed = reloads["last_failure_timestamp"].as_str()?;
        if reloads["last_success_timestamp"].as_str().is_some_and(|worked| worked > failed) {
            return None;
        }
        let why = reloads["last_error"]["message"].as_str().unwrap_or("it doesn't say why");
        Some(format!("{name}: {}", first_line(why)))
    });
    let broken: Vec<String> = broken.collect();
    if !broken.is_empty() {
        return Ok(Answer::Doubtful {
            detail: format!("the newest configuration isn't what runs: {}", few(broken)),
            hint: format!("correct the pipeline's file; vv logs {} says the line", target.service.name),
        });
    }
    let names: Vec<String> = pipelines.keys().filter(|name| !name.starts_with('.')).cloned().collect();
    if names.is_empty() {
        return Err(ProbeFailure::new("runs no pipeline")
            .hint("is a configuration mounted in /usr/share/logstash/pipeline?"));
    }
    Ok(Answer::Seen(format!("running: {}", few(names))))
}

/// Sends a document and looks for it until the time is up; then deletes it.
async fn document(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let node = match store(target).await? {
        Ok(node) => node,
        Err(why) => return Ok(Answer::NotAsked(why)),
    };
    let word = unique();
    let line = json!({"message": format!("{PROBE} {word}"), "service": PROBE, "level": "debug"});
    let mut wire = Wire::open(place, target.deadline).await?;
    wire.send(format!("{line}\n").as_bytes()).await?;
    // An accept by the engine's proxy proves nothing.
    wire.stays(GRACE).await?;
    let port = place.inside.unwrap_or(INPUT);
    let Some(path) = find(&node, &word, target.deadline).await? else {
        return Err(ProbeFailure::new(format!(
            "a document sent to port {port} isn't in Elasticsearch after {}",
            target.deadline.limit_text()
        ))
        .hint(format!(
            "its pipeline must read tcp with codec json_lines there and write to the stack's Elasticsearch: vv logs {}",
            target.service.name
        )));
    };
    let deleted = node.patient().send(Request::new(Method::DELETE, &path)).await?;
    match deleted.status {
        200 | 404 => Ok(Answer::Seen(format!(
            "a document sent to port {port} was found in Elasticsearch, and deleted"
        ))),
        _ => Ok(Answer::Doubtful {
            detail: format!(
                "a document sent to port {port} was found, but DELETE {path} answers {}",
                deleted.status
            ),
            hint: format!("it says {PROBE} in its field service"),
        }),
    }
}

/// The path of the document that holds the word; nothing where the time runs out before it comes.
async fn find(node: &Node<'_>, word: &str, deadline: Deadline) -> Result<Option<String>, ProbeFailure> {
    let search = format!("/_search?size=1&ignore_unavailable=true&_source=false&q=%22{word}%22");
    loop {
        let reply = match node.send(Request::document(&search)).await {
            Err(_) if deadline.left().is_zero() => return Ok(None),
            other => other?,
        };
        let said = reply.json().unwrap_or_default();
        match reply.status {
            200 => {
                let found = said["hits"]["hits"].as_array().and_then(|hits| hits.first()).and_then(path_of);
                if found.is_some() {
                    return Ok(found);
                }
            }
            // Shards of an index that is just being made can't be searched yet.
            404 | 503 => {}
            _ => return Err(reply.refusal("/_search")),
        }
        if deadline.bound(tokio::time::sleep(PAUSE)).await.is_err() {
            return Ok(None);
        }
    }
}

/// `/logs-2024/_doc/1`; before version 7 a document has a type.
fn path_of(hit: &Value) -> Option<String> {
    let kind = hit["_type"].as_str().unwrap_or("_doc");
    Some(format!("/{}/{kind}/{}", hit["_index"].as_str()?, hit["_id"].as_str()?))
}

/// The stack's Elasticsearch, or why there is none to look into.
async fn store(target: Target<'_>) -> Result<Result<Node<'_>, String>, ProbeFailure> {
    let Some(service) =
        target.stack.services.values().find(|service| Kind::of(service) == Some(Kind::Elasticsearch))
    else {
        return Ok(Err("the stack has no Elasticsearch to look for a document in".into()));
    };
    let replicas = match target.deadline.bound(target.platform.replicas(&service.name)).await {
        Ok(Ok(replicas)) => replicas,
        Ok(Err(error)) => return Err(ProbeFailure::new(error.to_string())),
        Err(_) => return Err(ProbeFailure::new("the engine doesn't answer in time")),
    };
    let Some(replica) = replicas.iter().find(|replica| replica.state == ReplicaState::Running) else {
        return Ok(Err(format!("{} doesn't run", service.name)));
    };
    let there = Target { service, ..target };
    let (port, scheme) = entrance(&there);
    match target.reach_other(&replica.replica, port).await? {
        Reach::At(endpoint) => {
            // How it is, its own checks say.
            let reached = Node::reach(there, Place::of(endpoint, port), scheme, "/").await;
            Ok(reached.map(|(node, _)| node).map_err(|failure| format!("{}: {failure}", service.name)))
        }
        Reach::Hidden(why) => Ok(Err(format!("{}: {why}", service.name))),
    }
}

#[cfg(test)]
#[path = "logstash_tests.rs"]
mod tests;

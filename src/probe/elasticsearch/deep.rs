//! Elasticsearch at work: no index is locked, and a document goes in and is found.

use serde_json::{Value, json};

use super::{Node, entrance};
use crate::probe::answer::{Answer, ProbeFailure, first_line};
use crate::probe::deep::{DeepCheck, PROBE, few, unique};
use crate::probe::http::{Method, Request};
use crate::probe::net::Place;
use crate::probe::target::Target;

/// Its checks.
pub(in crate::probe) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let (port, _) = entrance(&target);
    vec![DeepCheck::at("blocks", target, port, blocks), DeepCheck::at("document", target, port, document)]
}

/// That no index is locked: where its disk runs full, it locks every index that has a shard there
/// (<https://www.elastic.co/docs/troubleshoot/elasticsearch/fix-watermark-errors>).
async fn blocks(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    const INDICES: &str = "/_all/_settings/index.blocks.*?flat_settings=true";
    const CLUSTER: &str = "/_cluster/settings?flat_settings=true";
    let (node, reply) = Node::reach(target, place, entrance(&target).1, INDICES).await?;
    if matches!(reply.status, 401 | 403) {
        return Ok(Answer::NotAsked("the stack's login may not see the settings of indices".into()));
    }
    let Some(indices) = reply.json().filter(|_| reply.status == 200) else {
        return Err(reply.refusal(INDICES));
    };
    let cluster = node.get(CLUSTER).await.unwrap_or_default();
    judge(&indices, &cluster)
}

fn judge(indices: &Value, cluster: &Value) -> Result<Answer, ProbeFailure> {
    let locked = |block: &str| -> Vec<String> {
        let indices = indices.as_object().into_iter().flatten();
        let locked = indices.filter(|(_, index)| is_on(&index["settings"][format!("index.blocks.{block}")]));
        locked.map(|(name, _)| name.clone()).collect()
    };
    for block in ["cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete"] {
        if is_on(&cluster["persistent"][block]) || is_on(&cluster["transient"][block]) {
            return Err(ProbeFailure::new(format!("takes no writes: {block} is set"))
                .hint(format!("PUT /_cluster/settings {{\"persistent\":{{\"{block}\":null}}}}")));
        }
    }
    let full = locked("read_only_allow_delete");
    if !full.is_empty() {
        return Err(ProbeFailure::new(format!(
            "takes no writes to {}: its disk was too full (flood stage), so it locked them",
            few(full)
        ))
        .hint(
            "free disk space (docker system df); it unlocks them by itself then, before version 7.4 by PUT \
             /_all/_settings {\"index.blocks.read_only_allow_delete\":null}",
        ));
    }
    let read_only = locked("read_only");
    if !read_only.is_empty() {
        return Ok(Answer::Doubtful {
            detail: format!("somebody set {} to read only", few(read_only)),
            hint: "PUT /INDEX/_settings {\"index.blocks.read_only\":null} lets writes in again".into(),
        });
    }
    let count = indices.as_object().map_or(0, serde_json::Map::len);
    Ok(Answer::Seen(match count {
        0 => "no index is locked".into(),
        _ => "no index is locked against writing".into(),
    }))
}

/// Settings are texts, but a JSON true says the same.
fn is_on(setting: &Value) -> bool {
    *setting == json!("true") || *setting == json!(true)
}

/// That an index of its own takes a document, gives it back, and is removed again.
async fn document(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let (node, _) = Node::reach(target, place, entrance(&target).1, "/").await?;
    let index = format!("/{PROBE}-{}", unique());
    let outcome = round_trip(&node, &index).await;
    // Also what failed half-way, or too late, is removed again.
    let removed = node.patient().send(Request::new(Method::DELETE, &index)).await;
    let answer = outcome?;
    match removed?.status {
        200 | 404 => Ok(answer),
        status => Err(ProbeFailure::new(format!("an index can be made, but not deleted: {status}"))),
    }
}

async fn round_trip(node: &Node<'_>, index: &str) -> Result<Answer, ProbeFailure> {
    // Half of what is left, so that the reason can still be asked for.
    let wait = node.target.deadline.left().as_millis() / 2;
    let settings = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0}});
    let made = node.tell(Method::PUT, &format!("{index}?timeout={wait}ms"), &settings).await?;
    match made {
        (200, said) if said["shards_acknowledged"] == json!(false) => {
            return Err(unassigned(node, index).await);
        }
        (200, _) => {}
        (401 | 403, said) if !said.to_string().contains("cluster_block_exception") => {
            return Ok(Answer::NotAsked("the stack's login may not make an index".into()));
        }
        (status, said) => return Err(refused("makes no index", status, &said)),
    }
    let path = format!("{index}/_doc/1?refresh=true&timeout={wait}ms");
    match node.tell(Method::PUT, &path, &json!({"probe": PROBE})).await? {
        (200 | 201, _) => {}
        (status, said) => return Err(refused("takes no document", status, &said)),
    }
    let found = node.get(&format!("{index}/_search?q=probe:%22{PROBE}%22")).await?;
    match found["hits"]["hits"].as_array().map(Vec::len) {
        Some(1) => Ok(Answer::Seen("a document was written, found and removed".into())),
        _ => Err(ProbeFailure::new("a document that was just written isn't found")),
    }
}

/// What an error document means (<https://www.elastic.co/docs/api/doc/elasticsearch>: every error has this shape).
fn refused(what: &str, status: u16, said: &Value) -> ProbeFailure {
    let reason = said["error"]["reason"].as_str().unwrap_or_default();
    let reason = first_line(reason.trim_start_matches("Validation Failed: 1: ").trim_end_matches(';'));
    let failure = ProbeFailure::new(format!("{what}: {status} {reason}"));
    if reason.contains("maximum") && reason.contains("shards") {
        return failure.hint("delete old indices, or raise cluster.max_shards_per_node");
    }
    if reason.contains("read-only") || reason.contains("blocked by") {
        return failure.hint("its disk is too full, or somebody locked it: look at the check 'blocks'");
    }
    failure
}

/// Why a new index isn't given room, as the cluster explains it.
async fn unassigned(node: &Node<'_>, index: &str) -> ProbeFailure {
    let asked = json!({"index": index.trim_start_matches('/'), "shard": 0, "primary": true});
    let said = match node.tell(Method::POST, "/_cluster/allocation/explain", &asked).await {
        Ok((200, said)) => said,
        _ => Value::Null,
    };
    let deciders = said["node_allocation_decisions"].as_array().into_iter().flatten();
    let reasons = deciders.flat_map(|node| node["deciders"].as_array().into_iter().flatten());
    let reason = reasons.filter_map(|decider| decider["explanation"].as_str()).next();
    let reason = reason.or(said["allocate_explanation"].as_str()).unwrap_or("it doesn't say why");
    let failure = ProbeFailure::new(format!("gives a new index no room: {}", first_line(reason)));
    if reason.contains("watermark") {
        return failure.hint(
            "free disk space (docker system df); new shards wait until its disk is below the watermark",
        );
    }
    failure.hint("GET /_cluster/allocation/explain says more")
}

#[cfg(test)]
#[path = "deep_tests.rs"]
mod tests;

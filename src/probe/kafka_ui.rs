//! Kafka's web interfaces: that they reach their clusters, where they tell.
//!
//! Kafka UI (Provectus, Kafbat) has `/api/clusters`:
//! <https://github.com/provectus/kafka-ui/blob/master/kafka-ui-contract/src/main/resources/swagger/kafka-ui-api.yaml>.
//! Kafdrop answers its first page in JSON. AKHQ tells of its clusters' names only.

use std::time::Duration;

use serde_json::Value;

use super::answer::{Answer, ProbeFailure, first_line};
use super::deep::{DeepCheck, Outcome};
use super::http::{self, Method, Reply, Request};
use super::listen::{port, variable};
use super::net::Place;
use super::question::{Question, Scheme};
use super::target::Target;

const CLUSTERS: &str = "/api/clusters";
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// That it reaches Kafka.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let at = match Question::of(target.service, false) {
        Some(Question::Http(page)) => page.port,
        _ => port(target.service, &["http", "https"], 8080),
    };
    let image = target.service.image.as_str();
    if image.contains("akhq") {
        Vec::new()
    } else if image.contains("kafdrop") {
        vec![DeepCheck::at(
            "brokers",
            target,
            at,
            |target, place| async move { kafdrop(&target, place).await },
        )]
    } else {
        vec![DeepCheck::at(
            "clusters",
            target,
            at,
            |target, place| async move { clusters(&target, place).await },
        )]
    }
}

/// Asks for the clusters until all are online: it looks at them every 30 s by itself, and at once where it is told to.
async fn clusters(target: &Target<'_>, place: Place) -> Outcome {
    loop {
        let below = variable(target.service, "SERVER_SERVLET_CONTEXT_PATH").unwrap_or_default();
        let path = format!("{}{CLUSTERS}", below.trim_end_matches('/'));
        let reply = http::get(target, place, scheme(target, place), &path, None).await?;
        let found = judge(&reply, target);
        if found.is_ok() || target.deadline.left() < PAUSE * 2 {
            return found;
        }
        for name in offline(&reply) {
            let path = format!("{path}/{}/cache", encoded(&name));
            let ask = Request { scheme: scheme(target, place), ..Request::new(Method::POST, &path) };
            // Where it may not be told, its next own look must do.
            let _ = http::send(target, place, ask).await;
        }
        if target.deadline.left() < PAUSE * 2 {
            return found;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn scheme(target: &Target<'_>, place: Place) -> Scheme {
    let tls = |url: &crate::stack::vv::Url| Some(url.port) == place.inside && url.scheme == "https";
    if target.service.vv.urls.iter().any(tls) { Scheme::Https } else { Scheme::Http }
}

/// A cluster's name in a path.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let each = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(each).collect()
}

fn listed(reply: &Reply) -> Option<Vec<Value>> {
    match reply.json() {
        Some(Value::Array(clusters)) if reply.status == 200 => Some(clusters),
        _ => None,
    }
}

fn offline(reply: &Reply) -> Vec<String> {
    let online = |cluster: &Value| cluster["status"] == "online";
    let clusters = listed(reply).unwrap_or_default();
    let names =
        clusters.iter().filter(|cluster| !online(cluster)).filter_map(|cluster| cluster["name"].as_str());
    names.map(str::to_owned).collect()
}

fn judge(reply: &Reply, target: &Target<'_>) -> Outcome {
    let Some(clusters) = listed(reply) else {
        return match reply.status {
            404 => Ok(Answer::NotAsked(format!("it has no {CLUSTERS}"))),
            // A login form answers with its page, or sends there.
            200..=499 => Ok(Answer::NotAsked(format!("{CLUSTERS} wants a login ({})", reply.status))),
            _ => Err(reply.refusal(CLUSTERS)),
        };
    };
    let name = |cluster: &Value| cluster["name"].as_str().unwrap_or("a cluster").to_owned();
    if clusters.is_empty() {
        return Ok(Answer::Doubtful {
            detail: "knows no cluster".into(),
            hint: "name one: KAFKA_CLUSTERS_0_NAME and KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS".into(),
        });
    }
    let Some((index, lost)) = clusters.iter().enumerate().find(|(_, cluster)| cluster["status"] != "online")
    else {
        let names: Vec<String> = clusters.iter().map(name).collect();
        return Ok(Answer::Seen(format!("online: {}", names.join(", "))));
    };
    let status = lost["status"].as_str().unwrap_or("without a status");
    let mut detail = format!("the cluster {} is {status}", name(lost));
    if let Some(why) = lost["lastError"]["message"].as_str().map(first_line).filter(|why| !why.is_empty()) {
        detail = format!("{detail}: {why}");
    }
    let variable = format!("KAFKA_CLUSTERS_{index}_BOOTSTRAPSERVERS");
    let set = match target.service.environment.get(&variable) {
        Some(Some(servers)) => format!("{variable} is {servers}"),
        _ => format!("{variable} says where it looks"),
    };
    Err(ProbeFailure::new(detail)
        .hint(format!("{set}: it must be a listener that is advertised to containers")))
}

/// Kafdrop asks Kafka for every page.
async fn kafdrop(target: &Target<'_>, place: Place) -> Outcome {
    let reply = http::get(target, place, scheme(target, place), "/", None).await?;
    if reply.status >= 500 {
        let hint = "KAFKA_BROKERCONNECT must be a listener that is advertised to containers";
        return Err(reply.refusal("/").hint(hint));
    }
    match reply.json().as_ref().and_then(|page| page["brokers"].as_array()) {
        Some(brokers) if brokers.is_empty() => Err(ProbeFailure::new("sees no broker")
            .hint("KAFKA_BROKERCONNECT must be a listener that is advertised to containers")),
        Some(brokers) => Ok(Answer::Seen(format!(
            "sees {} broker{}",
            brokers.len(),
            if brokers.len() == 1 { "" } else { "s" }
        ))),
        // More than was read, or a version that has only the page.
        None => Ok(Answer::NotAsked("its first page isn't to be had in JSON".into())),
    }
}

#[cfg(test)]
#[path = "kafka_ui_tests.rs"]
mod tests;

//! The stand-in's proxy against what a real Kong 3.4.2 answered through its own.

#![allow(clippy::unwrap_used, missing_docs, dead_code, reason = "a test that can't go on should panic")]

mod replay;

use replay::compare::Ids;
use replay::rename::Renaming;
use replay::{Answer, Exchange, echo};
use serde_json::{Map, Value, json};
use vv_stand_ins::kong::{Kong, Options};

/// Exchanges that don't hold, with why.
const EXCEPTED: [(&str, &str); 0] = [];

#[tokio::test]
async fn as_recorded() {
    replay("proxy", false).await;
}

#[tokio::test]
async fn with_other_names() {
    replay("proxy", true).await;
}

async fn replay(folder: &str, renamed: bool) {
    let recorded = replay::folder(folder);
    // A token that was signed with a key that isn't known can't be signed anew.
    let renaming = Renaming::of(&recorded, &["alice-rs"]);
    let upstreams =
        [(19999, echo::start(200).await), (19998, echo::start(200).await), (19997, echo::start(500).await)];
    let kong = Kong::start(Options::default()).unwrap();
    let mut ids = Ids::new(false);
    let mut failed = Vec::new();
    for exchange in &recorded {
        let admin = matches!(exchange.port(), 8001 | 8100);
        let mut exchange = if renamed { renaming.exchange(exchange, admin) } else { exchange.clone() };
        let port = exchange.port();
        exchange.url = ids.translate(&exchange.url);
        for (then, now) in upstreams {
            exchange.body = with_port(&exchange.body, then, now);
            exchange.json = with_port(&exchange.json, then, now);
        }
        let address = match port {
            8001 => kong.admin(),
            8100 => kong.status(),
            8443 => kong.proxy_tls(),
            _ => kong.proxy(),
        };
        let answer = replay::send(&exchange, address, port == 8443).await;
        if let Err(why) = same(&mut ids, &exchange, answer, admin, &kong) {
            failed.push((exchange.name.clone(), why));
        }
    }
    let how = if renamed { "with other names" } else { "as recorded" };
    replay::verdict(&format!("{folder} {how}"), &failed, recorded.len(), &EXCEPTED);
}

/// A document with another port of an upstream.
fn with_port(value: &Value, then: u16, now: u16) -> Value {
    match value {
        Value::String(text) => json!(text.replace(&format!("127.0.0.1:{then}"), &format!("127.0.0.1:{now}"))),
        Value::Number(number) if number.as_u64() == Some(then.into()) => json!(now),
        Value::Array(list) => list.iter().map(|value| with_port(value, then, now)).collect(),
        Value::Object(map) => Value::Object(
            map.iter().map(|(name, value)| (name.clone(), with_port(value, then, now))).collect(),
        ),
        other => other.clone(),
    }
}

fn same(ids: &mut Ids, exchange: &Exchange, answer: Answer, admin: bool, kong: &Kong) -> Result<(), String> {
    if answer.status != exchange.status {
        return Err(format!("status: recorded {}, now {} {}", exchange.status, answer.status, answer.text));
    }
    if admin {
        return ids.same(&exchange.json, &answer.json, "");
    }
    let lowered = |headers: &Map<String, Value>| -> Map<String, Value> {
        headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect()
    };
    let (mut recorded, mut now) = (exchange.json.clone(), answer.json.clone());
    if let Some(headers) = recorded["headers"].as_object() {
        let mut headers = lowered(headers);
        let port = if exchange.port() == 8443 { kong.proxy_tls().port() } else { kong.proxy().port() };
        headers.insert("x-forwarded-port".to_owned(), json!(port.to_string()));
        recorded["headers"] = Value::Object(headers);
    }
    correlated(&mut recorded["headers"], &mut now["headers"]);
    ids.same(&recorded, &now, "body")?;
    if let Some(text) =
        exchange.text.as_ref().filter(|text| text.replace("\r\n", "\n") != answer.text.replace("\r\n", "\n"))
    {
        return Err(format!("text: recorded {text:?}, now {:?}", answer.text));
    }
    let mut recorded = Value::Object(lowered(&exchange.response_headers));
    let headers =
        answer.headers.iter().map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())));
    let mut now: Map<String, Value> = headers.collect();
    // Not recorded, or of the connection.
    for name in ["x-stand-in", "date", "content-length", "connection"] {
        now.remove(name);
    }
    let mut now = Value::Object(now);
    correlated(&mut recorded, &mut now);
    for (name, value) in recorded.as_object_mut().unwrap() {
        // Milliseconds, and seconds to the hour's end.
        let varies = ["-latency", "ratelimit-reset", "retry-after"].iter().any(|end| name.ends_with(end));
        if varies && now[name].as_str().is_some_and(|now| now.parse::<u64>().is_ok()) {
            *value = now[name].clone();
        }
    }
    ids.same(&recorded, &now, "headers")
}

/// What the gateway made up to tell requests apart: an id and a count.
fn correlated(recorded: &mut Value, now: &mut Value) {
    let made =
        |value: &Value| value["x-request-id"].as_str().is_some_and(|id| id.len() > 36 && id.contains('#'));
    if made(recorded) && made(now) {
        now["x-request-id"] = recorded["x-request-id"].clone();
    }
}

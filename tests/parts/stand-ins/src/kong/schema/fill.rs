//! What Kong makes of an entity before it checks and keeps it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rand::RngExt as _;
use rand::distr::Alphanumeric;
use serde_json::{Map, Value, json};
use sha1::{Digest as _, Sha1};

use super::{custom, fields, fields_of, special, tls};

/// Gives every missing field its default, `null` where it has none.
pub fn fill_defaults(kind: &str, entity: &mut Map<String, Value>) {
    // Which special schema holds may depend on a default: a route's protocols.
    if let Some(field) = super::field(kind, "protocols").filter(|_| kind == "routes") {
        fill("protocols", field, entity);
    }
    for (name, field) in fields_of(kind, special(kind, entity).ok().flatten()) {
        if field["abstract"] != true {
            fill(name, field, entity);
        }
    }
    // Before anything is checked: Kong 3.4.2 takes `"algorithm": "best"` where `hash_on` is set.
    if kind == "upstreams" && entity.get("hash_on").is_some_and(|on| on != "none") {
        entity.insert("algorithm".to_owned(), json!("consistent-hashing"));
    }
}

fn fill(name: &str, field: &'static Value, entity: &mut Map<String, Value>) {
    let value = entity.entry(name).or_insert_with(|| match field.get("default") {
        Some(default) => default.clone(),
        // A record that must be there holds its own defaults.
        None if field["type"] == "record" && field["required"] == true => json!({}),
        None => Value::Null,
    });
    fill_inside(field, value);
}

fn fill_inside(field: &'static Value, value: &mut Value) {
    match (field["type"].as_str(), value) {
        (Some("record"), Value::Object(record)) => {
            for (name, field) in fields(field) {
                fill(name, field, record);
            }
        }
        (Some("array" | "set"), Value::Array(list)) => {
            list.iter_mut().for_each(|value| fill_inside(&field["elements"], value));
        }
        (Some("array" | "set"), value @ Value::Object(_)) if value.as_object().is_some_and(Map::is_empty) => {
            *value = json!([]);
        }
        (Some("map"), Value::Object(map)) => {
            map.values_mut().for_each(|value| fill_inside(&field["values"], value));
        }
        _ => {}
    }
}

/// Seconds since 1970, to the millisecond; never the same twice, since lists of targets are in that order.
fn now() -> f64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let last = LAST.fetch_max(now, Ordering::Relaxed);
    let now = if last < now { now } else { LAST.fetch_add(1, Ordering::Relaxed) + 1 };
    now as f64 / 1000.0
}

/// Gives a new id, times and generated keys where they are missing; `updated_at` always.
pub fn fill_auto(kind: &str, entity: &mut Map<String, Value>) {
    for (name, field) in fields_of(kind, None) {
        let missing = entity.get(name).is_none_or(Value::is_null);
        if field["auto"] != true || (!missing && name != "updated_at") {
            continue;
        }
        let value = match field["type"].as_str() {
            _ if field["uuid"] == true => json!(uuid::Uuid::new_v4().to_string()),
            Some("integer") if field["timestamp"] == true => json!(now() as u64),
            Some("number") if field["timestamp"] == true => json!(now()),
            _ => json!(rand::rng().sample_iter(Alphanumeric).take(32).map(char::from).collect::<String>()),
        };
        entity.insert(name.to_owned(), value);
    }
}

/// What a PATCH makes of an entity: records are merged, lists and maps replaced.
pub fn merge(kind: &str, old: &Map<String, Value>, given: &Map<String, Value>) -> Map<String, Value> {
    let special = special(kind, given).ok().flatten().or_else(|| special(kind, old).ok().flatten());
    let fields = fields_of(kind, special);
    let mut merged = old.clone();
    for (name, value) in given {
        let field = fields.iter().find(|(known, _)| known == name).map(|(_, field)| *field);
        let old = merged.remove(name);
        merged.insert(name.clone(), merge_value(field, old, value));
    }
    merged
}

fn merge_value(field: Option<&'static Value>, old: Option<Value>, given: &Value) -> Value {
    match (field.filter(|field| field["type"] == "record"), old, given) {
        (Some(field), Some(Value::Object(mut old)), Value::Object(given)) => {
            for (name, value) in given {
                let inner = fields(field).find(|(known, _)| known == name).map(|(_, field)| field);
                let before = old.remove(name);
                old.insert(name.clone(), merge_value(inner, before, value));
            }
            Value::Object(old)
        }
        (_, _, given) => given.clone(),
    }
}

/// The forms that Kong keeps values in. `old` is what is there already.
pub fn normalise(kind: &str, entity: &mut Map<String, Value>, old: Option<&Map<String, Value>>) {
    for (name, field) in fields_of(kind, special(kind, entity).ok().flatten()) {
        if let Some(value) = entity.get_mut(name) {
            without_doubles(field, value);
        }
    }
    let text = |entity: &Map<String, Value>, name: &str| entity.get(name)?.as_str().map(str::to_owned);
    match kind {
        "targets" => {
            if let Some(target) = text(entity, "target").and_then(|target| custom::target(&target)) {
                entity.insert("target".to_owned(), json!(target));
            }
        }
        "ca_certificates" => {
            if let Some(digest) = text(entity, "cert").and_then(|cert| tls::digest(&cert)) {
                entity.insert("cert_digest".to_owned(), json!(digest));
            }
        }
        "basicauth_credentials" => {
            let password = text(entity, "password");
            if password != old.and_then(|old| text(old, "password"))
                && let (Some(password), Some(consumer)) = (password, entity["consumer"]["id"].as_str())
            {
                let digest = Sha1::digest(format!("{password}{consumer}"));
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                entity.insert("password".to_owned(), json!(hex));
            }
        }
        _ => {}
    }
}

/// A set holds everything once.
fn without_doubles(field: &'static Value, value: &mut Value) {
    match (field["type"].as_str(), value) {
        (Some("set"), Value::Array(list)) => {
            let mut seen: Vec<Value> = Vec::new();
            for value in list.drain(..) {
                if !seen.contains(&value) {
                    seen.push(value);
                }
            }
            *list = seen;
        }
        (Some("record"), Value::Object(record)) => {
            for (name, field) in fields(field) {
                if let Some(value) = record.get_mut(name) {
                    without_doubles(field, value);
                }
            }
        }
        _ => {}
    }
}

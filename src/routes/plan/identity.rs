//! Which entity of the gateway a declared one is.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::routes::kind::{KNOWN, Kind};
use crate::routes::schema::Schema;

/// What vv's own ids are made in: a name in it is `owner/type/key`.
const NAMESPACE: Uuid = Uuid::from_u128(0x7d6a_02c5_91a4_5f0e_8d3e_4b2c_76f1_a0e9);

/// What routes without a name are told apart by.
const OF_ROUTE: &[&str] =
    &["service", "protocols", "methods", "hosts", "paths", "headers", "snis", "sources", "destinations"];
/// The same for services.
const OF_SERVICE: &[&str] = &["host", "port", "path", "protocol"];
/// What a plugin is put on. Kong 3.4.2 has no two of a name on the same.
pub(super) const SCOPE: &[&str] = &["service", "route", "consumer", "consumer_group"];

/// The id that vv makes an entity with: always the same for the same key, so that a repeated creation is recognised.
pub(super) fn made(owner: &str, kind: &Kind, key: &str) -> String {
    Uuid::new_v5(&NAMESPACE, format!("{owner}/{kind}/{key}").as_bytes()).to_string()
}

/// What an entity is looked for by, the surest first. A key names its fields, so keys of different kinds never meet.
pub(super) fn looked_for_by(kind: &Kind, schema: &Schema, entity: &Map<String, Value>) -> Vec<String> {
    let mut keys = Vec::new();
    match kind.name() {
        "plugins" => keys.push(scope(entity)),
        "certificates" | "ca_certificates" => keys.extend(certificate(entity)),
        name => {
            let facts = kind.facts();
            let owner = facts.and_then(|facts| facts.owner).map(|(field, _)| field);
            let named_by: Vec<&str> = match facts {
                Some(facts) => facts.named_by.to_vec(),
                None => std::iter::once("name").chain(schema.unique()).collect(),
            };
            keys.extend(named_by.iter().filter_map(|field| within(owner, field, entity)));
            match name {
                "routes" if keys.is_empty() => keys.push(matches(OF_ROUTE, entity)),
                "services" if keys.is_empty() => keys.push(matches(OF_SERVICE, entity)),
                _ => {}
            }
        }
    }
    // A credential's key is one in the whole gateway, whoever it belongs to.
    for key in unique(kind, schema, entity) {
        if !keys.contains(&key.text) {
            keys.push(key.text);
        }
    }
    keys
}

/// What no two entities of a gateway share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unique {
    /// The fields that make it.
    pub fields: Vec<String>,
    /// Their values; may hold a secret.
    pub text: String,
}

/// What of this entity no other may have.
pub(super) fn unique(kind: &Kind, schema: &Schema, entity: &Map<String, Value>) -> Vec<Unique> {
    let mut keys = Vec::new();
    let mut add = |fields: &[&str], text: Option<String>| {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        keys.extend(text.map(|text| Unique { fields, text }));
    };
    for field in schema.unique() {
        add(&[field], within(None, field, entity));
    }
    match kind.name() {
        "plugins" => add(&[&["name"], SCOPE].concat(), Some(scope(entity))),
        "ca_certificates" => add(&["cert"], certificate(entity)),
        "targets" => add(&["target"], within(Some("upstream"), "target", entity)),
        "acls" => add(&["group"], within(Some("consumer"), "group", entity)),
        _ => {}
    }
    keys
}

/// `upstream=…,target=…`; nothing where the field has no value.
fn within(owner: Option<&str>, field: &str, entity: &Map<String, Value>) -> Option<String> {
    let value = entity.get(field).filter(|value| !value.is_null() && **value != "")?;
    let value = match (owner, value) {
        (Some("upstream"), Value::String(address)) => target(address),
        _ => canonical(value),
    };
    Some(match owner {
        Some(owner) => format!("{owner}={},{field}={value}", reference(entity, owner)),
        None => format!("{field}={value}"),
    })
}

/// The port of a target that has none.
const TARGET_PORT: u16 = 8000;

/// A target with its port, as Kong 3.4.2 keeps it where it has a database: `h` is `h:8000`. Loaded from a declarative
/// text it stays as it is.
pub(super) fn with_port(target: &str) -> String {
    let has_port = match target.rsplit_once(':') {
        Some((host, _)) => !host.contains(':') || host.ends_with(']'),
        None => false,
    };
    if has_port { target.to_owned() } else { format!("{target}:{TARGET_PORT}") }
}

/// A target in the form in which it is compared: with its port, and an IPv6 address in its shortest form, where Kong
/// writes all of its zeros.
pub(super) fn target(address: &str) -> String {
    let address = with_port(address);
    let Some((host, port)) = address.rsplit_once(':') else { return address };
    match host.trim_start_matches('[').trim_end_matches(']').parse::<Ipv6Addr>() {
        Ok(host) => format!("[{host}]:{port}"),
        Err(_) => address,
    }
}

fn scope(entity: &Map<String, Value>) -> String {
    let name = entity.get("name").and_then(Value::as_str).unwrap_or_default();
    let places = SCOPE.iter().map(|field| format!(",{field}={}", reference(entity, field)));
    format!("plugin={name}{}", places.collect::<String>())
}

/// The id that a field refers to; nothing: empty.
pub(super) fn reference<'a>(entity: &'a Map<String, Value>, field: &str) -> &'a str {
    match entity.get(field) {
        Some(Value::Object(to)) => to.get("id").and_then(Value::as_str).unwrap_or_default(),
        Some(Value::String(id)) => id,
        _ => "",
    }
}

fn matches(fields: &[&str], entity: &Map<String, Value>) -> String {
    let parts = fields.iter().map(|field| match entity.get(*field) {
        Some(Value::Object(to)) if to.contains_key("id") => format!("{field}={};", reference(entity, field)),
        Some(value) if !value.is_null() => format!("{field}={};", canonical(value)),
        _ => String::new(),
    });
    format!("matches:{}", parts.collect::<String>())
}

/// A certificate by its text, without what editors do to its ends.
fn certificate(entity: &Map<String, Value>) -> Option<String> {
    let text = entity.get("cert").and_then(Value::as_str)?;
    Some(format!("cert={}", pem(text)))
}

/// A PEM text's lines without the white space around them.
pub(super) fn pem(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A value as a text that is the same for the same value: lists in order, since order says nothing of what is matched.
fn canonical(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let mut items: Vec<String> = items.iter().map(canonical).collect();
            items.sort();
            format!("[{}]", items.join(","))
        }
        Value::Object(map) => {
            let sorted: BTreeMap<&String, String> =
                map.iter().map(|(name, value)| (name, canonical(value))).collect();
            format!("{sorted:?}")
        }
        Value::Number(number) => match number.as_f64() {
            Some(number) => number.to_string(),
            None => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) => value.to_string(),
    }
}

/// The id of what an entity belongs to, of types that are addressed below it: a target's upstream, a credential's
/// consumer.
pub(super) fn within_which(kind: &Kind, entity: &Map<String, Value>) -> Option<String> {
    let (field, _) = kind.facts()?.owner.filter(|(field, _)| ["upstream", "consumer"].contains(field))?;
    Some(reference(entity, field).to_owned())
}

/// The place of a type among the known ones; an unknown one comes after them.
pub(super) fn place(kind: &Kind) -> usize {
    KNOWN.iter().position(|facts| facts.name == kind.name()).unwrap_or(KNOWN.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_ports() {
        for (declared, kept) in [
            ("h", "h:8000"),
            ("h:80", "h:80"),
            ("10.0.0.1", "10.0.0.1:8000"),
            ("[::1]:80", "[::1]:80"),
            ("[::1]", "[::1]:8000"),
            ("[0000:0000:0000:0000:0000:0000:0000:0001]:80", "[::1]:80"),
        ] {
            assert_eq!(target(declared), kept);
        }
    }
}

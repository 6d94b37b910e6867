//! What is written of a gateway, and that it reads back.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Options, text};
use crate::routes::declaration::{Declaration, Entity, To};
use crate::routes::gateway::Gateway;
use crate::routes::kind::Kind;
use crate::routes::plan;
use crate::routes::read::shape::names_of;
use crate::routes::read::tests::read_with;
use crate::routes::schema::Schema;
use crate::routes::testing::{empty_gateway, recorded};

const OPEN: Options = Options { secrets: true };

fn gateway(entities: Value) -> Gateway {
    let mut gateway = empty_gateway();
    for (kind, list) in entities.as_object().unwrap() {
        let list = list.as_array().unwrap().iter().map(|entity| entity.as_object().unwrap().clone());
        gateway.entities.insert(Kind::of(kind), list.collect());
    }
    gateway
}

fn id(number: usize) -> String {
    format!("cccccccc-0000-4000-8000-{number:012}")
}

/// A small shop.
fn shop() -> Gateway {
    let of = |number: usize| json!({ "id": id(number) });
    gateway(json!({
        "services": [
            {"id": id(1), "name": "users", "host": "users.upstream", "port": 80, "protocol": "http", "path": null,
             "retries": 5, "connect_timeout": 60000, "write_timeout": 60000, "read_timeout": 60000, "enabled": true,
             "tags": ["vv:shop"], "created_at": 1, "updated_at": 2, "client_certificate": null},
            {"id": id(2), "name": "orders", "host": "orders", "port": 8080, "protocol": "https", "path": "/api",
             "retries": null, "connect_timeout": 2000, "enabled": true, "tags": ["b", "vv:shop", "a"],
             "client_certificate": of(60), "ca_certificates": [id(62)]},
            {"id": id(3), "host": "unnamed", "port": 80, "protocol": "http"},
            {"id": id(4), "name": "vv-probe-1", "host": "x", "tags": ["vv-probe"]},
        ],
        "routes": [
            {"id": id(11), "name": "orders", "paths": ["/orders", "~/o/(?<id>\\d+)$"], "protocols": ["https", "http"],
             "methods": null, "hosts": null, "headers": {"x-version": ["v1", "v2"]}, "strip_path": false,
             "https_redirect_status_code": 426, "regex_priority": 0, "service": of(2), "tags": []},
            {"id": id(12), "paths": ["/a"], "service": of(2)},
            {"id": id(13), "name": "free", "hosts": ["a.test"], "service": null},
            {"id": id(14), "name": "r-probe", "paths": ["/p"], "service": of(4)},
        ],
        "plugins": [
            {"id": id(21), "name": "rate-limiting", "enabled": true, "protocols": ["http", "https", "grpc", "grpcs"],
             "route": of(11), "service": null, "consumer": null,
             "config": {"minute": 100, "policy": "redis", "redis_host": "redis", "redis_password": "planted-redis",
                        "hour": null, "limit_by": "consumer", "fault_tolerant": true, "redis_port": 6379}},
            {"id": id(22), "name": "cors", "enabled": false, "service": null, "route": null, "consumer": null,
             "config": {"origins": ["*"], "max_age": 3600, "credentials": false}},
            {"id": id(23), "name": "rate-limiting", "service": of(2), "consumer": of(31), "route": null, "config": {"minute": 5}},
            {"id": id(24), "name": "request-transformer", "service": of(1), "instance_name": "headers",
             "config": {"add": {"headers": ["X-A:$(headers.b) ${c} $$"]}}},
            {"id": id(25), "name": "http-log", "consumer": of(31),
             "config": {"http_endpoint": "https://me:planted-login@logs.test/x", "headers": {"Authorization": "Bearer planted-header"}}},
        ],
        "upstreams": [
            {"id": id(41), "name": "users.upstream", "algorithm": "round-robin", "slots": 10000,
             "healthchecks": {
                "active": {"type": "http", "http_path": "/health", "timeout": 1, "concurrency": 10, "https_verify_certificate": true,
                           "healthy": {"interval": 5, "successes": 0, "http_statuses": [200, 302]},
                           "unhealthy": {"interval": 0, "http_failures": 0, "tcp_failures": 0, "timeouts": 0,
                                         "http_statuses": [429, 404, 500, 501, 502, 503, 504, 505]}},
                "passive": {"type": "http", "healthy": {"successes": 0, "http_statuses": [200, 201, 202, 203, 204, 205, 206, 207,
                            208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308]},
                            "unhealthy": {"http_failures": 0, "tcp_failures": 0, "timeouts": 0, "http_statuses": [429, 500, 503]}}}},
        ],
        "targets": [
            {"id": id(51), "target": "users:8001", "weight": 100, "upstream": of(41), "tags": null},
            {"id": id(52), "target": "users-2:8001", "weight": 0, "upstream": of(41), "tags": ["slow"]},
        ],
        "consumers": [
            {"id": id(31), "username": "bob", "custom_id": null, "tags": {}},
            {"id": id(32), "username": null, "custom_id": "42"},
        ],
        "keyauth_credentials": [
            {"id": id(71), "key": "planted-key-b", "consumer": of(31), "ttl": null},
            {"id": id(72), "key": "planted-key-a", "consumer": of(31)},
        ],
        "jwt_secrets": [{"id": id(73), "key": "issuer", "secret": "planted-jwt", "algorithm": "HS256", "consumer": of(31)}],
        "basicauth_credentials": [{"id": id(74), "username": "bob", "password": "0123456789abcdef0123456789abcdef01234567", "consumer": of(31)}],
        "acls": [{"id": id(75), "group": "users", "consumer": of(31)}, {"id": id(76), "group": "admins", "consumer": of(31)}],
        "certificates": [
            {"id": id(60), "cert": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
             "key": "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----", "snis": ["a.test"]},
            {"id": id(61), "cert": "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----", "key": "planted-key"},
        ],
        "snis": [{"id": id(63), "name": "a.test", "certificate": of(60)}],
        "ca_certificates": [
            {"id": id(62), "cert": "-----BEGIN CERTIFICATE-----\nCCCC\n-----END CERTIFICATE-----", "cert_digest": "x"},
            {"id": id(64), "cert": "DDDD"},
        ],
        "vaults": [{"id": id(65), "name": "env", "prefix": "my-env", "config": {"prefix": "SECRET_"}, "description": null}],
        "key_sets": [{"id": id(66), "name": "signing", "tags": null}],
        "keys": [{"id": id(67), "name": "k", "kid": "1", "jwk": "planted-jwk", "pem": null, "set": of(66)},
                 {"id": id(68), "name": null, "kid": "2", "jwk": "planted-jwk-2", "set": null}],
    }))
}

#[test]
fn a_gateway_is_written_as_people_write_it() {
    insta::assert_snapshot!(text(&shop(), &OPEN));
}

#[test]
fn secrets_are_variables_unless_they_are_asked_for() {
    let written = text(&shop(), &Options::default());
    for planted in ["planted", "0123456789abcdef"] {
        assert!(!written.contains(planted), "{written}");
    }
    insta::assert_snapshot!(written);
    // Without the variables it can't be read, with them it can.
    let missing = read_with(&written, &[]).unwrap_err().to_string();
    assert!(missing.contains("the variable 'BOB_KEYAUTH_KEY' must be set"), "{missing}");
    let names: Vec<String> = written
        .lines()
        .filter_map(|line| Some(line.strip_prefix("#   ")?.split_once(':')?.0.to_owned()))
        .collect();
    let values: Vec<(&str, String)> =
        names.iter().map(|name| (name.as_str(), format!("value of {name}"))).collect();
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let read = read_with(&written, &values).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(names.len(), 11);
    for (name, value) in values {
        assert!(read.secrets.contains(&value.to_owned()), "{name}: {:?}", read.secrets);
    }
}

#[test]
fn what_is_written_reads_back_as_it_was() {
    assert_same(&shop());
}

#[test]
fn nothing_but_the_version_is_written_of_an_empty_gateway() {
    assert_eq!(text(&empty_gateway(), &OPEN), "# What Kong 3.4.2 held.\n_format_version: \"3.0\"\n");
    assert_same(&empty_gateway());
}

/// Entities as a real Kong 3.4.2 showed them.
#[test]
fn what_a_real_gateway_held_reads_back() {
    let mut count = 0;
    for folder in ["db-postgres", "db-postgres-2", "db-postgres-3"] {
        let gateway = held(folder);
        assert_same(&gateway);
        count += gateway.entities.values().map(Vec::len).sum::<usize>();
    }
    assert!(count > 100, "{count}");
}

/// The last state of each entity that was made in a folder, whatever was deleted since; of two with the same name, the
/// later one.
fn held(folder: &str) -> Gateway {
    let mut by_id: BTreeMap<(Kind, String), (usize, Map<String, Value>)> = BTreeMap::new();
    for (number, exchange) in recorded(folder).into_iter().enumerate() {
        let method = exchange["method"].as_str().unwrap_or_default();
        let is_made = ["POST", "PUT", "PATCH"].contains(&method)
            && exchange["status"].as_u64().is_some_and(|it| it < 300);
        let path = exchange["url"].as_str().and_then(|url| url.splitn(4, '/').nth(3)).unwrap_or_default();
        // A collection, the name of one in it, a collection in that, …
        let kind = path.split('?').next().unwrap_or_default().split('/').step_by(2).last().and_then(kind_of);
        let (Some(kind), Some(entity), true) = (kind, exchange["json"].as_object(), is_made) else {
            continue;
        };
        if let Some(id) = entity.get("id").and_then(Value::as_str) {
            by_id.insert((kind, id.to_owned()), (number, entity.clone()));
        }
    }
    let mut latest: BTreeMap<(Kind, String), (usize, Map<String, Value>)> = BTreeMap::new();
    for ((kind, id), (number, entity)) in by_id {
        let scope = ["service", "route", "consumer", "upstream"]
            .map(|field| entity.get(field).cloned().unwrap_or_default());
        let name = match kind.name() {
            "plugins" => format!("{} {scope:?}", entity["name"]),
            "targets" | "acls" => format!(
                "{} {scope:?}",
                entity.get("target").or(entity.get("group")).cloned().unwrap_or_default()
            ),
            "ca_certificates" => entity["cert"].to_string(),
            _ => names_of(kind.name())
                .iter()
                .filter_map(|field| entity.get(*field)?.as_str())
                .next()
                .unwrap_or(&id)
                .to_owned(),
        };
        let known = latest.get(&(kind.clone(), name.clone())).map_or(0, |(number, _)| *number);
        if number >= known {
            latest.insert((kind, name), (number, entity));
        }
    }
    let mut gateway = empty_gateway();
    for ((kind, _), (_, entity)) in latest {
        gateway.entities.entry(kind).or_default().push(entity);
    }
    gateway
}

fn kind_of(segment: &str) -> Option<Kind> {
    let name = match segment {
        "key-auth" | "key-auths" => "keyauth_credentials",
        "jwt" | "jwts" => "jwt_secrets",
        "basic-auth" | "basic-auths" => "basicauth_credentials",
        "hmac-auth" | "hmac-auths" => "hmacauth_credentials",
        "oauth2" => "oauth2_credentials",
        "services" | "routes" | "plugins" | "consumers" | "upstreams" | "targets" | "certificates"
        | "ca_certificates" | "snis" | "vaults" | "acls" => segment,
        _ => return None,
    };
    Some(Kind::of(name))
}

#[test]
fn secrets_in_texts_of_plugins_are_variables() {
    let gateway = gateway(json!({"plugins": [{
        "id": id(1), "name": "request-transformer",
        "config": {
            "add": {"headers": ["Authorization:Basic cGxhbnRlZDpwbGFudGVk", "X-Env:prod"], "body": ["password:planted-body"],
                    "querystring": ["api_key:planted-query"]},
            "append": {"headers": ["X-Api-Key:planted-header"]},
        },
    }]}));
    let written = text(&gateway, &Options { secrets: false });
    assert!(!written.contains("planted") && !written.contains("cGxhbnRl"), "{written}");
    assert!(written.contains("X-Env:prod"), "{written}");
    assert!(text(&gateway, &OPEN).contains("planted-query"));
}

/// What is written of this gateway declares the same, entity by entity.
fn assert_same(gateway: &Gateway) {
    let written = text(gateway, &OPEN);
    let read = read_with(&written, &[]).unwrap_or_else(|error| panic!("{error}\n{written}"));
    let probes = [id(4), id(14)];
    let live: Vec<(&Kind, &Map<String, Value>)> = gateway
        .entities
        .iter()
        .flat_map(|(kind, list)| list.iter().map(move |entity| (kind, entity)))
        .filter(|(_, entity)| !probes.iter().any(|probe| entity["id"] == probe.as_str()))
        .collect();
    assert_eq!(read.entities.len(), live.len(), "{written}");
    let mut left: Vec<&Entity> = read.entities.iter().collect();
    for (kind, entity) in live {
        let found = left.iter().position(|declared| is_same(gateway, &read, declared, kind, entity));
        let Some(found) = found else {
            let near: Vec<&&Entity> = left
                .iter()
                .filter(|other| other.kind == *kind && other.fields.get("name") == entity.get("name"))
                .collect();
            panic!("{near:?}\n{kind} {}\nisn't in\n{written}", serde_json::to_string(entity).unwrap());
        };
        left.remove(found);
    }
    // To whoever compares them, there is nothing to do.
    let options = plan::Options { owner: "other".to_owned(), ..plan::Options::default() };
    let plan = plan::plan(&read, gateway, &options);
    assert!(plan.is_settled(), "{:?}\n{:?}\n{written}", plan.changes, plan.impossible);
    // It is written the same way every time, whatever the order in which it is told.
    let mut turned = gateway.clone();
    turned.entities.values_mut().for_each(|list| list.reverse());
    assert_eq!(text(&turned, &OPEN), written);
}

fn is_same(
    gateway: &Gateway,
    read: &Declaration,
    declared: &Entity,
    kind: &Kind,
    live: &Map<String, Value>,
) -> bool {
    if declared.kind != *kind {
        return false;
    }
    let plugin = live.get("name").and_then(Value::as_str).filter(|_| kind.name() == "plugins");
    let schema = Schema::in_gateway(gateway, kind, plugin).unwrap_or_default();
    let filled = schema.fill(&declared.fields);
    let refers_to = |field: &str| live.get(field).and_then(|other| other.get("id")).and_then(Value::as_str);
    let compared = schema
        .fields
        .keys()
        .filter(|name| schema.is_compared(name) && !["tags", "cert_digest"].contains(&name.as_str()));
    let same_fields = compared
        .filter(|name| refers_to(name).is_none() && !declared.refers.contains_key(*name))
        .all(|name| {
            let of = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or_default();
            schema.same(name, &of(&filled), &schema.fill(live).get(name).cloned().unwrap_or_else(|| of(live)))
        });
    let tags = live.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut tags: Vec<&str> = tags.filter(|tag| !tag.starts_with("vv:")).collect();
    tags.sort_unstable();
    let same_refers =
        live.iter().filter_map(|(field, _)| Some((field, refers_to(field)?))).all(|(field, id)| {
            declared.refers.get(field).is_some_and(|reference| match &reference.to {
                To::Id(other) => other == id,
                To::Name(name) => named(gateway, &reference.kind, id).as_deref() == Some(name),
                To::Declared(index) => {
                    let other = &read.entities[*index];
                    let name = names_of(other.kind.name())
                        .iter()
                        .find_map(|field| other.fields.get(*field)?.as_str());
                    match (&other.id, name) {
                        (Some(other), _) => other == id,
                        (None, Some(name)) => named(gateway, &other.kind, id).as_deref() == Some(name),
                        // One without a name and an id is told apart by where it stands.
                        (None, None) => other.kind.name() == "certificates",
                    }
                }
            })
        });
    let as_many = declared.refers.len() == live.keys().filter(|field| refers_to(field).is_some()).count();
    same_fields
        && same_refers
        && as_many
        && declared.tags == tags
        && declared.id.as_deref().is_none_or(|id| live["id"] == id)
}

fn named(gateway: &Gateway, kind: &Kind, id: &str) -> Option<String> {
    let entity = gateway.entities.get(kind)?.iter().find(|entity| entity["id"] == id)?;
    names_of(kind.name()).iter().find_map(|field| entity.get(*field)?.as_str()).map(str::to_owned)
}

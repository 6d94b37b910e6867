//! Targets that stand for the replicas of a service, folded back to the one target that was declared. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::routes::REPLICA_TAG;
use crate::routes::gateway::Gateway;
use crate::routes::kind::Kind;
use crate::routes::read::names::is_own_tag;

/// What targets have in common that were made of one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Declared {
    upstream: String,
    /// The service and the port.
    target: String,
}

/// The gateway with one target for each service in the place of its replicas'. Those that have come to differ in more
/// than their host (one was given another weight) stay as they are, as no single target says that.
pub fn folded(gateway: &Gateway) -> Gateway {
    let mut gateway = gateway.clone();
    let Some(targets) = gateway.entities.get_mut(&Kind::of("targets")) else { return gateway };
    let mut replicas: BTreeMap<Declared, Vec<usize>> = BTreeMap::new();
    for (place, target) in targets.iter().enumerate() {
        if let Some(declared) = declared(target) {
            replicas.entry(declared).or_default().push(place);
        }
    }
    let mut gone: Vec<usize> = Vec::new();
    for (declared, places) in replicas {
        let is_there = targets.iter().enumerate().any(|(place, other)| {
            !places.contains(&place)
                && upstream(other) == declared.upstream
                && text(other, "target") == declared.target
        });
        let mut rest = places.iter().filter_map(|place| targets.get(*place)).map(said);
        let first = rest.next();
        if is_there || rest.any(|other| Some(other) != first) {
            continue;
        }
        if let Some((first, others)) = places.split_first() {
            if let Some(target) = targets.get_mut(*first) {
                target.insert("target".to_owned(), declared.target.into());
            }
            gone.extend(others);
        }
    }
    let mut place = 0..;
    targets.retain(|_| place.next().is_none_or(|place| !gone.contains(&place)));
    gateway
}

/// What a replica's target was made of; nothing of any other target.
fn declared(target: &Map<String, Value>) -> Option<Declared> {
    let tags = target.get("tags").and_then(Value::as_array)?;
    let service = tags.iter().filter_map(Value::as_str).find_map(|tag| tag.strip_prefix(REPLICA_TAG))?;
    let (_, port) = text(target, "target").rsplit_once(':')?;
    Some(Declared { upstream: upstream(target).to_owned(), target: format!("{service}:{port}") })
}

/// What a target says beside its host: its weight, its tags but for vv's own, whatever else there is.
fn said(target: &Map<String, Value>) -> Map<String, Value> {
    const ITS_OWN: [&str; 4] = ["id", "target", "created_at", "updated_at"];
    let mut said: Map<String, Value> = target.clone();
    said.retain(|name, _| !ITS_OWN.contains(&name.as_str()));
    if let Some(Value::Array(tags)) = said.get_mut("tags") {
        tags.retain(|tag| tag.as_str().is_none_or(|tag| !is_own_tag(tag)));
        tags.sort_by_key(ToString::to_string);
    }
    said
}

fn upstream(target: &Map<String, Value>) -> &str {
    target.get("upstream").and_then(|upstream| upstream.get("id")?.as_str()).unwrap_or_default()
}

fn text<'t>(target: &'t Map<String, Value>, field: &str) -> &'t str {
    target.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Options, text};
    use super::*;
    use crate::routes::testing::empty_gateway;

    #[test]
    fn replicas_are_written_as_their_service() {
        let mut gateway = empty_gateway();
        let upstreams = ["u", "v"].map(|name| json!({"id": name, "name": name, "tags": ["vv:shop"]}));
        let target = |id: u32, upstream: &str, target: &str, weight: u32, tags: &[&str]| {
            let upstream = json!({ "id": upstream });
            json!({"id": id.to_string(), "target": target, "weight": weight, "upstream": upstream, "tags": tags})
        };
        let orders = "vv-replica:orders";
        let targets = [
            target(1, "u", "shop-orders-1:80", 50, &["vv:shop", orders, "b", "a"]),
            target(2, "u", "any-name:80", 50, &["a", "b", orders]),
            target(3, "u", "shop-orders-1:81", 100, &["vv:shop", orders]),
            target(4, "u", "shop-users-1:80", 100, &["vv:shop", "vv-replica:users"]),
            target(5, "u", "fixed.test:80", 100, &["vv:shop"]),
            // No single target says these two.
            target(6, "v", "shop-orders-1:80", 100, &["vv:shop", orders]),
            target(7, "v", "shop-orders-2:80", 0, &["vv:shop", orders]),
            // There is one already.
            target(8, "v", "users:80", 100, &["vv:shop"]),
            target(9, "v", "shop-users-1:80", 100, &["vv:shop", "vv-replica:users"]),
        ];
        let map = |value: Value| value.as_object().unwrap().clone();
        gateway.entities.insert(Kind::of("upstreams"), upstreams.map(map).into());
        gateway.entities.insert(Kind::of("targets"), targets.clone().map(map).into());
        let written = text(&gateway, &Options::default());
        insta::assert_snapshot!(written, @r#"
        # What Kong 3.4.2 held.
        _format_version: "3.0"

        upstreams:
          - name: u
            targets:
              - {target: fixed.test:80}
              - target: orders:80
                weight: 50
                tags: [a, b]
              - {target: orders:81}
              - {target: users:80}

          - name: v
            targets:
              - {target: shop-orders-1:80}
              - {target: shop-orders-2:80, weight: 0}
              - {target: shop-users-1:80}
              - {target: users:80}
        "#);
        gateway.entities.insert(Kind::of("targets"), targets.map(map).into_iter().rev().collect());
        assert_eq!(text(&gateway, &Options::default()), written);
    }
}

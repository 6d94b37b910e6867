//! What vv must know of an entity's fields itself: what it is told apart by, and what Kong writes in another way. All
//! else is for the gateway's own schema to say.

use serde_json::{Map, Value};

use super::header::{Header, Pair};
use super::reader::{is_common, marks};
use super::shape::Shape;
use super::{names, paths, url};
use crate::routes::declaration::Entity;
use crate::routes::kind::Kind;
use crate::stack::decode::{At, json};

/// Checks an entity's own fields, writes them as Kong does, and adds the file's defaults.
pub fn complete(entity: &mut Entity, at: &At<'_>, pairs: &[Pair<'_>], header: &Header<'_>) {
    let own = Own { at, pairs };
    let kind = entity.kind.clone();
    match kind.name() {
        "services" => service(entity, &own, header),
        "routes" => {
            own.checked("name", names::name);
            route_paths(entity, &own, header);
        }
        "upstreams" => {
            own.required("name", |at| names::host_name(at, false));
        }
        "targets" => {
            if let Some(target) = own.required("target", names::target) {
                entity.fields.insert("target".to_owned(), target.into());
            }
        }
        "consumers" => {
            let names = ["username", "custom_id"].map(|field| own.checked(field, names::text).is_some());
            if !names.contains(&true) && !own.has_any(&["username", "custom_id"]) {
                at.problem("'username' is missing, or 'custom_id'");
            }
        }
        "consumer_groups" => {
            own.required("name", names::name);
        }
        "plugins" => {
            match pairs {
                [only] if only.key != "name" && only.at.is_mapping() => {
                    let name = names::shown(only.key);
                    at.problem(format!("'name' is missing; write '- {{name: {name}, config: {{…}}}}'"));
                }
                _ => drop(own.required("name", names::text)),
            }
            own.checked("instance_name", names::name);
        }
        "snis" => {
            own.required("name", |at| names::host_name(at, true));
        }
        "vaults" => {
            own.required("prefix", names::text);
            own.required("name", names::text);
        }
        "certificates" => {
            own.required("cert", names::text);
            own.required("key", names::text);
        }
        "ca_certificates" => {
            own.required("cert", names::text);
        }
        "keyauth_credentials" | "jwt_secrets" => own.or_id("key", entity.id.is_some()),
        "oauth2_credentials" => {
            own.required("name", names::text);
            own.or_id("client_id", entity.id.is_some());
        }
        "basicauth_credentials" => {
            own.required("username", names::text);
            own.required("password", names::text);
        }
        "hmacauth_credentials" => {
            own.required("username", names::text);
        }
        "acls" => {
            own.required("group", names::text);
        }
        _ => {}
    }
    defaults(entity, &kind, header);
}

/// An entity's own fields.
struct Own<'e, 'a> {
    at: &'e At<'a>,
    pairs: &'e [Pair<'a>],
}

impl<'a> Own<'_, 'a> {
    /// The value of a field; nothing for a null.
    fn get(&self, field: &str) -> Option<&At<'a>> {
        self.pairs.iter().find(|pair| pair.key == field).map(|pair| &pair.at).filter(|at| !at.is_null())
    }

    fn has_any(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.get(field).is_some())
    }

    fn checked(&self, field: &str, check: impl FnOnce(&At<'a>) -> Option<String>) -> Option<String> {
        check(self.get(field)?)
    }

    fn required(&self, field: &str, check: impl FnOnce(&At<'a>) -> Option<String>) -> Option<String> {
        if self.get(field).is_none() {
            self.at.problem(format!("'{field}' is missing"));
        }
        self.checked(field, check)
    }

    /// A field that Kong makes up where it isn't given: without it nothing tells this credential from another.
    fn or_id(&self, field: &str, has_id: bool) {
        if self.get(field).is_none() && !has_id {
            self.at.problem(format!(
                "'{field}' is missing: Kong would make one up, and another one at the next run; give it one, or an 'id'"
            ));
        }
        self.checked(field, names::text);
    }
}

fn service(entity: &mut Entity, own: &Own<'_, '_>, header: &Header<'_>) {
    own.checked("name", names::name);
    if let Some(url) = own.get("url") {
        for field in url::FIELDS {
            if let Some(other) = own.get(field) {
                other.problem(format!(
                    "'url' and '{field}' exclude each other: Kong would take what the url says"
                ));
            }
        }
        let mark = url.mark().clone();
        for (field, value) in url::parts(url).unwrap_or_default() {
            entity.marks.insert(field.clone(), mark.clone());
            entity.fields.insert(field, value);
        }
    } else {
        let has_default = header.defaults.get(&entity.kind).is_some_and(|node| node.get("host").is_some());
        if own.checked("host", host).is_none() && own.get("host").is_none() && !has_default {
            own.at.problem("'host' is missing, or 'url'");
        }
    }
    entity.fields.remove("url");
}

/// A service's host: a name or an address, without a port.
fn host(at: &At<'_>) -> Option<String> {
    let host = names::text(at)?;
    let shown = names::shown(&host);
    if host.contains("://") {
        at.problem(format!("'{shown}' is a URL: write it as 'url'"));
    } else if host.contains(|c: char| c.is_whitespace() || "/?#@,;'\"".contains(c)) {
        at.problem(format!("'{shown}' isn't a host name or an address"));
    } else if host.matches(':').count() == 1 {
        at.problem(format!("'{shown}' has a port: write it as 'port'"));
    }
    Some(host)
}

fn route_paths(entity: &mut Entity, own: &Own<'_, '_>, header: &Header<'_>) {
    let Some(at) = own.get("paths").filter(|at| at.is_list()) else {
        if let Some(at) = own.get("paths") {
            at.expected("a list of paths");
        }
        return;
    };
    let path = |item: At<'_>| match item.is_text() {
        true => paths::path(&item, header.is_old),
        false => {
            item.expected("a string");
            None
        }
    };
    let found: Vec<Value> = at.items().into_iter().filter_map(path).map(Value::String).collect();
    entity.fields.insert("paths".to_owned(), Value::Array(found));
}

/// `_info.defaults`: what isn't declared, also in records.
fn defaults(entity: &mut Entity, kind: &Kind, header: &Header<'_>) {
    let Some(entries) = header.defaults.get(kind).and_then(|node| node.as_mapping()) else { return };
    let shape = Shape::of(kind);
    for (field, entry) in entries {
        let is_other = shape.nested.iter().any(|nested| nested.key == field)
            || shape.foreign.iter().any(|(foreign, _)| foreign == field);
        if is_other || is_common(field) || field == "url" {
            continue;
        }
        let value = json(&entry.node);
        let mut noted = std::collections::BTreeMap::new();
        marks(&entry.key, &entry.node, field.clone(), &mut noted);
        merge(&mut entity.fields, field, value);
        for (path, mark) in noted {
            entity.marks.entry(path).or_insert(mark);
        }
    }
}

fn merge(fields: &mut Map<String, Value>, field: &str, default: Value) {
    match (fields.get_mut(field), default) {
        (None, default) => {
            fields.insert(field.to_owned(), default);
        }
        (Some(Value::Object(own)), Value::Object(defaults)) => {
            for (field, default) in defaults {
                merge(own, &field, default);
            }
        }
        _ => {}
    }
}

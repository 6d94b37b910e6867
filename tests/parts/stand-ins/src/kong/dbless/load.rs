//! From a right document to entities: each with its id, its defaults, and what it refers to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::check::{children, own};
use crate::kong::admin::entities::from_url;
use crate::kong::admin::kinds;
use crate::kong::schema;
use crate::kong::state::{Entities, Entity};

/// The namespace of the namespaces that Kong's ids without a database belong to.
const NAMESPACE: Uuid = Uuid::from_u128(0xfd02_801f_0957_4a15_a55a_c8d9_606f_30b5);

/// The fields that tell entities of a type apart where it isn't by their name alone.
const CACHE_KEYS: [(&str, &[&str]); 9] = [
    ("plugins", &["name", "route", "service", "consumer"]),
    ("targets", &["upstream", "target"]),
    ("acls", &["consumer", "group"]),
    ("basicauth_credentials", &["username"]),
    ("hmacauth_credentials", &["username"]),
    ("keyauth_credentials", &["key"]),
    ("jwt_secrets", &["key"]),
    ("oauth2_credentials", &["client_id"]),
    ("vaults", &["prefix"]),
];

/// Why a document without a mistake in itself can't be loaded.
#[derive(Debug)]
pub enum Refused {
    /// What is wrong, by type.
    Errors(Map<String, Value>),
    /// Kong fails, and says nothing of why.
    Unexpected,
}

/// Where in a list of errors something stands.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
enum Place {
    Index(usize),
    Name(String),
}

/// An entity of the document.
struct Item {
    kind: &'static str,
    /// In its list.
    index: usize,
    id: String,
    entity: Entity,
    /// What refers to another entity by a name or an id: field, type, text.
    named: Vec<(&'static str, &'static str, String)>,
}

/// All entities of a document.
///
/// # Errors
/// Something is declared twice, or refers to what isn't declared.
pub fn entities(document: &Map<String, Value>) -> Result<Entities, Refused> {
    let mut items = Vec::new();
    for kind in schema::kinds() {
        gather(kind, document.get(kind), None, &mut items);
    }
    let (found, mut errors) = index(&items);
    refer(&mut items, &found, &mut errors)?;
    doubles(&items, &mut errors);
    if !errors.is_empty() {
        return Err(Refused::Errors(
            errors.into_iter().map(|(kind, list)| (kind.to_owned(), tree(list))).collect(),
        ));
    }
    let old = matches!(document.get("_format_version").and_then(Value::as_str), Some("1.1" | "2.1"));
    let mut entities = Entities::new();
    for Item { kind, id, mut entity, .. } in items {
        if old && kind == "routes" {
            mark_regexes(&mut entity);
        }
        entities.entry(kind.to_owned()).or_default().insert(id, entity);
    }
    Ok(entities)
}

/// Takes a list's entities out, those inside of them first.
fn gather(
    kind: &'static str,
    list: Option<&Value>,
    parent: Option<(&'static str, &str)>,
    items: &mut Vec<Item>,
) {
    for (index, item) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let Value::Object(item) = item else { continue };
        let mut entity = own(kind, item);
        from_url(kind, &mut entity);
        let id = match entity.get("id").and_then(Value::as_str) {
            Some(id) => id.to_owned(),
            None => id(kind, &entity, parent),
        };
        entity.insert("id".to_owned(), json!(id));
        for (child, field) in children(kind) {
            gather(child, item.get(child), Some((field, &id)), items);
        }
        let named = schema::references(kind).filter_map(|(field, to, _)| {
            let key = entity.get(field)?;
            let text = key.as_str().or_else(|| key["id"].as_str())?;
            Some((field, to, text.to_owned()))
        });
        let named = named.collect();
        if let Some((field, parent)) = parent {
            entity.insert(field.to_owned(), json!({"id": parent}));
        }
        schema::fill_defaults(kind, &mut entity);
        // It is shown where it was given.
        if entity.get("ttl").is_some_and(Value::is_null) {
            entity.remove("ttl");
        }
        schema::fill_auto(kind, &mut entity);
        items.push(Item { kind, index, id, entity, named });
    }
}

/// An id that the next load of the same document makes again, where something tells the entity apart.
fn id(kind: &str, entity: &Entity, parent: Option<(&str, &str)>) -> String {
    let text = |name: &str| entity.get(name).and_then(Value::as_str);
    let generated = |name: &str| schema::field(kind, name).is_some_and(|field| field["auto"] == true);
    let name = match CACHE_KEYS.iter().find(|(own, _)| *own == kind) {
        Some((_, fields)) if fields.iter().any(|field| generated(field)) => None,
        Some((_, fields)) => {
            let mut parts = vec![kind, "*"];
            for field in *fields {
                match (entity.get(*field), parent) {
                    (Some(Value::String(text)), _) => parts.push(text),
                    (None, Some((own, parent))) if own == *field => parts.push(parent),
                    (None, _) => parts.push(""),
                    _ => {}
                }
            }
            Some(parts.join(":"))
        }
        None => kinds::key(kind).and_then(text).map(str::to_owned),
    };
    let id = match name {
        Some(name) => Uuid::new_v5(&Uuid::new_v5(&NAMESPACE, kind.as_bytes()), name.as_bytes()),
        None => Uuid::new_v4(),
    };
    id.to_string()
}

type Found = HashMap<(&'static str, String), String>;
type Errors = BTreeMap<&'static str, BTreeMap<Place, Value>>;

/// All entities by their ids and their names; those that have another's are errors.
fn index(items: &[Item]) -> (Found, Errors) {
    let (mut found, mut errors, mut ids) = (Found::new(), Errors::new(), BTreeSet::new());
    for item in items {
        let key = unique_key(item);
        let named = key.filter(|(_, text)| found.contains_key(&(item.kind, text.clone())));
        let twice = match named {
            Some((field, text)) => Some((field, text)),
            None if ids.contains(&(item.kind, &item.id)) => Some(("primary key", item.id.clone())),
            None => None,
        };
        if let Some((what, text)) = twice {
            let error = twice_declared(item.kind, what, &text);
            errors.entry(item.kind).or_default().insert(Place::Index(item.index), error);
            continue;
        }
        ids.insert((item.kind, &item.id));
        found.insert((item.kind, item.id.clone()), item.id.clone());
        if let Some((_, text)) = unique_key(item) {
            found.insert((item.kind, text), item.id.clone());
        }
    }
    (found, errors)
}

/// The field by which an entity is named, where that is unique, and its text.
fn unique_key(item: &Item) -> Option<(&'static str, String)> {
    let field = kinds::key(item.kind)?;
    let unique = schema::field(item.kind, field).is_some_and(|field| field["unique"] == true);
    let text = item.entity.get(field)?.as_str()?;
    unique.then(|| (field, text.to_owned()))
}

fn twice_declared(kind: &str, what: &str, text: &str) -> Value {
    json!(format!("uniqueness violation: '{kind}' entity with {what} set to '{text}' already declared"))
}

/// Puts ids in the place of names.
fn refer(items: &mut [Item], found: &Found, errors: &mut Errors) -> Result<(), Refused> {
    for item in items {
        let at = match unique_key(item) {
            Some((_, text)) => text,
            None => item.id.clone(),
        };
        for (field, to, text) in std::mem::take(&mut item.named) {
            if let Some(id) = found.get(&(to, text.clone())) {
                item.entity.insert(field.to_owned(), json!({"id": id}));
                continue;
            }
            // Kong 3.4.2 answers a plugin of a missing service, route or consumer with 500.
            if item.kind == "plugins" {
                return Err(Refused::Unexpected);
            }
            let message = json!(format!("invalid reference '{field}: {text}' (no such entry in '{to}')"));
            let list = errors
                .entry(item.kind)
                .or_default()
                .entry(Place::Name(at.clone()))
                .or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(message);
            }
        }
    }
    Ok(())
}

/// The other fields that must be unique.
fn doubles(items: &[Item], errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for item in items {
        let key = kinds::key(item.kind);
        let fields = schema::entity(item.kind).map(schema::fields).into_iter().flatten();
        for (field, _) in fields.filter(|(name, field)| field["unique"] == true && Some(*name) != key) {
            let Some(text) = item.entity.get(field).and_then(Value::as_str) else { continue };
            if !seen.insert((item.kind, field, text)) {
                let at = key.and_then(|key| item.entity.get(key)?.as_str()).unwrap_or(&item.id);
                let error = twice_declared(item.kind, field, text);
                errors.entry(item.kind).or_default().insert(Place::Name(at.to_owned()), error);
            }
        }
    }
}

/// A list with holes where all have an index, else a map.
fn tree(errors: BTreeMap<Place, Value>) -> Value {
    if errors.keys().all(|place| matches!(place, Place::Index(_))) {
        let mut list = Vec::new();
        for (place, error) in errors {
            if let Place::Index(index) = place {
                list.resize(index, Value::Null);
                list.push(error);
            }
        }
        return Value::Array(list);
    }
    let name = |place| match place {
        Place::Index(index) => (index + 1).to_string(),
        Place::Name(name) => name,
    };
    errors.into_iter().map(|(place, error)| (name(place), error)).collect()
}

/// Before 3.0 a path was a regex where it looked like one.
fn mark_regexes(route: &mut Entity) {
    let plain = |path: &str| path.chars().all(|char| char.is_ascii_alphanumeric() || ".-_~/%".contains(char));
    for path in route.get_mut("paths").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(text) = path.as_str().filter(|path| !plain(path)) {
            *path = json!(format!("~{text}"));
        }
    }
}

/// Does what Kong does to an entity that is written in plain: hashes passwords. Not where `_transform` is false.
pub fn transform(entities: &mut Entities) {
    for entity in entities.entry("basicauth_credentials".to_owned()).or_default().values_mut() {
        schema::normalise("basicauth_credentials", entity, None);
    }
    entities.retain(|_, all| !all.is_empty());
}

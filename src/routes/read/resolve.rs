//! What references mean, what entities are called, and what is declared twice.

use std::collections::HashMap;

use serde_json::Value;

use super::names;
use super::reader::{Named, Pending, Reader};
use super::shape::{self, MEMBERSHIP, names_of};
use crate::failure::nearest;
use crate::routes::declaration::{Entity, Reference, To};
use crate::routes::kind::Kind;

/// Finds what each reference means. What isn't declared may be on the gateway already: that is said.
pub fn references(reader: &mut Reader<'_>) {
    let index = Index::of(&reader.entities);
    for pending in std::mem::take(&mut reader.pending) {
        let found = index.find(&pending);
        let to = match (found, &pending.named) {
            (Some(entity), _) => To::Declared(entity),
            (None, Named::Id(id)) => To::Id(id.clone()),
            (None, Named::Any(text)) if names::is_id(text) => To::Id(text.to_ascii_lowercase()),
            (None, Named::Any(name) | Named::By(_, name)) => To::Name(name.clone()),
        };
        if found.is_none() {
            undeclared(reader, &index, &pending, &to);
        }
        let reference = Reference { kind: Kind::of(pending.kind), to };
        reader.entities[pending.entity].refers.insert(pending.field, reference);
    }
}

fn undeclared(reader: &Reader<'_>, index: &Index, pending: &Pending, to: &To) {
    let one = Kind::of(pending.kind);
    let (one, name) = (
        one.one(),
        match to {
            To::Id(text) | To::Name(text) => names::shown(text),
            To::Declared(_) => return,
        },
    );
    let near = match to {
        To::Name(name) => nearest(name, index.names(pending.kind)),
        _ => None,
    };
    let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
    let message = match reader.as_is {
        // Kong 3.4.2: "invalid reference … (no such entry in 'services')", 500 for a plugin's.
        true => format!("no {one} '{name}' is declared here, and Kong reads this file itself{hint}"),
        false => format!("no {one} '{name}' is declared here, so the gateway must have it{hint}"),
    };
    match reader.as_is {
        true => reader.sink.problem(&pending.mark, &pending.path, message),
        false => reader.sink.warn(&pending.mark, &pending.path, message),
    }
}

/// Entities by type and what they are called.
struct Index {
    by_name: HashMap<(Kind, &'static str, String), usize>,
    by_id: HashMap<(Kind, String), usize>,
}

impl Index {
    fn of(entities: &[Entity]) -> Self {
        let mut index = Self { by_name: HashMap::new(), by_id: HashMap::new() };
        for (number, entity) in entities.iter().enumerate() {
            for field in names_of(entity.kind.name()) {
                if let Some(Value::String(name)) = entity.fields.get(*field) {
                    index.by_name.entry((entity.kind.clone(), field, name.clone())).or_insert(number);
                }
            }
            if let Some(id) = &entity.id {
                index.by_id.entry((entity.kind.clone(), id.clone())).or_insert(number);
            }
        }
        index
    }

    fn find(&self, pending: &Pending) -> Option<usize> {
        let kind = Kind::of(pending.kind);
        let by = |field: &'static str, name: &str| {
            self.by_name.get(&(kind.clone(), field, name.to_owned())).copied()
        };
        let id = |id: &str| self.by_id.get(&(kind.clone(), id.to_ascii_lowercase())).copied();
        match &pending.named {
            Named::Id(text) => id(text),
            Named::By(field, name) => by(field, name),
            Named::Any(text) => {
                names_of(pending.kind).iter().find_map(|field| by(field, text)).or_else(|| id(text))
            }
        }
    }

    fn names<'i>(&'i self, kind: &str) -> impl Iterator<Item = &'i str> {
        let kind = Kind::of(kind);
        let mut names: Vec<&str> =
            self.by_name.keys().filter(|(of, ..)| *of == kind).map(|(.., name)| name.as_str()).collect();
        names.sort_unstable();
        names.into_iter()
    }
}

/// Gives each entity what it is called in messages.
pub fn labels(reader: &mut Reader<'_>) {
    for index in 0..reader.entities.len() {
        reader.entities[index].label = label(reader, index, 0);
    }
}

/// `depth` ends what types unknown to vv may write in a circle.
fn label(reader: &Reader<'_>, index: usize, depth: usize) -> String {
    let (entity, place) = (&reader.entities[index], &reader.places[index]);
    let facts = entity.kind.facts();
    let text = |field: &str| entity.fields.get(field).and_then(Value::as_str).map(str::to_owned);
    let shows_name = !facts.is_some_and(|facts| facts.secret_name);
    let own_name = names_of(entity.kind.name()).iter().filter(|_| shows_name).find_map(|field| text(field));
    let one = entity.kind.one();
    let of = |field: &str| {
        let reference = entity.refers.get(field)?;
        Some(match &reference.to {
            To::Declared(other) if depth < 4 => label(reader, *other, depth + 1),
            To::Declared(_) => reference.kind.one().to_owned(),
            To::Id(name) | To::Name(name) => format!("{} {name}", reference.kind.one()),
        })
    };
    let behind = |own: String, field: &str| match of(field) {
        Some(of) => format!("{own} of {of}"),
        None => own,
    };
    let number = || entity.id.clone().unwrap_or_else(|| place.number.to_string());
    match entity.kind.name() {
        "plugins" => {
            let scope =
                ["service", "route", "consumer", "consumer_group"].iter().filter_map(|field| of(field));
            let scope: Vec<String> = scope.collect();
            let own = format!("{one} {}", text("name").unwrap_or_else(number));
            if scope.is_empty() { own } else { format!("{own} of {}", scope.join(" and ")) }
        }
        "certificates" => {
            let is_of = |other: &&Entity| {
                let of = other.refers.get("certificate").map(|reference| &reference.to);
                other.kind.name() == "snis" && of == Some(&To::Declared(index))
            };
            let sni = reader.entities.iter().find(is_of);
            match sni.and_then(|sni| sni.fields.get("name")).and_then(Value::as_str) {
                Some(name) => format!("{one} of {name}"),
                None => format!("{one} {}", number()),
            }
        }
        "snis" => format!("{one} {}", own_name.unwrap_or_else(number)),
        MEMBERSHIP => {
            let of = |field: &str| of(field).unwrap_or_else(|| field.replace('_', " "));
            format!("{} in {}", of("consumer"), of("consumer_group"))
        }
        _ => match (own_name, facts.and_then(|facts| facts.owner), &place.within) {
            (Some(name), None, _) => format!("{one} {name}"),
            (name, Some((owner, _)), _) => behind(format!("{one} {}", name.unwrap_or_else(number)), owner),
            (None, None, Some((_, field))) => behind(format!("{one} {}", number()), field),
            (None, None, None) => format!("{one} {}", number()),
        },
    }
}

/// Notes what is declared twice, so that Kong would refuse one, or nothing would tell the two apart.
pub fn duplicates(reader: &Reader<'_>) {
    let mut seen: HashMap<(Kind, String), usize> = HashMap::new();
    for (index, entity) in reader.entities.iter().enumerate() {
        for Same { key, field, what } in keys(reader, index) {
            let Some(first) = seen.insert((entity.kind.clone(), key.clone()), index) else { continue };
            seen.insert((entity.kind.clone(), key), first);
            let first = &reader.entities[first].mark_of(field);
            let mark = entity.mark_of(field);
            let path = match entity.marks.contains_key(field) {
                true => format!("{}.{field}", reader.places[index].path),
                false => reader.places[index].path.clone(),
            };
            let there = format!("in line {}, column {}", first.line, first.column);
            reader.sink.problem(mark, &path, format!("{what} is already declared, {there}"));
        }
    }
}

/// What no other entity of the type may have.
struct Same {
    key: String,
    field: &'static str,
    /// For the message; without a secret.
    what: String,
}

fn keys(reader: &Reader<'_>, index: usize) -> Vec<Same> {
    let entity = &reader.entities[index];
    let one = entity.kind.one();
    let text = |field: &str| entity.fields.get(field).and_then(Value::as_str);
    let of = |field: &str| {
        entity.refers.get(field).map(|reference| format!("{:?}", reference.to)).unwrap_or_default()
    };
    let mut keys = Vec::new();
    if let Some(id) = &entity.id {
        keys.push(Same { key: format!("id {id}"), field: "id", what: format!("the id {id}") });
    }
    let facts = entity.kind.facts();
    let mut named = |field: &'static str, key: String, what: String| {
        keys.push(Same { key: format!("{field} {key}"), field, what });
    };
    match entity.kind.name() {
        "targets" => {
            if let Some(target) = text("target") {
                named("target", format!("{target} {}", of("upstream")), format!("the {}", entity.label));
            }
        }
        "acls" => {
            if let Some(group) = text("group") {
                named("group", format!("{group} {}", of("consumer")), format!("the {}", entity.label));
            }
        }
        "plugins" => {
            if let Some(name) = text("name") {
                let scope = ["service", "route", "consumer", "consumer_group"].map(of).join(" ");
                // Also with an instance_name of its own: Kong 3.4.2 answers 400, "already declared".
                named("name", format!("{name} {scope}"), format!("the {}", entity.label));
            }
            if let Some(name) = text("instance_name") {
                named("instance_name", name.to_owned(), format!("the instance_name '{name}'"));
            }
        }
        "certificates" | "ca_certificates" => {
            if let Some(cert) = text("cert").filter(|_| entity.id.is_none()) {
                named("cert", cert.trim().to_owned(), format!("the same {one}"));
            }
        }
        MEMBERSHIP => {
            named("", ["consumer", "consumer_group"].map(of).join(" "), format!("that {}", entity.label))
        }
        "services" | "routes" if text("name").is_none() && entity.id.is_none() => {
            let matched = match_of(entity);
            let what = format!("{} without a name that takes the same", names::a(one));
            named("", format!("{matched} {}", of("service")), what);
        }
        _ => {
            for field in names_of(entity.kind.name()) {
                let Some(name) = text(field) else { continue };
                let what = match facts.is_some_and(|facts| facts.secret_name) {
                    true => format!("the {field} of this {one}"),
                    false
                        if facts.is_some_and(|facts| facts.named_by.first() != Some(field))
                            || facts.is_some_and(|facts| facts.owner.is_some()) =>
                    {
                        format!("the {field} '{}' of {}", names::shown(name), names::a(one))
                    }
                    false => format!("the {one} '{}'", names::shown(name)),
                };
                named(field, name.to_owned(), what);
            }
        }
    }
    keys
}

/// What an unnamed service or route is told apart by; what isn't said is as Kong has it then.
fn match_of(entity: &Entity) -> String {
    let fields: &[&str] = match entity.kind.name() {
        "services" => &["host", "port", "path", "protocol"],
        _ => &[
            "protocols",
            "methods",
            "hosts",
            "paths",
            "headers",
            "snis",
            "sources",
            "destinations",
            "expression",
        ],
    };
    let of = |field: &&str| match (*field, entity.fields.get(*field).filter(|value| !value.is_null())) {
        ("port", None) => "80".to_owned(),
        ("protocol", None) => "\"http\"".to_owned(),
        ("protocols", None) => "\"http\" \"https\"".to_owned(),
        (_, Some(Value::Array(items))) => {
            let mut items: Vec<String> = items.iter().map(Value::to_string).collect();
            items.sort();
            items.join(" ")
        }
        (_, value) => value.map(Value::to_string).unwrap_or_default(),
    };
    fields.iter().map(of).collect::<Vec<_>>().join(", ")
}

/// Notes what must belong to another entity and doesn't.
pub fn owners(reader: &Reader<'_>) {
    for (entity, place) in reader.entities.iter().zip(&reader.places) {
        let Some((field, kind)) = entity.kind.facts().and_then(|facts| facts.owner) else { continue };
        if !entity.refers.contains_key(field) && !entity.marks.contains_key(field) {
            let message = format!(
                "'{field}' is missing: a {} belongs to a {}",
                entity.kind.one(),
                shape::one_field(kind)
            );
            reader.sink.problem(&entity.mark, &place.path, message);
        }
    }
}

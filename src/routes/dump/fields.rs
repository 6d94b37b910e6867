//! An entity's own fields, without what they are by default.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::live::{About, Item};
use super::secrets::{Place, Placeholders};
use super::yaml::Yaml;
use crate::routes::read::shape::Shape;
use crate::routes::schema::{Field, Holds};

/// Fields that are written elsewhere, or that a gateway keeps for itself.
const OTHER: [&str; 6] = ["id", "tags", "created_at", "updated_at", "ws_id", "cert_digest"];

/// The fields that say something, in the schema's order. `about`: for the names of variables.
pub fn entries(item: &Item<'_>, about: &About, placeholders: &mut Placeholders) -> Vec<(String, Yaml)> {
    let place = Place { about, list: item.kind.name(), path: Vec::new() };
    let known = item.schema.as_ref().map(|schema| &schema.fields);
    let fields = item.live.iter().filter(|(name, _)| !OTHER.contains(&name.as_str()));
    // A certificate shows the names of its SNIs, which are entities of their own.
    let is_list = |name: &str| Shape::of(&item.kind).nested.iter().any(|nested| nested.key == name);
    let fields = fields.filter(|(name, _)| !item.refers.contains_key(*name) && !is_list(name));
    let is_default_by_others = |name: &str, value: &Value| {
        let default = item.schema.as_ref().and_then(|schema| schema.default_by_others(name, item.live));
        default.is_some_and(|default| default == *value)
    };
    let fields = fields.filter(|(name, value)| !is_default_by_others(name, value));
    let own: Map<String, Value> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    record(&own, known, &place, placeholders)
}

fn record(
    map: &Map<String, Value>,
    known: Option<&IndexMap<String, Field>>,
    place: &Place<'_>,
    placeholders: &mut Placeholders,
) -> Vec<(String, Yaml)> {
    let field = |name: &str| known.and_then(|known| known.get(name));
    let order = |name: &str| known.and_then(|known| known.get_index_of(name)).unwrap_or(usize::MAX);
    let mut names: Vec<&String> = map.keys().collect();
    names.sort_by_key(|name| order(name));
    let mut entries = Vec::new();
    for name in names {
        let (field, value) = (field(name), &map[name]);
        let says_nothing = match field {
            Some(field) => field.timestamp || field.is_default(value) || field.auto && value.is_null(),
            None => value.is_null(),
        };
        if !says_nothing {
            entries.push((name.clone(), written(value, field, &place.below(name), placeholders)));
        }
    }
    entries
}

fn written(value: &Value, field: Option<&Field>, place: &Place<'_>, placeholders: &mut Placeholders) -> Yaml {
    match (field.map(|field| &field.holds), value) {
        (_, Value::String(text)) => Yaml::Text(placeholders.text(text, field, place)),
        // A list that is empty may come as an empty table.
        (Some(Holds::Array(_) | Holds::Set(_)), Value::Object(map)) if map.is_empty() => {
            Yaml::List(Vec::new())
        }
        (Some(Holds::Array(inner) | Holds::Set(inner)), Value::Array(items)) => {
            Yaml::List(items.iter().map(|item| written(item, Some(inner), place, placeholders)).collect())
        }
        (None, Value::Array(items)) => {
            Yaml::List(items.iter().map(|item| written(item, None, place, placeholders)).collect())
        }
        (Some(Holds::Map(_) | Holds::Record(_)), Value::Array(items)) if items.is_empty() => {
            Yaml::Map(Vec::new())
        }
        (Some(Holds::Map(inner)), Value::Object(map)) => {
            let entry = |(name, value): (&String, &Value)| {
                (name.clone(), written(value, Some(inner), &place.below(name), placeholders))
            };
            Yaml::Map(map.iter().map(entry).collect())
        }
        (Some(Holds::Record(known)), Value::Object(map)) => {
            let fields = (!known.unknown).then_some(&known.fields);
            Yaml::Map(record(map, fields, place, placeholders))
        }
        (_, Value::Object(map)) => Yaml::Map(record(map, None, place, placeholders)),
        (_, value) => Yaml::from(value),
    }
}

//! Whether two values mean the same to a gateway.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Field, Holds, Record, Schema};

impl Schema {
    /// Whether two values of a field are the same. A field that the schema doesn't know is compared as it is.
    pub fn same(&self, name: &str, one: &Value, other: &Value) -> bool {
        match self.fields.get(name) {
            Some(field) => field.same(one, other),
            None => same_values(one, other),
        }
    }
}

impl Field {
    /// Whether two values of it are the same: sets in any order, numbers by what they count, a missing list as an empty
    /// Lua table is written (`{}`).
    pub fn same(&self, one: &Value, other: &Value) -> bool {
        match &self.holds {
            Holds::Set(inner) => match (list(one), list(other)) {
                (Some(one), Some(other)) => {
                    let within = |some: &[Value], others: &[Value]| {
                        some.iter().all(|item| others.iter().any(|other| inner.same(item, other)))
                    };
                    within(one, other) && within(other, one)
                }
                (one, other) => one.is_none() && other.is_none(),
            },
            Holds::Array(inner) => match (list(one), list(other)) {
                (Some(one), Some(other)) => {
                    one.len() == other.len()
                        && one.iter().zip(other).all(|(one, other)| inner.same(one, other))
                }
                (one, other) => one.is_none() && other.is_none(),
            },
            Holds::Map(inner) => match (map(one), map(other)) {
                (Some(one), Some(other)) => {
                    one.len() == other.len()
                        && one.iter().all(|(name, value)| {
                            other.get(name).is_some_and(|other| inner.same(value, other))
                        })
                }
                (one, other) => one.is_none() && other.is_none(),
            },
            Holds::Record(record) => match (map(one), map(other)) {
                (Some(one), Some(other)) => record.same(one, other),
                (one, other) => one.is_none() && other.is_none(),
            },
            _ => same_values(one, other),
        }
    }
}

impl Record {
    fn same(&self, one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
        // What the gateway makes up itself counts only where it was said; so does everything beside a shorthand, which
        // sets some other field.
        let only_said = self.has_shorthand(one);
        let counts = |name: &String, field: &Field| one.contains_key(name) || !(field.auto || only_said);
        let mut told = self.fields.iter().filter(|(name, field)| !field.timestamp && counts(name, field));
        if !told.all(|(name, field)| field.same(field_of(one, name), field_of(other, name))) {
            return false;
        }
        // A shorthand is taken and doesn't come back: whether it holds isn't seen.
        let more = |map: &Map<String, Value>, others: &Map<String, Value>| {
            map.iter()
                .filter(|(name, _)| !self.fields.contains_key(*name) && !self.shorthands.contains(name))
                .all(|(name, value)| same_values(value, field_of(others, name)))
        };
        // Of a record whose fields nobody tells, the gateway may show defaults that vv can't know: what the first says
        // is what counts.
        more(one, other) && (self.unknown || more(other, one))
    }
}

/// A field's value; null where it has none.
fn field_of<'a>(map: &'a Map<String, Value>, name: &str) -> &'a Value {
    map.get(name).unwrap_or(&Value::Null)
}

/// Whether two values are the same, whatever they are: numbers by what they count.
pub fn same_values(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_values(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, value)| other.get(name).is_some_and(|other| same_values(value, other)))
        }
        (Value::Array(list), Value::Object(map)) | (Value::Object(map), Value::Array(list)) => {
            list.is_empty() && map.is_empty()
        }
        (one, other) => one == other,
    }
}

fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) => Some(items),
        Value::Object(map) if map.is_empty() => Some(&[]),
        _ => None,
    }
}

fn map(value: &Value) -> Option<&Map<String, Value>> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    match value {
        Value::Object(map) => Some(map),
        Value::Array(items) if items.is_empty() => Some(&EMPTY),
        _ => None,
    }
}

/// A value as people read it: `[/a, /b]`, `5`, `none`.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.is_empty() => "''".to_owned(),
        Value::String(text) => one_line(text),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pairs = map.iter().map(|(name, value)| format!("{name}: {}", shown(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A text of several lines by its first; a PEM text by what tells it from another.
fn one_line(text: &str) -> String {
    if text.trim_start().starts_with("-----BEGIN") {
        let digest = Sha256::digest(text.trim());
        let start: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        return format!("sha256 {start}…");
    }
    match text.trim_end().split_once('\n') {
        Some((first, _)) => format!("{} …", first.trim_end()),
        None => text.trim_end_matches('\n').to_owned(),
    }
}

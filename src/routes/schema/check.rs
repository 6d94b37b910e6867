//! What a schema refuses, before anything is sent.
//!
//! Only what is sure is refused here, in Kong's words; what needs Lua (patterns, checks by code) is left to the gateway.

use serde_json::{Map, Value};

use super::{Field, Holds, KEPT, Record, Schema};
use crate::failure::nearest;

/// A declared value that the gateway would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field, by path; empty for the entity itself.
    pub path: String,
    /// Why. It quotes no value of a field that may be a secret.
    pub message: String,
}

/// The limits of a field's values.
#[derive(Debug, Clone, Default)]
pub(super) struct Limits {
    one_of: Option<Vec<Value>>,
    not_one_of: Option<Vec<Value>>,
    between: Option<(f64, f64)>,
    more_than: Option<f64>,
    len_min: Option<u64>,
    len_max: Option<u64>,
    starts_with: Option<String>,
    uuid: bool,
    /// It must be null: `consumer` of a plugin that can't be put on one.
    must_be_null: bool,
}

impl Limits {
    pub fn of(said: &Value) -> Self {
        let list = |name: &str| said.get(name).and_then(Value::as_array).cloned();
        let between = said.get("between").and_then(Value::as_array).and_then(|pair| match pair.as_slice() {
            [low, high] => Some((low.as_f64()?, high.as_f64()?)),
            _ => None,
        });
        Self {
            one_of: list("one_of"),
            not_one_of: list("not_one_of"),
            between,
            more_than: said.get("gt").and_then(Value::as_f64),
            len_min: said.get("len_min").and_then(Value::as_u64),
            len_max: said.get("len_max").and_then(Value::as_u64),
            starts_with: said.get("starts_with").and_then(Value::as_str).map(str::to_owned),
            uuid: said.get("uuid").and_then(Value::as_bool).unwrap_or(false),
            must_be_null: said.get("eq").is_some_and(Value::is_null),
        }
    }
}

impl Schema {
    /// What of the declared fields the gateway would refuse; `refers` names the fields that refer to other entities,
    /// which aren't looked into.
    pub fn check(&self, declared: &Map<String, Value>, refers: &[&str]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for name in refers.iter().filter(|name| !self.fields.contains_key(**name)) {
            faults.push(unknown("", name, self.fields.keys()));
        }
        for (name, field) in &self.fields {
            let is_reference = matches!(field.holds, Holds::Foreign(_));
            if is_reference && refers.contains(&name.as_str()) {
                if field.limits.must_be_null {
                    let message = "this plugin can't be put on one of these".to_owned();
                    faults.push(Fault { path: name.clone(), message });
                }
            } else if let Some(value) = declared.get(name) {
                field.check(name, value, &mut faults);
            } else if field.is_missing() && !field.auto {
                let message = "required field missing".to_owned();
                faults.push(Fault { path: name.clone(), message });
            } else if let Holds::Record(record) = &field.holds
                && field.required
                && field.default.is_none()
            {
                record.check(name, &Map::new(), &mut faults);
            }
        }
        // `ttl` is a type's, and not in its schema.
        let kept = |name: &&String| KEPT.contains(&name.as_str()) || name.as_str() == "ttl";
        let strangers = declared.keys().filter(|name| !self.fields.contains_key(*name) && !kept(name));
        faults.extend(strangers.map(|name| unknown("", name, self.fields.keys())));
        faults
    }
}

impl Field {
    /// Nothing is said of it, and something must be.
    fn is_missing(&self) -> bool {
        self.required && self.default.is_none() && !matches!(self.holds, Holds::Record(_))
    }

    fn check(&self, path: &str, value: &Value, faults: &mut Vec<Fault>) {
        let mut fault = |message: String| faults.push(Fault { path: path.to_owned(), message });
        if value.is_null() {
            if self.required {
                fault("required field missing".to_owned());
            }
            return;
        }
        if let Some(wanted) = self.wrong_type(value) {
            return fault(format!("expected {wanted}"));
        }
        if let Some(message) = self.limits.broken_by(value, self.encrypted) {
            fault(message);
        }
        match (&self.holds, value) {
            (Holds::Array(inner) | Holds::Set(inner), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    inner.check(&format!("{path}.{index}"), item, faults);
                }
            }
            (Holds::Map(inner), Value::Object(map)) => {
                for (name, value) in map {
                    inner.check(&format!("{path}.{name}"), value, faults);
                }
            }
            (Holds::Record(record), Value::Object(map)) => record.check(path, map, faults),
            _ => {}
        }
    }

    /// What would be right, where the value is of another type.
    fn wrong_type(&self, value: &Value) -> Option<&'static str> {
        let (fits, wanted) = match &self.holds {
            Holds::Text => (value.is_string(), "a string"),
            Holds::Integer => {
                let whole = value.as_f64().is_some_and(|number| number.fract() == 0.0);
                (value.is_number() && whole, "an integer")
            }
            Holds::Number => (value.is_number(), "a number"),
            Holds::Boolean => (value.is_boolean(), "a boolean"),
            Holds::Array(_) => (value.is_array(), "an array"),
            Holds::Set(_) => (value.is_array(), "a set"),
            Holds::Map(_) => (value.is_object(), "a map"),
            Holds::Record(_) => (value.is_object(), "a record"),
            Holds::Foreign(_) | Holds::Anything => (true, ""),
        };
        (!fits).then_some(wanted)
    }
}

impl Limits {
    fn broken_by(&self, value: &Value, secret: bool) -> Option<String> {
        let is_in = |list: &[Value]| list.iter().any(|item| super::same_values(item, value));
        if let Some(list) = self.one_of.as_ref().filter(|list| !is_in(list)) {
            let meant = value.as_str().filter(|_| !secret);
            let names = || list.iter().filter_map(Value::as_str);
            let meant = meant.and_then(|text| nearest(text, names()));
            let meant = meant.map(|meant| format!("; did you mean '{meant}'?")).unwrap_or_default();
            let list: Vec<String> = list.iter().map(super::shown).collect();
            return Some(format!("expected one of: {}{meant}", list.join(", ")));
        }
        if let Some(list) = self.not_one_of.as_ref().filter(|list| is_in(list)) {
            let list: Vec<String> = list.iter().map(super::shown).collect();
            return Some(format!("must not be one of: {}", list.join(", ")));
        }
        if let Some(number) = value.as_f64() {
            if let Some((low, high)) = self.between.filter(|(low, high)| number < *low || number > *high) {
                return Some(format!("value should be between {low} and {high}"));
            }
            if let Some(limit) = self.more_than.filter(|limit| number <= *limit) {
                return Some(format!("value must be greater than {limit}"));
            }
        }
        let length = match value {
            Value::String(text) => Some(text.len()),
            Value::Array(items) => Some(items.len()),
            _ => None,
        };
        if let Some(length) = length.and_then(|length| u64::try_from(length).ok()) {
            if let Some(limit) = self.len_min.filter(|limit| length < *limit) {
                return Some(format!("length must be at least {limit}"));
            }
            if let Some(limit) = self.len_max.filter(|limit| length > *limit) {
                return Some(format!("length must be at most {limit}"));
            }
        }
        let text = value.as_str()?;
        if let Some(start) = self.starts_with.as_ref().filter(|start| !text.starts_with(*start)) {
            return Some(format!("should start with: {start}"));
        }
        (self.uuid && uuid::Uuid::try_parse(text).is_err()).then(|| "expected a valid UUID".to_owned())
    }
}

impl Record {
    fn check(&self, path: &str, map: &Map<String, Value>, faults: &mut Vec<Fault>) {
        if self.unknown {
            return;
        }
        for (name, field) in &self.fields {
            let path = format!("{path}.{name}");
            match map.get(name) {
                Some(value) => field.check(&path, value, faults),
                None if field.is_missing() && !field.auto => {
                    faults.push(Fault { path, message: "required field missing".to_owned() });
                }
                None => {}
            }
        }
        let known = |name: &String| self.fields.contains_key(name) || self.shorthands.contains(name);
        for name in map.keys().filter(|name| !known(name)) {
            faults.push(unknown(path, name, self.fields.keys()));
        }
    }
}

fn unknown<'a>(path: &str, name: &str, names: impl Iterator<Item = &'a String>) -> Fault {
    let meant = nearest(name, names.map(String::as_str).filter(|name| !KEPT.contains(name)));
    let meant = meant.map(|meant| format!("; did you mean '{meant}'?")).unwrap_or_default();
    let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    Fault { path, message: format!("unknown field{meant}") }
}

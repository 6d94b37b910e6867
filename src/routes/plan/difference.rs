//! Which fields differ, how that is shown, and what is sent to set them right.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::FieldChange;
use super::identity;
use super::live::Entity;
use crate::routes::REPLICA_TAG;
use crate::routes::kind::Kind;
use crate::routes::read::secrets::carries_secret;
use crate::routes::schema::{Field, Holds, Schema, shown};
use crate::stack::secret::{HIDDEN, Secrecy, is_secret_text, secrecy};

/// What is needed to compare and to show.
pub(super) struct Difference<'a> {
    pub kind: &'a Kind,
    pub schema: &'a Schema,
    /// The owner's tag, where it is to be left out of account.
    pub without_tag: Option<&'a str>,
    /// What entities are called, by their ids.
    pub labels: &'a HashMap<String, String>,
    /// Values that must never be shown.
    pub secrets: &'a [String],
}

impl Difference<'_> {
    /// The fields of `want` that `have` has otherwise, and the body of the PATCH that sets them.
    pub fn between(&self, want: &Entity, have: &Entity) -> (Vec<FieldChange>, Map<String, Value>) {
        let (mut fields, mut patch) = (Vec::new(), Map::new());
        for (name, value) in want.iter().filter(|(name, _)| self.schema.is_compared(name)) {
            let now = have.get(name).unwrap_or(&Value::Null);
            if self.same(name, value, now) {
                continue;
            }
            let field = self.schema.fields.get(name);
            patch.insert(name.clone(), self.descend(name, field, value, now, &mut fields));
        }
        (fields, patch)
    }

    /// Whether all that is declared is so: defaults of what isn't said don't matter, nor do further tags.
    pub fn holds(&self, declared: &Entity, have: &Entity, owner_tag: &str) -> bool {
        declared.iter().filter(|(name, _)| self.schema.is_compared(name)).all(|(name, value)| {
            let now = have.get(name).unwrap_or(&Value::Null);
            match (name.as_str(), value) {
                ("tags", Value::Array(tags)) => {
                    let there = now.as_array().map_or(&[][..], Vec::as_slice);
                    let is_own = |tag: &Value| {
                        tag == owner_tag || tag.as_str().is_some_and(|tag| tag.starts_with(REPLICA_TAG))
                    };
                    tags.iter().all(|tag| is_own(tag) || there.contains(tag))
                }
                _ => self.same(name, value, now) || self.within(self.schema.fields.get(name), value, now),
            }
        })
    }

    /// Whether all that `value` says is so in `now`.
    fn within(&self, field: Option<&Field>, value: &Value, now: &Value) -> bool {
        match (field.map(|field| &field.holds), value, now) {
            (Some(Holds::Record(record)), Value::Object(value), Value::Object(now)) => {
                value.iter().all(|(name, value)| {
                    let now = now.get(name).unwrap_or(&Value::Null);
                    self.within(record.fields.get(name), value, now)
                })
            }
            (Some(_), ..) => field.is_some_and(|field| field.same(value, now)),
            (None, ..) => value == now,
        }
    }

    fn same(&self, name: &str, want: &Value, have: &Value) -> bool {
        match name {
            "tags" => {
                let texts = |value: &Value| -> Vec<String> {
                    let tags = value.as_array().into_iter().flatten().filter_map(Value::as_str);
                    tags.map(str::to_owned).collect()
                };
                // One that was made before there was such a tag is as good.
                let is_tagged = texts(have).iter().any(|tag| tag.starts_with(REPLICA_TAG));
                let counts = |tag: &String| {
                    Some(tag.as_str()) != self.without_tag && (is_tagged || !tag.starts_with(REPLICA_TAG))
                };
                let tags = |value: &Value| {
                    let mut tags: Vec<String> = texts(value).into_iter().filter(counts).collect();
                    tags.sort();
                    tags.dedup();
                    tags
                };
                tags(want) == tags(have)
            }
            "cert" | "cert_alt" | "key" | "key_alt" if self.kind.name().ends_with("certificates") => {
                match (want.as_str(), have.as_str()) {
                    (Some(want), Some(have)) => identity::pem(want) == identity::pem(have),
                    _ => self.schema.same(name, want, have),
                }
            }
            "target" if self.kind.name() == "targets" => {
                want.as_str().map(identity::target) == have.as_str().map(identity::target)
            }
            _ => self.schema.same(name, want, have),
        }
    }

    /// Notes what differs in a field that differs; what is to be sent of it. Kong 3.4.2 merges records in a PATCH, and
    /// replaces maps and lists as a whole.
    fn descend(
        &self,
        path: &str,
        field: Option<&Field>,
        want: &Value,
        have: &Value,
        fields: &mut Vec<FieldChange>,
    ) -> Value {
        match (field.map(|field| &field.holds), want, have) {
            (Some(Holds::Record(record)), Value::Object(want), Value::Object(have)) => {
                let mut patch = Map::new();
                for (name, value) in want {
                    let now = have.get(name).unwrap_or(&Value::Null);
                    let inner = record.fields.get(name);
                    let same = match inner {
                        Some(inner) => inner.same(value, now),
                        // Taken and never told: sent along with what differs.
                        None if record.shorthands.contains(name) => {
                            patch.insert(name.clone(), value.clone());
                            continue;
                        }
                        None => value == now,
                    };
                    if !same {
                        let path = format!("{path}.{name}");
                        patch.insert(name.clone(), self.descend(&path, inner, value, now, fields));
                    }
                }
                Value::Object(patch)
            }
            (Some(Holds::Map(inner)), Value::Object(wanted), Value::Object(now)) => {
                let names = wanted.keys().chain(now.keys().filter(|name| !wanted.contains_key(*name)));
                for name in names {
                    let get = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or(Value::Null);
                    let (value, now) = (get(wanted), get(now));
                    if !inner.same(&value, &now) {
                        // The name is the file's: `Authorization`, with a list of values.
                        let path = format!("{path}.{name}");
                        fields.push(self.change(&path, Some(inner), &value, &now, secrecy(name).is_some()));
                    }
                }
                want.clone()
            }
            _ => {
                fields.push(self.change(path, field, want, have, false));
                want.clone()
            }
        }
    }

    /// `named`: the value's own name says that it is a secret.
    fn change(
        &self,
        path: &str,
        field: Option<&Field>,
        want: &Value,
        have: &Value,
        named: bool,
    ) -> FieldChange {
        let (from, to) = (self.shown(path, field, have), self.shown(path, field, want));
        // What stands in a secret's place was one, or will be.
        let is_secret = named || from == HIDDEN || to == HIDDEN;
        let told = |text, value: &Value| {
            if is_secret && !value.is_null() { HIDDEN.to_owned() } else { text }
        };
        FieldChange { field: path.to_owned(), from: told(from, have), to: told(to, want) }
    }

    /// A value as it may be shown.
    fn shown(&self, path: &str, field: Option<&Field>, value: &Value) -> String {
        if value.is_null() {
            return shown(value);
        }
        if let Some(Holds::Foreign(kind)) = field.map(|field| &field.holds) {
            let id = value.get("id").and_then(Value::as_str).unwrap_or_default();
            return self.labels.get(id).cloned().unwrap_or_else(|| format!("{} {id}", kind.one()));
        }
        if is_secret(self.kind, path, field, value) {
            return HIDDEN.to_owned();
        }
        let text = shown(value);
        let known = self.secrets.iter().any(|secret| !secret.is_empty() && holds_text(value, secret));
        if known || field.is_none_or(may_hold_secrets) && is_secret_text(&text) || carries_secret(&text) {
            return HIDDEN.to_owned();
        }
        text
    }
}

/// Whether the schema says that a field, or what it holds, may be a secret: only then is a word in its text (`apikey`) taken
/// for one.
fn may_hold_secrets(field: &Field) -> bool {
    let within = match &field.holds {
        Holds::Array(inner) | Holds::Map(inner) => may_hold_secrets(inner),
        Holds::Record(record) => record.unknown || record.fields.values().any(may_hold_secrets),
        _ => false,
    };
    field.encrypted || field.referenceable || within
}

/// Whether a text anywhere in the value is this one, or has it in it where it is long enough not to be so by chance.
fn holds_text(value: &Value, secret: &str) -> bool {
    const DISTINCT: usize = 4;
    match value {
        Value::String(text) => text == secret || secret.len() >= DISTINCT && text.contains(secret),
        Value::Array(items) => items.iter().any(|item| holds_text(item, secret)),
        Value::Object(map) => map.values().any(|value| holds_text(value, secret)),
        Value::Number(number) => number.to_string() == secret,
        Value::Null | Value::Bool(_) => false,
    }
}

/// Whether the value of a field is a secret: the gateway keeps it encrypted, it is what a credential proves itself by,
/// or it is called so.
fn is_secret(kind: &Kind, path: &str, field: Option<&Field>, value: &Value) -> bool {
    if field.is_some_and(|field| field.encrypted) {
        return true;
    }
    let name = path.rsplit('.').next().unwrap_or(path);
    if let Some(facts) = kind.facts()
        && facts.named_by.contains(&name)
    {
        return facts.secret_name;
    }
    let is_text = value.is_string();
    // `key_names` is a list of headers, `hide_credentials` a yes or no.
    match secrecy(name) {
        Some(Secrecy::Sure) => is_text || value.is_array() || value.is_object(),
        Some(Secrecy::Likely) => is_text,
        None => false,
    }
}

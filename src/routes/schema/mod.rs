//! What a gateway says of its types of entities (`/schemas/{entity}`, `/schemas/plugins/{name}`): which fields there
//! are, what they may hold, and what they are when nothing is said. Pure.
//!
//! Everything about defaults, sets and required fields comes from the gateway itself, so plugins and versions that vv
//! has never seen are understood as well. The language of these documents is Kong's own
//! (<https://github.com/Kong/kong/blob/3.4.2/kong/db/schema/init.lua>).

mod check;
mod compare;
mod fill;
#[cfg(test)]
mod tests;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::gateway::Gateway;
use super::kind::Kind;

pub use check::Fault;
pub use compare::{same_values, shown};

/// Fields that a gateway keeps for itself: never compared. Kong 3.4.2 computes `cert_digest` of a CA certificate.
const KEPT: &[&str] = &["id", "created_at", "updated_at", "ws_id", "cert_digest"];

/// The fields of a type of entity.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// In the gateway's order.
    pub fields: IndexMap<String, Field>,
}

/// One field.
#[derive(Debug, Clone)]
pub struct Field {
    /// What it holds.
    pub holds: Holds,
    /// Must have a value.
    pub required: bool,
    /// What it is when nothing is said; null counts as none.
    pub default: Option<Value>,
    /// No two entities have the same.
    pub unique: bool,
    /// The gateway makes it up when nothing is said.
    pub auto: bool,
    /// The gateway's own clock.
    pub timestamp: bool,
    /// The gateway keeps it encrypted: a secret.
    pub encrypted: bool,
    /// May be `{vault://…}`.
    pub referenceable: bool,
    /// Its own limits.
    limits: check::Limits,
}

/// What a field holds.
#[derive(Debug, Clone)]
pub enum Holds {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Yes or no.
    Boolean,
    /// A list in its order.
    Array(Box<Field>),
    /// A list in which the order says nothing, and nothing is twice.
    Set(Box<Field>),
    /// Values by name.
    Map(Box<Field>),
    /// Fields of its own.
    Record(Record),
    /// Another entity, of this type.
    Foreign(Kind),
    /// What vv doesn't look into (`any`, `json`, `function`).
    Anything,
}

/// The fields in a field.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// In the gateway's order.
    pub fields: IndexMap<String, Field>,
    /// Older names that are still taken (`shorthand_fields`), and don't come back.
    pub shorthands: Vec<String>,
    /// Its fields aren't told here: only what is declared can be compared.
    pub unknown: bool,
}

impl Schema {
    /// What `/schemas/{entity}` answered. What isn't understood holds anything.
    pub fn of(answer: &Value) -> Self {
        Self { fields: fields(answer) }
    }

    /// The schema of a gateway's type; of a plugin (`name` is the plugin's) or a vault with its configuration. Nothing
    /// where the gateway didn't tell it.
    pub fn in_gateway(gateway: &Gateway, kind: &Kind, name: Option<&str>) -> Option<Self> {
        let schema = Self::of(gateway.schemas.get(kind)?);
        let plugin = (kind.name() == "plugins").then(|| gateway.plugin_schemas.get(name?)).flatten();
        Some(match plugin {
            Some(plugin) => schema.with(plugin),
            None => schema,
        })
    }

    /// The same with what `/schemas/plugins/{name}` answered: its configuration, its own protocols, and where it can't
    /// be put.
    #[must_use]
    pub fn with(mut self, plugin: &Value) -> Self {
        for (name, field) in fields(plugin) {
            self.fields.insert(name, field);
        }
        self
    }

    /// Whether a field is to be compared: the gateway doesn't keep it for itself.
    pub fn is_compared(&self, name: &str) -> bool {
        !KEPT.contains(&name) && self.fields.get(name).is_some_and(|field| !field.timestamp)
    }

    /// The fields that no two entities share.
    pub fn unique(&self) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .filter(|(name, field)| field.unique && !KEPT.contains(&name.as_str()))
            .map(|(name, _)| name.as_str())
    }

    /// The types that its entities refer to, by field.
    pub fn foreign(&self) -> impl Iterator<Item = (&str, &Kind)> {
        self.fields.iter().filter_map(|(name, field)| match &field.holds {
            Holds::Foreign(kind) => Some((name.as_str(), kind)),
            _ => None,
        })
    }

    /// The field at a path (`config.redis.password`, `paths.0`).
    pub fn at(&self, path: &str) -> Option<&Field> {
        let mut parts = path.split('.');
        let mut field = self.fields.get(parts.next()?)?;
        for part in parts {
            field = match &field.holds {
                Holds::Record(record) => record.fields.get(part)?,
                Holds::Array(inner) | Holds::Set(inner) | Holds::Map(inner) => inner,
                _ => return None,
            };
        }
        Some(field)
    }
}

/// The `fields` of a schema, a record or a plugin: a list of objects with one key each.
fn fields(of: &Value) -> IndexMap<String, Field> {
    let list = of.get("fields").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_object).flatten().map(|(name, said)| (name.clone(), Field::of(said))).collect()
}

impl Field {
    fn of(said: &Value) -> Self {
        let is = |name: &str| said.get(name).and_then(Value::as_bool).unwrap_or(false);
        let inner = |name: &str| Box::new(said.get(name).map_or_else(Field::anything, Field::of));
        let holds = match said.get("type").and_then(Value::as_str) {
            Some("string") => Holds::Text,
            Some("integer") => Holds::Integer,
            Some("number") => Holds::Number,
            Some("boolean") => Holds::Boolean,
            Some("array") => Holds::Array(inner("elements")),
            Some("set") => Holds::Set(inner("elements")),
            Some("map") => Holds::Map(inner("values")),
            Some("record") => Holds::Record(Record::of(said)),
            Some("foreign") => {
                let kind = said.get("reference").and_then(Value::as_str).map(Kind::of);
                kind.map_or(Holds::Anything, Holds::Foreign)
            }
            _ => Holds::Anything,
        };
        Self {
            holds,
            required: is("required"),
            default: said.get("default").filter(|value| !value.is_null()).cloned(),
            unique: is("unique"),
            // Kong 3.4.2 draws the default of session's `secret` at random, anew in each of its processes.
            auto: is("auto") || is("encrypted") && said.get("default").is_some_and(Value::is_string),
            timestamp: is("timestamp"),
            encrypted: is("encrypted"),
            referenceable: is("referenceable"),
            limits: check::Limits::of(said),
        }
    }

    fn anything() -> Self {
        Self::of(&Value::Object(Map::new()))
    }
}

impl Record {
    fn of(said: &Value) -> Self {
        let shorthands = said.get("shorthand_fields").and_then(Value::as_array).into_iter().flatten();
        let shorthands: Vec<String> =
            shorthands.filter_map(Value::as_object).flat_map(Map::keys).cloned().collect();
        let abstract_ = said.get("abstract").and_then(Value::as_bool).unwrap_or(false);
        Self { fields: fields(said), shorthands, unknown: abstract_ || said.get("fields").is_none() }
    }
}

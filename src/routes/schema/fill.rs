//! What an entity is once the gateway has put in what wasn't said.

use serde_json::{Map, Value};

use super::{Field, Holds, KEPT, Record, Schema};

impl Schema {
    /// What is declared, with the defaults of what isn't, as the Admin API would show it. Fields that the gateway makes
    /// up itself are only in it where they are declared; `id` and its clocks never are. What the schema doesn't know is
    /// passed on as it is.
    pub fn fill(&self, declared: &Map<String, Value>) -> Map<String, Value> {
        let mut filled = Map::new();
        for (name, field) in &self.fields {
            if KEPT.contains(&name.as_str()) || field.timestamp {
                continue;
            }
            match declared.get(name) {
                None if field.auto || field.is_untold() => {}
                None => {
                    let default = self.default_by_others(name, declared);
                    filled.insert(name.clone(), default.unwrap_or_else(|| field.fill(None)));
                }
                given => {
                    filled.insert(name.clone(), field.fill(given));
                }
            }
        }
        for (name, value) in declared {
            if !self.fields.contains_key(name) && !KEPT.contains(&name.as_str()) {
                filled.insert(name.clone(), value.clone());
            }
        }
        filled
    }

    /// What a field is when nothing is said, where that depends on other fields of the entity. `/schemas` don't tell this:
    /// routes of Kong 3.4.2 have a schema of their own for each family of protocols
    /// (<https://github.com/Kong/kong/blob/3.4.2/kong/db/schema/entities/routes_subschemas.lua>), and `strip_path` of gRPC
    /// is false and can't be true. The only default among its types that depends on another field.
    pub fn default_by_others(&self, name: &str, entity: &Map<String, Value>) -> Option<Value> {
        // Of the types, only routes have these; with the `expressions` router, they have no paths.
        let is_route = ["protocols", "paths"].iter().all(|field| self.fields.contains_key(*field));
        let protocols = entity.get("protocols").and_then(Value::as_array).into_iter().flatten();
        let mut protocols = protocols.filter_map(Value::as_str);
        (name == "strip_path" && is_route && protocols.any(|protocol| ["grpc", "grpcs"].contains(&protocol)))
            .then_some(Value::Bool(false))
    }

    /// What is declared with texts read as the numbers and the yes or no that their fields hold: the value of a variable
    /// is a text.
    pub fn coerce(&self, declared: &Map<String, Value>) -> Map<String, Value> {
        let field = |(name, value): (&String, &Value)| {
            (name.clone(), self.fields.get(name).map_or_else(|| value.clone(), |field| field.coerce(value)))
        };
        declared.iter().map(field).collect()
    }

    /// Whether this is what a field is when nothing is said.
    pub fn is_default(&self, name: &str, value: &Value) -> bool {
        self.fields.get(name).is_some_and(|field| field.is_default(value))
    }
}

impl Field {
    /// Whether this is what it is when nothing is said.
    pub fn is_default(&self, value: &Value) -> bool {
        !self.auto && self.same(&self.fill(None), value)
    }

    fn coerce(&self, value: &Value) -> Value {
        let each = |field: &Field, items: &[Value]| items.iter().map(|item| field.coerce(item)).collect();
        match (&self.holds, value) {
            (Holds::Integer, Value::String(text)) => {
                text.parse::<i64>().map_or_else(|_| value.clone(), Value::from)
            }
            (Holds::Number, Value::String(text)) => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _) => number.into(),
                (_, Ok(number)) if number.is_finite() => number.into(),
                _ => value.clone(),
            },
            (Holds::Boolean, Value::String(text)) => {
                text.parse::<bool>().map_or_else(|_| value.clone(), Value::from)
            }
            (Holds::Array(inner) | Holds::Set(inner), Value::Array(items)) => {
                Value::Array(each(inner, items))
            }
            (Holds::Map(inner), Value::Object(map)) => {
                Value::Object(map.iter().map(|(name, value)| (name.clone(), inner.coerce(value))).collect())
            }
            (Holds::Record(record), Value::Object(map)) => {
                let field = |(name, value): (&String, &Value)| {
                    let field = record.fields.get(name);
                    (name.clone(), field.map_or_else(|| value.clone(), |field| field.coerce(value)))
                };
                Value::Object(map.iter().map(field).collect())
            }
            _ => value.clone(),
        }
    }

    /// A record whose fields nobody tells: what the gateway puts in it can't be known.
    fn is_untold(&self) -> bool {
        matches!(&self.holds, Holds::Record(record) if record.unknown)
    }

    /// A value with the defaults in it. An explicit null stays null: Kong 3.4.2 takes `retries: null` for no value, and
    /// not for the default.
    pub(super) fn fill(&self, given: Option<&Value>) -> Value {
        let value = match given {
            Some(value) => value.clone(),
            None => match (&self.default, &self.holds) {
                (Some(default), _) => default.clone(),
                // A record that must be there is, with its own defaults.
                (None, Holds::Record(record)) if self.required && !record.unknown => {
                    Value::Object(Map::new())
                }
                (None, _) => return Value::Null,
            },
        };
        match (&self.holds, value) {
            (Holds::Record(record), Value::Object(map)) => Value::Object(record.fill(map)),
            (Holds::Array(inner), Value::Array(items)) => {
                Value::Array(items.iter().map(|item| inner.fill(Some(item))).collect())
            }
            (Holds::Set(inner), Value::Array(items)) => {
                let mut once: Vec<Value> = Vec::with_capacity(items.len());
                for item in items.iter().map(|item| inner.fill(Some(item))) {
                    if !once.contains(&item) {
                        once.push(item);
                    }
                }
                Value::Array(once)
            }
            (Holds::Map(inner), Value::Object(map)) => {
                Value::Object(map.into_iter().map(|(name, value)| (name, inner.fill(Some(&value)))).collect())
            }
            (_, value) => value,
        }
    }
}

impl Record {
    /// Whether an older name is among the fields: it sets another one, and only the gateway knows which.
    pub(super) fn has_shorthand(&self, given: &Map<String, Value>) -> bool {
        self.shorthands.iter().any(|name| given.contains_key(name))
    }

    fn fill(&self, mut given: Map<String, Value>) -> Map<String, Value> {
        let mut filled = Map::new();
        let only_said = self.has_shorthand(&given);
        for (name, field) in &self.fields {
            let value = given.remove(name);
            if value.is_some() || !(field.auto || field.is_untold() || only_said) {
                filled.insert(name.clone(), field.fill(value.as_ref()));
            }
        }
        filled.extend(given);
        filled
    }
}

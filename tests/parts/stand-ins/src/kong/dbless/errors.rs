//! How errors of a declarative document are told: as a tree with a message, flattened, or printed at the start.

use serde_json::{Map, Value, json};

use super::check::children;
use crate::kong::schema;

/// The body of a 400: what is wrong as a tree.
pub fn body(fields: Map<String, Value>) -> Value {
    let message = format!("declarative config is invalid: {}", lua(&Value::Object(fields.clone())));
    json!({"code": 14, "name": "invalid declarative configuration", "message": message, "fields": fields})
}

/// The body of a 400 with what is wrong by entity. What Kong can't tell an entity for is lost, as it is there.
pub fn flattened(mut fields: Map<String, Value>, document: &Map<String, Value>) -> Value {
    let mut flat = Vec::new();
    for (kind, errors) in std::mem::take(&mut fields) {
        let entities = document.get(&kind).and_then(Value::as_array);
        let (true, Some(entities)) = (errors.is_array() || errors.is_object(), entities) else {
            fields.insert(kind, errors);
            continue;
        };
        for (index, error) in errors.as_array().into_iter().flatten().enumerate() {
            if let (Some(Value::Object(entity)), Value::Object(error)) = (entities.get(index), error) {
                flatten(&kind, entity.clone(), error.clone(), &mut flat);
            }
        }
    }
    let mut body = body(fields);
    // An empty list is an empty table, and that a map.
    body["flattened_errors"] = if flat.is_empty() { json!({}) } else { Value::Array(flat) };
    body
}

/// One entity's errors, after those of the entities inside it.
fn flatten(
    kind: &str,
    mut entity: Map<String, Value>,
    mut errors: Map<String, Value>,
    flat: &mut Vec<Value>,
) {
    let key = |entity: &Map<String, Value>| {
        entity
            .get("id")
            .and_then(Value::as_str)
            .filter(|id| uuid::Uuid::try_parse(id).is_ok())
            .map(str::to_owned)
    };
    let id = key(&entity);
    for (field, to, _) in schema::references(kind) {
        if let Some(Value::Object(inner)) = entity.get(field).cloned() {
            match key(&inner) {
                Some(id) => entity.insert(field.to_owned(), json!({"id": id})),
                None => entity.remove(field),
            };
            if let Some(Value::Object(error)) = errors.remove(field) {
                flatten(to, inner, error, flat);
            }
        }
    }
    for (child, field) in children(kind) {
        let Some(Value::Array(items)) = entity.get(child).cloned() else { continue };
        entity.remove(child);
        let Some(Value::Array(wrong)) = errors.remove(child) else { continue };
        for (item, error) in items.into_iter().zip(wrong) {
            if let (Value::Object(mut item), Value::Object(error)) = (item, error) {
                if let Some(id) = &id {
                    item.entry(field).or_insert_with(|| json!({"id": id}));
                }
                flatten(child, item, error, flat);
            }
        }
    }
    let mut list = Vec::new();
    categorize("", &errors.into_iter().collect(), &mut list);
    if list.is_empty() {
        return;
    }
    let mut told = json!({"entity_type": singular(kind), "errors": list});
    if let Some(name) = entity.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) {
        told["entity_name"] = json!(name);
    }
    if let Some(id) = id {
        told["entity_id"] = json!(id);
    }
    let tags = entity
        .get("tags")
        .filter(|tags| tags.as_array().is_some_and(|tags| tags.iter().all(Value::is_string)));
    if let Some(tags) = tags {
        told["entity_tags"] = tags.clone();
    }
    told["entity"] = Value::Object(entity);
    flat.push(told);
}

fn singular(kind: &str) -> &str {
    kind.strip_suffix('s').unwrap_or(kind)
}

/// One entry for each text, with the dotted path to it; lists count from 1.
fn categorize(path: &str, errors: &Value, list: &mut Vec<Value>) {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match errors {
        Value::String(message) => list.push(json!({"type": "field", "field": path, "message": message})),
        Value::Array(errors) => {
            for (index, error) in errors.iter().enumerate().rev() {
                categorize(&join(&(index + 1).to_string()), error, list);
            }
        }
        Value::Object(errors) => {
            let mut names: Vec<&String> = errors.keys().collect();
            names.sort();
            for name in names.into_iter().rev() {
                if name == "@entity" {
                    let messages = errors[name].as_array().into_iter().flatten();
                    list.extend(messages.map(|message| json!({"type": "entity", "message": message})));
                } else {
                    categorize(&join(name), &errors[name], list);
                }
            }
        }
        _ => {}
    }
}

/// A value as a Lua table on one line.
fn lua(value: &Value) -> String {
    match value {
        Value::String(text) => {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
        }
        Value::Array(list) => {
            // What comes after a hole needs its index.
            let plain = list.iter().take_while(|value| !value.is_null()).count();
            let parts = list.iter().enumerate().filter(|(_, value)| !value.is_null());
            let parts = parts.map(|(index, value)| match index < plain {
                true => lua(value),
                false => format!("[{}]={}", index + 1, lua(value)),
            });
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        Value::Object(map) => {
            let mut names: Vec<&String> = map.keys().collect();
            names.sort();
            let parts = names.iter().map(|name| match is_name(name) {
                true => format!("{name}={}", lua(&map[*name])),
                false => format!("[{}]={}", lua(&json!(name)), lua(&map[*name])),
            });
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

fn is_name(text: &str) -> bool {
    !text.starts_with(|char: char| char.is_ascii_digit())
        && text.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// What `kong start` prints of a file that it refuses: an indented tree.
pub fn printed(errors: &Value, within: &str, indent: usize) -> String {
    let line = |place: String, error: &Value, name: &str| {
        let margin = " ".repeat(indent);
        match error {
            Value::Array(_) | Value::Object(_) => {
                format!("{margin}{place}:\n{}", printed(error, name, indent + 2))
            }
            Value::String(text) => format!("{margin}{place}: {text}"),
            other => format!("{margin}{place}: {other}"),
        }
    };
    let lines: Vec<String> = match errors {
        Value::Array(list) => {
            let wrong = list.iter().enumerate().filter(|(_, error)| !error.is_null());
            let place = |index: usize| format!("- in entry {} of '{within}'", index + 1);
            wrong.map(|(index, error)| line(place(index), error, "")).collect()
        }
        Value::Object(map) => {
            let mut names: Vec<&String> = map.keys().collect();
            names.sort();
            names.iter().map(|name| line(format!("in '{name}'"), &map[*name], name)).collect()
        }
        _ => Vec::new(),
    };
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_trees() {
        let errors =
            json!({"services": [null, {"@entity": ["a \"b\""], "nope": "unknown field", "paths": ["x"]}]});
        let wanted = r#"{services={[2]={["@entity"]={"a \"b\""},nope="unknown field",paths={"x"}}}}"#;
        assert_eq!(lua(&errors), wanted);
        let errors = json!({"services": [{"nope": "unknown field"}]});
        let wanted = "in 'services':\n  - in entry 1 of 'services':\n    in 'nope': unknown field";
        assert_eq!(printed(&errors, "", 0), wanted);
    }
}

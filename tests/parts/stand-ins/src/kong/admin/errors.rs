//! Errors as Kong words them: `{"code", "name", "message", "fields"}`.

use serde_json::{Map, Value, json};

use crate::kong::server::Answer;

fn error(status: u16, code: u8, name: &str, message: &str, fields: Value) -> Answer {
    Answer::json(status, json!({"code": code, "name": name, "message": message, "fields": fields}))
}

/// 400/2: what is wrong, by field.
pub fn schema_violation(fields: Map<String, Value>) -> Answer {
    let parts = sentences(&fields);
    let what = match parts.len() {
        1 => "schema violation".to_owned(),
        count => format!("{count} schema violations"),
    };
    error(400, 2, "schema violation", &format!("{what} ({})", parts.join("; ")), Value::Object(fields))
}

/// What is wrong with the whole, then field by field; what lies deeper is shown as a Lua table.
fn sentences(fields: &Map<String, Value>) -> Vec<String> {
    let whole = fields.get("@entity").and_then(Value::as_array).into_iter().flatten();
    let mut sentences: Vec<String> = whole.filter_map(Value::as_str).map(str::to_owned).collect();
    let mut names: Vec<&String> = fields.keys().filter(|name| *name != "@entity").collect();
    names.sort();
    for name in names {
        match &fields[name] {
            Value::Array(list) => {
                let wrong = list.iter().enumerate().filter(|(_, error)| !error.is_null());
                sentences
                    .extend(wrong.map(|(index, error)| format!("{name}.{}: {}", index + 1, table(error, 0))));
            }
            Value::Object(map) => {
                let mut keys: Vec<&String> = map.keys().collect();
                keys.sort();
                sentences.extend(keys.iter().map(|key| format!("{name}.{key}: {}", table(&map[*key], 0))));
            }
            error => sentences.push(format!("{name}: {}", table(error, 0))),
        }
    }
    sentences
}

/// A text as it is, a list or a map as Penlight's `pretty.write` shows it.
fn table(value: &Value, depth: usize) -> String {
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    let shown = |value: &Value| match value {
        Value::String(text) => format!("\"{text}\""),
        value => table(value, depth + 1),
    };
    let lines: Vec<String> = match value {
        Value::String(text) => return text.clone(),
        Value::Array(list) => list.iter().map(|value| format!("{inner}{}", shown(value))).collect(),
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            keys.iter().map(|key| format!("{inner}{key} = {}", shown(&map[*key]))).collect()
        }
        value => return value.to_string(),
    };
    format!("{{\n{}\n{outer}}}", lines.join(",\n"))
}

/// Keys as Kong shows them: `{name="billing",service={id="…"}}`.
pub fn keys(fields: &Value) -> String {
    match fields {
        Value::Object(map) => {
            let mut names: Vec<&String> = map.keys().collect();
            names.sort();
            let parts: Vec<String> =
                names.iter().map(|name| format!("{name}={}", keys(&map[*name]))).collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::String(text) => format!("\"{text}\""),
        value => value.to_string(),
    }
}

/// 409/5
pub fn unique(fields: Value) -> Answer {
    let message = format!("UNIQUE violation detected on '{}'", keys(&fields));
    error(409, 5, "unique constraint violation", &message, fields)
}

/// 400/3: the id is taken.
pub fn primary_key(id: &str) -> Answer {
    let fields = json!({"id": id});
    let message = format!("primary key violation on key '{}'", keys(&fields));
    error(400, 3, "primary key violation", &message, fields)
}

/// 400/4: it refers to what isn't there.
pub fn foreign_key(field: &str, kind: &str, key: &Value) -> Answer {
    let message = format!("the foreign key '{}' does not reference an existing '{kind}' entity.", keys(key));
    error(400, 4, "foreign key violation", &message, json!({field: key}))
}

/// 400/4: something refers to it.
pub fn referenced(kind: &str, by: &str) -> Answer {
    let message = format!("an existing '{by}' entity references this '{kind}' entity");
    error(400, 4, "foreign key violation", &message, json!({"@referenced_by": by}))
}

/// 400/13: it refers by name to what isn't there.
pub fn unresolved(field: &str, kind: &str, key: &str, value: &Value) -> Answer {
    let text = format!(
        "the foreign key cannot be resolved with '{}' for an existing '{kind}' entity",
        keys(&json!({key: value}))
    );
    let message = format!("foreign key unresolved ({field}.{key}: {text})");
    error(400, 13, "foreign keys unresolved", &message, json!({field: {key: text}}))
}

/// 404/6: there is nothing to PATCH.
pub fn missing(key: &str, value: &str) -> Answer {
    let fields = json!({key: value});
    let which = if key == "id" { "primary key " } else { "" };
    let message = format!("could not find the entity with {which}'{}'", keys(&fields));
    error(404, 6, "not found", &message, fields)
}

/// 400/10: a name in the path can't be one.
pub fn name(key: &str, message: &str) -> Answer {
    Answer::json(400, json!({"code": 10, "name": format!("invalid unique {key}"), "message": message}))
}

/// 400/9
pub fn size(message: &str) -> Answer {
    Answer::json(400, json!({"code": 9, "name": "invalid size", "message": message}))
}

/// 400/7
pub fn offset(offset: &str) -> Answer {
    let message = format!("'{offset}' is not a valid offset: bad json encoding");
    Answer::json(400, json!({"code": 7, "name": "invalid offset", "message": message}))
}

/// 400/11
pub fn tags(what: &str) -> Answer {
    let message = format!("invalid option (tags: {what})");
    Answer::json(
        400,
        json!({"code": 11, "name": "invalid options", "message": message, "options": {"tags": what}}),
    )
}

/// 405/12: there is no database.
pub fn unsupported(doing: &str, kind: &str, key: Option<&str>) -> Answer {
    let by = key.map(|key| format!(" by '{key}'")).unwrap_or_default();
    let message = format!("cannot {doing} '{kind}' entities{by} when not using a database");
    Answer::json(405, json!({"code": 12, "name": "operation unsupported", "message": message}))
}

/// 404
pub fn not_found() -> Answer {
    Answer::message(404, "Not found")
}

/// 405
pub fn method() -> Answer {
    Answer::message(405, "Method not allowed")
}

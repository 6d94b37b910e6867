//! What a request brings: JSON, or a form whose values take the types of the schema.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::schema;
use crate::kong::server::{Answer, Request};

/// The body as an entity of a type. A form's values are texts where `typed` is false.
pub fn read(request: &Request, kind: &str, typed: bool) -> Result<Map<String, Value>, Answer> {
    if request.body.is_empty() {
        return Ok(Map::new());
    }
    let media = request.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media.as_str() {
        "application/json" => match serde_json::from_slice(&request.body) {
            Ok(Value::Object(map)) => Ok(map),
            _ => Err(Answer::message(400, "Cannot parse JSON body")),
        },
        "application/x-www-form-urlencoded" => {
            let mut form = Map::new();
            for (name, value) in pairs(&String::from_utf8_lossy(&request.body)) {
                let parts: Vec<&str> =
                    name.split(['.', '[']).map(|part| part.trim_end_matches(']')).collect();
                insert(&mut form, &parts, value);
            }
            if typed {
                coerce_entity(kind, &mut form);
            }
            Ok(form)
        }
        _ => {
            let what = "415 Unsupported Media Type";
            let page = format!(
                "<html>\r\n<head><title>{what}</title></head>\r\n<body>\r\n<center><h1>{what}</h1></center>\r\n</body>\r\n</html>\r\n"
            );
            Err(Answer::text(415, "text/html; charset=UTF-8", page))
        }
    }
}

/// The pairs of a query or a form.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// `tags[]=a`, `tags[1]=a`, `config.minute=5`
fn insert(map: &mut Map<String, Value>, parts: &[&str], value: String) {
    let Some((first, rest)) = parts.split_first() else { return };
    match rest {
        [] => {
            map.insert((*first).to_owned(), json!(value));
        }
        [index] if index.is_empty() || index.parse::<usize>().is_ok() => {
            if let Value::Array(list) = map.entry(*first).or_insert_with(|| json!([])) {
                list.push(json!(value));
            }
        }
        rest => {
            if let Value::Object(inner) = map.entry(*first).or_insert_with(|| json!({})) {
                insert(inner, rest, value);
            }
        }
    }
}

fn coerce_entity(kind: &str, form: &mut Map<String, Value>) {
    let special = schema::special(kind, form).ok().flatten();
    for (name, field) in schema::fields_of(kind, special) {
        if let Some(value) = form.get_mut(name) {
            coerce(field, value);
        }
    }
}

fn coerce(field: &'static Value, value: &mut Value) {
    let kind = field["type"].as_str().unwrap_or_default();
    match value {
        Value::String(text) if text.is_empty() => *value = Value::Null,
        Value::String(text) => match kind {
            "integer" | "number" => {
                if let Ok(number) = serde_json::from_str::<serde_json::Number>(text) {
                    *value = Value::Number(number);
                }
            }
            "boolean" if text == "true" || text == "false" => *value = json!(text == "true"),
            "array" | "set" => *value = json!([text]),
            _ => {}
        },
        Value::Array(list) => list.iter_mut().for_each(|value| coerce(&field["elements"], value)),
        Value::Object(map) if kind == "record" => {
            for (name, field) in schema::fields(field) {
                if let Some(value) = map.get_mut(name) {
                    coerce(field, value);
                }
            }
        }
        _ => {}
    }
}

//! What must hold between an entity's fields.

use serde_json::{Map, Value, json};

use super::validate::{Errors, REQUIRED, check};
use super::{custom, tls};

/// Runs one of a schema's `entity_checks`.
pub fn run(
    kind: &str,
    rule: &'static Value,
    entity: &Map<String, Value>,
    updating: bool,
    errors: &mut Errors,
) {
    let Some((name, rule)) = rule.as_object().and_then(|rule| rule.iter().next()) else { return };
    let names = names(rule);
    // What is wrong by itself isn't looked at again.
    if names.iter().any(|name| reached(errors, name).is_some()) {
        return;
    }
    let set = names.iter().filter(|name| is_set(get(entity, name))).count();
    let when = if updating { "when updating, " } else { "" };
    let result = match name.as_str() {
        "at_least_one_of" if set == 0 => {
            Err(format!("{when}at least one of these fields must be non-empty: {}", quoted(&names)))
        }
        "only_one_of" if set != 1 => {
            Err(format!("exactly one of these fields must be non-empty: {}", quoted(&names)))
        }
        "mutually_exclusive" if set > 1 => {
            Err(format!("only one or none of these fields must be set: {}", quoted(&names)))
        }
        "mutually_required" if set != 0 && set != names.len() => {
            Err(format!("all or none of these fields must be set: {}", quoted(&names)))
        }
        "distinct"
            if set > 1 && names.windows(2).any(|pair| get(entity, pair[0]) == get(entity, pair[1])) =>
        {
            Err(format!("values of these fields must be distinct: {}", quoted(&names)))
        }
        "conditional" => conditional(kind, rule, entity, errors),
        "conditional_at_least_one_of" => conditional_at_least_one_of(rule, entity),
        "custom_entity_check" => match kind {
            "certificates" | "ca_certificates" => tls::check(&names, entity),
            _ => Ok(()),
        },
        _ => Ok(()),
    };
    if let Err(text) = result
        && let Value::Array(list) = errors.entry("@entity").or_insert_with(|| json!([]))
    {
        list.push(json!(text));
    }
}

/// The fields that a rule is about.
fn names(rule: &'static Value) -> Vec<&'static str> {
    let list = |value: &'static Value| value.as_array().into_iter().flatten().filter_map(Value::as_str);
    match rule {
        Value::Array(_) => list(rule).collect(),
        // A condition's choice of fields is looked at even where one of them is wrong.
        _ => ["if_field", "then_field"]
            .iter()
            .filter_map(|name| rule[*name].as_str())
            .chain(list(&rule["field_sources"]))
            .collect(),
    }
}

fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(", ")
}

/// A field by its dotted name.
fn get<'a>(entity: &'a Map<String, Value>, name: &str) -> &'a Value {
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    let value = entity.get(first).unwrap_or(&Value::Null);
    rest.split('.').filter(|part| !part.is_empty()).fold(value, |value, part| &value[part])
}

fn reached<'a>(errors: &'a Errors, name: &str) -> Option<&'a Value> {
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    let error = errors.get(first)?;
    // A text is about the whole record.
    if rest.is_empty() || error.is_string() { Some(error) } else { error.get(rest) }
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    }
}

fn conditional(
    kind: &str,
    rule: &'static Value,
    entity: &Map<String, Value>,
    errors: &mut Errors,
) -> Result<(), String> {
    let (if_field, then_field) =
        (rule["if_field"].as_str().unwrap_or(""), rule["then_field"].as_str().unwrap_or(""));
    let given = get(entity, if_field);
    if given.is_null() || !fits(&rule["if_match"], given) {
        return Ok(());
    }
    let value = get(entity, then_field);
    let error = match rule["then_match"]["required"] == true && value.is_null() {
        true => Some(json!(REQUIRED)),
        false => check("", &rule["then_match"], value).err().or_else(|| {
            // Kong's own check of this one isn't told by /schemas.
            (kind == "jwt_secrets").then(|| custom::public_key(value).err().map(Value::from)).flatten()
        }),
    };
    let Some(error) = error else { return Ok(()) };
    let mut place = errors;
    let mut parts: Vec<&str> = then_field.split('.').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match place.entry(part).or_insert_with(|| json!({})) {
            Value::Object(inner) => place = inner,
            _ => return Ok(()),
        }
    }
    place.insert(last.to_owned(), error);
    let text = rule["then_err"].as_str().map(str::to_owned);
    Err(text.unwrap_or_else(|| format!("failed conditional validation given value of field '{if_field}'")))
}

/// Whether a value fits the match of a condition: lists element by element where it speaks of elements.
fn fits(rule: &'static Value, value: &Value) -> bool {
    let elements = &rule["elements"];
    match value {
        Value::Array(list) if elements.is_object() => {
            list.iter().all(|value| check("", elements, value).is_ok())
        }
        Value::String(text) if rule["match_any"]["patterns"].is_array() => {
            let patterns = rule["match_any"]["patterns"].as_array().into_iter().flatten();
            patterns.filter_map(Value::as_str).any(|pattern| super::lua::matches(pattern, text))
        }
        _ => check("", rule, value).is_ok(),
    }
}

fn conditional_at_least_one_of(rule: &'static Value, entity: &Map<String, Value>) -> Result<(), String> {
    let given = get(entity, rule["if_field"].as_str().unwrap_or_default());
    let (wanted, text) = if fits(&rule["if_match"], given) {
        ("then_at_least_one_of", "then_err")
    } else if fits(&rule["else_match"], given) {
        ("else_then_at_least_one_of", "else_then_err")
    } else {
        return Ok(());
    };
    let names: Vec<&str> = rule[wanted].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if names.iter().any(|name| is_set(get(entity, name))) {
        return Ok(());
    }
    Err(rule[text].as_str().unwrap_or_default().replace("%s", &quoted(&names)))
}

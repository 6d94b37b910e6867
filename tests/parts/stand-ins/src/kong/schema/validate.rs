//! The one validator: an entity against its schema, with Kong's words for what is wrong.

use serde_json::{Map, Value, json};

use super::{checks, custom, fields, fields_of, lua};

/// What is wrong, by field: a text, a list with `null` for the elements that are right, or an object; `@entity` holds
/// what is wrong with the whole.
pub type Errors = Map<String, Value>;

/// Kong's word for a missing field.
pub const REQUIRED: &str = "required field missing";

/// Checks an entity that has its defaults already.
///
/// # Errors
/// What Kong puts into an error's `fields`.
pub fn validate(kind: &str, entity: &Map<String, Value>, updating: bool) -> Result<(), Errors> {
    let special = match super::special(kind, entity) {
        Ok(special) => special,
        Err((field, text)) => return Err(Errors::from_iter([(field.to_owned(), json!(text))])),
    };
    let fields = fields_of(kind, special);
    let name = entity.get("name").and_then(Value::as_str).unwrap_or_default();
    let mut errors = Errors::new();
    for (field, value) in entity {
        match fields.iter().find(|(known, _)| known == field) {
            Some((_, schema)) => {
                let path = match special.is_some() && kind != "routes" && field == "config" {
                    true => format!("{name}.config"),
                    false => format!("{kind}.{field}"),
                };
                if let Err(error) = check(&path, schema, value) {
                    errors.insert(field.clone(), error);
                }
            }
            None => {
                errors.insert(field.clone(), json!("unknown field"));
            }
        }
    }
    for (field, schema) in &fields {
        if schema["required"] == true && entity.get(*field).is_none_or(Value::is_null) {
            errors.insert((*field).to_owned(), json!(REQUIRED));
        }
    }
    let general = super::entity(kind).into_iter();
    for check in general.chain(special).flat_map(|schema| schema["entity_checks"].as_array()).flatten() {
        checks::run(kind, check, entity, updating, &mut errors);
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Checks a value against a field's schema; the path tells which of Kong's own checks it needs.
pub fn check(path: &str, field: &'static Value, value: &Value) -> Result<(), Value> {
    let result = check_inner(path, field, value);
    match (result, field["err"].as_str()) {
        (Err(_), Some(own)) => Err(json!(own)),
        (result, _) => result,
    }
}

fn check_inner(path: &str, field: &'static Value, value: &Value) -> Result<(), Value> {
    if value.is_null() {
        return if field["required"] == true { Err(json!(REQUIRED)) } else { Ok(()) };
    }
    if field.get("eq") == Some(&Value::Null) {
        return Err(json!("value must be null"));
    }
    if field["abstract"] == true {
        return Ok(());
    }
    check_type(path, field, value)?;
    for rule in [same, between, length, text, contains] {
        rule(field, value).map_err(Value::from)?;
    }
    custom::check(path, value).map_err(Value::from)
}

fn check_type(path: &str, field: &'static Value, value: &Value) -> Result<(), Value> {
    let expected = |article: &str, kind: &str| Err(json!(format!("expected {article} {kind}")));
    let kind = field["type"].as_str().unwrap_or_default();
    match kind {
        "array" | "set" => match value {
            Value::Array(list) => check_elements(&format!("{path}[]"), &field["elements"], list),
            // An empty table in Lua is a list and a map.
            Value::Object(map) if map.is_empty() => Ok(()),
            _ => expected(if kind == "array" { "an" } else { "a" }, kind),
        },
        "map" => match value {
            Value::Object(map) => map.iter().try_for_each(|(key, value)| {
                check_if(&format!("{path}.key"), &field["keys"], &json!(key))?;
                check_if(&format!("{path}.value"), &field["values"], value)
            }),
            Value::Array(list) if list.is_empty() => Ok(()),
            _ => expected("a", "map"),
        },
        "record" => match value {
            Value::Object(record) => check_record(path, field, record),
            _ => expected("a", "record"),
        },
        "foreign" => match value {
            Value::Object(key) => match key.get("id").and_then(Value::as_str) {
                Some(id) if is_uuid(id) => Ok(()),
                Some(_) => Err(json!({"id": "expected a valid UUID"})),
                None => Err(json!({"id": "missing primary key"})),
            },
            _ => expected("a", "record"),
        },
        "integer" if !value.as_f64().is_some_and(|number| number.fract() == 0.0) => expected("an", "integer"),
        "number" if !value.is_number() => expected("a", "number"),
        "boolean" if !value.is_boolean() => expected("a", "boolean"),
        "string" if !value.is_string() => expected("a", "string"),
        _ => Ok(()),
    }
}

fn check_if(path: &str, field: &'static Value, value: &Value) -> Result<(), Value> {
    if field.is_object() { check(path, field, value) } else { Ok(()) }
}

fn check_elements(path: &str, field: &'static Value, list: &[Value]) -> Result<(), Value> {
    let mut errors: Vec<Value> =
        list.iter().map(|value| check_if(path, field, value).err().unwrap_or_default()).collect();
    // Lua's lists end at their last value.
    while errors.last().is_some_and(Value::is_null) {
        errors.pop();
    }
    if errors.is_empty() { Ok(()) } else { Err(Value::Array(errors)) }
}

fn check_record(path: &str, schema: &'static Value, record: &Map<String, Value>) -> Result<(), Value> {
    let mut errors = Errors::new();
    for (name, value) in record {
        let field = fields(schema).find(|(field, _)| field == name);
        let shorthand = schema["shorthand_fields"].as_array().into_iter().flatten();
        if let Some((_, field)) = field {
            if let Err(error) = check(&format!("{path}.{name}"), field, value) {
                errors.insert(name.clone(), error);
            }
        } else if !shorthand.into_iter().any(|known| known.get(name).is_some()) {
            errors.insert(name.clone(), json!("unknown field"));
        }
    }
    for (name, field) in fields(schema) {
        if field["required"] == true && record.get(name).is_none_or(Value::is_null) {
            errors.insert(name.to_owned(), json!(REQUIRED));
        }
    }
    for check in schema["entity_checks"].as_array().into_iter().flatten() {
        checks::run(path, check, record, false, &mut errors);
    }
    if errors.is_empty() { Ok(()) } else { Err(Value::Object(errors)) }
}

/// Whether a text is a UUID, as Kong writes them.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// A value as Lua's `tostring` shows it.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn listed(values: &Value) -> String {
    let list: Vec<String> = values.as_array().into_iter().flatten().map(shown).collect();
    list.join(", ")
}

fn same(field: &Value, value: &Value) -> Result<(), String> {
    let one_of = |rule: &str| field[rule].as_array().is_none_or(|list| list.contains(value));
    if field.get("eq").is_some_and(|wanted| wanted != value) {
        return Err(format!("value must be {}", shown(&field["eq"])));
    }
    if field.get("ne") == Some(value) {
        return Err(format!("value must not be {}", shown(&field["ne"])));
    }
    if field["not_one_of"].is_array() && one_of("not_one_of") {
        return Err(format!("must not be one of: {}", listed(&field["not_one_of"])));
    }
    if !one_of("one_of") {
        return Err(format!("expected one of: {}", listed(&field["one_of"])));
    }
    Ok(())
}

fn between(field: &Value, value: &Value) -> Result<(), String> {
    let Some(number) = value.as_f64() else { return Ok(()) };
    if let (Some(low), Some(high)) = (field["between"][0].as_f64(), field["between"][1].as_f64())
        && !(low..=high).contains(&number)
    {
        return Err(format!("value should be between {} and {}", field["between"][0], field["between"][1]));
    }
    match field["gt"].as_f64() {
        Some(low) if number <= low => Err(format!("value must be greater than {}", field["gt"])),
        _ => Ok(()),
    }
}

fn length(field: &Value, value: &Value) -> Result<(), String> {
    let length = match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.len(),
        _ => return Ok(()),
    } as u64;
    // Without a word of its schema, a text mustn't be empty.
    let least =
        field["len_min"].as_u64().unwrap_or(u64::from(value.is_string() && field["type"] == "string"));
    if let Some(wanted) = field["len_eq"].as_u64().filter(|wanted| *wanted != length) {
        return Err(format!("length must be {wanted}"));
    }
    if length < least {
        return Err(format!("length must be at least {least}"));
    }
    match field["len_max"].as_u64() {
        Some(most) if length > most => Err(format!("length must be at most {most}")),
        _ => Ok(()),
    }
}

fn text(field: &Value, value: &Value) -> Result<(), String> {
    let Some(text) = value.as_str() else { return Ok(()) };
    let patterns = |rule: &str| field[rule].as_array().into_iter().flatten();
    let error = |rule: &Value| rule["err"].as_str().unwrap_or("invalid value").to_owned();
    let fits = |pattern: &Value| lua::matches(pattern.as_str().unwrap_or_default(), text);
    if let Some(start) = field["starts_with"].as_str().filter(|start| !text.starts_with(start)) {
        return Err(format!("should start with: {start}"));
    }
    if let Some(rule) = patterns("match_none").find(|rule| fits(&rule["pattern"])) {
        return Err(error(rule));
    }
    if field["match"].is_string() && !fits(&field["match"]) {
        return Err(format!("invalid value: {text}"));
    }
    if let Some(rule) = patterns("match_all").find(|rule| !fits(&rule["pattern"])) {
        return Err(error(rule));
    }
    let any = &field["match_any"];
    if any.is_object() && !any["patterns"].as_array().into_iter().flatten().any(fits) {
        return Err(error(any));
    }
    if field["is_regex"] == true && fancy_regex::Regex::new(text).is_err() {
        return Err(format!("not a valid regex: {text}"));
    }
    if field["uuid"] == true && !is_uuid(text) {
        return Err("expected a valid UUID".to_owned());
    }
    Ok(())
}

fn contains(field: &Value, value: &Value) -> Result<(), String> {
    let Some(list) = value.as_array() else { return Ok(()) };
    if let Some(wanted) = field.get("contains").filter(|wanted| !list.contains(wanted)) {
        return Err(format!("expected to contain: {}", shown(wanted)));
    }
    let Some(subsets) = field["mutually_exclusive_subsets"].as_array() else { return Ok(()) };
    let used =
        |subset: &&Value| subset.as_array().is_some_and(|subset| subset.iter().any(|one| list.contains(one)));
    if subsets.iter().filter(used).count() < 2 {
        return Ok(());
    }
    let shown: Vec<String> = subsets
        .iter()
        .map(|subset| {
            let names: Vec<String> =
                subset.as_array().into_iter().flatten().map(|name| format!("'{}'", shown(name))).collect();
            format!("({})", names.join(", "))
        })
        .collect();
    Err(format!("these sets are mutually exclusive: {}", shown.join(", ")))
}

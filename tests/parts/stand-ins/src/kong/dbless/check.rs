//! What is wrong with a declarative document: a tree of errors in the document's own shape.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::kong::admin::entities::from_url;
use crate::kong::schema;

/// Fields that every entity of a document may have, and that mean nothing.
const REMARKS: [&str; 2] = ["_comment", "_ignore"];

/// Stands for an entity that is named otherwise.
const SOME_ID: &str = "00000000-0000-4000-8000-000000000000";

/// By type: the types that can be written inside, with their fields that refer to it.
static CHILDREN: LazyLock<BTreeMap<&str, Vec<(&str, &str)>>> = LazyLock::new(|| {
    let within = |kind: &'static str| {
        let child = |child: &'static str| {
            let (field, ..) = schema::references(child).find(|(_, parent, _)| *parent == kind)?;
            schema::field(kind, child).is_none().then_some((child, field))
        };
        (kind, schema::kinds().filter_map(child).collect())
    };
    schema::kinds().map(within).collect()
});

/// The types that can be written inside an entity of a type, with their field that refers to it.
pub fn children(kind: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    CHILDREN.get(kind).into_iter().flatten().copied()
}

/// An entity of a document without what is written inside it, and without remarks.
pub fn own(kind: &str, item: &Map<String, Value>) -> Map<String, Value> {
    let foreign =
        |name: &String| REMARKS.contains(&name.as_str()) || children(kind).any(|(child, _)| child == name);
    item.iter()
        .filter(|(name, _)| !foreign(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Checks a whole document.
///
/// # Errors
/// What is wrong, in the shape of the document.
pub fn document(document: &Map<String, Value>) -> Result<(), Map<String, Value>> {
    let mut errors = Map::new();
    for (name, value) in document {
        let error = match name.as_str() {
            "_format_version" => version(value),
            "_transform" => typed(value.is_boolean(), "a boolean"),
            "_comment" => typed(value.is_string(), "a string"),
            "_ignore" => typed(value.is_array(), "an array"),
            kind if schema::entity(kind).is_some() => list(kind, value, None),
            _ => Some(json!("unknown field")),
        };
        if let Some(error) = error.filter(|_| !value.is_null()) {
            errors.insert(name.clone(), error);
        }
    }
    if document.get("_format_version").is_none_or(Value::is_null) {
        errors.insert("_format_version".to_owned(), json!("required field missing"));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn version(value: &Value) -> Option<Value> {
    match value.as_str() {
        None => Some(json!("expected a string")),
        Some("1.1" | "2.1" | "3.0") => None,
        Some(_) => Some(json!("expected one of: 1.1, 2.1, 3.0")),
    }
}

fn typed(right: bool, what: &str) -> Option<Value> {
    (!right).then(|| json!(format!("expected {what}")))
}

fn list(kind: &str, value: &Value, parent: Option<&str>) -> Option<Value> {
    let Value::Array(list) = value else {
        return (!value.is_null()).then(|| json!("expected an array"));
    };
    let mut errors: Vec<Value> = list
        .iter()
        .map(|item| match item {
            Value::Object(item) => entity(kind, item, parent).map_or(Value::Null, Value::Object),
            _ => json!("expected a record"),
        })
        .collect();
    // Lua's lists end at their last value.
    while errors.last().is_some_and(Value::is_null) {
        errors.pop();
    }
    (!errors.is_empty()).then_some(Value::Array(errors))
}

/// One entity; `parent` is its field that refers to the entity in which it is written.
fn entity(kind: &str, item: &Map<String, Value>, parent: Option<&str>) -> Option<Map<String, Value>> {
    let mut whole = own(kind, item);
    from_url(kind, &mut whole);
    for (field, _, schema) in schema::references(kind) {
        let named = whole.get(field).is_some_and(Value::is_string);
        let inside = parent == Some(field) && schema["required"] == true;
        if named || inside {
            whole.insert(field.to_owned(), json!({"id": SOME_ID}));
        }
    }
    schema::fill_defaults(kind, &mut whole);
    let mut errors = schema::validate(kind, &whole, false).err().unwrap_or_default();
    for (child, field) in children(kind) {
        if let Some(error) = item.get(child).and_then(|value| list(child, value, Some(field))) {
            errors.insert(child.to_owned(), error);
        }
    }
    (!errors.is_empty()).then_some(errors)
}

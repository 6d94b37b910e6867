//! Kong's schemas, as a real 3.4.2 told them at `/schemas`, and what follows from them: defaults and errors.

mod checks;
mod custom;
mod fill;
mod lua;
mod path;
mod tls;
mod validate;

use std::sync::LazyLock;

use serde_json::{Map, Value};

pub use custom::target;
pub use fill::{fill_auto, fill_defaults, merge, normalise};
pub use tls::{certificate, key};
pub use validate::{Errors, check, is_uuid, validate};

/// As recorded; keys `enabled_plugins`, `entities`, `plugins`.
static RECORDED: LazyLock<Value> = LazyLock::new(|| parsed(include_str!("kong-3.4.2.json")));

/// Types that `/schemas` wasn't asked for, by Kong's documentation; keys `entities`, `vaults`;
/// `hidden` are fields that it doesn't tell.
static UNRECORDED: LazyLock<Value> = LazyLock::new(|| parsed(include_str!("unrecorded.json")));

/// Kong's own checks of routes by protocol, which `/schemas` doesn't tell.
static ROUTES: LazyLock<Value> = LazyLock::new(|| parsed(include_str!("routes.json")));

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("the file is part of this program, and its tests load it")
}

/// The schema of a type, as `/schemas/TYPE` tells it.
pub fn entity(kind: &str) -> Option<&'static Value> {
    RECORDED["entities"].get(kind).or_else(|| UNRECORDED["entities"].get(kind))
}

/// All types.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    let of = |value: &'static Value| value["entities"].as_object().into_iter().flatten();
    of(&RECORDED).chain(of(&UNRECORDED)).map(|(kind, _)| kind.as_str())
}

/// The schema of a plugin, as `/schemas/plugins/NAME` tells it.
pub fn plugin(name: &str) -> Option<&'static Value> {
    RECORDED["plugins"].get(name)
}

/// The plugins that are enabled, as `/plugins/enabled` tells them.
pub fn enabled_plugins() -> &'static Value {
    &RECORDED["enabled_plugins"]
}

/// The part of a schema that depends on what an entity is: a plugin's, a vault's, a route's by its first protocol.
///
/// # Errors
/// There is none for it: the field that says what it is, and what is wrong with that.
pub fn special(
    kind: &str,
    entity: &Map<String, Value>,
) -> Result<Option<&'static Value>, (&'static str, String)> {
    let name = entity.get("name").and_then(Value::as_str);
    match (kind, name) {
        ("plugins", Some(name)) => plugin(name).map(Some).ok_or_else(|| {
            let hint = "not enabled; add it to the 'plugins' configuration property";
            ("name", format!("plugin '{name}' {hint}"))
        }),
        ("vaults", Some(name)) => match UNRECORDED["vaults"].get(name) {
            Some(schema) => Ok(Some(schema)),
            None => Err(("name", format!("vault '{name}' is not installed"))),
        },
        ("routes", _) => {
            let protocol = entity.get("protocols").and_then(|list| list.get(0)).and_then(Value::as_str);
            match protocol {
                Some(protocol) => match ROUTES.get(protocol) {
                    Some(schema) => Ok(Some(schema)),
                    None => Err(("protocols", format!("unknown type: {protocol}"))),
                },
                None => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

/// A schema's fields, in order.
pub fn fields(schema: &'static Value) -> impl Iterator<Item = (&'static str, &'static Value)> {
    let list = schema["fields"].as_array().into_iter().flatten();
    list.filter_map(|field| field.as_object()?.iter().next()).map(|(name, field)| (name.as_str(), field))
}

/// A type's fields, those of its special schema in place of the general ones.
pub fn fields_of(kind: &str, special: Option<&'static Value>) -> Vec<(&'static str, &'static Value)> {
    let Some(schema) = entity(kind) else { return Vec::new() };
    let own = |name: &str| special.and_then(|schema| fields(schema).find(|(own, _)| *own == name));
    let hidden = UNRECORDED["hidden"].get(kind).into_iter().flat_map(fields);
    fields(schema).chain(hidden).map(|(name, field)| own(name).unwrap_or((name, field))).collect()
}

/// One field of a type's general schema.
pub fn field(kind: &str, name: &str) -> Option<&'static Value> {
    entity(kind).and_then(|schema| fields(schema).find(|(own, _)| *own == name)).map(|(_, field)| field)
}

/// The fields that refer to other entities, with the types of those.
pub fn references(kind: &str) -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let schema = entity(kind).map(fields);
    schema.into_iter().flatten().filter_map(|(name, field)| Some((name, field["reference"].as_str()?, field)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_load() {
        assert!(kinds().count() > 18);
        assert_eq!(enabled_plugins().as_array().unwrap().len(), 37);
        assert!(ROUTES["http"].is_object() && UNRECORDED["vaults"]["env"].is_object());
        let name = |name: &str| Map::from_iter([("name".to_owned(), Value::from(name))]);
        assert!(special("plugins", &name("jwt")).unwrap().is_some());
        assert!(special("plugins", &name("nope")).unwrap_err().1.starts_with("plugin 'nope' not enabled"));
    }
}

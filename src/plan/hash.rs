//! The spec hash: whether a container is made as the stack says now, and if not, what differs.
//!
//! Fields that are at their default are left out, so a field that a later version of vv adds changes no hash.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::spec::ContainerSpec;
use crate::stack::secret::{is_secret_name, is_secret_value};

/// The version of the hash: what stands before its colon. A container whose hash has another one is compared field
/// by field.
pub const VERSION: &str = "1:";

/// In the field hashes, the entry that all secret fields share.
const SHARED: &str = "*";

/// Fields of a spec by the name that a cause shows: `image`, `environment: NAME`.
pub type Fields = BTreeMap<String, Value>;

/// The fields of a spec that aren't at their default.
pub fn fields(spec: &ContainerSpec) -> Fields {
    let value = serde_json::to_value(spec)
        .expect("all keys are strings, and desired.rs refuses paths that aren't UTF-8");
    let Value::Object(top) = value else { return Fields::new() };
    let mut fields = Fields::new();
    for (name, value) in top {
        match value {
            Value::Object(map) => {
                fields.extend(
                    map.into_iter().map(|(key, value)| (format!("{name}: {key}"), without_nulls(value))),
                );
            }
            value => {
                fields.insert(name, without_nulls(value));
            }
        }
    }
    fields.retain(|name, value| match value {
        Value::Null | Value::Bool(false) => false,
        // An empty command or entrypoint clears the image's; nothing leaves it.
        Value::Array(items) => !items.is_empty() || name == "command" || name == "entrypoint",
        Value::Object(map) => !map.is_empty() || name.contains(": "),
        Value::String(text) => !(name == "restart" && text == "no"),
        Value::Bool(true) | Value::Number(_) => true,
    });
    fields
}

/// The spec hash: `1:<sha256>`.
pub fn spec_hash(spec: &ContainerSpec) -> String {
    format!("{VERSION}{}", sha256_hex(canonical_fields(&fields(spec)).as_bytes()))
}

/// The label that holds a short hash of each field. Secret ones share one, salted by the spec hash, so that none
/// can be guessed on its own; their names are there with an empty hash.
pub fn field_hashes(spec: &ContainerSpec, spec_hash: &str) -> String {
    let fields = fields(spec);
    let mut hashes: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in &fields {
        let hash = if is_secret_field(spec, name, value) { String::new() } else { short(&canonical(value)) };
        hashes.insert(name, hash);
    }
    let secrets = secrets_of(spec, &fields);
    if !secrets.is_empty() {
        hashes.insert(SHARED, shared_hash(&secrets, spec_hash));
    }
    serde_json::to_string(&hashes).unwrap_or_default()
}

/// The names of the fields in which a container with these labels differs from the spec, sorted. Empty when they
/// can't be told (no field hashes).
pub fn changed_fields(label: Option<&str>, old_hash: &str, spec: &ContainerSpec) -> Vec<String> {
    let Some(old) = label.and_then(|label| serde_json::from_str::<BTreeMap<String, String>>(label).ok())
    else {
        return Vec::new();
    };
    let fields = fields(spec);
    let secrets = secrets_of(spec, &fields);
    let mut changed: BTreeSet<String> = BTreeSet::new();
    for (name, value) in &fields {
        let hash = if secrets.contains_key(name.as_str()) { String::new() } else { short(&canonical(value)) };
        if old.get(name) != Some(&hash) {
            changed.insert(name.clone());
        }
    }
    changed.extend(old.keys().filter(|name| *name != SHARED && !fields.contains_key(*name)).cloned());

    let was_secret: BTreeSet<&str> =
        old.iter().filter(|(_, hash)| hash.is_empty()).map(|(name, _)| name.as_str()).collect();
    let comparable = secrets.keys().copied().eq(was_secret);
    let was = old.get(SHARED).cloned().unwrap_or_default();
    let shared_differs = !secrets.is_empty() && was != shared_hash(&secrets, old_hash);
    // Where secret fields came or went, that alone changes the shared hash and says nothing of the others.
    if shared_differs && comparable {
        let names: Vec<&str> = secrets.keys().copied().collect();
        changed.insert(match names.as_slice() {
            [one] => (*one).to_owned(),
            several => format!("one of {}", several.join(", ")),
        });
    }
    changed.into_iter().collect()
}

/// SHA-256 in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing into a String can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn short(text: &str) -> String {
    sha256_hex(text.as_bytes())[..8].to_owned()
}

fn secrets_of<'a>(spec: &ContainerSpec, fields: &'a Fields) -> BTreeMap<&'a str, &'a Value> {
    let secret = fields.iter().filter(|(name, value)| is_secret_field(spec, name, value));
    secret.map(|(name, value)| (name.as_str(), value)).collect()
}

fn shared_hash(secrets: &BTreeMap<&str, &Value>, salt: &str) -> String {
    let mut text = salt.to_owned();
    for (name, value) in secrets {
        // Writing into a String can't fail.
        let _ = write!(text, "\n{name}={}", canonical(value));
    }
    sha256_hex(text.as_bytes())[..16].to_owned()
}

fn is_secret_field(spec: &ContainerSpec, name: &str, value: &Value) -> bool {
    match name.split_once(": ") {
        Some(("environment" | "labels", key)) => is_secret_name(key) || is_secret_value(value),
        Some(("files", target)) => spec.files.get(target).is_some_and(|file| file.secret),
        // Paths and names of the engine's own things are no secrets.
        Some(("volumes" | "networks" | "sysctls" | "ulimits", _)) => false,
        _ => is_secret_value(value),
    }
}

fn canonical_fields(fields: &Fields) -> String {
    let entries: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
        .collect();
    format!("{{{}}}", entries.join(","))
}

/// JSON with sorted keys and no spaces, whatever the features of serde_json are.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            let entries: Vec<_> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        leaf => leaf.to_string(),
    }
}

/// Leaves out what is unset, at any depth.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        leaf => leaf,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(environment: &[(&str, &str)]) -> ContainerSpec {
        ContainerSpec {
            image: "redis:7".into(),
            environment: environment.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            ..ContainerSpec::default()
        }
    }

    fn changed(old: &ContainerSpec, new: &ContainerSpec) -> Vec<String> {
        let hash = spec_hash(old);
        changed_fields(Some(&field_hashes(old, &hash)), &hash, new)
    }

    #[test]
    fn the_hash_is_stable() {
        // Containers that run out there carry this value: if it changes, so must `VERSION`.
        insta::assert_snapshot!(spec_hash(&spec(&[("LEVEL", "info")])), @"1:8ac744d1620c29efff213914f0727b63e66471a5f43ddd07a19b89fc18290733");
        assert_eq!(fields(&spec(&[])).keys().collect::<Vec<_>>(), ["image"]);
    }

    #[test]
    fn changed_fields_are_named() {
        let old = spec(&[("LEVEL", "info"), ("GONE", "x")]);
        let mut new = spec(&[("LEVEL", "debug"), ("NEW", "x")]);
        new.tty = true;
        assert_eq!(
            changed(&old, &new),
            ["environment: GONE", "environment: LEVEL", "environment: NEW", "tty"]
        );
        assert_eq!(changed(&old, &old), Vec::<String>::new());
        assert_eq!(changed_fields(None, "1:x", &new), Vec::<String>::new());
    }

    #[test]
    fn secrets_are_told_apart_without_hashes_of_their_own() {
        let old = spec(&[("DB_PASSWORD", "a"), ("LEVEL", "info")]);
        let label = field_hashes(&old, &spec_hash(&old));
        assert!(label.contains(r#""environment: DB_PASSWORD":"""#), "{label}");
        // Another field changed: the secret is still known to be the same, though the spec hash differs.
        assert_eq!(changed(&old, &spec(&[("DB_PASSWORD", "a"), ("LEVEL", "debug")])), ["environment: LEVEL"]);
        assert_eq!(
            changed(&old, &spec(&[("DB_PASSWORD", "b"), ("LEVEL", "info")])),
            ["environment: DB_PASSWORD"]
        );

        let two = spec(&[("DB_PASSWORD", "a"), ("JWT_SECRET", "a")]);
        assert_eq!(changed(&old, &two), ["environment: JWT_SECRET", "environment: LEVEL"]);
        assert_eq!(
            changed(&two, &spec(&[("DB_PASSWORD", "a"), ("JWT_SECRET", "b")])),
            ["one of environment: DB_PASSWORD, environment: JWT_SECRET"]
        );
        // A value that becomes a secret (a login in a URL) is named as well.
        assert_eq!(
            changed(&spec(&[("URL", "redis://a")]), &spec(&[("URL", "redis://u:p@a")])),
            ["environment: URL"]
        );
    }

    #[test]
    fn an_empty_command_is_not_no_command() {
        let mut cleared = spec(&[]);
        cleared.command = Some(Vec::new());
        assert_eq!(changed(&spec(&[]), &cleared), ["command"]);
    }
}

//! What a declared entity is to be on the gateway: in the form in which Kong shows it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use super::identity;
use crate::routes::declaration::Entity;
use crate::routes::schema::Schema;

/// The port of a target that has none.
const TARGET_PORT: u16 = 8000;

/// A declared entity with everything resolved.
#[derive(Debug, Clone)]
pub(super) struct Desired {
    /// What would be sent to make it, without its id.
    pub sent: Map<String, Value>,
    /// How the gateway would show it.
    pub shown: Map<String, Value>,
}

/// `refers`: the ids of what it refers to, by field. `tag` is the owner's.
pub(super) fn desired(
    entity: &Entity,
    refers: &BTreeMap<String, String>,
    schema: &Schema,
    tag: &str,
    hashed: bool,
) -> Desired {
    let mut sent = entity.fields.clone();
    for (field, id) in refers {
        sent.insert(field.clone(), json!({ "id": id }));
    }
    if let Some(Value::String(target)) = sent.get_mut("target")
        && entity.kind.name() == "targets"
    {
        *target = with_port(target);
    }
    let mut tags: Vec<&str> = Vec::with_capacity(entity.tags.len() + 1);
    for one in entity.tags.iter().map(String::as_str).chain([tag]) {
        if !tags.contains(&one) {
            tags.push(one);
        }
    }
    sent.insert("tags".to_owned(), json!(tags));
    let mut shown = schema.fill(&sent);
    if entity.kind.name() == "basicauth_credentials"
        && !hashed
        && let Some(Value::String(password)) = shown.get("password")
    {
        let hash = hashed_password(password, identity::reference(&sent, "consumer"));
        shown.insert("password".to_owned(), hash.into());
    }
    Desired { sent, shown }
}

/// Kong 3.4.2 keeps `h` as `h:8000`.
fn with_port(target: &str) -> String {
    let has_port = match target.rsplit_once(':') {
        Some((host, _)) => !host.contains(':') || host.ends_with(']'),
        None => false,
    };
    if has_port { target.to_owned() } else { format!("{target}:{TARGET_PORT}") }
}

/// What Kong 3.4.2 keeps of a basic-auth password: the SHA-1 of it and its consumer's id.
fn hashed_password(password: &str, consumer: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(password.as_bytes());
    hash.update(consumer.as_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_ports() {
        for (declared, kept) in [
            ("h", "h:8000"),
            ("h:80", "h:80"),
            ("10.0.0.1", "10.0.0.1:8000"),
            ("[::1]:80", "[::1]:80"),
            ("[::1]", "[::1]:8000"),
        ] {
            assert_eq!(with_port(declared), kept);
        }
    }
}

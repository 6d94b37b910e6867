//! What a declared entity is to be on the gateway: in the form in which Kong shows it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use super::identity;
use crate::routes::declaration::Entity;
use crate::routes::replica_tag;
use crate::routes::schema::Schema;

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
    let mut sent = schema.coerce(&entity.fields);
    for (field, id) in refers {
        sent.insert(field.clone(), json!({ "id": id }));
    }
    if let Some(Value::String(target)) = sent.get_mut("target")
        && entity.kind.name() == "targets"
    {
        *target = identity::with_port(target);
    }
    let replica = entity.service.as_deref().map(replica_tag);
    let mut tags: Vec<&str> = Vec::with_capacity(entity.tags.len() + 2);
    for one in entity.tags.iter().map(String::as_str).chain([tag]).chain(replica.as_deref()) {
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

/// What Kong 3.4.2 keeps of a basic-auth password: the SHA-1 of it and its consumer's id.
fn hashed_password(password: &str, consumer: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(password.as_bytes());
    hash.update(consumer.as_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

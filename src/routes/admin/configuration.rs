//! What a gateway without a database holds: one declarative text (`GET /config`), with every id and every default in it.

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{Admin, AdminError, Request};
use crate::routes::gateway::{Entities, Gateway};
use crate::routes::kind::Kind;
use crate::routes::schema::Schema;

impl Admin {
    /// The configuration, by type; nothing where it isn't told (then the lists tell).
    pub(super) async fn configuration(&self, end: Instant) -> Result<Option<Entities>, AdminError> {
        let answer = self.ask(&Request::get("config"), end).await?;
        let text = answer.body.get("config").and_then(Value::as_str);
        Ok(text.filter(|_| answer.is_success()).and_then(entities))
    }
}

/// The entities of a configuration's text; nothing where it can't be read.
fn entities(text: &str) -> Option<Entities> {
    let document: Map<String, Value> = serde_yaml::from_str(text).ok()?;
    let lists = document.into_iter().filter(|(name, _)| !name.starts_with('_'));
    let lists = lists.filter_map(|(name, list)| {
        let Value::Array(list) = list else { return None };
        let entities = list.into_iter().filter_map(|entity| match entity {
            Value::Object(entity) => Some(entity),
            _ => None,
        });
        Some((Kind::of(&name), entities.collect()))
    });
    Some(lists.collect())
}

/// Foreign keys stand there as bare ids; the lists of the Admin API show them as `{"id": …}`.
pub(super) fn refer(gateway: &mut Gateway) {
    for (kind, entities) in &mut gateway.entities {
        let Some(schema) = gateway.schemas.get(kind).map(Schema::of) else { continue };
        let foreign: Vec<&str> = schema.foreign().map(|(field, _)| field).collect();
        for field in foreign {
            for entity in entities.iter_mut() {
                if let Some(Value::String(id)) = entity.get(field) {
                    let reference = serde_json::json!({ "id": id });
                    entity.insert(field.to_owned(), reference);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::testing::{empty_gateway, recorded};

    #[test]
    fn a_configurations_text_is_what_the_lists_show() {
        let exchange = recorded("dbless-3").into_iter().find(|one| one["name"] == "010-config-get").unwrap();
        let mut gateway = empty_gateway();
        gateway.entities = entities(exchange["json"]["config"].as_str().unwrap()).unwrap();
        refer(&mut gateway);
        for (name, list) in [
            ("018-routes", "routes"),
            ("021-plugins", "plugins"),
            ("026-key-auths", "keyauth_credentials"),
            ("028-targets", "targets"),
        ] {
            let told = recorded("dbless-3").into_iter().find(|one| one["name"] == name).unwrap();
            let told = told["json"]["data"].as_array().unwrap();
            let read = &gateway.entities[&Kind::of(list)];
            assert_eq!(read.len(), told.len());
            for entity in told {
                let same = read.iter().find(|one| one["id"] == entity["id"]).unwrap();
                for (field, value) in entity.as_object().unwrap() {
                    let now = same.get(field).unwrap_or(&Value::Null);
                    let same = now == value
                        || now.as_f64().is_some() && now.as_f64() == value.as_f64()
                        || ["ttl", "created_at", "updated_at"].contains(&field.as_str());
                    assert!(same, "{name} {field}: {now} is {value}");
                }
            }
        }
    }
}

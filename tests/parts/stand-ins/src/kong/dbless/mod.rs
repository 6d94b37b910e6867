//! Kong without a database: the declarative configuration.

mod check;
mod document;
mod errors;
mod load;

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};

use self::document::Given;
use self::load::Refused;
use super::Gateway;
use super::admin::body::pairs;
use super::schema;
use super::server::{Answer, Body, Request};
use super::state::Entities;

/// Loads the configuration of `KONG_DECLARATIVE_CONFIG`.
///
/// # Errors
/// It is refused; the message is what Kong prints below `error parsing declarative config file PATH:`.
pub fn load_at_start(gateway: &Gateway, text: &str) -> anyhow::Result<()> {
    let document = document::parse(text).map_err(anyhow::Error::msg)?;
    let entities = entities(&document).map_err(|refused| match refused {
        Refused::Errors(errors) => anyhow::Error::msg(errors::printed(&Value::Object(errors), "", 0)),
        Refused::Unexpected => anyhow::anyhow!("an unexpected error occurred"),
    })?;
    put(gateway, &document, entities, hash(text));
    Ok(())
}

/// Answers requests to `/config` of a gateway without a database.
pub fn config(gateway: &Gateway, request: &Request) -> Answer {
    match request.method.as_str() {
        "GET" | "HEAD" => match export(&gateway.state().entities) {
            Ok(text) => Answer::json(200, json!({"config": text})),
            Err(_) => Answer::message(500, "An unexpected error occurred"),
        },
        "POST" => post(gateway, request),
        _ => Answer::message(405, "Method not allowed"),
    }
}

fn post(gateway: &Gateway, request: &Request) -> Answer {
    let query = pairs(&request.query);
    let flag = |name: &str| {
        query
            .iter()
            .any(|(own, value)| own == name && !matches!(value.as_str(), "" | "0" | "false" | "off" | "no"))
    };
    let refuse = |errors: Map<String, Value>, document: &Map<String, Value>| {
        let body = match flag("flatten_errors") {
            true => errors::flattened(errors, document),
            false => errors::body(errors),
        };
        Answer::json(400, body)
    };
    let (document, new_hash) = match document::read(request) {
        Given::Nothing => return Answer::message(400, "expected a declarative configuration"),
        Given::Unsupported => return unsupported(),
        Given::Document(document) => {
            let new_hash = hash(&Value::Object(document.clone()).to_string());
            (document, new_hash)
        }
        Given::Text(text) => {
            let new_hash = hash(&text);
            if flag("check_hash") && gateway.state().configuration_hash.as_ref() == Some(&new_hash) {
                return Answer::empty(304);
            }
            match document::parse(&text) {
                Ok(document) => (document, new_hash),
                Err(error) => {
                    // There are no entities whose errors could be told apart.
                    let errors = Map::from_iter([("error".to_owned(), json!(error))]);
                    return Answer::json(400, errors::body(errors));
                }
            }
        }
    };
    match entities(&document) {
        Ok(entities) => {
            let shown = shown(&entities);
            put(gateway, &document, entities, new_hash);
            Answer::json(201, shown)
        }
        Err(Refused::Errors(errors)) => refuse(errors, &document),
        Err(Refused::Unexpected) => Answer::message(500, "An unexpected error occurred"),
    }
}

fn entities(document: &Map<String, Value>) -> Result<Entities, Refused> {
    check::document(document).map_err(Refused::Errors)?;
    load::entities(document)
}

/// Replaces everything.
fn put(gateway: &Gateway, document: &Map<String, Value>, mut entities: Entities, hash: String) {
    if document.get("_transform") != Some(&Value::Bool(false)) {
        load::transform(&mut entities);
    }
    // An empty configuration is none: `/status/ready` says so.
    let hash = (!entities.is_empty()).then_some(hash);
    gateway.change(|state| {
        state.entities = entities;
        state.configuration_hash = hash;
        state.health.clear();
    });
}

fn hash(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The entities as the answer to a push shows them: without what is null.
fn shown(entities: &Entities) -> Value {
    let mut shown = json!(entities);
    without_nulls(&mut shown);
    shown
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// What is loaded, as a document: flat, with ids in the place of foreign keys.
fn export(entities: &Entities) -> anyhow::Result<String> {
    let mut document: BTreeMap<&str, Value> = BTreeMap::new();
    document.insert("_format_version", json!("3.0"));
    document.insert("_transform", json!(false));
    for (kind, all) in entities {
        let flat = all.values().map(|entity| {
            let mut entity = entity.clone();
            for (field, ..) in schema::references(kind) {
                if let Some(id) = entity.get(field).map(|key| key["id"].clone()) {
                    entity.insert(field.to_owned(), id);
                }
            }
            Value::Object(entity)
        });
        document.insert(kind, flat.collect());
    }
    Ok(serde_yaml::to_string(&document)?)
}

fn unsupported() -> Answer {
    let what = "415 Unsupported Media Type";
    let page = format!(
        "<html>\n<head><title>{what}</title></head>\n<body>\n<center><h1>{what}</h1></center>\n</body>\n</html>\n"
    );
    Answer { status: 415, body: Body::Text("text/html; charset=utf-8", page), headers: Vec::new() }
}

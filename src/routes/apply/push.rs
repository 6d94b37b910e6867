//! A gateway without a database: its configuration is replaced as a whole, or stays as it is.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::told::{Told, clear};
use super::{Applied, End, Outcome};
use crate::routes::admin::{Admin, Answer, Request, flatten};
use crate::routes::gateway::Entities;
use crate::routes::kind::Kind;
use crate::routes::plan::{Change, RoutePlan};

/// Sends the configuration that the plan comes to.
pub(super) async fn push(admin: &Admin, told: &Told<'_>, plan: &RoutePlan, end: Instant) -> Applied {
    let all = |end: &dyn Fn(&Change) -> Outcome| Applied {
        outcomes: plan.changes.iter().map(end).collect(),
        said: Vec::new(),
    };
    let ended =
        |change: &Change, end: End| Outcome { label: change.label.clone(), end, mark: change.mark.clone() };
    if plan.changes.is_empty() {
        return Applied::default();
    }
    let text = Value::Object(document(&plan.after)).to_string();
    let answer = match ask(admin, &text, true, end).await {
        Ok(answer) => answer,
        Err(error) => return all(&|change| ended(change, End::Unanswered(error.clone()))),
    };
    // 304: it is the configuration that it has.
    if answer.is_success() || answer.status == 304 {
        return all(&|change| ended(change, End::Done));
    }
    let mut faults = flattened(&answer);
    let mut refused = answer;
    if faults.is_empty() {
        // Kong 3.4.2 loses duplicates and missing references when it flattens, or answers 500.
        match ask(admin, &text, false, end).await {
            Ok(answer) if answer.is_success() => return all(&|change| ended(change, End::Done)),
            Ok(answer) => {
                faults = nested(&answer, &plan.after);
                refused = answer;
            }
            Err(error) => return all(&|change| ended(change, End::Unanswered(error.clone()))),
        }
    }
    judged(told, plan, faults, &refused)
}

async fn ask(
    admin: &Admin,
    text: &str,
    flatten: bool,
    end: Instant,
) -> Result<Answer, crate::routes::admin::AdminError> {
    // Kong 3.4.2 compares hashes only of a configuration that comes as a text.
    let query = if flatten { "&flatten_errors=1" } else { "" };
    let path = format!("config?check_hash=1{query}");
    admin.ask(&Request { method: Method::POST, path, body: Some(json!({ "config": text })) }, end).await
}

/// Something that Kong refuses of a configuration.
struct Fault {
    /// The entity's id, where it is known.
    id: Option<String>,
    path: String,
    message: String,
}

/// What came of each change, when the configuration was refused.
fn judged(told: &Told<'_>, plan: &RoutePlan, faults: Vec<Fault>, answer: &Answer) -> Applied {
    let refusal = answer.refusal();
    let mut by_id: BTreeMap<String, Vec<Fault>> = BTreeMap::new();
    let mut said = Vec::new();
    for fault in faults {
        match fault.id.clone().filter(|id| plan.changes.iter().any(|change| change.id == *id)) {
            Some(id) => by_id.entry(id).or_default().push(fault),
            None => {
                let text = if fault.path.is_empty() {
                    fault.message
                } else {
                    format!("{}: {}", fault.path, fault.message)
                };
                said.push(told.refused_as("the configuration", None, &text, refusal.code));
            }
        }
    }
    if by_id.is_empty() && said.is_empty() {
        said.push(told.refused_as("the configuration", None, &refusal.message, refusal.code));
    }
    let outcomes = plan.changes.iter().map(|change| {
        let Some(faults) = by_id.get(&change.id) else {
            return Outcome::not_tried(change, "not pushed");
        };
        let faults: Vec<(String, String)> =
            faults.iter().map(|fault| (fault.path.clone(), fault.message.clone())).collect();
        let faults = clear(&faults);
        let path = faults.first().map(|(path, _)| path.as_str()).unwrap_or_default();
        let mark = told.entity(change.declared).map(|entity| entity.mark_of(path).clone());
        let texts = faults.iter().map(|(path, message)| match path.as_str() {
            "" => message.clone(),
            path => format!("{path}: {message}"),
        });
        told.refused_as(&change.label, mark, &texts.collect::<Vec<_>>().join("; "), refusal.code)
    });
    Applied { outcomes: outcomes.collect(), said }
}

/// `flattened_errors`: each entity with what is wrong with it. An empty list comes as `{}`.
fn flattened(answer: &Answer) -> Vec<Fault> {
    let entries = answer.body.get("flattened_errors").and_then(Value::as_array).into_iter().flatten();
    let mut faults = Vec::new();
    for entry in entries {
        let id = entry.get("entity_id").and_then(Value::as_str).map(str::to_owned);
        let errors = entry.get("errors").and_then(Value::as_array).into_iter().flatten();
        for error in errors {
            let path = counted_from_0(error.get("field").and_then(Value::as_str).unwrap_or_default());
            let one = error.get("message").and_then(Value::as_str).map(str::to_owned);
            let many = error.get("messages").and_then(Value::as_array).into_iter().flatten();
            let texts = one.into_iter().chain(many.filter_map(|text| text.as_str().map(str::to_owned)));
            for message in texts {
                let path = if path == "@entity" { String::new() } else { path.clone() };
                faults.push(Fault { id: id.clone(), path, message });
            }
        }
    }
    // What is wrong with the document itself stands beside them.
    if !faults.is_empty() {
        let mut whole = Vec::new();
        flatten("", answer.body.get("fields").unwrap_or(&Value::Null), &mut whole);
        faults.extend(whole.into_iter().map(|(path, message)| Fault { id: None, path, message }));
    }
    faults
}

/// Kong 3.4.2 counts from 1 where it flattens (`paths.1`), and from 0 everywhere else.
fn counted_from_0(path: &str) -> String {
    let part = |part: &str| match part.parse::<usize>() {
        Ok(place) => place.saturating_sub(1).to_string(),
        Err(_) => part.to_owned(),
    };
    path.split('.').map(part).collect::<Vec<_>>().join(".")
}

/// `fields`: by type, in the order of what was sent; or by name.
fn nested(answer: &Answer, sent: &Entities) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Some(Value::Object(fields)) = answer.body.get("fields") else { return faults };
    for (name, said) in fields {
        let entities = sent.get(&Kind::of(name)).map(Vec::as_slice).unwrap_or_default();
        let of = |entity: Option<&Map<String, Value>>| {
            entity.and_then(|entity| entity.get("id")?.as_str()).map(str::to_owned)
        };
        let mut add = |id: Option<String>, said: &Value| {
            let around = if id.is_none() { name.as_str() } else { "" };
            let mut texts = Vec::new();
            flatten(around, said, &mut texts);
            faults.extend(texts.into_iter().map(|(path, message)| Fault { id: id.clone(), path, message }));
        };
        match said {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.is_null()) {
                    add(of(entities.get(index)), item);
                }
            }
            Value::Object(by_name) => {
                for (key, item) in by_name {
                    let named = entities.iter().find(|entity| {
                        ["name", "username", "id"]
                            .iter()
                            .any(|field| entity.get(*field).is_some_and(|value| value == key))
                    });
                    let index =
                        key.parse::<usize>().ok().and_then(|index| entities.get(index.checked_sub(1)?));
                    add(of(named.or(index)), item);
                }
            }
            said => add(None, said),
        }
    }
    faults
}

/// The configuration in the form in which Kong itself writes it: flat, with every id and nothing left to be transformed.
fn document(after: &Entities) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("_format_version".to_owned(), json!("3.0"));
    document.insert("_transform".to_owned(), json!(false));
    for (kind, entities) in after.iter().filter(|(_, entities)| !entities.is_empty()) {
        let entities = entities.iter().map(|entity| {
            let fields = entity
                .iter()
                .filter(|(name, _)| !["created_at", "updated_at", "ws_id"].contains(&name.as_str()));
            let fields = fields.map(|(name, value)| match value.get("id") {
                // A foreign key stands there as a bare id.
                Some(id) if value.as_object().is_some_and(|map| map.len() == 1) => (name.clone(), id.clone()),
                _ => (name.clone(), value.clone()),
            });
            Value::Object(fields.collect())
        });
        document.insert(kind.name().to_owned(), Value::Array(entities.collect()));
    }
    document
}

//! One change: what is sent for it, and what the answer means.

use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::told::Told;
use super::{End, Outcome};
use crate::routes::admin::{Admin, Answer, Request};
use crate::routes::plan::{Action, Change};
use crate::routes::schema::same_values;

/// Kong's number for an id that is there already.
const PRIMARY_KEY: i64 = 3;
/// Kong's number for something else that no two have.
const UNIQUE: i64 = 5;

/// Sends a change and waits for its end.
pub(super) async fn send(admin: &Admin, told: &Told<'_>, change: &Change, end: Instant) -> Outcome {
    let request = match &change.action {
        Action::Create => post(change),
        Action::Update { .. } => patch(change, change.send.0.clone()),
        Action::Delete { .. } => Request { method: Method::DELETE, path: path(change, true), body: None },
    };
    let answer = match admin.ask(&request, end).await {
        Ok(answer) => answer,
        Err(error) => return ended(change, End::Unanswered(scrubbed(told, error))),
    };
    let refusal = answer.refusal();
    match &change.action {
        _ if answer.is_success() => ended(change, End::Done),
        // Whoever deleted it, it is gone.
        Action::Delete { .. } if answer.status == 404 => ended(change, End::Done),
        Action::Create if matches!(refusal.code, Some(PRIMARY_KEY | UNIQUE)) => {
            there_already(admin, told, change, &answer, end).await
        }
        // Its schema is there, and its list isn't: a type of another edition.
        Action::Create if answer.status == 404 && refusal.code.is_none() => {
            let message = format!("this Kong has no /{}", change.kind.path());
            told.refused_as(&change.label, change.mark.clone(), &message, None)
        }
        Action::Update { .. } if answer.status == 404 => {
            let message = "it is gone in the meantime; run it again".to_owned();
            ended(change, End::Refused { message, code: refusal.code })
        }
        _ => told.refused(&change.label, change.declared, &refusal),
    }
}

/// Frees what another entity is to have: unique fields get a value that is nobody's.
pub(super) async fn park(
    admin: &Admin,
    told: &Told<'_>,
    change: &Change,
    end: Instant,
) -> Result<(), Outcome> {
    let free = format!("vv-moving-{}", uuid::Uuid::new_v4());
    let body: Map<String, Value> = change.park.iter().map(|field| (field.clone(), json!(free))).collect();
    match admin.ask(&patch(change, body), end).await {
        Ok(answer) if answer.is_success() => Ok(()),
        Ok(answer) => Err(told.refused(&change.label, change.declared, &answer.refusal())),
        Err(error) => Err(ended(change, End::Unanswered(scrubbed(told, error)))),
    }
}

/// A creation that was refused because it is there: by an earlier run, or by this one when its answer was lost. What is
/// there under vv's own id is made what is declared.
async fn there_already(
    admin: &Admin,
    told: &Told<'_>,
    change: &Change,
    refused: &Answer,
    end: Instant,
) -> Outcome {
    let there = match admin.ask(&Request::get(path(change, true)), end).await {
        Ok(answer) if answer.is_success() => answer.body,
        Ok(_) => return told.refused(&change.label, change.declared, &refused.refusal()),
        Err(error) => return ended(change, End::Unanswered(scrubbed(told, error))),
    };
    let owned =
        |tag: &Value| there.get("tags").and_then(Value::as_array).is_some_and(|tags| tags.contains(tag));
    let own = change.send.0.get("tags").and_then(|tags| tags.as_array()?.last());
    if !own.is_some_and(owned) {
        return told.refused(&change.label, change.declared, &refused.refusal());
    }
    let differs = change.send.0.iter().filter(|(field, value)| {
        *field != "id" && !within(value, there.get(field.as_str()).unwrap_or(&Value::Null))
    });
    let body: Map<String, Value> = differs.map(|(field, value)| (field.clone(), value.clone())).collect();
    if body.is_empty() {
        return ended(change, End::Done);
    }
    match admin.ask(&patch(change, body), end).await {
        Ok(answer) if answer.is_success() => ended(change, End::Done),
        Ok(answer) => told.refused(&change.label, change.declared, &answer.refusal()),
        Err(error) => ended(change, End::Unanswered(scrubbed(told, error))),
    }
}

/// Whether all that was sent is there.
fn within(sent: &Value, there: &Value) -> bool {
    match (sent, there) {
        (Value::Object(sent), Value::Object(there)) => {
            sent.iter().all(|(name, value)| within(value, there.get(name).unwrap_or(&Value::Null)))
        }
        (Value::Array(sent), Value::Array(there)) => {
            sent.len() == there.len() && sent.iter().all(|one| there.iter().any(|other| within(one, other)))
        }
        (sent, there) => same_values(sent, there),
    }
}

fn post(change: &Change) -> Request {
    let mut body = change.send.0.clone();
    if change.within.is_some() {
        // Its address says so.
        body.remove("upstream");
        body.remove("consumer");
    }
    Request { method: Method::POST, path: path(change, false), body: Some(Value::Object(body)) }
}

fn patch(change: &Change, body: Map<String, Value>) -> Request {
    Request { method: Method::PATCH, path: path(change, true), body: Some(Value::Object(body)) }
}

/// The lists below what their entities belong to. Targets have no other; for credentials it is the one that Kong
/// documents (<https://docs.konghq.com/hub/kong-inc/key-auth/api/>).
const BELOW: &[(&str, &str, &str)] = &[
    ("targets", "upstreams", "targets"),
    ("keyauth_credentials", "consumers", "key-auth"),
    ("jwt_secrets", "consumers", "jwt"),
    ("basicauth_credentials", "consumers", "basic-auth"),
    ("hmacauth_credentials", "consumers", "hmac-auth"),
    ("acls", "consumers", "acls"),
    ("oauth2_credentials", "consumers", "oauth2"),
];

/// The address of an entity, or of the list that it is in.
fn path(change: &Change, of_itself: bool) -> String {
    let below = BELOW.iter().find(|(kind, ..)| *kind == change.kind.name());
    let mut path = match (&change.within, below) {
        (Some(within), Some((_, around, list))) => format!("{around}/{within}/{list}"),
        _ => change.kind.path().to_owned(),
    };
    if of_itself {
        path.push('/');
        path.push_str(&change.id);
    }
    path
}

fn ended(change: &Change, end: End) -> Outcome {
    Outcome { label: change.label.clone(), end, mark: change.mark.clone() }
}

fn scrubbed(told: &Told<'_>, error: crate::routes::admin::AdminError) -> crate::routes::admin::AdminError {
    crate::routes::admin::AdminError { message: told.text(&error.message), ..error }
}

//! The Admin API.

pub mod body;
mod certificates;
pub mod entities;
pub mod errors;
mod health;
mod info;
pub mod kinds;
mod list;
mod plugins;

use std::sync::PoisonError;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::server::{Answer, Request};
use super::state::{Change, Entity, State};
use super::{Gateway, schema};
use entities::{Decided, Parent, Store, show};
use list::Wanted;

pub use health::watch as watch_health;
pub use info::status_api;

/// What a path leads to.
enum Place {
    /// All entities of a type; of one parent only.
    Collection(&'static str, Option<(&'static str, String)>),
    /// One, by id or name.
    Entity(&'static str, String, Option<(&'static str, String)>),
    /// The one that another one refers to: its id.
    Referred(&'static str, String),
    /// What isn't a plain entity of an upstream: its id, the rest of the path.
    Upstream(String, Vec<String>),
}

/// Answers a request to the Admin API.
pub async fn answer(gateway: &Gateway, request: &Request) -> Answer {
    let path: Vec<String> = request
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    if let Some(answer) = info::answer(gateway, request, &path).await {
        return answer;
    }
    if gateway.options.database && !gateway.options.keep.reachable().await {
        return unexpected();
    }
    match request.method.as_str() {
        "OPTIONS" if path.first().is_some_and(|first| kinds::top(first).is_some()) => Answer::empty(204),
        "OPTIONS" => errors::not_found(),
        "GET" | "HEAD" => read(gateway, request, &path).await,
        "POST" | "PUT" | "PATCH" | "DELETE" => {
            let (changes, back, answer) = match write(gateway, request, &path) {
                Ok(written) => written,
                Err(answer) => return answer,
            };
            if !changes.is_empty() && gateway.options.keep.write(&changes).await.is_err() {
                gateway.apply(&back);
                return unexpected();
            }
            answer
        }
        _ => errors::method(),
    }
}

/// Changes what a request asks for: the changes, what takes them back, and the answer.
fn write(
    gateway: &Gateway,
    request: &Request,
    path: &[&str],
) -> Result<(Vec<Change>, Vec<Change>, Answer), Answer> {
    let _one_by_one = gateway.writing.lock().unwrap_or_else(PoisonError::into_inner);
    let (changes, answer) = decide(gateway, request, path)?;
    let back = if changes.is_empty() { Vec::new() } else { gateway.apply(&changes) };
    Ok((changes, back, answer))
}

fn unexpected() -> Answer {
    Answer::message(500, "An unexpected error occurred")
}

fn place(store: Store<'_>, path: &[&str]) -> Result<Place, Answer> {
    let (first, rest) = path.split_first().ok_or_else(errors::not_found)?;
    let kind = kinds::top(first).ok_or_else(errors::not_found)?;
    let (key, rest) = match rest.split_first() {
        None => return Ok(Place::Collection(kind, None)),
        Some((key, [])) => return Ok(Place::Entity(kind, (*key).to_owned(), None)),
        Some((key, rest)) => (*key, rest),
    };
    let reference = schema::references(kind).find(|(field, ..)| *field == rest[0]).map(|(_, kind, _)| kind);
    let upstream = kind == "upstreams"
        && matches!(rest, ["health"] | ["targets", "all"] | ["targets", _, _] | ["targets", _, _, _]);
    let known = kinds::nested(kind, rest[0]).is_some() || reference.is_some() || upstream;
    let entity = if known {
        store.find(kind, key, None)?.ok_or_else(errors::not_found)?
    } else {
        return Err(errors::not_found());
    };
    let id = entity["id"].as_str().unwrap_or_default().to_owned();
    if upstream {
        return Ok(Place::Upstream(id, rest.iter().map(|part| (*part).to_owned()).collect()));
    }
    match (kinds::nested(kind, rest[0]), reference, rest) {
        (Some((kind, field)), _, [_]) => Ok(Place::Collection(kind, Some((field, id)))),
        (Some((kind, field)), _, [_, key]) => Ok(Place::Entity(kind, (*key).to_owned(), Some((field, id)))),
        (None, Some(kind), [field]) => match entity[*field]["id"].as_str() {
            Some(id) => Ok(Place::Referred(kind, id.to_owned())),
            None => Err(errors::not_found()),
        },
        _ => Err(errors::not_found()),
    }
}

fn parent<'a>(owned: &'a Option<(&'static str, String)>) -> Parent<'a> {
    owned.as_ref().map(|(field, id)| (*field, id.as_str()))
}

async fn read(gateway: &Gateway, request: &Request, path: &[&str]) -> Answer {
    let upstream = {
        let state = gateway.state();
        let store = Store::new(gateway, &state);
        match place(store, path) {
            Err(answer) => return answer,
            Ok(Place::Upstream(id, rest)) => (id, rest),
            Ok(place) => return read_place(store, request, &place).unwrap_or_else(|answer| answer),
        }
    };
    health::read(gateway, request, &upstream.0, &upstream.1).await
}

fn read_place(store: Store<'_>, request: &Request, place: &Place) -> Result<Answer, Answer> {
    let state = store.state;
    let one = |kind: &str, entity: Option<&Entity>| match entity {
        Some(entity) => Ok(Answer::json(200, show(state, kind, entity))),
        None => Err(errors::not_found()),
    };
    match place {
        Place::Entity(kind, key, outer) => one(kind, store.find(kind, key, parent(outer))?),
        Place::Referred(kind, id) => one(kind, state.get(kind, id)),
        Place::Upstream(..) => Err(errors::not_found()),
        Place::Collection("targets", Some((_, id))) => {
            let targets = health::newest_first(state, id).into_iter().map(Value::Object).collect();
            Ok(Wanted::read(&request.query)?.count(&request.path, targets))
        }
        Place::Collection(kind, outer) => {
            let custom = body::pairs(&request.query).into_iter().find(|(name, _)| name == "custom_id");
            let custom = custom.filter(|_| *kind == "consumers");
            let inside = |entity: &&Entity| {
                outer.as_ref().is_none_or(|(field, id)| entity[*field]["id"] == **id)
                    && custom.as_ref().is_none_or(|(_, id)| entity["custom_id"] == **id)
            };
            let all = state.all(kind).filter(inside);
            let show = |entity: &Entity| show(state, kind, entity);
            let wanted = Wanted::read(&request.query)?;
            Ok(match store.database {
                true => wanted.page(&request.path, outer.is_none(), all, show),
                false => wanted.numbered(&request.path, outer.is_none(), all, show),
            })
        }
    }
}

fn decide(gateway: &Gateway, request: &Request, path: &[&str]) -> Decided {
    let state = gateway.state();
    let store = Store::new(gateway, &state);
    let method = request.method.as_str();
    match (method, place(store, path)?) {
        ("POST", Place::Collection(kind, outer)) => {
            store.create(kind, body::read(request, kind, true)?, parent(&outer))
        }
        ("PUT", Place::Entity(kind, key, outer)) => {
            store.replace(kind, &key, body::read(request, kind, true)?, parent(&outer))
        }
        ("PATCH", Place::Entity(kind, key, outer)) => {
            store.update(kind, &key, body::read(request, kind, true)?, parent(&outer))
        }
        ("DELETE", Place::Entity(kind, key, outer)) => store.delete(kind, &key, parent(&outer)),
        ("PUT", Place::Referred(kind, id)) => {
            store.replace(kind, &id, body::read(request, kind, true)?, None)
        }
        ("PATCH", Place::Referred(kind, id)) => {
            store.update(kind, &id, body::read(request, kind, true)?, None)
        }
        (_, Place::Upstream(id, rest)) => {
            drop(state);
            health::set(gateway, method, &id, &rest)
        }
        _ => Err(errors::method()),
    }
}

/// `/tags` and `/tags/TAG`
fn tags(state: &State, request: &Request, wanted: Option<&str>) -> Answer {
    let mut rows: Vec<Entity> = Vec::new();
    for (kind, entities) in &state.entities {
        for (id, entity) in entities {
            for tag in entity.get("tags").and_then(Value::as_array).into_iter().flatten() {
                if wanted.is_none_or(|wanted| tag == wanted) {
                    let row = json!({"id": id, "entity_id": id, "entity_name": kind, "tag": tag});
                    rows.extend(row.as_object().cloned());
                }
            }
        }
    }
    rows.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
    let show = |row: &Entity| {
        let mut row = row.clone();
        row.remove("id");
        Value::Object(row)
    };
    match Wanted::read(&request.query) {
        Ok(wanted) => wanted.page(&request.path, false, rows.iter(), show),
        Err(answer) => answer,
    }
}

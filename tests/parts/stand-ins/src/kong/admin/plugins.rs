//! Whether a plugin can run where it is put.

use serde_json::{Map, Value, json};

use super::errors;
use crate::kong::server::Answer;
use crate::kong::state::{Entity, State};

/// The protocols that a request gives a plugin must be those of its route, or of a route of its service.
///
/// Kong 3.4.2 looks at the request before it looks up names: a route's name passes, and a service's never does.
///
/// # Errors
/// None of them is.
pub fn check_protocols(state: &State, kind: &str, body: &Entity) -> Result<(), Answer> {
    let Some(Value::Array(own)) = body.get("protocols").filter(|_| kind == "plugins") else { return Ok(()) };
    let shared = |route: &Entity| {
        own.iter().any(|one| route["protocols"].as_array().is_some_and(|list| list.contains(one)))
    };
    let object = |field: &str| body.get(field).and_then(Value::as_object);
    let wrong = if object("route").is_some() {
        let route = state.referred(body, "route", "routes");
        route.is_some_and(|route| !shared(route)).then_some("must match the associated route's protocols")
    } else if let Some(service) = object("service") {
        let fits = match service.get("id") {
            Some(id) => {
                let mut routes = state.all("routes").filter(|route| route["service"]["id"] == *id).peekable();
                routes.peek().is_none() || routes.any(shared)
            }
            None => false,
        };
        (!fits).then_some("must match the protocols of at least one route pointing to this Plugin's service")
    } else {
        None
    };
    let Some(wrong) = wrong else { return Ok(()) };
    Err(errors::schema_violation(Map::from_iter([("protocols".to_owned(), json!(wrong))])))
}

/// The same for a PATCH: what it doesn't say is as it was, and it is looked at only where it says something of this.
///
/// # Errors
/// None of the protocols is one of a route.
pub fn check_protocols_of_change(
    state: &State,
    kind: &str,
    body: &Entity,
    old: &Entity,
) -> Result<(), Answer> {
    const LOOKED_AT: [&str; 3] = ["protocols", "service", "route"];
    if !LOOKED_AT.iter().any(|field| body.contains_key(*field)) {
        return Ok(());
    }
    let mut merged = body.clone();
    for field in LOOKED_AT {
        if let (None, Some(value)) = (body.get(field), old.get(field)) {
            merged.insert(field.to_owned(), value.clone());
        }
    }
    check_protocols(state, kind, &merged)
}

//! What isn't about entities: the node, its status, schemas.

use serde_json::{Value, json};
use std::sync::atomic::Ordering;

use super::{body, entities, errors, schema, tags};
use crate::kong::server::{Answer, Request};
use crate::kong::{Gateway, dbless, proxy};

/// No checks.
static EMPTY: Value = Value::Array(Vec::new());

/// Answers what isn't about entities; `None` for what is.
pub async fn answer(gateway: &Gateway, request: &Request, path: &[&str]) -> Option<Answer> {
    let reads = matches!(request.method.as_str(), "GET" | "HEAD");
    let database = gateway.options.database;
    let only_read = |answer: Answer| Some(if reads { answer } else { errors::method() });
    match path {
        ["status" | "plugins" | "schemas" | "tags" | "config", ..] if request.method == "OPTIONS" => {
            Some(Answer::empty(204))
        }
        [] if database && !gateway.options.keep.reachable().await => {
            Some(Answer::message(500, "An unexpected error happened"))
        }
        [] => only_read(Answer::json(200, root(gateway))),
        ["status"] => only_read(status(gateway).await),
        ["metrics"] => {
            only_read(Answer::text(200, "text/plain; charset=UTF-8", crate::pages::METRICS.to_owned()))
        }
        ["plugins", "enabled"] => {
            only_read(Answer::json(200, json!({"enabled_plugins": schema::enabled_plugins()})))
        }
        ["plugins", "schema", name] => only_read(match schema::plugin(name) {
            Some(plugin) => {
                let config =
                    schema::fields(plugin).find(|(name, _)| *name == "config").map(|(_, field)| field);
                Answer::json(
                    200,
                    json!({"fields": config.map(|field| &field["fields"]), "entity_checks": config.map(|field| field.get("entity_checks").unwrap_or(&EMPTY))}),
                )
            }
            None => Answer::message(404, &format!("No plugin named '{name}'")),
        }),
        ["schemas", "plugins", "validate"] | ["schemas", _, "validate"] => {
            Some(if request.method == "POST" { validate(request, path[1]) } else { errors::method() })
        }
        ["schemas", "plugins", name] => only_read(match schema::plugin(name) {
            Some(plugin) => Answer::json(200, plugin.clone()),
            None => Answer::message(404, &format!("No plugin named '{name}'")),
        }),
        ["schemas", kind] => only_read(match schema::entity(kind) {
            Some(schema) => Answer::json(200, schema.clone()),
            None => Answer::message(404, &format!("No entity named '{kind}'")),
        }),
        ["tags"] | ["tags", _] if database && !gateway.options.keep.reachable().await => {
            Some(Answer::message(500, "An unexpected error occurred"))
        }
        ["tags"] => only_read(tags(&gateway.state(), request, None)),
        // Kong 3.4.2 finds none without a database.
        ["tags", _] if !database => only_read(Answer::json(200, json!({"data": {}, "next": null}))),
        ["tags", tag] => only_read(tags(&gateway.state(), request, Some(tag))),
        ["config"] if database => {
            let message = "this endpoint is only available when Kong is configured to not use a database";
            Some(Answer::message(400, message))
        }
        ["config"] => Some(dbless::config(gateway, request)),
        ["clustering", ..] => {
            let message = "this endpoint is only available when Kong is configured to run as Control Plane for the cluster";
            Some(Answer::message(400, message))
        }
        ["debug", "node", "log-level"] => only_read(Answer::message(200, "log level: notice")),
        _ => None,
    }
}

/// Answers a request to the status API, on a port of its own.
pub async fn status_api(gateway: &Gateway, request: &Request) -> Answer {
    let path = request.path.trim_end_matches('/');
    match path {
        "/status" => status(gateway).await,
        "/metrics" => Answer::text(200, "text/plain; charset=UTF-8", crate::pages::METRICS.to_owned()),
        "/status/ready" => ready(gateway).await,
        _ => errors::not_found(),
    }
}

async fn ready(gateway: &Gateway) -> Answer {
    if gateway.options.database {
        return match gateway.options.keep.reachable().await {
            true => Answer::message(200, "ready"),
            false => Answer::message(503, "failed to connect to database"),
        };
    }
    match gateway.state().configuration_hash.is_some() {
        true => Answer::message(200, "ready"),
        false => Answer::message(503, "no configuration available (empty configuration present)"),
    }
}

async fn status(gateway: &Gateway) -> Answer {
    let requests = gateway.requests.load(Ordering::Relaxed);
    let reachable = !gateway.options.database || gateway.options.keep.reachable().await;
    let mut status = json!({
        "database": {"reachable": reachable},
        "memory": {"lua_shared_dicts": {}, "workers_lua_vms": []},
        "server": {
            "connections_accepted": requests, "connections_active": 1, "connections_handled": requests,
            "connections_reading": 0, "connections_waiting": 0, "connections_writing": 1,
            "total_requests": requests,
        },
    });
    if !gateway.options.database {
        status.as_object_mut().map(|status| status.remove("database"));
        let hash = gateway.state().configuration_hash.clone();
        status["configuration_hash"] = json!(hash.unwrap_or_else(|| "0".repeat(32)));
    }
    Answer::json(200, status)
}

fn root(gateway: &Gateway) -> Value {
    let version = &gateway.options.version;
    let state = gateway.state();
    let mut used: Vec<&str> = state.all("plugins").filter_map(|plugin| plugin["name"].as_str()).collect();
    used.sort_unstable();
    used.dedup();
    let names = schema::enabled_plugins().as_array().into_iter().flatten().filter_map(Value::as_str);
    let available = names.map(|name| {
        let version = if name == "opentelemetry" { "0.1.0" } else { version };
        (name.to_owned(), json!({"version": version, "priority": proxy::priority(name)}))
    });
    let available: serde_json::Map<String, Value> = available.collect();
    // One for each view of the entities; nothing else runs in processes of its own here.
    let workers = if gateway.options.database { gateway.options.propagation.len().max(1) } else { 1 };
    let workers: Vec<usize> = (1..=workers).collect();
    let loaded: serde_json::Map<String, Value> =
        available.keys().map(|name| (name.clone(), json!(true))).collect();
    let database = if gateway.options.database { "postgres" } else { "off" };
    json!({
        "tagline": "This is not Kong: a test stands in for it",
        "version": version,
        "hostname": "vv-stand-in",
        "node_id": gateway.node_id,
        "lua_version": "none",
        "pids": {"master": std::process::id(), "workers": workers},
        "timers": {"running": 0, "pending": 0},
        "plugins": {"available_on_server": available, "enabled_in_cluster": used},
        "configuration": {
            "database": database,
            "role": "traditional",
            "router_flavor": "traditional_compatible",
            "worker_consistency": "eventual",
            "worker_state_update_frequency": 1,
            "db_update_frequency": 5,
            "plugins": ["bundled"],
            "loaded_plugins": loaded,
            "vaults": ["bundled"],
            "loaded_vaults": {"env": true},
        },
    })
}

/// `/schemas/TYPE/validate`: references aren't looked at, forms not made to fit.
fn validate(request: &Request, kind: &str) -> Answer {
    let Some(kind) = schema::kinds().find(|own| *own == kind) else {
        return Answer::message(404, &format!("No entity named '{kind}'"));
    };
    let mut entity = match body::read(request, kind, false) {
        Ok(entity) => entity,
        Err(answer) => return answer,
    };
    entities::from_url(kind, &mut entity);
    schema::fill_auto(kind, &mut entity);
    schema::fill_defaults(kind, &mut entity);
    match schema::validate(kind, &entity, false) {
        Ok(()) => Answer::message(200, "schema validation successful"),
        Err(fields) => errors::schema_violation(fields),
    }
}

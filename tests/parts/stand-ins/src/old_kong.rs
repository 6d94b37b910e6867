//! Kong without a database: its declarative file, the part of its Admin API that health checks ask, `kong health`.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, get};
use serde_json::{Map, Value, json};

use crate::old_proxy as proxy;
use crate::old_proxy::Gateway;
use vv_stand_ins::complain;

/// The collections that the Admin API lists.
const COLLECTIONS: [&str; 6] = ["services", "routes", "plugins", "upstreams", "consumers", "certificates"];

/// What the declarative file says, flattened: nested entities are in their own collection, with their parent's name.
#[derive(Debug, Default)]
pub struct Config {
    /// Entities by collection.
    pub entities: Map<String, Value>,
    /// Targets by upstream.
    pub targets: Map<String, Value>,
    /// Loaded from a file, so that it isn't empty.
    pub loaded: bool,
}

impl Config {
    /// Reads the file that `KONG_DECLARATIVE_CONFIG` names.
    fn from_env() -> anyhow::Result<Self> {
        match std::env::var("KONG_DECLARATIVE_CONFIG").ok().filter(|path| !path.is_empty()) {
            None => Ok(Self::default()),
            Some(path) => {
                let text =
                    std::fs::read_to_string(&path).with_context(|| format!("could not read {path}"))?;
                Self::parse(&text).with_context(|| format!("error parsing declarative config file {path}"))
            }
        }
    }

    /// Flattens a declarative document.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let document: Map<String, Value> = serde_yaml::from_str(text)?;
        anyhow::ensure!(document.contains_key("_format_version"), "_format_version: required field missing");
        let mut config = Self { loaded: true, ..Self::default() };
        for (key, value) in document {
            anyhow::ensure!(
                key.starts_with('_') || COLLECTIONS.contains(&key.as_str()),
                "in '{key}': unknown field"
            );
            for entity in value.as_array().into_iter().flatten() {
                config.add(&key, entity.clone(), None);
            }
        }
        Ok(config)
    }

    fn add(&mut self, collection: &str, mut entity: Value, parent: Option<(&str, Value)>) {
        let name = entity["name"].clone();
        if let Some(object) = entity.as_object_mut() {
            if let Some((kind, name)) = parent {
                object.insert(kind.to_owned(), json!({"name": name}));
            }
            let singular = collection.trim_end_matches('s').to_owned();
            for nested in ["routes", "plugins"] {
                for child in
                    object.remove(nested).iter().flat_map(|list| list.as_array().into_iter().flatten())
                {
                    self.add(nested, child.clone(), Some((&singular, name.clone())));
                }
            }
            if let Some(targets) = object.remove("targets")
                && let Some(name) = name.as_str()
            {
                self.targets.insert(name.to_owned(), targets);
            }
        }
        if let Value::Array(list) = self.entities.entry(collection).or_insert_with(|| json!([])) {
            list.push(entity);
        }
    }

    /// The entities of a collection.
    pub fn list(&self, collection: &str) -> &[Value] {
        self.entities.get(collection).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// The Admin API, the status API and the proxy.
async fn listen(config: Config) -> anyhow::Result<()> {
    let gateway = Arc::new(Gateway::new(config)?);
    let status = || Router::new().route("/status", get(status)).route("/status/ready", get(ready));
    let admin = Router::new()
        .route("/", get(root))
        .route("/metrics", get(vv_stand_ins::pages::metrics))
        .route("/upstreams/{name}/targets", get(targets))
        .route("/upstreams/{name}/health", get(health_of_targets))
        .route("/{collection}", any(collection))
        .merge(status())
        .with_state(Arc::clone(&gateway));
    let status = status().with_state(Arc::clone(&gateway));
    let proxy = Router::new().fallback(proxy::answer).with_state(gateway);
    tokio::try_join!(
        vv_stand_ins::serve(8001, admin),
        vv_stand_ins::serve(8100, status),
        vv_stand_ins::serve(8000, proxy)
    )?;
    Ok(())
}

/// `kong docker-start`
pub async fn serve() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    complain(&format!("stands in for Kong, with {} services", config.list("services").len()));
    listen(config).await
}

/// `kong health`: fails where nothing answers.
pub async fn health() -> anyhow::Result<()> {
    let answer =
        reqwest::Client::builder().no_proxy().build()?.get("http://127.0.0.1:8001/status").send().await;
    answer.and_then(reqwest::Response::error_for_status).context("Kong's stand-in is not running")?;
    Ok(())
}

async fn root() -> Json<Value> {
    Json(json!({
        "tagline": "This is not Kong: a test stands in for it",
        "version": "3.4.2-stand-in",
        "configuration": {"database": "off", "router_flavor": "traditional_compatible"},
    }))
}

async fn status(State(gateway): State<Arc<Gateway>>) -> Json<Value> {
    Json(json!({
        "server": {"total_requests": gateway.requests()},
        "database": {"reachable": true},
        "configuration_hash": gateway.configuration_hash(),
    }))
}

async fn ready(State(gateway): State<Arc<Gateway>>) -> (StatusCode, Json<Value>) {
    match gateway.config.loaded {
        true => (StatusCode::OK, Json(json!({"message": "ready"}))),
        false => {
            let message = "no configuration available (empty configuration present)";
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"message": message})))
        }
    }
}

async fn targets(State(gateway): State<Arc<Gateway>>, Path(name): Path<String>) -> Response {
    match gateway.config.targets.get(&name) {
        Some(targets) => Json(json!({"data": targets, "next": null})).into_response(),
        None => (StatusCode::NOT_FOUND, Json(json!({"message": "Not found"}))).into_response(),
    }
}

/// Nobody checks them here.
async fn health_of_targets(State(gateway): State<Arc<Gateway>>, Path(name): Path<String>) -> Response {
    let Some(targets) = gateway.config.targets.get(&name).and_then(Value::as_array) else {
        return (StatusCode::NOT_FOUND, Json(json!({"message": "Not found"}))).into_response();
    };
    let unchecked = |target: &Value| {
        let mut target = target.clone();
        target["health"] = json!("HEALTHCHECKS_OFF");
        target
    };
    Json(json!({"data": targets.iter().map(unchecked).collect::<Vec<_>>(), "next": null})).into_response()
}

async fn collection(
    State(gateway): State<Arc<Gateway>>,
    Path(collection): Path<String>,
    method: axum::http::Method,
) -> Response {
    if !COLLECTIONS.contains(&collection.as_str()) {
        return (StatusCode::NOT_FOUND, Json(json!({"message": "Not found"}))).into_response();
    }
    if method != "GET" {
        let message = format!("cannot create '{collection}' entities when not using a database");
        let body = json!({"code": 12, "name": "operation unsupported", "message": message});
        return (StatusCode::METHOD_NOT_ALLOWED, Json(body)).into_response();
    }
    Json(json!({"data": gateway.config.list(&collection), "next": null})).into_response()
}

//! Konga and Grafana: their ports, their pages' status codes, Grafana's health.

use axum::Router;
use axum::extract::State;
use axum::response::{Html, Json};
use axum::routing::get;
use serde_json::{Value, json};

use crate::serve;

/// Konga: a page.
///
/// # Errors
/// Its port is taken.
pub async fn konga() -> anyhow::Result<()> {
    serve(1337, page("Konga")).await
}

/// Grafana: a page, its health, and the data sources that are provisioned.
///
/// # Errors
/// Its port is taken.
pub async fn grafana() -> anyhow::Result<()> {
    let folder =
        std::env::var("GF_PATHS_PROVISIONING").unwrap_or_else(|_| "/etc/grafana/provisioning".to_owned());
    let sources = data_sources(&folder).await;
    let api = Router::new()
        .route(
            "/api/health",
            get(|| async { Json(json!({"database": "ok", "version": "stand-in", "commit": "none"})) }),
        )
        .route("/metrics", get(metrics))
        .route("/api/datasources", get(|State(sources): State<Value>| async { Json(sources) }))
        .with_state(sources);
    serve(3000, page("Grafana").merge(api)).await
}

/// Enough for Prometheus to find its target up.
pub const METRICS: &str =
    "# HELP stand_in_info A stand-in answers here.\n# TYPE stand_in_info gauge\nstand_in_info 1\n";

/// [`METRICS`]
pub async fn metrics() -> &'static str {
    METRICS
}

/// A page that says who answers.
pub fn page(name: &'static str) -> Router {
    let text =
        format!("<!doctype html><title>Stand-in for {name}</title><p>A test stands in for {name} here.\n");
    let show = move || {
        let text = text.clone();
        async { Html(text) }
    };
    Router::new().route("/", get(show.clone())).route("/login", get(show))
}

/// The data sources that files below `datasources/` declare.
async fn data_sources(folder: &str) -> Value {
    let mut sources = Vec::new();
    if let Ok(mut files) = tokio::fs::read_dir(format!("{folder}/datasources")).await {
        while let Ok(Some(file)) = files.next_entry().await {
            let text = tokio::fs::read_to_string(file.path()).await.unwrap_or_default();
            let document: Value = serde_yaml::from_str(&text).unwrap_or_default();
            sources.extend(document["datasources"].as_array().cloned().unwrap_or_default());
        }
    }
    sources.into()
}

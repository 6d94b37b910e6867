//! The stand-in's API documentation: `/openapi.json`, and a page of it at `/docs`.

use serde_json::{Map, Value, json};

use super::settings::Settings;

/// An OpenAPI 3.1 document of the declared routes.
pub fn openapi(settings: &Settings) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let health = [("GET", settings.health.as_str(), 200, json!({"status": "healthy"}))];
    let routes = settings
        .routes
        .iter()
        .map(|route| (route.method.as_str(), route.path.as_str(), route.status, route.body.clone()));
    for (method, path, status, example) in health.into_iter().chain(routes) {
        let parameters: Vec<Value> = path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
            .collect();
        let operation = json!({
            "summary": format!("{method} {path}"),
            "parameters": parameters,
            "responses": {
                status.to_string(): {
                    "description": "The stand-in's answer",
                    "content": {"application/json": {"example": example}},
                },
            },
        });
        let item = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        if let Value::Object(item) = item {
            item.insert(method.to_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("{} (stub)", settings.service),
            "description": "A stand-in that vv runs while the service's sources are missing.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": paths,
    })
}

/// A page that lists the routes, without any script.
pub fn page(settings: &Settings) -> String {
    let service = escape(&settings.service);
    let rows: String = settings
        .routes
        .iter()
        .map(|route| {
            format!(
                "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td><td><pre>{}</pre></td></tr>\n",
                escape(&route.method),
                escape(&route.path),
                route.status,
                escape(&serde_json::to_string_pretty(&route.body).unwrap_or_default())
            )
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{service} (stub)</title>\
         <style>body{{font:16px system-ui;margin:2rem}}td,th{{padding:.3rem 1rem;text-align:left;vertical-align:top}}\
         </style></head>\n<body><h1>{service} <small>(stub)</small></h1>\n\
         <p>vv answers here while the service's sources are missing. \
         <a href=\"/openapi.json\">openapi.json</a></p>\n\
         <table><tr><th>Method</th><th>Path</th><th>Status</th><th>Answer</th></tr>\n{rows}</table></body></html>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! Kong's proxy, as far as tests need it: the traditional router's choice by host, method and path, round robin over
//! an upstream's targets, the headers that tell a proxied answer from the gateway's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use crate::old_kong::Config;

/// Bodies are held in memory, up to this size.
const BODY: usize = 8 * 1024 * 1024;

/// Headers of one connection only.
const HOP_BY_HOP: [HeaderName; 4] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::HOST, header::CONTENT_LENGTH];

/// The running gateway.
pub struct Gateway {
    /// What it was given.
    pub config: Config,
    client: reqwest::Client,
    requests: AtomicUsize,
}

/// A route that a request may take.
struct Match<'a> {
    route: &'a Value,
    /// The path prefix that fitted.
    prefix: &'a str,
}

impl Gateway {
    /// Of a configuration.
    pub fn new(config: Config) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self { config, client, requests: AtomicUsize::new(0) })
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// All zeros for an empty configuration, as Kong has it.
    pub fn configuration_hash(&self) -> String {
        if self.config.loaded {
            format!("{:032x}", self.config.entities.len().max(1))
        } else {
            "0".repeat(32)
        }
    }

    /// Among the routes that fit, the one with the longest path; one that also names hosts goes before.
    fn route(&self, method: &str, host: &str, path: &str) -> Option<Match<'_>> {
        let listed = |value: &Value, wanted: &str| {
            value
                .as_array()
                .is_none_or(|list| list.is_empty() || list.iter().any(|item| item.as_str() == Some(wanted)))
        };
        self.config
            .list("routes")
            .iter()
            .filter(|route| listed(&route["methods"], method) && listed(&route["hosts"], host))
            .filter_map(|route| match route["paths"].as_array() {
                None => Some(Match { route, prefix: "" }),
                Some(paths) => {
                    let fitting =
                        paths.iter().filter_map(Value::as_str).filter(|prefix| path.starts_with(prefix));
                    fitting.max_by_key(|prefix| prefix.len()).map(|prefix| Match { route, prefix })
                }
            })
            .max_by_key(|found| (found.route["hosts"].is_array(), found.prefix.len()))
    }

    /// The address behind a service: the service's own, or the next of the targets of the upstream that it names.
    fn address(&self, service: &Value) -> Option<String> {
        if let Some(url) = service["url"].as_str() {
            return Some(url.trim_end_matches('/').to_owned());
        }
        let host = service["host"].as_str()?;
        let protocol = service["protocol"].as_str().unwrap_or("http");
        let path = service["path"].as_str().unwrap_or("").trim_end_matches('/');
        let targets =
            self.config.targets.get(host).and_then(Value::as_array).filter(|targets| !targets.is_empty());
        let authority = match targets {
            Some(targets) => targets[self.requests() % targets.len()]["target"].as_str()?.to_owned(),
            None => format!("{host}:{}", service["port"].as_u64().unwrap_or(80)),
        };
        Some(format!("{protocol}://{authority}{path}"))
    }

    async fn forward(&self, found: &Match<'_>, request: Request) -> anyhow::Result<Response> {
        let name = found.route["service"]["name"].as_str().or(found.route["service"].as_str());
        let service = self.config.list("services").iter().find(|service| service["name"].as_str() == name);
        let address = service.and_then(|service| self.address(service)).context("no service")?;
        let strip = found.route["strip_path"].as_bool().unwrap_or(true);
        let uri = request.uri();
        let path = if strip { &uri.path()[found.prefix.len()..] } else { uri.path() };
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let url = format!("{address}/{}{query}", path.trim_start_matches('/'));
        let (parts, body) = request.into_parts();
        let mut headers = parts.headers;
        for name in HOP_BY_HOP {
            headers.remove(name);
        }
        let asked = Instant::now();
        let body = to_bytes(body, BODY).await?;
        let answer = self.client.request(parts.method, url).headers(headers).body(body).send().await?;
        let mut response = Response::builder().status(answer.status());
        for (name, value) in answer.headers().iter().filter(|(name, _)| !HOP_BY_HOP.contains(name)) {
            response = response.header(name, value);
        }
        let response = response
            .header("x-kong-upstream-latency", asked.elapsed().as_millis().to_string())
            .header(header::VIA, "1.1 vv-stand-in");
        Ok(response.body(Body::from(answer.bytes().await?))?)
    }
}

/// Answers a request to the proxy.
pub async fn answer(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    gateway.requests.fetch_add(1, Ordering::Relaxed);
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().to_owned();
    let found = gateway.route(request.method().as_str(), &host, request.uri().path());
    match found {
        None => own(StatusCode::NOT_FOUND, "no Route matched with those values"),
        Some(found) => match gateway.forward(&found, request).await {
            Ok(response) => response,
            Err(_) => {
                own(StatusCode::BAD_GATEWAY, "An invalid response was received from the upstream server")
            }
        },
    }
}

/// An answer of the gateway itself.
fn own(status: StatusCode, message: &str) -> Response {
    let mut response = (status, Json(json!({"message": message}))).into_response();
    response.headers_mut().insert("x-kong-response-latency", HeaderValue::from_static("0"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_wins_and_methods_count() {
        let config = Config::parse(
            "_format_version: '3.0'\nservices:\n- name: a\n  url: http://a\n  routes:\n  - {name: short, paths: [/x]}\n  - {name: long, paths: [/x/y], methods: [GET]}\n",
        )
        .unwrap();
        // The client wants one, though it never speaks TLS here; only a second call fails.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let gateway = Gateway::new(config).unwrap();
        let name = |method: &str, path: &str| {
            gateway
                .route(method, "localhost", path)
                .map(|found| found.route["name"].as_str().unwrap().to_owned())
        };
        assert_eq!(name("GET", "/x/y/z").as_deref(), Some("long"));
        assert_eq!(name("POST", "/x/y/z").as_deref(), Some("short"));
        assert_eq!(name("GET", "/").as_deref(), None);
    }

    #[test]
    fn an_unknown_section_is_refused() {
        assert!(Config::parse("_format_version: '3.0'\nservice: []\n").is_err());
        assert!(Config::parse("services: []\n").is_err());
    }
}

//! The plugins that decide what becomes of a request. Those that only log or measure (prometheus, opentelemetry, …) are
//! accepted by the Admin API and have no effect here.

mod auth;
mod cors;
mod jwt;
mod limits;
mod transform;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName};
use serde_json::Value;

use super::reply::{Reply, set, text};
use super::snapshot::{Plugin, Scope, Snapshot};
use crate::kong::state::Entity;

/// The plugins of Kong 3.4.2 with their priorities, in the order in which they run.
const PRIORITIES: [(&str, i64); 37] = [
    ("pre-function", 1_000_000),
    ("zipkin", 100_000),
    ("bot-detection", 2_500),
    ("cors", 2_000),
    ("session", 1_900),
    ("acme", 1_705),
    ("jwt", 1_450),
    ("oauth2", 1_400),
    ("key-auth", 1_250),
    ("ldap-auth", 1_200),
    ("basic-auth", 1_100),
    ("hmac-auth", 1_030),
    ("grpc-gateway", 998),
    ("ip-restriction", 990),
    ("request-size-limiting", 951),
    ("acl", 950),
    ("rate-limiting", 910),
    ("response-ratelimiting", 900),
    ("request-transformer", 801),
    ("response-transformer", 800),
    ("aws-lambda", 750),
    ("azure-functions", 749),
    ("proxy-cache", 100),
    ("opentelemetry", 14),
    ("prometheus", 13),
    ("http-log", 12),
    ("statsd", 11),
    ("datadog", 10),
    ("file-log", 9),
    ("udp-log", 8),
    ("tcp-log", 7),
    ("loggly", 6),
    ("syslog", 4),
    ("grpc-web", 3),
    ("request-termination", 2),
    ("correlation-id", 1),
    ("post-function", -1_000),
];

/// The names of all plugins, in the order in which they run.
pub fn in_order() -> impl Iterator<Item = &'static str> {
    PRIORITIES.iter().map(|(name, _)| *name)
}

/// A plugin's priority, as `GET /` tells it.
pub fn priority(name: &str) -> Option<i64> {
    PRIORITIES.iter().find(|(own, _)| *own == name).map(|(_, priority)| *priority)
}

/// What plugins remember between requests, common to all workers.
#[derive(Debug, Default)]
pub struct Memory {
    counters: Mutex<HashMap<String, u64>>,
    requests: Mutex<u64>,
}

impl Memory {
    fn count(&self, key: &str) -> u64 {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner).get(key).unwrap_or(&0)
    }

    fn increase(&self, key: String) {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
    }

    fn next(&self) -> u64 {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests += 1;
        *requests
    }
}

/// A request on its way through the plugins.
#[derive(Debug)]
pub struct Exchange<'a> {
    pub memory: &'a Memory,
    pub snapshot: &'a Snapshot,
    pub route: &'a str,
    pub service: Option<&'a str>,
    pub protocol: &'static str,
    pub client: IpAddr,
    pub method: String,
    pub path: String,
    /// As they are sent on.
    pub headers: HeaderMap,
    pub query: Query,
    pub body: Bytes,
    /// Headers on whatever is answered.
    pub out: HeaderMap,
    consumer: Option<Entity>,
    /// What the client proved to have.
    credential: Option<String>,
    correlation: Option<String>,
    preflight: bool,
    /// Those that ran or would have run, in order.
    applied: Vec<Plugin>,
}

impl<'a> Exchange<'a> {
    /// Before any plugin ran.
    #[expect(clippy::too_many_arguments, reason = "they are what a request is")]
    pub fn new(
        memory: &'a Memory,
        snapshot: &'a Snapshot,
        route: &'a str,
        service: Option<&'a str>,
        protocol: &'static str,
        client: IpAddr,
        request: hyper::http::request::Parts,
        body: Bytes,
    ) -> Self {
        Self {
            memory,
            snapshot,
            route,
            service,
            protocol,
            client,
            method: request.method.to_string(),
            path: request.uri.path().to_owned(),
            query: Query::new(request.uri.query()),
            headers: request.headers,
            body,
            out: HeaderMap::new(),
            consumer: None,
            credential: None,
            correlation: None,
            preflight: false,
            applied: Vec::new(),
        }
    }

    /// Runs all plugins; the first that answers itself ends it. Those after it only look at the answer.
    pub fn access(&mut self) -> Option<Reply> {
        let mut reply = None;
        for name in self.snapshot.plugin_names() {
            let consumer = self.consumer_text("id").map(str::to_owned);
            let scope = Scope {
                route: Some(self.route),
                service: self.service,
                consumer: consumer.as_deref(),
                protocol: self.protocol,
            };
            let Some(plugin) = self.snapshot.plugin(name, &scope) else { continue };
            if reply.is_none() {
                reply = self.run(plugin);
            }
            self.applied.push(plugin.clone());
        }
        reply
    }

    fn run(&mut self, plugin: &Plugin) -> Option<Reply> {
        match plugin.name.as_str() {
            "bot-detection" => limits::bot_detection(self, plugin),
            "cors" => cors::access(self, plugin),
            "jwt" | "key-auth" | "basic-auth" => auth::access(self, plugin),
            "ip-restriction" => limits::ip_restriction(self, plugin),
            "request-size-limiting" => limits::size(self, plugin),
            "acl" => auth::acl(self, plugin),
            "rate-limiting" => limits::rate(self, plugin),
            "request-transformer" => {
                transform::request(self, plugin);
                None
            }
            "correlation-id" => {
                transform::correlate(self, plugin);
                None
            }
            "request-termination" => limits::terminate(self, plugin),
            _ => None,
        }
    }

    /// What plugins change of an answer's headers, the service's or their own.
    pub fn answered(&mut self, headers: &mut HeaderMap) {
        for (name, value) in &self.out {
            headers.insert(name, value.clone());
        }
        for plugin in std::mem::take(&mut self.applied) {
            match plugin.name.as_str() {
                "cors" => cors::answered(self, &plugin, headers),
                "response-transformer" => transform::response(&plugin, headers),
                "correlation-id" if plugin.is("echo_downstream") => {
                    let name = plugin.text("header_name").unwrap_or_default();
                    let given = self.correlation.as_deref().or_else(|| text(&self.headers, name));
                    if let (Some(given), Ok(name)) = (given, HeaderName::from_bytes(name.as_bytes())) {
                        set(headers, name, given);
                    }
                }
                _ => {}
            }
        }
    }

    /// An error in the form that the client asked for.
    pub fn error(&self, status: u16, message: &str) -> Reply {
        Reply::error(text(&self.headers, "accept"), status, message)
    }

    fn consumer_text(&self, field: &str) -> Option<&str> {
        self.consumer.as_ref()?.get(field).and_then(Value::as_str)
    }

    /// Sets a header of the request.
    fn tell(&mut self, name: &'static str, value: Option<&str>) {
        let name = HeaderName::from_static(name);
        match value {
            Some(value) => set(&mut self.headers, name, value),
            None => {
                self.headers.remove(name);
            }
        }
    }
}

/// A request's query, kept as it came unless a plugin changes it.
#[derive(Debug)]
pub struct Query {
    raw: Option<String>,
    pairs: Vec<(String, String)>,
    changed: bool,
}

impl Query {
    /// Of a request's address.
    pub fn new(raw: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned().collect();
        Self { raw: raw.map(str::to_owned), pairs, changed: false }
    }

    /// All values of a name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Takes a name out; whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.pairs.len();
        self.pairs.retain(|(key, _)| key != name);
        self.changed |= self.pairs.len() != before;
        self.pairs.len() != before
    }

    /// Adds a value.
    pub fn append(&mut self, name: &str, value: &str) {
        self.pairs.push((name.to_owned(), value.to_owned()));
        self.changed = true;
    }

    /// As it is sent on, with its `?`.
    pub fn sent(&self) -> String {
        let query = match (self.changed, &self.raw) {
            (false, raw) => raw.clone().unwrap_or_default(),
            (true, _) => {
                let mut pairs = self.pairs.clone();
                pairs.sort();
                form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
            }
        };
        if query.is_empty() && (self.changed || self.raw.is_none()) {
            String::new()
        } else {
            format!("?{query}")
        }
    }
}

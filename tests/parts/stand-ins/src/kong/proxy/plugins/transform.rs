//! correlation-id, request-transformer (headers, query, method), response-transformer (headers).

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::{Exchange, Query};
use crate::kong::proxy::reply::{set, text};
use crate::kong::proxy::snapshot::Plugin;

/// correlation-id: what the client gave, else what is made.
pub fn correlate(exchange: &mut Exchange<'_>, plugin: &Plugin) {
    let name = plugin.text("header_name").unwrap_or("Kong-Request-ID").to_owned();
    let given = text(&exchange.headers, &name).filter(|given| !given.is_empty()).map(str::to_owned);
    let id = given.unwrap_or_else(|| {
        let uuid = uuid::Uuid::new_v4();
        match plugin.text("generator") {
            Some("uuid") => uuid.to_string(),
            Some("tracker") => format!("{}-{}", exchange.client, uuid.simple()),
            _ => format!("{uuid}#{}", exchange.memory.next()),
        }
    });
    if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
        set(&mut exchange.headers, name, &id);
    }
    exchange.correlation = Some(id);
}

/// Something with named values that can be changed.
trait Named {
    fn has(&self, name: &str) -> bool;
    fn remove(&mut self, name: &str);
    fn append(&mut self, name: &str, value: &str);
    fn rename(&mut self, from: &str, to: &str);
}

impl Named for HeaderMap {
    fn has(&self, name: &str) -> bool {
        self.contains_key(name)
    }

    fn remove(&mut self, name: &str) {
        self.remove(name);
    }

    fn append(&mut self, name: &str, value: &str) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            self.append(name, value);
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        if let (Some(value), Ok(to)) = (self.remove(from), HeaderName::from_bytes(to.as_bytes())) {
            self.insert(to, value);
        }
    }
}

impl Named for Query {
    fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    fn remove(&mut self, name: &str) {
        self.remove(name);
    }

    fn append(&mut self, name: &str, value: &str) {
        self.append(name, value);
    }

    fn rename(&mut self, from: &str, to: &str) {
        let values: Vec<String> = self.all(from).map(str::to_owned).collect();
        if self.remove(from) {
            values.iter().for_each(|value| self.append(to, value));
        }
    }
}

/// The entries of `config.<action>.<part>`, each with what is behind its colon.
fn entries(plugin: &Plugin, action: &str, part: &str) -> Vec<(String, String)> {
    let list = plugin.config.get(action).and_then(|action| action[part].as_array());
    let split = |entry: &Value| {
        let entry = entry.as_str()?;
        let (name, value) = entry.split_once(':').unwrap_or((entry, ""));
        Some((name.to_owned(), value.to_owned()))
    };
    list.into_iter().flatten().filter_map(split).collect()
}

/// In the order of Kong's plugin: remove, rename, replace, add, append.
fn transform(target: &mut impl Named, plugin: &Plugin, part: &str) {
    for (name, _) in entries(plugin, "remove", part) {
        target.remove(&name);
    }
    for (from, to) in entries(plugin, "rename", part) {
        target.rename(&from, &to);
    }
    for (name, value) in entries(plugin, "replace", part) {
        if target.has(&name) {
            target.remove(&name);
            target.append(&name, &value);
        }
    }
    for (name, value) in entries(plugin, "add", part) {
        if !target.has(&name) {
            target.append(&name, &value);
        }
    }
    for (name, value) in entries(plugin, "append", part) {
        target.append(&name, &value);
    }
}

/// request-transformer
pub fn request(exchange: &mut Exchange<'_>, plugin: &Plugin) {
    transform(&mut exchange.headers, plugin, "headers");
    transform(&mut exchange.query, plugin, "querystring");
    if let Some(method) = plugin.text("http_method") {
        exchange.method = method.to_uppercase();
    }
}

/// response-transformer
pub fn response(plugin: &Plugin, headers: &mut HeaderMap) {
    transform(headers, plugin, "headers");
}

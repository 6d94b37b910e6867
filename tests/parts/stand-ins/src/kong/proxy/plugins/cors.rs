//! cors: what a browser may do from other origins.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap, VARY,
};
use regex::Regex;

use super::Exchange;
use crate::kong::proxy::reply::{Reply, set, text};
use crate::kong::proxy::snapshot::Plugin;

/// Answers preflights.
pub fn access(exchange: &mut Exchange<'_>, plugin: &Plugin) -> Option<Reply> {
    let asks = |name| exchange.headers.contains_key(name);
    if exchange.method != "OPTIONS" || !asks("origin") || !asks("access-control-request-method") {
        return None;
    }
    if plugin.is("preflight_continue") {
        return None;
    }
    exchange.preflight = true;
    let mut reply = Reply::empty(200);
    origin(exchange, plugin, &mut reply.headers);
    let listed = plugin.texts("headers");
    let headers = match listed.is_empty() {
        true => text(&exchange.headers, "access-control-request-headers").map(str::to_owned),
        false => Some(listed.join(",")),
    };
    if let Some(headers) = headers {
        set(&mut reply.headers, ACCESS_CONTROL_ALLOW_HEADERS, &headers);
    }
    set(&mut reply.headers, ACCESS_CONTROL_ALLOW_METHODS, &plugin.texts("methods").join(","));
    if let Some(seconds) = plugin.number("max_age") {
        set(&mut reply.headers, ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
    }
    Some(reply)
}

/// Says of any other answer who may read it.
pub fn answered(exchange: &Exchange<'_>, plugin: &Plugin, headers: &mut HeaderMap) {
    if exchange.preflight {
        return;
    }
    origin(exchange, plugin, headers);
    let exposed = plugin.texts("exposed_headers");
    if !exposed.is_empty() {
        set(headers, ACCESS_CONTROL_EXPOSE_HEADERS, &exposed.join(","));
    }
}

/// A single plain origin is told to whoever asks, even to another one: so does Kong 3.4.
fn origin(exchange: &Exchange<'_>, plugin: &Plugin, headers: &mut HeaderMap) {
    let given = text(&exchange.headers, "origin");
    let credentials = plugin.is("credentials");
    let origins = plugin.texts("origins");
    let only = (origins.len() == 1).then(|| origins[0].as_str());
    let plain =
        |origin: &str| origin.chars().all(|char| char.is_ascii_alphanumeric() || ".:/-".contains(char));
    let allowed = match only {
        None if origins.is_empty() => Some("*"),
        Some("*") => Some("*"),
        Some(only) if plain(only) => Some(only),
        _ => given.filter(|given| origins.iter().any(|origin| origin == "*" || fits(origin, given))),
    };
    // Credentials can't go with `*`.
    let allowed = if allowed == Some("*") && credentials { given.or(allowed) } else { allowed };
    match allowed {
        Some(allowed) => set(headers, ACCESS_CONTROL_ALLOW_ORIGIN, allowed),
        None => {
            headers.remove(ACCESS_CONTROL_ALLOW_ORIGIN);
        }
    }
    if allowed != Some("*") {
        set(headers, VARY, "Origin");
        if credentials && allowed.is_some() {
            set(headers, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
    }
}

fn fits(origin: &str, given: &str) -> bool {
    origin == given || Regex::new(&format!("^(?:{origin})$")).is_ok_and(|regex| regex.is_match(given))
}

//! A service's `url`, taken apart as Kong does.

use serde_json::{Map, Value};

use crate::stack::decode::At;
use crate::stack::secret::hide_looks;

/// Protocols of a service, of Kong 3.4.2's schema.
const PROTOCOLS: [&str; 8] = ["http", "https", "grpc", "grpcs", "tcp", "tls", "tls_passthrough", "udp"];

/// The fields that a `url` stands for.
pub const FIELDS: [&str; 4] = ["protocol", "host", "port", "path"];

/// `protocol`, `host`, `port` and `path` of a `url`. As Kong: 443 for https and 80 for any other protocol without a port
/// (the default of `port`), no path where none is written, `/` where that is; a query is dropped.
pub fn parts(at: &At<'_>) -> Option<Map<String, Value>> {
    let url = super::names::text(at)?;
    let shown = || super::names::shown(&hide_looks(&url));
    let Some((scheme, rest)) = url.split_once("://") else {
        at.problem(format!("'{}' isn't a URL such as 'http://orders:8080/api'", shown()));
        return None;
    };
    if !PROTOCOLS.contains(&scheme) {
        at.problem(format!("'{}' begins with no protocol that Kong has: {}", shown(), PROTOCOLS.join(", ")));
        return None;
    }
    let (authority, path) = match rest.find(['/', '?', '#', ';']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    let path_end = path.find(['?', '#', ';']).unwrap_or(path.len());
    let (path, dropped) = path.split_at(path_end);
    if !dropped.is_empty() {
        at.warn(format!("Kong drops everything from the '{}' on", &dropped[..1]));
    }
    if authority.contains('@') {
        at.problem("a service has no login: Kong would drop this one; a plugin can set the header (request-transformer)");
        return None;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, digits)) if !digits.contains(']') => (host, Some(digits)),
        _ => (authority, None),
    };
    let port = match port.map(str::parse::<u16>) {
        None => {
            if scheme == "https" {
                443
            } else {
                80
            }
        }
        Some(Ok(port)) => port,
        Some(Err(_)) => {
            at.problem(format!("'{}' has no port from 0 to 65535 after the ':'", shown()));
            return None;
        }
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() {
        at.problem(format!("'{}' has no host; is its variable set?", shown()));
        return None;
    }
    let mut parts = Map::new();
    parts.insert("protocol".to_owned(), scheme.into());
    parts.insert("host".to_owned(), host.into());
    parts.insert("port".to_owned(), port.into());
    if !path.is_empty() {
        parts.insert("path".to_owned(), path.into());
    }
    Some(parts)
}

//! Kong's own checks of single fields, which `/schemas` doesn't tell.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;

use super::{path, tls};

/// Checks a field's value by its place: `services.host`, `routes.paths[]`, `rate-limiting.config`.
pub fn check(place: &str, value: &Value) -> Result<(), String> {
    let text = value.as_str().unwrap_or_default();
    match place {
        "services.name" | "routes.name" | "plugins.instance_name" | "key_sets.name" | "keys.name" => {
            name(text)
        }
        "services.host" => host(text, false),
        "snis.name" | "routes.snis[]" => host(text, true),
        "routes.hosts[]" => host(text.rsplit_once(':').map_or(text, |(host, _)| host), true),
        "services.path" => path::service(text),
        "routes.paths[]" => path::route(text),
        "upstreams.name" => upstream(text),
        "upstreams.host_header" => host(text, false),
        "targets.target" => target(text)
            .map(|_| ())
            .ok_or_else(|| format!("Invalid target ('{text}'); not a valid hostname or ip address")),
        "certificates.cert" | "certificates.cert_alt" | "ca_certificates.cert" => {
            tls::certificate(text).map(|_| ())
        }
        "certificates.key" | "certificates.key_alt" => tls::key(text).map(|_| ()),
        "rate-limiting.config" => limits(value),
        "request-termination.config" => termination(value),
        "cors.config.origins[]" => origin(text),
        "ip-restriction.config.allow[]" | "ip-restriction.config.deny[]" => range(text),
        _ if place.ends_with(".tags[]") && place.matches('.').count() == 1 => tag(text),
        _ if place.ends_with("_endpoint")
            || place.ends_with(".endpoint")
            || place.ends_with(".proxy_url") =>
        {
            url(text)
        }
        _ => Ok(()),
    }
}

fn name(text: &str) -> Result<(), String> {
    let allowed = |char: char| char.is_ascii_alphanumeric() || ".-_~".contains(char) || !char.is_ascii();
    if text.chars().all(allowed) {
        return Ok(());
    }
    Err(format!(
        "invalid value '{text}': the only accepted ascii characters are alphanumerics or ., -, _, and ~"
    ))
}

fn host(text: &str, wildcard: bool) -> Result<(), String> {
    let plain = if wildcard { text.trim_start_matches("*.").trim_end_matches(".*") } else { text };
    if ip(plain).is_some() || is_hostname(plain) { Ok(()) } else { Err(format!("invalid value: {text}")) }
}

fn ip(text: &str) -> Option<IpAddr> {
    text.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn is_hostname(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.trim_end_matches('.').split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.chars().all(|char| char.is_ascii_alphanumeric() || "-_".contains(char))
        })
        // Otherwise it is a broken address.
        && !text.chars().all(|char| char.is_ascii_digit() || char == '.')
}

fn upstream(text: &str) -> Result<(), String> {
    if ip(text).is_some() {
        return Err(format!("Invalid name ('{text}'); no ip addresses allowed"));
    }
    if is_hostname(text) { Ok(()) } else { Err(format!("Invalid name ('{text}'); must be a valid hostname")) }
}

/// A target as Kong keeps it: with a port.
pub fn target(text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(format!("[{address}]:8000"));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, port.parse::<u16>().ok()?),
        _ => (text, 8000),
    };
    (ip(host).is_some() || is_hostname(host)).then(|| format!("{host}:{port}"))
}

fn tag(text: &str) -> Result<(), String> {
    if !text.contains([',', '/']) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(format!(
        "invalid tag '{text}': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"
    ))
}

fn url(text: &str) -> Result<(), String> {
    // A secret's reference is resolved later.
    if text.starts_with("{vault://") {
        return Ok(());
    }
    match text.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default()) {
        Some(authority) if !authority.is_empty() => Ok(()),
        _ => Err("missing host in url".to_owned()),
    }
}

fn origin(text: &str) -> Result<(), String> {
    if text == "*" || fancy_regex::Regex::new(text).is_ok() {
        return Ok(());
    }
    Err(format!("'{text}' is not a valid regex"))
}

fn range(text: &str) -> Result<(), String> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
    let most = match ip(address) {
        Some(IpAddr::V4(_)) => Some(32),
        Some(IpAddr::V6(_)) => Some(128),
        None => None,
    };
    match (most, bits.parse::<u8>()) {
        (Some(most), Ok(bits)) if bits <= most => Ok(()),
        _ => Err(format!("invalid ip or cidr range: '{text}'")),
    }
}

/// A longer period's limit mustn't be lower than a shorter one's.
fn limits(config: &Value) -> Result<(), String> {
    let periods = ["second", "minute", "hour", "day", "month", "year"];
    let set: Vec<(&str, f64)> =
        periods.iter().filter_map(|period| Some((*period, config[*period].as_f64()?))).collect();
    for (index, (long, limit)) in set.iter().enumerate() {
        if let Some((short, more)) = set[..index].iter().find(|(_, shorter)| shorter > limit) {
            return Err(format!(
                "The limit for {long}({limit:.1}) cannot be lower than the limit for {short}({more:.1})"
            ));
        }
    }
    Ok(())
}

fn termination(config: &Value) -> Result<(), String> {
    let set = |name: &str| !config[name].is_null();
    if set("message") && (set("content_type") || set("body")) {
        return Err("message cannot be used with content_type or body".to_owned());
    }
    if set("content_type") && !set("body") {
        return Err("content_type requires a body".to_owned());
    }
    Ok(())
}

/// Whether a text is a public key.
pub fn public_key(value: &Value) -> Result<(), String> {
    match value.as_str().is_some_and(tls::is_public_key) {
        true => Ok(()),
        false => Err("invalid key".to_owned()),
    }
}

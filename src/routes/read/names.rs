//! Names, ids, tags and addresses, by Kong's rules for them.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::routes::{HOST_TAG, OWNER_TAG, PROBE, REPLICA_TAG};
use crate::stack::decode::At;

/// The port that Kong takes for a target that names none.
const TARGET_PORT: u16 = 8000;

/// A text as messages show it: control characters in their escapes, all else as it is.
pub fn shown(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// `a route`, `an upstream`, `an SNI`
pub fn a(one: &str) -> String {
    let vowel =
        ["a", "e", "i", "o", "u", "ACL", "SNI", "HMAC", "OAuth"].iter().any(|start| one.starts_with(start));
    format!("{} {one}", if vowel { "an" } else { "a" })
}

/// A text that must be there as such, and not be empty.
pub fn text(at: &At<'_>) -> Option<String> {
    let text = at.string()?;
    if text.is_empty() {
        at.problem("is empty; is its variable set?");
        return None;
    }
    Some(text)
}

/// A name of a service, a route, a plugin's instance. Kong 3.4.2: "the only accepted ascii characters are alphanumerics
/// or ., -, _, and ~"; letters of other alphabets are fine.
pub fn name(at: &At<'_>) -> Option<String> {
    let name = text(at)?;
    let wrong = name.chars().find(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && !".-_~".contains(*c));
    if let Some(wrong) = wrong {
        let name = shown(&name);
        at.problem(format!(
            "'{name}' can't be a name: it has {wrong:?}, and Kong takes letters, digits, '.', '-', '_' and '~'"
        ));
        return None;
    }
    Some(name.to_owned())
}

/// A host name: an upstream's name, an SNI. Kong refuses addresses in their place.
pub fn host_name(at: &At<'_>, wildcard: bool) -> Option<String> {
    let name = text(at)?;
    let bare = if wildcard { name.trim_start_matches("*.").trim_end_matches(".*") } else { &name };
    if bare.parse::<Ipv4Addr>().is_ok() || bare.parse::<Ipv6Addr>().is_ok() {
        at.problem(format!("'{name}' is an address, and Kong takes a host name here"));
        return None;
    }
    if !is_host_name(bare) {
        let name = shown(&name);
        at.problem(format!("'{name}' isn't a host name: those have letters, digits, '.', '-' and '_'"));
        return None;
    }
    Some(name)
}

fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    !text.is_empty() && text.strip_suffix('.').unwrap_or(text).split('.').all(label)
}

/// An id: a UUID in Kong's spelling.
pub fn id(at: &At<'_>) -> Option<String> {
    let id = text(at)?;
    if !is_id(&id) {
        at.problem(format!("'{}' isn't a UUID, as Kong's ids are", shown(&id)));
        return None;
    }
    Some(id.to_ascii_lowercase())
}

/// Whether this text is an id.
pub fn is_id(text: &str) -> bool {
    let dashes = [8, 13, 18, 23];
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match dashes.contains(&index) {
            true => byte == b'-',
            false => byte.is_ascii_hexdigit(),
        })
}

/// Whether a tag is one that vv sets itself.
pub fn is_own_tag(tag: &str) -> bool {
    tag == PROBE || [OWNER_TAG, REPLICA_TAG, HOST_TAG].iter().any(|start| tag.starts_with(start))
}

/// Tags, each once.
pub fn tags(at: &At<'_>) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for item in at.items() {
        if item.is_null() {
            item.expected("a string");
        }
        let Some(tag) = text(&item) else { continue };
        if tag.contains([',', '/']) || tag.chars().any(|c| c.is_ascii_control()) {
            item.problem(format!("'{}' can't be a tag: Kong takes no ',' and no '/' in one", shown(&tag)));
        } else if is_own_tag(&tag) {
            item.problem(format!("the tag '{tag}' is vv's own, which it sets itself; take it out"));
        } else if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// A target as Kong stores it: with its port. `h` is `h:8000` (recorded of Kong 3.4.2), and an IPv6 address is written
/// out in full, in brackets (by Kong's source).
pub fn target(at: &At<'_>) -> Option<String> {
    let text = text(at)?;
    let wrong = |why: &str| {
        at.problem(format!("'{}' {why}", shown(&text)));
        None
    };
    if text.contains("://") || text.contains('/') {
        return wrong("isn't a target: that is HOST:PORT, without a scheme and a path");
    }
    let (host, port) = match split_port(&text) {
        Ok(parts) => parts,
        Err(port) => {
            return wrong(&format!("has no port from 1 to 65535 after the ':', but '{}'", shown(port)));
        }
    };
    let host = match host.parse::<Ipv6Addr>() {
        Ok(address) => {
            let groups = address.segments().map(|group| format!("{group:04x}"));
            format!("[{}]", groups.join(":"))
        }
        Err(_) if is_host_name(host) => host.to_owned(),
        Err(_) => return wrong("isn't a target: that is HOST:PORT, such as 'orders:8080'"),
    };
    let port = port.unwrap_or_else(|| {
        at.warn(format!("the target '{text}' has no port, and Kong takes {TARGET_PORT} then"));
        TARGET_PORT
    });
    Some(format!("{host}:{port}"))
}

/// The host, without brackets, and the port.
fn split_port(text: &str) -> Result<(&str, Option<u16>), &str> {
    let port = |digits: &str| match digits.parse::<u16>() {
        Ok(port) if port > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(port),
        _ => None,
    };
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return match rest.strip_prefix(':') {
            None if rest.is_empty() => Ok((host, None)),
            None => Err(rest),
            Some(digits) => port(digits).map(|port| (host, Some(port))).ok_or(digits),
        };
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Ok((text, None)),
        Some((host, digits)) => port(digits).map(|port| (host, Some(port))).ok_or(digits),
        None => Ok((text, None)),
    }
}

//! What a list may have once: of entries with the same key the later one stands, at the place of the first.
//!
//! The keys are compose-go's (`override/uncity.go`); `group_add` and `security_opt`, where it refuses what repeats,
//! are treated alike.

use std::collections::HashMap;

use super::findings::Path;
use super::node::{Node, Value};

/// Applies the rule to all lists of a merged document.
pub fn unique(node: &mut Node) {
    walk(node, &mut Path::default());
}

fn walk(node: &mut Node, path: &mut Path) {
    match &mut node.value {
        Value::Mapping(entries) => {
            for (key, entry) in entries {
                walk(&mut entry.node, path.key(key));
                path.up();
            }
        }
        Value::Sequence(items) => {
            if let Some(key_of) = key_of(&path.parts()) {
                let mut kept: Vec<Node> = Vec::with_capacity(items.len());
                let mut places = HashMap::new();
                for item in std::mem::take(items) {
                    match key_of(&item) {
                        None => kept.push(item),
                        Some(key) => match places.get(&key) {
                            Some(&place) => kept[place] = item,
                            None => {
                                places.insert(key, kept.len());
                                kept.push(item);
                            }
                        },
                    }
                }
                *items = kept;
            }
        }
        _ => {}
    }
}

/// What identifies an entry; nothing for one that can't be identified and is left to the model's complaint.
type KeyOf = fn(&Node) -> Option<String>;

fn key_of(path: &[&str]) -> Option<KeyOf> {
    let ["services", _, rest @ ..] = path else { return None };
    Some(match rest {
        ["cap_add" | "cap_drop" | "dns" | "dns_opt" | "dns_search" | "links" | "profiles" | "tmpfs"]
        | ["build", "tags"]
        | ["networks", _, "aliases" | "link_local_ips"] => name,
        ["expose" | "group_add" | "security_opt"] => text,
        ["env_file"] => env_file,
        ["volumes"] => volume,
        ["devices"] => device,
        ["ports"] => port,
        ["configs"] => |node| file_mount(node, ""),
        ["secrets"] => |node| file_mount(node, "/run/secrets"),
        _ => return None,
    })
}

fn text(node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Up to the first `=`.
fn name(node: &Node) -> Option<String> {
    node.as_str().map(|text| text.split('=').next().unwrap_or_default().to_owned())
}

fn field(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(text)
}

fn env_file(node: &Node) -> Option<String> {
    text(node).or_else(|| field(node, "path"))
}

fn volume(node: &Node) -> Option<String> {
    match node.as_str() {
        Some(text) => short_volume(text).map(|volume| volume.target.to_owned()),
        None => field(node, "target"),
    }
}

fn device(node: &Node) -> Option<String> {
    match node.as_str() {
        Some(text) => {
            let mut parts = text.split(':');
            let host = parts.next().unwrap_or_default();
            Some(parts.next().unwrap_or(host).to_owned())
        }
        None => field(node, "target"),
    }
}

fn file_mount(node: &Node, folder: &str) -> Option<String> {
    match text(node) {
        Some(name) => Some(format!("{folder}/{name}")),
        None => field(node, "target").or_else(|| Some(format!("{folder}/{}", field(node, "source")?))),
    }
}

/// The long form's key, also for a short form without ranges; a range is its own text.
fn port(node: &Node) -> Option<String> {
    let key = |host: &str, published: &str, target: &str, protocol: &str| {
        let host = if host.is_empty() { "0.0.0.0" } else { host };
        Some(format!("{host}:{published}:{target}/{protocol}"))
    };
    if node.as_mapping().is_some() {
        let or = |key: &str, default: &str| field(node, key).unwrap_or_else(|| default.into());
        return key(
            &or("host_ip", ""),
            &or("published", ""),
            &field(node, "target")?,
            &or("protocol", "tcp"),
        );
    }
    let text = text(node)?;
    let (address, protocol) = text.rsplit_once('/').unwrap_or((&text, "tcp"));
    if address.contains('-') {
        return Some(text);
    }
    match address.rsplit_once(':') {
        None => key("", "", address, protocol),
        Some((rest, target)) => match rest.rsplit_once(':') {
            None => key("", rest, target, protocol),
            Some((host, published)) => key(host, published, target, protocol),
        },
    }
}

/// The parts of a volume's short form, `[SOURCE:]TARGET[:OPTIONS]`.
#[derive(Debug, PartialEq, Eq)]
pub struct ShortVolume<'a> {
    /// A folder, a file or a volume's name.
    pub source: Option<&'a str>,
    /// In the container.
    pub target: &'a str,
    /// With the colon before it; empty for none.
    pub options: &'a str,
}

/// Takes a volume's short form apart; nothing for one with empty or too many parts. A letter before a colon is a
/// Windows drive.
pub fn short_volume(text: &str) -> Option<ShortVolume<'_>> {
    if (1..=2).contains(&text.len()) {
        return Some(ShortVolume { source: None, target: text, options: "" });
    }
    let (first, rest) = part(text);
    let (second, options) = match rest {
        None => (None, ""),
        Some(rest) => {
            let (second, more) = part(rest);
            let options = more.map_or("", |more| &rest[rest.len() - more.len() - 1..]);
            (Some(second), options)
        }
    };
    let volume = match second {
        None => ShortVolume { source: None, target: first, options: "" },
        Some(target) => ShortVolume { source: Some(first), target, options },
    };
    let empty = first.is_empty() || volume.target.is_empty() || options == ":";
    (!empty && !options.get(1..).unwrap_or_default().contains(':')).then_some(volume)
}

fn part(text: &str) -> (&str, Option<&str>) {
    let drive = text.as_bytes().get(1) == Some(&b':') && text.starts_with(|c: char| c.is_ascii_alphabetic());
    let from = if drive { 2 } else { 0 };
    match text[from..].find(':') {
        Some(colon) => (&text[..from + colon], Some(&text[from + colon + 1..])),
        None => (text, None),
    }
}

/// Whether a short form's source is a path and not a volume's name.
pub fn is_path(source: &str) -> bool {
    source.starts_with(['.', '/', '~'])
        || source.starts_with("\\\\")
        || (source.as_bytes().get(1) == Some(&b':') && source.starts_with(|c: char| c.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_volumes_come_apart() {
        for (text, parts) in [
            ("/data", Some((None, "/data", ""))),
            ("/a", Some((None, "/a", ""))),
            ("db:/data", Some((Some("db"), "/data", ""))),
            ("./x:/data:ro", Some((Some("./x"), "/data", ":ro"))),
            ("./x:/data:ro,z", Some((Some("./x"), "/data", ":ro,z"))),
            ("C:\\x:/data:ro", Some((Some("C:\\x"), "/data", ":ro"))),
            ("", None),
            (":/data", None),
            ("db:", None),
            ("db:/data:", None),
            ("db:/data:ro:x", None),
        ] {
            let found = short_volume(text).map(|volume| (volume.source, volume.target, volume.options));
            assert_eq!(found, parts, "{text}");
        }
    }
}

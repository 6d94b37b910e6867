//! The keys of a file that begin with `_`: its version, and what holds for all of it.

use std::collections::BTreeMap;

use super::names;
use super::shape;
use crate::routes::kind::{KNOWN, Kind};
use crate::stack::decode::{At, Keys, Sink};
use crate::stack::node::{Entry, Node, Value};

/// What holds for the whole file.
#[derive(Debug, Default)]
pub struct Header<'a> {
    /// From before Kong 3: paths that look like a regex are one.
    pub is_old: bool,
    /// `_transform: false`
    pub hashed: bool,
    /// `_info.select_tags`
    pub select_tags: Vec<String>,
    /// `_info.defaults`, by type.
    pub defaults: BTreeMap<Kind, &'a Node>,
}

/// `_format_version`, newest first.
const VERSIONS: [&str; 3] = ["3.0", "2.1", "1.1"];
const INFO: Keys = Keys::strict(&["select_tags", "defaults", "default_lookup_tags"]);
const KNOWN_KEYS: [&str; 5] = ["_format_version", "_transform", "_info", "_comment", "_ignore"];

/// Reads them. `as_is`: Kong reads the file itself.
pub fn read<'a>(root: &At<'a>, entries: &[Pair<'a>], as_is: bool) -> Header<'a> {
    let mut header = Header::default();
    let version = entries.iter().find(|pair| pair.key == "_format_version");
    match version {
        Some(pair) => header.is_old = version_of(&pair.at).is_some_and(|version| version != VERSIONS[0]),
        None => root.problem("'_format_version' is missing; write '_format_version: \"3.0\"'"),
    }
    for pair in entries.iter().filter(|pair| pair.key.starts_with('_')) {
        match pair.key {
            "_format_version" => {}
            "_transform" => header.hashed = pair.at.boolean() == Some(false),
            "_comment" | "_ignore" => remark(pair),
            "_info" if as_is => pair.unknown("Kong reads this file itself, and knows no '_info'"),
            "_info" => info(&pair.at, &mut header),
            "_workspace" if pair.at.node.as_str() == Some("default") => {}
            "_workspace" => pair.unknown("vv works in the default workspace, and no other"),
            "_konnect" => pair.unknown("vv works on a gateway's own Admin API, not on Konnect"),
            "_plugin_configs" => {
                pair.unknown("only decK knows it; a YAML anchor does the same, and may stand in '_ignore: [&name {…}]'");
            }
            key => pair.unknown(match shape::typo(key, KNOWN_KEYS.into_iter()) {
                Some(near) => format!("unknown key; did you mean '{near}'?"),
                None => "unknown key, which Kong refuses too".to_owned(),
            }),
        }
    }
    header
}

fn version_of(at: &At<'_>) -> Option<&'static str> {
    let Some(text) = at.node.as_str() else {
        let found = at.node.kind();
        at.problem(format!(
            "expected a string, found {found}; write '_format_version: \"3.0\"', with the quotes"
        ));
        return None;
    };
    let known = VERSIONS.into_iter().find(|version| *version == text);
    if known.is_none() {
        at.problem(format!("'{text}' isn't one of '3.0', '2.1', '1.1'"));
    }
    known
}

/// `_comment` and `_ignore`, which may stand in every entity: Kong has them checked and drops them.
pub fn remark(pair: &Pair<'_>) {
    match (pair.key, &pair.at.node.value) {
        ("_comment", Value::String(_) | Value::Null) | ("_ignore", Value::Sequence(_) | Value::Null) => {}
        ("_comment", _) => pair.at.expected("a string"),
        _ => pair.at.expected("a list"),
    }
}

fn info<'a>(at: &At<'a>, header: &mut Header<'a>) {
    let Some(fields) = at.fields(INFO) else { return };
    if let Some(tags) = fields.get("select_tags") {
        header.select_tags = names::tags(&tags);
    }
    if let Some(at) = fields.get("default_lookup_tags") {
        at.warn("only decK knows it; what isn't declared here is looked up by its name or id");
    }
    for (key, at) in fields.get("defaults").map(|at| at.entries()).unwrap_or_default() {
        let kind = KNOWN.iter().find(|facts| facts.name == key || shape::one_field(facts.name) == key);
        match kind {
            Some(facts) if at.is_mapping() => {
                header.defaults.insert(Kind::of(facts.name), at.node);
            }
            Some(_) => at.expected("a mapping of fields"),
            None => at.problem(
                "no type of entity has this name; expected 'service', 'route', 'upstream', 'target', …",
            ),
        }
    }
}

/// An entry of a mapping.
pub struct Pair<'a> {
    /// Its key.
    pub key: &'a str,
    /// The entry.
    pub entry: &'a Entry,
    /// Its value.
    pub at: At<'a>,
    sink: &'a Sink,
}

impl<'a> Pair<'a> {
    /// The entries of a mapping.
    pub fn all(at: &At<'a>, sink: &'a Sink) -> Vec<Self> {
        let Some(entries) = at.node.as_mapping() else { return Vec::new() };
        let pairs = at.entries().into_iter().zip(entries.values());
        pairs.map(|((key, at), entry)| Self { key, entry, at, sink }).collect()
    }

    /// Notes that the key doesn't belong here.
    pub fn unknown(&self, message: impl Into<String>) {
        self.sink.problem(&self.entry.key, &self.at.path, message.into());
    }
}

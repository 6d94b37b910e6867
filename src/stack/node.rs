//! A YAML document in which every value and key knows its place in the text.

use indexmap::IndexMap;

use super::problem::Mark;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub mark: Mark,
    /// Compose's merge tags.
    pub tag: MergeTag,
}

/// What merging does with a node (Compose's `!reset` and `!override`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MergeTag {
    /// Merge as usual.
    #[default]
    None,
    /// Remove what was there.
    Reset,
    /// Replace instead of merging.
    Override,
}

/// A YAML value. Mappings keep their order and have string keys only (Compose's have no others); `<<` merge keys
/// and aliases are already resolved.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false` (YAML 1.2's core schema).
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number with a fraction or exponent, with the text it was written as.
    Float(f64, String),
    /// Text.
    String(String),
    /// `[…]`
    Sequence(Vec<Node>),
    /// `{…}`
    Mapping(IndexMap<String, Entry>),
}

/// An entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key: Mark,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The entry's value, when this is a mapping that has the key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Mapping(entries) => entries.get(key).map(|entry| &entry.node),
            _ => None,
        }
    }

    /// The entries, when this is a mapping.
    pub fn as_mapping(&self) -> Option<&IndexMap<String, Entry>> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The text, when this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// `a mapping`, `a list`, `a string`, … for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(..) => "a number",
            Value::String(_) => "a string",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

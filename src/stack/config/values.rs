//! Building YAML mappings in a fixed order.

use std::collections::BTreeMap;

use serde_yaml::{Mapping, Number, Value};

use crate::stack::merged::VALUE_KEY;
use crate::stack::node::{self, Node};

/// What the document is written as. Compose leaves out of its YAML what is empty. Its JSON has a structure that is
/// part of another one though nothing is in it, and `null` for a command that isn't there (compose-go's `types`: Go's
/// `encoding/json` knows no empty structure, and the two commands aren't `omitempty`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Yaml,
    Json,
}

/// A mapping that is being written.
#[derive(Default)]
pub(super) struct Block(Mapping);

impl Block {
    /// A key with this value.
    pub fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.into(), value.into());
    }

    /// A key, when there is a value.
    pub fn option(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// A key, when it's true.
    pub fn flag(&mut self, key: &str, value: bool) {
        if value {
            self.put(key, true);
        }
    }

    /// A key with a list or mapping, unless that is empty.
    pub fn filled(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        let empty = match &value {
            Value::Sequence(items) => items.is_empty(),
            Value::Mapping(entries) => entries.is_empty(),
            _ => false,
        };
        if !empty {
            self.put(key, value);
        }
    }

    /// A key with a mapping, which is there in JSON though nothing is in it.
    pub fn structure(&mut self, key: &str, value: impl Into<Value>, form: Form) {
        match form {
            Form::Yaml => self.filled(key, value),
            Form::Json => self.put(key, value),
        }
    }

    /// A command, which is there in JSON though the file has none.
    pub fn command(&mut self, key: &str, words: Option<&[String]>, form: Form) {
        match words {
            Some(words) => self.put(key, list(words)),
            None if form == Form::Json => self.put(key, Value::Null),
            None => {}
        }
    }

    /// A key with a mapping of named things, sorted, unless there are none.
    pub fn section<'k>(&mut self, key: &str, entries: impl Iterator<Item = (&'k String, Value)>) {
        let sorted: BTreeMap<&String, Value> = entries.collect();
        let mapping: Mapping =
            sorted.into_iter().map(|(key, value)| (Value::from(key.as_str()), value)).collect();
        self.filled(key, mapping);
    }

    /// The mapping.
    pub fn into_mapping(self) -> Mapping {
        self.0
    }

    /// The `x-*` keys of a mapping of the text, sorted.
    pub fn extensions(&mut self, source: &Node) {
        let entries = source.as_mapping().into_iter().flatten();
        let sorted: BTreeMap<&String, &Node> = entries
            .filter(|(key, _)| key.starts_with("x-") && *key != VALUE_KEY)
            .map(|(key, entry)| (key, &entry.node))
            .collect();
        for (key, node) in sorted {
            self.put(key, in_order(from_node(node)));
        }
    }
}

/// With all keys in their order, as Compose has what it knows nothing of.
fn in_order(value: Value) -> Value {
    match value {
        Value::Mapping(entries) => {
            let entries: BTreeMap<String, Value> = entries
                .into_iter()
                .filter_map(|(key, value)| Some((key.as_str()?.to_owned(), in_order(value))))
                .collect();
            entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect::<Mapping>().into()
        }
        Value::Sequence(items) => Value::Sequence(items.into_iter().map(in_order).collect()),
        value => value,
    }
}

impl From<Block> for Value {
    fn from(block: Block) -> Self {
        Value::Mapping(block.0)
    }
}

/// A mapping of strings.
pub(super) fn strings(map: &BTreeMap<String, String>) -> Mapping {
    map.iter().map(|(key, value)| (Value::from(key.as_str()), Value::from(value.as_str()))).collect()
}

/// A list of strings.
pub(super) fn list<T: AsRef<str>>(items: &[T]) -> Value {
    Value::Sequence(items.iter().map(|item| Value::from(item.as_ref())).collect())
}

/// A part of the text as it stands.
pub(super) fn from_node(node: &Node) -> Value {
    match &node.value {
        node::Value::Null => Value::Null,
        node::Value::Bool(value) => (*value).into(),
        node::Value::Int(value) => (*value).into(),
        node::Value::Float(value, _) => Value::Number(Number::from(*value)),
        node::Value::String(text) => text.as_str().into(),
        node::Value::Sequence(items) => Value::Sequence(items.iter().map(from_node).collect()),
        node::Value::Mapping(entries) => entries
            .iter()
            .map(|(key, entry)| (Value::from(key.as_str()), from_node(&entry.node)))
            .collect::<Mapping>()
            .into(),
    }
}

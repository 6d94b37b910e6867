//! A small typed layer over [`Node`]: reads values, remembers where they stand, and collects everything that is
//! wrong instead of stopping at the first problem.
//!
//! A reader returns `None` for what it couldn't read, after noting why; `null` counts as not being there.

mod fields;
mod sink;
mod values;

pub use fields::{Fields, Keys};
pub use sink::Sink;
pub use values::json;

use super::node::{Entry, Node, Value};
use super::problem::{Mark, Problem};

/// A value in the document, and the way to it.
#[derive(Clone)]
pub struct At<'a> {
    /// The value.
    pub node: &'a Node,
    /// `services.kong.ports[1]`
    pub path: String,
    sink: &'a Sink,
}

impl<'a> At<'a> {
    /// The document itself.
    pub fn root(node: &'a Node, sink: &'a Sink) -> Self {
        Self { node, path: String::new(), sink }
    }

    /// Where the value stands.
    pub fn mark(&self) -> &'a Mark {
        &self.node.mark
    }

    /// Notes that something is wrong with this value.
    pub fn problem(&self, message: impl Into<String>) {
        self.sink.problem(self.mark(), &self.path, message.into());
    }

    /// Notes something that is wrong only when the service that is being read takes part.
    pub fn problem_when_active(&self, message: impl Into<String>) {
        self.sink.problem_when_active(self.mark(), &self.path, message.into());
    }

    /// Passes problems of another text on, which are wrong only when the service that is being read takes part.
    pub fn pass_on_when_active(&self, problems: impl IntoIterator<Item = Problem>) {
        self.sink.pass_on_when_active(problems);
    }

    /// Notes something worth saying about this value.
    pub fn warn(&self, message: impl Into<String>) {
        self.sink.warn(self.mark(), &self.path, message.into());
    }

    /// `expected a list, found a string`
    pub fn expected(&self, what: &str) {
        let found = self.node.kind();
        let quotes = what.ends_with("a string") && matches!(found, "an integer" | "a number" | "a boolean");
        let hint = if quotes { "; put it in quotes" } else { "" };
        self.problem(format!("expected {what}, found {found}{hint}"));
    }

    /// Whether this is `null` (or nothing at all after the colon).
    pub fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Null)
    }

    /// Whether this is a string.
    pub fn is_text(&self) -> bool {
        matches!(self.node.value, Value::String(_))
    }

    /// Whether this is a mapping.
    pub fn is_mapping(&self) -> bool {
        matches!(self.node.value, Value::Mapping(_))
    }

    /// Whether this is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.node.value, Value::Sequence(_))
    }

    /// How many items or entries there are.
    pub fn len(&self) -> usize {
        match &self.node.value {
            Value::Sequence(items) => items.len(),
            Value::Mapping(entries) => entries.len(),
            _ => 0,
        }
    }

    /// The value of a key of this mapping.
    fn below(&self, key: &str, node: &'a Node) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { node, path, sink: self.sink }
    }

    /// The items of a list; none of a null.
    pub fn items(&self) -> Vec<At<'a>> {
        match &self.node.value {
            Value::Sequence(items) => self.indexed(items),
            Value::Null => Vec::new(),
            _ => {
                self.expected("a list");
                Vec::new()
            }
        }
    }

    fn indexed(&self, items: &'a [Node]) -> Vec<At<'a>> {
        let at = |(index, node)| At { node, path: format!("{}[{index}]", self.path), sink: self.sink };
        items.iter().enumerate().map(at).collect()
    }

    /// The entries of a mapping whose keys are the user's own; none of a null.
    pub fn entries(&self) -> Vec<(&'a str, At<'a>)> {
        match &self.node.value {
            Value::Mapping(entries) => {
                entries.iter().map(|(key, entry)| (key.as_str(), self.below(key, &entry.node))).collect()
            }
            Value::Null => Vec::new(),
            _ => {
                self.expected("a mapping");
                Vec::new()
            }
        }
    }

    /// The entries of a mapping of named things (services, networks, …): as [`At::entries`], without `x-*`, and
    /// with names that Compose allows.
    pub fn named(&self) -> Vec<(&'a str, At<'a>)> {
        let mut entries = self.entries();
        entries.retain(|(name, at)| {
            if name.starts_with("x-") {
                return false;
            }
            let valid =
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
            if !valid {
                let key = self.key_mark(name).unwrap_or(at.mark());
                self.sink.problem(
                    key,
                    &at.path,
                    "a name is made of letters, digits, '.', '_' and '-'".into(),
                );
            }
            valid
        });
        entries
    }

    fn key_mark(&self, key: &str) -> Option<&'a Mark> {
        self.node.as_mapping().and_then(|entries| entries.get(key)).map(|entry: &Entry| &entry.key)
    }
}

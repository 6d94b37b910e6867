//! How much a stack may grow to.

use super::node::{Node, Value};

/// How much may be built in one load. Aliases and `extends` copy what they name, and a few lines of aliases of
/// aliases would otherwise fill any memory.
#[derive(Debug, Clone, Copy)]
pub struct Budget(usize);

/// What a value weighs beside its text, in bytes, measured on the generous side.
pub(super) const NODE_WEIGHT: usize = 256;

impl Default for Budget {
    /// Some 200,000 values, below 100 MB.
    fn default() -> Self {
        Self(48 << 20)
    }
}

impl Budget {
    /// For a document of this many bytes of its own: whoever writes a long one may have more.
    pub fn of_text(bytes: usize) -> Self {
        // `minute: 100` with its indentation is two values.
        Self(Self::default().0.saturating_add(bytes.saturating_mul(64)))
    }

    /// Takes this much; false when it isn't there.
    #[must_use]
    pub fn take(&mut self, weight: usize) -> bool {
        let enough = self.0 >= weight;
        self.0 = if enough { self.0 - weight } else { 0 };
        enough
    }

    /// Whether more was asked for than there was: the load has failed, and there is no use in going on.
    pub fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

/// What a node and all below it weigh.
pub fn weight(node: &Node) -> usize {
    NODE_WEIGHT
        + match &node.value {
            Value::String(text) | Value::Float(_, text) => text.len(),
            Value::Sequence(items) => items.iter().map(weight).sum(),
            Value::Mapping(entries) => {
                entries.iter().map(|(key, entry)| key.len() + weight(&entry.node)).sum()
            }
            Value::Null | Value::Bool(_) | Value::Int(_) => 0,
        }
}

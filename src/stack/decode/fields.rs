//! Mappings whose keys are known: everything else is an error with a suggestion.

use indexmap::IndexMap;

use super::At;
use crate::failure::nearest;
use crate::stack::node::Entry;

/// The keys of a mapping.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keys {
    /// Those that are read.
    pub read: &'static [&'static str],
    /// Those that Compose knows and that change nothing of a container: accepted.
    pub ignored: &'static [&'static str],
    /// Those that Compose knows and vv can't do yet: an error, never silence.
    pub unsupported: &'static [&'static str],
    /// Whether `x-*` may stand here.
    pub extensions: bool,
}

impl Keys {
    /// Keys of the Compose format that are all read; `x-*` is left alone.
    pub const fn compose(read: &'static [&'static str]) -> Self {
        Self { read, ignored: &[], unsupported: &[], extensions: true }
    }

    /// Keys below `x-vv`: these and no others.
    pub const fn strict(read: &'static [&'static str]) -> Self {
        Self { read, ignored: &[], unsupported: &[], extensions: false }
    }

    fn all(&self) -> impl Iterator<Item = &'static str> {
        [self.read, self.ignored, self.unsupported].into_iter().flatten().copied()
    }
}

/// A mapping with known keys.
pub struct Fields<'a> {
    at: At<'a>,
    entries: &'a IndexMap<String, Entry>,
    keys: Keys,
}

impl<'a> At<'a> {
    /// This mapping, after noting the keys that don't belong here; nothing for a null.
    pub fn fields(&self, keys: Keys) -> Option<Fields<'a>> {
        if self.is_null() {
            return None;
        }
        let Some(entries) = self.node.as_mapping() else {
            self.expected("a mapping");
            return None;
        };
        for (key, entry) in entries {
            let key = key.as_str();
            if keys.read.contains(&key)
                || keys.ignored.contains(&key)
                || (keys.extensions && key.starts_with("x-"))
            {
                continue;
            }
            let at = self.below(key, &entry.node);
            let message = if keys.unsupported.contains(&key) {
                // `gpus:` with nothing after it asks for nothing.
                if at.is_null() {
                    continue;
                }
                "not supported yet".to_owned()
            } else {
                unknown(key, keys)
            };
            self.sink.problem(&entry.key, &at.path, message);
        }
        Some(Fields { at: self.clone(), entries, keys })
    }
}

fn unknown(key: &str, keys: Keys) -> String {
    match nearest(key, keys.all()) {
        Some(near) => format!("unknown key; did you mean '{near}'?"),
        None => "unknown key".to_owned(),
    }
}

impl<'a> Fields<'a> {
    /// The mapping itself.
    pub fn at(&self) -> &At<'a> {
        &self.at
    }

    /// The value of a key; nothing when that is null or not there.
    pub fn get(&self, key: &str) -> Option<At<'a>> {
        debug_assert!(self.keys.all().any(|known| known == key), "{key} isn't in the table");
        self.entries.get(key).map(|entry| self.at.below(key, &entry.node)).filter(|at| !at.is_null())
    }

    /// The value of a key that must be there.
    pub fn required(&self, key: &str) -> Option<At<'a>> {
        let found = self.get(key);
        if found.is_none() {
            self.at.problem(format!("'{key}' is missing"));
        }
        found
    }

    /// A string.
    pub fn string(&self, key: &str) -> Option<String> {
        self.get(key)?.string()
    }

    /// A boolean; false when it isn't there.
    pub fn flag(&self, key: &str) -> bool {
        self.get(key).and_then(|at| at.boolean()).unwrap_or(false)
    }

    /// A list of strings; empty when it isn't there.
    pub fn strings(&self, key: &str) -> Vec<String> {
        self.get(key).map(|at| at.strings()).unwrap_or_default()
    }

    /// The keys among `choices` that are there (and not null), in the order of `choices`.
    pub fn which(&self, choices: &[&'static str]) -> Vec<&'static str> {
        choices.iter().copied().filter(|key| self.get(key).is_some()).collect()
    }
}

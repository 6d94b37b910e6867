//! Typed leaves. What was interpolated is a string, so numbers and booleans are taken from strings too.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use indexmap::IndexMap;

use super::At;
use crate::failure::nearest;
use crate::stack::node::{Node, Value};
use crate::stack::scalar::text_of;
use crate::stack::units;

impl<'a> At<'a> {
    /// A string.
    pub fn string(&self) -> Option<String> {
        match &self.node.value {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            _ => {
                self.expected("a string");
                None
            }
        }
    }

    /// A string that isn't empty.
    pub fn text(&self) -> Option<String> {
        let text = self.string()?;
        if text.is_empty() {
            self.problem("is empty");
            return None;
        }
        Some(text)
    }

    /// A string, or a number or boolean as text.
    pub fn scalar(&self) -> Option<String> {
        let text = text_of(&self.node.value);
        if text.is_none() && !self.is_null() {
            self.expected("a string");
        }
        text
    }

    /// A string, or a number as text.
    pub fn string_or_number(&self) -> Option<String> {
        match self.node.value {
            Value::Int(_) | Value::Float(..) => self.scalar(),
            _ => self.string(),
        }
    }

    /// A boolean, in the words that Compose takes for one.
    pub fn boolean(&self) -> Option<bool> {
        match &self.node.value {
            Value::Bool(value) => Some(*value),
            Value::Null => None,
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "1" | "t" | "true" | "y" | "yes" | "on" => Some(true),
                "0" | "f" | "false" | "n" | "no" | "off" => Some(false),
                _ => self.invalid("true or false", text),
            },
            _ => {
                self.expected("true or false");
                None
            }
        }
    }

    /// An integer that fits.
    pub fn integer<T: TryFrom<i64>>(&self) -> Option<T> {
        let number = match &self.node.value {
            Value::Int(number) => *number,
            Value::Null => return None,
            Value::String(text) => match units::integer(text) {
                Some(number) => number,
                None => return self.invalid("an integer", text),
            },
            _ => {
                self.expected("an integer");
                return None;
            }
        };
        let fits = T::try_from(number).ok();
        if fits.is_none() {
            self.problem(format!("{number} is out of range"));
        }
        fits
    }

    /// A number.
    pub fn number(&self) -> Option<f64> {
        let number = match &self.node.value {
            Value::Int(number) => *number as f64,
            Value::Float(number, _) => *number,
            Value::Null => return None,
            Value::String(text) => match text.trim().parse() {
                Ok(number) => number,
                Err(_) => return self.invalid("a number", text),
            },
            _ => {
                self.expected("a number");
                return None;
            }
        };
        if !number.is_finite() || number < 0.0 {
            self.problem("expected a number of zero or more");
            return None;
        }
        Some(number)
    }

    /// A port of a container: 1 to 65535.
    pub fn port(&self) -> Option<u16> {
        let port = self.integer::<i64>()?;
        match u16::try_from(port) {
            Ok(port) if port > 0 => Some(port),
            _ => {
                self.problem(format!("{port} isn't a port: those are 1 to 65535"));
                None
            }
        }
    }

    /// An amount of memory, in bytes: `1.5gb`, `512m`, `1024`.
    pub fn bytes(&self) -> Option<u64> {
        match &self.node.value {
            Value::Int(number) if *number >= 0 => Some(number.unsigned_abs()),
            Value::Null => None,
            Value::String(text) => match units::bytes(text) {
                Some(bytes) => Some(bytes),
                None => self.invalid("an amount such as '512m' or '1.5gb'", text),
            },
            _ => {
                self.expected("an amount such as '512m' or '1.5gb'");
                None
            }
        }
    }

    /// A duration: `1m30s`.
    pub fn duration(&self) -> Option<Duration> {
        match &self.node.value {
            Value::Null => None,
            Value::String(text) => match units::duration(text) {
                Some(duration) => Some(duration),
                None => self.invalid("a duration such as '1m30s'", text),
            },
            _ => {
                self.expected("a duration such as '1m30s'");
                None
            }
        }
    }

    /// One of these words, by what it stands for.
    pub fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.string()?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let list = words.iter().map(|(word, _)| format!("'{word}'")).collect::<Vec<_>>().join(", ");
            let near = nearest(&text, words.iter().map(|(word, _)| *word));
            let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
            self.problem(format!("'{text}' isn't one of {list}{hint}"));
        }
        found
    }

    /// A list of names, or a mapping from names to more about each: every name with where it stands.
    pub fn names(&self) -> Vec<(String, At<'a>)> {
        if self.is_list() {
            return self.items().into_iter().filter_map(|at| Some((at.text()?, at))).collect();
        }
        if !self.is_mapping() && !self.is_null() {
            self.expected("a list or a mapping");
            return Vec::new();
        }
        self.entries().into_iter().map(|(name, at)| (name.to_owned(), at)).collect()
    }

    /// A list of strings.
    pub fn strings(&self) -> Vec<String> {
        self.items().iter().filter_map(At::string).collect()
    }

    /// A list of strings or numbers.
    pub fn strings_or_numbers(&self) -> Vec<String> {
        self.items().iter().filter_map(At::string_or_number).collect()
    }

    /// A string, or a list of strings.
    pub fn string_or_strings(&self) -> Vec<String> {
        if self.is_text() { self.string().into_iter().collect() } else { self.strings() }
    }

    /// A mapping of scalars, or a list of `KEY=value`; a value that isn't there is `None`. Of two entries for a key
    /// the later counts.
    pub fn pairs(&self) -> IndexMap<String, Option<String>> {
        if self.is_list() {
            let split = |text: String| match text.split_once('=') {
                Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
                None => (text, None),
            };
            return self.items().iter().filter_map(At::string).map(split).collect();
        }
        if !self.is_mapping() && !self.is_null() {
            self.expected("a mapping or a list");
            return IndexMap::new();
        }
        self.entries().into_iter().map(|(key, at)| (key.to_owned(), at.scalar())).collect()
    }

    /// Labels and options: as [`At::pairs`], where no value is an empty one.
    pub fn labels(&self) -> BTreeMap<String, String> {
        self.pairs().into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect()
    }

    /// Options of a driver: a mapping of strings or numbers.
    pub fn options(&self) -> BTreeMap<String, String> {
        self.entries()
            .into_iter()
            .filter_map(|(key, at)| {
                let text = if at.is_null() { Some(String::new()) } else { at.string_or_number() };
                Some((key.to_owned(), text?))
            })
            .collect()
    }

    /// The value as JSON.
    pub fn json(&self) -> serde_json::Value {
        json(self.node)
    }

    fn invalid<T>(&self, wanted: &str, found: impl Display) -> Option<T> {
        self.problem(format!("expected {wanted}, found '{found}'"));
        None
    }
}

/// A node as JSON; numbers that JSON doesn't have (`.nan`) become their text.
pub fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value, text) => match serde_json::Number::from_f64(*value) {
            Some(number) => number.into(),
            None => text.clone().into(),
        },
        Value::String(text) => text.clone().into(),
        Value::Sequence(items) => items.iter().map(json).collect(),
        Value::Mapping(entries) => entries
            .iter()
            .map(|(key, entry)| (key.clone(), json(&entry.node)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

//! YAML as people write it: short lists in one line, long texts as blocks, quotes where they are needed.
//!
//! Written here and not by a crate: what needs quotes depends on how vv itself reads plain scalars, and comments and
//! short lists are what no crate for serde writes.

use crate::stack::node;
use crate::stack::scalar;

/// A value to write.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// A number, a boolean, null: as it stands.
    Plain(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Yaml>),
    /// Entries in their order.
    Map(Vec<(String, Yaml)>),
    /// The same, and never in one line.
    Block(Vec<(String, Yaml)>),
}

/// Lists and mappings of scalars stay in one line up to this many characters.
const SHORT: usize = 80;

impl From<&serde_json::Value> for Yaml {
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Plain("null".to_owned()),
            Value::Bool(flag) => Self::Plain(flag.to_string()),
            // Lua's numbers are all floats: 5.0 is 5.
            Value::Number(number) => Self::Plain(match (number.as_i64(), number.as_f64()) {
                (None, Some(float)) if float.fract() == 0.0 && float.abs() < 9e15 => format!("{float:.0}"),
                _ => number.to_string(),
            }),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(map) => {
                Self::Map(map.iter().map(|(key, value)| (key.clone(), Self::from(value))).collect())
            }
        }
    }
}

impl Yaml {
    /// Writes it as a document's entries from this column on, each line ended.
    pub fn write(&self, indent: usize, out: &mut String) {
        match self {
            Self::Map(entries) | Self::Block(entries) if !entries.is_empty() => {
                for (key, value) in entries {
                    out.push_str(&" ".repeat(indent));
                    out.push_str(&text(key));
                    out.push(':');
                    value.write_behind(indent, out);
                }
            }
            Self::List(items) if !items.is_empty() => {
                for item in items {
                    out.push_str(&" ".repeat(indent));
                    out.push('-');
                    item.write_item(indent, out);
                }
            }
            scalar => {
                out.push_str(&" ".repeat(indent));
                out.push_str(&scalar.flow());
                out.push('\n');
            }
        }
    }

    /// What stands behind a key of this column.
    fn write_behind(&self, indent: usize, out: &mut String) {
        match self {
            Self::Text(text) if is_block(text) => block(text, indent + 2, out),
            Self::Map(entries) | Self::Block(entries) if !entries.is_empty() && !self.is_short(indent) => {
                out.push('\n');
                self.write(indent + 2, out);
            }
            Self::List(items) if !items.is_empty() && !self.is_short(indent) => {
                out.push('\n');
                self.write(indent + 2, out);
            }
            short => {
                out.push(' ');
                out.push_str(&short.flow());
                out.push('\n');
            }
        }
    }

    /// What stands behind the dash of this column.
    fn write_item(&self, indent: usize, out: &mut String) {
        match self {
            Self::Map(entries) | Self::Block(entries) if !entries.is_empty() && !self.is_short(indent) => {
                let mut inner = String::new();
                self.write(indent + 2, &mut inner);
                out.push(' ');
                out.push_str(inner.trim_start_matches(' '));
            }
            Self::List(items) if !items.is_empty() && !self.is_short(indent) => {
                out.push('\n');
                self.write(indent + 2, out);
            }
            other => other.write_behind(indent, out),
        }
    }

    /// Whether it fits in one line, and is plain enough to be read there.
    fn is_short(&self, indent: usize) -> bool {
        let is_scalar = |value: &Self| match value {
            Self::Plain(_) => true,
            Self::Text(text) => !is_block(text),
            Self::List(items) => items.is_empty(),
            Self::Map(entries) | Self::Block(entries) => entries.is_empty(),
        };
        let flat = match self {
            Self::List(items) => items.iter().all(is_scalar),
            Self::Map(entries) => entries.iter().all(|(_, value)| is_scalar(value)),
            Self::Block(_) => false,
            _ => true,
        };
        flat && indent + self.flow().chars().count() <= SHORT
    }

    /// In one line.
    fn flow(&self) -> String {
        match self {
            Self::Plain(plain) => plain.clone(),
            Self::Text(value) => text(value),
            Self::List(items) => format!("[{}]", items.iter().map(Self::flow).collect::<Vec<_>>().join(", ")),
            Self::Map(entries) | Self::Block(entries) => {
                let entry = |(key, value): &(String, Self)| format!("{}: {}", text(key), value.flow());
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// A text, quoted where it would be read as something else.
fn text(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let printable = |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    if text.chars().all(|c| printable(c) && c != '\'') {
        return format!("'{text}'");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if printable(c) => quoted.push(c),
            c => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
        }
    }
    quoted + "\""
}

/// Whether a text reads back as itself without quotes, also in a list or mapping in one line.
fn is_plain(text: &str) -> bool {
    let safe = |c: char| c.is_alphanumeric() || "_./+~^$()*\\-;@ ".contains(c);
    let starts = text.starts_with(|c: char| c.is_alphanumeric() || "_./^$(\\".contains(c));
    // `orders:8080`, `http://orders`
    let has_letter = text.chars().any(|c| c.is_ascii_alphabetic());
    let colon_is_inside = |(at, _): (usize, &str)| {
        has_letter && text[at + 1..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
    };
    starts
        && !text.ends_with(' ')
        && text.chars().all(|c| safe(c) || c == ':')
        && text.match_indices(':').all(colon_is_inside)
        && matches!(scalar::plain(text), node::Value::String(_))
        // What readers of YAML 1.1, as Kong's, take for a boolean or a number of base 60.
        && !matches!(text.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off")
}

/// Whether a text is better read in lines of its own.
fn is_block(text: &str) -> bool {
    let lines_are_plain = text.lines().all(|line| {
        !line.starts_with([' ', '\t'])
            && !line.ends_with(' ')
            && line.chars().all(|c| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'))
    });
    // Exactly one line end, or none, is what `|` and `|-` say.
    text.trim_end().contains('\n')
        && !text.starts_with('\n')
        && !text.ends_with("\n\n")
        && !text.contains('\r')
        && lines_are_plain
}

fn block(text: &str, indent: usize, out: &mut String) {
    out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
    for line in text.lines() {
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::stack::decode::json as read_json;
    use crate::stack::read;

    fn written(value: &Value) -> String {
        let mut out = String::new();
        Yaml::from(value).write(0, &mut out);
        out
    }

    fn read_back(text: &str) -> Value {
        let source = read::source("x.yml", text.as_bytes().to_vec()).unwrap();
        let documents =
            read::read_documents(&source).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
        read_json(&documents[0])
    }

    #[test]
    fn what_people_would_write() {
        let value = json!({
            "name": "orders", "paths": ["/orders", "~/o/\\d+$"], "tags": [], "on": "off", "n": "5", "m": 5.0,
            "pem": "-----BEGIN X-----\nAAAA\n-----END X-----\n", "two": "a\nb", "empty": "", "config": {},
            "deep": {"list": [{"a": 1, "b": null}, {"a": {"b": [1, 2]}}], "text": "it's: #5"},
            "long": ["GET, HEAD and more of it", "a long text that fills the line", "and another one, to be sure"],
        });
        insta::assert_snapshot!(written(&value));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_is_written_reads_back(value in values()) {
            prop_assert_eq!(read_back(&written(&value)), value);
        }
    }

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[-~0-9a-fxoyn_.:#{}\\[\\],&*!|>'\"%@` $\\\\]{0,8}",
            "([ a-z:#-]{0,5}\n){0,4}[a-z]{0,2}",
            Just("null".to_owned()),
            Just("0x1F".to_owned()),
            Just("1_000".to_owned()),
            Just("yes".to_owned()),
        ]
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            texts().prop_map(Value::String),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
        ];
        let inner = leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::btree_map(texts(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        });
        // A document is a mapping.
        prop::collection::btree_map("[a-z]{1,4}", inner, 1..4)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    }
}

//! Writing YAML the way Compose's own writer (go-yaml v3) does: the same indentation, and quotes around what another
//! reader could take for a boolean, a number or a date. `serde_yaml` writes `off` and `10:10` bare, which readers
//! of YAML 1.1 take for `false` and 610.

use serde_yaml::{Mapping, Value};

use crate::stack::node;
use crate::stack::scalar;

/// A mapping as a document.
pub(super) fn document(root: &Mapping) -> String {
    let mut text = String::new();
    mapping(root, 0, &mut text);
    text
}

fn mapping(entries: &Mapping, indent: usize, out: &mut String) {
    for (index, (key, value)) in entries.iter().enumerate() {
        // The first entry of an item of a list stands beside its dash.
        if index > 0 || !out.ends_with("- ") {
            pad(indent, out);
        }
        let key = key.as_str().unwrap_or_default();
        match key.contains('\n') {
            true => out.push_str(&double_quoted(key)),
            false => out.push_str(&line(key)),
        }
        out.push(':');
        below(value, indent, out);
    }
}

fn sequence(items: &[Value], indent: usize, out: &mut String) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 || !out.ends_with("- ") {
            pad(indent, out);
        }
        out.push('-');
        match item {
            Value::Mapping(entries) if !entries.is_empty() => {
                out.push(' ');
                mapping(entries, indent + 2, out);
            }
            Value::Sequence(items) if !items.is_empty() => {
                out.push(' ');
                sequence(items, indent + 2, out);
            }
            item => below(item, indent, out),
        }
    }
}

/// What follows a key or a dash.
fn below(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Mapping(entries) if !entries.is_empty() => {
            out.push('\n');
            mapping(entries, indent + 2, out);
        }
        Value::Sequence(items) if !items.is_empty() => {
            out.push('\n');
            sequence(items, indent + 2, out);
        }
        Value::String(text) if text.contains('\n') && literal_is_safe(text) => literal(text, indent + 2, out),
        value => {
            out.push(' ');
            out.push_str(&scalar_text(value));
            out.push('\n');
        }
    }
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => integer.to_string(),
            (None, Some(float)) => scalar::text_of(&node::Value::Float(float, String::new()))
                .unwrap_or_else(|| number.to_string()),
            _ => number.to_string(),
        },
        Value::String(text) => line(text),
        Value::Mapping(_) => "{}".into(),
        Value::Sequence(_) => "[]".into(),
        Value::Null | Value::Tagged(_) => "null".into(),
    }
}

/// A string on one line.
fn line(text: &str) -> String {
    if ambiguous(text) {
        return double_quoted(text);
    }
    if text.chars().any(|c| !printable(c)) {
        return double_quoted(text);
    }
    if plain_is_safe(text) { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// Whether bare text means something else than itself to some reader of YAML.
fn ambiguous(text: &str) -> bool {
    let word =
        matches!(text.to_ascii_lowercase().as_str(), "y" | "yes" | "n" | "no" | "on" | "off" | "<<" | "");
    word || !matches!(scalar::plain(text), node::Value::String(_)) || base_60(text) || date(text)
}

/// `10:10`, which YAML 1.1 takes for 610.
fn base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit() || c == '_');
    let first =
        parts.next().is_some_and(|part| part.starts_with(|c: char| c.is_ascii_digit()) && digits(part));
    let mut rest = parts.peekable();
    let some = rest.peek().is_some();
    let sixty = |part: &str| part.parse::<u8>().is_ok_and(|number| number < 60) && part.len() <= 2;
    first && some && rest.all(sixty) && digits(fraction)
}

/// `2026-03-31`, alone or with a time after it.
fn date(text: &str) -> bool {
    let day = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let digits = |part: &str, lengths: &[usize]| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    match day.split('-').collect::<Vec<_>>()[..] {
        [year, month, day] => digits(year, &[4]) && digits(month, &[1, 2]) && digits(day, &[1, 2]),
        _ => false,
    }
}

fn plain_is_safe(text: &str) -> bool {
    let starts_well = !text.starts_with([
        '#', ',', '[', ']', '{', '}', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', ' ', '-', '?', ':',
    ]) || (text.starts_with(['-', '?', ':'])
        && !matches!(text.chars().nth(1), None | Some(' ' | '\t')));
    starts_well
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text.ends_with([' ', '\t', ':'])
        && !text.contains(": ")
        && !text.contains(":\t")
        && !text.contains(" #")
        && !text.contains('\t')
}

/// Whether a text of several lines can stand as it is below a `|`.
fn literal_is_safe(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || printable(c))
        && !text.starts_with([' ', '\t', '\n'])
        && text.lines().all(|line| !line.ends_with([' ', '\t']))
        && !text.trim_end_matches('\n').is_empty()
}

fn literal(text: &str, indent: usize, out: &mut String) {
    let body = text.trim_end_matches('\n');
    let chomping = match text.len() - body.len() {
        0 => "-",
        1 => "",
        _ => "+",
    };
    out.push_str(" |");
    out.push_str(chomping);
    out.push('\n');
    let lines = if chomping == "+" { &text[..text.len() - 1] } else { body };
    for line in lines.split('\n') {
        if !line.is_empty() {
            pad(indent, out);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn printable(c: char) -> bool {
    c == '\t'
        || (!c.is_control() && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}'))
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if printable(c) => quoted.push(c),
            c if (c as u32) < 0x100 => quoted.push_str(&format!("\\x{:02X}", c as u32)),
            c => quoted.push_str(&format!("\\u{:04X}", c as u32)),
        }
    }
    quoted.push('"');
    quoted
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::stack::config::values::from_node;
    use crate::stack::problem::Source;
    use crate::stack::read::read_documents;

    const STRINGS: &[&str] = &[
        "",
        " ",
        "a",
        "a b",
        " a",
        "a ",
        "a: b",
        "a:",
        ":a",
        "a #b",
        "a#b",
        "#a",
        "- a",
        "-",
        "-a",
        "--x",
        "---",
        "? a",
        "?a",
        "?",
        ":",
        "[a]",
        "{a}",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "'a'",
        "\"a\"",
        "it's",
        "%a",
        "@a",
        "`a`",
        "yes",
        "No",
        "on",
        "OFF",
        "y",
        "n",
        "true",
        "null",
        "~",
        "1",
        "-1",
        "1.5",
        "0x1f",
        "017",
        "1e3",
        "10:10",
        "1:2:3.5",
        "99:99",
        "2026-03-31",
        "2026-3-1",
        "12:00",
        ".",
        "...",
        "<<",
        "=",
        "a\tb",
        "\ta",
        "a\nb",
        "a\nb\n",
        "a\nb\n\n",
        "\na",
        " a\nb",
        "a \nb",
        "\n",
        "a\r\nb",
        "a\u{1}b",
        "\u{7f}",
        "ü",
        "\u{feff}a",
        "\u{2028}",
        "a\n\nb",
        "a\n  b\n c",
        "$HOME",
        "a,b",
        "a\\b",
        "a\n# b",
        "key: |\n  x\n",
        "\u{85}",
        "🦀",
        ",",
        "a]",
        "a: ",
        "x:y",
    ];

    #[test]
    fn every_string_reads_back_as_itself() {
        for text in STRINGS {
            for value in [Value::from(*text), Value::Sequence(vec![Value::from(*text), Value::from("z")])] {
                let inner: Mapping = [(Value::from("v"), value)].into_iter().collect();
                let items =
                    Value::Sequence(vec![Value::Mapping(inner.clone()), Value::Sequence(vec![inner.into()])]);
                let root: Mapping =
                    [(Value::from(*text), items), (Value::from("last"), Value::Null)].into_iter().collect();
                let written = document(&root);
                let source = Arc::new(Source { name: "t".into(), text: written.clone() });
                let read = read_documents(&source)
                    .unwrap_or_else(|problems| panic!("{text:?}: {problems:?}\n{written}"));
                assert_eq!(from_node(&read[0]), Value::Mapping(root), "{text:?}\n{written}");
                let other: Value =
                    serde_yaml::from_str(&written).unwrap_or_else(|e| panic!("{text:?}: {e}\n{written}"));
                assert_eq!(other, from_node(&read[0]), "{text:?}\n{written}");
            }
        }
    }

    #[test]
    fn looks_as_compose_writes_it() {
        let text = r#"{a: {b: [1, "x", {c: d, e: [f]}, [g, h]], i: {}, j: [], k: ~}, l: "two\nlines\n", m: 2.0, n: "10:10", o: "`q`"}"#;
        let root: Mapping = serde_yaml::from_str(text).unwrap();
        insta::assert_snapshot!(document(&root), @r#"
        a:
          b:
            - 1
            - x
            - c: d
              e:
                - f
            - - g
              - h
          i: {}
          j: []
          k: null
        l: |
          two
          lines
        m: 2
        "n": "10:10"
        o: '`q`'
        "#);
    }
}

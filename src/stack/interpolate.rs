//! Fills variables into a document's strings. Keys stay as they are, and so does what the variables' values hold.

use super::findings::{Findings, Path};
use super::merged::Env;
use super::node::{Node, Value};
use super::port_offset::{self, PortOffset};
use super::problem::Mark;
use super::template::{self, Scope};

/// Interpolates every string of a document, whatever quotes it has.
///
/// A scalar that changes stays a string, even where the schema wants a number: the typed model reads both. Published
/// ports stay without `offset`; what the document says of them elsewhere moves, unless it never heard of vv and there is
/// no offset to add.
pub fn interpolate(node: &mut Node, env: &Env, offset: Option<&PortOffset>, findings: &mut Findings) {
    walk(node, env, offset, &mut Path::default(), findings);
}

fn walk(node: &mut Node, env: &Env, offset: Option<&PortOffset>, path: &mut Path, findings: &mut Findings) {
    match &mut node.value {
        Value::String(text) if text.contains('$') => {
            let lookup = |name: &str| env.get(name).map(str::to_owned);
            let unmoved = PortOffset::default();
            let moved = offset.filter(|_| !port_offset::is_published(&path.parts())).unwrap_or(&unmoved);
            match template::substitute(text, &Scope { lookup: &lookup, offset: moved }) {
                Ok(filled) => {
                    for (name, offset) in &filled.unset {
                        findings.unset(name, &place(&node.mark, text, *offset));
                    }
                    if let ["services", _, "image"] = path.parts()[..] {
                        findings.images.note(&node.mark, &filled);
                    }
                    if offset.is_some() {
                        findings.ports.note(&path.parts(), &filled);
                    }
                    *text = filled.text;
                }
                Err(error) => {
                    let mark = place(&node.mark, text, error.offset);
                    findings.problem(Some(mark), path, error.message);
                }
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(item, env, offset, path.item(index), findings);
                path.up();
            }
        }
        Value::Mapping(entries) => {
            for (key, entry) in entries {
                walk(&mut entry.node, env, offset, path.key(key), findings);
                path.up();
            }
        }
        _ => {}
    }
}

/// The place of the variable at this byte of a scalar's value.
///
/// Quotes, escapes, folding and indentation make the value differ from what is written, so the variable is looked
/// up in the text: as many occurrences after the scalar's start as come before it in the value.
pub fn place(scalar: &Mark, value: &str, offset: usize) -> Mark {
    let variable = value.get(offset..).unwrap_or_default();
    let head_length = variable
        .char_indices()
        .skip(1)
        .find(|(_, char)| !(char.is_ascii_alphanumeric() || matches!(char, '_' | '{')))
        .map_or(variable.len(), |(index, _)| index);
    let head = &variable[..head_length];
    let before = value.get(..offset).unwrap_or_default().matches(head).count();
    let text = &scalar.source.text;
    let Some(start) = byte_at(text, scalar.line, scalar.column) else { return scalar.clone() };
    match text[start..].match_indices(head).nth(before) {
        Some((found, _)) => mark_at(scalar, start + found),
        None => scalar.clone(),
    }
}

fn byte_at(text: &str, line: usize, column: usize) -> Option<usize> {
    let start = match line {
        1 => 0,
        _ => text.match_indices('\n').nth(line - 2)?.0 + 1,
    };
    let within = text[start..].char_indices().nth(column - 1).map_or(text.len() - start, |(index, _)| index);
    Some(start + within)
}

fn mark_at(scalar: &Mark, byte: usize) -> Mark {
    let before = &scalar.source.text[..byte];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    Mark { source: scalar.source.clone(), line, column }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::read;

    fn run(text: &str, env: &[(&str, &str)]) -> (Node, Findings) {
        let source = read::source("c.yaml", text.as_bytes().to_vec()).unwrap();
        let mut node = read::read_documents(&source).unwrap().remove(0);
        let env = Env(env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect());
        let mut findings = Findings::default();
        interpolate(&mut node, &env, None, &mut findings);
        (node, findings)
    }

    #[test]
    fn strings_are_filled_and_keys_are_not() {
        let text = "a: $X\n\"$X\": ['${X}', \"${X}\", 1, {b: |\n  x${X}}]\n";
        let text = text.replace("{b: |\n  x${X}}", "{b: x$X}");
        let (node, findings) = run(&text, &[("X", "5")]);
        assert_eq!(node.get("a").and_then(Node::as_str), Some("5"));
        let Value::Sequence(items) = &node.get("$X").unwrap().value else { panic!("no list") };
        assert_eq!(items[0].as_str(), Some("5"));
        assert_eq!(items[2].value, Value::Int(1));
        assert_eq!(items[3].get("b").and_then(Node::as_str), Some("x5"));
        assert!(findings.problems.is_empty() && findings.warnings.is_empty());
    }

    #[test]
    fn places_are_those_of_the_variable() {
        let text = "a: >\n  one ${A}\n  two ${A} ${B:?no}\nb: \"\\t${A}${C!}\"\nc: ['$A', 'x${D']\n";
        let (_, findings) = run(text, &[]);
        let problems: Vec<String> = findings.problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(problems.join("\n"), @r"
        c.yaml:3:12: a: the variable 'B' must be set: no
        c.yaml:4:11: b: '${C' must be followed by '}', ':-', '-', ':?', '?', ':+' or '+'; write '$$' for a plain '$'
        c.yaml:5:13: c[1]: '${' is never closed; write '$$' for a plain '$'
        ");
        insta::assert_snapshot!(findings.warnings.join("\n"), @"c.yaml:5:6: the variable 'A' is not set and becomes an empty text");
    }

    #[test]
    fn unset_variables_are_said_once_and_values_never() {
        let (_, findings) = run("a: $A $B\nb: $A\nc: ${C:-}\n", &[("B", "secret")]);
        assert_eq!(findings.warnings, ["c.yaml:1:4: the variable 'A' is not set and becomes an empty text"]);
    }
}

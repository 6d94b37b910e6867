//! Compose's `.env` files.
//!
//! Own code, since Compose's rules (compose-go's `dotenv` package) aren't those of the crates for it: `NAME: value`,
//! `NAME` alone taking its value from outside, Compose's full `${…}` substitution with the outside winning over
//! earlier lines, double quotes over several lines, octal escapes.

use std::sync::Arc;

use indexmap::IndexMap;

use super::findings::Findings;
use super::port_offset::PortOffset;
use super::problem::{Mark, Problem, Source};
use super::template::{self, Scope};

/// The variables of an env file, in its order.
///
/// `lookup` is the outside: it wins in substitutions, and gives a line with only a name its value; without one there
/// such a line is left out. Fails with every wrong line.
pub fn parse(
    source: &Arc<Source>,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<IndexMap<String, String>, Vec<Problem>> {
    let mut variables = IndexMap::new();
    let mut findings = Findings::default();
    parse_into(source, lookup, &mut variables, &mut findings);
    match findings.problems.is_empty() {
        true => Ok(variables),
        false => Err(findings.problems),
    }
}

/// Reads on top of what earlier files said.
pub fn parse_into(
    source: &Arc<Source>,
    lookup: &dyn Fn(&str) -> Option<String>,
    variables: &mut IndexMap<String, String>,
    findings: &mut Findings,
) {
    let mut lines = Lines { source, rest: &source.text };
    while lines.skip_to_statement() {
        let start = lines.offset();
        match lines.statement(lookup, variables) {
            Ok(Statement { name, value: Some(value) }) => {
                for (unset, offset) in &value.unset {
                    findings.unset(unset, &lines.mark(start + offset));
                }
                variables.insert(name.to_owned(), value.text);
            }
            Ok(Statement { name, value: None }) => {
                if let Some(value) = lookup(name) {
                    variables.insert(name.to_owned(), value);
                }
            }
            Err((offset, message)) => {
                findings.problem(Some(lines.mark(offset)), "", message);
                lines.skip_line();
            }
        }
    }
}

struct Statement<'a> {
    name: &'a str,
    /// Nothing for a line with only a name.
    value: Option<template::Substituted>,
}

/// A place in the text, as a byte, and what is wrong there.
type Wrong = (usize, String);

struct Lines<'a> {
    source: &'a Arc<Source>,
    rest: &'a str,
}

impl<'a> Lines<'a> {
    fn offset(&self) -> usize {
        self.source.text.len() - self.rest.len()
    }

    fn mark(&self, offset: usize) -> Mark {
        let before = self.source.text.get(..offset).unwrap_or(&self.source.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        Mark { source: without_values(self.source), line, column }
    }

    /// Past blanks and comments; false at the end.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            self.rest = self.rest.trim_start();
            match self.rest.starts_with('#') {
                true => self.skip_line(),
                false => return !self.rest.is_empty(),
            }
        }
    }

    fn skip_line(&mut self) {
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
    }

    fn statement(
        &mut self,
        lookup: &dyn Fn(&str) -> Option<String>,
        variables: &IndexMap<String, String>,
    ) -> Result<Statement<'a>, Wrong> {
        if let Some(rest) = self.rest.strip_prefix("export")
            && rest.starts_with(char::is_whitespace)
        {
            self.rest = rest.trim_start_matches(is_blank);
        }
        let (name, has_value) = self.name()?;
        if !has_value {
            return Ok(Statement { name, value: None });
        }
        self.rest = self.rest.trim_start_matches(is_blank);
        let start = self.offset();
        let known = |name: &str| lookup(name).or_else(|| variables.get(name).cloned());
        let substitute = |text: &str| {
            template::substitute(text, &Scope { lookup: &known, offset: &PortOffset::default() })
                .map_err(|error| (start + error.offset, error.message))
        };
        let value = match self.rest.chars().next() {
            Some('\'') => template::Substituted { text: self.quoted('\'')?, ..Default::default() },
            Some('"') => substitute(&unescape(&self.quoted('"')?))?,
            _ => {
                let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
                let value = line.split_once(" #").map_or(line, |(value, _)| value).trim_end();
                let filled = substitute(value)?;
                self.rest = rest;
                filled
            }
        };
        Ok(Statement { name, value: Some(value) })
    }

    /// The name, and whether a value follows it.
    fn name(&mut self) -> Result<(&'a str, bool), Wrong> {
        let start = self.offset();
        let end = self.rest.find(['=', ':', '\n']).unwrap_or(self.rest.len());
        let name = self.rest[..end].trim_end();
        let allowed = |char: char| char.is_alphanumeric() || matches!(char, '_' | '.' | '-' | '[' | ']');
        if let Some((at, char)) = name.char_indices().find(|(_, char)| !allowed(*char)) {
            let message = match char {
                char if is_blank(char) => "a variable's name can't have a space in it".to_owned(),
                char => format!("{char:?} can't be in a variable's name; a line is NAME=value"),
            };
            return Err((start + at, message));
        }
        if name.is_empty() {
            return Err((start, "a variable's name is missing before this".into()));
        }
        let has_value = matches!(self.rest[end..].chars().next(), Some('=' | ':'));
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        Ok((name, has_value))
    }

    /// A quoted text without its quotes; only the quote itself is unescaped.
    fn quoted(&mut self, quote: char) -> Result<String, Wrong> {
        let mut text = String::new();
        let mut escaped = false;
        for (index, char) in self.rest.char_indices().skip(1) {
            match char {
                _ if char == quote && !escaped => {
                    self.rest = &self.rest[index + 1..];
                    return Ok(text);
                }
                _ if char == quote => text.push(char),
                '\\' if !escaped => {
                    escaped = true;
                    continue;
                }
                _ => {
                    if escaped {
                        text.push('\\');
                    }
                    text.push(char);
                }
            }
            escaped = false;
        }
        Err((self.offset(), "this quote is never closed".into()))
    }
}

/// The text as error messages may show it: an env file's values are secrets.
fn without_values(source: &Source) -> Arc<Source> {
    let lines = source.text.lines().map(|line| match line.find(['=', ':']) {
        Some(end) if line.len() > end + 1 => format!("{}…", &line[..=end]),
        Some(_) => line.to_owned(),
        // May well be the second line of a quoted key.
        None if !line.trim_start().starts_with('#') => "…".to_owned(),
        None => line.to_owned(),
    });
    Arc::new(Source { name: source.name.clone(), text: lines.collect::<Vec<_>>().join("\n") })
}

/// A space that doesn't end the line, as Compose sees it.
fn is_blank(char: char) -> bool {
    matches!(char, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// Double-quoted text's escapes; `\$` becomes `$$`, which substitution reads as a plain `$`.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let mut length = 1;
        match after.chars().next() {
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\u{b}'),
            Some('$') => out.push_str("$$"),
            Some('"') => out.push('"'),
            Some('\\') => out.push('\\'),
            Some('0') => {
                let digits: String = after[1..].chars().take(3).take_while(char::is_ascii_digit).collect();
                length += digits.len();
                match (digits.len(), u8::from_str_radix(&digits, 8)) {
                    (3, Ok(byte)) => out.push(char::from(byte)),
                    _ => {
                        out.push('\\');
                        out.push_str(&digits);
                    }
                }
            }
            _ => {
                out.push('\\');
                length = 0;
            }
        }
        rest = &after[length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::read;

    fn variables(text: &str) -> Result<Vec<(String, String)>, String> {
        let source = read::source(".env", text.as_bytes().to_vec()).unwrap();
        let lookup = |name: &str| match name {
            "OUTSIDE" => Some("out".to_string()),
            "BOTH" => Some("out".to_string()),
            _ => None,
        };
        match parse(&source, &lookup) {
            Ok(variables) => Ok(variables.into_iter().collect()),
            Err(problems) => {
                let excerpts: Vec<String> = problems.iter().flat_map(Problem::excerpt).collect();
                assert!(excerpts.iter().all(|line| !line.contains("hunter2")), "{excerpts:?}");
                Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            }
        }
    }

    #[test]
    fn lines_mean_what_compose_takes_them_for() {
        for (text, wanted) in [
            ("", vec![]),
            ("# only a comment", vec![]),
            ("A=1", vec![("A", "1")]),
            ("\u{feff}A=1\r\nB=2\r\n", vec![("A", "1"), ("B", "2")]),
            ("A = 1 \n", vec![("A", "1")]),
            ("export A=1\n\texport\tB=2", vec![("A", "1"), ("B", "2")]),
            ("exported=1", vec![("exported", "1")]),
            ("A: 1", vec![("A", "1")]),
            ("A=", vec![("A", "")]),
            ("A=1 # comment", vec![("A", "1")]),
            ("A=1#no comment", vec![("A", "1#no comment")]),
            ("A= #x", vec![("A", "#x")]),
            ("A='1 # 2' # comment\nB=2", vec![("A", "1 # 2"), ("B", "2")]),
            ("A=\"1 # 2\"\nB=2", vec![("A", "1 # 2"), ("B", "2")]),
            ("A='it\\'s $A \\n'", vec![("A", "it's $A \\n")]),
            ("A=\"say \\\"hi\\\" \\n\\t\\\\ \\$A \\x\"", vec![("A", "say \"hi\" \n\t\\ $A \\x")]),
            ("A=\"\\0101\\01\"", vec![("A", "A\\1")]),
            ("A=\"one\ntwo\"\nB='x\ny'", vec![("A", "one\ntwo"), ("B", "x\ny")]),
            ("A=a\\nb", vec![("A", "a\\nb")]),
            ("A=x=y:z", vec![("A", "x=y:z")]),
            ("A=1\nA=2", vec![("A", "2")]),
            ("A=1\nB=$A-${A}-${C:-d}", vec![("A", "1"), ("B", "1-1-d")]),
            ("BOTH=in\nB=$BOTH", vec![("BOTH", "in"), ("B", "out")]),
            ("B=${LATER}\nLATER=1", vec![("B", ""), ("LATER", "1")]),
            ("A=$$x", vec![("A", "$x")]),
            ("OUTSIDE\nNOWHERE\n", vec![("OUTSIDE", "out")]),
            ("OUTSIDE", vec![("OUTSIDE", "out")]),
            ("a.b-c[0]=1\n1A=2\nÄ=3", vec![("a.b-c[0]", "1"), ("1A", "2"), ("Ä", "3")]),
        ] {
            let wanted: Vec<(String, String)> =
                wanted.into_iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            assert_eq!(variables(text), Ok(wanted), "{text:?}");
        }
    }

    #[test]
    fn wrong_lines_are_all_named_without_their_values() {
        let text = "A B=hunter2\nC!=hunter2\n=hunter2\nOK=1\nD=${X:?give X}\nE=${hunter2\nF=\"hunter2\n";
        insta::assert_snapshot!(variables(text).unwrap_err(), @r"
        .env:1:2: a variable's name can't have a space in it
        .env:2:2: '!' can't be in a variable's name; a line is NAME=value
        .env:3:1: a variable's name is missing before this
        .env:5:3: the variable 'X' must be set: give X
        .env:6:3: '${' is never closed; write '$$' for a plain '$'
        .env:7:3: this quote is never closed
        ");
    }
}

//! A YAML syntax error, told so that a person can mend it.

use std::sync::Arc;

use saphyr_parser::ScanError;

use super::problem::{Mark, Problem, Source};

/// The parser's error with its place and, where the cause can be guessed, what to do.
pub fn problem(source: &Arc<Source>, error: &ScanError, path: String) -> Problem {
    let marker = error.marker();
    let (line, column) = (marker.line().max(1), marker.col() + 1);
    let mark = Mark { source: Arc::clone(source), line, column };
    let text = source.text.lines().nth(line - 1).unwrap_or("");
    let info = error.info();
    let message = match hint(info, text, column) {
        Some(hint) => format!("not valid YAML: {info}; {hint}"),
        None => format!("not valid YAML: {info}"),
    };
    Problem { mark: Some(mark), path, message }
}

fn hint(info: &str, line: &str, column: usize) -> Option<String> {
    let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
    if indent.contains('\t') || info.contains("tab") {
        return Some("YAML is indented with spaces, never with tabs".into());
    }
    if info.contains("unknown anchor") {
        let name: String = line
            .chars()
            .skip(column - 1)
            .skip_while(|c| *c == '*')
            .take_while(|c| !c.is_whitespace() && !",[]{}".contains(*c))
            .collect();
        return Some(format!("'*{name}' needs an '&{name}' before it"));
    }
    if info.contains("mapping values are not allowed") {
        return Some(
            "quote a value that has ': ' in it, and check that this line is indented like its neighbours"
                .into(),
        );
    }
    if info.contains("simple key expect") {
        return Some("check this line and the one before: a key needs a ':' and a space behind it".into());
    }
    if info.contains("quoted scalar") && info.contains("end of stream") {
        return Some("a quote is opened and never closed".into());
    }
    if info.contains("did not find expected key") || info.contains("expected '-' indicator") {
        return Some("check that this line is indented like its neighbours".into());
    }
    if info.contains("unexpected character: `%'") || info.contains("unexpected character: `@'") {
        return Some("put the value in quotes".into());
    }
    None
}

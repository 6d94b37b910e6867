//! Paths of routes: plain, or a regex after `~`.

use regex_syntax::ast::{ErrorKind, parse::Parser};

use crate::stack::decode::At;

/// Checks a path of a route, and returns what Kong holds for it. `is_old`: of a file from before Kong 3.
pub fn path(at: &At<'_>, is_old: bool) -> Option<String> {
    let written = super::names::text(at)?;
    let path = if is_old { migrated(&written) } else { written };
    let shown = super::names::shown(&path);
    if let Some(regex) = path.strip_prefix('~') {
        if !regex.starts_with('/') {
            at.problem(format!("'{shown}' is to begin with '~/'"));
            return None;
        }
        check(at, regex);
        return Some(path);
    }
    if !path.starts_with('/') {
        at.problem(format!("'{shown}' is to begin with '/', or with '~/' where it is a regex"));
        return None;
    }
    if path.contains("//") {
        at.problem(format!("'{shown}' has an empty segment ('//'), which Kong refuses"));
        return None;
    }
    if looks_like_regex(&path) {
        at.warn(format!(
            "'{shown}' looks like a regex, and Kong takes it as it stands; a regex is '~{shown}'"
        ));
    }
    Some(path)
}

/// A regex must be one to Kong's schema (PCRE) as well as to its router (Rust's, unless its flavor is `traditional`).
fn check(at: &At<'_>, regex: &str) {
    let Err(error) = Parser::new().parse(regex) else { return };
    let shown = super::names::shown(regex);
    match error.kind() {
        ErrorKind::GroupUnclosed
        | ErrorKind::GroupUnopened
        | ErrorKind::ClassUnclosed
        | ErrorKind::ClassRangeInvalid
        | ErrorKind::EscapeUnexpectedEof
        | ErrorKind::RepetitionMissing => at.problem(format!("'{shown}' isn't a regex: {}", error.kind())),
        kind => at
            .warn(format!("'{shown}': {kind}; Kong's router takes it only with router_flavor 'traditional'")),
    }
}

fn looks_like_regex(path: &str) -> bool {
    path.contains(['\\', '(', '[', '{', '*', '|', '^', '$', '?'])
        || [".+", "/+"].iter().any(|part| path.contains(part))
}

/// What Kong 3 makes of a path of an older file when it loads it: what has other characters than those of plain paths
/// was a regex (recorded of Kong 3.4.2: `/a/\d+` becomes `~/a/\d+`); percent codes of ordinary characters are read a
/// last time.
fn migrated(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_~/%".contains(c);
    if path.starts_with("~/") {
        return path.to_owned();
    }
    match path.chars().all(plain) {
        true => normalised(&decoded(path, false)),
        false => format!("~{}", decoded(path, true)),
    }
}

/// Without percent codes of characters that mean nothing in a URL; the others in capitals. In a regex, what means
/// something there is escaped.
fn decoded(path: &str, is_regex: bool) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.filter(|_| first == b'%').and_then(|code| u8::from_str_radix(code, 16).ok());
        let Some(byte) = byte else {
            bytes.push(first);
            rest = after;
            continue;
        };
        if b"!#$%&'()*+,/:;=?@[]".contains(&byte) {
            bytes.extend(rest[..3].to_ascii_uppercase());
        } else {
            if is_regex && b".^-{}\\|".contains(&byte) {
                bytes.push(b'\\');
            }
            bytes.push(byte);
        }
        rest = &after[2..];
    }
    // Bytes that are no text stay in their codes.
    String::from_utf8(bytes).unwrap_or_else(|_| path.to_owned())
}

/// Without `.` and `..` and empty segments.
fn normalised(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let is_folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    let end = if is_folder && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

//! What in a document must never be shown, and how a text is covered before a line of it may be shown.

use std::sync::{Arc, LazyLock};

use regex::Regex;

use crate::stack::node::{Node, Value};
use crate::stack::problem::{LoadError, Source};
use crate::stack::scalar::text_of;
use crate::stack::secret::{HIDDEN, Secrecy, is_secret_name, is_secret_text, logins_in, secrecy};

/// Shorter ones can't be told from ordinary words in a message.
const SHORTEST: usize = 4;
/// Last words of names of what only speaks of a secret: `key_names`, `token_claim`.
const ABOUT: [&str; 7] = ["NAME", "NAMES", "CLAIM", "CLAIMS", "HEADER", "HEADERS", "BASE64"];
/// Last words of names of secrets that would say nothing elsewhere.
const LIKELY: [&str; 5] = ["KEY", "AUTH", "AUTHORIZATION", "DSN", "SALT"];

/// A line that has a secret after a name, in a text that couldn't be read.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:key|key_alt|jwk|[A-Za-z_-]*(?:secret|password|token|private_key))["']?[ \t]*:[ \t]*"#)
        .expect("proof: the pattern is compiled in this file's tests")
});

/// The secrets of a document: fields that are secret by their name, private keys, logins in URLs; and what variables
/// gave whose names say so.
pub fn of(root: Option<&Node>, filled: &[(String, String)]) -> Vec<String> {
    let mut secrets = Vec::new();
    if let Some(root) = root {
        walk(root, "", "", &mut secrets);
    }
    let named = filled.iter().filter(|(name, value)| is_secret_name(name) && !value.is_empty());
    secrets.extend(named.map(|(_, value)| value.clone()));
    secrets.sort();
    secrets.dedup();
    secrets
}

/// `key`: of this value; `list`: of the nearest list around it.
fn walk(node: &Node, key: &str, list: &str, secrets: &mut Vec<String>) {
    match &node.value {
        Value::Mapping(entries) => {
            for (key, entry) in entries {
                walk(&entry.node, key, list, secrets);
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| walk(item, key, key, secrets)),
        value => {
            let Some(text) = text_of(value).filter(|text| !text.is_empty()) else { return };
            // A reference to a vault is none.
            let is_open = text.starts_with("{vault://") || matches!(value, Value::Bool(_));
            if !is_open && (is_secret_field(key, list) || text.contains("PRIVATE KEY-----")) {
                // `Bearer …`
                let token =
                    text.split_once(' ').filter(|(scheme, _)| scheme.chars().all(char::is_alphabetic));
                secrets.extend(token.map(|(_, token)| token.trim().to_owned()));
                secrets.push(text);
            } else if matches!(value, Value::String(_)) {
                secrets.extend(logins_in(&text).into_iter().map(str::to_owned));
            }
        }
    }
}

/// Whether a text has a secret in it, and not just the name of one: `http://me:password@host`, `Authorization: Basic …`.
pub fn carries_secret(text: &str) -> bool {
    text.contains([':', '=']) && is_secret_text(text)
}

/// Whether a field holds a secret, by its name; `list`: of the list of entities that it stands in.
pub fn is_secret_field(key: &str, list: &str) -> bool {
    match key {
        // What a token's issuer is called, and no secret.
        "key" => list != "jwt_secrets",
        "key_alt" | "jwk" => true,
        _ => {
            let last = key.rsplit(['_', '-', '.']).next().unwrap_or(key).to_ascii_uppercase();
            let is_sure = secrecy(key) == Some(Secrecy::Sure);
            !ABOUT.contains(&last.as_str())
                && (is_sure || is_secret_name(key) && LIKELY.contains(&last.as_str()))
        }
    }
}

/// The problems of a document without its secrets, in their messages and in the lines that may be shown with them.
pub fn cover(error: LoadError, secrets: &[String]) -> LoadError {
    let mut sources: Vec<(Arc<Source>, Arc<Source>)> = Vec::new();
    let problems = error.problems.into_iter().map(|mut problem| {
        problem.message = hide(&problem.message, secrets);
        problem.path = hide(&problem.path, secrets);
        if let Some(mark) = &mut problem.mark {
            let known =
                sources.iter().find(|(from, _)| Arc::ptr_eq(from, &mark.source)).map(|(_, to)| to.clone());
            let covered = known.unwrap_or_else(|| {
                let text = covered(&mark.source.text, secrets);
                let source = Arc::new(Source { name: mark.source.name.clone(), text });
                sources.push((mark.source.clone(), source.clone()));
                source
            });
            mark.source = covered;
        }
        problem
    });
    LoadError { problems: problems.collect() }
}

/// A message without the secrets.
pub fn hide(message: &str, secrets: &[String]) -> String {
    let mut message = message.to_owned();
    for part in parts(secrets) {
        if message.contains(part) {
            message = message.replace(part, HIDDEN);
        }
    }
    message
}

/// A text in which places stay where they are, and nothing secret can be read.
fn covered(text: &str, secrets: &[String]) -> String {
    let dots = |text: &str| "•".repeat(text.chars().count());
    let mut text = text.to_owned();
    for part in parts(secrets) {
        if text.contains(part) {
            text = text.replace(part, &dots(part));
        }
    }
    // What is quoted, or can't be read, stands there in another way.
    let mut done = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(found) = NAMED.find(rest) {
        let (before, value) = rest.split_at(found.end());
        let is_open = value.starts_with(['•', '$', '&', '*', '|', '>', '{', '[', '\n', '\r']);
        let length = if is_open { 0 } else { value.find([',', '}', '\n']).unwrap_or(value.len()) };
        done += before;
        done += &dots(&value[..length]);
        rest = &value[length..];
    }
    done + rest
}

/// The secrets and their lines, longest first.
fn parts(secrets: &[String]) -> Vec<&str> {
    let lines = secrets.iter().flat_map(|secret| secret.lines().map(str::trim));
    let mut parts: Vec<&str> = secrets.iter().map(|secret| secret.trim()).chain(lines).collect();
    parts.retain(|part| part.chars().count() >= SHORTEST && !part.starts_with("-----"));
    parts.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    parts.dedup();
    parts
}

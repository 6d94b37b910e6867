//! Why the Admin API couldn't be asked, and what it says when it refuses.

use serde_json::Value;

use crate::failure::Kind;
use crate::stack::secret::HIDDEN;

/// A request failed: nothing is known of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AdminError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// What was asked and what was seen, in Kong's own words; never a secret.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Trying again may help.
    pub retriable: bool,
}

/// What kind of failure a request ended in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Nobody answers at the address.
    Unreachable,
    /// Kong says no.
    Refused,
    /// What answers isn't Kong's Admin API.
    NotKong,
    /// It wants a login, or another one.
    Unauthorized,
    /// Kong answers, and isn't ready: its database, a restart.
    NotReady,
    /// No answer in time.
    TimedOut,
    /// The address or the options can't be used.
    Unusable,
}

impl AdminError {
    /// Whose fault it is; decides the exit code.
    pub fn failure(&self) -> Kind {
        match self.kind {
            ErrorKind::Unreachable | ErrorKind::NotReady | ErrorKind::TimedOut => Kind::NotReady,
            ErrorKind::Refused | ErrorKind::NotKong | ErrorKind::Unauthorized => Kind::Backend,
            ErrorKind::Unusable => Kind::Usage,
        }
    }
}

/// What Kong answered when it refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Kong's number of the error: 2 for its schema, 3 for a primary key, 4 for a foreign key, 5 for a unique one.
    pub code: Option<i64>,
    /// In Kong's words; may hold a secret until [`Scrub`] went over it.
    pub message: String,
    /// The message of each field, by path; empty for the entity as a whole.
    pub fields: Vec<(String, String)>,
}

impl Refusal {
    /// What an answer that isn't a success says.
    pub fn of(status: u16, body: &Value, text: &str) -> Self {
        let said = body.get("message").and_then(Value::as_str).map(str::to_owned);
        let plain = text.trim();
        let message = said.unwrap_or_else(|| match plain.chars().count() {
            1..=200 if !plain.starts_with('<') => plain.to_owned(),
            _ => format!("it answers {status}"),
        });
        let mut fields = Vec::new();
        flatten("", body.get("fields").unwrap_or(&Value::Null), &mut fields);
        Self { status, code: body.get("code").and_then(Value::as_i64), message, fields }
    }
}

/// The texts in nested `fields`, by path. Lists have null where nothing is wrong; `@entity` is about the whole.
pub(in crate::routes) fn flatten(path: &str, said: &Value, into: &mut Vec<(String, String)>) {
    let below = |name: &str| match (path, name) {
        (_, "@entity") => path.to_owned(),
        ("", name) => name.to_owned(),
        (path, name) => format!("{path}.{name}"),
    };
    match said {
        Value::String(text) => into.push((path.to_owned(), text.clone())),
        Value::Array(items) => {
            // `@entity` and the messages of one field come as lists of texts; a field of lists has objects or nulls in it.
            let about_whole = items.iter().all(Value::is_string);
            for (index, item) in items.iter().enumerate() {
                let path = if about_whole { path.to_owned() } else { below(&index.to_string()) };
                flatten(&path, item, into);
            }
        }
        Value::Object(map) => map.iter().for_each(|(name, value)| flatten(&below(name), value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Takes known secrets out of what Kong says.
#[derive(Clone, Default)]
pub struct Scrub(Vec<String>);

impl Scrub {
    /// Of these values. One that is over several lines is also known by each of them.
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        const WHOLE_LINE: usize = 8;
        let mut known: Vec<String> = Vec::new();
        for secret in secrets {
            let secret = secret.trim();
            known.push(secret.to_owned());
            known.extend(
                secret.lines().map(str::trim).filter(|line| line.len() >= WHOLE_LINE).map(str::to_owned),
            );
            let quoted = Value::from(secret).to_string();
            known.push(quoted.trim_matches('"').to_owned());
        }
        known.retain(|secret| !secret.is_empty());
        // One may hold another.
        known.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        known.dedup();
        Self(known)
    }

    /// The text without them. A short one only where it stands for itself, and not in the middle of a word.
    pub fn text(&self, text: &str) -> String {
        const DISTINCT: usize = 6;
        let mut text = text.to_owned();
        for secret in &self.0 {
            if secret.len() >= DISTINCT {
                text = text.replace(secret.as_str(), HIDDEN);
                continue;
            }
            let mut at = 0;
            while let Some(found) = text.get(at..).and_then(|rest| rest.find(secret.as_str())) {
                let (start, end) = (at + found, at + found + secret.len());
                let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
                let inside = is_word(text.get(..start).and_then(|before| before.chars().next_back()))
                    || is_word(text.get(end..).and_then(|after| after.chars().next()));
                if inside {
                    at = end;
                } else {
                    text.replace_range(start..end, HIDDEN);
                    at = start + HIDDEN.len();
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_have_paths() {
        let said = json!({
            "@entity": ["at least one of these fields must be non-empty: 'a', 'b'"],
            "paths": [null, "should start with: /"],
            "config": {"minute": "expected a number", "queue": {"max": "x"}},
            "routes": [null, {"methods": ["invalid"]}],
        });
        let mut fields = Vec::new();
        flatten("", &said, &mut fields);
        let lines: Vec<String> = fields.iter().map(|(path, text)| format!("{path}: {text}")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        : at least one of these fields must be non-empty: 'a', 'b'
        config.minute: expected a number
        config.queue.max: x
        paths.1: should start with: /
        routes.1.methods: invalid
        ");
    }

    #[test]
    fn secrets_are_taken_out() {
        let scrub = Scrub::of(["s3cr3t-key", "abc", "-----BEGIN X-----\nMIIBIjANBg\n-----END X-----\n"]);
        let said = "UNIQUE violation detected on '{key=\"s3cr3t-key\"}', abc but not abcdef, line MIIBIjANBg";
        assert_eq!(
            scrub.text(said),
            "UNIQUE violation detected on '{key=\"•••\"}', ••• but not abcdef, line •••"
        );
    }
}

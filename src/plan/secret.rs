//! What looks like a secret: such values are never shown, nor hashed one by one.

use serde_json::Value;

/// Words in a name that make its value a secret.
const NAMES: &[&str] = &[
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PWD",
    "SECRET",
    "TOKEN",
    "KEY",
    "CREDENTIAL",
    "AUTH",
    "SALT",
    "DSN",
];

/// Whether the value under this name (an environment variable's, a label's) is to be treated as a secret.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    NAMES.iter().any(|word| name.contains(word))
        || name.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == "PASS")
}

/// Whether this text carries a secret itself: a URL with a login, or a word such as `--password=…`.
pub fn is_secret_text(text: &str) -> bool {
    has_url_login(text) || {
        let upper = text.to_ascii_uppercase();
        [
            "PASSWORD",
            "PASSWD",
            "SECRET",
            "TOKEN",
            "APIKEY",
            "API_KEY",
            "API-KEY",
            "CREDENTIAL",
            "AUTHORIZATION",
        ]
        .iter()
        .any(|word| upper.contains(word))
    }
}

/// Whether any text in this value carries a secret.
pub fn is_secret_value(value: &Value) -> bool {
    match value {
        Value::String(text) => is_secret_text(text),
        Value::Array(items) => items.iter().any(is_secret_value),
        Value::Object(map) => map.iter().any(|(name, value)| is_secret_name(name) || is_secret_value(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// `scheme://user:password@host` or `scheme://token@host`, anywhere in the text.
fn has_url_login(text: &str) -> bool {
    text.match_indices("://").any(|(at, mark)| {
        let rest = &text[at + mark.len()..];
        let authority = rest.split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or(rest);
        authority.contains('@')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values() {
        for name in ["DB_PASSWORD", "jwt_secret", "API_KEY", "GITHUB_TOKEN", "REDIS_PASS", "SENTRY_DSN"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["LOG_LEVEL", "PORT", "PASSTHROUGH", "COMPASS_MODE"] {
            assert!(!is_secret_name(name), "{name}");
        }
        for text in ["postgres://vv:s3cret@db/vv", "redis://:x@cache:6379", "run --password=hunter2"] {
            assert!(is_secret_text(text), "{text}");
        }
        for text in ["http://kong:8001/status", "postgres://db:5432/vv", "mail@example.org"] {
            assert!(!is_secret_text(text), "{text}");
        }
    }
}

//! What says that something is a secret: its name, or its look. Pure. Whoever hides a secret or hashes around one asks
//! here.

mod looks;

use serde_json::Value;

pub use looks::{first_look, hide_looks, logins_in, named_values};

/// What stands in a secret's place.
pub const HIDDEN: &str = "•••";

/// How surely a name says that its value is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Secrecy {
    /// It may be another thing: a `SORT_KEY`.
    Likely,
    /// `DB_PASSWORD`
    Sure,
}

/// Parts of a name that make its value a secret.
const SURE: &[&str] = &["PASSWORD", "PASSWD", "PASSPHRASE", "PWD", "SECRET", "TOKEN", "CREDENTIAL"];
/// Ends of a name's words that do, and ordinary words that end so.
const SURE_ENDS: [(&str, &[&str]); 1] =
    [("PASS", &["COMPASS", "BYPASS", "ENCOMPASS", "TRESPASS", "OVERPASS"])];
const LIKELY_ENDS: [(&str, &[&str]); 5] = [
    ("KEY", &["MONKEY", "TURKEY", "HOCKEY", "DONKEY", "HOTKEY"]),
    ("KEYS", &["MONKEYS", "TURKEYS", "DONKEYS", "HOTKEYS"]),
    ("AUTH", &[]),
    ("SALT", &[]),
    ("DSN", &[]),
];
/// Words before KEY with which it can't be a key to sort or to look up by.
const OF_KEYS: &[&str] = &["API", "PRIVATE", "ACCESS", "ENCRYPTION", "SIGNING", "MASTER"];
/// Last words of names of what is about a secret and isn't one: a path to it, the address that gives it out.
const ABOUT: &[&str] = &[
    "FILE",
    "PATH",
    "DIR",
    "URL",
    "URI",
    "ENDPOINT",
    "HOST",
    "PORT",
    "TTL",
    "TIMEOUT",
    "EXPIRY",
    "EXPIRES",
    "LENGTH",
    "SIZE",
    "COUNT",
    "ENABLED",
    "TYPE",
    "METHOD",
    "MODE",
    "ALGORITHM",
];
/// The shell's own variables for the folder it is in.
const FOLDERS: &[&str] = &["PWD", "OLDPWD"];

/// How surely the value under this name (an environment variable's, a label's, a key's, an option's) is a secret;
/// nothing where the name doesn't say so. A path to a secret isn't one.
pub fn secrecy(name: &str) -> Option<Secrecy> {
    let words = words(name);
    let last = words.last()?;
    if ABOUT.contains(&last.as_str()) || FOLDERS.contains(&name) || words.iter().any(|word| word == "PUBLIC")
    {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let ends = |word: &String, ends: &[(&str, &[&str])]| {
        ends.iter().any(|(end, ordinary)| word.ends_with(end) && !ordinary.contains(&word.as_str()))
    };
    let is_key = |pair: &[String]| OF_KEYS.contains(&pair[0].as_str()) && pair[1].starts_with("KEY");
    let sure = SURE.iter().any(|part| upper.contains(part))
        || words
            .iter()
            .any(|word| ends(word, &SURE_ENDS) || OF_KEYS.iter().any(|of| *word == format!("{of}KEY")))
        || words.windows(2).any(is_key);
    if sure {
        return Some(Secrecy::Sure);
    }
    let likely = words.iter().any(|word| ends(word, &LIKELY_ENDS) || word == "AUTHORIZATION");
    likely.then_some(Secrecy::Likely)
}

/// Whether the value under this name is to be treated as a secret.
pub fn is_secret_name(name: &str) -> bool {
    secrecy(name).is_some()
}

/// Whether this text carries a secret itself: a URL with a login, or a word such as `--password=…`.
pub fn is_secret_text(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    let more = ["APIKEY", "API_KEY", "API-KEY", "AUTHORIZATION"];
    has_url_login(text) || SURE.iter().chain(&more).any(|word| upper.contains(word))
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

/// The words of `DB_PASSWORD`, `db.password`, `dbPassword`: in capitals.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for letter in name.chars() {
        if !letter.is_ascii_alphanumeric() || (after_small && letter.is_ascii_uppercase()) {
            words.push(String::new());
        }
        after_small = letter.is_ascii_lowercase();
        if letter.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(letter.to_ascii_uppercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let sure = [
            "DB_PASSWORD",
            "jwt_secret",
            "API_KEY",
            "GITHUB_TOKEN",
            "REDIS_PASS",
            "DB_PWD",
            "MYSQL_PWD",
            "ENCRYPTION_KEY",
            "AWS_SECRET_ACCESS_KEY",
            "apiKey",
            "client-secret",
            "requirepass",
            "PRIVATE_KEY_PEM",
            "spring.datasource.password",
            "SSH_PASSPHRASE",
            "APIKEY",
            "SECRET_KEY_BASE",
            "ACCESSTOKEN",
        ];
        for name in sure {
            assert_eq!(secrecy(name), Some(Secrecy::Sure), "{name}");
        }
        let likely = [
            "SENTRY_DSN",
            "NEO4J_AUTH",
            "JWT_KEY",
            "PASSWD_SALT_X",
            "SORT_KEY",
            "masterauth",
            "PASSKEY",
            "APP_KEYS",
            "basicauth",
            "Authorization",
        ];
        for name in likely {
            assert!(is_secret_name(name), "{name}");
        }
        let open = [
            "LOG_LEVEL",
            "PORT",
            "PASSTHROUGH",
            "COMPASS_MODE",
            "POSTGRES_PASSWORD_FILE",
            "PWD",
            "OLDPWD",
            "KEYCLOAK_URL",
            "KEYSPACE",
            "MONKEY",
            "AUTHOR",
            "POSTGRES_HOST_AUTH_METHOD",
            "TOKEN_URL",
            "SSH_PUBLIC_KEY",
            "DB_USER",
            "",
        ];
        for name in open {
            assert_eq!(secrecy(name), None, "{name}");
        }
    }

    #[test]
    fn texts() {
        for text in ["postgres://vv:s3cret@db/vv", "redis://:x@cache:6379", "run --password=hunter2"] {
            assert!(is_secret_text(text), "{text}");
        }
        for text in ["http://kong:8001/status", "postgres://db:5432/vv", "mail@example.org"] {
            assert!(!is_secret_text(text), "{text}");
        }
    }
}

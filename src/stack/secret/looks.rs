//! Secrets by their look, wherever they stand: after a name that says so, in a URL's login, in a key's own form.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{HIDDEN, Secrecy, secrecy};

/// A pattern of this file.
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("proof: the patterns of this file are compiled in its tests")
}

/// `://user:password@`, `://token@`
static LOGIN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"://(?:[^/\s:@"']*:([^\s"'/]+)|([^/\s:@"'•]+))@"#));

/// `password=`, `"api_key": `
static NAMED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"([A-Za-z][A-Za-z0-9_.-]*)(\\?["']?)[ \t]*([:=])[ \t]*"#));

/// `--requirepass `, `--db-password=`
static FLAG: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?:^|[\s"'\[,])--?([A-Za-z][A-Za-z0-9_-]*)(?:[ \t]+|=)"#));

/// What says by itself that it is one: JSON web tokens, and keys of those who mark theirs.
static MARKED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
        r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r"|\b[srp]k_(?:live|test)_[A-Za-z0-9]{6,}",
        r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}",
        r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bAIza[A-Za-z0-9_-]{30,}|\bnpm_[A-Za-z0-9]{30,}",
        r"|\bsk-[A-Za-z0-9_-]{20,}",
    ))
});

/// A private key, or the part of one that is there: its beginning or its end may be cut off.
static PRIVATE_KEY: LazyLock<[Regex; 2]> = LazyLock::new(|| {
    [
        pattern(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)"),
        pattern(r"(?:[A-Za-z0-9+/=]{16,}\s+)*[A-Za-z0-9+/=]*\s*-----END [A-Z ]*PRIVATE KEY-----"),
    ]
});

/// The text without what looks like a secret.
pub fn hide_looks(text: &str) -> String {
    let mut text = text.to_owned();
    if may_hold_key(&text) {
        for key in PRIVATE_KEY.iter() {
            text = key.replace_all(&text, HIDDEN).into_owned();
        }
    }
    text = without(&text, login_places(&text));
    if may_be_marked(&text) {
        text = MARKED.replace_all(&text, HIDDEN).into_owned();
    }
    text = without(&text, flag_places(&text));
    without(&text, named_places(&text))
}

/// The passwords and tokens of the logins in the text's URLs, as they stand there.
pub fn logins_in(text: &str) -> Vec<&str> {
    login_places(text).into_iter().map(|place| &text[place]).collect()
}

/// What stands in the text after a name or an option that says that it is a secret.
pub fn named_values(text: &str) -> Vec<&str> {
    flag_places(text).into_iter().chain(named_places(text)).map(|place| &text[place]).collect()
}

/// Where the first thing begins in the text that looks like a secret, in bytes.
pub fn first_look(text: &str) -> Option<usize> {
    let places = login_places(text).into_iter().chain(flag_places(text)).chain(named_places(text));
    let marked = may_be_marked(text).then(|| MARKED.find_iter(text)).into_iter().flatten();
    let keys = may_hold_key(text).then(|| PRIVATE_KEY.iter().flat_map(|key| key.find_iter(text)));
    let marked = marked.chain(keys.into_iter().flatten());
    places.map(|place| place.start).chain(marked.map(|found| found.start())).min()
}

// To compile a pattern takes a millisecond, and most texts can't match: each has a word without which it doesn't.

fn may_hold_key(text: &str) -> bool {
    text.contains("PRIVATE KEY-----")
}

fn may_be_marked(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "eyJ",
        "AKIA",
        "ASIA",
        "k_live_",
        "k_test_",
        "gh",
        "github_pat_",
        "glpat-",
        "xox",
        "AIza",
        "npm_",
        "sk-",
    ];
    WORDS.iter().any(|word| text.contains(word))
}

/// Whether an option begins somewhere: a '-' at the beginning, or after what isn't part of a word.
fn may_have_flag(text: &str) -> bool {
    let begins = |before: &str| {
        before.chars().next_back().is_none_or(|it| it.is_whitespace() || "\"'[,-".contains(it))
    };
    text.match_indices('-').any(|(at, _)| begins(&text[..at]))
}

fn without(text: &str, places: Vec<Range<usize>>) -> String {
    let (mut hidden, mut done) = (String::with_capacity(text.len()), 0);
    for place in places {
        hidden.push_str(&text[done..place.start]);
        hidden.push_str(HIDDEN);
        done = place.end;
    }
    hidden + &text[done..]
}

fn login_places(text: &str) -> Vec<Range<usize>> {
    if !text.contains("://") || !text.contains('@') {
        return Vec::new();
    }
    let found = LOGIN.captures_iter(text);
    found.filter_map(|login| Some(login.get(1).or_else(|| login.get(2))?.range())).collect()
}

fn flag_places(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    if !may_have_flag(text) {
        return places;
    }
    let mut from = 0;
    while let Some(found) = FLAG.captures_at(text, from) {
        let (Some(whole), Some(name)) = (found.get(0), found.get(1)) else { break };
        from = whole.end();
        let Some(secrecy) = secrecy(name.as_str()) else { continue };
        let place = quoted(text, from).unwrap_or_else(|| from..from + word(&text[from..], &['"', '\'', ';']));
        let value = &text[place.clone()];
        if !value.starts_with('-') && is_hidden(value, secrecy) {
            from = place.end;
            places.push(place);
        }
    }
    places
}

fn named_places(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    if !text.contains([':', '=']) {
        return places;
    }
    let mut from = 0;
    while let Some(found) = NAMED.captures_at(text, from) {
        let (Some(whole), Some(name), Some(sign)) = (found.get(0), found.get(1), found.get(3)) else { break };
        from = whole.end();
        // `"/etc/passwd": permission denied`
        if text[..name.start()].ends_with('/') {
            continue;
        }
        let Some(secrecy) = secrecy(name.as_str()) else { continue };
        let is_quoted = found.get(2).is_some_and(|quote| !quote.is_empty());
        // `key: …` is said of many things.
        let single = !name.as_str().contains(['_', '-', '.']);
        let of_auth = name.as_str().to_ascii_uppercase().contains("AUTH");
        let plain = single && !is_quoted && !(of_auth && (sign.as_str() == "=" || name.as_str().len() > 4));
        if secrecy == Secrecy::Likely && plain {
            continue;
        }
        let place = value_at(text, from, name.as_str(), sign.as_str());
        if is_hidden(&text[place.clone()], secrecy) {
            from = place.end;
            places.push(place);
        }
    }
    places
}

/// Where the value is that begins here.
fn value_at(text: &str, from: usize, name: &str, sign: &str) -> Range<usize> {
    if let Some(place) = quoted(text, from) {
        return place;
    }
    let rest = &text[from..];
    // Variables as `env` prints them end with the line or the word, whatever they hold.
    let variable = sign == "=" && !name.chars().any(|letter| letter.is_ascii_lowercase());
    let ends: &[char] = if variable { &['"', '\''] } else { &['"', '\'', ',', ';', '&', '}', '\\'] };
    let mut length = word(rest, ends);
    let scheme = rest[..length].to_ascii_lowercase();
    if matches!(scheme.as_str(), "bearer" | "basic" | "digest" | "token") {
        let after = &rest[length..];
        let space = after.len() - after.trim_start_matches([' ', '\t']).len();
        if space > 0 {
            length += space + word(&after[space..], ends);
        }
    }
    from..from + length
}

/// What stands between quotes that begin here, also in a text that is itself quoted (`\"`).
fn quoted(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = &text[from..];
    let quote = ["\\\"", "\\'", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote))?;
    let begin = from + quote.len();
    let mut at = begin;
    loop {
        // One that isn't closed was cut off, or goes on in the next line.
        let Some(found) = text[at..].find(quote) else {
            let end = text[begin..].find('\n').map_or(text.len(), |end| begin + end);
            return Some(begin..end);
        };
        let end = at + found;
        if quote.len() == 1 && text[begin..end].ends_with('\\') {
            at = end + 1;
            continue;
        }
        return Some(begin..end);
    }
}

/// The length of the word that this text begins with, in bytes.
fn word(text: &str, ends: &[char]) -> usize {
    text.find(|letter: char| letter.is_whitespace() || ends.contains(&letter)).unwrap_or(text.len())
}

/// Whether this, after such a name, is one to hide: not a variable, a switch, a document of its own.
fn is_hidden(value: &str, secrecy: Secrecy) -> bool {
    let open = value.is_empty()
        || value.starts_with(['$', '{', '[', '•', '…'])
        || value.trim_start_matches('-') == "…"
        || matches!(value.to_ascii_lowercase().as_str(), "null" | "none" | "nil" | "true" | "false");
    let other = || {
        value.starts_with('/') || value.contains("://") || value.chars().all(|letter| letter.is_ascii_digit())
    };
    !(open || secrecy == Secrecy::Likely && other())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret() {
        let lines = [
            "dial postgres://app:s3cret-in-url@db/shop and redis://:zzz@cache and https://tok3n@git/x",
            "amqp://a:b@x,amqp://c:d@y at http://kong:8001/status@v1",
            r#"{"password":"qqq","user":"app","nested":"{\"token\":\"rrr\"}"}"#,
            r#"{"key": "k1", "sort_key": "name", "n": 1}"#,
            "GET / Authorization: Bearer abc.def.ghi",
            "api_key=kkk&page=2; client-secret: sss",
            "redis-server --requirepass rrr --port 6379 --db-password=ddd --tls-key /etc/key.pem",
            "PATH=/bin DB_PWD=DbPwdZZ77 ENCRYPTION_KEY=a,b;c HOME=/root PWD=/ JWT_SECRET=",
            "password = \"my own phrase\" and token='two words'",
            "org.apache.kafka...PlainLoginModule required username=\"app\" password=\"jaas-pw\";",
            "password authentication failed for user \"app\"",
            "FATAL: no secret here, the token expired",
            "exec: \"/etc/passwd\": permission denied",
            "duplicate key: orders_pkey, auth: connection refused, key=5",
            "set ${JWT_SECRET:-…} or JWT_SECRET=… or DB_PASSWORD=$DB_PASSWORD, secret: null",
            "pay with sk_live_4eC39HqLyjWDarjtT1zdp7dc as AKIAIOSFODNN7EXAMPLE",
            "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.dBjftJeZ4CVP ok",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAAAA\n-----END RSA PRIVATE KEY-----\nlistening",
            "-----BEGIN PRIVATE KEY----- MIIEow",
            "MIIEowIBAAKCAQEAabcdef\nAAbb=\n-----END EC PRIVATE KEY-----\nready",
        ];
        let told: Vec<String> = lines.iter().map(|line| hide_looks(line)).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        dial postgres://app:•••@db/shop and redis://:•••@cache and https://•••@git/x
        amqp://a:•••@x,amqp://c:•••@y at http://kong:8001/status@v1
        {"password":"•••","user":"app","nested":"{\"token\":\"•••\"}"}
        {"key": "•••", "sort_key": "•••", "n": 1}
        GET / Authorization: •••
        api_key=•••&page=2; client-secret: •••
        redis-server --requirepass ••• --port 6379 --db-password=••• --tls-key /etc/key.pem
        PATH=/bin DB_PWD=••• ENCRYPTION_KEY=••• HOME=/root PWD=/ JWT_SECRET=
        password = "•••" and token='•••'
        org.apache.kafka...PlainLoginModule required username="app" password="•••";
        password authentication failed for user "app"
        FATAL: no secret here, the token expired
        exec: "/etc/passwd": permission denied
        duplicate key: orders_pkey, auth: connection refused, key=5
        set ${JWT_SECRET:-…} or JWT_SECRET=… or DB_PASSWORD=$DB_PASSWORD, secret: null
        pay with ••• as •••
        jwt ••• ok
        •••
        listening
        •••
        •••
        ready
        "#);
    }

    #[test]
    fn they_can_be_had() {
        assert_eq!(logins_in("x postgres://a:p%40ss@db, redis://:y@c http://z"), ["p%40ss", "y"]);
        assert_eq!(
            named_values("sh -c redis-server --requirepass abc; export DB_PASSWORD=def"),
            ["abc", "def"]
        );
    }
}

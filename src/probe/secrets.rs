//! What must not be shown of a stack, and how it is taken out of a text. Pure.
//!
//! Two nets, one behind the other: the values that the stack and its containers are known to keep secret, wherever they
//! turn up, and what looks like a secret ([`crate::stack::secret`]).

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::Check;
use super::answer::{Answer, ProbeFailure};
use super::credentials::{nats, postgres, rabbitmq, redis};
use crate::stack::secret::{HIDDEN, Secrecy, hide_looks, logins_in, named_values, secrecy};
use crate::stack::{Service, Stack};

/// Shorter ones would blot out words by chance. They are hidden where they stand after their names.
const SHORTEST: usize = 4;
/// Those that are shorter than this may be part of a word, and are hidden only as a whole one.
const DISTINCT: usize = 8;
/// Words that say nothing of a password that is one of them, and that half of all lines hold.
const COMMON: &[&str] = &[
    "admin", "default", "false", "guest", "none", "null", "pass", "password", "root", "secret", "test",
    "token", "true", "user",
];
/// Last parts of names of what is shown: a password that is the user's name (`shop/shop`) would blot out half of every
/// line.
const SHOWN: &[&str] = &["USER", "USERNAME", "DB", "DATABASE", "HOST", "VHOST", "NAME"];
/// What a URL holds as it is (<https://www.rfc-editor.org/rfc/rfc3986#section-2.3>).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Known values; the longest first, since one may hold another.
#[derive(Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Those of a stack's services, of whichever profile.
    pub fn of(stack: &Stack) -> Self {
        Self::with(stack, &[])
    }

    /// The same, and those in these environments of containers, which may be older than the stack, or their images'.
    pub fn with(stack: &Stack, environments: &[BTreeMap<String, String>]) -> Self {
        Self::of_services(stack.services.values().chain(stack.inactive.values()), environments)
    }

    /// Those of these services, and of these environments of containers.
    pub fn of_services<'a>(
        services: impl IntoIterator<Item = &'a Service>,
        environments: &[BTreeMap<String, String>],
    ) -> Self {
        let mut gathered = Gathered::default();
        for service in services {
            gathered.service(service);
        }
        for (name, value) in environments.iter().flatten() {
            gathered.variable(name, value);
        }
        gathered.secrets()
    }

    /// The text without them, and without what looks like one.
    pub fn scrub(&self, text: impl Into<String>) -> String {
        hide_looks(&self.blot(text))
    }

    /// A text in vv's own words without them. `--requirepass` in a hint is followed by no password.
    pub fn blot(&self, text: impl Into<String>) -> String {
        let mut text = text.into();
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = replaced(&text, secret);
            }
        }
        self.without_beginnings(text)
    }

    /// Lines without them, also where one goes over several lines.
    pub fn scrub_lines(&self, lines: &[String]) -> Vec<String> {
        if lines.is_empty() {
            return Vec::new();
        }
        self.scrub(lines.join("\n")).split('\n').map(str::to_owned).collect()
    }

    /// What asking came to, without them.
    pub fn scrub_outcome(&self, outcome: Result<Answer, ProbeFailure>) -> Result<Answer, ProbeFailure> {
        match outcome {
            Ok(Answer::Seen(detail)) => Ok(Answer::Seen(self.scrub(detail))),
            Ok(Answer::Doubtful { detail, hint }) => {
                Ok(Answer::Doubtful { detail: self.scrub(detail), hint: self.blot(hint) })
            }
            Ok(Answer::NotAsked(why)) => Ok(Answer::NotAsked(self.scrub(why))),
            Err(failure) => Err(ProbeFailure {
                detail: self.scrub(failure.detail),
                hint: failure.hint.map(|hint| self.blot(hint)),
                ..failure
            }),
        }
    }

    /// A check without them.
    pub(super) fn scrub_check(&self, check: Check) -> Check {
        let hint = check.hint.map(|hint| self.blot(hint));
        Check { detail: self.scrub(check.detail), hint, ..check }
    }

    /// A text that was cut off in the middle of a secret still tells its beginning.
    fn without_beginnings(&self, text: String) -> String {
        if self.0.is_empty() || !text.contains('…') {
            return text;
        }
        let cut = |piece: &str| {
            let known = self.0.iter().filter_map(|secret| {
                let ends = secret.char_indices().map(|(end, _)| end).rev();
                ends.take_while(|end| *end >= SHORTEST).find(|end| piece.ends_with(&secret[..*end]))
            });
            match known.max() {
                Some(length) => format!("{}{HIDDEN}", &piece[..piece.len() - length]),
                None => piece.to_owned(),
            }
        };
        let mut pieces: Vec<String> = text.split('…').map(str::to_owned).collect();
        let last = pieces.len() - 1;
        pieces[..last].iter_mut().for_each(|piece| *piece = cut(piece));
        pieces.join("…")
    }
}

/// The text with this secret replaced; a short one only where it isn't part of a word.
fn replaced(text: &str, secret: &str) -> String {
    if secret.len() >= DISTINCT {
        return text.replace(secret, HIDDEN);
    }
    let (mut hidden, mut done) = (String::with_capacity(text.len()), 0);
    for (at, _) in text.match_indices(secret) {
        let end = at + secret.len();
        let before = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let after = text[end..].chars().next().is_some_and(char::is_alphanumeric);
        let inside = before && secret.starts_with(char::is_alphanumeric)
            || after && secret.ends_with(char::is_alphanumeric);
        if !inside {
            hidden.push_str(&text[done..at]);
            hidden.push_str(HIDDEN);
            done = end;
        }
    }
    hidden + &text[done..]
}

/// What was found so far.
#[derive(Default)]
struct Gathered {
    secrets: BTreeSet<String>,
    /// What is shown in any case, and so isn't secret.
    shown: BTreeSet<String>,
}

impl Gathered {
    fn service(&mut self, service: &Service) {
        self.shown.insert(service.name.clone());
        let ((database_login, database), (broker_login, host)) = (postgres(service), rabbitmq(service));
        self.shown.extend([database_login.user, database, broker_login.user, host]);
        let arguments = service.build.iter().flat_map(|build| &build.args);
        for (name, value) in service.environment.iter().chain(arguments) {
            if let Some(value) = value {
                self.variable(name, value);
            }
        }
        for words in [&service.entrypoint, &service.command].into_iter().flatten() {
            self.text(&words.join("\n"));
            for pair in
                words.windows(2).filter(|pair| pair[0].starts_with('-') && !pair[0].contains(['=', ' ']))
            {
                self.variable(pair[0].trim_start_matches('-'), &pair[1]);
            }
        }
        for file in &service.files {
            let Ok(text) = std::str::from_utf8(&file.content) else { continue };
            if file.secret {
                self.secret(text);
                self.text(text);
            }
        }
        self.secrets.extend(redis(service));
        self.secrets.extend(nats(service).and_then(|login| login.password));
    }

    fn variable(&mut self, name: &str, value: &str) {
        let value = value.trim();
        let upper = name.to_ascii_uppercase();
        if SHOWN.iter().any(|end| upper.ends_with(end)) && secrecy(name) != Some(Secrecy::Sure) {
            self.shown.insert(value.to_owned());
        }
        match secrecy(name) {
            Some(Secrecy::Sure) => self.secret(value),
            Some(Secrecy::Likely) if is_distinct(value) => {
                self.secret(value);
                // `NEO4J_AUTH=neo4j/password`
                self.secrets.extend(value.split_once(['/', ':']).map(|(_, password)| password.to_owned()));
            }
            _ => {}
        }
        self.text(value);
    }

    /// A secret, and its lines: they are logged one by one.
    fn secret(&mut self, text: &str) {
        let text = text.trim();
        self.secrets.insert(text.to_owned());
        self.secrets
            .extend(text.lines().map(str::trim).filter(|line| line.len() >= DISTINCT).map(str::to_owned));
    }

    /// What of a text is one by its look.
    fn text(&mut self, text: &str) {
        self.secrets.extend(logins_in(text).into_iter().chain(named_values(text)).map(str::to_owned));
    }

    fn secrets(self) -> Secrets {
        let says_nothing = |secret: &String| {
            let number = secret.len() < 6 && secret.chars().all(|letter| letter.is_ascii_digit());
            let common = COMMON.contains(&secret.to_ascii_lowercase().as_str());
            secret.len() < SHORTEST
                || number
                || common
                || secret.starts_with("${")
                || self.shown.contains(secret)
        };
        let mut known: BTreeSet<String> = BTreeSet::new();
        for secret in self.secrets.iter().filter(|secret| !says_nothing(secret)) {
            known.extend(forms(secret).into_iter().filter(|form| !says_nothing(form)));
        }
        let mut known: Vec<String> = known.into_iter().collect();
        known.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        Secrets(known)
    }
}

/// Whether a value under a name that only may say so is a secret rather than a word, an address or a number.
fn is_distinct(value: &str) -> bool {
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let mixed = digits > 0 && digits < value.chars().count();
    (value.len() >= DISTINCT || value.len() >= SHORTEST && mixed)
        && !value.starts_with('/')
        && !value.contains("://")
        && digits < value.len()
}

/// A secret as it stands in the file, in a URL, out of one, and in a JSON text.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned(), utf8_percent_encode(secret, ENCODED).to_string()];
    if let Ok(decoded) = percent_decode_str(secret).decode_utf8() {
        forms.push(decoded.into_owned());
    }
    let quoted = serde_json::Value::from(secret).to_string();
    forms.extend(quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(str::to_owned));
    forms
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;

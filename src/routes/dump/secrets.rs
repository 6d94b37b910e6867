//! Variables in the place of secrets.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::live::About;
use crate::routes::read::secrets::{carries_secret, is_secret_field};
use crate::routes::schema::Field;
use crate::stack::secret::is_secret_name;

/// Where a value stands.
pub struct Place<'a> {
    /// What its entity is about.
    pub about: &'a About,
    /// The name of its entity's type.
    pub list: &'a str,
    /// The fields to it.
    pub path: Vec<&'a str>,
}

impl<'a> Place<'a> {
    /// One level down.
    pub fn below<'b>(&'b self, field: &'b str) -> Place<'b>
    where
        'a: 'b,
    {
        let path = self.path.iter().copied().chain([field]).collect();
        Place { about: self.about, list: self.list, path }
    }
}

/// Puts variables in the place of secrets, and remembers which.
pub struct Placeholders {
    /// Secrets are written.
    open: bool,
    /// By name, what each stands for.
    variables: BTreeMap<String, String>,
}

impl Placeholders {
    /// `open`: secrets are written.
    pub fn new(open: bool) -> Self {
        Self { open, variables: BTreeMap::new() }
    }

    /// A text, or a variable in its place.
    pub fn text(&mut self, text: &str, field: Option<&Field>, place: &Place<'_>) -> String {
        let name = place.path.last().copied().unwrap_or_default();
        let is_secret = field.is_some_and(|field| field.encrypted)
            || place.path.iter().any(|name| is_secret_field(name, place.list))
            || text.contains("PRIVATE KEY-----")
            || carries_secret(text);
        if self.open || !is_secret || text.is_empty() || text.starts_with("{vault://") {
            return plain(text);
        }
        let words = place
            .about
            .words
            .iter()
            .map(String::as_str)
            .chain(place.path.iter().copied().filter(|word| *word != "config"));
        let mut variable = words.map(upper).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_");
        if variable.starts_with(|c: char| c.is_ascii_digit()) || variable.is_empty() {
            variable.insert(0, '_');
        }
        if !is_secret_name(&variable) {
            variable.push_str("_SECRET");
        }
        let mut number = 1;
        let numbered =
            |number: usize| if number == 1 { variable.clone() } else { format!("{variable}_{number}") };
        while self.variables.contains_key(&numbered(number)) {
            number += 1;
        }
        let variable = numbered(number);
        // Kong shows the hash of a password, which says nothing to whoever sets the variable.
        let hashed = if place.list == "basicauth_credentials" { ", in the clear" } else { "" };
        let what = format!("{name} of {}{hashed}", place.about.label);
        let shown = format!("${{{variable}:?}}");
        self.variables.insert(variable, what);
        shown
    }

    /// Says in comments which variables there are.
    pub fn explain(&self, out: &mut String) {
        if self.variables.is_empty() {
            return;
        }
        out.push_str("# Its secrets aren't here; these variables stand in their place:\n");
        for (name, what) in &self.variables {
            let what: String = what.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let _ = writeln!(out, "#   {name}: {what}");
        }
    }
}

/// A text in which no variable is filled in: a `$` that would begin one is doubled.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        plain.push(letter);
        let begins = letters.peek().is_some_and(|next| next.is_ascii_alphabetic() || "_{$".contains(*next));
        if letter == '$' && begins {
            plain.push('$');
        }
    }
    plain
}

/// A word of a variable's name.
fn upper(word: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    word.chars().map(letter).collect::<String>().trim_matches('_').to_owned()
}

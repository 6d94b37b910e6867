//! What Kong said of an entity, as it may be shown, and where in the file it is about.

use serde_json::Value;

use super::{End, Outcome};
use crate::routes::admin::{Refusal, Scrub};
use crate::routes::declaration::{Declaration, Entity};
use crate::stack::problem::Mark;

/// Fields of credentials and certificates that are secrets, however they are declared.
const SECRET_FIELDS: &[(&str, &str)] = &[
    ("keyauth_credentials", "key"),
    ("jwt_secrets", "secret"),
    ("basicauth_credentials", "password"),
    ("hmacauth_credentials", "secret"),
    ("oauth2_credentials", "client_secret"),
    ("certificates", "key"),
    ("certificates", "key_alt"),
];

/// What is needed to tell what Kong said.
pub(super) struct Told<'a> {
    declaration: &'a Declaration,
    scrub: Scrub,
}

impl<'a> Told<'a> {
    pub fn of(declaration: &'a Declaration) -> Self {
        let of_entity = |entity: &'a Entity| {
            let fields = SECRET_FIELDS.iter().filter(move |(kind, _)| *kind == entity.kind.name());
            fields.filter_map(move |(_, field)| entity.fields.get(*field).and_then(Value::as_str))
        };
        let secrets = declaration.secrets.iter().map(String::as_str);
        let secrets = secrets.chain(declaration.entities.iter().flat_map(of_entity));
        Self { declaration, scrub: Scrub::of(secrets) }
    }

    /// A text without secrets.
    pub fn text(&self, text: &str) -> String {
        self.scrub.text(text)
    }

    /// The declared entity with this number.
    pub fn entity(&self, number: Option<usize>) -> Option<&'a Entity> {
        self.declaration.entities.get(number?)
    }

    /// What Kong refused of an entity.
    pub fn refused(&self, label: &str, declared: Option<usize>, refusal: &Refusal) -> Outcome {
        let fields = clear(&refusal.fields);
        let path = fields.first().map(|(path, _)| path.as_str()).unwrap_or_default();
        let mark = self.entity(declared).map(|entity| entity.mark_of(path).clone());
        // What it says of single fields is clearer than the same in Lua's own notation.
        let message = match (refusal.code, fields.as_slice()) {
            (Some(2), fields) if !fields.is_empty() => {
                let each = fields.iter().map(|(path, text)| match path.as_str() {
                    "" => text.clone(),
                    path => format!("{path}: {text}"),
                });
                each.collect::<Vec<_>>().join("; ")
            }
            _ => refusal.message.clone(),
        };
        self.refused_as(label, mark, &message, refusal.code)
    }

    /// The same, with the message and the place given.
    pub fn refused_as(&self, label: &str, mark: Option<Mark>, message: &str, code: Option<i64>) -> Outcome {
        Outcome { label: label.to_owned(), end: End::Refused { message: self.text(message), code }, mark }
    }
}

/// What is said of an entity, without what only says that something else is said.
pub(super) fn clear(fields: &[(String, String)]) -> Vec<&(String, String)> {
    let is_empty =
        |said: &&(String, String)| said.0.is_empty() && said.1.starts_with("failed conditional validation");
    let clear: Vec<&(String, String)> = fields.iter().filter(|said| !is_empty(said)).collect();
    if clear.is_empty() { fields.iter().collect() } else { clear }
}

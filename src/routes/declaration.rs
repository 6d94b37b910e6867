//! What is declared: entities, flat, each with what it refers to and where it stands in its file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::kind::Kind;
use crate::stack::problem::Mark;

/// Everything that a file declares.
#[derive(Debug, Clone, Default)]
pub struct Declaration {
    /// In the file's order; what is nested comes after what it is nested in.
    pub entities: Vec<Entity>,
    /// The types whose list the file has, also an empty one: what is there of them and isn't declared is undeclared.
    pub listed: BTreeSet<Kind>,
    /// Values that Kong would hash are hashed already (`_transform: false`).
    pub hashed: bool,
    /// Values that must never be shown: of variables that look like secrets, credentials, private keys.
    pub secrets: Vec<String>,
    /// What should be known and is no error.
    pub warnings: Vec<String>,
    /// Which upstreams have the replicas of which services as targets, also where a service has none just now: what is
    /// left there of a replica that is gone ([`super::replica_tag`], [`super::expand::is_replica`]) isn't undeclared, but over.
    pub balanced: Vec<Balanced>,
}

/// One entity.
#[derive(Debug, Clone)]
pub struct Entity {
    /// Its type.
    pub kind: Kind,
    /// Its `id`, where it is declared.
    pub id: Option<String>,
    /// Its fields as declared, but for `id`, `tags`, what it refers to, and what was nested in it. A service's `url` is
    /// already taken apart.
    pub fields: Map<String, Value>,
    /// What it refers to, by field: `service` of a route. A field declared as null isn't in it, and is in `fields`.
    pub refers: BTreeMap<String, Reference>,
    /// Its tags, those of `_info.select_tags` too; without vv's own.
    pub tags: Vec<String>,
    /// What it is called in messages: `route orders`, `plugin jwt of route orders`, `key-auth credential 1 of consumer
    /// bob`. Never a secret.
    pub label: String,
    /// Where it begins.
    pub mark: Mark,
    /// Where its fields stand, by their path: `paths`, `paths.0`, `config.minute`; `service` and `tags` too.
    pub marks: BTreeMap<String, Mark>,
    /// The service of the stack whose replica it stands for: a target that [`super::expand`] made.
    pub service: Option<String>,
}

/// An upstream one of whose targets names a service of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balanced {
    /// The upstream.
    pub upstream: To,
    /// The service.
    pub service: String,
}

/// An entity that another one refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its type.
    pub kind: Kind,
    /// How it is told apart.
    pub to: To,
}

/// How a reference tells which entity it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// An entity of this declaration, by its number in [`Declaration::entities`].
    Declared(usize),
    /// One that isn't declared here, by its id.
    Id(String),
    /// One that isn't declared here, by its name.
    Name(String),
}

impl Entity {
    /// Where a field stands; the nearest around it that is known, else where the entity begins.
    pub fn mark_of(&self, path: &str) -> &Mark {
        let mut path = path;
        loop {
            if let Some(mark) = self.marks.get(path) {
                return mark;
            }
            match path.rsplit_once('.') {
                Some((around, _)) => path = around,
                None => return &self.mark,
            }
        }
    }
}

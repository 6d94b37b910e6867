//! What reading a service needs to know of the rest of the document.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::decode::At;
use super::file_objects::FileObject;
use super::files::Files;
use super::merged::Merged;
use crate::failure::nearest;

/// The rest of the document, and where files come from.
pub struct Context<'a> {
    /// What reading has left.
    pub merged: &'a Merged,
    /// Where env files, configs and secrets are read from.
    pub files: &'a dyn Files,
    /// The services' names.
    pub services: BTreeSet<&'a str>,
    /// The networks' names, with the implied `default`.
    pub networks: BTreeSet<&'a str>,
    /// The volumes' names.
    pub volumes: BTreeSet<&'a str>,
    /// `configs`
    pub configs: IndexMap<String, FileObject<'a>>,
    /// `secrets`
    pub secrets: IndexMap<String, FileObject<'a>>,
}

impl Context<'_> {
    /// The value of a variable of the interpolation environment.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.merged.env.get(name).map(str::to_owned)
    }
}

/// Notes a reference to something that isn't declared; whether it is. Only a service that takes part must have
/// what it refers to.
pub fn declared<'n>(
    at: &At<'_>,
    what: &str,
    name: &str,
    names: impl IntoIterator<Item = &'n str> + Clone,
) -> bool {
    if names.clone().into_iter().any(|known| known == name) {
        return true;
    }
    let hint = nearest(name, names).map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
    let section = if what == "service" { "services".to_owned() } else { format!("{what}s") };
    at.problem_when_active(format!("the {what} '{name}' isn't declared under '{section}'{hint}"));
    false
}

//! What a declared entity refers to, by id.

use std::collections::BTreeMap;

use super::live::{Live, id};
use crate::failure::nearest;
use crate::routes::declaration::{Declaration, Entity, Reference, To};

/// What became of a declared entity so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Not gone through yet.
    Open,
    /// It has, or will have, this id.
    Known(String),
    /// Nothing is sent for it.
    Blocked,
}

impl State {
    /// The id that it has, or will have.
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Known(id) => Some(id.clone()),
            Self::Open | Self::Blocked => None,
        }
    }
}

/// Why a reference leads nowhere.
pub(super) struct Dangling {
    pub field: String,
    /// It leads to what is declared, and can't be as declared.
    pub follows: bool,
    pub reason: String,
    pub hint: Option<String>,
}

/// The ids of what an entity refers to, by field.
pub(super) fn ids(
    entity: &Entity,
    declaration: &Declaration,
    states: &[State],
    live: &Live<'_>,
) -> Result<BTreeMap<String, String>, Dangling> {
    let resolve = |(field, reference): (&String, &Reference)| {
        one(reference, declaration, states, live)
            .map(|id| (field.clone(), id))
            .map_err(|(reason, hint)| Dangling {
                field: field.clone(),
                follows: matches!(&reference.to, To::Declared(number) if states.get(*number) == Some(&State::Blocked)),
                reason,
                hint,
            })
    };
    entity.refers.iter().map(resolve).collect()
}

fn one(
    reference: &Reference,
    declaration: &Declaration,
    states: &[State],
    live: &Live<'_>,
) -> Result<String, (String, Option<String>)> {
    let kind = &reference.kind;
    match &reference.to {
        To::Declared(number) => match states.get(*number) {
            Some(State::Known(id)) => Ok(id.clone()),
            Some(State::Blocked) => {
                let label = declaration.entities.get(*number).map(|entity| entity.label.as_str());
                Err((format!("it needs {}, which can't be as declared", label.unwrap_or_default()), None))
            }
            _ => Err(("it refers to what refers to it".to_owned(), None)),
        },
        To::Id(wanted) => match live.by_id(kind, wanted) {
            Some(_) => Ok(wanted.clone()),
            None => Err((
                format!("the gateway has no {} with the id {wanted}, and none is declared", kind.one()),
                None,
            )),
        },
        To::Name(name) => match live.by_name(kind, name).and_then(id) {
            Some(id) => Ok(id.to_owned()),
            None => {
                let declared = declaration.entities.iter().filter(|entity| entity.kind == *kind);
                let declared = declared.filter_map(|entity| {
                    let field =
                        kind.facts().and_then(|facts| facts.named_by.first()).copied().unwrap_or("name");
                    entity.fields.get(field).and_then(|value| value.as_str())
                });
                let meant = nearest(name, declared.chain(live.names(kind)));
                let hint = meant.map(|meant| format!("did you mean '{meant}'?"));
                Err((format!("{} '{name}' is neither declared nor on the gateway", kind.one()), hint))
            }
        },
    }
}

//! What is to be done: the difference between what is declared and what the gateway holds.

use super::gateway::Entities;
use super::kind::Kind;
use crate::stack::problem::Mark;

/// The difference, and what follows from it.
#[derive(Debug, Clone, Default)]
pub struct RoutePlan {
    /// What is to be changed, in the order in which it is applied: parents first, deletions last.
    pub changes: Vec<Change>,
    /// What is declared and can't be made so.
    pub impossible: Vec<Impossible>,
    /// Entities of this owner that aren't declared, and stay.
    pub undeclared: Vec<Undeclared>,
    /// How many entities of other owners there are, of the types that were read.
    pub foreign: usize,
    /// How many declared entities are as they should be.
    pub settled: usize,
    /// What the gateway holds once the changes are made, the entities of others too.
    pub after: Entities,
}

/// One entity that is to be changed.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its type.
    pub kind: Kind,
    /// Its id: the gateway's, or the one that it will be made with.
    pub id: String,
    /// What it is called: `route orders`.
    pub label: String,
    /// What is done with it.
    pub action: Action,
    /// Where it is declared; nothing for one that is deleted.
    pub mark: Option<Mark>,
}

/// What is done with an entity.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// It is made.
    Create,
    /// These fields are changed. `adopts`: it was another's, and is taken over.
    Update {
        /// The fields, by path.
        fields: Vec<FieldChange>,
        /// It was another's.
        adopts: bool,
    },
    /// It is deleted.
    Delete {
        /// Why.
        because: Gone,
    },
}

/// Why an entity is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// It isn't declared, and `--prune` was given.
    Undeclared,
    /// A target whose replica is gone.
    NoReplica,
    /// vv's own probe, which was left behind.
    Probe,
}

/// A field that differs. Values are shown as they may be: a secret's are [`crate::stack::secret::HIDDEN`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldChange {
    /// `paths`, `config.minute`.
    pub field: String,
    /// What the gateway holds.
    pub from: String,
    /// What is declared.
    pub to: String,
}

/// A declared entity that can't be made as declared.
#[derive(Debug, Clone)]
pub struct Impossible {
    /// What it is called.
    pub label: String,
    /// Why.
    pub reason: String,
    /// What to do.
    pub hint: Option<String>,
    /// Where it is declared.
    pub mark: Mark,
}

/// An entity of this owner that isn't declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeclared {
    /// Its type.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// What it is called.
    pub label: String,
}

impl RoutePlan {
    /// Nothing is to be done, and nothing is impossible. What isn't declared doesn't count.
    pub fn is_settled(&self) -> bool {
        self.changes.is_empty() && self.impossible.is_empty()
    }
}

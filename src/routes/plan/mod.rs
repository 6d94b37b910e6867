//! DECISION: how a gateway differs from what is declared, and what is to be done about it. Pure; the same for the same
//! input.

mod conflict;
mod deletion;
mod desired;
mod difference;
mod identity;
mod live;
mod order;
mod planner;
mod reference;
mod verdict;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::declaration::Declaration;
use super::gateway::{Entities, Gateway};
use super::kind::Kind;
use super::read::secrets::hide;
use crate::stack::problem::Mark;

/// How a plan is to be made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The stack's project: what is tagged `vv:<owner>` is its, and its replicas are named `<owner>-<service>-<number>`.
    pub owner: String,
    /// Declared entities that are another's are taken over.
    pub adopt: bool,
    /// One's own entities that aren't declared are deleted.
    pub prune: bool,
    /// The time, in seconds since 1970: a probe that was made minutes before has lost whoever made it.
    pub now: i64,
    /// The name of this host, of which no other run of the stack is at work: a probe that was made here has lost whoever
    /// made it, whenever that was.
    pub host: String,
}

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
    /// The id of each declared entity, by its number; nothing of one that can't be made.
    pub ids: Vec<Option<String>>,
    /// How many workers the gateway's proxy has; nothing where it doesn't tell.
    pub workers: Option<u32>,
    /// What the gateway holds once the changes are made, the entities of others too.
    pub after: Entities,
    /// The gateway has a database: each change is sent by itself. Without one, [`RoutePlan::after`] is sent as a whole.
    pub database: bool,
    /// Why nothing at all may be sent: something is declared wrongly; or a gateway without a database takes its
    /// configuration as a whole, and this one would lose what [`RoutePlan::undeclared`] names.
    pub blocked: Option<String>,
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
    /// Its number in [`Declaration::entities`]; nothing for one that is deleted.
    pub declared: Option<usize>,
    /// What is sent: the whole of one that is made, the fields of one that is changed.
    pub send: Body,
    /// The id of what it belongs to, where it is addressed below that: a target's upstream, a credential's consumer.
    pub within: Option<String>,
    /// The changes, by their numbers, that must be done before.
    pub after: Vec<usize>,
    /// Fields that get a value of nobody's before anything else: another entity is to have theirs, and one must let go
    /// first.
    pub park: Vec<String>,
}

/// What is sent. It holds secrets, and so doesn't show itself.
#[derive(Clone, Default, PartialEq)]
pub struct Body(pub Map<String, Value>);

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
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
    /// A target by a service's own name, in whose place its replicas stand.
    Replaced,
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
    /// Its number in [`Declaration::entities`]: more than one thing may be wrong with it.
    pub declared: Option<usize>,
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
    /// Why it stays although `--prune` was given.
    pub kept: Option<String>,
}

impl RoutePlan {
    /// How many declared entities can't be made as declared.
    pub fn impossible_entities(&self) -> usize {
        self.impossible.iter().map(|one| one.declared).collect::<BTreeSet<_>>().len()
    }

    /// Nothing is to be done, and nothing is impossible. What isn't declared doesn't count, nor does what a probe left.
    pub fn is_settled(&self) -> bool {
        let is_probe = |change: &Change| matches!(change.action, Action::Delete { because: Gone::Probe });
        self.changes.iter().all(is_probe) && self.impossible.is_empty() && self.blocked.is_none()
    }
}

/// Compares what is declared with what the gateway holds, and decides what is to be done.
pub fn plan(declaration: &Declaration, gateway: &Gateway, options: &Options) -> RoutePlan {
    let mut plan = planner::Planner::new(declaration, gateway, options).plan();
    let hide = |text: &mut String| *text = hide(text, &declaration.secrets);
    // Those of what is declared have none in them.
    let gone =
        plan.changes.iter_mut().filter(|change| change.declared.is_none()).map(|change| &mut change.label);
    gone.chain(plan.undeclared.iter_mut().map(|one| &mut one.label)).for_each(hide);
    plan
}

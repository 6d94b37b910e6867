//! What planning is given, and how it refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::declared::Comparison;
use super::observed::Observed;
use crate::failure::{Kind, nearest};
use crate::stack::model::{Service, Stack};

/// Everything a plan is made from.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// What is desired.
    pub stack: &'a Stack,
    /// What is there.
    pub observed: &'a Observed,
    /// The services that a stand-in replaces, because their sources are missing.
    pub stubs: &'a Stubs,
    /// The folder for copies of configs and secrets that can't be copied into a container (`$XDG_CACHE_HOME/vv`);
    /// absolute. Copies go to `<project>/<hash>` below it.
    pub cache_dir: &'a Path,
}

/// The stand-ins, by the service they replace.
pub type Stubs = BTreeMap<String, Stub>;

/// A stand-in for one service: what its container gets besides ports, networks, environment and labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stub {
    /// The image's tag, which is made when it isn't there.
    pub image: String,
    /// What follows `/vv stub` on its command line.
    pub command: Vec<String>,
    /// Variables on top of the service's own.
    pub environment: BTreeMap<String, String>,
    /// Labels on top of the service's own.
    pub labels: BTreeMap<String, String>,
}

/// What a start is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StartRequest {
    /// Which services; none: all. Their dependencies come with them.
    pub services: Vec<String>,
    /// Leave the dependencies of `services` alone.
    pub no_deps: bool,
    /// Build images that are there, too.
    pub build: bool,
    /// Pull images that are there, too.
    pub pull: bool,
    /// Replace the containers of `services` (all, when none is named) though nothing has changed.
    pub force_recreate: bool,
    /// Remove containers whose service isn't in the stack.
    pub remove_orphans: bool,
    /// Go back to the file's number of replicas where `vv scale` added some.
    pub reset_scale: bool,
    /// Don't wait at the end until everything is ready. Dependencies are waited for all the same.
    pub no_wait: bool,
    /// Services that run, but don't answer as they should: they are waited for though nothing is done to them.
    pub unproven: BTreeSet<String>,
    /// What the stack declares beside containers, compared with what is there; applied as far as it differs.
    pub declared: Vec<Comparison>,
    /// So many replicas, instead of what the file says: `vv scale`.
    pub scale: BTreeMap<String, u32>,
}

impl StartRequest {
    /// The services that are meant: those named and those to be scaled; none: all.
    pub(super) fn named(&self) -> Vec<String> {
        let mut names = self.services.clone();
        if !names.is_empty() {
            names.extend(self.scale.keys().filter(|name| !self.services.contains(name)).cloned());
        }
        names
    }
}

/// A plan that can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PlanError {
    /// Whose fault it is; decides the exit code.
    pub kind: Kind,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to type or change.
    pub hints: Vec<String>,
}

impl PlanError {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { kind: Kind::Failed, message: message.into(), hints: Vec::new() }
    }

    /// Says whose fault it is.
    #[must_use]
    pub fn of(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl<'a> Inputs<'a> {
    /// The service of this name, or an error that says which one was perhaps meant.
    pub fn service(&self, name: &str) -> Result<&'a Service, PlanError> {
        if let Some(service) = self.stack.services.get(name) {
            return Ok(service);
        }
        if let Some(service) = self.stack.inactive.get(name) {
            let hint = service.profiles.first().map(|profile| format!("add --profile {profile}"));
            let error =
                PlanError::new(format!("service {name} is switched off by its profile")).of(Kind::Usage);
            return Err(hint.map_or(error.clone(), |hint| error.hint(hint)));
        }
        let error = PlanError::new(format!("there is no service {name} in stack {}", self.stack.name))
            .of(Kind::Usage);
        let names = self.stack.services.keys().map(String::as_str);
        Err(match nearest(name, names) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error,
        })
    }
}

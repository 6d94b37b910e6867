//! What a stack declares and its systems hold (topics, routes): when it is applied, and who waits for that.

use super::operation::{Action, Apply, Cause, Change, Operation, OperationId, Target};
use super::replicas::Decision;
use super::steps::Steps;
use crate::stack::model::Service;
use crate::stack::vv::Declared;

/// What a stack declares, compared with what its systems hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What is declared.
    pub what: Declared,
    /// How it differs.
    pub difference: Difference,
    /// What stays as it is, and should be known.
    pub notes: Vec<String>,
}

/// How what is declared differs from what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Nobody could be asked: it is compared when it is applied.
    Unknown,
    /// These changes are to be made; none: nothing differs.
    Known(Vec<Change>),
}

impl<'a> Steps<'a> {
    /// The operation that applies what this service needs, for each.
    pub(super) fn applied_before(&mut self, service: &Service) -> Vec<OperationId> {
        service.vv.needs.iter().filter_map(|what| self.apply(*what, Some(&service.name))).collect()
    }

    /// Applies what nobody needed, too.
    pub(super) fn apply_all(&mut self) {
        for what in self.comparisons.iter().map(|comparison| comparison.what) {
            self.apply(what, None);
        }
    }

    /// What is said of that which isn't applied, because nobody waits until its systems are ready.
    pub(super) fn unapplied(&self) -> Vec<String> {
        let notes = self.comparisons.iter().flat_map(|comparison| comparison.notes.clone());
        let differing = self
            .comparisons
            .iter()
            .filter(|comparison| comparison.difference != Difference::Known(Vec::new()));
        let unapplied = differing
            .filter(|comparison| {
                self.applies(comparison.what).is_none() && !self.holders(comparison.what).is_empty()
            })
            .map(|comparison| {
                format!(
                    "{} aren't applied without waiting: `vv {}` does",
                    comparison.what.name(),
                    comparison.what.command()
                )
            });
        notes.chain(unapplied).collect()
    }

    fn applies(&self, what: Declared) -> Option<OperationId> {
        let is_it =
            |operation: &Operation| matches!(&operation.action, Action::Apply(apply) if apply.what == what);
        self.operations.iter().position(is_it)
    }

    /// The services that hold it, as far as they take part.
    fn holders(&self, what: Declared) -> Vec<&'a Decision<'a>> {
        let holds = |decision: &&Decision<'_>| {
            self.inputs.stack.holds(decision.desired.service, what) && !decision.replicas.is_empty()
        };
        self.decisions.values().filter(holds).collect()
    }

    /// Applies it, unless nothing differs: once, after its systems are ready. Nothing is applied to systems that don't
    /// take part.
    fn apply(&mut self, what: Declared, by: Option<&str>) -> Option<OperationId> {
        if let Some(id) = self.applies(what) {
            if let (Some(by), Cause::NeededBy { services }) = (by, &mut self.operations[id].cause) {
                services.push(by.to_owned());
                services.sort();
            }
            return Some(id);
        }
        let comparison = self.comparisons.iter().find(|comparison| comparison.what == what)?;
        let holders = self.holders(what);
        if holders.is_empty() {
            return None;
        }
        // What is started anew may have lost what it held.
        let started = |holder: &&Decision<'_>| !self.started(&holder.desired.service.name).is_empty();
        let lasts = !holders.iter().any(started);
        let changes = match &comparison.difference {
            Difference::Known(changes) if lasts => match changes.is_empty() {
                true => return None,
                false => Some(changes.clone()),
            },
            _ => None,
        };
        let mut after = Vec::new();
        if changes.is_none() {
            for holder in holders {
                let started = self.started(&holder.desired.service.name).to_vec();
                after.push(self.waits.ready(&mut self.operations, holder, &started, true));
            }
        }
        let services = by.map(str::to_owned).into_iter().collect();
        let action = Action::Apply(Apply { what, changes });
        Some(self.push(action, Target::Declared(what), Cause::NeededBy { services }, after))
    }
}

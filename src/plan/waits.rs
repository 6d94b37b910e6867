//! What is waited for: dependencies before a service starts, and everything at the end.

use std::collections::BTreeMap;

use super::operation::{Action, Cause, Operation, OperationId, Target, WaitCondition, WaitFor};
use super::replicas::Decision;
use crate::stack::model::Condition;

/// The waits of a plan: one of each kind, however many services want it.
#[derive(Default)]
pub(super) struct Waits {
    made: BTreeMap<(String, Kind, bool), OperationId>,
}

/// [`WaitCondition`], as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Healthy,
    Completed,
    Ready,
}

/// How a service is waited for at the end of the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtEnd {
    /// A failure fails the start: somebody asked for it, or can't do without it.
    pub required: bool,
    /// It needs a wait even where nothing is done to it.
    pub unproven: bool,
}

impl Waits {
    /// The wait, if one is needed, for a dependency's condition on behalf of the service `by`. `started` are the
    /// operations that start the dependency's replicas.
    pub fn before(
        &mut self,
        operations: &mut Vec<Operation>,
        dependency: &Decision<'_>,
        condition: Condition,
        required: bool,
        by: &str,
        started: &[OperationId],
    ) -> Option<OperationId> {
        let kind = match condition {
            Condition::ServiceStarted => return None,
            Condition::ServiceHealthy if dependency.is_healthy() => return None,
            Condition::ServiceHealthy => Kind::Healthy,
            Condition::ServiceCompletedSuccessfully if dependency.is_settled() => return None,
            Condition::ServiceCompletedSuccessfully => Kind::Completed,
        };
        Some(self.make(operations, dependency, kind, required, Some(by), started.to_vec()))
    }

    /// The wait, if one is needed, at the end of the start.
    pub fn at_end(
        &mut self,
        operations: &mut Vec<Operation>,
        decision: &Decision<'_>,
        started: &[OperationId],
        end: AtEnd,
    ) -> Option<OperationId> {
        if decision.replicas.is_empty() || decision.is_settled() && !end.unproven {
            return None;
        }
        let name = decision.desired.service.name.clone();
        if decision.job {
            if let Some(&id) = self.made.get(&(name, Kind::Completed, end.required)) {
                return Some(id);
            }
            return Some(self.make(
                operations,
                decision,
                Kind::Completed,
                end.required,
                None,
                started.to_vec(),
            ));
        }
        Some(self.ready(operations, decision, started, end.required))
    }

    /// The wait until a service is ready. `started` are the operations that start its replicas.
    pub fn ready(
        &mut self,
        operations: &mut Vec<Operation>,
        of: &Decision<'_>,
        started: &[OperationId],
        required: bool,
    ) -> OperationId {
        // After a dependent's wait for the same service, so that it isn't asked by two at once.
        let healthy = |required| (of.desired.service.name.clone(), Kind::Healthy, required);
        let before = [true, false].into_iter().filter_map(|required| self.made.get(&healthy(required)));
        let after = started.iter().chain(before).copied().collect();
        self.make(operations, of, Kind::Ready, required, None, after)
    }

    fn make(
        &mut self,
        operations: &mut Vec<Operation>,
        of: &Decision<'_>,
        kind: Kind,
        required: bool,
        by: Option<&str>,
        mut after: Vec<OperationId>,
    ) -> OperationId {
        let service = of.desired.service.name.clone();
        let next = operations.len();
        let id = *self.made.entry((service.clone(), kind, required)).or_insert(next);
        if id == next {
            after.sort_unstable();
            after.dedup();
            let condition = match kind {
                Kind::Healthy => WaitCondition::Healthy,
                Kind::Completed => WaitCondition::Completed,
                Kind::Ready => WaitCondition::Ready,
            };
            let containers = of.replicas.iter().map(|replica| replica.name.clone()).collect();
            operations.push(Operation {
                action: Action::Wait(WaitFor { service: service.clone(), containers, condition, required }),
                target: Target::Service(service),
                cause: Cause::NeededBy { services: Vec::new() },
                after,
            });
        }
        if let (Some(by), Cause::NeededBy { services }) = (by, &mut operations[id].cause)
            && !services.iter().any(|name| name == by)
        {
            services.push(by.to_owned());
            services.sort();
        }
        id
    }
}

//! Which operation may begin: pure bookkeeping over a plan.

use std::collections::BTreeSet;

use crate::plan::operation::{Action, Operation, OperationId};

/// How many operations of a class may be under way at once. Waits cost nothing and have no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Short engine calls.
    pub calls: usize,
    /// Pulls.
    pub pulls: usize,
    /// Builds.
    pub builds: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls: 16, pulls: 4, builds: 2 }
    }
}

/// What an operation costs, and so what limits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A short engine call. Once begun it is left to finish.
    Call,
    /// A pull: minutes. Given up, it leaves nothing half-done behind.
    Pull,
    /// A build: minutes. Given up, it leaves nothing half-done behind.
    Build,
    /// What a system is told. Given up, the next run goes on from there.
    Apply,
    /// A wait: as long as it takes.
    Wait,
}

impl Class {
    pub(super) fn of(action: &Action) -> Self {
        match action {
            Action::PullImage { .. } => Self::Pull,
            Action::BuildImage { .. } | Action::BuildStub { .. } => Self::Build,
            Action::Apply(_) | Action::Targets(_) => Self::Apply,
            Action::Wait(_) => Self::Wait,
            Action::CreateNetwork(_)
            | Action::RemoveNetwork(_)
            | Action::CreateVolume(_)
            | Action::RemoveVolume(_)
            | Action::CreateContainer(_)
            | Action::CopyFiles { .. }
            | Action::ConnectNetwork { .. }
            | Action::StartContainer(_)
            | Action::StopContainer { .. }
            | Action::RestartContainer { .. }
            | Action::RemoveContainer { .. }
            | Action::RenameContainer { .. } => Self::Call,
        }
    }

    /// It fetches or makes an image, which takes the time it takes.
    pub(super) fn is_transfer(self) -> bool {
        matches!(self, Self::Pull | Self::Build)
    }

    fn index(self) -> usize {
        match self {
            Self::Call => 0,
            Self::Pull => 1,
            Self::Build => 2,
            Self::Apply => 3,
            Self::Wait => 4,
        }
    }
}

/// Which operations are ready, under way and still to come.
#[derive(Debug)]
pub(super) struct Schedule {
    classes: Vec<Class>,
    /// How many predecessors each operation still waits for.
    blocked_by: Vec<usize>,
    followers: Vec<Vec<OperationId>>,
    /// Operations that may begin, lowest number first, by class.
    ready: [BTreeSet<OperationId>; 5],
    free: [usize; 5],
    unstarted: BTreeSet<OperationId>,
}

impl Schedule {
    pub(super) fn new(operations: &[Operation], limits: Limits) -> Self {
        let mut schedule = Self {
            classes: operations.iter().map(|operation| Class::of(&operation.action)).collect(),
            blocked_by: vec![0; operations.len()],
            followers: vec![Vec::new(); operations.len()],
            ready: Default::default(),
            free: [limits.calls.max(1), limits.pulls.max(1), limits.builds.max(1), usize::MAX, usize::MAX],
            unstarted: (0..operations.len()).collect(),
        };
        for (id, operation) in operations.iter().enumerate() {
            let before: BTreeSet<_> = operation.after.iter().copied().collect();
            assert!(
                before.iter().all(|other| *other < id),
                "a plan's operations come after those they wait for"
            );
            schedule.blocked_by[id] = before.len();
            for other in &before {
                schedule.followers[*other].push(id);
            }
            if before.is_empty() {
                schedule.make_ready(id);
            }
        }
        schedule
    }

    /// Takes the next operation that may begin now, if any.
    pub(super) fn next(&mut self) -> Option<OperationId> {
        let lowest = |(class, ready): (usize, &BTreeSet<OperationId>)| {
            ready.first().copied().filter(|_| self.free[class] > 0)
        };
        let id = self.ready.iter().enumerate().filter_map(lowest).min()?;
        let class = self.classes[id].index();
        self.ready[class].remove(&id);
        self.free[class] -= 1;
        self.unstarted.remove(&id);
        Some(id)
    }

    /// Takes the next pull that may begin, whatever the limits.
    pub(super) fn next_pull(&mut self) -> Option<OperationId> {
        let id = self.ready[Class::Pull.index()].pop_first()?;
        self.unstarted.remove(&id);
        Some(id)
    }

    /// An operation has succeeded: those that waited for it alone may begin.
    pub(super) fn succeeded(&mut self, id: OperationId) {
        self.free[self.classes[id].index()] += 1;
        for follower in std::mem::take(&mut self.followers[id]) {
            self.blocked_by[follower] -= 1;
            if self.blocked_by[follower] == 0 {
                self.make_ready(follower);
            }
        }
    }

    /// An operation that has succeeded begins once more.
    pub(super) fn again(&mut self, id: OperationId) {
        self.free[self.classes[id].index()] -= 1;
    }

    /// The operations that have not begun.
    pub(super) fn unstarted(&self) -> impl Iterator<Item = OperationId> {
        self.unstarted.iter().copied()
    }

    fn make_ready(&mut self, id: OperationId) {
        self.ready[self.classes[id].index()].insert(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::operation::{Cause, Target};

    fn operation(action: Action, after: &[OperationId]) -> Operation {
        Operation { action, target: Target::Service("x".into()), cause: Cause::Asked, after: after.to_vec() }
    }

    fn start(after: &[OperationId]) -> Operation {
        operation(Action::StartContainer("x".into()), after)
    }

    fn pull(after: &[OperationId]) -> Operation {
        operation(Action::PullImage { image: "x".into(), platform: None }, after)
    }

    fn take_all(schedule: &mut Schedule) -> Vec<OperationId> {
        std::iter::from_fn(|| schedule.next()).collect()
    }

    #[test]
    fn an_operation_begins_as_soon_as_all_it_comes_after_have_succeeded() {
        let plan = [start(&[]), start(&[]), start(&[0, 1, 1]), start(&[0])];
        let mut schedule = Schedule::new(&plan, Limits::default());
        assert_eq!(take_all(&mut schedule), [0, 1]);
        schedule.succeeded(0);
        assert_eq!(take_all(&mut schedule), [3]);
        schedule.succeeded(1);
        assert_eq!(take_all(&mut schedule), [2]);
        assert_eq!(schedule.unstarted().count(), 0);
    }

    #[test]
    fn a_full_class_holds_back_itself_only() {
        let plan = [pull(&[]), pull(&[]), start(&[]), start(&[0])];
        let mut schedule = Schedule::new(&plan, Limits { pulls: 1, ..Limits::default() });
        assert_eq!(take_all(&mut schedule), [0, 2]);
        assert_eq!(schedule.unstarted().collect::<Vec<_>>(), [1, 3]);
        schedule.succeeded(0);
        assert_eq!(take_all(&mut schedule), [1, 3]);
    }

    #[test]
    fn a_limit_of_none_still_lets_one_through() {
        let mut schedule = Schedule::new(&[pull(&[])], Limits { calls: 0, pulls: 0, builds: 0 });
        assert_eq!(take_all(&mut schedule), [0]);
    }
}

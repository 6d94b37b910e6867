//! What is under way, by what becomes of it when the plan is given up.

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use super::error::FailureCause;
use super::schedule::Class;
use super::wait::FailedContainer;
use crate::plan::operation::OperationId;

/// What is to be known of a call that succeeded, or why it failed.
pub(super) type Called = (OperationId, Result<Vec<String>, FailureCause>);
pub(super) type Waited = (OperationId, Result<(), FailedContainer>);

/// What is under way, by what becomes of it when the plan is given up.
#[derive(Default)]
pub(super) struct UnderWay<'a> {
    /// These finish.
    pub calls: FuturesUnordered<BoxFuture<'a, Called>>,
    /// These are dropped, or go on for a moment when all that failed is another pull.
    pub pulls: FuturesUnordered<BoxFuture<'a, Called>>,
    /// These are dropped.
    pub builds: FuturesUnordered<BoxFuture<'a, Called>>,
    /// These are dropped.
    pub applies: FuturesUnordered<BoxFuture<'a, Called>>,
    /// These are dropped.
    pub waits: FuturesUnordered<BoxFuture<'a, Waited>>,
}

impl<'a> UnderWay<'a> {
    /// Adds a call of this class.
    pub fn push(&mut self, class: Class, call: BoxFuture<'a, Called>) {
        match class {
            Class::Pull => self.pulls.push(call),
            Class::Build => self.builds.push(call),
            Class::Apply => self.applies.push(call),
            Class::Call | Class::Wait => self.calls.push(call),
        }
    }
}

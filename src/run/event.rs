//! What the executor tells while it works. Renderers only consume these.

use std::time::Duration;

use crate::plan::operation::{Operation, OperationId};

/// Something the executor tells.
#[derive(Debug, Clone)]
pub enum Event {
    /// An operation begins. A wait may begin once more after it was done: its container was restarted.
    Started {
        /// Which.
        id: OperationId,
    },
    /// An operation goes on.
    Progress {
        /// Which.
        id: OperationId,
        /// What goes on, or what it waits for: `pulling 3 of 7 layers`, `health: connection refused`.
        message: String,
        /// Bytes done and wanted, where known.
        bytes: Option<(u64, u64)>,
    },
    /// An operation is done.
    Done {
        /// Which.
        id: OperationId,
        /// How long it took.
        took: Duration,
    },
    /// A wait failed, but was not required: what comes after it goes on.
    Warned {
        /// Which.
        id: OperationId,
        /// Why.
        message: String,
    },
    /// An operation failed. A wait may fail after it was done: its container had become ready and ended before the
    /// plan did.
    Failed {
        /// Which.
        id: OperationId,
        /// Why, in a line.
        message: String,
    },
    /// An operation was not begun, or was given up, because another failed or the user interrupted.
    Cancelled {
        /// Which.
        id: OperationId,
    },
}

/// Receives events. Called from several tasks; must not block.
pub trait Reporter: Send + Sync {
    /// Before anything else: all operations of the plan.
    fn begin(&self, operations: &[Operation]);
    /// Something happened.
    fn event(&self, event: Event);
    /// A second has passed: for those who say again what lasts. Nothing has happened.
    fn tick(&self) {}
    /// The user interrupted, and these are waited for: engine calls that can't be broken off.
    fn interrupted(&self, _left: &[OperationId]) {}
    /// After everything else, however it went.
    fn end(&self);
}

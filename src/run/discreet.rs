//! A reporter between the executor and whoever shows what it tells: no secret passes.

use super::event::{Event, Reporter};
use crate::plan::operation::{Operation, OperationId};
use crate::probe::Secrets;

/// Passes everything on, without secrets.
pub struct Discreet<'a> {
    /// To whom.
    pub to: &'a dyn Reporter,
    /// What must not be shown.
    pub secrets: &'a Secrets,
}

impl Reporter for Discreet<'_> {
    fn begin(&self, operations: &[Operation]) {
        self.to.begin(operations);
    }

    fn event(&self, event: Event) {
        self.to.event(match event {
            Event::Progress { id, message, bytes } => {
                Event::Progress { id, message: self.secrets.scrub(message), bytes }
            }
            Event::Warned { id, message } => Event::Warned { id, message: self.secrets.scrub(message) },
            Event::Failed { id, message } => Event::Failed { id, message: self.secrets.scrub(message) },
            event @ (Event::Started { .. } | Event::Done { .. } | Event::Cancelled { .. }) => event,
        });
    }

    fn tick(&self) {
        self.to.tick();
    }

    fn interrupted(&self, left: &[OperationId]) {
        self.to.interrupted(left);
    }

    fn end(&self) {
        self.to.end();
    }
}

//! The document `vv.why/1`. Its schema is `docs/schema/why.json`.

use serde::Serialize;

use super::{Cause, Explanation, Step};

/// The name of the document's shape.
pub const SCHEMA: &str = "vv.why/1";

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report<'a> {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The stack's name.
    pub stack: &'a str,
    /// The service that was asked for.
    pub service: &'a str,
    /// Whether it is ready.
    pub ready: bool,
    /// All of it in one line.
    pub summary: String,
    /// Why it isn't ready, or null.
    pub reason: Option<Line<'a>>,
    /// The way from the service to the one at fault.
    pub chain: &'a [Step],
    /// What is worth saying besides.
    pub notes: &'a [String],
}

/// The reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line<'a> {
    /// The service at fault.
    pub service: &'a str,
    /// What kind of reason.
    pub cause: Cause,
    /// What it does, in words that follow its name.
    pub what: &'a str,
    /// What shows it, most telling first.
    pub evidence: &'a [String],
    /// What to type or change.
    pub fix: &'a str,
}

impl<'a> Report<'a> {
    /// The document of an explanation.
    pub fn new(stack: &'a str, explanation: &'a Explanation) -> Self {
        Self {
            schema: SCHEMA,
            stack,
            service: &explanation.service,
            ready: explanation.reason.is_none(),
            summary: explanation.headline(),
            reason: explanation.reason.as_ref().map(|reason| Line {
                service: &reason.service,
                cause: reason.cause,
                what: &reason.what,
                evidence: &reason.evidence,
                fix: &reason.fix,
            }),
            chain: &explanation.chain,
            notes: &explanation.notes,
        }
    }
}

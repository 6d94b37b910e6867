//! The document `vv.doctor/1`. Its schema is `docs/schema/doctor.json`.

use serde::Serialize;

use super::{Finding, Severity};

/// The name of the document's shape.
pub const SCHEMA: &str = "vv.doctor/1";

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report<'a> {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The stack's name.
    pub stack: &'a str,
    /// The worst of the findings.
    pub status: Severity,
    /// What was looked at.
    pub findings: &'a [Finding],
}

impl<'a> Report<'a> {
    /// The document of these findings.
    pub fn new(stack: &'a str, findings: &'a [Finding]) -> Self {
        Self { schema: SCHEMA, stack, status: worst(findings), findings }
    }
}

/// The worst of them.
pub fn worst(findings: &[Finding]) -> Severity {
    findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok)
}

//! What would stop a start: findings, from facts that were gathered elsewhere. Pure: it reads nothing and asks nobody.
//!
//! [`findings`] is all that `vv doctor` says; [`preflight`] is the part that a start can know without asking the engine
//! anything more, and of it only what would certainly fail is a failure.

mod engine;
pub mod facts;
mod files;
mod images;
mod kernel;
mod names;
mod network;
mod ports;
mod preflight;
pub mod report;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde::Serialize;

use self::facts::{EngineFacts, Facts};
use crate::plan::{Inputs, PlanError, StartRequest, Stubs, preview_plan};
use crate::stack::{Stack, unset_variable};
pub use files::binds;
pub use ports::{HostPort, wanted as wanted_ports};
pub use preflight::{Starting, preflight};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// A start may go through, but look at it.
    Warn,
    /// A start, or what is started, will fail.
    Fail,
}

/// Something that was looked at, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `engine`, `memory`, `port`, `image`, …
    pub check: &'static str,
    /// The service that it is about, where it is about one.
    pub service: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen, in a line.
    pub seen: String,
    /// What to type or change; there is one wherever something is wrong.
    pub fix: Option<String>,
}

impl Finding {
    /// As it should be.
    fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, service: None, severity: Severity::Ok, seen: seen.into(), fix: None }
    }

    /// Look at it.
    fn warn(check: &'static str, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, service: None, severity: Severity::Warn, seen: seen.into(), fix: Some(fix.into()) }
    }

    /// It will fail.
    fn fail(check: &'static str, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, service: None, severity: Severity::Fail, seen: seen.into(), fix: Some(fix.into()) }
    }

    /// Says which service it is about.
    fn of(mut self, service: &str) -> Self {
        self.service = Some(service.to_owned());
        self
    }
}

/// Everything there is to say, in the order in which it is shown. `stubs` are the services that a stand-in replaces.
pub fn findings(stack: &Stack, stubs: &Stubs, facts: &Facts) -> Vec<Finding> {
    let mut findings = engine::reach(facts);
    if let Ok(engine) = &facts.engine {
        findings.extend(engine::settings(stack, engine, &facts.here));
        findings.extend(kernel::limits(stack, engine, &facts.here));
        findings.extend(network::name_servers(engine, &facts.here));
        findings.extend(network::proxies(stack, Some(engine), &facts.here));
    } else {
        findings.extend(network::proxies(stack, None, &facts.here));
    }
    findings.extend(ports::findings(stack, facts));
    findings.extend(images::findings(stack, stubs, facts));
    if let Some(problem) = &facts.stub_problem {
        findings.push(Finding::fail(
            "stub",
            problem.clone(),
            "VV_STUB_BINARY=… names a static vv for the engine",
        ));
    }
    findings.extend(files::sources(stack, stubs, facts));
    findings.extend(files::mounts(stack, stubs, facts));
    findings.extend(variables(stack));
    if let Ok(engine) = &facts.engine {
        findings.extend(names::findings(stack, engine));
        findings.extend(network::subnets(stack, engine));
        // What planning refuses is told in its own words, where nothing above has told it already.
        if report::worst(&findings) < Severity::Fail {
            findings.extend(refused(stack, stubs, engine));
        }
    }
    findings
}

/// What planning a start refuses.
fn refused(stack: &Stack, stubs: &Stubs, engine: &EngineFacts) -> Option<Finding> {
    let observed = engine.observed.as_ref().ok()?;
    // Nothing is carried out, so no copies are kept.
    let inputs = Inputs { stack, observed, stubs, cache_dir: Path::new("/") };
    preview_plan(&inputs, &StartRequest::default()).err().map(refusal)
}

/// What planning refuses, as a finding.
pub fn refusal(error: PlanError) -> Finding {
    let fix = error.hints.into_iter().next().unwrap_or_else(|| "vv plan".to_owned());
    Finding::fail("plan", error.message, fix)
}

/// Variables that the files use and nobody sets.
fn variables(stack: &Stack) -> Vec<Finding> {
    let unset = stack.warnings.iter().filter_map(|warning| unset_variable(warning));
    unset
        .map(|(place, name)| {
            Finding::warn(
                "variable",
                format!("{name} isn't set and becomes an empty text ({place})"),
                format!("echo '{name}=…' >> .env, or give it a default: ${{{name}:-…}}"),
            )
        })
        .collect()
}

/// `1.5 GiB`, `512 MiB`: of memory and disks.
fn size(bytes: u64) -> String {
    let mebibytes = bytes / (1 << 20);
    if mebibytes < 1024 {
        return format!("{mebibytes} MiB");
    }
    format!("{:.1} GiB", mebibytes as f64 / 1024.0)
}

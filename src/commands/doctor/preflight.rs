//! What a start asks this machine before anything is made: it costs no call to the engine.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::gather::{kinds, processes_at, told};
use super::here;
use crate::commands::context::Context;
use crate::doctor::{Finding, HostPort, Severity, Starting, preflight};
use crate::engine::Engine;
use crate::failure::{Failure, Kind, Result};
use crate::output::typed::typed;
use crate::plan::observed::Observed;
use crate::plan::operation::Plan;
use crate::run::ports::{PortHolder, who_has};
use crate::stack::Stack;

/// What would make this plan fail, and what may.
pub async fn foreseen(stack: &Stack, observed: &Observed, engine: &dyn Engine, plan: &Plan) -> Vec<Finding> {
    if !plan.changes_anything() {
        return Vec::new();
    }
    let starting = Starting::of(stack, plan, observed);
    let here = here::look(true).await;
    let wanted: BTreeSet<HostPort> = starting.ports.iter().map(|(_, port)| *port).collect();
    let mut taken = match here.shared {
        true => processes_at(wanted.into_iter().collect()).await,
        false => Default::default(),
    };
    for (port, holder) in &mut taken {
        // Most often it is another container's: now that the start fails, the engine may be asked whose.
        if let Some(found @ PortHolder::Container { .. }) = who_has(engine, &bare(port)).await {
            *holder = told(found);
        }
    }
    let sources: BTreeSet<PathBuf> = starting.mounts.iter().map(|(_, source, _)| source.clone()).collect();
    let paths = kinds(sources).await;
    preflight(stack, observed, &starting, &taken, &paths, &here)
}

/// Fails where the plan would certainly fail; warns where it probably does.
pub async fn check(
    context: &Context,
    stack: &Stack,
    observed: &Observed,
    engine: &dyn Engine,
    plan: &Plan,
) -> Result {
    let findings = foreseen(stack, observed, engine, plan).await;
    let (failing, doubtful): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(|finding| finding.severity == Severity::Fail);
    for finding in doubtful {
        context.printer.warn(in_a_line(&finding));
    }
    let mut failing = failing.into_iter();
    let Some(first) = failing.next() else { return Ok(()) };
    let mut failure = Failure::new(Kind::Failed, format!("nothing was started: {}", first.seen));
    failure.hints.extend(first.fix);
    for other in failing {
        failure.details.push(format!("and {}", in_a_line(&other)));
    }
    Err(failure.hint("`vv doctor` looks at everything else, too"))
}

/// As the engine names a port: without its protocol.
fn bare(port: &HostPort) -> String {
    let text = port.to_string();
    text.split('/').next().unwrap_or_default().to_owned()
}

fn in_a_line(finding: &Finding) -> String {
    match &finding.fix {
        Some(fix) => format!("{} ({})", finding.seen, typed(fix)),
        None => finding.seen.clone(),
    }
}

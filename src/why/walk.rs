//! The way from a service to the one at fault.

use std::collections::BTreeSet;

use super::facts::Facts;
use super::links::links;
use super::own::own;
use super::{Cause, Explanation, Reason, Step};
use crate::platform::ReplicaState;
use crate::probe::Outcome;
use crate::stack::model::{Condition, Dependency};
use crate::stack::{Service, Stack};

/// Why a service isn't ready.
pub fn explain(stack: &Stack, service: &Service, facts: &Facts) -> Explanation {
    let mut seen = BTreeSet::new();
    let mut others = Vec::new();
    let found = root(stack, service, facts, &mut seen, &mut others);
    let mut notes = Vec::new();
    let (reason, chain) = match found {
        Some(Found { reason, chain }) => {
            others.retain(|(other, _): &(String, String)| *other != reason.service);
            notes.extend(
                others.into_iter().map(|(other, what)| format!("{other} isn't ready either: it {what}")),
            );
            (Some(reason), chain)
        }
        None => {
            let checks = facts.get(&service.name).map(|facts| facts.checks.as_slice()).unwrap_or_default();
            let doubtful = checks.iter().filter(|check| check.outcome == Outcome::Warn);
            notes.extend(doubtful.map(|check| match &check.hint {
                Some(hint) => format!("{}: {} ({hint})", check.name, check.detail),
                None => format!("{}: {}", check.name, check.detail),
            }));
            // It runs, and what it talks to doesn't: that shows elsewhere, or with the next request.
            for (name, because, _) in needs(stack, service) {
                let Some(needed) = stack.services.get(&name) else { continue };
                if let Some(below) = root(stack, needed, facts, &mut seen, &mut others) {
                    let Reason { service: at_fault, what, fix, .. } = below.reason;
                    notes.push(format!("it {because}, and {at_fault} isn't ready: it {what} (fix: {fix})"));
                }
            }
            (None, Vec::new())
        }
    };
    Explanation { service: service.name.clone(), reason, chain, notes }
}

struct Found {
    reason: Reason,
    chain: Vec<Step>,
}

/// The first that fails of its own accord, on the ways from this service; itself where all that it needs is fine.
/// `seen` ends every way that comes back.
fn root(
    stack: &Stack,
    service: &Service,
    facts: &Facts,
    seen: &mut BTreeSet<String>,
    others: &mut Vec<(String, String)>,
) -> Option<Found> {
    if !seen.insert(service.name.clone()) {
        return None;
    }
    let reason = own(service, facts.get(&service.name)?)?;
    if reason.final_ {
        return Some(Found { reason, chain: Vec::new() });
    }
    let mut found: Vec<Found> = Vec::new();
    for (name, because, dependency) in needs(stack, service) {
        let Some(needed) = stack.services.get(&name) else { continue };
        // What isn't required doesn't keep anybody from being started.
        let optional = dependency.is_some_and(|dependency| !dependency.required);
        if optional && reason.cause == Cause::NotStarted {
            continue;
        }
        let below = root(stack, needed, facts, seen, others).or_else(|| {
            unfulfilled(needed, dependency?, facts, &reason).map(|reason| Found { reason, chain: Vec::new() })
        });
        if let Some(mut below) = below {
            below.chain.insert(0, Step { service: service.name.clone(), because });
            found.push(below);
        }
    }
    // Those that were never started come last: most often they wait themselves for what is at fault.
    found.sort_by_key(|found| (found.reason.cause == Cause::NotStarted, !found.reason.final_));
    let mut found = found.into_iter();
    let Some(first) = found.next() else { return Some(Found { reason, chain: Vec::new() }) };
    others.extend(found.map(|other| (other.reason.service, other.reason.what)));
    let mut first = first;
    // What the service itself shows is part of the evidence, once it has been started.
    if reason.cause != Cause::NotStarted {
        first.reason.evidence.push(format!("{} {}", service.name, reason.what));
    }
    Some(first)
}

/// What a service waits for, then what it names in its environment.
fn needs<'a>(stack: &Stack, service: &'a Service) -> Vec<(String, String, Option<&'a Dependency>)> {
    let mut needs: Vec<(String, String, Option<&Dependency>)> = service
        .depends_on
        .iter()
        .map(|(name, dependency)| {
            let condition = match dependency.condition {
                Condition::ServiceStarted => "service_started",
                Condition::ServiceHealthy => "service_healthy",
                Condition::ServiceCompletedSuccessfully => "service_completed_successfully",
            };
            (name.clone(), format!("waits for {name} ({condition})"), Some(dependency))
        })
        .collect();
    for (variable, name) in links(stack, service) {
        if !needs.iter().any(|(needed, _, _)| *needed == name) {
            needs.push((name.clone(), format!("names {name} in {variable}"), None));
        }
    }
    needs
}

/// A dependency that is as it should be by itself, and not as the one that waits for it wants it.
fn unfulfilled(needed: &Service, dependency: &Dependency, facts: &Facts, waiting: &Reason) -> Option<Reason> {
    // One that was started all the same doesn't wait for it.
    if waiting.cause != Cause::NotStarted {
        return None;
    }
    let replicas = &facts.get(&needed.name)?.replicas;
    let reason = |cause, what: &str, fix: String| Reason::of(needed, cause, what, fix);
    let running = replicas.iter().any(|replica| replica.status.state == ReplicaState::Running);
    match dependency.condition {
        Condition::ServiceCompletedSuccessfully if running => Some(reason(
            Cause::StillRunning,
            "is still running, and it is waited for until it ends",
            format!("vv logs -f {}", needed.name),
        )),
        Condition::ServiceHealthy
            if running && replicas.iter().all(|replica| replica.status.health.is_none()) =>
        {
            Some(reason(
                Cause::NoHealthcheck,
                "has no healthcheck, and is waited for until it is healthy",
                "give it a healthcheck, or depend on it with condition: service_started".to_owned(),
            ))
        }
        _ => None,
    }
}

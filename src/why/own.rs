//! What a service shows by itself, all its containers together.

use super::container;
use super::facts::ServiceFacts;
use super::{Cause, Reason};
use crate::probe::Check;
use crate::stack::Service;

/// Why a service isn't ready, as far as it shows itself; nothing where it is ready, or a job that is done.
pub fn own(service: &Service, facts: &ServiceFacts) -> Option<Reason> {
    let name = &service.name;
    let reason = |cause, what: String, fix: String, final_| {
        Some(Reason { final_, ..Reason::of(service, cause, what, fix) })
    };
    if facts.replicas.is_empty() {
        if service.replicas == 0 {
            return reason(
                Cause::ScaledToZero,
                "is scaled to 0 replicas".to_owned(),
                format!("vv scale {name} 1"),
                true,
            );
        }
        if let Some(why) = &facts.image_missing {
            return reason(
                Cause::ImageMissing,
                format!("can't start: {why}"),
                "vv doctor says what to do about each image".to_owned(),
                true,
            );
        }
        if let Some(finding) = &facts.prevented {
            let cause = if finding.check == "port" { Cause::PortTaken } else { Cause::CantStart };
            let start = format!("vv start {name}");
            let fix =
                finding.fix.as_ref().map_or_else(|| start.clone(), |fix| format!("{fix}; then {start}"));
            return reason(cause, format!("can't start: {}", finding.seen), fix, true);
        }
        return reason(
            Cause::NotStarted,
            "hasn't been started: there is no container".to_owned(),
            format!("vv start {name}"),
            false,
        );
    }
    let failing = facts.replicas.iter().find_map(|replica| {
        let number = replica.status.replica.number;
        let checks: Vec<&Check> =
            facts.checks.iter().filter(|check| check.replica.number == number).collect();
        Some((replica, container::judge(service, replica, &checks)?))
    });
    let Some((replica, mut found)) = failing else {
        return facts
            .refused
            .iter()
            .find(|refusal| refusal.password)
            .map(|refusal| refused(service, refusal));
    };
    // A login that is refused explains what looks like the service's own fault.
    if !found.final_
        && let Some(refusal) = facts.refused.first()
    {
        let mut refused = refused(service, refusal);
        refused.evidence.push(format!("{name} {}", found.what));
        refused.evidence.append(&mut found.evidence);
        return Some(refused);
    }
    if facts.replicas.len() > 1 {
        found.container = Some(replica.status.name.clone());
    }
    Some(found)
}

fn refused(service: &Service, refusal: &super::facts::Refusal) -> Reason {
    let (variable, by) = (&refusal.variable, &refusal.by);
    let declared =
        "the variable says what the stack gives that service, so it is the service that has another";
    let fix = match (&refusal.hint, refusal.as_declared, refusal.password) {
        (Some(hint), true, _) | (Some(hint), false, false) => hint.clone(),
        _ => format!("let {variable} of {} say the login that the stack gives {by}", service.name),
    };
    let what = format!("can't log in by its {variable}: {by} {}", refusal.detail);
    Reason {
        evidence: if refusal.as_declared { vec![declared.to_owned()] } else { Vec::new() },
        ..Reason::of(service, Cause::LoginRefused, what, fix)
    }
}

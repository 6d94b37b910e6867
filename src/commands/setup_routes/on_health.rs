//! Health's word on declared routes: as declared, and live through the proxy.

use std::time::Duration;

use tokio::time::Instant;

use super::gateway::{self, Named};
use super::live::{self, Proving};
use super::on_start::{Compared, Routes};
use super::told::Away;
use crate::commands::declared::Told;
use crate::engine::platform::EnginePlatform;
use crate::failure::Failure;
use crate::output::short_duration;
use crate::platform::Replica;
use crate::probe::deep::few;
use crate::probe::{Check, Level, Outcome};
use crate::routes::owner_tag;
use crate::routes::plan::{Action, RoutePlan};
use crate::routes::prove::{self, Proof};
use crate::routes::words::{self, counted};
use crate::stack::Stack;

/// What the check of the difference is called; each route is a check of its own.
const NAME: &str = "declared routes";

/// What is seen: the outcome, its words, and what to do.
type Seen = (Outcome, String, Option<String>);

impl Routes {
    /// The service that the checks are told of: the first gateway.
    pub fn told_of(stack: &Stack) -> Option<&str> {
        gateway::gateways(stack).first().map(|service| service.name.as_str())
    }

    /// Compares, and asks for each route, within this time. Nothing is written.
    pub async fn check(
        &self,
        stack: &Stack,
        service: &str,
        platform: &EnginePlatform,
        limit: Duration,
    ) -> Vec<Told> {
        let begun = Instant::now();
        let replica = Replica { service: service.to_owned(), number: 0 };
        let check = |name: String, answered: bool, (outcome, detail, hint): Seen| Told {
            answered,
            check: Check {
                replica: replica.clone(),
                name,
                level: Level::Deep,
                outcome,
                detail,
                hint,
                took: begun.elapsed(),
            },
        };
        let asked = async {
            let way = gateway::now(stack, platform, &Named::default()).await.map_err(Failure::from)?;
            let seen =
                self.seen(stack, platform, &way, &Away::default()).await.map_err(gateway::failure_of)?;
            let Compared { declaration, plan } = &seen;
            let proving = Proving {
                owner_tag: owner_tag(&stack.name),
                unsafe_probes: false,
                unmade: live::unmade(plan, None),
                changed: false,
                end: begun + limit,
            };
            let proofs = live::prove(&way, declaration, plan, &proving).await.map_err(gateway::failure_of)?;
            Ok::<_, Failure>((seen, proofs))
        };
        match tokio::time::timeout(limit, asked).await {
            Ok(Ok((seen, proofs))) => {
                let compared = check(NAME.to_owned(), true, judge(&seen.plan));
                let proven = proofs.into_iter().map(|proof| check(proof.label.clone(), true, proven(proof)));
                std::iter::once(compared).chain(proven).collect()
            }
            Ok(Err(failure)) => {
                let hint = failure.hints.first().cloned();
                vec![check(NAME.to_owned(), false, (Outcome::Fail, failure.in_a_line(), hint))]
            }
            Err(_) => {
                let detail = format!("no answer within {}", short_duration(limit));
                vec![check(NAME.to_owned(), false, (Outcome::Fail, detail, None))]
            }
        }
    }
}

/// What a difference comes to.
fn judge(plan: &RoutePlan) -> Seen {
    const APPLY: &str = "vv setup-routes";
    let missing = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Create)
        .map(|change| change.label.clone());
    let missing: Vec<String> = missing.collect();
    let differing = plan.changes.iter().filter(|change| change.action != Action::Create);
    let differing = differing.map(|change| words::planned(change).1);
    let impossible = plan.impossible.iter().map(|it| format!("{}: {}", it.label, it.reason));
    let differing: Vec<String> = differing.chain(impossible).chain(plan.blocked.clone()).collect();
    if !missing.is_empty() {
        let also = if differing.is_empty() {
            String::new()
        } else {
            format!("; not as declared: {}", few(differing))
        };
        return (Outcome::Fail, format!("missing: {}{also}", few(missing)), Some(APPLY.to_owned()));
    }
    if !plan.is_settled() {
        let hint = if plan.impossible.is_empty() {
            APPLY
        } else {
            "vv setup-routes --check shows each, and what to do"
        };
        return (Outcome::Warn, format!("not as declared: {}", few(differing)), Some(hint.to_owned()));
    }
    (Outcome::Ok, format!("{}, as declared", counted(plan.settled, "entity")), None)
}

/// What a route's answer comes to.
fn proven(proof: Proof) -> Seen {
    let outcome = match proof.level {
        prove::Level::Ok => Outcome::Ok,
        prove::Level::Warn => Outcome::Warn,
        prove::Level::Fail => Outcome::Fail,
        prove::Level::Skipped => Outcome::Skipped,
    };
    let detail = match proof.request {
        Some(request) => format!("{request}: {}", proof.detail),
        None => proof.detail,
    };
    (outcome, detail, proof.hint)
}

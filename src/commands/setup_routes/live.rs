//! Proving through the proxy that each declared route answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::gateway::Way;
use crate::routes::admin::{Admin, AdminError, ErrorKind};
use crate::routes::apply::{Applied, End};
use crate::routes::declaration::Declaration;
use crate::routes::kind::Kind;
use crate::routes::plan::{Action, RoutePlan};
use crate::routes::prove::barrier::{self, Blocked, Sentinel};
use crate::routes::prove::{self, Known, PATIENCE, Proof, Proxy, Wanted};

/// How routes are proven.
#[derive(Debug, Clone)]
pub struct Proving {
    /// The tag of the stack's own.
    pub owner_tag: String,
    /// Routes that allow only methods that change something are asked all the same.
    pub unsafe_probes: bool,
    /// The ids of what the plan makes and the gateway hasn't.
    pub unmade: BTreeSet<String>,
    /// Something was written just now: it must reach the proxy first.
    pub changed: bool,
    /// When everything must be over.
    pub end: Instant,
}

/// Asks for each declared route that the gateway has, once.
///
/// # Errors
/// What was changed doesn't reach the proxy, or can't be followed to it.
pub async fn prove(
    way: &Way,
    declaration: &Declaration,
    plan: &RoutePlan,
    proving: &Proving,
) -> Result<Vec<Proof>, AdminError> {
    let wanted = wanted(declaration, plan, &proving.unmade);
    let Ok(proxy) = &way.proxy else { return Ok(Vec::new()) };
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    if proving.changed {
        settled(way, plan, &proving.owner_tag, proving.end).await?;
    }
    let health = health(way, &wanted, plan, proving.end).await;
    let options =
        prove::Options { unsafe_probes: proving.unsafe_probes, patience: PATIENCE, until: proving.end };
    let known = Known { entities: &plan.after, health: &health, secrets: &declaration.secrets };
    Ok(prove::prove(&wanted, known, proxy, options).await)
}

/// Waits until the proxy, where it can be asked, has what was just written. `owner_tag`: of the stack's own.
///
/// # Errors
/// It doesn't reach the proxy, or can't be followed to it.
pub async fn settled(way: &Way, plan: &RoutePlan, owner_tag: &str, end: Instant) -> Result<(), AdminError> {
    // Without a database it has it already.
    let (Ok(proxy), true) = (&way.proxy, plan.database) else { return Ok(()) };
    let sentinel: Arc<dyn Sentinel> = Arc::<Admin>::clone(&way.admin);
    barrier::pass(sentinel, owner_tag, &super::host(), proxy, plan.workers, end)
        .await
        .map_err(|error| blocked(error, proxy))
}

/// The ids of what a plan makes and the gateway hasn't: nothing was applied, or this wasn't done.
pub fn unmade(plan: &RoutePlan, applied: Option<&Applied>) -> BTreeSet<String> {
    let is_done = |number: usize| {
        let outcome = applied.and_then(|applied| applied.outcomes.get(number));
        outcome.is_some_and(|outcome| matches!(outcome.end, End::Done))
    };
    let created = plan.changes.iter().enumerate().filter(|(_, change)| change.action == Action::Create);
    created.filter(|(number, _)| !is_done(*number)).map(|(_, change)| change.id.clone()).collect()
}

/// The declared routes.
fn wanted(declaration: &Declaration, plan: &RoutePlan, unmade: &BTreeSet<String>) -> Vec<Wanted> {
    let routes = Kind::of("routes");
    let declared = declaration.entities.iter().zip(&plan.ids).filter(|(entity, _)| entity.kind == routes);
    declared
        .filter_map(|(entity, id)| {
            let id = id.clone()?;
            let missing = unmade.contains(&id);
            Some(Wanted { id, label: entity.label.clone(), missing })
        })
        .collect()
}

/// The health of targets; it stands in where a service isn't reached: by a route that takes no method which changes
/// nothing, or behind a login.
async fn health(
    way: &Way,
    wanted: &[Wanted],
    plan: &RoutePlan,
    end: Instant,
) -> BTreeMap<String, Vec<prove::Target>> {
    let asked = upstreams(wanted, plan).into_iter().map(async |upstream| {
        let targets = way.admin.health(&upstream, end).await;
        (upstream, targets)
    });
    futures_util::future::join_all(asked).await.into_iter().collect()
}

/// The upstreams behind wanted routes, by name.
fn upstreams(wanted: &[Wanted], plan: &RoutePlan) -> BTreeSet<String> {
    let held = |kind: &str| plan.after.get(&Kind::of(kind)).into_iter().flatten();
    let text = |entity: &Map<String, Value>, field: &str| Some(entity.get(field)?.as_str()?.to_owned());
    let is_wanted = |route: &&Map<String, Value>| {
        text(route, "id").is_some_and(|id| wanted.iter().any(|wanted| wanted.id == id))
    };
    let services: BTreeSet<String> = held("routes")
        .filter(is_wanted)
        .filter_map(|route| Some(route.get("service")?.get("id")?.as_str()?.to_owned()))
        .collect();
    let hosts: BTreeSet<String> = held("services")
        .filter(|service| text(service, "id").is_some_and(|id| services.contains(&id)))
        .filter_map(|service| text(service, "host"))
        .collect();
    let names: BTreeSet<String> = held("upstreams").filter_map(|upstream| text(upstream, "name")).collect();
    hosts.intersection(&names).cloned().collect()
}

fn blocked(blocked: Blocked, proxy: &Proxy) -> AdminError {
    let endpoint = proxy.http.as_ref().or(proxy.https.as_ref());
    let address = endpoint.map(|it| format!("{}:{}", it.host, it.port)).unwrap_or_default();
    let (kind, retriable) = match blocked {
        Blocked::Admin(_) => (ErrorKind::Refused, false),
        Blocked::NoAddress => (ErrorKind::Unusable, false),
        Blocked::NotInTime { .. } => (ErrorKind::TimedOut, true),
    };
    let message = match blocked {
        Blocked::NotInTime { after, last } => {
            format!("the changes haven't reached the proxy at {address} within {after:.1?} ({last})")
        }
        other => format!("{:#}", anyhow::Error::from(other)),
    };
    let hint = "--proxy-url says where this gateway's proxy listens; --timeout waits longer; \
        KONG_WORKER_STATE_UPDATE_FREQUENCY says how often Kong's workers look";
    AdminError { kind, message, hint: Some(hint.to_owned()), retriable }
}

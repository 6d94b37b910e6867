//! In which order types are gone through: what is referred to comes first.

use std::collections::{BTreeMap, BTreeSet};

use super::identity;
use crate::routes::declaration::Declaration;
use crate::routes::gateway::Gateway;
use crate::routes::kind::Kind;
use crate::routes::schema::Schema;

/// The types of what is declared and of what the gateway holds.
pub(super) fn kinds(declaration: &Declaration, gateway: &Gateway) -> Vec<Kind> {
    let declared = declaration.entities.iter().map(|entity| entity.kind.clone());
    let kinds: BTreeSet<Kind> = declared.chain(gateway.entities.keys().cloned()).collect();
    let mut needs: BTreeMap<&Kind, BTreeSet<Kind>> = BTreeMap::new();
    for kind in &kinds {
        let schema = Schema::in_gateway(gateway, kind, None).unwrap_or_default();
        let foreign = schema.foreign().map(|(_, kind)| kind.clone());
        // Where no schema was read, vv's own order must do.
        let earlier = kinds.iter().filter(|other| identity::place(other) < identity::place(kind));
        let known = kind.facts().map(|_| earlier.cloned().collect::<Vec<_>>()).unwrap_or_default();
        needs.entry(kind).or_default().extend(foreign.chain(known).filter(|other| other != kind));
    }
    for entity in &declaration.entities {
        let refers = entity.refers.values().map(|reference| reference.kind.clone());
        let needed = needs.entry(&entity.kind).or_default();
        // What vv knows stands in its own order: a service's upstream is no reference of Kong's.
        let wrong = |other: &Kind| {
            entity.kind.facts().is_some() && identity::place(other) > identity::place(&entity.kind)
                || *other == entity.kind
        };
        needed.extend(refers.filter(|other| !wrong(other)));
    }
    let mut ordered: Vec<Kind> = Vec::with_capacity(kinds.len());
    while ordered.len() < kinds.len() {
        let open = || kinds.iter().filter(|kind| !ordered.contains(kind));
        let ready = |kind: &&Kind| {
            let needed = needs.get(*kind).into_iter().flatten();
            needed.into_iter().all(|other| !kinds.contains(other) || ordered.contains(other))
        };
        // In a circle, whichever is first.
        let next = open().filter(ready).min_by_key(|kind| (identity::place(kind), kind.name().to_owned()));
        let Some(next) = next.or_else(|| open().next()).cloned() else { break };
        ordered.push(next);
    }
    ordered
}

//! What goes, and what isn't declared and stays.

use std::collections::{BTreeMap, HashMap};

use super::live::{Entity, Whose, id, referred};
use super::planner::Planner;
use super::reference::State;
use super::{Action, Body, Change, Gone, Undeclared, identity};
use crate::routes::declaration::To;
use crate::routes::expand::is_replica as is_replica_of;
use crate::routes::kind::Kind;
use crate::routes::{host_tag, replica_tag};

/// Decides on what the gateway holds and nobody declares. Deletions come last, what refers to another before that.
pub(super) fn decide(planner: &mut Planner<'_>, kinds: &[Kind]) {
    let mut going = going(planner);
    keep_what_is_needed(planner, &mut going);
    let mut deletions = Vec::new();
    for kind in kinds.iter().rev() {
        let entities = planner.gateway.entities.get(kind).into_iter().flatten();
        let mut entities: Vec<(String, &str, &Entity)> = entities
            .filter_map(|entity| Some((planner.live.label(kind, entity), id(entity)?, entity)))
            .filter(|(_, id, _)| going.contains_key(*id))
            .collect();
        // Not in the gateway's order, which may be that of random ids.
        entities.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
        for (label, id, entity) in entities {
            match going.get(id) {
                Some(Fate::Goes(because)) => deletions.push((kind, id, entity, label, *because)),
                Some(Fate::Stays(kept)) => planner.plan.undeclared.push(Undeclared {
                    kind: kind.clone(),
                    id: id.to_owned(),
                    label,
                    kept: kept.clone(),
                }),
                None => {}
            }
        }
    }
    // Parents first, as everything that is shown.
    let place = |undeclared: &Undeclared| kinds.iter().position(|kind| *kind == undeclared.kind);
    planner.plan.undeclared.sort_by_key(place);
    let first = planner.plan.changes.len();
    for (place, (_, id, ..)) in deletions.iter().enumerate() {
        planner.changes.insert((*id).to_owned(), first + place);
    }
    for (kind, id, entity, label, because) in deletions {
        let referring = planner.live.referring(id).iter().filter_map(|(_, other)| super::live::id(other));
        let after = referring.filter_map(|other| planner.changes.get(other)).copied().collect();
        planner.plan.changes.push(Change {
            kind: kind.clone(),
            id: id.to_owned(),
            label,
            action: Action::Delete { because },
            mark: None,
            declared: None,
            send: Body::default(),
            within: identity::within_which(kind, entity),
            after,
            park: planner.parked.remove(id).unwrap_or_default(),
        });
    }
    for (change, awaited) in std::mem::take(&mut planner.waiting) {
        let number = planner.changes.get(&awaited).copied();
        if let (Some(change), Some(number)) = (planner.plan.changes.get_mut(change), number) {
            change.after.push(number);
        }
    }
    for change in &mut planner.plan.changes {
        change.after.sort_unstable();
        change.after.dedup();
    }
    block_losses(planner);
}

/// Whether enough was read to know what refers to entities of a type.
pub(super) fn may_go(planner: &Planner<'_>, kind: &Kind) -> bool {
    planner.gateway.whole || LEAVES.contains(&kind.name())
}

/// What becomes of an undeclared entity.
enum Fate {
    Goes(Gone),
    /// Why, where it was to go.
    Stays(Option<String>),
}

fn going(planner: &Planner<'_>) -> BTreeMap<String, Fate> {
    let undeclared = planner.live.all().filter_map(|(kind, entity)| {
        let id = id(entity).filter(|id| !planner.claimed.contains(*id))?;
        let fate = match planner.live.whose(entity) {
            Whose::Foreign => return None,
            Whose::Probe if is_left_behind(planner, entity) => Fate::Goes(Gone::Probe),
            Whose::Probe => return None,
            // It may be what is declared wrongly.
            Whose::Own if planner.faulty => return None,
            Whose::Own => match gone_replica(planner, kind, entity) {
                Some(gone) => Fate::Goes(gone),
                None if planner.options.prune && !may_go(planner, kind) => {
                    Fate::Stays(Some("whether others refer to it wasn't read".to_owned()))
                }
                None if planner.options.prune => Fate::Goes(Gone::Undeclared),
                None => Fate::Stays(None),
            },
        };
        Some((id.to_owned(), fate))
    });
    undeclared.collect()
}

/// A probe of this owner that was made on this host, or is older than any run takes: whoever made it is gone. A younger
/// one of another host is waited for there.
fn is_left_behind(planner: &Planner<'_>, entity: &Entity) -> bool {
    const AT_WORK: i64 = 10 * 60;
    let options = planner.options;
    let is_of_here = !options.host.is_empty() && has_tag(entity, &host_tag(&options.host));
    let made = entity.get("created_at").and_then(|made| made.as_f64()).map(|made| made as i64);
    let is_old = made.is_some_and(|made| options.now - made > AT_WORK);
    planner.gateway.database && has_tag(entity, &planner.tag) && (is_of_here || is_old)
}

fn has_tag(entity: &Entity, wanted: &str) -> bool {
    let tags = entity.get("tags").and_then(|tags| tags.as_array());
    tags.is_some_and(|tags| tags.iter().any(|tag| tag == wanted))
}

/// A target that stood for a replica of a service which the upstream declares, by its tag or, made before there was one,
/// by its host; or for the service itself, as in a file that Kong read when it started. Nothing of any other.
fn gone_replica(planner: &Planner<'_>, kind: &Kind, entity: &Entity) -> Option<Gone> {
    if kind.name() != "targets" {
        return None;
    }
    let upstreams = Kind::of("upstreams");
    let upstream = identity::reference(entity, "upstream");
    let target = entity.get("target").and_then(|target| target.as_str()).unwrap_or_default();
    let host = target.rsplit_once(':').map_or(target, |(host, _)| host);
    let id_of = |to: &To| match to {
        To::Declared(number) => planner.states.get(*number).and_then(State::id),
        To::Id(id) => Some(id.clone()),
        To::Name(name) => planner.live.by_name(&upstreams, name).and_then(id).map(str::to_owned),
    };
    let mut here = planner.declaration.balanced.iter();
    let balanced = here.find(|balanced| {
        let service = &balanced.service;
        id_of(&balanced.upstream).as_deref() == Some(upstream)
            && (host == service
                || is_replica_of(host, &planner.options.owner, service)
                || has_tag(entity, &replica_tag(service)))
    })?;
    let has_replicas = planner.declaration.entities.iter().any(|other| {
        let to = other.refers.get("upstream").map(|reference| &reference.to);
        other.service.as_ref() == Some(&balanced.service) && to == Some(&balanced.upstream)
    });
    Some(if host == balanced.service && has_replicas { Gone::Replaced } else { Gone::NoReplica })
}

/// What others refer to stays: deleting it would be refused, or would take what isn't this owner's along.
fn keep_what_is_needed(planner: &Planner<'_>, going: &mut BTreeMap<String, Fate>) {
    if !planner.gateway.database {
        return;
    }
    let mut declared: HashMap<&str, &str> = HashMap::new();
    for (id, (_, shown)) in &planner.shown {
        let label = planner.labels.get(id).map(String::as_str).unwrap_or_default();
        declared.extend(referred(shown).map(|to| (to, label)));
    }
    loop {
        let kept: Vec<(String, String)> = going
            .iter()
            .filter(|(_, fate)| matches!(fate, Fate::Goes(_)))
            .filter_map(|(id, _)| Some((id.clone(), needed_by(planner, going, &declared, id)?)))
            .collect();
        if kept.is_empty() {
            break;
        }
        for (id, by) in kept {
            going.insert(id, Fate::Stays(Some(format!("{by} refers to it"))));
        }
    }
}

/// Types that nothing refers to: they can go whatever else there is.
const LEAVES: &[&str] = &[
    "plugins",
    "targets",
    "snis",
    "vaults",
    "keyauth_credentials",
    "jwt_secrets",
    "basicauth_credentials",
    "hmacauth_credentials",
    "acls",
    "oauth2_credentials",
];

/// What will still refer to an entity when everything is done.
fn needed_by(
    planner: &Planner<'_>,
    going: &BTreeMap<String, Fate>,
    declared: &HashMap<&str, &str>,
    wanted: &str,
) -> Option<String> {
    if let Some(label) = declared.get(wanted) {
        return Some((*label).to_owned());
    }
    for (kind, entity) in planner.live.referring(wanted) {
        let id = id(entity).unwrap_or_default();
        // Of what is declared, what it will be was looked at.
        if matches!(going.get(id), Some(Fate::Goes(_))) || planner.shown.contains_key(id) {
            continue;
        }
        let whose = match planner.live.whose(entity) {
            Whose::Foreign => " of another owner",
            _ => "",
        };
        return Some(format!("{}{whose}", planner.live.label(kind, entity)));
    }
    None
}

/// Without a database, what isn't declared would be gone.
fn block_losses(planner: &mut Planner<'_>) {
    let (database, count) = (planner.gateway.database, planner.plan.undeclared.len());
    if database || count == 0 || planner.plan.changes.is_empty() {
        return;
    }
    let names: Vec<&str> = planner.plan.undeclared.iter().map(|one| one.label.as_str()).collect();
    let names = match names.as_slice() {
        [names @ .., last] if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        names => names.join(", "),
    };
    planner.plan.blocked = Some(format!(
        "this Kong has no database, so its configuration is replaced as a whole, and {names} would be gone"
    ));
}

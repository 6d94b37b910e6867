//! What no two entities share, and another one has: who lets go first, and what can't be.

use std::collections::BTreeSet;

use super::deletion::may_go;
use super::live::{Whose, id};
use super::planner::{Candidate, Planner};
use super::verdict::Verdict;
use super::{Action, identity};
use crate::routes::kind::Kind;

/// Another entity that has what a declared one is to have.
enum Holder {
    /// A declared one of the same type, by its place in the group, that gives it up.
    GivesUp(usize),
    /// One that isn't declared and goes; by its id.
    Goes(String),
    /// One that keeps it.
    Keeps(String, Option<String>),
}

impl<'a> Planner<'a> {
    /// Finds conflicts within a type; makes the impossible so, and notes what must come first.
    pub(super) fn conflicts(&mut self, kind: &Kind, group: &mut [Candidate<'a>]) {
        // A configuration that is replaced as a whole has no order.
        if !self.gateway.database {
            return;
        }
        let mut gives_up: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); group.len()];
        let mut fields: Vec<Vec<String>> = vec![Vec::new(); group.len()];
        let mut going = Vec::new();
        for place in 0..group.len() {
            for (unique, holder) in self.holders(kind, group, place) {
                match holder {
                    Holder::GivesUp(other) => {
                        if let Some(waits) = gives_up.get_mut(place) {
                            waits.insert(other);
                        }
                        if let Some(fields) = fields.get_mut(other) {
                            fields.extend(unique.fields);
                        }
                    }
                    Holder::Goes(id) => going.push((place, id, unique.fields)),
                    Holder::Keeps(reason, hint) => {
                        if let Some(candidate) = group.get_mut(place) {
                            candidate.verdict = Verdict::Impossible(reason, hint);
                        }
                    }
                }
            }
        }
        // What can't be done gives nothing up, and so on.
        while let Some((place, other)) = stuck(group, &gives_up) {
            let label = group.get(other).map(|other| other.entity.label.clone()).unwrap_or_default();
            if let (Some(candidate), Some(waits)) = (group.get_mut(place), gives_up.get_mut(place)) {
                waits.clear();
                let reason = format!("{label} has what it is to have, and can't be as declared");
                candidate.verdict = Verdict::Impossible(reason, None);
            }
        }
        self.note_order(group, &gives_up, &fields);
        for (place, id, fields) in going {
            let Some(candidate) = group.get(place) else { continue };
            if !matches!(candidate.verdict, Verdict::Change(..)) {
                continue;
            }
            if self.live.referring(&id).is_empty() {
                let change = self.place_of(group, place);
                self.waiting.push((change, id));
            } else {
                // It can't be deleted before what refers to it is elsewhere, and that may be this very entity's.
                self.parked.entry(id).or_default().extend(fields);
            }
        }
    }

    /// Who else has what this one is to have.
    fn holders(&self, kind: &Kind, group: &[Candidate<'a>], place: usize) -> Vec<(identity::Unique, Holder)> {
        let Some(candidate) = group.get(place) else { return Vec::new() };
        if !matches!(candidate.verdict, Verdict::Change(..)) {
            return Vec::new();
        }
        let unique = identity::unique(kind, &candidate.schema, &candidate.desired.shown);
        let found = unique.into_iter().filter_map(|unique| {
            let holder = self.live.by_unique(kind, &unique.text)?;
            let holder_id = id(holder)?;
            if Some(holder_id) == candidate.id.as_deref() {
                return None;
            }
            let label = self.live.label(kind, holder);
            let what = unique.fields.first().map(String::as_str).unwrap_or("name");
            let declared = group.iter().position(|other| other.id.as_deref() == Some(holder_id));
            let other = declared.and_then(|other| Some((other, group.get(other)?)));
            let holder = match (other, self.live.whose(holder)) {
                (Some((_, other)), _)
                    if identity::unique(kind, &other.schema, &other.desired.shown)
                        .iter()
                        .any(|theirs| theirs.text == unique.text) =>
                {
                    let label = &other.entity.label;
                    Holder::Keeps(format!("{label} is declared with the same {what}"), None)
                }
                (Some((other, _)), _) => Holder::GivesUp(other),
                (None, Whose::Own)
                    if self.options.prune && may_go(self, kind) && !self.live.is_needed(holder_id) =>
                {
                    Holder::Goes(holder_id.to_owned())
                }
                (None, Whose::Own) if self.options.prune => Holder::Keeps(
                    format!("its {what} belongs to {label} (id {holder_id}), which isn't declared and which others need"),
                    None,
                ),
                (None, Whose::Own) => Holder::Keeps(
                    format!("its {what} belongs to {label} (id {holder_id}), which isn't declared"),
                    Some("--prune deletes what isn't declared".to_owned()),
                ),
                (None, _) => Holder::Keeps(
                    format!("its {what} belongs to {label} (id {holder_id}) of another owner"),
                    Some("declare it with that id and --adopt it, or choose another".to_owned()),
                ),
            };
            Some((unique, holder))
        });
        found.collect()
    }

    /// Who gives something up comes before who gets it; in a circle, one lets go first.
    fn note_order(
        &mut self,
        group: &mut [Candidate<'a>],
        gives_up: &[BTreeSet<usize>],
        fields: &[Vec<String>],
    ) {
        let mut parked: BTreeSet<usize> = BTreeSet::new();
        for place in 0..group.len() {
            let mut seen = BTreeSet::new();
            let mut next: Vec<usize> = gives_up.get(place).into_iter().flatten().copied().collect();
            while let Some(other) = next.pop() {
                if parked.contains(&other) || !seen.insert(other) {
                    continue;
                }
                if other == place {
                    parked.insert(place);
                    break;
                }
                next.extend(gives_up.get(other).into_iter().flatten());
            }
        }
        for place in &parked {
            if let (Some(id), Some(fields)) =
                (group.get(*place).and_then(|one| one.id.clone()), fields.get(*place))
            {
                self.parked.entry(id).or_default().extend(fields.iter().cloned());
            }
        }
        for (place, waits) in gives_up.iter().enumerate() {
            for other in waits.iter().filter(|other| !parked.contains(other)) {
                if let Some(id) = group.get(*other).and_then(|other| other.id.clone()) {
                    let change = self.place_of(group, place);
                    self.waiting.push((change, id));
                }
            }
        }
    }

    /// The number that a candidate's change will have.
    fn place_of(&self, group: &[Candidate<'a>], place: usize) -> usize {
        let before = group.iter().take(place);
        self.plan.changes.len() + before.filter(|one| matches!(one.verdict, Verdict::Change(..))).count()
    }
}

/// A change that waits for one that won't happen.
fn stuck(group: &[Candidate<'_>], gives_up: &[BTreeSet<usize>]) -> Option<(usize, usize)> {
    let moves = |place: usize| {
        let verdict = group.get(place).map(|candidate| &candidate.verdict);
        matches!(verdict, Some(Verdict::Change(Action::Update { .. }, _)))
    };
    gives_up.iter().enumerate().find_map(|(place, waits)| {
        let other = waits.iter().find(|other| !moves(**other))?;
        Some((place, *other))
    })
}

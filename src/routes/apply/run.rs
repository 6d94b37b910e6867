//! The order of things: a change starts as soon as what it needs is done.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::told::Told;
use super::{Applied, End, Outcome, one};
use crate::routes::admin::Admin;
use crate::routes::kind::Kind;
use crate::routes::plan::{Action, Change, Gone, RoutePlan};

/// Carries out the changes of a plan for a gateway with a database.
pub(super) async fn run(
    admin: &Admin,
    told: &Told<'_>,
    plan: &RoutePlan,
    end: Instant,
    say: &(dyn Fn(&str) + Send + Sync),
) -> Applied {
    let mut run = Run::new(&plan.changes);
    // Fields that stand in each other's way are freed before anything else; if that fails, what waits for them is
    // refused by Kong itself.
    let parked = plan.changes.iter().enumerate().filter(|(_, change)| !change.park.is_empty());
    let mut parking: FuturesUnordered<_> = parked
        .map(|(number, change)| async move { (number, one::park(admin, told, change, end).await) })
        .collect();
    while let Some((number, parked)) = parking.next().await {
        if let Err(outcome) = parked {
            run.end(number, outcome);
        }
    }
    let mut going = FuturesUnordered::new();
    loop {
        for number in run.startable() {
            let Some(change) = plan.changes.get(number) else { continue };
            going.push(async move { (number, one::send(admin, told, change, end).await) });
        }
        let Some((number, outcome)) = going.next().await else { break };
        run.end(number, outcome);
        say(&format!("{} of {}: {}", run.ended.len(), plan.changes.len(), run.label(number)));
    }
    Applied { outcomes: run.outcomes(), said: Vec::new() }
}

/// The changes on their way.
struct Run<'a> {
    changes: &'a [Change],
    /// For each change, who waits for it.
    awaited_by: Vec<Vec<usize>>,
    /// For each change, how many it still waits for.
    waits: Vec<usize>,
    /// Deletions that something which is made or changed waits for, and what they wait for themselves. The others come
    /// last.
    early: BTreeSet<usize>,
    /// How many are still to be made or changed.
    open: usize,
    ready: Vec<usize>,
    /// Deletions that wait for nothing but that all else has ended.
    last: Vec<usize>,
    /// What couldn't be made or changed, by type and what it is in: what was to go stays in its place.
    failed: BTreeMap<(&'a Kind, Option<&'a str>), usize>,
    ended: BTreeMap<usize, Outcome>,
}

impl<'a> Run<'a> {
    fn new(changes: &'a [Change]) -> Self {
        let mut early = BTreeSet::new();
        let mut next: Vec<usize> = changes
            .iter()
            .filter(|change| !is_deletion(change))
            .flat_map(|change| change.after.clone())
            .collect();
        while let Some(number) = next.pop() {
            if let Some(change) = changes.get(number)
                && is_deletion(change)
                && early.insert(number)
            {
                next.extend(&change.after);
            }
        }
        let mut awaited_by = vec![Vec::new(); changes.len()];
        for (number, change) in changes.iter().enumerate() {
            for other in &change.after {
                if let Some(waiting) = awaited_by.get_mut(*other) {
                    waiting.push(number);
                }
            }
        }
        let mut run = Self {
            changes,
            awaited_by,
            waits: changes.iter().map(|change| change.after.len()).collect(),
            early,
            open: changes.iter().filter(|change| !is_deletion(change)).count(),
            ready: Vec::new(),
            last: Vec::new(),
            failed: BTreeMap::new(),
            ended: BTreeMap::new(),
        };
        for (number, change) in changes.iter().enumerate() {
            if change.after.is_empty() {
                run.may_start(number);
            }
        }
        run.release_last();
        run
    }

    fn label(&self, number: usize) -> &str {
        self.changes.get(number).map(|change| change.label.as_str()).unwrap_or_default()
    }

    /// What can start now.
    fn startable(&mut self) -> Vec<usize> {
        let ready = std::mem::take(&mut self.ready);
        ready.into_iter().filter(|number| !self.ended.contains_key(number)).collect()
    }

    fn may_start(&mut self, number: usize) {
        let Some(change) = self.changes.get(number) else { return };
        if is_deletion(change) && !self.early.contains(&number) {
            self.last.push(number);
        } else {
            self.ready.push(number);
        }
    }

    /// Notes how a change ended; what needs one that failed ends with it.
    fn end(&mut self, number: usize, outcome: Outcome) {
        let mut ends = vec![(number, outcome)];
        while let Some((number, outcome)) = ends.pop() {
            let Some(change) = self.changes.get(number) else { continue };
            if self.ended.contains_key(&number) {
                continue;
            }
            let done = matches!(outcome.end, End::Done);
            self.ended.insert(number, outcome);
            if !is_deletion(change) {
                self.open = self.open.saturating_sub(1);
                if !done {
                    self.failed.entry((&change.kind, change.within.as_deref())).or_insert(number);
                }
            }
            for waiting in self.awaited_by.get(number).cloned().unwrap_or_default() {
                if !done {
                    let because = format!("it needs {}, which failed", change.label);
                    ends.push((waiting, self.not_tried(waiting, because)));
                } else if let Some(waits) = self.waits.get_mut(waiting) {
                    *waits = waits.saturating_sub(1);
                    if *waits == 0 {
                        self.may_start(waiting);
                    }
                }
            }
        }
        self.release_last();
    }

    /// Once all else has ended, what is to go goes, unless what was to take its place may not be there.
    fn release_last(&mut self) {
        if self.open > 0 {
            return;
        }
        for number in std::mem::take(&mut self.last) {
            let Some(change) = self.changes.get(number) else { continue };
            match self.failed.get(&(&change.kind, change.within.as_deref())) {
                Some(failed) if !is_probe(change) => {
                    let because = format!(
                        "{} failed, and this one may still be needed in its place",
                        self.label(*failed)
                    );
                    let outcome = self.not_tried(number, because);
                    self.end(number, outcome);
                }
                _ => self.ready.push(number),
            }
        }
    }

    fn not_tried(&self, number: usize, because: String) -> Outcome {
        let mark = self.changes.get(number).and_then(|change| change.mark.clone());
        Outcome { label: self.label(number).to_owned(), end: End::NotTried { because }, mark }
    }

    fn outcomes(mut self) -> Vec<Outcome> {
        // A circle among changes would wait for itself.
        let stuck = |number| self.not_tried(number, "what it needs waits for it".to_owned());
        let stuck: Vec<Outcome> = (0..self.changes.len()).map(stuck).collect();
        let ended = stuck.into_iter().enumerate();
        ended.map(|(number, stuck)| self.ended.remove(&number).unwrap_or(stuck)).collect()
    }
}

fn is_deletion(change: &Change) -> bool {
    matches!(change.action, Action::Delete { .. })
}

fn is_probe(change: &Change) -> bool {
    matches!(change.action, Action::Delete { because: Gone::Probe })
}

//! Waiting until the brokers tell what was set: a controller takes a change, and those who are asked learn of it later,
//! seconds later where they are busy with many new partitions. Who looked in between would find a difference.

use tokio::time::{Instant, sleep, timeout_at};

use super::pauses;
use super::round::Open;
use crate::topics::admin::Admin;
use crate::topics::cluster::{Cluster, Setting};
use crate::topics::plan::Action;
use crate::topics::value;

/// Asks until no setting is told as it was before. Nothing fails by this: the controller has taken the changes.
pub(super) async fn told(admin: &dyn Admin, topics: &[Open], deadline: Instant) {
    let mut asked: Vec<&Open> = topics.iter().filter(|open| settings(open).next().is_some()).collect();
    let mut pauses = pauses();
    let read = async |names: Vec<String>| timeout_at(deadline, admin.read(&names)).await.ok()?.ok();
    while !asked.is_empty() {
        let names = asked.iter().map(|open| open.topic.clone()).collect();
        let Some(cluster) = read(names).await else { return };
        asked.retain(|open| is_stale(open, &cluster));
        let Some(one) = asked.pop() else { return };
        // The settings of many topics are work for a broker that is busy: one of them tells when to ask for the rest.
        loop {
            let Some(pause) = pauses.next().filter(|pause| Instant::now() + *pause < deadline) else {
                return;
            };
            sleep(pause).await;
            let Some(cluster) = read(vec![one.topic.clone()]).await else { return };
            if !is_stale(one, &cluster) {
                break;
            }
        }
    }
}

fn settings(open: &Open) -> impl Iterator<Item = &Action> {
    open.done().iter().filter(|action| matches!(action, Action::Set { .. } | Action::Unset { .. }))
}

/// Whether one of the settings is told as it was. Another value than that and than what was set is somebody else's.
fn is_stale(open: &Open, cluster: &Cluster) -> bool {
    let Some(state) = cluster.topics.get(&open.topic) else { return false };
    settings(open).any(|action| match action {
        Action::Set { key, from, overridden, to } => {
            let is_new = from.as_ref().is_none_or(|from| value::same(key, from, to));
            !is_new
                && state.config.get(key).is_some_and(|now| is_as_before(now, from.as_deref(), *overridden))
        }
        Action::Unset { key, from } => {
            state.config.get(key).is_some_and(|now| is_as_before(now, from.as_deref(), true))
        }
        Action::Create(_) | Action::Grow { .. } => false,
    })
}

fn is_as_before(now: &Setting, value: Option<&str>, overridden: bool) -> bool {
    now.overridden == overridden && now.value.as_deref() == value
}

//! Carries a plan out. What was refused or lost on the way and may go better is compared again and sent again, until the
//! time is up; nothing is ever sent twice without a look in between.

mod delete;
mod round;
mod told;

use std::iter;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::admin::{Admin, AdminError, Refusal};
use super::cluster::Cluster;
use super::declaration::Declaration;
use super::plan::{Action, Reason, TopicPlan};
use crate::backoff::Backoff;
use crate::failure::Kind;

pub use delete::prune;
use round::Open;

/// What came of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// A line for each topic that was to be changed, in the order of the plan.
    pub topics: Vec<Outcome>,
}

/// What came of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its name.
    pub topic: String,
    /// What was done to it.
    pub done: Vec<Action>,
    /// How it ended.
    pub end: End,
}

/// How a topic ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is what is declared; where nothing was done to it, somebody else made it so at the same time.
    Done,
    /// The broker refused.
    Refused(Refusal),
    /// It appeared in the meantime, as something that can't be made what is declared.
    Impossible(Vec<Reason>),
    /// Whether it was done isn't known: the broker couldn't be asked.
    Unknown(AdminError),
    /// It was made, and some partition has no leader on some broker.
    Leaderless,
}

impl Applied {
    /// The kind of failure that decides the exit code; nothing where all is done. A refusal counts most, since it is
    /// certain.
    pub fn failure(&self) -> Option<Kind> {
        let kinds: Vec<Kind> = self.topics.iter().filter_map(|outcome| outcome.end.failure()).collect();
        [Kind::Backend, Kind::NotReady, Kind::Failed].into_iter().find(|kind| kinds.contains(kind))
    }

    /// The topics that were made, grown or set.
    pub fn changed(&self) -> impl Iterator<Item = &Outcome> {
        self.topics.iter().filter(|outcome| !outcome.done.is_empty())
    }
}

impl End {
    /// The kind of failure that it is.
    pub fn failure(&self) -> Option<Kind> {
        match self {
            End::Done => None,
            End::Refused(_) => Some(Kind::Backend),
            End::Impossible(_) => Some(Kind::Failed),
            End::Unknown(error) => Some(error.kind()),
            End::Leaderless => Some(Kind::NotReady),
        }
    }
}

/// Carries the plan out within `timeout`, and waits until what is new has leaders everywhere and what was set is told by
/// the brokers. `declaration` is what the plan was made of.
pub async fn apply(
    admin: &dyn Admin,
    declaration: &Declaration,
    plan: &TopicPlan,
    timeout: Duration,
) -> Applied {
    let deadline = Instant::now() + timeout;
    let mut topics: Vec<Open> = plan.changes.iter().map(Open::new).collect();
    let mut pauses = pauses();
    while topics.iter().any(Open::is_open) {
        round::send(admin, &mut topics, deadline).await;
        if !topics.iter().any(Open::is_open) {
            break;
        }
        let open = topics.iter().filter(|open| open.is_open());
        let names: Vec<String> = open.map(|open| open.topic.clone()).collect();
        match look_again(admin, &names, deadline, &mut pauses).await {
            Ok(cluster) => round::compare(&mut topics, declaration, &cluster),
            Err(error) => {
                topics.iter_mut().filter(|open| open.is_open()).for_each(|open| open.lost(&error));
                break;
            }
        }
    }
    led(admin, &mut topics, deadline).await;
    told::told(admin, &topics, deadline).await;
    Applied { topics: topics.into_iter().map(Open::into_outcome).collect() }
}

/// Soon at first, then at most every second: many runs may wait for one controller.
fn pauses() -> impl Iterator<Item = Duration> {
    let mut backoff = Backoff::default();
    iter::repeat_with(move || backoff.pause(Duration::ZERO))
}

/// The cluster, after a pause, with the settings of these topics; asked until it answers.
async fn look_again(
    admin: &dyn Admin,
    described: &[String],
    deadline: Instant,
    pauses: &mut impl Iterator<Item = Duration>,
) -> Result<Cluster, AdminError> {
    let mut last = None;
    for pause in pauses {
        if Instant::now() + pause >= deadline {
            break;
        }
        sleep(pause).await;
        match timeout_at(deadline, admin.read(described)).await {
            Ok(Ok(cluster)) => return Ok(cluster),
            Ok(Err(error)) if error.retriable => last = Some(error),
            Ok(Err(error)) => return Err(error),
            Err(_) => break,
        }
    }
    Err(last.unwrap_or_else(round::too_late))
}

/// Waits for the leaders of what was made or grown.
async fn led(admin: &dyn Admin, topics: &mut [Open], deadline: Instant) {
    let fresh = || |open: &&mut Open| open.has_new_partitions();
    let names: Vec<String> = topics.iter_mut().filter(fresh()).map(|open| open.topic.clone()).collect();
    if names.is_empty() {
        return;
    }
    let left = deadline.saturating_duration_since(Instant::now());
    let leaderless = admin.led(&names, left).await;
    for open in topics.iter_mut().filter(fresh()) {
        match &leaderless {
            Ok(leaderless) if leaderless.contains(&open.topic) => open.end(End::Leaderless),
            Ok(_) => {}
            Err(error) => open.end(End::Unknown(error.clone())),
        }
    }
}

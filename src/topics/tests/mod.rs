//! Tests of this room that need more than one of its files.

mod applying;
mod bad_declarations;
mod declaring;
mod health;
mod planning;
mod property;
mod refusals;
mod reporting;
mod writing;

use std::time::Duration;

use super::apply::{Applied, apply};
use super::plan::{TopicPlan, plan};
use super::testing::{Fake, declaration};

/// What is to be done so that the cluster is what the text declares.
pub(super) fn planned(text: &str, fake: &Fake) -> TopicPlan {
    plan(&declaration(text), &fake.cluster())
}

/// Makes the cluster what the text declares, within a minute of its own time.
pub(super) fn applied(text: &str, fake: &Fake) -> Applied {
    let declaration = declaration(text);
    let plan = plan(&declaration, &fake.cluster());
    asynchronous(apply(fake, &declaration, &plan, Duration::from_secs(60)))
}

/// Runs it in a time of its own: pauses take none.
pub(super) fn asynchronous<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(work)
}

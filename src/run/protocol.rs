//! The last step of a wait: a service's own protocol, asked until it answers, or until it is plain that it won't.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::activity::Activity;
use super::monitor::Context;
use super::wait::WaitFailure;
use crate::backoff::Backoff;
use crate::probe::ProbeFailure;

/// How long one question may take before it is called unanswered.
const LIMIT: Duration = Duration::from_secs(30);
/// So long nothing but lasting failures must have come, and nothing else have changed, before they are believed. A
/// system that initialises itself may refuse for a moment what it is about to allow: its users, databases and virtual
/// hosts are made after its port opens.
const BELIEVED_AFTER: Duration = Duration::from_secs(5);
/// So long while something else is under way that may still mend it: a job that makes the database, a proxy that the
/// advertised address leads through.
const BELIEVED_AMONG_OTHERS: Duration = Duration::from_secs(30);
/// So many answers are wanted in any case, so that one slow answer isn't mistaken for a long row.
const FEWEST_ANSWERS: u32 = 3;

/// The lasting failures that came one after the other; any other answer ends the row.
#[derive(Debug, Default)]
pub(super) struct Row {
    since: Option<Instant>,
    answers: u32,
}

impl Row {
    /// Another answer; how long the row is by now, once it has enough of them.
    pub(super) fn add(&mut self, lasting: bool) -> Option<Duration> {
        if !lasting {
            *self = Self::default();
            return None;
        }
        self.answers += 1;
        let since = *self.since.get_or_insert_with(Instant::now);
        (self.answers >= FEWEST_ANSWERS).then(|| since.elapsed())
    }
}

/// Whether nothing will mend what a container has failed of lastingly for so long.
pub(super) fn is_believed(activity: &Activity, container: &str, lasted: Duration) -> bool {
    if lasted < BELIEVED_AFTER {
        return false;
    }
    // Two that are both stuck needn't wait for each other.
    activity.is_stuck(container);
    lasted >= BELIEVED_AMONG_OTHERS || activity.is_settled(container, BELIEVED_AFTER)
}

/// Asks a container's protocol again and again. `say` gets each failure.
///
/// # Errors
/// [`WaitFailure::NeverReady`] when it has failed lastingly for long enough.
pub(super) async fn until_answered(
    context: &Context,
    service: &str,
    container: &str,
    say: impl Fn(ProbeFailure),
) -> Result<(), WaitFailure> {
    let (mut backoff, mut row) = (Backoff::default(), Row::default());
    loop {
        let begun = Instant::now();
        let failure = match timeout(LIMIT, context.ready.protocol(service, container)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => failure,
            Err(_) => ProbeFailure::new(format!("no answer within {LIMIT:?}")),
        };
        match row.add(failure.lasting) {
            Some(lasted) if lasted >= BELIEVED_AFTER => {
                if is_believed(&context.activity, container, lasted) {
                    return Err(WaitFailure::NeverReady(failure));
                }
            }
            _ => context.activity.comes_up(container),
        }
        say(failure);
        sleep(backoff.pause(begun.elapsed().min(LIMIT))).await;
    }
}

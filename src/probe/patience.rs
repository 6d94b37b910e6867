//! How long a run of checks may take, and how often a question is put before its answer counts.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::answer::ProbeFailure;
use super::target::Deadline;

/// Between a failure and asking again: what a machine under load needs to get over a dropped connection.
const PAUSE: Duration = Duration::from_millis(200);

/// The least that the engine gets to tell of its replicas, however little a check may take: it is asked for all of
/// them at once, and is slow where the machine is.
const ENGINE: Duration = Duration::from_secs(3);

/// How long checks may take: each, and all together.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    each: Duration,
    end: Option<Instant>,
}

impl Patience {
    /// This long for each check, and all the time that they need together.
    pub fn each(limit: Duration) -> Self {
        Self { each: limit, end: None }
    }

    /// … and nothing after this moment.
    #[must_use]
    pub fn until(self, end: Instant) -> Self {
        Self { end: Some(end), ..self }
    }

    /// How long a check that begins now may take.
    pub fn limit(&self) -> Duration {
        self.left(self.each)
    }

    /// The end of a check that begins now.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline::after(self.limit())
    }

    /// The end of what the engine is asked now.
    pub(super) fn engine(&self) -> Deadline {
        Deadline::after(self.left(self.each.max(ENGINE)))
    }

    /// Whether no check can begin any more.
    pub(super) fn is_over(&self) -> bool {
        self.end.is_some_and(|end| end <= Instant::now())
    }

    fn left(&self, wanted: Duration) -> Duration {
        self.end.map_or(wanted, |end| wanted.min(end.saturating_duration_since(Instant::now())))
    }
}

/// Asks, and once more before a failure counts, so that no healthy system is called sick for one lost packet or one
/// refused connection. What fails at once is asked again after a moment. What says nothing for half its time is asked
/// a second time beside the first: the first that answers counts, and a slow answer is as good as it was.
///
/// A failure that [lasts](ProbeFailure::lasting) counts at once.
pub(super) async fn insistently<T, F>(ask: impl Fn() -> F, deadline: Deadline) -> Result<T, ProbeFailure>
where
    F: Future<Output = Result<T, ProbeFailure>>,
{
    let half = Deadline::after(deadline.left() / 2);
    let mut first = pin!(ask());
    match half.bound(&mut first).await {
        Ok(Err(failure)) if !failure.lasting && deadline.left() > PAUSE * 2 => {
            sleep(PAUSE).await;
            return ask().await;
        }
        Ok(answer) => return answer,
        Err(_) => {}
    }
    let mut second = pin!(ask());
    tokio::select! {
        answer = &mut first => match answer {
            Err(failure) if !failure.lasting => second.await,
            answer => answer,
        },
        answer = &mut second => match answer {
            Err(failure) if !failure.lasting => first.await,
            answer => answer,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Asks a system that gives the n-th question the n-th answer after so many milliseconds, with 5 s for all.
    async fn asked(answers: &[(u64, Result<&'static str, ProbeFailure>)]) -> (String, u32, Duration) {
        let (count, begun) = (Cell::new(0_u32), Instant::now());
        let deadline = Deadline::after(Duration::from_secs(5));
        let ask = || {
            let (millis, answer) = answers[count.get() as usize].clone();
            count.set(count.get() + 1);
            async move {
                match deadline.bound(sleep(Duration::from_millis(millis))).await {
                    Ok(()) => answer,
                    Err(_) => Err(ProbeFailure::new("says nothing")),
                }
            }
        };
        let said = match insistently(ask, deadline).await {
            Ok(seen) => seen.to_owned(),
            Err(failure) => format!("failed: {failure}"),
        };
        (said, count.get(), begun.elapsed())
    }

    fn refused() -> Result<&'static str, ProbeFailure> {
        Err(ProbeFailure::new("refused"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_counts_when_it_comes_twice() {
        assert_eq!(asked(&[(10, Ok("fine"))]).await.0, "fine");
        let (said, count, took) = asked(&[(10, refused()), (10, Ok("fine"))]).await;
        assert_eq!((said.as_str(), count), ("fine", 2));
        assert!(took < Duration::from_millis(300), "{took:?}");
        assert_eq!(asked(&[(10, refused()), (10, refused())]).await.0, "failed: refused");
        let (said, count, _) = asked(&[(10, Err(ProbeFailure::lasting("wrong password")))]).await;
        assert_eq!((said.as_str(), count), ("failed: wrong password", 1));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_asked_a_second_time_beside_the_first() {
        let (said, count, took) = asked(&[(60_000, Ok("never")), (10, Ok("fine"))]).await;
        assert_eq!((said.as_str(), count), ("fine", 2));
        assert!(took < Duration::from_millis(2600), "{took:?}");
        // A slow answer isn't lost by asking again.
        let (said, _, took) = asked(&[(4000, Ok("slow")), (60_000, Ok("never"))]).await;
        assert_eq!(said, "slow");
        assert!(took < Duration::from_millis(4100), "{took:?}");
        assert_eq!(asked(&[(4000, Ok("slow")), (10, refused())]).await.0, "slow");
        assert_eq!(asked(&[(4000, refused()), (2000, Ok("fine"))]).await.0, "fine");
        let (said, count, took) = asked(&[(60_000, Ok("never")), (60_000, Ok("never"))]).await;
        assert_eq!((said.as_str(), count, took), ("failed: says nothing", 2, Duration::from_secs(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_goes_on_after_the_end() {
        let patience = Patience::each(Duration::from_secs(5));
        assert!(!patience.is_over());
        assert_eq!(patience.deadline().left(), Duration::from_secs(5));
        let brief = patience.until(Instant::now() + Duration::from_secs(2));
        assert_eq!(brief.deadline().left(), Duration::from_secs(2));
        assert_eq!(brief.engine().left(), Duration::from_secs(2));
        assert_eq!(Patience::each(Duration::from_millis(300)).engine().left(), Duration::from_secs(3));
        sleep(Duration::from_secs(2)).await;
        assert!(brief.is_over());
    }
}

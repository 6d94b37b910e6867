//! `--timeout`: how long readiness may take.

use std::time::Duration;

use tokio::time::Instant;

/// Runs from the first container started, and stands still while images are pulled or built: those have a limit of
/// their own, and a slow download is no reason to call a service late.
#[derive(Debug)]
pub(super) struct Clock {
    limit: Option<Duration>,
    deadline: Option<Instant>,
    /// Pulls and builds under way.
    transfers: usize,
    paused: Option<Instant>,
}

impl Clock {
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, deadline: None, transfers: 0, paused: None }
    }

    /// Starts, unless it runs already.
    pub(super) fn start(&mut self) {
        if self.deadline.is_none() {
            let now = Instant::now();
            self.deadline = self.limit.and_then(|limit| now.checked_add(limit));
            self.paused = (self.transfers > 0).then_some(now);
        }
    }

    /// Runs from the beginning again.
    pub(super) fn start_anew(&mut self) {
        self.deadline = None;
        self.paused = None;
        self.start();
    }

    /// A pull or build begins.
    pub(super) fn transfer_begins(&mut self) {
        self.transfers += 1;
        if self.paused.is_none() && self.deadline.is_some() {
            self.paused = Some(Instant::now());
        }
    }

    /// A pull or build has ended.
    pub(super) fn transfer_ends(&mut self) {
        self.transfers = self.transfers.saturating_sub(1);
        if self.transfers == 0
            && let Some(paused) = self.paused.take()
        {
            self.deadline = self.deadline.map(|deadline| deadline + paused.elapsed());
        }
    }

    /// Returns when the time is up; never where there is no limit.
    pub(super) async fn expires(&self) {
        match self.deadline {
            Some(deadline) if self.paused.is_none() => tokio::time::sleep_until(deadline).await,
            _ => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn stands_still_while_images_come() {
        let begun = Instant::now();
        let mut clock = Clock::new(Some(Duration::from_secs(10)));
        clock.transfer_begins();
        clock.start();
        tokio::time::sleep(Duration::from_secs(60)).await;
        clock.transfer_begins();
        clock.transfer_ends();
        clock.transfer_ends();
        tokio::time::sleep(Duration::from_secs(4)).await;
        clock.start();
        clock.transfer_begins();
        tokio::time::sleep(Duration::from_secs(100)).await;
        clock.transfer_ends();
        clock.expires().await;
        assert_eq!(begun.elapsed(), Duration::from_secs(60 + 100 + 10));
    }

    #[tokio::test(start_paused = true)]
    async fn never_expires_without_a_limit_or_before_it_starts() {
        for clock in [Clock::new(None), Clock::new(Some(Duration::from_secs(1)))] {
            let expires = clock.expires();
            assert!(tokio::time::timeout(Duration::from_secs(3600), expires).await.is_err());
        }
    }
}

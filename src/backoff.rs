//! How long to pause between two questions.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(50);
/// The longest pause, unless the question itself takes longer.
const LONGEST: Duration = Duration::from_secs(1);
/// Each pause is this much longer than the one before.
const GROWTH: f64 = 1.6;

/// The pauses between questions to one container, or one cluster: soon at first, then at most every second, and never so often that
/// answering takes more than half of its time.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// The pause after a question that took so long.
    pub fn pause(&mut self, took: Duration) -> Duration {
        let pause = self.next.max(took);
        self.next = self.next.mul_f64(GROWTH).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_second() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..9).map(|_| backoff.pause(Duration::ZERO).as_micros()).collect();
        assert_eq!(
            pauses,
            [50_000, 80_000, 128_000, 204_800, 327_680, 524_288, 838_860, 1_000_000, 1_000_000]
        );
    }

    #[test]
    fn a_slow_question_is_repeated_more_slowly() {
        let mut backoff = Backoff::default();
        let took = Duration::from_secs(3);
        assert_eq!(backoff.pause(took), took);
        assert_eq!(backoff.pause(Duration::ZERO), Duration::from_millis(80));
    }
}

//! What asking a system can come to.

use std::time::Duration;

/// The system can be used, as far as this question shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It answered as it should; what was seen, in a line.
    Seen(String),
    /// It answered, and something about it deserves a look.
    Doubtful {
        /// What was seen, in a line.
        detail: String,
        /// What to do about it.
        hint: String,
    },
    /// There is no question for it, or its port can't be reached from here; the reason, in a line.
    NotAsked(String),
}

/// The system can't be used (yet).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ProbeFailure {
    /// What was seen, in a line; never a secret.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Waiting won't change it: a wrong password, a missing database, a listener that sends clients elsewhere.
    ///
    /// That is what the answer means of a system that has finished its start. One that hasn't may give it for some
    /// seconds, so a single such answer proves nothing: who gives up because of it must have seen it last.
    pub lasting: bool,
    /// Nobody listens where it was asked, so that nothing is known of the system itself.
    pub absent: bool,
}

impl ProbeFailure {
    /// A failure that may pass with time.
    pub fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), hint: None, lasting: false, absent: false }
    }

    /// A failure that time doesn't mend.
    pub fn lasting(detail: impl Into<String>) -> Self {
        Self { lasting: true, ..Self::new(detail) }
    }

    /// A failure to find anybody who listens.
    pub fn absent(detail: impl Into<String>) -> Self {
        Self { absent: true, ..Self::new(detail) }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// `2 s`, `0.5 s`, `150 ms`.
pub(super) fn seconds(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..=499 => format!("{millis} ms"),
        millis if millis % 1000 == 0 => format!("{} s", millis / 1000),
        millis => format!("{:.1} s", millis as f64 / 1000.0),
    }
}

/// The first line of a text that says anything, without control characters, cut at 160 characters.
pub(super) fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let mut short: String = line.chars().filter(|c| !c.is_control()).take(160).collect();
    if line.chars().count() > 160 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let shown = [0, 150, 500, 1500, 2000, 60_000].map(|millis| seconds(Duration::from_millis(millis)));
        assert_eq!(shown, ["0 ms", "150 ms", "0.5 s", "1.5 s", "2 s", "60 s"]);
    }

    #[test]
    fn a_line_is_one_short_clean_line() {
        assert_eq!(first_line("\n  \n  a\x1b[31m b\nc"), "a[31m b");
        assert_eq!(first_line(""), "");
        assert_eq!(first_line(&"x".repeat(500)).chars().count(), 161);
    }
}

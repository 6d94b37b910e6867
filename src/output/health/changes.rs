//! What became of services between two looks.

use super::{in_a_line, name};
use crate::probe::Outcome;
use crate::probe::report::{Line, Report};

/// A service that is otherwise than it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The service.
    pub service: String,
    /// How it was; nothing at the first look.
    pub before: Option<Outcome>,
    /// How it is.
    pub now: Outcome,
    /// What was seen: the check and its words.
    pub seen: String,
}

impl std::fmt::Display for Change {
    /// `kafka: ok → fail: metadata: nothing listens`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { service, before, now, seen } = self;
        match before {
            Some(before) if before != now => {
                write!(f, "{service}: {} → {}: {seen}", name(*before), name(*now))
            }
            _ => write!(f, "{service}: {}: {seen}", name(*now)),
        }
    }
}

/// What changed. Of a service that stays well, what it says of itself is no change; of one that is sick, another
/// symptom is. Without a look before, every service is told.
pub fn changes(before: Option<&Report>, now: &Report) -> Vec<Change> {
    let mut changes = Vec::new();
    for summary in now.services() {
        let was = before.and_then(|before| before.summary(summary.service));
        let same = was.as_ref().is_some_and(|was| {
            was.status == summary.status
                && (summary.status <= Outcome::Skipped || symptom(was.headline) == symptom(summary.headline))
        });
        if !same {
            changes.push(Change {
                service: summary.service.to_owned(),
                before: was.map(|was| was.status),
                now: summary.status,
                seen: seen(summary.headline),
            });
        }
    }
    changes
}

fn seen(line: &Line) -> String {
    let replica = if line.replica > 1 { format!("{} ", line.who()) } else { String::new() };
    in_a_line(&format!("{replica}{}: {}", line.check, line.detail))
}

/// What tells two failures of a service apart: where, and in which words, whatever the numbers in them.
fn symptom(line: &Line) -> (u32, &str, String) {
    let words = line.detail.chars().filter(|letter| !letter.is_ascii_digit() && *letter != '.').collect();
    (line.replica, &line.check, words)
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;
    use crate::probe::Level;

    fn look(kafka: Outcome, detail: &str, web: &str) -> Report {
        let mut checks = [
            check("kafka", 1, "metadata", Level::Protocol, kafka),
            check("web", 1, "GET /", Level::Protocol, Outcome::Ok),
        ];
        checks[0].detail = detail.into();
        checks[1].detail = web.into();
        Report::new("shop", &checks)
    }

    #[test]
    fn only_what_became_otherwise() {
        let looks = [
            look(Outcome::Ok, "1 broker", "200"),
            look(Outcome::Ok, "2 brokers", "302"),
            look(Outcome::Fail, "refuses\nconnections", "200"),
            look(Outcome::Fail, "refuses\nconnections", "200"),
            look(Outcome::Fail, "says nothing within 5 s", "200"),
            look(Outcome::Fail, "says nothing within 4.9 s", "200"),
            look(Outcome::Warn, "slow", "200"),
            look(Outcome::Ok, "1 broker", "200"),
        ];
        let mut told = Vec::new();
        for (number, now) in looks.iter().enumerate() {
            let before = number.checked_sub(1).map(|before| &looks[before]);
            told.extend(changes(before, now).iter().map(|change| format!("{number} {change}")));
        }
        insta::assert_snapshot!(told.join("\n"), @r"
        0 kafka: ok: metadata: 1 broker
        0 web: ok: GET /: 200
        2 kafka: ok → fail: metadata: refuses connections
        4 kafka: fail: metadata: says nothing within 5 s
        6 kafka: fail → warn: metadata: slow
        7 kafka: warn → ok: metadata: 1 broker
        ");
    }
}

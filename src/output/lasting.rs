//! What is said of operations that take long, where there is no line to redraw. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::plain::present;
use crate::plan::operation::{Operation, OperationId};

/// Nothing is said of what takes less.
const FIRST: Duration = Duration::from_secs(5);
/// What lasts is said again after so long.
const AGAIN: Duration = Duration::from_secs(30);

/// The operations under way, by what they are about: a service that two wait for is one subject.
#[derive(Debug, Default)]
pub(super) struct Lasting {
    subjects: BTreeMap<String, Subject>,
}

#[derive(Debug)]
struct Subject {
    since: Instant,
    /// What is under way, the latest last.
    running: Vec<(OperationId, &'static str)>,
    /// What it waits for, as it said last.
    message: String,
    said: Option<Said>,
}

/// What was said of a subject.
#[derive(Debug)]
struct Said {
    at: Instant,
    text: String,
    /// How long another text has to wait, so that one that changes all the time is no flood.
    pause: Duration,
}

impl Lasting {
    /// An operation begins.
    pub fn begins(&mut self, id: OperationId, operation: &Operation, now: Instant) {
        let fresh = || Subject { since: now, running: Vec::new(), message: String::new(), said: None };
        let subject = self.subjects.entry(operation.target.to_string()).or_insert_with(fresh);
        subject.running.push((id, present(&operation.action)));
        subject.message.clear();
    }

    /// An operation goes on, or says what it waits for.
    pub fn goes_on(&mut self, id: OperationId, message: &str) {
        if let Some(subject) = self.of(id) {
            message.clone_into(&mut subject.message);
        }
    }

    /// What an operation says was shown as it came.
    pub fn was_shown(&mut self, id: OperationId, now: Instant) {
        if let Some(subject) = self.of(id) {
            subject.said = Some(Said { at: now, text: subject.text(), pause: FIRST });
        }
    }

    /// An operation is over.
    pub fn ends(&mut self, id: OperationId) {
        for subject in self.subjects.values_mut() {
            subject.running.retain(|(running, _)| *running != id);
        }
        self.subjects.retain(|_, subject| !subject.running.is_empty());
    }

    /// The lines that are to be said now, and are said by that.
    pub fn due(&mut self, now: Instant) -> Vec<String> {
        let due = self
            .subjects
            .iter_mut()
            .filter_map(|(target, subject)| Some(format!("{target}: {}", subject.due(now)?)));
        due.collect()
    }

    fn of(&mut self, id: OperationId) -> Option<&mut Subject> {
        self.subjects.values_mut().find(|subject| subject.running.iter().any(|(running, _)| *running == id))
    }
}

impl Subject {
    fn text(&self) -> String {
        let what = self.running.last().map_or("", |(_, what)| what);
        if self.message.is_empty() { what.to_owned() } else { format!("{what}: {}", self.message) }
    }

    fn due(&mut self, now: Instant) -> Option<String> {
        let text = self.text();
        let line = match &self.said {
            None if now.duration_since(self.since) < FIRST => return None,
            None => text.clone(),
            Some(said) if said.text == text => {
                if now.duration_since(said.at) < AGAIN {
                    return None;
                }
                format!("still {text}")
            }
            Some(said) if now.duration_since(said.at) < said.pause => return None,
            Some(_) => text.clone(),
        };
        let pause = self.said.as_ref().map_or(FIRST, |said| (said.pause * 2).min(AGAIN));
        self.said = Some(Said { at: now, text, pause });
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::operation::{Action, Cause, Target, WaitCondition, WaitFor};

    fn wait(service: &str, condition: WaitCondition) -> Operation {
        let wait = WaitFor { service: service.to_owned(), containers: Vec::new(), condition, required: true };
        Operation {
            action: Action::Wait(wait),
            target: Target::Service(service.to_owned()),
            cause: Cause::Asked,
            after: Vec::new(),
        }
    }

    /// What is said each second of so many, with the second; `happens` tells what happens in it.
    fn said(seconds: u64, mut happens: impl FnMut(u64, &mut Lasting, Instant)) -> Vec<String> {
        let begun = Instant::now();
        let mut lasting = Lasting::default();
        let mut lines = Vec::new();
        for second in 0..seconds {
            let now = begun + Duration::from_secs(second);
            happens(second, &mut lasting, now);
            lines.extend(lasting.due(now).into_iter().map(|line| format!("{second} {line}")));
        }
        lines
    }

    #[test]
    fn a_reason_that_lasts_is_said_now_and_then() {
        let lines = said(100, |second, lasting, now| match second {
            0 => {
                lasting.begins(0, &wait("db", WaitCondition::Healthy), now);
                lasting.begins(1, &wait("quick", WaitCondition::Ready), now);
                lasting.goes_on(0, "health: connection refused");
            }
            4 => lasting.ends(1),
            40 => lasting.goes_on(0, "health: starting up"),
            90 => lasting.ends(0),
            _ => {}
        });
        assert_eq!(
            lines,
            [
                "5 service db: waiting until healthy: health: connection refused",
                "35 service db: still waiting until healthy: health: connection refused",
                "45 service db: waiting until healthy: health: starting up",
                "75 service db: still waiting until healthy: health: starting up",
            ]
        );
    }

    #[test]
    fn a_reason_that_changes_all_the_time_is_no_flood() {
        let lines = said(300, |second, lasting, now| {
            if second == 0 {
                lasting.begins(0, &wait("db", WaitCondition::Ready), now);
            }
            lasting.goes_on(0, &format!("at {second}: refused"));
        });
        let seconds: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(seconds, ["5", "10", "20", "40", "70", "100", "130", "160", "190", "220", "250", "280"]);
    }

    #[test]
    fn two_that_wait_for_one_say_it_once() {
        let lines = said(20, |second, lasting, now| {
            if second == 0 {
                lasting.begins(0, &wait("db", WaitCondition::Healthy), now);
                lasting.begins(1, &wait("db", WaitCondition::Ready), now);
                lasting.goes_on(0, "refused");
                lasting.goes_on(1, "refused");
            }
        });
        assert_eq!(lines, ["5 service db: waiting until ready: refused"]);
    }

    #[test]
    fn what_was_shown_as_it_came_is_only_repeated() {
        let lines = said(40, |second, lasting, now| {
            if second == 0 {
                lasting.begins(0, &wait("db", WaitCondition::Ready), now);
                lasting.goes_on(0, "refused");
                lasting.was_shown(0, now);
            }
        });
        assert_eq!(lines, ["30 service db: still waiting until ready: refused"]);
    }
}

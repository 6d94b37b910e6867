//! What the checks of a stack come to, and the document `vv.health/1` that says it. Pure; writing is done elsewhere.

use serde::Serialize;

use super::{Check, Level, Outcome};

/// The name of the document's shape.
pub const SCHEMA: &str = "vv.health/1";

/// The document `vv.health/1`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The stack's name.
    pub stack: String,
    /// What it comes to: never [`Outcome::Skipped`].
    pub status: Outcome,
    /// Every check, in the order they were given in.
    pub checks: Vec<Line>,
}

/// A check as the document has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The service's name.
    pub service: String,
    /// The replica's number; 0 is the service as a whole.
    pub replica: u32,
    /// What was asked.
    pub check: String,
    /// How deep it went.
    pub level: Level,
    /// What came of it.
    pub status: Outcome,
    /// What was seen.
    pub detail: String,
    /// What to do about it, or null.
    pub hint: Option<String>,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// What a service's checks come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary<'a> {
    /// The service's name.
    pub service: &'a str,
    /// The worst of its checks: never [`Outcome::Skipped`].
    pub status: Outcome,
    /// How many were ok.
    pub ok: usize,
    /// How many deserve a look.
    pub warn: usize,
    /// How many failed.
    pub fail: usize,
    /// How many weren't asked.
    pub skipped: usize,
    /// The one to show: the first of the worst; of nothing but good ones that of the
    /// system's own protocol, or else the deepest.
    pub headline: &'a Line,
}

impl Report {
    /// The document of these checks.
    pub fn new(stack: impl Into<String>, checks: &[Check]) -> Self {
        let checks: Vec<Line> = checks.iter().map(Line::from).collect();
        Self { schema: SCHEMA, stack: stack.into(), status: worst(&checks), checks }
    }

    /// Whether anything is this bad, or worse.
    pub fn is(&self, threshold: Outcome) -> bool {
        self.status >= threshold
    }

    /// The services of which something is this bad or worse, in the order in which they come.
    pub fn services_with(&self, threshold: Outcome) -> Vec<&str> {
        let summaries = self.services();
        summaries.into_iter().filter(|summary| summary.status >= threshold).map(|all| all.service).collect()
    }

    /// The part of it that isn't well, and how many services are left out of it.
    pub fn only_sick(&self) -> (Self, usize) {
        let sick = self.services_with(Outcome::Warn);
        let is_sick = |line: &&Line| sick.contains(&line.service.as_str());
        let checks = self.checks.iter().filter(is_sick).cloned().collect();
        (Self { checks, ..self.clone() }, self.services().len() - sick.len())
    }

    /// A summary per service, in the order in which they come.
    pub fn services(&self) -> Vec<Summary<'_>> {
        let mut names: Vec<&str> = Vec::new();
        for line in &self.checks {
            if !names.contains(&line.service.as_str()) {
                names.push(&line.service);
            }
        }
        names.into_iter().filter_map(|name| self.summary(name)).collect()
    }

    /// The summary of one service; nothing when it has no check.
    pub fn summary(&self, service: &str) -> Option<Summary<'_>> {
        let lines: Vec<&Line> = self.checks.iter().filter(|line| line.service == service).collect();
        let first = lines.first()?;
        let count = |outcome| lines.iter().filter(|line| line.status == outcome).count();
        let status = worst(lines.iter().copied());
        let mut matching = lines.iter().filter(|line| line.status == status);
        let headline = match status {
            // The system's own word on itself says more than any one of the many deep checks; of equals, the first
            // reads best.
            Outcome::Ok => matching.rev().max_by_key(|line| (line.level == Level::Protocol, line.level)),
            _ => matching.next(),
        };
        Some(Summary {
            service: &first.service,
            status,
            ok: count(Outcome::Ok),
            warn: count(Outcome::Warn),
            fail: count(Outcome::Fail),
            skipped: count(Outcome::Skipped),
            // All skipped is ok, without a check that is.
            headline: headline.unwrap_or(first),
        })
    }
}

impl Line {
    /// The replica's name for people: `web-2`; the service's where it is about the service as a whole.
    pub fn who(&self) -> String {
        match self.replica {
            0 => self.service.clone(),
            number => format!("{}-{number}", self.service),
        }
    }
}

impl From<&Check> for Line {
    fn from(check: &Check) -> Self {
        Self {
            service: check.replica.service.clone(),
            replica: check.replica.number,
            check: check.name.clone(),
            level: check.level,
            status: check.outcome,
            detail: check.detail.clone(),
            hint: check.hint.clone(),
            ms: u64::try_from(check.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// The worst outcome; what wasn't asked is no worse than ok.
fn worst<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Outcome {
    let worst = lines.into_iter().map(|line| line.status).max().unwrap_or(Outcome::Ok);
    if worst == Outcome::Skipped { Outcome::Ok } else { worst }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::platform::Replica;

    fn check(service: &str, number: u32, level: Level, outcome: Outcome) -> Check {
        Check {
            replica: Replica { service: service.into(), number },
            name: format!("{level:?}").to_lowercase(),
            level,
            outcome,
            detail: "seen".into(),
            hint: (outcome == Outcome::Fail).then(|| format!("vv logs {service}")),
            took: Duration::from_micros(12_345),
        }
    }

    #[test]
    fn the_document() {
        let checks = [
            check("consul", 1, Level::Container, Outcome::Fail),
            check("consul", 1, Level::Port, Outcome::Skipped),
        ];
        insta::assert_snapshot!(serde_json::to_string_pretty(&Report::new("demo", &checks)).unwrap(), @r#"
        {
          "schema": "vv.health/1",
          "stack": "demo",
          "status": "fail",
          "checks": [
            {
              "service": "consul",
              "replica": 1,
              "check": "container",
              "level": "container",
              "status": "fail",
              "detail": "seen",
              "hint": "vv logs consul",
              "ms": 12
            },
            {
              "service": "consul",
              "replica": 1,
              "check": "port",
              "level": "port",
              "status": "skipped",
              "detail": "seen",
              "hint": null,
              "ms": 12
            }
          ]
        }
        "#);
    }

    /// The schema that is published, and that is stricter here: nothing is written that it doesn't tell of.
    fn schema() -> serde_json::Value {
        let mut schema: serde_json::Value =
            serde_json::from_str(include_str!("../../docs/schema/health.json")).unwrap();
        schema["additionalProperties"] = false.into();
        schema["$defs"]["check"]["additionalProperties"] = false.into();
        schema
    }

    #[test]
    fn the_document_is_what_its_schema_says() {
        let validator = jsonschema::draft202012::new(&schema()).unwrap();
        let outcomes = [Outcome::Ok, Outcome::Skipped, Outcome::Warn, Outcome::Fail];
        let levels = [Level::Container, Level::Healthcheck, Level::Port, Level::Protocol, Level::Deep];
        let mut checks: Vec<Check> = Vec::new();
        for level in levels {
            checks.extend(outcomes.map(|outcome| check("web", 1, level, outcome)));
        }
        checks[0].hint = Some("vv logs web".into());
        checks[1].replica.number = 0;
        for checks in [&checks[..], &checks[..1], &[]] {
            let document = serde_json::to_value(Report::new("demo", checks)).unwrap();
            let wrong: Vec<String> =
                validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert_eq!(wrong, Vec::<String>::new(), "{document:#}");
        }
    }

    #[test]
    fn the_schema_tells_wrong_documents() {
        let validator = jsonschema::draft202012::new(&schema()).unwrap();
        let right =
            serde_json::to_value(Report::new("demo", &[check("a", 1, Level::Port, Outcome::Ok)])).unwrap();
        assert!(validator.is_valid(&right));
        for (place, value) in [
            ("/schema", serde_json::json!("vv.health/2")),
            ("/status", "skipped".into()),
            ("/checks/0/level", "shallow".into()),
            ("/checks/0/replica", (-1).into()),
            ("/checks/0/ms", 1.5.into()),
            ("/checks/0/detail", serde_json::Value::Null),
        ] {
            let mut wrong = right.clone();
            *wrong.pointer_mut(place).unwrap() = value;
            assert!(!validator.is_valid(&wrong), "{place}");
        }
    }

    #[test]
    fn the_worst_decides_and_is_shown() {
        let checks = [
            check("a", 1, Level::Container, Outcome::Ok),
            check("a", 1, Level::Protocol, Outcome::Ok),
            check("b", 1, Level::Container, Outcome::Ok),
            check("a", 2, Level::Container, Outcome::Ok),
            check("a", 2, Level::Protocol, Outcome::Ok),
            check("b", 2, Level::Container, Outcome::Warn),
            check("c", 0, Level::Container, Outcome::Skipped),
        ];
        let report = Report::new("demo", &checks);
        assert_eq!(report.status, Outcome::Warn);
        let shown: Vec<String> = report
            .services()
            .iter()
            .map(|all| {
                let head = all.headline;
                format!(
                    "{} {:?} {}/{}/{}/{} {}#{}",
                    all.service,
                    all.status,
                    all.ok,
                    all.warn,
                    all.fail,
                    all.skipped,
                    head.check,
                    head.replica
                )
            })
            .collect();
        assert_eq!(
            shown,
            ["a Ok 4/0/0/0 protocol#1", "b Warn 1/1/0/0 container#2", "c Ok 0/0/0/1 container#0"]
        );
        assert_eq!(Report::new("empty", &[]).status, Outcome::Ok);
        assert_eq!(report.summary("d"), None);
    }
}

//! docs/health.md has every check that the code has, under its kind, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::deep;
use super::question::Question;
use super::target::{Deadline, Target};
use super::testing::{Fake, environment, service, stack_of, status};
use crate::stack::{Service, kind};

const DOCUMENT: &str = include_str!("../../docs/health.md");

/// Systems that can't be had to test against; see tests/parts/README.md.
const STOOD_IN_FOR: &[&str] =
    &["grafana", "kafka-ui", "kibana", "kong", "konga", "logstash", "otel-collector", "signoz"];

/// A check of a kind: its name and its level.
type Named = (String, String);

/// Services of a kind that together are asked everything that the kind can be asked.
fn samples(kind: &str) -> Vec<Service> {
    let of = |image: &str, exposed: &[&str]| {
        let mut subject = service("s", &[], &[]);
        subject.image = image.into();
        subject.vv.kind = Some(kind.into());
        subject.expose = exposed.iter().map(|port| (*port).to_owned()).collect();
        subject
    };
    let mut samples =
        vec![of(kind, &["8001"]), of(kind, &["8001", "5000", "8600", "9901", "13133", "15672"])];
    match kind {
        "jaeger" => samples.push(of("jaegertracing/jaeger-collector", &[])),
        "temporal" => samples.push(of("temporalio/auto-setup", &[])),
        "kafka-ui" => samples.push(of("obsidiandynamics/kafdrop", &[])),
        _ => {}
    }
    samples
}

/// What the code asks services of a kind.
fn asked(kind: &str) -> BTreeSet<Named> {
    let mut found = BTreeSet::new();
    for subject in samples(kind) {
        found.extend(Question::of(&subject, false).map(|question| (question.name(), "protocol".into())));
        // Somebody who sends spans, as Jaeger is asked of.
        let sender =
            environment(service("app", &[], &[]), &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://s:4318")]);
        let stack = stack_of([subject.clone(), sender]);
        let (status, platform) = (status("s", 1), Fake::default());
        let target = Target {
            stack: &stack,
            service: &subject,
            status: &status,
            platform: &platform,
            deadline: Deadline::after(Duration::from_secs(1)),
        };
        found.extend(deep::checks(target).into_iter().map(|check| (check.name, "deep".into())));
    }
    found
}

/// The kinds' sections of the document.
fn sections() -> BTreeMap<&'static str, &'static str> {
    let kinds = DOCUMENT.split_once("\n## Kinds\n").unwrap().1;
    kinds.split("\n### ").skip(1).map(|section| section.split_once('\n').unwrap()).collect()
}

/// The rows of a section's table, by their cells.
fn rows(section: &str) -> Vec<Vec<&str>> {
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn every_kind_has_its_section() {
    let documented: Vec<&str> = sections().into_keys().collect();
    let kinds: BTreeSet<&str> = kind::names().collect();
    assert_eq!(documented, Vec::from_iter(kinds));
}

#[tokio::test]
async fn every_check_has_its_row_and_every_row_its_check() {
    for (kind, section) in sections() {
        let documented: Vec<Named> = rows(section)
            .iter()
            .map(|cells| (cells[0].trim_matches('`').to_owned(), cells[1].to_owned()))
            .collect();
        let unique: BTreeSet<Named> = documented.iter().cloned().collect();
        assert_eq!(unique.len(), documented.len(), "{kind} has a row twice");
        assert_eq!(unique, asked(kind), "docs/health.md (left) and the code (right) differ in {kind}");
    }
}

#[test]
fn every_row_says_what_goes_wrong_and_what_to_do() {
    for (kind, section) in sections() {
        for cells in rows(section) {
            assert_eq!(cells.len(), 5, "{kind}: {cells:?}");
            assert!(cells.iter().all(|cell| !cell.is_empty()), "{kind}: {cells:?}");
        }
    }
}

#[test]
fn what_is_stood_in_for_says_so() {
    let marked: Vec<&str> = sections()
        .into_iter()
        .filter(|(_, section)| section.contains("Tested against a stand-in"))
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(marked, STOOD_IN_FOR);
}

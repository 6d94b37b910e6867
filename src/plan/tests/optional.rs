//! Dependencies that others can do without.

use super::build::{Fluent, service, stack};
use super::situation::Situation;
use crate::plan::lifecycle::restart_plan;
use crate::plan::render;
use crate::stack::Stack;
use crate::stack::model::Condition::{ServiceCompletedSuccessfully, ServiceHealthy, ServiceStarted};

fn optional() -> Stack {
    stack([
        service("job"),
        service("cache").healthy(),
        service("trace"),
        service("web")
            .depends("job", ServiceCompletedSuccessfully, false, false)
            .depends("cache", ServiceHealthy, false, false)
            .depends("trace", ServiceStarted, false, false),
    ])
}

/// The lines of a start's plan that wait.
fn waits(situation: &Situation, services: &[&str]) -> String {
    let named = services.iter().map(|name| (*name).to_owned()).collect();
    let plan = situation.start_with(|request| request.services = named);
    plan.lines().filter(|line| line.contains("wait until")).map(str::trim).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_nobody_needs_fails_no_start() {
    let situation = Situation::new(optional());
    insta::assert_snapshot!(waits(&situation, &["web"]), @r"
    ? wait until job has completed, or go on without  (needed by web)
    ? wait until cache is healthy, or go on without  (needed by web)
    ? wait until cache is ready, or go on without  (at the end)
    ? wait until trace is ready, or go on without  (at the end)
    ? wait until web is ready  (at the end)
    ");
    assert_eq!(waits(&situation, &[]), waits(&situation, &["web"]));
}

#[test]
fn what_was_asked_for_is_required() {
    insta::assert_snapshot!(waits(&Situation::new(optional()), &["web", "job", "cache"]), @r"
    ? wait until job has completed, or go on without  (needed by web)
    ? wait until job has completed  (at the end)
    ? wait until cache is healthy, or go on without  (needed by web)
    ? wait until cache is ready  (at the end)
    ? wait until trace is ready, or go on without  (at the end)
    ? wait until web is ready  (at the end)
    ");
}

#[test]
fn one_that_another_needs_is_required() {
    let mut stack = optional();
    let api = service("api").needs("job", ServiceCompletedSuccessfully).needs("trace", ServiceStarted);
    stack.services.insert("api".into(), api);
    insta::assert_snapshot!(waits(&Situation::new(stack), &[]), @r"
    ? wait until job has completed, or go on without  (needed by web)
    ? wait until job has completed  (needed by api)
    ? wait until cache is healthy, or go on without  (needed by web)
    ? wait until cache is ready, or go on without  (at the end)
    ? wait until trace is ready  (at the end)
    ? wait until web is ready  (at the end)
    ? wait until api is ready  (at the end)
    ");
}

#[test]
fn a_restart_goes_on_without_them_too() {
    let situation = Situation::running(optional());
    let plan = restart_plan(&situation.inputs(), &[], None, false).unwrap();
    insta::assert_snapshot!(render::text(&plan), @r"
    service cache:
      ~ restart container demo-cache-1  (asked for)
      ? wait until cache is healthy, or go on without  (needed by web)
      ? wait until cache is ready, or go on without  (at the end)
    service trace:
      ~ restart container demo-trace-1  (asked for)
      ? wait until trace is ready, or go on without  (at the end)
    service web:
      ~ restart container demo-web-1  (asked for)
      ? wait until web is ready  (at the end)
    ");
}

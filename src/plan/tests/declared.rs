//! What is declared beside containers: when it is applied, and who waits for it.

use super::build::{Fluent, service, stack};
use super::situation::Situation;
use crate::plan::declared::{Comparison, Difference};
use crate::plan::operation::Change;
use crate::plan::{StartRequest, render};
use crate::stack::Stack;
use crate::stack::model::Condition::ServiceStarted;
use crate::stack::vv::Declared::Topics;

/// A broker, who needs its topics, and who doesn't.
fn shop() -> Stack {
    let kafka = service("kafka").with(|service| service.vv.kind = Some("kafka".into()));
    let orders =
        service("orders").needs("kafka", ServiceStarted).with(|service| service.vv.needs = vec![Topics]);
    stack([kafka, orders, service("web")])
}

fn topics(difference: Difference) -> Vec<Comparison> {
    vec![Comparison { what: Topics, difference, notes: Vec::new() }]
}

fn one_missing() -> Difference {
    let change = Change { symbol: '+', what: "create topic orders".into(), cause: "missing".into() };
    Difference::Known(vec![change])
}

#[test]
fn topics_come_after_their_broker_and_before_who_needs_them() {
    let plan = Situation::new(shop()).start_with(|request| request.declared = topics(Difference::Unknown));
    insta::assert_snapshot!(plan, @r"
    networks:
      + create network demo_default  (missing)
    service kafka:
      + create container demo-kafka-1  (missing)
      > start container demo-kafka-1  (missing)
      ? wait until kafka is ready  (at the end)
    service orders:
      + create container demo-orders-1  (missing)
      > start container demo-orders-1  (missing)
      ? wait until orders is ready  (at the end)
    topics:
      ~ apply topics, as far as they differ then  (needed by orders)
    service web:
      + create container demo-web-1  (missing)
      > start container demo-web-1  (missing)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn a_broker_that_runs_was_asked_before() {
    let situation = Situation::running(shop());
    let with = |difference| situation.start_with(|request| request.declared = topics(difference));
    insta::assert_snapshot!(with(one_missing()), @r"
    topics:
      ~ apply topics, changes: 1  (at the end)
        + create topic orders  (missing)
    ");
    assert_eq!(with(Difference::Known(Vec::new())), "");
    // Nobody answered: it is asked again once it is ready.
    insta::assert_snapshot!(with(Difference::Unknown), @r"
    service kafka:
      ? wait until kafka is ready  (at the end)
    topics:
      ~ apply topics, as far as they differ then  (at the end)
    ");
}

#[test]
fn who_needs_topics_waits_for_them_also_where_the_broker_runs() {
    let mut situation = Situation::running(shop());
    situation.lose("demo-orders-1");
    let plan = situation.start_with(|request| request.declared = topics(one_missing()));
    insta::assert_snapshot!(plan, @r"
    service orders:
      + create container demo-orders-1  (missing)
      > start container demo-orders-1  (missing)
      ? wait until orders is ready  (at the end)
    topics:
      ~ apply topics, changes: 1  (needed by orders)
        + create topic orders  (missing)
    ");
}

#[test]
fn a_broker_that_is_made_anew_may_have_lost_them() {
    let mut situation = Situation::running(shop());
    situation.change("kafka", |kafka| _ = kafka.environment.insert("NEW".into(), Some("1".into())));
    let plan = situation.start_with(|request| request.declared = topics(Difference::Known(Vec::new())));
    insta::assert_snapshot!(plan, @r"
    service kafka:
      + create container 000000000005_demo-kafka-1  (changed: environment: NEW)
      < stop container demo-kafka-1  (replacing it)
      - remove container demo-kafka-1  (replacing it)
      ~ rename container 000000000005_demo-kafka-1 to demo-kafka-1  (replacing it)
      > start container demo-kafka-1  (replacing it)
      ? wait until kafka is ready  (at the end)
    topics:
      ~ apply topics, as far as they differ then  (at the end)
    ");
}

#[test]
fn without_the_broker_or_without_waiting_nothing_is_applied() {
    let situation = Situation::new(shop());
    let declared = || topics(Difference::Unknown);
    let plan = |request: StartRequest| {
        let plan = situation.plan(&request).unwrap();
        let lines: Vec<String> = render::text(&plan).lines().map(str::to_owned).collect();
        lines.into_iter().filter(|line| line.contains("topics")).collect::<Vec<_>>().join("\n")
    };
    let web = StartRequest { services: vec!["web".into()], declared: declared(), ..Default::default() };
    assert_eq!(plan(web), "");
    let no_wait = StartRequest {
        services: vec!["kafka".into()],
        no_wait: true,
        declared: declared(),
        ..Default::default()
    };
    assert_eq!(plan(no_wait), "note: topics aren't applied without waiting: `vv init-topics` does");
    // Somebody needs them.
    let no_wait = StartRequest { no_wait: true, declared: declared(), ..Default::default() };
    insta::assert_snapshot!(plan(no_wait), @r"
    topics:
      ~ apply topics, as far as they differ then  (needed by orders)
    ");
}

//! The gateway's targets follow the replicas.

use std::collections::BTreeSet;

use super::build::{Fluent, service, stack};
use super::situation::Situation;
use super::world::Order;
use crate::plan::operation::Plan;
use crate::plan::{DownRequest, StartRequest, down_plan, render, restart_plan, stop_plan, with_targets};

fn shop() -> Situation {
    let kong = service("kong").with(|service| service.vv.kind = Some("kong".into()));
    Situation::new(stack([kong, service("engine"), service("web")]))
}

fn running() -> Situation {
    let mut situation = shop();
    situation.go_with(&scaled(2));
    situation.go();
    situation
}

fn scaled(count: u32) -> StartRequest {
    let mut request = StartRequest { services: vec!["engine".into()], ..StartRequest::default() };
    request.scale.insert("engine".into(), count);
    request
}

fn followed(situation: &Situation, plan: Plan) -> Plan {
    let services: BTreeSet<String> = ["engine".to_owned()].into();
    let plan = with_targets(plan, &situation.stack, &situation.world.observed, &services);
    for (id, operation) in plan.operations.iter().enumerate() {
        assert!(operation.after.iter().all(|before| *before < id), "{id}: {:?}", operation.after);
    }
    plan
}

fn text(situation: &Situation, plan: Plan) -> String {
    render::text(&followed(situation, plan))
}

#[test]
fn replicas_that_come_are_told_of_when_they_are_ready() {
    let situation = running();
    let plan = followed(&situation, situation.plan(&scaled(4)).unwrap());
    let last = plan.operations.last().unwrap();
    assert!(last.after.contains(&(plan.operations.len() - 2)), "after the wait: {:?}", last.after);
    insta::assert_snapshot!(render::text(&plan), @r"
    service engine:
      + create container demo-engine-3  (one more is wanted)
      > start container demo-engine-3  (one more is wanted)
      + create container demo-engine-4  (one more is wanted)
      > start container demo-engine-4  (one more is wanted)
      ? wait until engine is ready  (at the end)
      ~ add targets to the gateway: demo-engine-3, demo-engine-4  (they are ready)
    ");
    let first = shop();
    insta::assert_snapshot!(text(&first, first.plan(&StartRequest::default()).unwrap()), @r"
    networks:
      + create network demo_default  (missing)
    service kong:
      + create container demo-kong-1  (missing)
      > start container demo-kong-1  (missing)
      ? wait until kong is ready  (at the end)
      ~ apply routes again, as far as they differ then  (it is started anew)
    service engine:
      + create container demo-engine-1  (missing)
      > start container demo-engine-1  (missing)
      ? wait until engine is ready  (at the end)
      ~ add targets to the gateway: demo-engine-1  (they are ready)
    service web:
      + create container demo-web-1  (missing)
      > start container demo-web-1  (missing)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn replicas_that_go_are_taken_off_before() {
    let situation = running();
    let plan = followed(&situation, situation.plan(&scaled(1)).unwrap());
    assert_eq!(plan.operations[1].after, [0], "the container goes after its target");
    insta::assert_snapshot!(render::text(&plan), @r"
    service engine:
      ~ take targets off the gateway: demo-engine-2  (they are about to go)
      < stop container demo-engine-2  (one more than wanted)
      - remove container demo-engine-2  (one more than wanted)
    ");
    let stop = |services: &[&str]| {
        let services: Vec<String> = services.iter().map(|name| (*name).to_owned()).collect();
        text(&situation, stop_plan(&situation.inputs(), &services, None).unwrap())
    };
    insta::assert_snapshot!(stop(&["engine"]), @r"
    service engine:
      ~ take targets off the gateway: demo-engine-1, demo-engine-2  (they are about to go)
      < stop container demo-engine-1  (asked for)
      < stop container demo-engine-2  (asked for)
    ");
    insta::assert_snapshot!(stop(&["web"]), @r"
    service web:
      < stop container demo-web-1  (asked for)
    ");
}

#[test]
fn nobody_is_told_where_the_gateway_goes_too() {
    let mut situation = running();
    for plan in [
        stop_plan(&situation.inputs(), &[], None).unwrap(),
        down_plan(&situation.inputs(), &DownRequest::default()),
        restart_plan(&situation.inputs(), &["engine".into()], None, false).unwrap(),
    ] {
        assert_eq!(followed(&situation, plan.clone()), plan);
    }
    let plan = stop_plan(&situation.inputs(), &["kong".into()], None).unwrap();
    situation.world.run(&plan, Order::Forwards, usize::MAX).unwrap();
    let plan = stop_plan(&situation.inputs(), &["engine".into()], None).unwrap();
    assert_eq!(followed(&situation, plan.clone()), plan, "it doesn't run");
}

#[test]
fn a_gateway_that_is_started_anew_is_told_again() {
    let situation = running();
    let plan = restart_plan(&situation.inputs(), &["kong".into()], None, false).unwrap();
    insta::assert_snapshot!(text(&situation, plan), @r"
    service kong:
      ~ restart container demo-kong-1  (asked for)
      ? wait until kong is ready  (at the end)
      ~ apply routes again, as far as they differ then  (it is started anew)
    ");
}

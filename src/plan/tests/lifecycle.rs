//! Stop, down, restart.

use std::time::Duration;

use super::build::{Fluent, service, stack};
use super::first_start::shop;
use super::situation::Situation;
use super::world::Order;
use crate::plan::observed::ContainerState;
use crate::plan::operation::{Action, Plan};
use crate::plan::{
    DownRequest, Inputs, OneOff, PlanError, down_plan, render, restart_plan, run_plan, stop_plan,
};
use crate::stack::model::{Condition, Namespace};

fn carried_out(situation: &mut Situation, plan: impl Fn(&Inputs<'_>) -> Result<Plan, PlanError>) -> String {
    let made = plan(&situation.inputs()).unwrap();
    situation.world.clone().run(&made, Order::Backwards, usize::MAX).unwrap();
    situation.world.run(&made, Order::Forwards, usize::MAX).unwrap();
    render::text(&made)
}

#[test]
fn stop_and_start_again() {
    let mut situation = Situation::running(shop());
    insta::assert_snapshot!(carried_out(&mut situation, |inputs| stop_plan(inputs, &[], None)), @r"
    service web:
      < stop container demo-web-1  (asked for)
    service db:
      < stop container demo-db-1  (asked for)
    ");
    assert_eq!(stop_plan(&situation.inputs(), &[], None).unwrap(), Plan::default());
    insta::assert_snapshot!(situation.start(), @r"
    service db:
      > start container demo-db-1  (exited (143))
      ? wait until db is healthy  (needed by web)
      ? wait until db is ready  (at the end)
    service web:
      > start container demo-web-1  (exited (143))
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn stop_one_and_leave_what_depends_on_it() {
    let mut situation = Situation::running(shop());
    let timeout = Some(Duration::from_secs(3));
    let plan = stop_plan(&situation.inputs(), &["db".into()], timeout).unwrap();
    assert!(matches!(&plan.operations[0].action, Action::StopContainer { timeout: t, .. } if *t == timeout));
    insta::assert_snapshot!(carried_out(&mut situation, |inputs| stop_plan(inputs, &["db".into()], None)), @r"
    service db:
      < stop container demo-db-1  (asked for)
    ");
    let error = stop_plan(&situation.inputs(), &["bd".into()], None).unwrap_err();
    insta::assert_snapshot!(error, @"there is no service bd in stack demo");
}

#[test]
fn stop_one_and_what_lives_in_its_namespace() {
    let debug = service("debug").with(|service| service.pid = Some(Namespace::Service("app".into())));
    let services =
        [service("app").inside("vpn"), service("vpn").healthy(), debug, service("web").restarts_with("vpn")];
    let mut situation = Situation::running(stack(services));
    let vpn = |inputs: &Inputs<'_>| stop_plan(inputs, &["vpn".into()], None);
    let plan = vpn(&situation.inputs()).unwrap();
    assert_eq!(plan.operations[2].after, [1], "{plan:?}");
    insta::assert_snapshot!(carried_out(&mut situation, vpn), @r"
    service debug:
      < stop container demo-debug-1  (it shares a namespace of app)
    service app:
      < stop container demo-app-1  (it shares a namespace of vpn)
    service vpn:
      < stop container demo-vpn-1  (asked for)
    note: demo-debug-1 is stopped with app, whose namespace it shares: `vv start` brings both back
    note: demo-app-1 is stopped with vpn, whose namespace it shares: `vv start` brings both back
    ");
    insta::assert_snapshot!(situation.start(), @r"
    service vpn:
      > start container demo-vpn-1  (exited (143))
      ? wait until vpn is ready  (at the end)
    service app:
      > start container demo-app-1  (exited (143))
      ? wait until app is ready  (at the end)
    service debug:
      > start container demo-debug-1  (exited (143))
      ? wait until debug is ready  (at the end)
    ");
}

#[test]
fn down() {
    let mut situation = Situation::running(shop());
    let plain = |inputs: &Inputs<'_>| Ok(down_plan(inputs, &DownRequest::default()));
    insta::assert_snapshot!(carried_out(&mut situation, plain), @r"
    service web:
      < stop container demo-web-1  (asked for)
      - remove container demo-web-1  (asked for)
    service migrate:
      - remove container demo-migrate-1  (asked for)
    service db:
      < stop container demo-db-1  (asked for)
      - remove container demo-db-1  (asked for)
    networks:
      - remove network demo_default  (asked for)
    ");
    assert_eq!(situation.world.observed.volumes.len(), 1);
    // The containers are gone, the volumes can still go.
    let all =
        |inputs: &Inputs<'_>| Ok(down_plan(inputs, &DownRequest { volumes: true, ..Default::default() }));
    insta::assert_snapshot!(carried_out(&mut situation, all), @r"
    volumes:
      - remove volume demo_data  (asked for)
    ");
    assert_eq!(down_plan(&situation.inputs(), &DownRequest::default()), Plan::default());
}

#[test]
fn down_with_orphans_one_offs_and_profiles() {
    let mut situation = Situation::running(stack([service("web"), service("old"), service("debug")]));
    let one_off = OneOff { service: "web".into(), slug: "0123456789abcdef".into(), ..OneOff::default() };
    let (plan, _) = run_plan(&situation.inputs(), &one_off).unwrap();
    situation.world.run(&plan, Order::Forwards, usize::MAX).unwrap();
    situation.stack.services.shift_remove("old");
    let debug = situation.stack.services.shift_remove("debug").unwrap();
    situation.stack.inactive.insert("debug".into(), debug);
    insta::assert_snapshot!(render::text(&down_plan(&situation.inputs(), &DownRequest::default())), @r"
    service debug:
      < stop container demo-debug-1  (asked for)
      - remove container demo-debug-1  (asked for)
    service web:
      < stop container demo-web-1  (asked for)
      - remove container demo-web-1  (asked for)
      - remove container demo-web-run-0123456789ab  (asked for)
    note: not in the stack any more, left alone: demo-old-1 (--remove-orphans)
    note: network demo_default stays: demo-old-1 is on it
    ");
    let all = |inputs: &Inputs<'_>| {
        Ok(down_plan(inputs, &DownRequest { remove_orphans: true, ..DownRequest::default() }))
    };
    insta::assert_snapshot!(carried_out(&mut situation, all), @r"
    service debug:
      < stop container demo-debug-1  (asked for)
      - remove container demo-debug-1  (asked for)
    service web:
      < stop container demo-web-1  (asked for)
      - remove container demo-web-1  (asked for)
      - remove container demo-web-run-0123456789ab  (asked for)
    service old:
      < stop container demo-old-1  (its service isn't in the stack any more)
      - remove container demo-old-1  (its service isn't in the stack any more)
    networks:
      - remove network demo_default  (asked for)
    ");
    assert!(situation.world.observed.containers.is_empty() && situation.world.observed.networks.is_empty());
}

#[test]
fn down_leaves_what_was_not_made_for_the_project() {
    let mut situation = Situation::running(stack([service("web").on("shared").volume("data", "/data")]));
    situation.world.observed.volumes[0].labels.clear();
    for network in &mut situation.world.observed.networks {
        network.labels.clear();
    }
    situation.stack.networks["shared"].external = true;
    let all =
        |inputs: &Inputs<'_>| Ok(down_plan(inputs, &DownRequest { volumes: true, ..Default::default() }));
    insta::assert_snapshot!(carried_out(&mut situation, all), @r"
    service web:
      < stop container demo-web-1  (asked for)
      - remove container demo-web-1  (asked for)
    note: network demo_default was not made for this project: it stays
    note: volume demo_data was not made for this project: it stays
    ");
}

#[test]
fn restart_everything() {
    let mut situation = Situation::running(shop());
    insta::assert_snapshot!(carried_out(&mut situation, |inputs| restart_plan(inputs, &[], None, false)), @r"
    service db:
      ~ restart container demo-db-1  (asked for)
      ? wait until db is healthy  (needed by web)
      ? wait until db is ready  (at the end)
    service web:
      ~ restart container demo-web-1  (asked for)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn restart_brings_along_what_wants_to() {
    let mut situation = Situation::running(stack([
        service("web").healthy().restarts_with("api"),
        service("api").healthy().needs("db", Condition::ServiceHealthy),
        service("db").healthy(),
        service("side").inside("api"),
    ]));
    let api = |inputs: &Inputs<'_>| restart_plan(inputs, &["api".into()], None, true);
    insta::assert_snapshot!(carried_out(&mut situation, api), @r"
    service api:
      ~ restart container demo-api-1  (asked for)
      ? wait until api is healthy  (needed by web)
    service web:
      ~ restart container demo-web-1  (api is started anew)
    service side:
      ~ restart container demo-side-1  (api is started anew)
    ");
}

#[test]
fn restart_starts_what_is_stopped_and_leaves_leftovers() {
    let mut situation = Situation::running(stack([service("web").replicas(3)]));
    situation.state("demo-web-1", ContainerState::Exited(1));
    situation.state("demo-web-2", ContainerState::Created);
    situation.state("demo-web-3", ContainerState::Paused);
    insta::assert_snapshot!(carried_out(&mut situation, |inputs| restart_plan(inputs, &[], None, false)), @r"
    service web:
      ~ restart container demo-web-1  (asked for)
      ~ restart container demo-web-3  (asked for)
      ? wait until web is ready  (at the end)
    note: demo-web-2 was never started: `vv start` makes it anew
    ");
}

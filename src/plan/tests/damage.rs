//! Containers that somebody stopped, lost or left half-made.

use super::build::{Fluent, service, stack};
use super::first_start::shop;
use super::situation::Situation;
use super::world::Order;
use crate::plan::observed::{ContainerState, Health};

#[test]
fn stopped() {
    let mut situation = Situation::running(shop());
    situation.state("demo-db-1", ContainerState::Exited(0));
    situation.state("demo-web-1", ContainerState::Exited(137));
    insta::assert_snapshot!(situation.start(), @r"
    service db:
      > start container demo-db-1  (exited (0))
      ? wait until db is healthy  (needed by web)
      ? wait until db is ready  (at the end)
    service web:
      > start container demo-web-1  (exited (137))
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn a_job_that_failed_is_run_again() {
    let mut situation = Situation::running(shop());
    situation.state("demo-migrate-1", ContainerState::Exited(1));
    situation.state("demo-web-1", ContainerState::Exited(1));
    insta::assert_snapshot!(situation.start(), @r"
    service migrate:
      > start container demo-migrate-1  (exited (1))
      ? wait until migrate has completed  (needed by web)
    service web:
      > start container demo-web-1  (exited (1))
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn a_job_that_nobody_waits_for() {
    let seed = service("seed").with(|service| service.vv.kind = Some("job".into()));
    let mut situation = Situation::new(stack([seed]));
    insta::assert_snapshot!(situation.start(), @r"
    networks:
      + create network demo_default  (missing)
    service seed:
      + create container demo-seed-1  (missing)
      > start container demo-seed-1  (missing)
      ? wait until seed has completed  (at the end)
    ");
    situation.go();
    insta::assert_snapshot!(situation.start(), @"");
}

#[test]
fn a_job_still_runs() {
    let mut situation = Situation::running(shop());
    situation.state("demo-migrate-1", ContainerState::Running);
    insta::assert_snapshot!(situation.start(), @r"
    service migrate:
      ? wait until migrate has completed  (at the end)
    ");
}

#[test]
fn a_container_is_lost() {
    let mut situation = Situation::running(shop());
    situation.lose("demo-db-1");
    insta::assert_snapshot!(situation.start(), @r"
    service db:
      + create container demo-db-1  (missing)
      > start container demo-db-1  (missing)
      ? wait until db is ready  (at the end)
    ");
}

#[test]
fn never_started() {
    let mut situation = Situation::running(stack([service("web").config("a", "/a", "b")]));
    situation.state("demo-web-1", ContainerState::Created);
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      - remove container demo-web-1  (never started)
      + create container demo-web-1  (never started)
      ~ copy /a into container demo-web-1  (never started)
      > start container demo-web-1  (never started)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn half_replaced_and_the_old_one_is_there() {
    let mut situation = Situation::running(stack([service("web")]));
    situation.change("web", |web| web.tty = true);
    let plan = situation.plan(&Default::default()).unwrap();
    situation.world.run(&plan, Order::Forwards, 2).unwrap();
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      - remove container 000000000003_demo-web-1  (left over from an interrupted run)
      + create container 000000000003_demo-web-1  (changed: tty)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000003_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
    // The stack was changed back meanwhile.
    situation.change("web", |web| web.tty = false);
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      - remove container 000000000003_demo-web-1  (left over from an interrupted run)
      > start container demo-web-1  (exited (143))
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn half_replaced_and_the_old_one_is_gone() {
    let mut situation = Situation::running(stack([service("web")]));
    situation.change("web", |web| web.tty = true);
    let plan = situation.plan(&Default::default()).unwrap();
    situation.world.run(&plan, Order::Forwards, 3).unwrap();
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      - remove container 000000000003_demo-web-1  (left over from an interrupted run)
      + create container demo-web-1  (left over from an interrupted run)
      > start container demo-web-1  (left over from an interrupted run)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn one_that_ran_under_its_temporary_name_is_renamed() {
    let mut situation = Situation::running(stack([service("web")]));
    situation.container("demo-web-1", |container| container.name = "0123456789ab_demo-web-1".into());
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      ~ rename container 0123456789ab_demo-web-1 to demo-web-1  (left over from an interrupted run)
    ");
    situation.change("web", |web| web.tty = true);
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container 000000000003_demo-web-1  (changed: tty)
      < stop container 0123456789ab_demo-web-1  (replacing it)
      - remove container 0123456789ab_demo-web-1  (replacing it)
      ~ rename container 000000000003_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn renamed_by_hand() {
    let mut situation = Situation::running(stack([service("web")]));
    situation.container("demo-web-1", |container| container.name = "mine".into());
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      ~ rename container mine to demo-web-1  (changed: container_name)
    ");
}

#[test]
fn dead_or_on_its_way_out() {
    let mut situation = Situation::running(stack([service("web").replicas(2)]));
    situation.state("demo-web-1", ContainerState::Dead);
    situation.state("demo-web-2", ContainerState::Removing);
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      - remove container demo-web-1  (left over from an interrupted run)
      - remove container demo-web-2  (left over from an interrupted run)
      + create container demo-web-1  (left over from an interrupted run)
      > start container demo-web-1  (left over from an interrupted run)
      + create container demo-web-2  (left over from an interrupted run)
      > start container demo-web-2  (left over from an interrupted run)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn frozen() {
    let mut situation = Situation::running(stack([service("web").healthy()]));
    situation.state("demo-web-1", ContainerState::Paused);
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      ~ restart container demo-web-1  (paused)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn without_a_verdict_yet() {
    let mut situation =
        Situation::running(stack([service("db").healthy(), service("web").healthy(), service("api")]));
    situation.container("demo-db-1", |container| container.health = Some(Health::Starting));
    situation.container("demo-web-1", |container| container.health = Some(Health::Unhealthy));
    situation.state("demo-api-1", ContainerState::Restarting);
    insta::assert_snapshot!(situation.start(), @r"
    service db:
      ? wait until db is ready  (at the end)
    service web:
      ? wait until web is ready  (at the end)
    service api:
      ? wait until api is ready  (at the end)
    ");
    insta::assert_snapshot!(situation.start_with(|request| request.no_wait = true), @"");
}

#[test]
fn everything_is_stopped_and_the_network_is_gone() {
    let mut situation = Situation::running(shop());
    for name in ["demo-db-1", "demo-web-1"] {
        situation.state(name, ContainerState::Exited(0));
    }
    situation.world.observed.networks.clear();
    insta::assert_snapshot!(situation.start(), @r"
    networks:
      + create network demo_default  (missing)
    service db:
      + create container 000000000005_demo-db-1  (not on network demo_default of now)
      - remove container demo-db-1  (replacing it)
      ~ rename container 000000000005_demo-db-1 to demo-db-1  (replacing it)
      > start container demo-db-1  (replacing it)
      ? wait until db is healthy  (needed by web)
      ? wait until db is ready  (at the end)
    service web:
      + create container 000000000009_demo-web-1  (not on network demo_default of now)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000009_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

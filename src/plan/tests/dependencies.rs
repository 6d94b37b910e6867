//! What becomes of services when those they hang on are renewed.

use super::build::{Fluent, service, stack};
use super::situation::Situation;
use super::world::Order;
use crate::plan::observed::ContainerState;
use crate::plan::spec::ContainerSpec;
use crate::plan::{StartRequest, which_need_inspect};
use crate::stack::Stack;
use crate::stack::model::{Condition, Namespace};

fn chain() -> Stack {
    stack([
        service("web").healthy().restarts_with("api"),
        service("api").healthy().restarts_with("db"),
        service("db").healthy(),
        service("bystander").needs("db", Condition::ServiceHealthy),
    ])
}

#[test]
fn dependents_that_want_to_restart() {
    let mut situation = Situation::running(chain());
    situation.change("db", |db| db.tty = true);
    insta::assert_snapshot!(situation.start(), @r"
    service db:
      + create container 000000000006_demo-db-1  (changed: tty)
      < stop container demo-db-1  (replacing it)
      - remove container demo-db-1  (replacing it)
      ~ rename container 000000000006_demo-db-1 to demo-db-1  (replacing it)
      > start container demo-db-1  (replacing it)
      ? wait until db is healthy  (needed by api)
      ? wait until db is ready  (at the end)
    service web:
      < stop container demo-web-1  (api is started anew)
      > start container demo-web-1  (api is started anew)
      ? wait until web is ready  (at the end)
    service api:
      < stop container demo-api-1  (db is started anew)
      > start container demo-api-1  (db is started anew)
      ? wait until api is healthy  (needed by web)
      ? wait until api is ready  (at the end)
    ");
    // However often it is cut off: who restarts with another one runs after it.
    let plan = situation.plan(&StartRequest::default()).unwrap();
    for cut in 0..=plan.operations.len() {
        let mut after = situation.clone();
        after.world.run(&plan, Order::Forwards, cut).unwrap();
        after.go();
        let started = |name: &str| after.world.started[name];
        assert!(started("demo-db-1") < started("demo-api-1"), "cut after {cut}");
        assert!(started("demo-api-1") < started("demo-web-1"), "cut after {cut}");
    }
}

#[test]
fn dependents_outside_the_selection_restart_too() {
    let mut situation = Situation::running(chain());
    situation.change("db", |db| db.tty = true);
    insta::assert_snapshot!(situation.start_with(|request| request.services = vec!["db".into()]), @r"
    service db:
      + create container 000000000006_demo-db-1  (changed: tty)
      < stop container demo-db-1  (replacing it)
      - remove container demo-db-1  (replacing it)
      ~ rename container 000000000006_demo-db-1 to demo-db-1  (replacing it)
      > start container demo-db-1  (replacing it)
      ? wait until db is healthy  (needed by api)
      ? wait until db is ready  (at the end)
    service web:
      < stop container demo-web-1  (api is started anew)
      > start container demo-web-1  (api is started anew)
      ? wait until web is ready  (at the end)
    service api:
      < stop container demo-api-1  (db is started anew)
      > start container demo-api-1  (db is started anew)
      ? wait until api is healthy  (needed by web)
      ? wait until api is ready  (at the end)
    ");
}

#[test]
fn a_dependency_that_was_only_stopped_restarts_nobody() {
    let mut situation = Situation::running(chain());
    situation.state("demo-db-1", ContainerState::Exited(0));
    insta::assert_snapshot!(situation.start(), @r"
    service db:
      > start container demo-db-1  (exited (0))
      ? wait until db is ready  (at the end)
    ");
}

#[test]
fn a_dependency_is_scaled_up() {
    let situation = Situation::running(chain());
    insta::assert_snapshot!(situation.start_with(|request| {
        request.scale.insert("db".into(), 2);
    }), @r"
    service db:
      + create container demo-db-2  (one more is wanted)
      > start container demo-db-2  (one more is wanted)
      ? wait until db is ready  (at the end)
    ");
}

fn vpn() -> Stack {
    stack([service("app").inside("vpn"), service("vpn").publish(8080, 80)])
}

#[test]
fn a_namespace_is_recreated() {
    let mut situation = Situation::running(vpn());
    situation.change("vpn", |vpn| vpn.tty = true);
    insta::assert_snapshot!(situation.start(), @r"
    service vpn:
      + create container 000000000004_demo-vpn-1  (changed: tty)
      < stop container demo-vpn-1  (replacing it)
      - remove container demo-vpn-1  (replacing it)
      ~ rename container 000000000004_demo-vpn-1 to demo-vpn-1  (replacing it)
      > start container demo-vpn-1  (replacing it)
      ? wait until vpn is ready  (at the end)
    service app:
      + create container 000000000006_demo-app-1  (vpn is started anew)
      < stop container demo-app-1  (replacing it)
      - remove container demo-app-1  (replacing it)
      ~ rename container 000000000006_demo-app-1 to demo-app-1  (replacing it)
      > start container demo-app-1  (replacing it)
      ? wait until app is ready  (at the end)
    ");
    insta::assert_snapshot!(situation.start_with(|request| request.services = vec!["vpn".into()]), @r"
    service vpn:
      + create container 000000000004_demo-vpn-1  (changed: tty)
      < stop container demo-vpn-1  (replacing it)
      - remove container demo-vpn-1  (replacing it)
      ~ rename container 000000000004_demo-vpn-1 to demo-vpn-1  (replacing it)
      > start container demo-vpn-1  (replacing it)
      ? wait until vpn is ready  (at the end)
    service app:
      + create container 000000000006_demo-app-1  (vpn is started anew)
      < stop container demo-app-1  (replacing it)
      - remove container demo-app-1  (replacing it)
      ~ rename container 000000000006_demo-app-1 to demo-app-1  (replacing it)
      > start container demo-app-1  (replacing it)
      ? wait until app is ready  (at the end)
    ");
}

#[test]
fn a_namespace_is_lost() {
    let mut situation = Situation::running(vpn());
    situation.lose("demo-vpn-1");
    insta::assert_snapshot!(situation.start(), @r"
    service vpn:
      + create container demo-vpn-1  (missing)
      > start container demo-vpn-1  (missing)
      ? wait until vpn is ready  (at the end)
    service app:
      + create container 000000000006_demo-app-1  (vpn is started anew)
      < stop container demo-app-1  (replacing it)
      - remove container demo-app-1  (replacing it)
      ~ rename container 000000000006_demo-app-1 to demo-app-1  (replacing it)
      > start container demo-app-1  (replacing it)
      ? wait until app is ready  (at the end)
    ");
}

#[test]
fn a_namespace_was_stopped() {
    let mut situation = Situation::running(vpn());
    situation.state("demo-vpn-1", ContainerState::Exited(0));
    insta::assert_snapshot!(situation.start(), @r"
    service app:
      < stop container demo-app-1  (vpn is started anew)
      > start container demo-app-1  (vpn is started anew)
      ? wait until app is ready  (at the end)
    service vpn:
      > start container demo-vpn-1  (exited (0))
      ? wait until vpn is ready  (at the end)
    ");
}

#[test]
fn a_namespace_is_another_containers_now() {
    let mut situation = Situation::running(vpn());
    situation.container("demo-app-1", |app| app.network_mode = "container:0123".into());
    insta::assert_snapshot!(situation.start(), @r"
    service app:
      + create container 000000000006_demo-app-1  (vpn is started anew)
      < stop container demo-app-1  (replacing it)
      - remove container demo-app-1  (replacing it)
      ~ rename container 000000000006_demo-app-1 to demo-app-1  (replacing it)
      > start container demo-app-1  (replacing it)
      ? wait until app is ready  (at the end)
    ");
    insta::assert_snapshot!(situation.start_with(|request| {
        request.services = vec!["app".into()];
        request.no_deps = true;
    }), @r"
    service app:
      + create container 000000000006_demo-app-1  (vpn is started anew)
      < stop container demo-app-1  (replacing it)
      - remove container demo-app-1  (replacing it)
      ~ rename container 000000000006_demo-app-1 to demo-app-1  (replacing it)
      > start container demo-app-1  (replacing it)
      ? wait until app is ready  (at the end)
    ");
}

/// Nothing of `vpn` but a request for no replica.
fn without_vpn(request: &mut StartRequest) {
    request.services = vec!["vpn".into()];
    request.scale.insert("vpn".into(), 0);
}

#[test]
fn a_namespace_is_scaled_away() {
    let mut situation = Situation::running(vpn());
    insta::assert_snapshot!(situation.start_with(without_vpn), @r"
    service app:
      < stop container demo-app-1  (it shares a namespace of vpn)
    service vpn:
      < stop container demo-vpn-1  (one more than wanted)
      - remove container demo-vpn-1  (one more than wanted)
    note: demo-app-1 is stopped with vpn, whose namespace it shares: `vv start` brings both back
    ");
    let mut request = StartRequest::default();
    without_vpn(&mut request);
    situation.go_with(&request);
    // It comes back, and what lives in it with it.
    insta::assert_snapshot!(situation.start(), @r"
    service vpn:
      + create container demo-vpn-1  (missing)
      > start container demo-vpn-1  (missing)
      ? wait until vpn is ready  (at the end)
    service app:
      + create container 000000000006_demo-app-1  (vpn is started anew)
      - remove container demo-app-1  (replacing it)
      ~ rename container 000000000006_demo-app-1 to demo-app-1  (replacing it)
      > start container demo-app-1  (replacing it)
      ? wait until app is ready  (at the end)
    ");
}

#[test]
fn a_namespace_in_a_namespace_is_scaled_away() {
    let debug = service("debug").with(|service| service.pid = Some(Namespace::Service("app".into())));
    let situation = Situation::running(stack([debug, service("app").inside("vpn"), service("vpn")]));
    insta::assert_snapshot!(situation.start_with(without_vpn), @r"
    service debug:
      < stop container demo-debug-1  (it shares a namespace of app)
    service app:
      < stop container demo-app-1  (it shares a namespace of vpn)
    service vpn:
      < stop container demo-vpn-1  (one more than wanted)
      - remove container demo-vpn-1  (one more than wanted)
    note: demo-app-1 is stopped with vpn, whose namespace it shares: `vv start` brings both back
    note: demo-debug-1 is stopped with app, whose namespace it shares: `vv start` brings both back
    ");
}

#[test]
fn a_namespace_that_the_file_wants_no_replica_of() {
    let situation = Situation::new(stack([service("app").inside("vpn"), service("vpn").replicas(0)]));
    insta::assert_snapshot!(situation.start(), @"note: app isn't started: it shares a namespace of vpn, of which no replica is wanted");
}

#[test]
fn other_namespaces_need_an_inspect() {
    let debug = service("debug").with(|service| service.pid = Some(Namespace::Service("web".into())));
    let mut situation = Situation::running(stack([service("web"), debug]));
    let id = situation.world.find("demo-debug-1").unwrap().id.clone();
    assert_eq!(which_need_inspect(&situation.stack, &situation.world.observed), [id]);
    situation.container("demo-debug-1", |container| {
        let spec = ContainerSpec { pid: Some("container:0123".into()), ..ContainerSpec::default() };
        container.inspected = Some(Box::new(spec));
    });
    insta::assert_snapshot!(situation.start(), @r"
    service debug:
      + create container 000000000006_demo-debug-1  (web is started anew)
      < stop container demo-debug-1  (replacing it)
      - remove container demo-debug-1  (replacing it)
      ~ rename container 000000000006_demo-debug-1 to demo-debug-1  (replacing it)
      > start container demo-debug-1  (replacing it)
      ? wait until debug is ready  (at the end)
    ");
}

//! More replicas, fewer, and what stays.

use super::build::{Fluent, service, stack};
use super::situation::Situation;
use crate::plan::observed::ContainerState;
use crate::plan::{StartRequest, labels};
use crate::stack::model::{NetworkAttachment, Service};
use crate::stack::vv::Scale;

fn engine() -> Service {
    service("engine").healthy().publish(8015, 8005)
}

fn scaled(count: u32) -> StartRequest {
    let mut request = StartRequest { services: vec!["engine".into()], ..StartRequest::default() };
    request.scale.insert("engine".into(), count);
    request
}

/// Running, with this many replicas by `vv scale`.
fn running(count: u32) -> Situation {
    let mut situation = Situation::running(stack([engine()]));
    situation.go_with(&scaled(count));
    situation
}

fn names(situation: &Situation) -> Vec<&str> {
    let mut names: Vec<&str> = situation.world.observed.containers.iter().map(|c| c.name.as_str()).collect();
    names.sort();
    names
}

fn published(situation: &Situation, name: &str) -> Option<u16> {
    situation.world.spec(name).ports[0].published.map(|range| range.first)
}

#[test]
fn up() {
    let mut situation = Situation::running(stack([engine()]));
    insta::assert_snapshot!(situation.start_with(|request| *request = scaled(3)), @r"
    service engine:
      + create container demo-engine-2  (one more is wanted)
      > start container demo-engine-2  (one more is wanted)
      + create container demo-engine-3  (one more is wanted)
      > start container demo-engine-3  (one more is wanted)
      ? wait until engine is ready  (at the end)
    ");
    situation.go_with(&scaled(3));
    assert_eq!(published(&situation, "demo-engine-1"), Some(8015));
    assert_eq!(published(&situation, "demo-engine-3"), None);
    assert!(situation.world.find("demo-engine-2").unwrap().labels.contains_key(labels::SCALED));
    assert!(!situation.world.find("demo-engine-1").unwrap().labels.contains_key(labels::SCALED));
}

#[test]
fn a_plain_start_keeps_them() {
    insta::assert_snapshot!(running(3).start(), @"note: engine: `vv scale` has added 2, which a start keeps (--reset-scale removes them)");
}

#[test]
fn a_plain_start_can_be_told_not_to() {
    insta::assert_snapshot!(running(3).start_with(|request| request.reset_scale = true), @r"
    service engine:
      < stop container demo-engine-2  (one more than wanted)
      - remove container demo-engine-2  (one more than wanted)
      < stop container demo-engine-3  (one more than wanted)
      - remove container demo-engine-3  (one more than wanted)
    ");
}

#[test]
fn down() {
    let situation = running(4);
    insta::assert_snapshot!(situation.start_with(|request| *request = scaled(2)), @r"
    service engine:
      < stop container demo-engine-3  (one more than wanted)
      - remove container demo-engine-3  (one more than wanted)
      < stop container demo-engine-4  (one more than wanted)
      - remove container demo-engine-4  (one more than wanted)
    ");
}

#[test]
fn obsolete_ones_go_first() {
    let mut situation = running(4);
    situation.container("demo-engine-2", |container| container.image_id = "sha256:old".into());
    insta::assert_snapshot!(situation.start_with(|request| *request = scaled(3)), @r"
    service engine:
      < stop container demo-engine-2  (one more than wanted)
      - remove container demo-engine-2  (one more than wanted)
    ");
    situation.go_with(&scaled(3));
    assert_eq!(names(&situation), ["demo-engine-1", "demo-engine-3", "demo-engine-4"]);
    // And the gap isn't filled by a plain start.
    insta::assert_snapshot!(situation.start(), @"note: engine: `vv scale` has added 2, which a start keeps (--reset-scale removes them)");
}

#[test]
fn the_holder_of_the_fixed_port_stays() {
    let mut situation = running(3);
    situation.container("demo-engine-1", |container| container.image_id = "sha256:old".into());
    insta::assert_snapshot!(situation.start_with(|request| *request = scaled(1)), @r"
    service engine:
      < stop container demo-engine-2  (one more than wanted)
      - remove container demo-engine-2  (one more than wanted)
      < stop container demo-engine-3  (one more than wanted)
      - remove container demo-engine-3  (one more than wanted)
      + create container 000000000003_demo-engine-1  (its image is another one now)
      < stop container demo-engine-1  (replacing it)
      - remove container demo-engine-1  (replacing it)
      ~ rename container 000000000003_demo-engine-1 to demo-engine-1  (replacing it)
      > start container demo-engine-1  (replacing it)
      ? wait until engine is ready  (at the end)
    ");
}

#[test]
fn the_holder_of_the_fixed_port_comes_back() {
    let mut situation = running(3);
    situation.lose("demo-engine-1");
    insta::assert_snapshot!(situation.start(), @r"
    service engine:
      + create container demo-engine-1  (missing)
      > start container demo-engine-1  (missing)
      ? wait until engine is ready  (at the end)
    note: engine: `vv scale` has added 2, which a start keeps (--reset-scale removes them)
    ");
    insta::assert_snapshot!(situation.start_with(|request| *request = scaled(1)), @r"
    service engine:
      < stop container demo-engine-3  (one more than wanted)
      - remove container demo-engine-3  (one more than wanted)
      < stop container demo-engine-2  (one more than wanted)
      - remove container demo-engine-2  (one more than wanted)
      + create container demo-engine-1  (missing)
      > start container demo-engine-1  (missing)
      ? wait until engine is ready  (at the end)
    ");
}

#[test]
fn scaled_below_the_file_comes_back() {
    let mut situation = Situation::running(stack([engine().replicas(3)]));
    situation.go_with(&scaled(1));
    insta::assert_snapshot!(situation.start(), @r"
    service engine:
      + create container demo-engine-2  (one more is wanted)
      > start container demo-engine-2  (one more is wanted)
      + create container demo-engine-3  (one more is wanted)
      > start container demo-engine-3  (one more is wanted)
      ? wait until engine is ready  (at the end)
    ");
}

#[test]
fn down_to_none() {
    let situation = Situation::running(stack([engine()]));
    insta::assert_snapshot!(situation.start_with(|request| *request = scaled(0)), @r"
    service engine:
      < stop container demo-engine-1  (one more than wanted)
      - remove container demo-engine-1  (one more than wanted)
    ");
}

#[test]
fn the_file_wants_more() {
    let mut situation = running(3);
    situation.change("engine", |engine| engine.replicas = 5);
    insta::assert_snapshot!(situation.start(), @r"
    service engine:
      + create container demo-engine-4  (one more is wanted)
      > start container demo-engine-4  (one more is wanted)
      + create container demo-engine-5  (one more is wanted)
      > start container demo-engine-5  (one more is wanted)
      ? wait until engine is ready  (at the end)
    ");
    situation.change("engine", |engine| engine.replicas = 2);
    insta::assert_snapshot!(situation.start(), @"note: engine: `vv scale` has added 1, which a start keeps (--reset-scale removes them)");
}

#[test]
fn the_file_wants_fewer() {
    let mut situation = Situation::running(stack([engine().replicas(3)]));
    situation.change("engine", |engine| engine.replicas = 1);
    insta::assert_snapshot!(situation.start(), @r"
    service engine:
      < stop container demo-engine-2  (one more than wanted)
      - remove container demo-engine-2  (one more than wanted)
      < stop container demo-engine-3  (one more than wanted)
      - remove container demo-engine-3  (one more than wanted)
    ");
}

#[test]
fn scaled_by_hand_with_another_tool() {
    // Compose marks nothing as scaled, and goes back to the file's number itself.
    let mut situation = running(3);
    for name in ["demo-engine-2", "demo-engine-3"] {
        situation.container(name, |container| {
            container.labels.remove(labels::SCALED);
        });
    }
    insta::assert_snapshot!(situation.start(), @r"
    service engine:
      < stop container demo-engine-2  (one more than wanted)
      - remove container demo-engine-2  (one more than wanted)
      < stop container demo-engine-3  (one more than wanted)
      - remove container demo-engine-3  (one more than wanted)
    ");
}

#[test]
fn scaled_ones_change_with_the_stack() {
    let mut situation = running(2);
    situation.change("engine", |engine| engine.tty = true);
    insta::assert_snapshot!(situation.start(), @r"
    service engine:
      + create container 000000000003_demo-engine-1  (changed: tty)
      < stop container demo-engine-1  (replacing it)
      - remove container demo-engine-1  (replacing it)
      ~ rename container 000000000003_demo-engine-1 to demo-engine-1  (replacing it)
      > start container demo-engine-1  (replacing it)
      + create container 000000000005_demo-engine-2  (changed: tty)
      < stop container demo-engine-2  (replacing it)
      - remove container demo-engine-2  (replacing it)
      ~ rename container 000000000005_demo-engine-2 to demo-engine-2  (replacing it)
      > start container demo-engine-2  (replacing it)
      ? wait until engine is ready  (at the end)
    note: engine: `vv scale` has added 1, which a start keeps (--reset-scale removes them)
    ");
    situation.go();
    assert!(situation.world.find("demo-engine-2").unwrap().labels.contains_key(labels::SCALED));
    assert_eq!(published(&situation, "demo-engine-2"), None);
}

#[test]
fn one_of_several_was_stopped() {
    let mut situation = Situation::running(stack([engine().replicas(3)]));
    situation.state("demo-engine-2", ContainerState::Exited(1));
    insta::assert_snapshot!(situation.start(), @r"
    service engine:
      > start container demo-engine-2  (exited (1))
      ? wait until engine is ready  (at the end)
    ");
}

#[test]
fn outside_the_range() {
    let note = |count: u32, min: u32, max: u32| {
        let scale = Scale { min, max, by: Some("cpu".into()) };
        let situation = Situation::new(stack([engine().with(|service| service.vv.scale = Some(scale))]));
        let notes = situation.plan(&scaled(count)).unwrap().notes;
        notes.join("\n")
    };
    insta::assert_snapshot!(note(2, 3, 10), @"engine: 2 replicas are outside the range of 3 to 10 that the stack gives");
    insta::assert_snapshot!(note(1, 3, 10), @"engine: 1 replica is outside the range of 3 to 10 that the stack gives");
    insta::assert_snapshot!(note(3, 2, 2), @"engine: 3 replicas are not the 2 that the stack gives");
    assert_eq!(note(3, 3, 10), "");
}

/// How a plan is refused.
fn refused(situation: &Situation, request: &StartRequest) -> String {
    let error = situation.plan(request).unwrap_err();
    format!("{}: {error}\n{}", error.kind.exit_code(), error.hints.join("\n"))
}

#[test]
fn a_fixed_name_can_be_had_once() {
    let named = engine().with(|service| service.container_name = Some("the-engine".into()));
    let situation = Situation::running(stack([named]));
    insta::assert_snapshot!(refused(&situation, &scaled(2)), @"
    2: service engine can't have 2 replicas: its container_name is fixed to the-engine, which only one can have
    remove container_name from service engine, or keep to one replica
    ");
}

#[test]
fn a_fixed_address_can_be_had_once() {
    let fixed = |change: fn(&mut NetworkAttachment)| {
        engine().with(|service| change(&mut service.networks["default"]))
    };
    let ipv4 = fixed(|network| network.ipv4_address = Some("10.9.0.5".into()));
    insta::assert_snapshot!(refused(&Situation::running(stack([ipv4.clone()])), &scaled(3)), @"
    2: service engine can't have 3 replicas: its networks.default.ipv4_address is fixed to 10.9.0.5, which only one can have
    remove networks.default.ipv4_address from service engine, or keep to one replica
    ");
    insta::assert_snapshot!(refused(&Situation::new(stack([ipv4.replicas(3)])), &StartRequest::default()), @"
    3: service engine can't have 3 replicas: its networks.default.ipv4_address is fixed to 10.9.0.5, which only one can have
    remove networks.default.ipv4_address from service engine, or keep to one replica
    ");
    let ipv6 = fixed(|network| network.ipv6_address = Some("fd00::5".into()));
    insta::assert_snapshot!(refused(&Situation::new(stack([ipv6])), &scaled(2)), @"
    2: service engine can't have 2 replicas: its networks.default.ipv6_address is fixed to fd00::5, which only one can have
    remove networks.default.ipv6_address from service engine, or keep to one replica
    ");
    let mac = fixed(|network| network.mac_address = Some("02:42:ac:11:00:05".into()));
    insta::assert_snapshot!(refused(&Situation::new(stack([mac.clone()])), &scaled(2)), @"
    2: service engine can't have 2 replicas: its mac_address is fixed to 02:42:ac:11:00:05, which only one can have
    remove mac_address from service engine, or keep to one replica
    ");
    assert!(Situation::new(stack([mac])).plan(&scaled(1)).is_ok());
}

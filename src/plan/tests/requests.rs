//! What a start can be asked for, and what it says of things that aren't its own.

use super::build::{Fluent, port, service, stack};
use super::first_start::shop;
use super::situation::Situation;
use super::world::World;
use crate::plan::operation::Plan;
use crate::plan::{
    OneOff, PlanError, StartRequest, build_plan, images_plan, preview_plan, pull_plan, render, run_plan,
};
use crate::stack::model::{Condition, PullPolicy};

fn shown(plan: Result<Plan, PlanError>) -> String {
    plan.map_or_else(|error| format!("{error}\n{}", error.hints.join("\n")), |plan| render::text(&plan))
}

fn with_orphan() -> Situation {
    let mut situation = Situation::running(stack([service("web"), service("old").publish(8080, 80)]));
    situation.stack.services.shift_remove("old");
    situation
}

#[test]
fn orphans_are_named() {
    insta::assert_snapshot!(with_orphan().start(), @"note: not in the stack any more: demo-old-1 (--remove-orphans removes them)");
}

#[test]
fn orphans_are_removed_before_their_port_is_needed() {
    let mut situation = with_orphan();
    situation.change("web", |web| web.ports = vec![port(Some((8080, 8080)), 80)]);
    insta::assert_snapshot!(situation.start_with(|request| request.remove_orphans = true), @r"
    service old:
      < stop container demo-old-1  (its service isn't in the stack any more)
      - remove container demo-old-1  (its service isn't in the stack any more)
    service web:
      + create container 000000000004_demo-web-1  (changed: ports)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000004_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn a_profile_is_switched_off() {
    let mut situation = Situation::running(stack([service("web"), service("debug")]));
    let debug = situation.stack.services.shift_remove("debug").unwrap();
    situation.stack.inactive.insert("debug".into(), debug.with(|debug| debug.profiles = vec!["dev".into()]));
    insta::assert_snapshot!(situation.start(), @"note: demo-debug-1 runs, though its profile is off: it is left alone");
    let request = StartRequest { services: vec!["debug".into()], ..StartRequest::default() };
    insta::assert_snapshot!(shown(situation.plan(&request)), @r"
    service debug is switched off by its profile
    add --profile dev
    ");
}

#[test]
fn an_unknown_service() {
    let request = StartRequest { services: vec!["migrat".into()], ..StartRequest::default() };
    insta::assert_snapshot!(shown(Situation::new(shop()).plan(&request)), @r"
    there is no service migrat in stack demo
    did you mean migrate?
    ");
}

fn built() -> Situation {
    let api = service("api").with(|service| service.pull_policy = PullPolicy::Always);
    Situation::running(stack([service("web").built(), service("db"), api, service("worker").image("web:1")]))
}

#[test]
fn images_are_refreshed_first() {
    let situation = built();
    let plan = |request| shown(images_plan(&situation.inputs(), &request));
    insta::assert_snapshot!(plan(StartRequest::default()), @r"
    images:
      + pull image api:1  (pull_policy: always)
    ");
    insta::assert_snapshot!(plan(StartRequest { build: true, pull: true, ..Default::default() }), @r"
    images:
      + build image web:1  (--build)
      + pull image db:1  (--pull)
      + pull image api:1  (pull_policy: always)
    ");
    let web = StartRequest { services: vec!["web".into()], pull: true, ..Default::default() };
    insta::assert_snapshot!(plan(web), @"");
    // Once that is done, the rest of the start needs no image.
    let request = StartRequest { build: true, pull: true, ..Default::default() };
    insta::assert_snapshot!(shown(situation.plan(&request)), @"");
    insta::assert_snapshot!(shown(preview_plan(&situation.inputs(), &request)), @r"
    images:
      + build image web:1  (--build)
      + pull image db:1  (--pull)
      + pull image api:1  (pull_policy: always)
    note: containers of web:1 are replaced if that gives another image
    note: containers of db:1 are replaced if that gives another image
    note: containers of api:1 are replaced if that gives another image
    ");
}

#[test]
fn building_and_pulling_alone() {
    let situation = built();
    insta::assert_snapshot!(shown(build_plan(&situation.inputs(), &[], false, false)), @r"
    images:
      + build image web:1  (asked for)
    ");
    insta::assert_snapshot!(shown(build_plan(&situation.inputs(), &["db".into()], false, false)), @"note: db: nothing to build, its image is db:1");
    insta::assert_snapshot!(shown(pull_plan(&situation.inputs(), &[])), @r"
    images:
      + pull image api:1  (asked for)
      + pull image db:1  (asked for)
    ");
}

#[test]
fn an_image_that_may_not_be_pulled() {
    let mut situation = Situation::new(stack([service("db").with(|db| db.pull_policy = PullPolicy::Never)]));
    insta::assert_snapshot!(situation.start(), @r"
    networks:
      + create network demo_default  (missing)
    service db:
      + create container demo-db-1  (missing)
      > start container demo-db-1  (missing)
      ? wait until db is ready  (at the end)
    ");
    situation.world.observed.images.clear();
    insta::assert_snapshot!(shown(situation.plan(&StartRequest::default())), @r"
    service db: the image db:1 isn't there, and its pull_policy is never
    docker pull db:1
    ");
}

#[test]
fn a_one_off_container() {
    let mut situation = Situation::new(shop());
    let one_off = OneOff {
        service: "web".into(),
        slug: "0123456789abcdef".into(),
        command: Some(vec!["sh".into()]),
        ..OneOff::default()
    };
    let (plan, name) = run_plan(&situation.inputs(), &one_off).unwrap();
    assert_eq!(name, "demo-web-run-0123456789ab");
    insta::assert_snapshot!(render::text(&plan), @r"
    networks:
      + create network demo_default  (missing)
    volumes:
      + create volume demo_data  (missing)
    service db:
      + create container demo-db-1  (missing)
      > start container demo-db-1  (missing)
      ? wait until db is healthy  (needed by migrate, web)
    service migrate:
      + create container demo-migrate-1  (missing)
      > start container demo-migrate-1  (missing)
      ? wait until migrate has completed  (needed by web)
    service web:
      + create container demo-web-run-0123456789ab  (asked for)
    ");
    situation.world.run(&plan, super::world::Order::Backwards, usize::MAX).unwrap();
    let container = situation.world.find(&name).unwrap();
    assert!(container.oneoff && container.number == 0);
    let spec = situation.world.spec(&name);
    assert!(spec.ports.is_empty());
    assert_eq!(spec.networks["demo_default"].aliases.join(","), name);
    assert_eq!(spec.command.unwrap(), ["sh"]);
    // A start doesn't care for it, and makes the service's own.
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container demo-web-1  (missing)
      > start container demo-web-1  (missing)
      ? wait until web is ready  (at the end)
    ");

    let alone = OneOff { no_deps: true, service_ports: true, ..one_off };
    let (plan, _) = run_plan(&Situation::new(shop()).inputs(), &alone).unwrap();
    insta::assert_snapshot!(render::text(&plan), @r"
    networks:
      + create network demo_default  (missing)
    service web:
      + create container demo-web-run-0123456789ab  (asked for)
    ");
}

#[test]
fn as_json() {
    let mut situation = Situation::running(stack([
        service("web").needs("db", Condition::ServiceHealthy),
        service("db").healthy(),
    ]));
    situation.change("db", |db| {
        db.environment.insert("LEVEL".into(), Some("debug".into()));
    });
    let plan = situation.plan(&StartRequest::default()).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&render::json("demo", &plan)).unwrap(), @r#"
    {
      "notes": [],
      "operations": [
        {
          "action": "create_container",
          "after": [],
          "cause": {
            "fields": [
              "environment: LEVEL"
            ],
            "kind": "spec_changed",
            "replacing": true
          },
          "container": "000000000004_demo-db-1",
          "id": 0,
          "image": "db:1",
          "target": {
            "kind": "container",
            "name": "000000000004_demo-db-1",
            "service": "db"
          }
        },
        {
          "action": "stop_container",
          "after": [
            0
          ],
          "cause": {
            "fields": [
              "environment: LEVEL"
            ],
            "kind": "spec_changed",
            "replacing": true
          },
          "container": "demo-db-1",
          "id": 1,
          "target": {
            "kind": "container",
            "name": "demo-db-1",
            "service": "db"
          }
        },
        {
          "action": "remove_container",
          "after": [
            0,
            1
          ],
          "cause": {
            "fields": [
              "environment: LEVEL"
            ],
            "kind": "spec_changed",
            "replacing": true
          },
          "container": "demo-db-1",
          "id": 2,
          "target": {
            "kind": "container",
            "name": "demo-db-1",
            "service": "db"
          }
        },
        {
          "action": "rename_container",
          "after": [
            2
          ],
          "cause": {
            "fields": [
              "environment: LEVEL"
            ],
            "kind": "spec_changed",
            "replacing": true
          },
          "container": "000000000004_demo-db-1",
          "id": 3,
          "target": {
            "kind": "container",
            "name": "demo-db-1",
            "service": "db"
          },
          "to": "demo-db-1"
        },
        {
          "action": "start_container",
          "after": [
            3
          ],
          "cause": {
            "fields": [
              "environment: LEVEL"
            ],
            "kind": "spec_changed",
            "replacing": true
          },
          "container": "demo-db-1",
          "id": 4,
          "target": {
            "kind": "container",
            "name": "demo-db-1",
            "service": "db"
          }
        },
        {
          "action": "wait",
          "after": [
            4
          ],
          "cause": {
            "kind": "needed_by",
            "services": []
          },
          "condition": "ready",
          "containers": [
            "demo-db-1"
          ],
          "id": 5,
          "required": true,
          "target": {
            "kind": "service",
            "name": "db"
          }
        }
      ],
      "schema": "vv.plan/1",
      "stack": "demo"
    }
    "#);
}

#[test]
fn all_images_that_may_not_be_pulled_are_named() {
    let never = |name: &str, variable: Option<&str>| {
        let variable = variable.map(str::to_owned);
        service(name).with(|service| {
            service.pull_policy = PullPolicy::Never;
            service.image_variable = variable;
        })
    };
    let mut situation = Situation::new(stack([never("web", None), never("db", Some("DB_IMAGE"))]));
    situation.world = World::new([]);
    let error = situation.plan(&StartRequest::default()).unwrap_err();
    insta::assert_snapshot!(format!("{error}\n{}", error.hints.join("\n")), @"
    service web: the image web:1 isn't there, and its pull_policy is never; service db: the image db:1 isn't there, and its pull_policy is never
    docker pull web:1
    docker pull db:1
    or set DB_IMAGE to one that is there
    ");
}

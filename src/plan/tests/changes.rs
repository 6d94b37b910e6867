//! Everything runs, and the stack says something else now.

use super::build::{Fluent, port, service, stack};
use super::first_start::shop;
use super::situation::Situation;
use crate::plan::observed::{Health, ObservedNetwork};
use crate::plan::spec::MountSpec;
use crate::stack::model::{Condition, MountKind};

#[test]
fn one_variable() {
    let mut situation = Situation::running(shop());
    situation.change("web", |web| {
        web.environment.insert("LEVEL".into(), Some("debug".into()));
    });
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container 000000000009_demo-web-1  (changed: environment: LEVEL)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000009_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn a_secret() {
    let mut situation = Situation::running(shop());
    situation.change("db", |db| {
        db.environment.insert("DB_PASSWORD".into(), Some("other".into()));
    });
    insta::assert_snapshot!(situation.start(), @r"
    service db:
      + create container 000000000005_demo-db-1  (changed: environment: DB_PASSWORD)
      < stop container demo-db-1  (replacing it)
      - remove container demo-db-1  (replacing it)
      ~ rename container 000000000005_demo-db-1 to demo-db-1  (replacing it)
      > start container demo-db-1  (replacing it)
      ? wait until db is ready  (at the end)
    ");
}

#[test]
fn several_fields() {
    let mut situation = Situation::running(stack([service("web").publish(8080, 80).env("OLD", "x")]));
    situation.change("web", |web| {
        web.environment.clear();
        web.image = "web:2".into();
        web.ports = vec![port(Some((8081, 8081)), 80)];
        web.labels.insert("team".into(), "shop".into());
        web.tty = true;
    });
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container 000000000003_demo-web-1  (changed: environment: OLD, image, labels: team, ports, tty)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000003_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn the_tag_means_another_image() {
    let mut situation = Situation::running(shop());
    situation.world.add_image("web:1");
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container 000000000009_demo-web-1  (its image is another one now)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000009_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn the_image_is_gone() {
    let mut situation = Situation::running(stack([service("web")]));
    situation.world.observed.images.clear();
    insta::assert_snapshot!(situation.start(), @r"
    images:
      + pull image web:1  (missing)
    service web:
      + create container 000000000003_demo-web-1  (its image is another one now)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000003_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn the_content_of_a_config() {
    let mut situation = Situation::running(stack([service("web").config("nginx", "/etc/nginx.conf", "a")]));
    situation.change("web", |web| web.files[0].content = b"b".to_vec());
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container 000000000003_demo-web-1  (changed: files: /etc/nginx.conf)
      ~ copy /etc/nginx.conf into container 000000000003_demo-web-1  (replacing it)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000003_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn another_network() {
    let mut situation = Situation::running(stack([service("web")]));
    situation.change("web", |web| {
        web.networks.insert("front".into(), Default::default());
    });
    insta::assert_snapshot!(situation.start(), @r"
    networks:
      + create network demo_front  (missing)
    service web:
      + create container 000000000003_demo-web-1  (changed: networks: demo_front)
      ~ connect container 000000000003_demo-web-1 to network demo_front  (replacing it)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000003_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn a_network_is_another_one_now() {
    let mut situation = Situation::running(stack([service("web")]));
    situation.state("demo-web-1", crate::plan::observed::ContainerState::Exited(0));
    situation.world.observed.networks[0].id = "0123".into();
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container 000000000003_demo-web-1  (not on network demo_default of now)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000003_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
    situation.world.observed.networks.clear();
    insta::assert_snapshot!(situation.start(), @r"
    networks:
      + create network demo_default  (missing)
    service web:
      + create container 000000000003_demo-web-1  (not on network demo_default of now)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000003_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn a_container_was_taken_off_its_network() {
    let mut situation = Situation::running(stack([service("web")]));
    situation.container("demo-web-1", |container| container.networks.clear());
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container 000000000003_demo-web-1  (not on network demo_default of now)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000003_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn another_volume() {
    let mut situation = Situation::running(stack([service("db").volume("data", "/data")]));
    situation.change("db", |db| {
        db.mounts[0].kind = MountKind::Volume { source: Some("fresh".into()), nocopy: false };
    });
    insta::assert_snapshot!(situation.start(), @r"
    volumes:
      + create volume demo_fresh  (missing)
    service db:
      + create container 000000000003_demo-db-1  (changed: volumes: /data)
      < stop container demo-db-1  (replacing it)
      - remove container demo-db-1  (replacing it)
      ~ rename container 000000000003_demo-db-1 to demo-db-1  (replacing it)
      > start container demo-db-1  (replacing it)
      ? wait until db is ready  (at the end)
    ");
}

#[test]
fn a_volume_is_not_mounted() {
    let mut situation = Situation::running(stack([service("db").volume("data", "/data")]));
    situation.container("demo-db-1", |container| container.mounts.clear());
    insta::assert_snapshot!(situation.start(), @r"
    service db:
      + create container 000000000003_demo-db-1  (volume demo_data isn't mounted)
      < stop container demo-db-1  (replacing it)
      - remove container demo-db-1  (replacing it)
      ~ rename container 000000000003_demo-db-1 to demo-db-1  (replacing it)
      > start container demo-db-1  (replacing it)
      ? wait until db is ready  (at the end)
    ");
}

#[test]
fn anonymous_volumes_are_handed_on() {
    let mut situation = Situation::new(stack([service("db")]));
    situation.world.image_volumes.insert("db:1".into(), vec!["/var/lib/db".into()]);
    situation.go();
    let data = situation.world.find("demo-db-1").unwrap().mounts["/var/lib/db"].source.clone();
    for level in ["debug", "info"] {
        situation.change("db", |db| {
            db.environment.insert("LEVEL".into(), Some(level.into()));
        });
        if level == "debug" {
            insta::assert_snapshot!(situation.start(), @r"
            service db:
              + create container 000000000003_demo-db-1  (changed: environment: LEVEL)
              < stop container demo-db-1  (replacing it)
              - remove container demo-db-1  (replacing it)
              ~ rename container 000000000003_demo-db-1 to demo-db-1  (replacing it)
              > start container demo-db-1  (replacing it)
              ? wait until db is ready  (at the end)
            ");
        }
        situation.go();
        assert_eq!(situation.world.find("demo-db-1").unwrap().mounts["/var/lib/db"].source, data);
        assert!(situation.world.observed.volumes.iter().any(|volume| volume.name == data));
    }
    let mount = &situation.world.spec("demo-db-1").volumes["/var/lib/db"];
    assert!(matches!(mount, MountSpec::Volume { name: Some(name), .. } if *name == data));
}

#[test]
fn an_interrupted_replacement_keeps_anonymous_volumes() {
    let mut situation = Situation::new(stack([service("db")]));
    situation.world.image_volumes.insert("db:1".into(), vec!["/var/lib/db".into()]);
    situation.go();
    let data = situation.world.find("demo-db-1").unwrap().mounts["/var/lib/db"].source.clone();
    situation.change("db", |db| {
        db.environment.insert("LEVEL".into(), Some("debug".into()));
    });
    let plan = situation.plan(&Default::default()).unwrap();
    for cut in 0..=plan.operations.len() {
        let mut cut_off = situation.clone();
        cut_off.world.run(&plan, super::world::Order::Forwards, cut).unwrap();
        cut_off.go();
        assert_eq!(
            cut_off.world.find("demo-db-1").unwrap().mounts["/var/lib/db"].source,
            data,
            "cut after {cut}"
        );
    }
}

#[test]
fn replaced_though_nothing_changed() {
    let situation = Situation::running(shop());
    insta::assert_snapshot!(situation.start_with(|request| {
        request.force_recreate = true;
        request.services = vec!["web".into()];
    }), @r"
    service web:
      + create container 000000000009_demo-web-1  (--force-recreate)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000009_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn two_services_swap_their_ports() {
    let mut situation = Situation::running(stack([
        service("web").publish(8080, 80).needs("api", Condition::ServiceStarted),
        service("api").publish(8081, 80),
    ]));
    situation.change("web", |web| web.ports = vec![port(Some((8081, 8081)), 80)]);
    situation.change("api", |api| api.ports = vec![port(Some((8080, 8080)), 80)]);
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      < stop container demo-web-1  (changed: ports)
      + create container 000000000006_demo-web-1  (changed: ports)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000006_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    service api:
      < stop container demo-api-1  (changed: ports)
      + create container 000000000004_demo-api-1  (changed: ports)
      - remove container demo-api-1  (replacing it)
      ~ rename container 000000000004_demo-api-1 to demo-api-1  (replacing it)
      > start container demo-api-1  (replacing it)
      ? wait until api is ready  (at the end)
    ");
}

#[test]
fn a_fixed_name() {
    let mut situation = Situation::running(stack([service("db")]));
    situation.change("db", |db| db.container_name = Some("shop-db".into()));
    insta::assert_snapshot!(situation.start(), @r"
    service db:
      ~ rename container demo-db-1 to shop-db  (changed: container_name)
    ");
}

#[test]
fn a_dependency_and_what_waits_for_it() {
    let mut situation = Situation::running(shop());
    situation.change("db", |db| db.tty = true);
    situation.change("web", |web| web.tty = true);
    insta::assert_snapshot!(situation.start(), @r"
    service db:
      + create container 000000000005_demo-db-1  (changed: tty)
      < stop container demo-db-1  (replacing it)
      - remove container demo-db-1  (replacing it)
      ~ rename container 000000000005_demo-db-1 to demo-db-1  (replacing it)
      > start container demo-db-1  (replacing it)
      ? wait until db is healthy  (needed by web)
      ? wait until db is ready  (at the end)
    service web:
      + create container 000000000009_demo-web-1  (changed: tty)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000009_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn a_job_is_run_again_when_it_changes() {
    let mut situation = Situation::running(shop());
    situation.change("migrate", |migrate| migrate.command = Some(vec!["up".into()]));
    insta::assert_snapshot!(situation.start(), @r"
    service migrate:
      + create container 000000000007_demo-migrate-1  (changed: command)
      - remove container demo-migrate-1  (replacing it)
      ~ rename container 000000000007_demo-migrate-1 to demo-migrate-1  (replacing it)
      > start container demo-migrate-1  (replacing it)
      ? wait until migrate has completed  (at the end)
    ");
}

#[test]
fn networks_and_volumes_stay_as_they_are() {
    let mut situation = Situation::running(shop());
    situation.stack.networks["default"].driver = Some("overlay".into());
    situation.stack.networks["default"].internal = true;
    situation.world.observed.volumes[0].labels.clear();
    situation.world.observed.networks.push(ObservedNetwork { name: "other".into(), ..Default::default() });
    // The down proofs don't apply: a volume that isn't the project's stays.
    let plan = situation.plan(&Default::default()).unwrap();
    insta::assert_snapshot!(crate::plan::render::text(&plan), @r"
    note: network demo_default differs from the stack in its driver, internal: it stays as it is until a `vv down` and start
    note: volume demo_data was not made for this project: it is used as it is
    ");
}

#[test]
fn a_kept_dependency_that_is_not_healthy_yet_is_waited_for() {
    let mut situation = Situation::running(shop());
    situation.container("demo-db-1", |container| container.health = Some(Health::Starting));
    situation.change("web", |web| web.tty = true);
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container 000000000009_demo-web-1  (changed: tty)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000009_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    service db:
      ? wait until db is healthy  (needed by web)
      ? wait until db is ready  (at the end)
    ");
}

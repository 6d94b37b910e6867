//! Containers that vv didn't make, or a vv with another hash.

use std::collections::BTreeMap;

use super::build::{Fluent, service, stack};
use super::first_start::shop;
use super::situation::Situation;
use crate::plan::spec::{ContainerSpec, MountSpec};
use crate::plan::{labels, which_need_inspect};
use crate::stack::model::{Condition, FileSource, Healthcheck, Logging, Test};

/// What Compose would have made of the stack, as an inspect tells it.
fn by_compose(mut situation: Situation) -> Situation {
    let names: Vec<String> = situation.world.observed.containers.iter().map(|c| c.name.clone()).collect();
    for name in names {
        let mut spec = situation.world.spec(&name);
        spec.hostname = Some(situation.world.find(&name).unwrap().id[..12].into());
        spec.network_mode = spec.network_mode.or(Some("demo_default".into()));
        spec.ipc = Some("private".into());
        spec.shm_size = Some(64 << 20);
        spec.logging = Some(Logging { driver: Some("json-file".into()), options: BTreeMap::new() });
        spec.environment.insert("PATH".into(), "/bin".into());
        spec.expose = spec.ports.iter().map(|port| format!("{}/tcp", port.target)).collect();
        spec.resources.memory = Some(0);
        for attachment in spec.networks.values_mut() {
            attachment.ipv4_address = Some("172.18.0.2".into());
        }
        situation.container(&name, |container| {
            for label in [labels::SPEC_HASH, labels::SPEC_FIELDS] {
                container.labels.remove(label);
            }
            container.labels.insert(labels::CONFIG_HASH.into(), "b5b6".into());
            spec.labels = container.labels.clone();
            container.inspected = Some(Box::new(spec));
            let mut image = ContainerSpec { command: Some(vec!["serve".into()]), ..ContainerSpec::default() };
            image.environment.insert("PATH".into(), "/bin".into());
            container.image_sets = Some(Box::new(image));
        });
    }
    situation
}

#[test]
fn what_compose_made_is_kept() {
    let situation = by_compose(Situation::running(shop()));
    assert_eq!(which_need_inspect(&situation.stack, &situation.world.observed).len(), 3);
    insta::assert_snapshot!(situation.start(), @"");
}

#[test]
fn what_compose_made_otherwise_is_replaced() {
    let mut situation = by_compose(Situation::running(shop()));
    situation.change("web", |web| {
        web.environment.insert("LEVEL".into(), Some("debug".into()));
        web.ports.clear();
    });
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container 000000000009_demo-web-1  (changed: environment: LEVEL, expose, ports)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000009_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn a_value_that_the_image_sets_too_is_no_difference() {
    let web = service("web").env("PATH", "/bin").with(|web| web.command = Some(vec!["serve".into()]));
    let mut situation = by_compose(Situation::running(stack([web])));
    situation.container("demo-web-1", |container| {
        let spec = container.inspected.as_mut().unwrap();
        spec.environment.clear();
        spec.command = None;
    });
    insta::assert_snapshot!(situation.start(), @"");
}

#[test]
fn files_and_mounts() {
    let web = service("web")
        .file("conf", "/etc/conf", "x", FileSource::Disk("/srv/demo/conf".into()), false)
        .bind("/srv/demo/html", "/html")
        .volume("data", "/data")
        .config("inline", "/etc/inline", "y");
    let mut situation = by_compose(Situation::running(stack([web])));
    let bind = |path: &str| MountSpec::Bind {
        source: path.into(),
        read_only: true,
        create_host_path: false,
        propagation: Some("rprivate".into()),
    };
    situation.container("demo-web-1", |container| {
        let spec = container.inspected.as_mut().unwrap();
        spec.files.clear();
        spec.volumes.insert("/etc/conf".into(), bind("/srv/demo/conf"));
        let name = Some("0123456789abcdef".repeat(4));
        spec.volumes.insert("/cache".into(), MountSpec::Volume { name, read_only: false, nocopy: false });
    });
    insta::assert_snapshot!(situation.start(), @"");
    situation.container("demo-web-1", |container| {
        let spec = container.inspected.as_mut().unwrap();
        spec.volumes.insert("/etc/conf".into(), bind("/elsewhere/conf"));
        spec.volumes.insert("/html".into(), bind("/srv/demo/html"));
    });
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container 000000000003_demo-web-1  (changed: files: /etc/conf, volumes: /html)
      ~ copy /etc/inline into container 000000000003_demo-web-1  (replacing it)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000003_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn a_healthcheck_is_completed_from_the_image() {
    let check = |test: Option<Test>, retries| Healthcheck {
        test,
        interval: None,
        timeout: None,
        retries,
        start_period: None,
        start_interval: None,
    };
    let mut situation = by_compose(Situation::running(stack([service("web").with(|web| {
        web.healthcheck = Some(check(None, Some(5)));
    })])));
    situation.container("demo-web-1", |container| {
        let of_image = Some(Test::Shell("curl localhost".into()));
        container.inspected.as_mut().unwrap().healthcheck = Some(check(of_image.clone(), Some(5)));
        container.image_sets.as_mut().unwrap().healthcheck = Some(check(of_image, Some(0)));
    });
    insta::assert_snapshot!(situation.start(), @"");
    situation.change("web", |web| web.healthcheck = Some(check(Some(Test::None), None)));
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container 000000000003_demo-web-1  (changed: healthcheck: retries, healthcheck: test)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000003_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn shared_namespaces_and_scaled_ports() {
    let situation = Situation::running(stack([
        service("app").inside("vpn"),
        service("vpn"),
        service("web").replicas(2).publish(8080, 80).needs("vpn", Condition::ServiceStarted),
    ]));
    insta::assert_snapshot!(by_compose(situation).start(), @"");
}

#[test]
fn the_hash_is_of_another_version() {
    let mut situation = by_compose(Situation::running(stack([service("web"), service("api")])));
    for name in ["demo-web-1", "demo-api-1"] {
        situation.container(name, |container| {
            container.labels.insert(labels::SPEC_HASH.into(), "0:abcdef".into());
        });
    }
    assert_eq!(which_need_inspect(&situation.stack, &situation.world.observed).len(), 2);
    situation.change("web", |web| web.tty = true);
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container 000000000004_demo-web-1  (changed: tty)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000004_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn what_could_not_be_inspected_is_kept() {
    let mut situation = by_compose(Situation::running(stack([service("web")])));
    situation.container("demo-web-1", |container| container.inspected = None);
    insta::assert_snapshot!(situation.start(), @"note: demo-web-1 could not be compared with the stack: it is kept as it is");
}

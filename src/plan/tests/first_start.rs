//! Nothing is there yet, or everything is.

use super::build::{Fluent, port, service, stack};
use super::situation::Situation;
use crate::plan::labels;
use crate::plan::{StartRequest, Stub};
use crate::stack::Stack;
use crate::stack::model::{Condition, Namespace};

/// A web server, its database, and a migration in between.
pub fn shop() -> Stack {
    stack([
        service("web")
            .publish(8080, 80)
            .needs("migrate", Condition::ServiceCompletedSuccessfully)
            .needs("db", Condition::ServiceHealthy),
        service("db").healthy().volume("data", "/var/lib/db").env("DB_PASSWORD", "s3cret"),
        service("migrate").needs("db", Condition::ServiceHealthy),
    ])
}

#[test]
fn nothing_is_there() {
    insta::assert_snapshot!(Situation::new(shop()).start(), @r"
    networks:
      + create network demo_default  (missing)
    volumes:
      + create volume demo_data  (missing)
    service db:
      + create container demo-db-1  (missing)
      > start container demo-db-1  (missing)
      ? wait until db is healthy  (needed by migrate, web)
      ? wait until db is ready  (at the end)
    service migrate:
      + create container demo-migrate-1  (missing)
      > start container demo-migrate-1  (missing)
      ? wait until migrate has completed  (needed by web)
    service web:
      + create container demo-web-1  (missing)
      > start container demo-web-1  (missing)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn everything_is_there() {
    insta::assert_snapshot!(Situation::running(shop()).start(), @"");
}

#[test]
fn labels_are_composes_and_vvs() {
    let situation = Situation::running(shop());
    let labels: Vec<String> = situation
        .world
        .find("demo-web-1")
        .unwrap()
        .labels
        .iter()
        .map(|(name, value)| {
            // Hashes are hash.rs's matter, and the version changes.
            let shown = if value.len() > 60 || *name == labels::VERSION { "…" } else { value };
            format!("{name}={shown}")
        })
        .collect();
    insta::assert_snapshot!(labels.join("\n"), @r"
    com.docker.compose.config-hash=…
    com.docker.compose.container-number=1
    com.docker.compose.depends_on=…
    com.docker.compose.image=…
    com.docker.compose.oneoff=False
    com.docker.compose.project=demo
    com.docker.compose.project.config_files=/srv/demo/compose.yaml
    com.docker.compose.project.working_dir=/srv/demo
    com.docker.compose.service=web
    com.docker.compose.version=…
    vv.spec-fields=…
    vv.spec-hash=…
    ");
    let labels = &situation.world.observed.networks[0].labels;
    assert!(!labels.contains_key(labels::CONFIG_HASH));
    assert_eq!(labels[labels::NETWORK], "default");
    assert_eq!(situation.world.observed.volumes[0].labels[labels::VOLUME], "data");
}

#[test]
fn no_secret_shows() {
    let situation = Situation::new(shop());
    let plan = situation.plan(&StartRequest::default()).unwrap();
    let shown = format!("{}{plan:?}", crate::plan::render::json("demo", &plan));
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn images_are_missing() {
    let mut situation = Situation::new(stack([
        service("web").built().needs("db", Condition::ServiceStarted),
        service("db"),
        service("worker").image("web:1"),
    ]));
    situation.world.observed.images.clear();
    insta::assert_snapshot!(situation.start(), @r"
    images:
      + pull image db:1  (missing)
      + build image web:1  (missing)
    networks:
      + create network demo_default  (missing)
    service db:
      + create container demo-db-1  (missing)
      > start container demo-db-1  (missing)
      ? wait until db is ready  (at the end)
    service web:
      + create container demo-web-1  (missing)
      > start container demo-web-1  (missing)
      ? wait until web is ready  (at the end)
    service worker:
      + create container demo-worker-1  (missing)
      > start container demo-worker-1  (missing)
      ? wait until worker is ready  (at the end)
    ");
}

#[test]
fn a_second_network_is_joined_after_create() {
    let situation = Situation::new(stack([service("web").on("front").with(|service| {
        service.networks["front"].priority = 10;
    })]));
    insta::assert_snapshot!(situation.start(), @r"
    networks:
      + create network demo_default  (missing)
      + create network demo_front  (missing)
    service web:
      + create container demo-web-1  (missing)
      ~ connect container demo-web-1 to network demo_default  (missing)
      > start container demo-web-1  (missing)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn newer_engines_take_all_networks_at_create() {
    let mut situation = Situation::new(stack([service("web").on("front")]));
    situation.world.observed.engine.api = (1, 44);
    insta::assert_snapshot!(situation.start(), @r"
    networks:
      + create network demo_default  (missing)
      + create network demo_front  (missing)
    service web:
      + create container demo-web-1  (missing)
      > start container demo-web-1  (missing)
      ? wait until web is ready  (at the end)
    ");
    situation.go();
    let aliases = &situation.world.spec("demo-web-1").networks["demo_front"].aliases;
    assert_eq!(aliases, &["demo-web-1", "web"]);
}

#[test]
fn an_external_network_or_volume_has_to_be_there() {
    let mut situation = Situation::new(stack([service("web").on("shared").volume("data", "/data")]));
    situation.stack.networks["shared"].external = true;
    let error = situation.plan(&StartRequest::default()).unwrap_err();
    insta::assert_snapshot!(format!("{error}\n{}", error.hints.join("\n")), @r"
    the external network demo_shared isn't there
    docker network create demo_shared
    ");
    situation.stack.networks["shared"].external = false;
    situation.stack.volumes["data"].external = true;
    let error = situation.plan(&StartRequest::default()).unwrap_err();
    insta::assert_snapshot!(format!("{error}\n{}", error.hints.join("\n")), @r"
    the external volume demo_data isn't there
    docker volume create demo_data
    ");
}

#[test]
fn missing_sources_are_stood_in_for() {
    let web = service("web").built().publish(8011, 8001).bind("/srv/web", "/app").with(|service| {
        service.user = Some("app".into());
        service.working_dir = Some("/app".into());
    });
    let mut situation = Situation::new(stack([web]));
    let stub = Stub { image: "vv-stub:abc".into(), command: vec!["--port=8001".into()], ..Stub::default() };
    situation.stubs.insert("web".into(), stub);
    insta::assert_snapshot!(situation.start(), @r"
    images:
      + build stub image vv-stub:abc  (missing)
    networks:
      + create network demo_default  (missing)
    service web:
      + create container demo-web-1  (missing)
      > start container demo-web-1  (missing)
      ? wait until web is ready  (at the end)
    ");
    situation.go();
    let spec = situation.world.spec("demo-web-1");
    assert_eq!(spec.entrypoint.as_deref(), Some(&["/vv".to_owned(), "stub".to_owned()][..]));
    assert_eq!((spec.user.as_deref(), spec.volumes.len(), spec.ports.len()), (Some("65532"), 0, 1));
    assert_eq!(spec.working_dir, None);
    assert_eq!(situation.world.find("demo-web-1").unwrap().labels[labels::STUB], "true");

    // Once the sources are there, they are used.
    situation.stubs.clear();
    situation.world.add_image("web:1");
    insta::assert_snapshot!(situation.start(), @r"
    service web:
      + create container 000000000004_demo-web-1  (changed: command, entrypoint, healthcheck: interval, healthcheck: retries, healthcheck: test, healthcheck: timeout, image, user, volumes: /app, working_dir)
      < stop container demo-web-1  (replacing it)
      - remove container demo-web-1  (replacing it)
      ~ rename container 000000000004_demo-web-1 to demo-web-1  (replacing it)
      > start container demo-web-1  (replacing it)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn optional_and_switched_off_dependencies() {
    let situation = Situation::new(stack([
        service("web")
            .depends("cache", Condition::ServiceHealthy, false, false)
            .depends("off", Condition::ServiceHealthy, false, false)
            .needs("none", Condition::ServiceHealthy),
        service("cache").healthy(),
        service("none").replicas(0),
    ]));
    insta::assert_snapshot!(situation.start(), @r"
    networks:
      + create network demo_default  (missing)
    service cache:
      + create container demo-cache-1  (missing)
      > start container demo-cache-1  (missing)
      ? wait until cache is healthy, or go on without  (needed by web)
      ? wait until cache is ready, or go on without  (at the end)
    service web:
      + create container demo-web-1  (missing)
      > start container demo-web-1  (missing)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn a_namespace_is_shared() {
    let mut situation = Situation::new(stack([
        service("app").inside("vpn").with(|service| service.pid = Some(Namespace::Service("vpn".into()))),
        service("vpn").publish(8080, 80),
    ]));
    insta::assert_snapshot!(situation.start(), @r"
    networks:
      + create network demo_default  (missing)
    service vpn:
      + create container demo-vpn-1  (missing)
      > start container demo-vpn-1  (missing)
      ? wait until vpn is ready  (at the end)
    service app:
      + create container demo-app-1  (missing)
      > start container demo-app-1  (missing)
      ? wait until app is ready  (at the end)
    ");
    situation.go();
    let (app, vpn) =
        (situation.world.find("demo-app-1").unwrap(), situation.world.find("demo-vpn-1").unwrap());
    assert_eq!(app.network_mode, format!("container:{}", vpn.id));
}

#[test]
fn without_waiting_at_the_end() {
    insta::assert_snapshot!(Situation::new(shop()).start_with(|request| request.no_wait = true), @r"
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
      + create container demo-web-1  (missing)
      > start container demo-web-1  (missing)
    ");
}

#[test]
fn replicas_of_a_port_range() {
    let web = service("web").replicas(3).with(|service| service.ports.push(port(Some((9000, 9001)), 80)));
    let mut situation = Situation::new(stack([web]));
    insta::assert_snapshot!(situation.start(), @r"
    networks:
      + create network demo_default  (missing)
    service web:
      + create container demo-web-1  (missing)
      > start container demo-web-1  (missing)
      + create container demo-web-2  (missing)
      > start container demo-web-2  (missing)
      + create container demo-web-3  (missing)
      > start container demo-web-3  (missing)
      ? wait until web is ready  (at the end)
    ");
    situation.go();
    let published = |name: &str| situation.world.spec(name).ports[0].published.map(|range| range.first);
    assert_eq!(["demo-web-1", "demo-web-2", "demo-web-3"].map(published), [Some(9000), Some(9000), None]);
}

#[test]
fn a_dependency_is_started_with_the_service() {
    let mut situation = Situation::new(shop());
    situation.stack.services.insert("other".into(), service("other"));
    situation.world.add_image("other:1");
    insta::assert_snapshot!(situation.start_with(|request| request.services = vec!["migrate".into()]), @r"
    networks:
      + create network demo_default  (missing)
    volumes:
      + create volume demo_data  (missing)
    service db:
      + create container demo-db-1  (missing)
      > start container demo-db-1  (missing)
      ? wait until db is healthy  (needed by migrate)
      ? wait until db is ready  (at the end)
    service migrate:
      + create container demo-migrate-1  (missing)
      > start container demo-migrate-1  (missing)
      ? wait until migrate has completed  (at the end)
    ");
    let alone = situation.plan(&StartRequest {
        services: vec!["web".into()],
        no_deps: true,
        ..StartRequest::default()
    });
    insta::assert_snapshot!(crate::plan::render::text(&alone.unwrap()), @r"
    networks:
      + create network demo_default  (missing)
    service web:
      + create container demo-web-1  (missing)
      > start container demo-web-1  (missing)
      ? wait until web is ready  (at the end)
    ");
}

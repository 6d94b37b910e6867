//! How configs and secrets get into containers.

use super::build::{Fluent, service, stack};
use super::situation::Situation;
use crate::plan::StartRequest;
use crate::plan::operation::Action;
use crate::plan::spec::Delivery;
use crate::stack::model::FileSource;

#[test]
fn configs_are_bound_from_a_local_disk_and_copied_otherwise() {
    let mut situation = Situation::new(stack([service("web").config("inline", "/etc/inline", "a").file(
        "disk",
        "/etc/disk",
        "b",
        FileSource::Disk("/srv/demo/disk".into()),
        false,
    )]));
    insta::assert_snapshot!(situation.start(), @r"
    networks:
      + create network demo_default  (missing)
    service web:
      + create container demo-web-1  (missing)
      ~ copy /etc/inline into container demo-web-1  (missing)
      > start container demo-web-1  (missing)
      ? wait until web is ready  (at the end)
    ");
    situation.world.observed.engine.local = false;
    insta::assert_snapshot!(situation.start(), @r"
    networks:
      + create network demo_default  (missing)
    service web:
      + create container demo-web-1  (missing)
      ~ copy /etc/inline, /etc/disk into container demo-web-1  (missing)
      > start container demo-web-1  (missing)
      ? wait until web is ready  (at the end)
    ");
}

#[test]
fn a_read_only_root_gets_a_cached_copy() {
    let read_only =
        service("web").config("inline", "/etc/inline", "a").with(|service| service.read_only = true);
    let tmpfs = service("api").tmpfs("/run").file("key", "/run/secrets/key", "b", FileSource::Inline, true);
    let mut situation = Situation::new(stack([read_only, tmpfs]));
    insta::assert_snapshot!(situation.start(), @r"
    networks:
      + create network demo_default  (missing)
    service web:
      + create container demo-web-1  (missing)
      > start container demo-web-1  (missing)
      ? wait until web is ready  (at the end)
    service api:
      + create container demo-api-1  (missing)
      > start container demo-api-1  (missing)
      ? wait until api is ready  (at the end)
    ");
    let plan = situation.plan(&StartRequest::default()).unwrap();
    let created = plan.operations.iter().filter_map(|operation| match &operation.action {
        Action::CreateContainer(create) => Some(create),
        _ => None,
    });
    for create in created {
        let file = create.spec.files.values().next().unwrap();
        assert_eq!(file.delivery, Delivery::CachedBind(create.cached[0].path.clone()));
        assert!(create.cached[0].path.starts_with("/cache/vv/demo"));
    }
    situation.world.observed.engine.local = false;
    let error = situation.plan(&StartRequest::default()).unwrap_err();
    insta::assert_snapshot!(error, @"service web: config inline can't be put at /etc/inline on a remote engine: its root file system is read-only");
}

use super::*;
use crate::engine::docker::create::{self, Abilities};
use crate::plan::spec::{CreateContainer, MountSpec};

fn read(json: &str, image: &ImageConfig) -> ContainerSpec {
    container(&serde_json::from_str(json).unwrap(), image)
}

fn busybox() -> ImageConfig {
    ImageConfig {
        env: Some(vec!["PATH=/bin".to_owned()]),
        cmd: Some(vec!["sh".to_owned()]),
        ..ImageConfig::default()
    }
}

/// Everything that a service can say, as Compose made it.
fn full() -> ContainerSpec {
    read(include_str!("../../../../tests/fixtures/engine/compose-full.json"), &busybox())
}

#[test]
fn all_that_compose_set_is_read_back() {
    insta::assert_json_snapshot!(full());
}

#[test]
fn what_the_image_sets_is_left_out() {
    let spec = read(include_str!("../../../../tests/fixtures/engine/compose-plain.json"), &busybox());
    // Chosen by the engine, which says no word on that; so are further values below.
    let attachment = NetworkAttachment {
        mac_address: Some("02:42:ac:18:00:02".to_owned()),
        ..NetworkAttachment::default()
    };
    let expected = ContainerSpec {
        image: "localhost/vv-parts/busybox:1".to_owned(),
        command: Some(vec!["sleep".to_owned(), "1000".to_owned()]),
        networks: BTreeMap::from([("shop_default".to_owned(), attachment)]),
        logging: Some(Logging { driver: Some("json-file".to_owned()), options: BTreeMap::new() }),
        ipc: Some("private".to_owned()),
        shm_size: Some(64 << 20),
        ..ContainerSpec::default()
    };
    assert_eq!(serde_json::to_value(spec).unwrap(), serde_json::to_value(expected).unwrap());
}

#[test]
fn namespaces_and_limits() {
    let spec = read(include_str!("../../../../tests/fixtures/engine/compose-sidecar.json"), &busybox());
    assert!(spec.network_mode.unwrap().starts_with("container:fec0bf38306e"));
    assert!(spec.ipc.unwrap().starts_with("container:cfdca0e3a30b"));
    assert_eq!(spec.healthcheck.unwrap().test, Some(Test::None));
    assert!(spec.networks.is_empty() && spec.hostname.is_none());

    let spec = read(include_str!("../../../../tests/fixtures/engine/compose-hostnet.json"), &busybox());
    assert_eq!(spec.network_mode.as_deref(), Some("host"));
    assert_eq!((spec.init, spec.privileged), (Some(false), true));
    assert_eq!(spec.restart, RestartPolicy::OnFailure(Some(2)));
    assert_eq!(spec.security_opt, ["label=disable"]);
    insta::assert_json_snapshot!(spec.resources, @r#"
    {
      "nano_cpus": 250000000,
      "memory": 33554432,
      "memory_reservation": 16777216,
      "memory_swap": null,
      "pids": 50,
      "cpu_shares": null,
      "cpuset": null
    }
    "#);
}

#[test]
fn what_is_created_is_read_back_the_same() {
    let mut spec = full();
    for network in spec.networks.values_mut() {
        network.mac_address = None;
    }
    let request = CreateContainer {
        name: "shop-full-1".to_owned(),
        service: "full".to_owned(),
        labels: spec.labels.clone(),
        spec: spec.clone(),
        service_alias: true,
        cached: Vec::new(),
    };
    let abilities = Abilities { many_networks: true, gateway_priority: true };
    let body = serde_json::to_value(create::body(&request, abilities).unwrap()).unwrap();
    let answer = serde_json::json!({
        "Id": "0123456789abcdef", "Name": "/shop-full-1", "Config": body, "HostConfig": body["HostConfig"],
        "NetworkSettings": {"Networks": body["NetworkingConfig"]["EndpointsConfig"]},
    });
    let again = read(&answer.to_string(), &ImageConfig::default());
    // Only the engine knows the names of anonymous volumes.
    let anonymous = spec.volumes.get("/anon");
    let Some(MountSpec::Volume { name: Some(name), .. }) = anonymous else { panic!("{anonymous:?}") };
    assert_eq!(name.len(), 64);
    assert_eq!(serde_json::to_value(again).unwrap(), serde_json::to_value(spec).unwrap());
}

#[test]
fn entrypoints_and_commands_of_images() {
    let words = |text: &str| Some(text.split(' ').map(str::to_owned).collect::<Vec<String>>());
    let image = ImageConfig { entrypoint: words("/entry"), cmd: words("serve"), ..ImageConfig::default() };
    let of = |entrypoint, cmd| {
        entrypoint_and_command(&ContainerConfig { entrypoint, cmd, ..ContainerConfig::default() }, &image)
    };
    assert_eq!(of(words("/entry"), words("serve")), (None, None));
    assert_eq!(of(words("/entry"), words("other")), (None, words("other")));
    assert_eq!(of(words("/mine"), None), (words("/mine"), None));
    assert_eq!(of(words("/mine"), words("serve")), (words("/mine"), words("serve")));
    assert_eq!(of(None, words("sh")), (Some(Vec::new()), words("sh")));
}

#[test]
fn what_an_image_sets() {
    let image = ImageConfig {
        exposed_ports: Some(vec!["80".to_owned()]),
        volumes: Some(vec!["/data".to_owned()]),
        healthcheck: Some(HealthConfig {
            test: Some(vec!["CMD-SHELL".to_owned(), "true".to_owned()]),
            interval: Some(5_000_000_000),
            ..HealthConfig::default()
        }),
        user: Some(String::new()),
        ..busybox()
    };
    let sets = super::image(&image);
    assert_eq!((sets.expose, sets.user), (vec!["80/tcp".to_owned()], None));
    assert_eq!(sets.command, Some(vec!["sh".to_owned()]));
    assert_eq!(sets.healthcheck.unwrap().interval, Some(Duration::from_secs(5)));
    assert!(sets.volumes.contains_key("/data"));
}

//! Containers, networks and volumes: made, changed, removed.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use vv::engine::EngineError;
use vv::plan::observed::{ContainerState, Health};
use vv::plan::spec::{ContainerSpec, CopiedFile, MountSpec};
use vv::stack::model::{Healthcheck, Port, PortRange, Protocol, Resources, RestartPolicy, Test, Ulimit};

use super::{BUSYBOX, Scene, aliases, until};

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_a_life_may_be_repeated() {
    let scene = Scene::new("life").await;
    let engine = &scene.engine;
    let name = scene.create("web", scene.shell("trap 'exit 7' TERM; sleep 1000 & wait")).await;
    let seen = engine.containers(&scene.project).await.unwrap();
    assert_eq!((seen.len(), seen[0].state, seen[0].service.as_str()), (1, ContainerState::Created, "web"));

    engine.start_container(&name).await.unwrap();
    engine.start_container(&name).await.unwrap();
    assert_eq!(engine.containers(&scene.project).await.unwrap()[0].state, ContainerState::Running);
    engine.restart_container(&name, Some(Duration::from_secs(5))).await.unwrap();
    engine.stop_container(&name, Some(Duration::from_secs(5))).await.unwrap();
    engine.stop_container(&name, None).await.unwrap();
    let state = engine.containers(&scene.project).await.unwrap()[0].state;
    assert_eq!(state, ContainerState::Exited(7));
    assert_eq!(engine.wait_exit(&name).await.unwrap(), 7);

    let other = scene.name("renamed");
    engine.rename_container(&name, &other).await.unwrap();
    let details = engine.inspect(&other).await.unwrap();
    assert_eq!((details.name, details.state), (other.clone(), ContainerState::Exited(7)));
    assert!(details.started_at.is_some() && details.finished_at.is_some());

    engine.remove_container(&other, false).await.unwrap();
    engine.remove_container(&other, false).await.unwrap();
    assert!(matches!(engine.inspect(&other).await, Err(EngineError::NotFound { .. })));
    assert!(matches!(engine.start_container(&other).await, Err(EngineError::NotFound { .. })));
    engine.remove_network(&scene.name("none")).await.unwrap();
    engine.remove_volume(&scene.name("none")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_is_what_is_inspected() {
    let scene = Scene::new("spec").await;
    let (front, back) = (scene.network("front").await, scene.network("back").await);
    let data = scene.volume("data").await;
    let folder = tempfile::tempdir().unwrap();
    let mount = |target: &str, mount| (target.to_owned(), mount);
    let spec = ContainerSpec {
        image: BUSYBOX.to_owned(),
        entrypoint: Some(words("/bin/busybox")),
        command: Some(words("sleep 1000")),
        environment: [("A", "1"), ("B", "two words"), ("EMPTY", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        labels: BTreeMap::from([("my.label".to_owned(), "x=y".to_owned())]),
        hostname: Some("host1".to_owned()),
        user: Some("1000:1000".to_owned()),
        working_dir: Some("/tmp".to_owned()),
        expose: words("8080/tcp 9090/udp"),
        ports: vec![Port {
            target: 81,
            published: None,
            host_ip: Some("127.0.0.1".to_owned()),
            protocol: Protocol::Tcp,
        }],
        volumes: BTreeMap::from([
            mount("/data", MountSpec::Volume { name: Some(data), read_only: false, nocopy: true }),
            mount(
                "/bind",
                MountSpec::Bind {
                    source: folder.path().join("made"),
                    read_only: true,
                    create_host_path: true,
                    propagation: None,
                },
            ),
            mount(
                "/strict",
                MountSpec::Bind {
                    source: folder.path().to_path_buf(),
                    read_only: false,
                    create_host_path: false,
                    propagation: None,
                },
            ),
            mount("/scratch", MountSpec::Tmpfs { size: Some(1 << 20), mode: Some(0o1777) }),
        ]),
        networks: BTreeMap::from([(front.clone(), aliases(&["one", "two"]))]),
        healthcheck: Some(Healthcheck {
            test: Some(Test::Cmd(words("true"))),
            interval: Some(Duration::from_millis(1500)),
            timeout: Some(Duration::from_secs(2)),
            retries: Some(4),
            start_period: Some(Duration::from_secs(3)),
            start_interval: None,
        }),
        restart: RestartPolicy::OnFailure(Some(2)),
        stop_signal: Some("SIGINT".to_owned()),
        stop_grace_period: Some(1),
        init: Some(false),
        ipc: Some("private".to_owned()),
        read_only: true,
        cap_drop: words("NET_RAW"),
        group_add: words("33"),
        extra_hosts: words("one:1.2.3.4"),
        dns: words("1.1.1.1"),
        dns_search: words("example.com"),
        dns_opt: words("ndots:2"),
        sysctls: BTreeMap::from([("net.core.somaxconn".to_owned(), "1024".to_owned())]),
        ulimits: BTreeMap::from([("nofile".to_owned(), Ulimit { soft: 1000, hard: 2000 })]),
        shm_size: Some(32 << 20),
        resources: Resources {
            memory: Some(64 << 20),
            memory_swap: Some(128 << 20),
            pids: Some(100),
            nano_cpus: Some(500_000_000),
            ..Resources::default()
        },
        logging: Some(vv::stack::model::Logging {
            driver: Some("json-file".to_owned()),
            options: BTreeMap::from([("max-size".to_owned(), "1m".to_owned())]),
        }),
        ..ContainerSpec::default()
    };
    let mut request = scene.request("full", spec.clone());
    let attachment = request.spec.networks.get_mut(&front).unwrap();
    attachment.aliases.extend(["full".to_owned(), request.name.clone()]);
    scene.engine.create_container(&request).await.unwrap();
    let mut seen = scene.engine.inspect_with_image(&request.name).await.unwrap().spec;
    for network in seen.networks.values_mut() {
        network.mac_address = None;
    }
    assert_eq!(serde_json::to_value(seen).unwrap(), serde_json::to_value(spec).unwrap());

    scene.engine.connect_network(&back, &request.name, &aliases(&["full"])).await.unwrap();
    scene.engine.connect_network(&back, &request.name, &aliases(&["full"])).await.unwrap();
    let observed = scene.engine.observe(&scene.project).await.unwrap();
    let names: Vec<&String> = observed.containers[0].networks.keys().collect();
    assert_eq!(names, [&back, &front]);
    let image_id = scene.engine.image_id(BUSYBOX).await.unwrap().unwrap();
    assert_eq!(observed.images.get(BUSYBOX), Some(&image_id));
    assert_eq!(observed.containers[0].image_id, image_id);
    assert_eq!(observed.containers[0].mounts["/data"].kind, "volume");

    scene.engine.start_container(&request.name).await.unwrap();
    assert!(folder.path().join("made").is_dir(), "the short syntax makes a missing folder");
    let (_, names) = scene.run(&request.name, &["nslookup", "two"]).await;
    assert!(names.contains("Address"), "{names}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_exit_are_observed() {
    let scene = Scene::new("health").await;
    let check = |line: &str| {
        Some(Healthcheck {
            test: Some(Test::Shell(line.to_owned())),
            interval: Some(Duration::from_millis(100)),
            timeout: None,
            retries: Some(1),
            start_period: None,
            start_interval: None,
        })
    };
    let well = ContainerSpec { healthcheck: check("true"), ..scene.shell("sleep 1000") };
    let ill = ContainerSpec { healthcheck: check("echo no good; false"), ..scene.shell("sleep 1000") };
    let well = scene.start("well", well).await;
    let ill = scene.start("ill", ill).await;
    let oom = ContainerSpec {
        resources: Resources { memory: Some(8 << 20), memory_swap: Some(8 << 20), ..Resources::default() },
        ..scene.shell("x=0123456789; while true; do x=$x$x; done")
    };
    let hungry = scene.start("hungry", oom).await;
    until("verdicts", async || {
        let list = scene.engine.containers(&scene.project).await.unwrap();
        let health: Vec<Option<Health>> = list.iter().map(|container| container.health).collect();
        health.contains(&Some(Health::Healthy)) && health.contains(&Some(Health::Unhealthy))
    })
    .await;
    assert_eq!(scene.engine.inspect(&well).await.unwrap().health, Some(Health::Healthy));
    let details = scene.engine.inspect(&ill).await.unwrap();
    assert_eq!(details.health, Some(Health::Unhealthy));
    assert_eq!(details.health_output.as_deref(), Some("no good"));
    assert_eq!(details.healthcheck.unwrap().interval, Duration::from_millis(100));
    assert_ne!(scene.engine.wait_exit(&hungry).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named() {
    let scene = Scene::new("port").await;
    let network = scene.network("net").await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let number = taken.local_addr().unwrap().port();
    let publish = |number: u16| ContainerSpec {
        network_mode: None,
        networks: BTreeMap::from([(network.clone(), aliases(&[]))]),
        ports: vec![Port {
            target: 80,
            published: Some(PortRange { first: number, last: number }),
            host_ip: Some("127.0.0.1".to_owned()),
            protocol: Protocol::Tcp,
        }],
        ..scene.shell("sleep 1000")
    };
    let name = scene.create("web", publish(number)).await;
    let expected = format!("127.0.0.1:{number}");
    let error = scene.engine.start_container(&name).await.unwrap_err();
    assert!(matches!(&error, EngineError::PortTaken { port, .. } if *port == expected), "{error:?}");
    let seen = scene.engine.containers(&scene.project).await.unwrap();
    assert_eq!(seen[0].state, ContainerState::Created);
    drop(taken);
    scene.engine.start_container(&name).await.unwrap();
    let seen = scene.engine.containers(&scene.project).await.unwrap();
    assert_eq!((seen[0].ports[0].published, seen[0].ports[0].host_ip.as_str()), (Some(number), "127.0.0.1"));

    let second = scene.create("second", publish(number)).await;
    let error = scene.engine.start_container(&second).await.unwrap_err();
    assert!(matches!(&error, EngineError::PortTaken { port, .. } if *port == expected), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_copied_with_owner_mode_and_folders() {
    let scene = Scene::new("copy").await;
    let name = scene.create("web", scene.shell("sleep 1000")).await;
    let file = |target: &str, content: &str| CopiedFile {
        target: target.to_owned(),
        content: content.into(),
        uid: 100,
        gid: 101,
        mode: 0o440,
    };
    let files = [file("/etc/deep/er/app.yml", "a: 1"), file("/run/secrets/word", "s3cret")];
    scene.engine.copy_files(&name, &files).await.unwrap();
    scene.engine.start_container(&name).await.unwrap();
    let (code, output) = scene.run(&name, &["stat", "-c", "%u:%g %a", "/etc/deep/er/app.yml"]).await;
    assert_eq!((code, output.as_str()), (0, "100:101 440"));
    assert_eq!(scene.run(&name, &["cat", "/run/secrets/word"]).await.1, "s3cret");
    let (_, folder) = scene.run(&name, &["stat", "-c", "%u:%g %a", "/run/secrets"]).await;
    assert_eq!(folder, "0:0 755", "a folder on the way is nobody else's to write");
    let gone = scene.engine.copy_files(&scene.name("gone"), &files).await;
    assert!(matches!(gone, Err(EngineError::NotFound { .. })), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_are_told_and_removals_dont_collide() {
    let scene = Scene::new("conflict").await;
    let name = scene.start("web", scene.shell("sleep 1000")).await;
    let again = scene.engine.create_container(&scene.request("web", scene.shell("true"))).await;
    assert!(matches!(again, Err(EngineError::Conflict { .. })), "{again:?}");
    let running = scene.engine.remove_container(&name, false).await;
    assert!(matches!(running, Err(EngineError::Conflict { .. })), "{running:?}");
    let begun = Instant::now();
    let (one, two) =
        tokio::join!(scene.engine.remove_container(&name, true), scene.engine.remove_container(&name, true),);
    one.unwrap();
    two.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(scene.engine.containers(&scene.project).await.unwrap().is_empty());

    let image = ContainerSpec { image: "localhost/vv-engine/none:1".to_owned(), ..scene.shell("true") };
    let missing = scene.engine.create_container(&scene.request("none", image)).await;
    assert!(matches!(missing, Err(EngineError::NotFound { .. })), "{missing:?}");
}

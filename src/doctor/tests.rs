//! Findings from made-up facts: a table of what can be wrong, each with its words.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::facts::{EngineFacts, Facts, Here, Holder, ImageSeen, PathKind, Resolved, Unreachable};
use super::*;
use crate::engine::survey::{ImagePlatform, Neighbour, Proxies, System};
use crate::plan::observed::{EngineInfo, Observed, ObservedNetwork};
use crate::stack::testing::shop as stack;

fn amd64() -> ImagePlatform {
    ImagePlatform { os: "linux".to_owned(), arch: "amd64".to_owned() }
}

/// A good engine on this very machine.
fn facts() -> Facts {
    let info = EngineInfo {
        secluded: false,
        version: "20.10.24+dfsg1".to_owned(),
        api: (1, 41),
        os: "linux".to_owned(),
        arch: "amd64".to_owned(),
        local: true,
        address: None,
    };
    let system = System {
        storage_driver: "overlay2".to_owned(),
        backing: Some("extfs".to_owned()),
        cgroup_version: Some(2),
        memory: Some(16 << 30),
        cpus: Some(4),
        data_root: PathBuf::from("/var/lib/docker"),
        kernel: "6.1.0".to_owned(),
        ..System::default()
    };
    Facts {
        here: Here {
            shared: true,
            kernel: "6.1.0".to_owned(),
            memory: Some(16 << 30),
            free_disk: Some(50 << 30),
            max_map_count: Some(262_144),
            ..Here::default()
        },
        engine: Ok(EngineFacts {
            observed: Ok(Observed { engine: info.clone(), ..Observed::default() }),
            info,
            system: Ok(system),
            neighbours: Ok(Vec::new()),
            images: BTreeMap::new(),
            skew: Some((30, 20)),
            names: Resolved::NotAsked("no two services run".to_owned()),
        }),
        ports: BTreeMap::new(),
        paths: BTreeMap::new(),
        stub_problem: None,
    }
}

/// What isn't as it should be of this stack with these facts.
fn wrong(text: &str, change: impl FnOnce(&mut Facts)) -> String {
    let mut facts = facts();
    change(&mut facts);
    let stack = stack(text);
    let found = findings(&stack, &Stubs::new(), &facts);
    let lines: Vec<String> = found
        .iter()
        .filter(|finding| finding.severity > Severity::Ok)
        .map(|finding| {
            let Finding { check, severity, seen, fix, .. } = finding;
            format!("{severity:?} {check}: {seen} -> {}", fix.as_deref().unwrap_or("NO FIX"))
        })
        .collect();
    assert!(lines.iter().all(|line| !line.ends_with("NO FIX")), "each has a fix: {lines:?}");
    lines.join("\n")
}

fn engine(facts: &mut Facts) -> &mut EngineFacts {
    facts.engine.as_mut().unwrap()
}

fn system(facts: &mut Facts) -> &mut System {
    engine(facts).system.as_mut().unwrap()
}

const ONE: &str = "services: {app: {image: app}}";

#[test]
fn all_is_well() {
    let all = findings(&stack(ONE), &Stubs::new(), &facts());
    let lines: Vec<String> = all
        .iter()
        .map(|finding| format!("{:?} {}: {}", finding.severity, finding.check, finding.seen))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_engine() {
    let requires = "x-vv: {requires: {engine: '24.0', memory: 32GB, cpus: 8, disk: 100GB}}\n";
    let lines = [
        wrong(ONE, |facts| {
            let hints = vec!["is it running?".to_owned()];
            facts.engine = Err(Unreachable { message: "no Docker engine at unix:///x".to_owned(), hints });
        }),
        wrong(&format!("{requires}{ONE}"), |_| {}),
        wrong(&format!("{requires}{ONE}"), |facts| {
            engine(facts).info.version = "24.0.7".to_owned();
            system(facts).memory = Some(8 << 30);
            system(facts).cpus = Some(8);
            facts.here.free_disk = Some(100 << 20);
        }),
        wrong("x-vv: {requires: {memory: 16GB}}\nservices: {app: {image: app}}", |facts| {
            // What a machine sold as one of 16 GB tells.
            system(facts).memory = Some(15 << 30);
        }),
        wrong("services: {app: {image: app, mem_reservation: 9g, scale: 2, cpus: 6}}", |_| {}),
        wrong(
            "services: {app: {image: app, scale: 3, deploy: {resources: {reservations: {cpus: '1.5'}}}}}",
            |_| {},
        ),
        wrong(ONE, |facts| facts.here.free_disk = Some(3 << 30)),
        wrong(ONE, |facts| system(facts).storage_driver = "vfs".to_owned()),
        wrong("services: {app: {image: app, mem_limit: 1g}}", |facts| {
            system(facts).rootless = true;
            system(facts).cgroup_version = Some(1);
        }),
        wrong(ONE, |facts| engine(facts).skew = Some((-90_000, 20))),
        wrong(ONE, |facts| engine(facts).system = Err("no answer within 10 s".to_owned())),
    ];
    insta::assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn the_network() {
    let lines = [
        wrong(ONE, |facts| {
            engine(facts).names =
                Resolved::NotFound { container: "shop-app-1".to_owned(), service: "db".to_owned() };
        }),
        wrong(ONE, |facts| facts.here.name_servers = vec!["127.0.0.1".parse().unwrap()]),
        wrong("services: {app: {image: registry.internal:5000/app}}", |facts| {
            system(facts).proxies = Proxies {
                https: Some("http://me:hunter22@proxy:3128".to_owned()),
                none_for: Some("localhost".to_owned()),
                ..Proxies::default()
            };
        }),
        wrong(
            "services: {app: {image: app, environment: {HTTP_PROXY: 'http://me:hunter22@proxy:3128', NO_PROXY: jaeger, API: 'http://api:80/', J: 'http://jaeger:1'}}, api: {image: api}, jaeger: {image: j}}",
            |_| {},
        ),
        wrong(ONE, |facts| {
            facts.here.client_proxies.http = Some("http://proxy:3128".to_owned());
        }),
        wrong(
            "services: {app: {image: app}}\nnetworks: {default: {ipam: {config: [{subnet: 172.20.5.0/24}]}}}",
            |facts| {
                let other = ObservedNetwork {
                    name: "other_default".to_owned(),
                    subnets: vec!["172.20.0.0/16".to_owned()],
                    ..ObservedNetwork::default()
                };
                engine(facts).observed.as_mut().unwrap().networks.push(other);
            },
        ),
    ];
    let text = lines.join("\n\n");
    assert!(!text.contains("hunter22"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn ports() {
    let three = "services: {app: {image: app, ports: ['127.0.0.1:8500:80', '53:53/udp']}, web: {image: web, ports: ['8080:80', '9000-9010:90']}}";
    let holders = |facts: &mut Facts, all: &[(&str, u16, Holder)]| {
        let stack = stack(three);
        for (_, port) in wanted_ports(&stack) {
            if let Some((_, _, holder)) = all.iter().find(|(_, number, _)| *number == port.number) {
                facts.ports.insert(port, holder.clone());
            }
        }
    };
    let container = |name: &str, project: Option<&str>| Holder::Container {
        name: name.to_owned(),
        project: project.map(str::to_owned),
        files: Vec::new(),
    };
    let of_files = |files: &[&str]| Holder::Container {
        name: "x-web-1".to_owned(),
        project: Some("x".to_owned()),
        files: files.iter().map(|file| (*file).to_owned()).collect(),
    };
    let process = |pid| Holder::Process { words: "process nginx (pid 812)".to_owned(), pid };
    let lines = [
        wrong(three, |facts| {
            holders(
                facts,
                &[
                    ("", 8500, process(Some(812))),
                    ("", 53, Holder::Somebody),
                    ("", 8080, container("x-web-1", Some("x"))),
                ],
            );
        }),
        wrong(three, |facts| holders(facts, &[("", 8080, container("shop-web-1", Some("shop")))])),
        wrong(three, |facts| holders(facts, &[("", 8080, container("lonely", None))])),
        wrong(three, |facts| holders(facts, &[("", 8080, of_files(&["/my work/c.yml", "/o.yml"]))])),
        wrong(three, |facts| holders(facts, &[("", 8080, of_files(&["vv://mes/compose.yaml"]))])),
        wrong(three, |facts| {
            let words = "a container of another engine (docker-proxy, pid 7)".to_owned();
            holders(facts, &[("", 8080, Holder::OtherEngine { words })]);
        }),
        wrong(three, |facts| {
            holders(facts, &[("", 8080, process(Some(812)))]);
            facts.engine = Err(Unreachable { message: "no engine".to_owned(), hints: Vec::new() });
        }),
        wrong(
            "services: {a: {image: a, ports: ['127.0.0.1:80:80']}, b: {image: b, ports: ['80:81', '80:81/udp']}, c: {image: c, ports: ['127.0.0.2:80:1']}, off: {image: a, scale: 0, ports: ['80:1']}}",
            |_| {},
        ),
        wrong("services: {a: {image: a, ports: ['80:80']}}", |facts| {
            system(facts).rootless = true;
            facts.here.unprivileged_ports = Some(1024);
        }),
    ];
    insta::assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn images() {
    let image = |seen: ImageSeen| {
        move |facts: &mut Facts| {
            engine(facts).images.insert("app".to_owned(), seen);
        }
    };
    let arm64 = || ImagePlatform { os: "linux".to_owned(), arch: "arm64".to_owned() };
    let lines = [
        wrong(ONE, image(ImageSeen::Here(Some(amd64())))),
        wrong(ONE, image(ImageSeen::Here(Some(arm64())))),
        wrong(ONE, |facts| {
            image(ImageSeen::Here(Some(arm64())))(facts);
            facts.here.emulated.insert("arm64".to_owned());
        }),
        wrong(ONE, |facts| {
            image(ImageSeen::Here(Some(arm64())))(facts);
            facts.here.shared = false;
        }),
        wrong(ONE, image(ImageSeen::Pullable(vec![amd64(), arm64()]))),
        wrong(ONE, image(ImageSeen::Pullable(vec![arm64()]))),
        wrong(ONE, image(ImageSeen::Pullable(Vec::new()))),
        wrong(ONE, image(ImageSeen::Nowhere("manifest unknown".to_owned()))),
        wrong(ONE, image(ImageSeen::Nowhere("pull access denied for app".to_owned()))),
        wrong(
            ONE,
            image(ImageSeen::Nowhere(
                "Get \"https://registry-1.docker.io/v2/\": dial tcp: no such host".to_owned(),
            )),
        ),
        wrong(
            "services: {app: {image: app, pull_policy: never}}",
            image(ImageSeen::Nowhere("it is never pulled".to_owned())),
        ),
        wrong(ONE, image(ImageSeen::Unknown("no answer within 10 s".to_owned()))),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn files_and_variables() {
    let lines = [
        wrong("services: {app: {build: ./app}}", |_| {}),
        wrong("services: {app: {build: ./app}}", |facts| {
            engine(facts).images.insert("shop-app".to_owned(), ImageSeen::Here(Some(amd64())));
        }),
        wrong("services: {app: {build: {context: ./app, dockerfile: Dockerfile.dev}}}", |facts| {
            facts.paths.insert(PathBuf::from("/w/app"), PathKind::Folder);
        }),
        wrong("services: {app: {build: ./app}}", |facts| {
            facts.paths.insert(PathBuf::from("/w/app"), PathKind::Folder);
            facts.paths.insert(PathBuf::from("/w/app/Dockerfile"), PathKind::File);
        }),
        wrong("services: {app: {build: https://github.com/a/b.git}}", |_| {}),
        wrong(
            "services: {app: {image: app, volumes: ['./nginx.conf:/etc/nginx.conf', './data:/data', './there:/x']}}",
            |facts| {
                facts.paths.insert(PathBuf::from("/w/there"), PathKind::Folder);
            },
        ),
        wrong(
            "services: {app: {image: app, volumes: [{type: bind, source: ./data, target: /data, bind: {create_host_path: false}}]}}",
            |_| {},
        ),
        wrong("services: {app: {image: app, volumes: ['./data:/data']}}", |facts| facts.here.shared = false),
        wrong("services: {app: {image: app, environment: {A: '${NOPE}'}}}", |_| {}),
        wrong(ONE, |facts| facts.stub_problem = Some("this vv can't run in a container".to_owned())),
    ];
    insta::assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn names() {
    let neighbour = |container: &str, project: Option<&str>, folder: &str| Neighbour {
        container: container.to_owned(),
        project: project.map(str::to_owned),
        service: Some("app".to_owned()),
        working_dir: Some(folder.to_owned()),
        config_files: Some(format!("{folder}/compose.yaml")),
    };
    let with = |all: Vec<Neighbour>| move |facts: &mut Facts| engine(facts).neighbours = Ok(all);
    let lines = [
        wrong(ONE, with(vec![neighbour("shop-app-1", Some("shop"), "/w")])),
        wrong(ONE, with(vec![neighbour("shop-app-1", Some("shop"), "/elsewhere")])),
        wrong(
            "services: {app: {image: app, container_name: db}}",
            with(vec![neighbour("db", Some("other"), "/o")]),
        ),
        wrong(ONE, with(vec![neighbour("shop-app-1", None, "")])),
        wrong(
            "services: {app: {image: app, networks: [edge], volumes: ['data:/data']}}\nnetworks: {edge: {external: true}}\nvolumes: {data: {external: true, name: kept}}",
            |_| {},
        ),
    ];
    insta::assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn the_kernel_of_elasticsearch() {
    let search = |more: &str| format!("services: {{search: {{image: 'elasticsearch:8.10.2'{more}}}}}");
    let low = |facts: &mut Facts| facts.here.max_map_count = Some(65_530);
    let lines = [
        wrong(&search(""), |_| {}),
        wrong(&search(""), low),
        wrong(&search(", environment: {discovery.type: single-node}"), low),
        // Docker Desktop has a kernel of its own.
        wrong(&search(""), |facts| {
            low(facts);
            facts.here.kernel = "23.1.0".to_owned();
        }),
        wrong(ONE, low),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn only_what_would_surely_fail_keeps_a_start_from_beginning() {
    let text = "x-vv: {requires: {memory: 64GB}}\nservices: {app: {image: app, ports: ['8080:80'], volumes: ['./x.conf:/x.conf', './data:/data', {type: bind, source: ./strict, target: /s, bind: {create_host_path: false}}]}, win: {image: w, platform: windows/amd64}}";
    let stack = stack(text);
    let observed = Observed {
        engine: facts().engine.unwrap().info,
        images: [
            ("app:latest".to_owned(), "sha256:1".to_owned()),
            ("w:latest".to_owned(), "sha256:2".to_owned()),
        ]
        .into(),
        ..Observed::default()
    };
    let stubs = Stubs::new();
    let inputs = Inputs { stack: &stack, observed: &observed, stubs: &stubs, cache_dir: Path::new("/c") };
    let words = |request: &StartRequest, here: Here, taken: bool| {
        let plan = preview_plan(&inputs, request).unwrap();
        let starting = Starting::of(&stack, &plan, &observed);
        let taken = if taken {
            starting.ports.iter().map(|(_, port)| (*port, Holder::Somebody)).collect()
        } else {
            BTreeMap::new()
        };
        let found = preflight(&stack, &observed, &starting, &taken, &BTreeMap::new(), &here);
        found
            .iter()
            .map(|finding| format!("{:?} {}", finding.severity, finding.seen))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let all = StartRequest::default();
    let app = StartRequest { services: vec!["app".to_owned()], ..StartRequest::default() };
    let here = facts().here;
    let elsewhere = Here { shared: false, ..here.clone() };
    insta::assert_snapshot!(
        [words(&all, here.clone(), true), words(&app, here, false), words(&app, elsewhere, false)]
            .join("\n--\n")
    );
}

//! What single keys become.

use std::time::Duration;

use crate::stack::model::{
    Condition, Dependency, FileSource, Healthcheck, MountKind, Namespace, PortRange, PullPolicy,
    RestartPolicy, Service, Test,
};
use crate::stack::testing::{load_with, options, service, stack};

#[test]
fn interpolated_scalars_are_strings_and_still_count() {
    let service = service(
        "tty: 'true'\nread_only: 'yes'\nscale: '2'\nports: ['8080:80', {target: '81', published: '82'}]\nmem_limit: '1024'\n\
         cpus: '0.5'\npids_limit: '5'\nhealthcheck: {retries: '3', disable: 'false'}\nulimits: {nofile: '7'}",
    );
    assert!(service.tty && service.read_only);
    assert_eq!(service.replicas, 2);
    assert_eq!(service.ports[1].published, Some(PortRange { first: 82, last: 82 }));
    assert_eq!(service.resources.memory, Some(1024));
    assert_eq!(service.resources.nano_cpus, Some(500_000_000));
    assert_eq!(service.resources.pids, Some(5));
    assert_eq!(service.healthcheck.unwrap().retries, Some(3));
    assert_eq!(service.ulimits["nofile"].hard, 7);
}

#[test]
fn restart_policies() {
    let restart = |text: &str| service(text).restart;
    let cases = [
        ("", RestartPolicy::No),
        ("restart: no", RestartPolicy::No),
        ("restart: false", RestartPolicy::No),
        ("restart: always", RestartPolicy::Always),
        ("restart: unless-stopped", RestartPolicy::UnlessStopped),
        ("restart: on-failure", RestartPolicy::OnFailure(None)),
        ("restart: on-failure:3", RestartPolicy::OnFailure(Some(3))),
        ("deploy: {restart_policy: {}}", RestartPolicy::Always),
        ("deploy: {restart_policy: {condition: any}}\nrestart: no", RestartPolicy::Always),
        ("deploy: {restart_policy: {condition: none}}\nrestart: always", RestartPolicy::No),
        (
            "deploy: {restart_policy: {condition: on-failure, max_attempts: 5}}",
            RestartPolicy::OnFailure(Some(5)),
        ),
        ("deploy: {replicas: 1}\nrestart: always", RestartPolicy::Always),
    ];
    for (text, wanted) in cases {
        assert_eq!(restart(text), wanted, "{text}");
    }
}

#[test]
fn healthchecks() {
    let check = |text: &str| service(&format!("healthcheck: {text}")).healthcheck;
    let none = Healthcheck {
        test: None,
        interval: None,
        timeout: None,
        retries: None,
        start_period: None,
        start_interval: None,
    };
    let test = |test: Test| Some(Healthcheck { test: Some(test), ..none.clone() });
    assert_eq!(check("{test: curl x}"), test(Test::Shell("curl x".into())));
    assert_eq!(check("{test: [CMD-SHELL, curl x]}"), test(Test::Shell("curl x".into())));
    assert_eq!(check("{test: [CMD, curl, x]}"), test(Test::Cmd(vec!["curl".into(), "x".into()])));
    assert_eq!(check("{test: [NONE]}"), test(Test::None));
    assert_eq!(check("{disable: true}"), test(Test::None));
    assert_eq!(check("{test: [CMD, x], disable: true}"), test(Test::None));
    assert_eq!(
        check("{interval: 5s}"),
        Some(Healthcheck { interval: Some(Duration::from_secs(5)), ..none.clone() })
    );
    assert_eq!(check("{test: []}"), Some(none));
    assert_eq!(check(""), None);
}

#[test]
fn environment_in_all_its_forms() {
    let text = "
services:
  a:
    image: x
    env_file: [one.env, {path: two.env}, {path: raw.env, format: raw}, {path: none.env, required: false}]
    environment: [MAP=list, SET, UNSET, EMPTY=, TWO=environment]
";
    let files = [
        ("one.env", "ONE=1\nTWO=1\nQUOTED=\"a b\"\nSET\nUNSET\n"),
        ("two.env", "TWO=2\nTHREE=${ONE}3${SET}\n"),
        ("raw.env", "# no\nRAW=\"${ONE}\"\n"),
    ];
    let stack = load_with(text, &files, &options(), &[]).unwrap();
    let environment = &stack.services["a"].environment;
    let lines =
        environment.iter().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(lines, @r#"
    EMPTY=Some("")
    MAP=Some("list")
    ONE=Some("1")
    QUOTED=Some("a b")
    RAW=Some("\"${ONE}\"")
    SET=Some("from outside")
    THREE=Some("13from outside")
    TWO=Some("environment")
    UNSET=None
    "#);
}

#[test]
fn dependencies_are_implied() {
    let stack = stack(
        "
services:
  a: {image: x, links: [b, 'c:c'], network_mode: 'service:d', ipc: 'service:e', pid: 'container:other', depends_on: {b: {condition: service_healthy}}}
  b: {image: x}
  c: {image: x}
  d: {image: x}
  e: {image: x}
",
    );
    let a = &stack.services["a"];
    let implied = Dependency { condition: Condition::ServiceStarted, restart: true, required: true };
    assert_eq!(
        a.depends_on["b"],
        Dependency { condition: Condition::ServiceHealthy, restart: false, required: true }
    );
    for name in ["c", "d", "e"] {
        assert_eq!(a.depends_on[name], implied, "{name}");
    }
    assert_eq!(a.network_mode, Some(Namespace::Service("d".into())));
    assert_eq!(a.pid, Some(Namespace::Container("other".into())));
    assert!(a.networks.is_empty());
}

#[test]
fn files_come_from_everywhere() {
    let text = "
services:
  a:
    image: x
    configs: [disk, {source: inline, target: sub/inline, mode: '0440'}, {source: folder, target: /etc/folder}]
    secrets: [variable, {source: disk, target: renamed, uid: 5}]
configs:
  disk: {file: ./conf}
  folder: {file: ./folder}
  inline: {content: 'hello ${SET}'}
secrets:
  disk: {file: ./conf}
  variable: {environment: SET}
";
    let stack = load_with(text, &[("conf", "text"), ("folder/file", "")], &options(), &[]).unwrap();
    let files = &stack.services["a"].files;
    let show = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
    let lines = files.iter().map(|file| {
        format!(
            "{} secret={} uid={:?} mode={:?} {:?} {:?}",
            file.target,
            file.secret,
            file.uid,
            file.mode,
            file.source,
            show(&file.content)
        )
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    /disk secret=false uid=None mode=None Disk("/w/conf") "text"
    /sub/inline secret=false uid=None mode=Some(288) Inline "hello from outside"
    /etc/folder secret=false uid=None mode=None Disk("/w/folder") ""
    /run/secrets/variable secret=true uid=None mode=None Environment("SET") "from outside"
    /run/secrets/renamed secret=true uid=Some("5") mode=None Disk("/w/conf") "text"
    "#);
    assert_eq!(files[1].source, FileSource::Inline);
    assert!(!format!("{files:?}").contains("from outside"), "content never shows");
}

#[test]
fn mounts() {
    let service = service(
        "volumes: ['/anonymous', './rel:/rel:ro', '/abs/:/abs/', {type: bind, source: ./long, target: /long}, '/later:/rel']\ntmpfs: /run",
    );
    let lines: Vec<String> = service
        .mounts
        .iter()
        .map(|mount| format!("{} ro={} {:?}", mount.target, mount.read_only, mount.kind))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    /anonymous ro=false Volume { source: None, nocopy: false }
    /rel ro=false Bind { source: "/later", create_host_path: true, propagation: None }
    /abs ro=false Bind { source: "/abs", create_host_path: true, propagation: None }
    /long ro=false Bind { source: "/w/long", create_host_path: true, propagation: None }
    /run ro=false Tmpfs { size: None, mode: None }
    "#);
    assert!(matches!(service.mounts[0].kind, MountKind::Volume { source: None, .. }));
}

#[test]
fn small_things() {
    let service = service(
        "command: ''\nentrypoint: sh -c \"a b\"\npull_policy: if_not_present\nstop_grace_period: 1m30s\nuser: 1000\n\
         group_add: [5, mail]\nextra_hosts: {a: 1.2.3.4, b: ['::1', '::2']}\nsysctls: [a=1]\nexpose: [80, '100-101/udp']\n\
         memswap_limit: -1\ndns: 1.1.1.1\ndevices: [{source: /dev/a}]",
    );
    assert_eq!(service.command, Some(vec![]));
    assert_eq!(service.entrypoint, Some(vec!["sh".into(), "-c".into(), "a b".into()]));
    assert_eq!(service.pull_policy, PullPolicy::Missing);
    assert_eq!(service.stop_grace_period, Some(Duration::from_secs(90)));
    assert_eq!(service.user.as_deref(), Some("1000"));
    assert_eq!(service.group_add, ["5", "mail"]);
    assert_eq!(service.extra_hosts, ["a:1.2.3.4", "b:::1", "b:::2"]);
    assert_eq!(service.sysctls["a"], "1");
    assert_eq!(service.expose, ["80", "100/udp", "101/udp"]);
    assert_eq!(service.resources.memory_swap, Some(-1));
    assert_eq!(service.dns, ["1.1.1.1"]);
    assert_eq!(service.devices, ["/dev/a:/dev/a:rwm"]);
}

#[test]
fn an_empty_service_has_the_defaults() {
    let service =
        service("ports:\nenvironment:\ncommand:\nhealthcheck:\nvolumes:\ndeploy:\nlabels:\ndepends_on:");
    let networks = service.networks.clone();
    assert_eq!(networks.keys().collect::<Vec<_>>(), ["default"]);
    assert_eq!(
        service,
        Service { name: "a".into(), image: "x".into(), replicas: 1, networks, ..Service::default() }
    );
}

#[test]
fn the_variable_of_an_image_is_known() {
    let stack = stack(
        "
services:
  a: {image: '${A_IMAGE:-a:1}'}
  b: {image: 'registry/b:${TAG:-1}'}
  c: {extends: a}
  d: {image: '${OUTER_IMAGE:-${INNER_IMAGE:-d}}'}
  e: {image: e}
",
    );
    let variables = ["a", "b", "c", "d", "e"].map(|name| stack.services[name].image_variable.as_deref());
    assert_eq!(variables, [Some("A_IMAGE"), None, Some("A_IMAGE"), Some("OUTER_IMAGE"), None]);
}

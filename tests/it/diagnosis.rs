//! `vv doctor` and `vv why`, and what a start foresees: each trouble made for real, and named.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{BUSYBOX, Project, docker, free_port, wait_until};

/// A service that does nothing, or what its further lines say.
fn sleeper(name: &str, more: &str) -> String {
    let command = if more.contains("command:") { "" } else { "    command: [sleep, '1000']\n" };
    let more: String = more.lines().map(|line| format!("    {line}\n")).collect();
    format!("  {name}:\n    image: {BUSYBOX}\n    stop_grace_period: 0s\n{command}{more}")
}

fn services(parts: &[String]) -> String {
    format!("services:\n{}", parts.concat())
}

/// The document is as its schema says.
fn valid(schema: &str, document: &Value) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema").join(schema);
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = validator.iter_errors(document).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}: {document}");
}

/// What `vv why` says of a service that isn't ready; its document is checked, too.
#[track_caller]
fn why(project: &Project, service: &str, cause: &str) -> String {
    let document = project.json(&["why", service, "--format", "json"]);
    valid("why.json", &document);
    let ran = project.fails(1, &["why", service]);
    assert_eq!(document["reason"]["cause"], cause, "{ran}");
    assert_eq!(ran.stdout.lines().next().unwrap(), document["summary"], "the reason comes first");
    ran.shows("fix: ");
    ran.stdout
}

#[track_caller]
fn has(text: &str, words: &str) {
    assert!(text.contains(words), "'{words}' isn't in:\n{text}");
}

#[test]
fn the_doctor_finds_a_healthy_machine_and_many_troubles() {
    let port = free_port();
    let good =
        Project::new("docgood", &services(&[sleeper("app", &format!("ports: ['127.0.0.1:{port}:80']"))]));
    let report = good.json(&["doctor", "--format", "json"]);
    valid("doctor.json", &report);
    assert!(report["status"] != "fail", "{report}");
    good.ok(&["doctor"]).shows("engine").shows("1 host port is free").shows("1 here");
    good.ok(&["start"]);
    good.ok(&["doctor"]).shows("1 host port is free, or the stack's own");

    let free = free_port();
    let taken = free_port();
    let _holder = std::net::TcpListener::bind(("127.0.0.1", taken)).unwrap();
    let compose = services(&[
        sleeper("byprocess", &format!("ports: ['127.0.0.1:{taken}:80']")),
        sleeper("bycontainer", &format!("ports: ['127.0.0.1:{port}:80']")),
        sleeper("one", &format!("ports: ['127.0.0.1:{free}:80']")),
        sleeper("two", &format!("ports: ['{free}:80']")),
        sleeper("conf", "volumes: ['./nginx.conf:/etc/nginx.conf']"),
        sleeper(
            "strict",
            "volumes: [{type: bind, source: ./strict, target: /s, bind: {create_host_path: false}}]",
        ),
        sleeper(
            "named",
            &format!(
                "container_name: {}\nenvironment: {{A: '${{VV_NOT_SET_ANYWHERE}}'}}",
                good.container("app-1")
            ),
        ),
        "  gone: {image: 'localhost:1/vv-no-such-image:1'}\n  sources: {build: ./nowhere}\n".to_owned(),
    ]) + "networks: {default: {external: true, name: vv-no-such-network}}\n";
    let bad = Project::new("docbad", &compose);
    let report = bad.json(&["doctor", "--format", "json"]);
    valid("doctor.json", &report);
    let ran = bad.fails(1, &["doctor"]);
    for words in [
        &format!("127.0.0.1:{taken}, which byprocess publishes, is used by process"),
        &format!("(pid {})", std::process::id()),
        &format!(
            "127.0.0.1:{port}, which bycontainer publishes, is used by container {}",
            good.container("app-1")
        ),
        &format!("{free} is published by one and by two"),
        "nginx.conf, which isn't there: the engine makes an empty folder of that name",
        "strict, which isn't there (bind.create_host_path is off)",
        &format!("the name {} of named's container is taken", good.container("app-1")),
        "VV_NOT_SET_ANYWHERE isn't set",
        "localhost:1/vv-no-such-image:1 isn't here and can't be pulled",
        "nowhere isn't there",
        "the external network vv-no-such-network isn't there",
        "fix: docker network create vv-no-such-network",
    ] {
        ran.shows(words);
    }
    // Of the other project nothing is in this file: its own takes it down.
    let file = good.path("compose.yaml");
    ran.shows(&format!("vv -f {} -p {} down", file.display(), good.name));
    assert_eq!(bad.containers(), Vec::new(), "it changes nothing");
    let words = ["-f", file.to_str().unwrap(), "-p", &good.name, "down"];
    let down =
        std::process::Command::new(env!("CARGO_BIN_EXE_vv")).current_dir(bad.dir.path()).args(words).output();
    assert!(down.unwrap().status.success());
    assert_eq!(good.containers(), Vec::new());
}

#[test]
fn the_doctor_without_an_engine() {
    let port = free_port();
    let _holder = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let compose = services(&[sleeper("app", &format!("ports: ['127.0.0.1:{port}:80']"))]);
    let mut project = Project::new("docnone", &compose);
    project.env.push(("DOCKER_HOST".into(), "unix:///nonexistent/docker.sock".into()));
    let ran = project.fails(4, &["doctor"]);
    ran.shows("no Docker engine at").shows("fix: ");
    // Whose the port is, nobody knows: it may be the stack's own container that has it.
    ran.shows("port    not looked at");
    assert!(!ran.stdout.contains(&port.to_string()) && !ran.stdout.contains("kill"), "{ran}");
    let report = project.json(&["doctor", "--format", "json"]);
    valid("doctor.json", &report);

    // One of another machine has other ports.
    project.env[0].1 = "tcp://127.0.0.1:1".into();
    let ran = project.fails(4, &["doctor"]);
    assert!(!ran.stdout.contains(&port.to_string()), "{ran}");

    // One that accepts and says nothing.
    let silent = project.path("silent.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&silent).unwrap();
    project.env[0].1 = format!("unix://{}", silent.display());
    let started = Instant::now();
    project.fails(4, &["doctor"]).shows("doesn't answer within 10 s");
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[test]
fn a_start_foresees_what_would_fail() {
    let port = free_port();
    let _holder = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let compose = services(&[
        sleeper("first", ""),
        sleeper("taken", &format!("ports: ['127.0.0.1:{port}:80']\ndepends_on: [first]")),
    ]);
    let project = Project::new("foresee", &compose);
    project
        .fails(1, &["start"])
        .says("nothing was started")
        .says(&format!("pid {}", std::process::id()))
        .says(&project.typed("doctor"));
    assert_eq!(project.leftovers(), Vec::<String>::new(), "it fails before anything was made");
    project.ok(&["start", "first"]);

    let strict = "volumes: [{type: bind, source: ./strict, target: /s, bind: {create_host_path: false}}]";
    let project = Project::new("foresee2", &services(&[sleeper("app", strict)]));
    project.fails(1, &["start"]).says("strict").says("mkdir -p");
    assert_eq!(project.leftovers(), Vec::<String>::new());
    std::fs::create_dir(project.path("strict")).unwrap();
    project.ok(&["start"]);

    let project = Project::new("foresee3", &services(&[sleeper("app", "volumes: ['./app.conf:/app.conf']")]));
    project.ok(&["start"]).says("app.conf").says("an empty folder of that name");

    let old = format!("x-vv: {{requires: {{engine: '99.0'}}}}\n{}", services(&[sleeper("app", "")]));
    let project = Project::new("foresee4", &old);
    project.fails(1, &["start"]).says("asks for 99.0");
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

#[test]
fn a_service_that_is_ready_or_was_never_started() {
    let compose = services(&[
        sleeper("app", ""),
        sleeper("none", "scale: 0"),
        sleeper("job", "command: ['true']\nx-vv: {kind: job}"),
    ]);
    let project = Project::new("whyready", &compose);
    has(&why(&project, "app", "not_started"), &format!("fix: {}", project.typed("start app")));
    project.ok(&["start"]);
    project.ok(&["why", "app"]).shows("app is ready");
    let document = project.json(&["why", "app", "--format", "json"]);
    valid("why.json", &document);
    assert_eq!((&document["ready"], &document["reason"]), (&Value::Bool(true), &Value::Null));
    project.ok(&["why", "job"]).shows("job is ready");
    has(&why(&project, "none", "scaled_to_zero"), &format!("fix: {}", project.typed("scale none 1")));
    project.fails(2, &["why", "ap"]).says("'app'");
    docker(&["pause", &project.container("app-1")]);
    let text = why(&project, "app", "paused");
    docker(&["unpause", &project.container("app-1")]);
    has(&text, "app isn't ready: it is paused");
    has(&text, &format!("docker unpause {}", project.container("app-1")));
    docker(&["stop", "-t", "0", &project.container("app-1")]);
    has(&why(&project, "app", "exited"), "it was killed (SIGKILL)");
}

#[test]
fn a_chain_of_three_leads_to_the_one_at_fault() {
    let healthy = "healthcheck: {test: [CMD, 'true'], interval: 1h}\n";
    let on = |name: &str| format!("{healthy}depends_on: {{{name}: {{condition: service_healthy}}}}");
    let db = format!("{healthy}command: [sh, -c, 'echo FATAL: could not open /data/base; exit 1']");
    let compose = services(&[sleeper("web", &on("api")), sleeper("api", &on("db")), sleeper("db", &db)]);
    let project = Project::new("whychain", &compose);
    project.fails(1, &["start"]);
    let text = why(&project, "web", "exited");
    insta::assert_snapshot!(text.replace(&project.name, "PROJECT"), @r#"
    web isn't ready: db exited with 1: "FATAL: could not open /data/base"
      web waits for api (service_healthy)
      api waits for db (service_healthy)
      the last output of PROJECT-db-1:
        FATAL: could not open /data/base
    fix: vv -p PROJECT logs db
    "#);
}

#[test]
fn containers_that_end() {
    let compose = services(&[
        sleeper("oom", "command: [sh, -c, 'tail /dev/zero']\nmem_limit: 16m"),
        sleeper("nocommand", "command: [vv-no-such-command]"),
        sleeper("loop", "command: [sh, -c, 'echo cannot reach the moon; exit 3']\nrestart: always"),
        sleeper(
            "full",
            "command: [sh, -c, 'dd if=/dev/zero of=/small/x bs=1M count=4']\ntmpfs: ['/small:size=1m']",
        ),
    ]);
    let project = Project::new("whyends", &compose);
    // One by one: the first container that can't be started ends a start, and what comes after it isn't made.
    for name in ["oom", "loop", "full", "nocommand"] {
        project.vv(&["start", "--no-wait", name]);
    }
    let status = |name: &str, wanted: &str| {
        let container = project.container(&format!("{name}-1"));
        wait_until(&format!("{name} is {wanted}"), || {
            docker(&["inspect", "-f", "{{.State.Status}} {{.RestartCount}}", &container]).starts_with(wanted)
        });
    };
    // On a busy machine the engine may miss the kernel's word of a container that ends at the same moment.
    let oom = project.container("oom-1");
    wait_until("the engine has seen it run out of memory", || {
        match docker(&["inspect", "-f", "{{.State.Status}} {{.State.OOMKilled}}", &oom]).trim() {
            "exited true" => true,
            "exited false" => docker(&["start", &oom]).is_empty(),
            _ => false,
        }
    });
    status("full", "exited");
    has(&why(&project, "oom", "out_of_memory"), "raise its memory limit (16 MiB now)");
    has(&why(&project, "nocommand", "start_failed"), "its command vv-no-such-command isn't in the image");
    has(&why(&project, "full", "disk_full"), "the disk is full");
    wait_until("it is between two runs", || {
        project
            .vv(&["why", "loop"])
            .stdout
            .contains("ends again and again, with 3: \"cannot reach the moon\"")
    });
}

#[test]
fn healthchecks_that_fail() {
    let compose = services(&[
        sleeper(
            "failing",
            "healthcheck: {test: [CMD, sh, -c, 'echo the cache is cold; exit 1'], interval: 1s, retries: 1}",
        ),
        sleeper("nocurl", "healthcheck: {test: [CMD, curl, -f, localhost], interval: 1s, retries: 1}"),
        sleeper("nowget", "healthcheck: {test: 'vvwget -q localhost', interval: 1h}"),
    ]);
    let project = Project::new("whyhealth", &compose);
    project.vv(&["start", "--no-wait"]);
    has(
        &why(&project, "nocurl", "healthcheck_missing"),
        "its healthcheck runs curl, which isn't in the image",
    );
    has(&why(&project, "nowget", "healthcheck_missing"), "vvwget");
    let failing = project.container("failing-1");
    wait_until("the engine calls it unhealthy", || {
        docker(&["inspect", "-f", "{{.State.Health.Status}}", &failing]).trim() == "unhealthy"
    });
    has(&why(&project, "failing", "healthcheck_fails"), "the cache is cold");
}

#[test]
fn what_keeps_a_container_from_being_made_or_started() {
    let port = free_port();
    let compose = services(&[
        sleeper("taken", &format!("ports: ['127.0.0.1:{port}:80']")),
        "  gone: {image: 'localhost:1/vv-no-such-image:1'}\n  never: {image: 'localhost/vv-no-such-image:1', pull_policy: never}\n  sources: {build: ./nowhere}\n".to_owned(),
    ]);
    let project = Project::new("whymade", &compose);
    has(
        &why(&project, "gone", "image_missing"),
        "localhost:1/vv-no-such-image:1 isn't here and can't be pulled",
    );
    has(&why(&project, "never", "image_missing"), "its pull_policy is never");
    has(&why(&project, "sources", "image_missing"), "nowhere");
    // Made by hand as a start does it that lost a race for the port.
    project.ok(&["start", "taken"]);
    project.ok(&["stop", "taken"]);
    let holder = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let container = project.container("taken-1");
    docker(&["rm", &container]);
    let labels = ["project", "service", "container-number", "oneoff"];
    let values = [project.name.as_str(), "taken", "1", "False"];
    let labels: Vec<String> = labels
        .iter()
        .zip(values)
        .flat_map(|(label, value)| ["--label".to_owned(), format!("com.docker.compose.{label}={value}")])
        .collect();
    let published = format!("127.0.0.1:{port}:80");
    let mut words = vec!["create", "--name", &container, "-p", &published];
    words.extend(labels.iter().map(String::as_str));
    words.extend([BUSYBOX, "sleep", "1000"]);
    docker(&words);
    std::process::Command::new("docker").args(["start", &container]).output().unwrap();
    let text = why(&project, "taken", "port_taken");
    has(&text, &format!("taken isn't ready: it couldn't start: port 127.0.0.1:{port} is used by process"));
    has(&text, &format!("pid {}", std::process::id()));
    drop(holder);
    has(&why(&project, "taken", "port_taken"), "is free by now");
}

#[test]
fn what_keeps_a_service_from_being_started_at_all() {
    let port = free_port();
    let holder = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let compose = services(&[
        sleeper("web", &format!("ports: ['127.0.0.1:{port}:80']")),
        sleeper("front", "depends_on: [web]"),
        sleeper(
            "strict",
            "volumes: [{type: bind, source: ./s, target: /s, bind: {create_host_path: false}}]",
        ),
        sleeper("away", "networks: [far]"),
        sleeper("fine", ""),
    ]) + "networks: {far: {external: true, name: vv-no-such-network}}\n";
    let project = Project::new("whyprevented", &compose);
    let text = why(&project, "web", "port_taken");
    has(&text, &format!("it can't start: 127.0.0.1:{port}, which web publishes, is used by process"));
    has(&text, &format!("fix: stop it: kill {}", std::process::id()));
    has(&why(&project, "front", "port_taken"), "front isn't ready: web can't start");
    has(&why(&project, "strict", "cant_start"), "create_host_path is off");
    has(&why(&project, "away", "cant_start"), "vv-no-such-network");
    has(&why(&project, "fine", "not_started"), "hasn't been started");
    drop(holder);
    has(&why(&project, "web", "not_started"), &format!("fix: {}", project.typed("start web")));
    assert_eq!(project.leftovers(), Vec::<String>::new(), "asking changes nothing");

    let old = format!("x-vv: {{requires: {{engine: '99.0'}}}}\n{}", services(&[sleeper("app", "")]));
    let project = Project::new("whyrequires", &old);
    has(&why(&project, "app", "cant_start"), "asks for 99.0");
}

#[test]
fn no_time_at_all_is_a_usage_error() {
    let project = Project::new("notime", &services(&[sleeper("app", "")]));
    for words in [
        &["health", "--check-timeout", "0"][..],
        &["health", "--wait", "--timeout", "0s"],
        &["health", "--watch=0s"],
        &["start", "--timeout", "0"],
        &["restart", "--timeout", "0"],
        &["scale", "app", "2", "--timeout", "0m"],
    ] {
        project.fails(2, words).says("no time at all");
    }
    // A stop without patience is one.
    project.ok(&["stop", "--timeout", "0"]);
}

#[test]
fn a_wrong_password_in_the_url_of_one_service() {
    let compose = format!(
        "services:
  db:
    image: localhost/vv-parts/postgres:15
    environment: {{POSTGRES_USER: app, POSTGRES_PASSWORD: hunter22, POSTGRES_DB: shop}}
    stop_grace_period: 0s
{}{}{}{}",
        sleeper(
            "good",
            "environment: {DATABASE_URL: 'postgres://app:hunter22@db:5432/shop'}\ndepends_on: [db]"
        ),
        sleeper("bad", "environment: {DATABASE_URL: 'postgresql://app:swordfish@db/shop'}\ndepends_on: [db]"),
        sleeper("split", "environment: {DB_HOST: db, DB_USER: app, DB_PASSWORD: swordfish, DB_NAME: shop}"),
        sleeper(
            "nodb",
            "environment: {DATABASE_URL: 'postgres://app:hunter22@db:5432/nowhere'}\ncommand: [sh, -c, 'echo connecting with swordfish; exit 1']",
        ),
    );
    let project = Project::new("whypass", &compose);
    project.ok(&["start", "--no-wait"]);
    wait_until("the database is ready", || project.vv(&["why", "db"]).code == 0);
    project.ok(&["why", "db"]).shows("db is ready");
    project.ok(&["why", "good"]).shows("good is ready");
    for (service, variable) in [("bad", "DATABASE_URL"), ("split", "DB_PASSWORD")] {
        let text = why(&project, service, "login_refused");
        has(&text, &format!("it can't log in by its {variable}: db refuses the password of user app"));
        has(&text, &format!("let {variable} of {service} say the login that the stack gives db"));
        assert!(!text.contains("hunter22") && !text.contains("swordfish"), "{text}");
    }
    let text = why(&project, "nodb", "login_refused");
    has(&text, "db has no database nowhere");
    assert!(!text.contains("hunter22"), "{text}");
}

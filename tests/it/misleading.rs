//! States that look better, or worse, than they are; and what asking mustn't leave behind.

use std::time::Duration;

use crate::support::{BUSYBOX, Project, docker, wait_until};

/// How many processes of a container have this in their command.
fn processes(project: &Project, replica: &str, words: &str) -> usize {
    let all = docker(&["top", &project.container(replica), "-eo", "pid,args"]);
    all.lines().filter(|line| line.contains(words)).count()
}

#[test]
fn a_command_that_hangs_is_left_behind_once() {
    let project = Project::new(
        "hangs",
        &format!(
            "services:
  asked: {{image: {BUSYBOX}, init: true, command: [sleep, '3600'], x-vv: {{probe: {{exec: [sleep, '777']}}}}}}
  checked:
    image: {BUSYBOX}
    init: true
    command: [sleep, '3600']
    healthcheck: {{test: [CMD, sleep, '778'], interval: 1h, timeout: 1s}}
"
        ),
    );
    project.ok(&["start", "--no-wait"]);
    project.fails(1, &["health", "--check-timeout", "1s"]).shows("the command doesn't end within 1 s");
    for look in [
        &["health", "--check-timeout", "1s"][..],
        &["health", "--check-timeout", "1s", "--wait", "--timeout", "5s"],
        &["why", "asked"],
        &["why", "checked"],
        &["status"],
        &["start", "--timeout", "3s"],
    ] {
        let ran = project.vv(look);
        assert_eq!(ran.code == 0, look == ["status"], "{ran}");
    }
    project
        .fails(1, &["health", "--check-timeout", "1s"])
        .shows("a run of the command that was begun before still goes on, so it wasn't run again")
        .shows(&format!("docker top {} shows it", project.container("asked-1")))
        .shows(&project.typed("restart asked"));
    assert_eq!(processes(&project, "asked-1", "sleep 777"), 1);
    assert_eq!(processes(&project, "checked-1", "sleep 778"), 1);
}

#[test]
fn a_crash_loop_is_never_ready() {
    let project = Project::new(
        "flaps",
        &format!(
            "services:
  flap: {{image: {BUSYBOX}, command: [sh, -c, 'sleep 2; echo boom; exit 3'], restart: always}}
  hungry:
    image: {BUSYBOX}
    command: [sh, -c, 'sleep 2; exec tail /dev/zero']
    mem_limit: 32m
    restart: always
"
        ),
    );
    project.ok(&["start", "--no-wait"]);
    let state = |service: &str, what: &str| {
        docker(&["inspect", "-f", what, &project.container(&format!("{service}-1"))]).trim().to_owned()
    };
    let restarts = |service| state(service, "{{.RestartCount}}").parse::<u32>().unwrap();
    let is_up = |service| state(service, "{{.State.Status}}") == "running";
    wait_until("both have ended twice", || restarts("flap") >= 2 && restarts("hungry") >= 2);
    for _ in 0..4 {
        wait_until("they are up", || is_up("flap") && is_up("hungry"));
        let ran = project.fails(1, &["health"]);
        ran.shows("ends again and again").shows("for lack of memory");
        project
            .fails(1, &["why", "flap"])
            .shows("flap isn't ready: it ends again and again, with 3: \"boom\"");
        project.fails(1, &["why", "hungry"]).shows("for lack of memory again and again");
        std::thread::sleep(Duration::from_millis(700));
    }
    wait_until("it is said how it ended while it is up", || {
        let ran = project.fails(1, &["health", "flap"]);
        ran.stdout.contains("times, last with code 3, up for ")
    });
}

#[test]
fn a_worker_that_was_stopped_is_not_done() {
    let project = Project::new(
        "stopped",
        &format!(
            "services:
  worker:
    image: {BUSYBOX}
    command: [sh, -c, 'trap \"exit 0\" TERM; while true; do sleep 0.1; done']
  job: {{image: {BUSYBOX}, command: ['true'], x-vv: {{kind: job}}}}
  migrate: {{image: {BUSYBOX}, command: ['true']}}
  app:
    image: {BUSYBOX}
    init: true
    command: [sleep, '3600']
    depends_on: {{migrate: {{condition: service_completed_successfully}}}}
"
        ),
    );
    project.ok(&["start"]);
    project.ok(&["health", "--fail-on", "warn", "--all"]).shows("done: it ended with 0");
    docker(&["stop", &project.container("worker-1")]);
    project.ok(&["health"]).shows("!  worker-1 ").shows("ended with 0, and nobody waits for its end").shows(
        &format!(
            "{} starts it again; x-vv.kind: job says that it is meant to end",
            project.typed("start worker")
        ),
    );
    project.fails(1, &["health", "--fail-on", "warn"]);
    project
        .fails(1, &["why", "worker"])
        .shows("worker isn't ready: it ended with 0, and nobody waits for its end");
    for job in ["job", "migrate"] {
        project.ok(&["why", job]);
    }
    project.ok(&["start"]);
    project.ok(&["health", "--fail-on", "warn"]);
}

#[test]
fn what_nobody_requires_only_warns() {
    let project = Project::new(
        "optional",
        &format!(
            "services:
  extra:
    image: {BUSYBOX}
    command: [sh, -c, 'echo no luck; exit 4']
    healthcheck: {{test: ['CMD', 'false'], interval: 1h}}
  app:
    image: {BUSYBOX}
    init: true
    command: [sleep, '3600']
    depends_on: {{extra: {{condition: service_healthy, required: false}}}}
"
        ),
    );
    let ran = project.ok(&["start"]);
    let warnings = ran.stderr.matches("not ready, but not required").count();
    assert_eq!(warnings, 1, "{ran}");
    project.ok(&["health"]).shows("!  extra-1 ").shows("ended with 4 (not required by app)");
    project.fails(1, &["health", "--fail-on", "warn"]);
    // Who asks for it by name wants to know of it alone.
    project.fails(1, &["health", "extra"]);
    project.fails(1, &["why", "extra"]);
}

#[test]
fn what_isnt_in_the_image_is_told_in_the_same_words() {
    let project = Project::new(
        "lacks",
        &format!(
            "services:
  nocommand: {{image: {BUSYBOX}, command: [vv-no-such]}}
  nocurl:
    image: {BUSYBOX}
    init: true
    command: [sleep, '3600']
    healthcheck: {{test: 'curl -f http://localhost:8080 || exit 1', interval: 1h}}
"
        ),
    );
    let missing = format!("its command vv-no-such isn't in the image {BUSYBOX}");
    let ran = project.vv(&["start", "nocommand"]);
    assert_ne!(ran.code, 0, "{ran}");
    ran.says(&missing).says("correct its command or entrypoint");
    assert!(!ran.stderr.contains("OCI"), "{ran}");
    project
        .fails(1, &["health", "nocommand"])
        .shows(&format!("couldn't start: {missing}"))
        .shows("hint: nocommand-1: correct its command or entrypoint");
    project.fails(1, &["why", "nocommand"]).shows(&missing).shows("correct its command or entrypoint");

    project.ok(&["start", "--no-wait", "nocurl"]);
    let fix = "let healthcheck.test run something that is in the image, or put curl into it";
    project.fails(1, &["health", "nocurl"]).shows("curl: not found").shows(fix);
    project.fails(1, &["why", "nocurl"]).shows("put curl into it");
}

#[test]
fn a_port_that_nobody_listens_on_and_a_cable_that_was_pulled() {
    let project = Project::new(
        "ports",
        &format!(
            "services:
  mute: {{image: {BUSYBOX}, init: true, command: [sleep, '3600'], ports: ['127.0.0.1::8080']}}
  web:
    image: {BUSYBOX}
    init: true
    command: [httpd, -f, -p, '8080', -h, /etc]
    x-vv: {{probe: {{http: {{port: 8080, path: /passwd}}}}}}
"
        ),
    );
    project.ok(&["start"]);
    project.ok(&["health"]).shows("!  mute-1 ").shows(
        "nothing listens on port 8080 in the container: is the application's port another one, or does it listen on \
         127.0.0.1 only?",
    );
    docker(&["network", "disconnect", &format!("{}_default", project.name), &project.container("web-1")]);
    let ran = project.fails(1, &["health", "web"]);
    ran.shows("is cut off from its networks")
        .shows(&format!("hint: web-1: {}\n", project.typed("start web")));
    assert!(!ran.stdout.contains("logs web"), "{ran}");
    project.ok(&["start"]);
    project.ok(&["health", "web"]);
}

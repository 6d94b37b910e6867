//! What goes wrong: one clear message each, and the right exit code.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::support::{BUSYBOX, Project, docker, free_port, wait_until};

fn one(image: &str, rest: &str) -> String {
    format!("services:\n  app:\n    image: {image}\n    stop_grace_period: 0s\n{rest}")
}

#[test]
fn no_docker() {
    let mut project = Project::new("nodocker", &one(BUSYBOX, ""));
    project.env.push(("DOCKER_HOST".into(), "unix:///nonexistent/docker.sock".into()));
    project.fails(4, &["start"]).says("error: ").says("/nonexistent/docker.sock").says("hint: ");
    project.fails(4, &["status"]);
}

#[test]
fn no_permission_on_the_socket() {
    // Root may use any socket, so vv is run as nobody, who may not use the engine's.
    let project = Project::new("nopermission", &one(BUSYBOX, ""));
    let binary = std::env::temp_dir().join(format!("{}-vv", project.name));
    std::fs::copy(env!("CARGO_BIN_EXE_vv"), &binary).unwrap();
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(project.dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&binary)
        .args(["-f", project.path("compose.yaml").to_str().unwrap(), "-p", &project.name, "status"])
        .env("HOME", "/nonexistent")
        .env_remove("DOCKER_HOST")
        .output()
        .unwrap();
    std::fs::remove_file(&binary).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("permission") && stderr.contains("hint: "), "{stderr}");
}

#[test]
fn a_port_that_a_process_has() {
    let port = free_port();
    let _holder = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let project = Project::new(
        "portprocess",
        &one(BUSYBOX, &format!("    command: [sleep, '1000']\n    ports: ['127.0.0.1:{port}:80']\n")),
    );
    let ran = project.fails(1, &["start"]);
    ran.says(&port.to_string()).says(&format!("pid {}", std::process::id()));
}

#[test]
fn a_port_that_a_container_has() {
    let port = free_port();
    let ports = format!("    command: [sleep, '1000']\n    ports: ['127.0.0.1:{port}:80']\n");
    let first = Project::new("portfirst", &one(BUSYBOX, &ports));
    first.ok(&["start"]);
    let second = Project::new("portsecond", &one(BUSYBOX, &ports));
    second.fails(1, &["start"]).says(&port.to_string()).says(&first.container("app-1"));
    // When the port is free again, the same start goes through.
    first.ok(&["down"]);
    second.ok(&["start"]);
}

#[test]
fn an_image_that_cannot_be_had() {
    let project = Project::new("noimage", &one("localhost/vv-no-such-image:1", "    pull_policy: never\n"));
    project.fails(1, &["start"]).says("localhost/vv-no-such-image:1").says("hint: ");
    assert_eq!(project.containers(), Vec::new());
    // Nothing listens there: the pull fails at once.
    let project = Project::new("nopull", &one("localhost:1/vv-no-such-image:1", ""));
    project.fails(1, &["start"]).says("localhost:1/vv-no-such-image:1");
}

#[test]
fn a_build_that_fails() {
    let project = Project::new("badbuild", "services:\n  app:\n    build: ./app\n");
    project.write("app/Dockerfile", &format!("FROM {BUSYBOX}\nRUN echo on the way && false\n"));
    project.fails(1, &["build"]).says("RUN echo on the way").says("app");
    project.fails(1, &["start"]).says("RUN echo on the way");
    assert_eq!(project.containers(), Vec::new());
}

#[test]
fn a_container_that_exits_at_once_shows_its_last_lines() {
    let project = Project::new(
        "exits",
        &one(BUSYBOX, "    command: [sh, -c, 'echo cannot open the database; exit 7']\n"),
    );
    let started = Instant::now();
    project.fails(1, &["start"]).says("cannot open the database").says("7");
    assert!(started.elapsed() < Duration::from_secs(30), "it isn't waited for");
}

#[test]
fn a_health_check_that_never_passes() {
    let rest = "    command: [sleep, '1000']\n    healthcheck: {test: [CMD, sh, -c, 'echo not yet; exit 1'], interval: 1h}\n";
    let project = Project::new("neverhealthy", &one(BUSYBOX, rest));
    project.fails(6, &["start", "--timeout", "3s"]).says("not yet").says("app");
}

#[test]
fn a_health_check_whose_program_is_missing() {
    let rest =
        "    command: [sleep, '1000']\n    healthcheck: {test: [CMD, curl, -f, localhost], interval: 1h}\n";
    let shell = "    command: [sleep, '1000']\n    healthcheck: {test: curl -f localhost, interval: 1h}\n";
    for (name, rest) in [("nocurl", rest), ("nocurlshell", shell)] {
        let project = Project::new(name, &one(BUSYBOX, rest));
        let started = Instant::now();
        project.fails(1, &["start"]).says("curl").says("name a command that the image has");
        assert!(started.elapsed() < Duration::from_secs(30), "it isn't waited for");
    }
}

#[test]
fn an_unknown_service_gets_the_nearest_as_a_hint() {
    let project = Project::new("unknown", &one(BUSYBOX, ""));
    for command in ["start", "stop", "restart", "status", "health", "logs", "urls", "plan", "build", "pull"] {
        project.fails(2, &[command, "appp"]).says("appp").says("'app'");
    }
    project.fails(2, &["scale", "appp", "2"]).says("'app'");
    project.fails(2, &["exec", "appp", "sh"]).says("'app'");
    project.fails(2, &["--stack", "valuverse", "status"]).says("valueverse");
    project.fails(2, &["logs", "pap"]).says("did you mean 'app'?");
    project.fails(2, &["strat"]).says("start");
}

#[test]
fn wrong_numbers_and_times_are_told_in_words() {
    let project = Project::new("numbers", &one(BUSYBOX, ""));
    for (words, said) in [
        (&["logs", "-n", "x"][..], "a number of lines, or `all`"),
        (&["logs", "--tail=-1"], "a number of lines, or `all`"),
        (&["logs", "--since", "x"], "neither a duration"),
        (&["exec", "--index", "x", "app", "true"], "not a replica's number"),
        (&["--port-offset", "70000", "config"], "0 to 65535"),
        (&["start", "--timeout", "x"], "not a duration: 90s, 5m, 1h30m"),
        (&["stop", "--timeout=-5s"], "not a duration"),
        (&["scale", "app", "x"], "no number"),
    ] {
        let ran = project.fails(2, words);
        ran.says(said);
        assert!(!ran.stderr.contains("digit"), "{ran}");
    }
    project.ok(&["logs", "-n", "all"]).says("no container");
}

#[test]
fn broken_yaml_names_the_place() {
    let project = Project::new("broken", "services:\n  app:\n    image: x\n   command: y\n");
    project.fails(3, &["start"]).says("compose.yaml:4:");
    project.write("compose.yaml", "services:\n  app:\n    image: x\n    prots: ['80']\n");
    project
        .fails(3, &["config"])
        .says("compose.yaml:4:5: services.app.prots: ")
        .says("'ports'")
        .says("prots: ['80']");
    project.write("compose.yaml", "services:\n  app:\n    image: x\n    prots: []\n    depends_on: [nope]\n");
    project.fails(3, &["config"]).says("prots").says("nope");
}

#[test]
fn exploding_aliases_are_refused_at_once() {
    let mut yaml = String::from("x-a: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..30 {
        let below = format!("*a{}", level - 1);
        yaml.push_str(&format!("x-{level}: &a{level} [{}]\n", [below.as_str(); 10].join(", ")));
    }
    yaml.push_str("services: {app: {image: x}}\n");
    let project = Project::new("aliases", &yaml);
    let started = Instant::now();
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", "ulimit -v 1048576; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_vv"), "config"])
        .current_dir(project.dir.path());
    let output = limited.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("compose.yaml:") && stderr.contains("alias"), "{stderr}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn two_starts_at_once() {
    let rest =
        "    command: [sleep, '1000']\n    healthcheck: {test: [CMD, test, -e, /tmp/go], interval: 1s}\n";
    let project = Project::new("twostarts", &one(BUSYBOX, rest));
    let mut first = project.command(&["start", "--timeout", "60s"]).spawn().unwrap();
    wait_until("the first one has made its container", || !project.containers().is_empty());
    project.fails(1, &["start"]).says(&first.id().to_string()).says("start");
    let waiting = project.command(&["--wait-lock", "start"]).spawn().unwrap();
    wait_until("it runs", || {
        docker(&["inspect", "-f", "{{.State.Running}}", &project.container("app-1")]).contains("true")
    });
    docker(&["exec", &project.container("app-1"), "touch", "/tmp/go"]);
    assert!(first.wait().unwrap().success());
    assert!(waiting.wait_with_output().unwrap().status.success());
}

#[test]
fn interrupted() {
    // Nothing is run in it while it waits: an engine that freezes a command at its beginning hangs.
    let rest = "    command: [sleep, '1000']\n    x-vv: {probe: {http: {port: 8080, path: /}}}\n";
    let project = Project::new("interrupted", &one(BUSYBOX, rest));
    let child = project.command(&["start"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    wait_until("its container is there", || !project.containers().is_empty());
    std::thread::sleep(Duration::from_millis(300));
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("interrupted") && stderr.contains("hint: "), "{stderr}");
}

#[test]
fn down_of_a_stack_that_nobody_named() {
    let project = Project::new("fallback", "services: {}");
    std::fs::remove_file(project.path("compose.yaml")).unwrap();
    for command in ["down", "reset"] {
        project.fails(2, &[command]).says("--stack");
    }
}

#[test]
fn a_crash_loop_is_never_ready() {
    let loops = |policy: &str, line: &str| {
        format!("    command: [sh, -c, '{line}; exit 1']\n    restart: {policy}\n")
    };
    for (name, policy, line) in [
        ("loopsatonce", "always", "echo looped"),
        ("loopstwice", "on-failure:2", "echo looped"),
        ("loopslater", "always", "echo looped; sleep 0.3"),
    ] {
        let project = Project::new(name, &one(BUSYBOX, &loops(policy, line)));
        // Whether the first restart comes before the first look is chance.
        for _ in 0..4 {
            project.fails(1, &["start"]).says("looped").says("app-1");
            project.ok(&["down"]);
        }
    }
}

#[test]
fn what_can_be_done_without_fails_no_start() {
    let service = |rest: &str| format!("{{image: {BUSYBOX}, stop_grace_period: 0s, {rest}}}");
    let compose = format!(
        "services:\n  a: {}\n  b: {}\n",
        service("command: [sh, -c, 'sleep 1; exit 1']"),
        service(
            "command: [sleep, '1000'], depends_on: {a: {condition: service_completed_successfully, required: false}}"
        )
    );
    let project = Project::new("optional", &compose);
    for command in [&["start", "b"][..], &["start"]] {
        project.ok(command).says("a-1 exited with code 1").says("not required");
        let b = project.container("b-1");
        assert_eq!(docker(&["inspect", "-f", "{{.State.Running}}", &b]).trim(), "true");
        project.ok(&["down"]);
    }
    // Who names it wants it.
    project.fails(1, &["start", "a"]).says("a-1 exited with code 1");
}

#[test]
fn one_that_is_paused_is_not_waited_for() {
    // Nothing is run in it while it waits: an engine that freezes a command at its beginning hangs.
    let rest = "    command: [sleep, '1000']\n    x-vv: {probe: {http: {port: 8080, path: /}}}\n";
    let project = Project::new("pausedwait", &one(BUSYBOX, rest));
    let child = project.command(&["start"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    wait_until("it runs", || {
        project.containers().len() == 1 && docker(&["ps", "--format", "{{.Names}}"]).contains(&project.name)
    });
    std::thread::sleep(Duration::from_secs(1));
    docker(&["pause", &project.container("app-1")]);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("app-1 is paused") && stderr.contains("docker unpause"), "{stderr}");
    assert!(!regex::Regex::new("[0-9a-f]{64}").unwrap().is_match(&stderr), "{stderr}");
}

#[test]
fn an_interrupted_stop_says_what_it_waits_for() {
    let compose = format!(
        "services:\n  app:\n    image: {BUSYBOX}\n    command: [sh, -c, 'trap : TERM; while :; do sleep 1; done']\n    stop_grace_period: 4s\n"
    );
    let project = Project::new("slowstop", &compose);
    project.ok(&["start"]);
    let child = project.command(&["stop"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("interrupted; waiting for container"), "{stderr}");
    assert!(stderr.contains("Ctrl-C again leaves at once"), "{stderr}");
}

#[test]
fn broken_topics_keep_nobody_from_stopping() {
    let compose = one(BUSYBOX, "    command: [sleep, '1000']\n");
    let project = Project::new("badtopics", &compose);
    project.ok(&["start"]);
    project.write("compose.yaml", &format!("{compose}x-vv: {{topics: [a b]}}\n"));
    for command in ["start", "plan"] {
        project.fails(3, &[command]).says("x-vv.topics").says("a b");
    }
    for command in ["status", "health", "stop", "down"] {
        project.ok(&[command]);
    }
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

//! What is said while and after vv waits.

use std::io::{Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::kafka::broker;
use crate::support::{BUSYBOX, Project, docker, free_port, wait_until};

/// A service whose healthcheck passes as soon as there is a file; the engine looks only once a minute.
fn checked(more: &str) -> String {
    format!(
        "services:\n  app:\n    image: {BUSYBOX}\n    stop_grace_period: 0s\n    command: [sleep, '1000']\n    healthcheck: {{test: [CMD, cat, /ready], interval: 60s}}\n{more}"
    )
}

#[test]
fn status_is_no_step_behind_start() {
    let project = Project::new("passing", &checked(""));
    project.ok(&["start", "--no-wait"]);
    let health = |status: &serde_json::Value| status["replicas"][0]["health"].clone();
    project.ok(&["status"]).shows("starting");
    let status = project.json(&["status", "--format", "json"]);
    assert_eq!(health(&status), "starting", "{status:#}");
    let check = &status["replicas"][0]["healthcheck"];
    assert_eq!(check["passes"], false, "{status:#}");
    assert!(check["said"].as_str().unwrap().contains("No such file"), "{status:#}");

    docker(&["exec", &project.container("app-1"), "touch", "/ready"]);
    project.ok(&["start"]);
    project.ok(&["status"]).shows("passing");
    let status = project.json(&["status", "--format", "json"]);
    assert_eq!(health(&status), "starting", "the engine's word: {status:#}");
    assert_eq!(status["replicas"][0]["healthcheck"]["passes"], true, "{status:#}");
}

#[test]
fn without_a_terminal_a_wait_says_why() {
    let project = Project::new("plainwait", &checked(""));
    let ran = project.fails(6, &["start", "--timeout", "12s"]);
    let said: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("waiting until ready")).collect();
    assert_eq!(said.len(), 1, "{ran}");
    assert!(said[0].contains("service app: waiting until ready: health: cat: can't open '/ready'"), "{ran}");
}

#[test]
fn an_interrupt_on_a_terminal_leaves_the_lines_and_the_terminal_in_order() {
    let project = Project::new("terminal", &checked(""));
    let vv = env!("CARGO_BIN_EXE_vv");
    // Enter is typed, then ^C; then the terminal is asked whether it shows again what is typed.
    // ^C reaches the shell too, which must outlive it: left to itself it guesses from the child's end
    // whether to, and may guess wrong on a busy machine.
    let line = format!("trap : INT; {vv} -p {} start; echo code $?; stty -a", project.name);
    let mut child = std::process::Command::new("script")
        .args(["-qfec", &line, "/dev/null"])
        .current_dir(project.dir.path())
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut typed = child.stdin.take().unwrap();
    wait_until("the container runs", || {
        project.containers().len() == 1 && docker(&["ps", "--format", "{{.Names}}"]).contains(&project.name)
    });
    std::thread::sleep(Duration::from_secs(1));
    typed.write_all(b"\n\n").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    typed.write_all(b"\x03").unwrap();
    let mut screen = String::new();
    child.stdout.take().unwrap().read_to_string(&mut screen).unwrap();
    drop(typed);
    child.wait().unwrap();
    let (drawn, asked) = screen.split_once("code 130").unwrap_or_else(|| panic!("{screen}"));
    assert!(asked.contains(" echo ") && !asked.contains("-echo "), "{screen}");
    // As the terminal shows it in the end, each line is there once.
    let mut terminal = vt100::Parser::new(60, 80, 0);
    terminal.process(drawn.as_bytes());
    let shown = terminal.screen().contents();
    let count = |words: &str| shown.lines().filter(|line| line.contains(words)).count();
    assert_eq!((count(" app "), count("_default "), count("^C")), (1, 1, 0), "{shown}");
}

#[test]
fn a_slow_terminal_loses_nothing() {
    const LINES: usize = 100_000;
    let project = Project::new(
        "slow",
        &format!(
            "services:\n  app:\n    image: {BUSYBOX}\n    stop_grace_period: 0s\n    command: [sh, -c, 'seq 1 {LINES}; exec sleep 1000']\n"
        ),
    );
    project.ok(&["start"]);
    wait_until("all is printed", || docker(&["logs", "-n", "1", &project.container("app-1")]) == "100000\n");
    for follow in [false, true] {
        let words: &[&str] =
            if follow { &["logs", "-f", "--no-log-prefix"] } else { &["logs", "--no-log-prefix"] };
        let mut child = project.command(words).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        // Nobody reads: the pipe fills, then vv's own store of lines, then the engine waits.
        std::thread::sleep(Duration::from_secs(3));
        let mut text = Vec::new();
        let mut chunk = vec![0; 16 * 1024];
        let started = Instant::now();
        while !text.ends_with(b"\n100000\n") {
            let count = stdout.read(&mut chunk).unwrap();
            assert!(count > 0 && started.elapsed() < Duration::from_secs(120), "it ended early");
            text.extend_from_slice(&chunk[..count]);
            if text.len() < 200_000 {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let text = String::from_utf8(text).unwrap();
        let wrong = text.lines().zip(1..).find(|(line, number)| *line != number.to_string());
        assert_eq!(wrong, None, "follow: {follow}");
        assert_eq!(text.lines().count(), LINES, "follow: {follow}");
        if follow {
            std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        }
        assert_eq!(child.wait().unwrap().code(), Some(if follow { 130 } else { 0 }));
    }
}

#[test]
fn what_lives_in_a_namespace_goes_with_it() {
    let sleeper = format!("image: {BUSYBOX}\n    stop_grace_period: 0s\n    command: [sleep, '1000']\n");
    let compose =
        format!("services:\n  vpn:\n    {sleeper}  app:\n    {sleeper}    network_mode: service:vpn\n");
    let project = Project::new("namespace", &compose);
    let state = |replica: &str| {
        docker(&["inspect", "-f", "{{.State.Status}}", &project.container(replica)]).trim().to_owned()
    };
    project.ok(&["start"]);
    project.ok(&["stop", "vpn"]).says("app-1 is stopped with vpn");
    assert_eq!((state("vpn-1").as_str(), state("app-1").as_str()), ("exited", "exited"));
    project.ok(&["start"]);
    project.ok(&["scale", "vpn", "0"]).says("app-1 is stopped with vpn");
    assert_eq!(state("app-1"), "exited");
    project.ok(&["start"]);
    assert_eq!((state("vpn-1").as_str(), state("app-1").as_str()), ("running", "running"));
    let looks = |replica: &str| docker(&["exec", &project.container(replica), "readlink", "/proc/1/ns/net"]);
    assert_eq!(looks("vpn-1"), looks("app-1"));
    project.ok(&["start"]).says("nothing to do");
}

#[test]
fn a_broker_that_sends_its_clients_elsewhere_ends_the_start() {
    let (published, advertised) = (free_port(), free_port());
    let kafka =
        broker(published, &format!("localhost:{advertised}"), "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: 1");
    let compose = format!("services:\n  kafka:\n    {kafka}");
    let project = Project::new("advertised", &compose);
    // As a literal port is moved by --port-offset, and the variable isn't.
    let ran = project.fails(1, &["start", "--timeout", "5m"]);
    ran.says("kafka-1 won't become ready: advertised listener unreachable")
        .says(&format!("sends clients on to localhost:{advertised}"))
        .says(&format!(
            "published as localhost:{published}, but KAFKA_ADVERTISED_LISTENERS says localhost:{advertised}"
        ))
        .says("--port-offset")
        .says(&format!("advertise the listener on container port 19092 as localhost:{published}"));
}

#[test]
fn what_runs_but_does_not_answer_is_waited_for() {
    let compose = "services: {cache: {image: 'localhost/vv-parts/redis:7.0'}}";
    let project = Project::new("unproven", compose);
    project.ok(&["start"]);
    let signal = |name: &str| docker(&["kill", "--signal", name, &project.container("cache-1")]);
    signal("STOP");
    // Nothing is to be done to it, and still it isn't ready.
    project.fails(6, &["start", "--timeout", "8s"]).says("cache").says("says nothing within");
    signal("CONT");
    project.ok(&["start"]).says("nothing to do");
}

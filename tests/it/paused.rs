//! A container whose processes are frozen answers nobody, and holds no command of vv up.

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{BUSYBOX, Project, Ran, docker, free_port};

/// How long any command may take on a busy machine; what waits is told to wait less.
const LONGEST: Duration = Duration::from_secs(25);

/// A web server, its client, and one beside them.
const STACK: &str = "services:
  app:
    image: BUSYBOX
    stop_grace_period: 1s
    command: [sh, -c, 'mkdir -p /tmp/w; echo fine >/tmp/w/health; echo up; exec httpd -f -p 8080 -h /tmp/w']
    ports: ['127.0.0.1:PORT:8080']
    healthcheck: {test: [CMD, wget, -qO-, 'http://127.0.0.1:8080/health'], interval: 60s}
    x-vv: {probe: {http: {port: 8080, path: /health}}, urls: [{name: App, port: 8080, path: /health}]}
  client:
    image: BUSYBOX
    stop_grace_period: 0s
    command: [sleep, '1000']
    environment: {APP_URL: 'http://app:8080'}
    depends_on: {app: {condition: service_healthy}}
";

fn stack() -> String {
    STACK.replace("BUSYBOX", BUSYBOX).replace("PORT", &free_port().to_string())
}

/// Ends what takes too long.
fn bounded(project: &Project, words: &[&str]) -> Ran {
    let mut child: Child =
        project.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > LONGEST {
            child.kill().unwrap();
            let ran = Ran::of(child.wait_with_output().unwrap());
            panic!("vv {} hangs: {ran}", words.join(" "));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ran::of(child.wait_with_output().unwrap())
}

#[test]
fn an_engine_that_hangs_takes_no_longer_than_the_timeout() {
    let mut project = Project::new("mute", &stack());
    let socket = project.path("engine.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    project.env.push(("DOCKER_HOST".into(), format!("unix://{}", socket.display())));
    for wait in [&["--wait"][..], &[]] {
        let started = Instant::now();
        let ran = bounded(&project, &[&["health", "--timeout", "2s"], wait].concat());
        assert_eq!(ran.code, 4, "{ran}");
        ran.says("didn't answer within 2 s");
        assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    }
}

/// A command, its exit code, and words that it prints.
type Line<'a> = (&'a [&'a str], i32, &'a str);

#[test]
fn no_command_hangs() {
    let project = Project::new("paused", &stack());
    let app = project.container("app-1");
    let is = |state: &str| docker(&["inspect", "-f", "{{.State.Status}}", &app]).trim() == state;
    project.ok(&["start"]);
    docker(&["pause", &app]);
    let frozen = "paused: its processes are frozen";
    let looking: &[Line] = &[
        (&["health"], 1, frozen),
        (&["health", "--quick", "app"], 1, frozen),
        (&["health", "--wait", "--timeout", "2s"], 6, frozen),
        (&["health", "--bundle", "evidence"], 1, frozen),
        (&["status"], 0, "paused"),
        (&["logs", "-n", "5", "app"], 0, "up"),
        (&["exec", "app", "true"], 1, "paused"),
        (&["urls"], 0, "App"),
        (&["urls", "--check"], 1, "not running"),
        (&["why", "app"], 1, "app isn't ready: it is paused: its processes are frozen"),
        (&["why", "client"], 0, "and app isn't ready: it is paused"),
        (&["doctor"], 0, "1 here"),
        (&["plan"], 0, "(paused)"),
        (&["config"], 0, "httpd"),
    ];
    let mut wrong = Vec::new();
    for (words, code, said) in looking {
        let ran = bounded(&project, words);
        if ran.code != *code || !(ran.stdout.clone() + &ran.stderr).contains(said) {
            wrong.push(format!("vv {}: not {code} and '{said}': {ran}", words.join(" ")));
        }
        assert!(is("paused"), "vv {} changes something", words.join(" "));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let mending: &[Line] = &[
        (&["start", "--timeout", "20s"], 0, "started"),
        (&["restart", "app"], 0, "app"),
        (&["scale", "app", "2"], 0, "app-2"),
        (&["scale", "app", "1"], 0, "app-2"),
        (&["start", "--force-recreate", "app"], 0, "app-1"),
        (&["run", "client", "true"], 0, ""),
        (&["stop", "app"], 0, "app-1"),
        (&["down"], 0, "app-1"),
    ];
    for (words, code, said) in mending {
        if !project.containers().iter().any(|(name, _)| *name == app) || !is("paused") {
            project.ok(&["start"]);
            docker(&["pause", &app]);
        }
        let ran = bounded(&project, words);
        if ran.code != *code || !(ran.stdout.clone() + &ran.stderr).contains(said) {
            wrong.push(format!("vv {}: not {code} and '{said}': {ran}", words.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

#[test]
fn nor_does_one_whose_process_is_stopped() {
    let project = Project::new("stopped", &stack());
    let app = project.container("app-1");
    project.ok(&["start"]);
    let stop = || docker(&["kill", "-s", "STOP", &app]);
    stop();
    let silent = "accepts but says nothing within 1 s";
    bounded(&project, &["health", "--check-timeout", "1s"]).shows(silent);
    bounded(&project, &["urls", "--check"]).shows("App");
    bounded(&project, &["why", "app"]).shows("app isn't ready: it runs, but GET /health fails: ");
    bounded(&project, &["exec", "app", "true"]);
    bounded(&project, &["logs", "-n", "5"]).shows("up");
    bounded(&project, &["start", "--timeout", "3s"]);
    assert_eq!(bounded(&project, &["restart", "app"]).code, 0);
    stop();
    assert_eq!(bounded(&project, &["stop"]).code, 0);
    project.ok(&["start"]);
    stop();
    assert_eq!(bounded(&project, &["down"]).code, 0);
}

//! `vv health` beside the probes themselves: formats, waiting, watching, what a failing run leaves.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{BUSYBOX, Project, Ran, docker, free_port, wait_until};

/// A web server with a page `/health`, after so many seconds.
fn web(port: u16, delay: u32) -> String {
    format!(
        "  web:\n    image: {BUSYBOX}\n    init: true\n    stop_grace_period: 0s\n    \
         command: [sh, -c, 'mkdir -p /tmp/www && echo fine > /tmp/www/health && sleep {delay} && \
         exec httpd -f -p 8080 -h /tmp/www']\n    ports: ['127.0.0.1:{port}:8080']\n    \
         x-vv: {{probe: {{http: {{port: 8080, path: /health}}}}}}\n"
    )
}

/// A service that ends with an error, once it has said something.
fn dead(words: &str) -> String {
    format!(
        "  dead:\n    image: {BUSYBOX}\n    restart: 'no'\n    command: [sh, -c, \"echo '{words}'; exit 3\"]\n    \
         ports: ['127.0.0.1::9000']\n"
    )
}

fn stack(services: &[String]) -> String {
    format!("services:\n{}", services.concat())
}

/// A stack of one service that is well and one that isn't.
fn half_well(test: &str) -> Project {
    let project = Project::new(test, &stack(&[web(free_port(), 0), dead("no luck")]));
    project.ok(&["start", "web"]);
    project.vv(&["start", "dead"]);
    project
}

#[track_caller]
fn validate_junit(document: &str) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/junit-10.xsd");
    let mut xmllint = Command::new("xmllint")
        .args(["--nonet", "--noout", "--schema", schema.to_str().unwrap(), "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xmllint is there; scripts/test installs it (Debian: libxml2-utils)");
    xmllint.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
    let said = xmllint.wait_with_output().unwrap();
    assert!(said.status.success(), "{}\n{document}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn every_format_tells_the_same() {
    let mut project = half_well("healthformats");
    let ran = project.fails(1, &["health"]);
    ran.shows("✔  web ")
        .shows("✘  dead-1 ")
        .shows("ended with 3")
        .shows(&format!("hint: dead-1: {}", project.typed("logs dead")));
    ran.says("unhealthy: dead");
    assert!(!ran.stdout.contains("::error"), "{ran}");
    project.ok(&["health", "web", "--quick"]).shows("GET /health");
    project.fails(1, &["health", "--all"]).shows("web-1    container").shows("web-1    port 8080");

    let document = project.json(&["health", "--format", "json"]);
    let schema = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema/health.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!((wrong, document["status"].as_str()), (Vec::new(), Some("fail")), "{document:#}");

    let ran = project.fails(1, &["health", "--format", "junit"]);
    validate_junit(&ran.stdout);
    ran.shows("<testcase name=\"dead-1 container\"").shows("message=\"ended with 3\"");
    assert_eq!(ran.stderr, "", "{ran}");

    let ran = project.fails(1, &["health", "--format", "github"]);
    ran.shows(&format!(
        "::error title=dead-1 container::ended with 3%0Ahint: {}",
        project.typed("logs dead")
    ))
    .shows("✔  web ");

    // In GitHub Actions it is the format that nobody needs to name.
    let summary = project.path("summary.md");
    fs::write(&summary, "# Before\n").unwrap();
    project.env.push(("GITHUB_ACTIONS".into(), "true".into()));
    project.env.push(("GITHUB_STEP_SUMMARY".into(), summary.to_str().unwrap().into()));
    project.fails(1, &["health"]).shows("::error title=dead-1 container::");
    let written = fs::read_to_string(&summary).unwrap();
    assert!(written.starts_with("# Before\n### ❌ vv health: "), "{written}");
    assert!(
        written
            .contains(&format!("| ❌ | dead-1 | container | ended with 3 | {}", project.typed("logs dead"))),
        "{written}"
    );
    // Data stays data there too.
    assert_eq!(project.json(&["health", "--format", "json"])["status"], "fail");
    project.ok(&["health", "web"]);
    assert!(fs::read_to_string(&summary).unwrap().contains("### ✅ vv health: "));
}

#[test]
fn warnings_fail_only_when_told_to() {
    let two = web(0, 0).replace("'127.0.0.1:0:8080'", "'8080'") + "    deploy: {replicas: 2}\n";
    let project = Project::new("healthwarn", &stack(&[two]));
    project.ok(&["start"]);
    project.ok(&["health", "--fail-on", "warn"]);
    docker(&["rm", "-f", &project.container("web-2")]);
    project
        .ok(&["health"])
        .shows("!  web")
        .shows("1 of 2 replicas are there")
        .shows(&format!("hint: web: {}", project.typed("start web")));
    project.fails(1, &["health", "--fail-on", "warn"]).says("unhealthy: web");
    let junit = project.fails(1, &["health", "--fail-on", "warn", "--format", "junit"]);
    validate_junit(&junit.stdout);
    junit.shows("<failure type=\"container\" message=\"1 of 2 replicas are there\"");
}

#[test]
fn a_wait_ends_when_all_is_well() {
    let project = Project::new("healthwait", &stack(&[web(free_port(), 3)]));
    // It may begin before there is anything.
    let mut waiting = project.command(&["health", "--wait", "--timeout", "60s"]);
    let waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    project.ok(&["start", "--no-wait"]);
    let started = Instant::now();
    let ran = Ran::of(waiting.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{ran}");
    // The server begins after 3 s; the rest is what a busy machine needs.
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
    ran.says("waiting for web: container: not running: there is no container").says("web is well");
    ran.shows("✔  web ").shows("GET /health: 200");
    // With nothing to wait for, nothing is said of it.
    let ran = project.ok(&["health", "--wait"]);
    assert!(!ran.stderr.contains("waiting"), "{ran}");
}

#[test]
fn a_wait_ends_with_its_timeout() {
    let project = half_well("healthlate");
    let started = Instant::now();
    let ran = project.fails(6, &["health", "--wait", "--timeout", "2s"]);
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(6), "{took:?}");
    ran.says("not healthy within 2.0 s: dead").shows("✘  dead-1").shows("ended with 3").shows("✔  web");
    let ran =
        project.fails(6, &["health", "--wait", "--timeout", "1s", "--format", "junit", "--progress", "json"]);
    validate_junit(&ran.stdout);
    ran.says(r#""event":"waiting""#).says(r#""target":"service dead""#);
}

#[test]
fn a_watch_says_what_changed() {
    let project = Project::new("healthwatch", &stack(&[web(free_port(), 0)]));
    project.ok(&["start"]);
    let output = project.path("watched");
    let mut watching = project
        .command(&["health", "--watch=200ms"])
        .stdout(fs::File::create(&output).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let seen = || fs::read_to_string(&output).unwrap();
    wait_until("the first look is told", || seen().contains(" web: ok: GET /health: GET /health: 200"));
    docker(&["kill", &project.container("web-1")]);
    // A look in the middle of it may see the port closed before the engine knows.
    wait_until("the death is told", || {
        seen().contains(" web: ok → fail: ") && seen().contains(": container: ended with 137")
    });
    docker(&["start", &project.container("web-1")]);
    wait_until("the recovery is told", || seen().contains(" web: fail → ok: GET /health: GET /health: 200"));
    std::thread::sleep(Duration::from_millis(800));
    let pid = watching.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(watching.wait().unwrap().code(), Some(130));
    let told = seen();
    // Nothing but changes, each with its time.
    assert!(told.lines().all(|line| line.len() > 25 && line.as_bytes()[10] == b'T'), "{told}");
    assert_eq!(told.matches("fail → ok").count(), 1, "{told}");
    project.fails(2, &["health", "--watch", "--format", "json"]);
}

#[test]
fn a_failing_run_leaves_its_evidence_without_secrets() {
    let secrets = [
        "hunter22-env",
        "hunter23-file",
        "hunter24-url",
        "hunter25-flag",
        "hunter26-label",
        "hunter27-log",
        "hunter28-content",
    ];
    let [env, file, url, flag, label, log, content] = secrets;
    let leaky = format!(
        "  leaky:\n    image: {BUSYBOX}\n    restart: 'no'\n    labels: {{my.password: {label}}}\n    \
         environment: {{DB_PASSWORD: {env}, DATABASE_URL: 'postgres://app:{url}@db/shop', MODE: fast}}\n    \
         secrets: [token, inline]\n    ports: ['127.0.0.1::9000']\n    \
         command: [sh, -c, 'echo \"mode $$MODE, $$DB_PASSWORD, $$DATABASE_URL\"; cat /run/secrets/*; echo password={log}; exit 3', \
         --requirepass, {flag}]\n"
    );
    let compose = stack(&[web(free_port(), 0), leaky])
        + "secrets:\n  token: {file: ./token}\n  inline: {environment: INLINE}\n";
    let project = Project::new("healthbundle", &compose);
    project.write("token", file);
    project.write(".env", &format!("INLINE={content}\n"));
    project.ok(&["start", "web"]);
    project.vv(&["start", "leaky"]);
    let said = docker(&["logs", &project.container("leaky-1")]);
    assert!([env, url, file, log].iter().all(|secret| said.contains(secret)), "nothing was planted: {said}");

    let dir = project.path("out/bundle");
    let bundle = dir.to_str().unwrap();
    project.ok(&["health", "web", "--bundle", bundle]);
    assert!(!dir.exists(), "a run that is well leaves nothing");
    let ran = project.fails(1, &["health", "--bundle", bundle]);
    ran.says(&format!("the evidence is in {bundle}"));
    let read =
        |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let leaky = format!("containers/{}", project.container("leaky-1"));
    assert!(read(&format!("{leaky}/log.txt")).contains("mode fast, •••, postgres://app:•••@db/shop"));
    assert!(read(&format!("{leaky}/inspect.json")).contains("DB_PASSWORD=•••"));
    assert!(read(&format!("{leaky}/inspect.json")).contains("MODE=fast"));
    assert!(read("config.yaml").contains("MODE: fast"));
    assert!(read("events.txt").contains("leaky-1 die (3)"), "{}", read("events.txt"));
    assert!(read("report.txt").contains("ended with 3") && read("engine.json").contains("\"ApiVersion\""));
    let report: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(report["schema"], "vv.health/1");
    let manifest: Value = serde_json::from_str(&read("bundle.json")).unwrap();
    assert_eq!(
        (&manifest["schema"], &manifest["missing"]),
        (&"vv.bundle/1".into(), &Value::Array(Vec::new()))
    );

    // None of it anywhere, nor in what the run printed.
    let grep = Command::new("grep").args(["-rnE", &secrets.join("|"), bundle]).output().unwrap();
    assert_eq!(grep.status.code(), Some(1), "{}", String::from_utf8_lossy(&grep.stdout));
    assert!(!secrets.iter().any(|secret| ran.to_string().contains(secret)), "{ran}");

    // Again into the same folder, but not into any other that holds something.
    project.fails(1, &["health", "--bundle", bundle]);
    let ran = project.fails(2, &["health", "--bundle", project.dir.path().to_str().unwrap()]);
    ran.says("isn't empty and holds no older bundle");
}

#[test]
fn what_is_frozen_holds_nothing_up() {
    let project = Project::new("healthfrozen", &stack(&[web(free_port(), 0)]));
    project.ok(&["start"]);
    let name = project.container("web-1");
    docker(&["kill", "--signal", "STOP", &name]);
    let pid = docker(&["inspect", "-f", "{{.State.Pid}}", &name]);
    // With an init, the server is its child.
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", pid.trim())).unwrap();
    for child in children.split_whitespace() {
        assert!(Command::new("kill").args(["-STOP", child]).status().unwrap().success());
    }
    let started = Instant::now();
    let ran = project.fails(1, &["health", "--check-timeout", "1s"]);
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    ran.shows("accepts but says nothing within 1 s");
    let started = Instant::now();
    project.fails(1, &["health", "--timeout", "1s"]).shows("accepts but says nothing within");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    docker(&["pause", &name]);
    let dir = project.path("bundle");
    for words in [
        &["health"][..],
        &["health", "--bundle", dir.to_str().unwrap()],
        &["health", "--wait", "--timeout", "1s"],
        &["status"],
        &["urls", "--check"],
    ] {
        let started = Instant::now();
        let ran = project.vv(words);
        assert!(started.elapsed() < Duration::from_secs(12), "{words:?} took {:?}: {ran}", started.elapsed());
    }
    let ran = project.fails(1, &["health"]);
    ran.shows("paused: its processes are frozen").shows(&format!("docker unpause {name}"));
    docker(&["unpause", &name]);
}

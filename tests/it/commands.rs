//! The commands that look and touch: logs, exec, run, urls, config, stacks, eject, completion.

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{BUSYBOX, Project, free_port};

fn sleeper(more: &str) -> String {
    format!(
        "services:\n  app:\n    image: {BUSYBOX}\n    command: [sleep, '1000']\n    stop_grace_period: 0s\n{more}"
    )
}

#[test]
fn exec_passes_arguments_variables_and_the_exit_code() {
    let project = Project::new("exec", &sleeper("    environment: {A: one}\n"));
    project.fails(1, &["exec", "app", "true"]).says(&project.typed("start app"));
    project.ok(&["start"]);
    let ran = project.ok(&[
        "exec",
        "-e",
        "B=two",
        "-w",
        "/tmp",
        "app",
        "sh",
        "-c",
        "echo $A $B $PWD; echo err >&2",
    ]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("one two /tmp\n", "err\n"));
    project.fails(7, &["exec", "app", "sh", "-c", "exit 7"]);
    let mut child = project
        .command(&["exec", "app", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"through stdin").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "through stdin");
}

#[test]
fn run_leaves_nothing_but_its_exit_code() {
    let compose = sleeper("")
        + &format!(
            "  job:\n    image: {BUSYBOX}\n    command: [echo, usual]\n    depends_on: [app]\n    ports: ['127.0.0.1:{}:80']\n",
            free_port()
        );
    let project = Project::new("run", &compose);
    let ran = project.ok(&["run", "job", "sh", "-c", "echo in $HOSTNAME"]);
    assert!(ran.stdout.starts_with("in "), "{ran}");
    project.fails(3, &["run", "job", "sh", "-c", "exit 3"]);
    let mut child =
        project.command(&["run", "job", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"through stdin").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "through stdin", "the end of stdin is passed on");
    let names: Vec<String> = project.containers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [project.container("app-1")], "its dependency runs, and it is gone");
}

#[test]
fn logs_are_merged_by_time() {
    let chatter = |name: &str, offset: &str| {
        format!(
            "  {name}:\n    image: {BUSYBOX}\n    stop_grace_period: 0s\n    command: [sh, -c, 'usleep {offset}; for i in $$(seq 1 40); do echo {name} $$i; usleep 20000; done; exec sleep 1000']\n"
        )
    };
    let project =
        Project::new("logs", &format!("services:\n{}{}", chatter("one", "0"), chatter("two", "10000")));
    project.ok(&["start"]);
    std::thread::sleep(Duration::from_secs(2));
    let ran = project.ok(&["logs", "-t", "--no-log-prefix"]);
    let times: Vec<&str> = ran.stdout.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(times.len(), 80);
    assert!(times.is_sorted(), "{ran}");
    let ran = project.ok(&["logs", "-n", "3", "one"]);
    assert_eq!(ran.stdout, "one-1 | one 38\none-1 | one 39\none-1 | one 40\n");
    assert_eq!(project.ok(&["logs", "--grep", "(one|two) 7$"]).stdout.lines().count(), 2);
    let json = project.ok(&["logs", "-n", "1", "one", "--format", "json"]);
    let line: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(line["message"], "one 40");
    project.fails(2, &["logs", "--grep", "("]);
}

#[test]
fn following_sees_replicas_come_and_go() {
    let compose = format!(
        "services:\n  app:\n    image: {BUSYBOX}\n    stop_grace_period: 0s\n    command: [sh, -c, 'echo up $$HOSTNAME; exec sleep 1000']\n"
    );
    let project = Project::new("follow", &compose);
    project.ok(&["start"]);
    let mut child = project.command(&["logs", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    project.ok(&["scale", "app", "2"]);
    project.ok(&["restart", "app"]);
    std::thread::sleep(Duration::from_secs(1));
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let count = |replica: &str| text.lines().filter(|line| line.starts_with(replica)).count();
    assert_eq!((count("app-1"), count("app-2")), (2, 2), "each was seen starting twice:\n{text}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let project = Project::new(
        "pipe",
        &format!(
            "services:\n  app:\n    image: {BUSYBOX}\n    stop_grace_period: 0s\n    command: [sh, -c, 'seq 1 200000; exec sleep 1000']\n"
        ),
    );
    project.ok(&["start"]);
    let started = Instant::now();
    let mut child =
        project.command(&["logs", "-f"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = [0; 8];
    child.stdout.take().unwrap().read_exact(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_full_disk_is_a_failure() {
    let project = Project::new("full", &sleeper(""));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = project.command(&["config"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error: could not write the output: No space left on device"), "{said}");
}

#[test]
fn help_and_exit_codes() {
    let project = Project::new("help", &sleeper(""));
    project.ok(&["help"]).shows("start").shows("--stack");
    project.ok(&["help", "exit-codes"]).shows("130");
    project.ok(&["help", "scale"]).shows("SERVICE=N");
    let help = project.ok(&["start", "--help"]);
    help.shows("--force-recreate").shows("Examples:");
    assert!(help.stdout.lines().count() < 60, "it fits a screen: {help}");
    for words in [&["start", "-h"][..], &["help", "start"]] {
        assert_eq!(project.ok(words).stdout.trim_end(), help.stdout.trim_end(), "there is one help");
    }
    project.fails(2, &["help", "strat"]).says("start");
    project.fails(2, &[]);
}

#[test]
fn stacks_eject_and_config() {
    let project = Project::new("eject", &sleeper(""));
    project.ok(&["stacks"]).shows("valueverse").shows("demo");
    let stacks = project.json(&["stacks", "--format", "json"]);
    assert_eq!(stacks["schema"], "vv.stacks/1");
    project.ok(&["eject", "demo", "mine"]);
    let built_in = project.ok(&["--stack", "demo", "config", "--format", "json"]);
    let ejected = project.ok(&["--stack", "./mine", "config", "--format", "json"]);
    let services = |text: &str| {
        let document: serde_json::Value = serde_json::from_str(text).unwrap();
        document["services"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(services(&built_in.stdout), services(&ejected.stdout));
    let moved = |stack| {
        project.json(&["--stack", stack, "--port-offset", "1000", "config", "--format", "json"])["services"]
            ["kafka"]
            .take()
    };
    let (built_in, ejected) = (moved("demo"), moved("./mine"));
    let advertised = "INTERNAL://kafka:9092,EXTERNAL://localhost:10092";
    assert_eq!(ejected["environment"]["KAFKA_ADVERTISED_LISTENERS"], advertised);
    assert_eq!(ejected["ports"][0]["published"], "10092");
    assert_eq!(built_in, ejected);
    project.fails(1, &["eject", "demo", "mine"]).says("--force");
    project.fails(2, &["eject", "dmo"]).says("'demo'");
    project.ok(&["config", "--services"]).shows("app");
}

#[test]
fn completion_offers_what_the_stack_has() {
    let project = Project::new(
        "complete",
        &(sleeper("    x-vv: {group: core}\n")
            + "  apricot: {image: x}\n  rest: {image: x, profiles: [test, dev]}\n"),
    );
    let complete = |words: &[&str]| {
        let mut command = project.command(&[]);
        let index = words.len() - 1;
        command
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", index.to_string())
            .env("_CLAP_IFS", "\n")
            .args(["--"])
            .args(words);
        let mut fresh = std::process::Command::new(command.get_program());
        fresh
            .current_dir(project.dir.path())
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", index.to_string())
            .env("_CLAP_IFS", "\n")
            .arg("--")
            .args(words);
        let output = fresh.output().unwrap();
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["vv", "logs", "ap"]), ["app", "apricot"]);
    assert_eq!(complete(&["vv", "start", "--group", "c"]), ["core"]);
    assert!(complete(&["vv", "--stack", "v"]).contains(&"valueverse".to_owned()));
    assert!(complete(&["vv", "--stack=demo", "logs", "pay"]).contains(&"payments".to_owned()));
    assert_eq!(complete(&["vv", "start", "--profile", ""]), ["dev", "test"]);
    assert_eq!(complete(&["vv", "help", "exe"]), ["exec"]);
    assert_eq!(complete(&["vv", "help", "exi"]), ["exit-codes"]);
    assert!(!complete(&["vv", "help", ""]).contains(&"stub".to_owned()), "it is hidden");
    std::fs::create_dir(project.path("folder")).unwrap();
    assert_eq!(complete(&["vv", "--stack", "./f"]), ["./folder/"]);
    assert!(complete(&["vv", "sta"]).contains(&"start".to_owned()));
}

#[test]
fn completion_scripts_are_current() {
    let project = Project::new("scripts", &sleeper(""));
    for (shell, file) in [("bash", "vv.bash"), ("zsh", "_vv"), ("fish", "vv.fish")] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("completions").join(file);
        let committed = std::fs::read_to_string(path).unwrap();
        assert_eq!(project.ok(&["completions", shell]).stdout, committed, "make completions");
    }
}

//! `vv run` and `vv exec`: what goes in, what comes out, and the options that Compose has for both.

use std::io::Write;
use std::process::{Output, Stdio};
use std::time::Duration;

use crate::support::{BUSYBOX, Project, docker, free_port, wait_until};

/// A command that takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(60);

fn sleeper(more: &str) -> String {
    format!(
        "services:\n  app:\n    image: {BUSYBOX}\n    command: [sleep, '1000']\n    stop_grace_period: 0s\n{more}"
    )
}

/// Runs vv with this on its stdin; kills it and fails when it hangs.
#[track_caller]
fn fed(project: &Project, words: &[&str], input: &[u8]) -> Output {
    let mut child = project
        .command(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A command that ends without reading closes the pipe: that is its right.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let pid = child.id().to_string();
    let (sender, ended) = std::sync::mpsc::channel();
    let waiter = std::thread::spawn(move || {
        let output = child.wait_with_output();
        let _ = sender.send(());
        output
    });
    if ended.recv_timeout(LIMIT).is_err() {
        std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap();
        panic!("vv {} hangs", words.join(" "));
    }
    feeder.join().unwrap();
    waiter.join().unwrap().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The same of both: a new container and a running one. Ten rounds, three at a time.
fn stdin_goes_through(project: &Project, command: &str) {
    std::thread::scope(|scope| {
        for first in 0..3 {
            scope
                .spawn(move || (first..10).step_by(3).for_each(|round| stdin_round(project, command, round)));
        }
    });
}

fn stdin_round(project: &Project, command: &str, round: usize) {
    let fed = |script: &str, input: &[u8]| {
        let output = fed(project, &["--wait-lock", command, "app", "sh", "-c", script], input);
        said(&output)
    };
    let which = format!("vv {command}, round {round}");
    assert_eq!(fed("read x; echo got $x", b"hello\n"), (Some(0), "got hello\n".into()), "{which}");
    assert_eq!(fed("cat", b"to the end"), (Some(0), "to the end".into()), "{which}");
    assert_eq!(fed("cat", b""), (Some(0), String::new()), "{which}: an empty stdin ends at once");
    assert_eq!(fed("read x; exit 5", b"more\nthan\nit reads\n").0, Some(5), "{which}");
    // stdin is /dev/null.
    let ran = project.ok(&["--wait-lock", command, "app", "sh", "-c", "cat; echo after; echo err >&2"]);
    assert_eq!(ran.stdout, "after\n", "{which}");
    assert!(ran.stderr.ends_with("err\n"), "{which}: {ran}");
    if round.is_multiple_of(3) {
        let megabyte = vec![b'x'; 1024 * 1024];
        assert_eq!(fed("cat | wc -c", &megabyte), (Some(0), "1048576\n".into()), "{which}");
        assert_eq!(fed("exit 4", &megabyte).0, Some(4), "{which}: it ends without reading");
        let (code, back) = fed("cat", &megabyte);
        assert_eq!((code, back.len()), (Some(0), megabyte.len()), "{which}: all of it comes back");
    }
}

#[test]
fn nothing_of_stdin_is_lost_in_a_new_container() {
    let project = Project::new("run-stdin", &sleeper(""));
    stdin_goes_through(&project, "run");
    assert_eq!(project.containers().len(), 0, "each is removed");
}

#[test]
fn nothing_of_stdin_is_lost_in_a_running_container() {
    let project = Project::new("exec-stdin", &sleeper(""));
    project.ok(&["start"]);
    stdin_goes_through(&project, "exec");
}

#[test]
fn exec_takes_the_options_that_compose_has() {
    let project = Project::new("exec-options", &sleeper("    scale: 2\n"));
    project.ok(&["start"]);
    assert_eq!(
        project.ok(&["exec", "-i", "app", "echo", "-t"]).stdout,
        "-t\n",
        "after the service: the command's"
    );
    assert_eq!(project.ok(&["exec", "-iT", "-e", "A=1", "app", "sh", "-c", "echo $A"]).stdout, "1\n");
    project.fails(2, &["exec", "-it", "app", "sh"]).says("-t: stdin is no terminal").says("without -t");
    let output = fed(&project, &["exec", "-i=false", "app", "cat"], b"not passed on");
    assert_eq!(said(&output), (Some(0), String::new()));
    // A terminal of its own, without ours: what it writes comes with a terminal's ends of lines.
    assert_eq!(project.ok(&["exec", "-t", "-i=false", "app", "tty"]).stdout, "/dev/pts/0\r\n");

    let ran =
        project.ok(&["exec", "-d", "--index", "2", "app", "sh", "-c", "echo done >/tmp/done; sleep 500"]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    wait_until("the command in the background has run", || {
        project.vv(&["exec", "--index", "2", "app", "cat", "/tmp/done"]).stdout == "done\n"
    });
    project.fails(2, &["exec", "--index", "0", "app", "true"]).says("those are 1 and up");
    project.fails(2, &["exec", "--index", "3", "app", "true"]).says("it has 2");
}

#[test]
fn run_takes_the_options_that_compose_has() {
    let project = Project::new("run-options", &sleeper(""));
    let publish = format!("127.0.0.1:{}:80", free_port());
    let ran = project.ok(&[
        "run",
        "-d",
        "--label",
        "who=me",
        "--label",
        "bare",
        "--publish",
        &publish,
        "app",
        "sleep",
        "600",
    ]);
    let name = ran.stdout.trim();
    assert!(name.starts_with(&format!("{}-app-run-", project.name)), "{ran}");
    let format =
        "{{.State.Running}} {{.Config.Labels.who}} {{json (index .HostConfig.PortBindings \"80/tcp\")}}";
    let inspected = docker(&["inspect", "--format", format, name]);
    let port = publish.split(':').nth(1).unwrap();
    assert_eq!(inspected.trim(), format!(r#"true me [{{"HostIp":"127.0.0.1","HostPort":"{port}"}}]"#));

    let words = ["run", "--rm", "-T", "--entrypoint", "sh -c", "app", "echo $0 $1", "one", "two"];
    assert_eq!(project.ok(&words).stdout, "one two\n", "the entrypoint is split into words");
    project.fails(2, &["run", "-it", "app", "sh"]).says("-t: stdin is no terminal");
    project.fails(2, &["run", "-p", "8080:80", "app", "true"]).says("--publish 8080:80");
    project.fails(2, &["run", "-v", "/tmp:/tmp", "app", "true"]).says("vv run has no --volume");
    project.fails(2, &["run", "--cap-add", "ALL", "app", "true"]).says("vv run has no --cap-add");
    project.fails(2, &["run", "--publish", "x", "app", "true"]).says("'x' isn't a port");
    assert_eq!(project.containers().len(), 1, "the one in the background");
    project.ok(&["down"]);
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

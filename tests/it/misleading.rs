//! States that look better, or worse, than they are; and what asking mustn't leave behind.

use crate::support::{BUSYBOX, Project, docker};

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

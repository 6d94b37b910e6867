//! Containers that end, can't be started, fail their healthchecks or don't serve: a stack in which everything is broken
//! from the start.

use super::{Breakage, break_all, inborn};
use crate::support::{BUSYBOX, Project};

pub const TABLES: &[&[Breakage]] = &[ENDED, CHECKED, SERVING, WAITING, SCALED];

const ENDED: &[Breakage] = &[
    inborn(
        "a service exits with an error",
        "why exits",
        "exits isn't ready: it exited with 1: \"FATAL: no configuration\"",
    ),
    inborn(
        "a service ends without an error",
        "health ends",
        "✘ ends-1 container ended with 0, but should keep running",
    ),
    inborn(
        "a script runs a command that isn't there",
        "why exits-127",
        "exits-127 isn't ready: it exited with 127: its command isn't in the image, \"sh: vv-no-such: not found\"",
    ),
    inborn(
        "a service was killed",
        "why killed",
        "killed isn't ready: it exited with 137: it was killed (SIGKILL)",
    ),
    inborn(
        "a service crashed",
        "health crashed",
        "✘ crashed-1 container ended with 139: it crashed (SIGSEGV)",
    ),
    inborn(
        "a service needs more memory than it may have",
        "health oom",
        "✘ oom-1 container ended: the kernel killed it for lack of memory",
    ),
    inborn(
        "a service ends again and again",
        "why loop",
        "loop isn't ready: it ends again and again, with 3: \"cannot reach the moon\"",
    ),
    inborn(
        "a service's disk is full",
        "why full",
        "full isn't ready: it exited with 1: the disk is full: \"dd: error writing '/small/x': No space left on device\"",
    ),
    inborn(
        "a service may not write its file system",
        "why readonly",
        "readonly isn't ready: it exited with 1: \"sh: can't create /state: Read-only file system\"",
    ),
    inborn(
        "a service's command isn't in its image",
        "why nocommand",
        "nocommand isn't ready: it couldn't start: its command vv-no-such-command isn't in the image localhost/vv-parts/busybox:1",
    ),
    inborn(
        "a service's command may not be executed",
        "why noexec",
        "noexec isn't ready: it couldn't start: *permission denied*",
    ),
    inborn(
        "a service's working directory can't be made",
        "--wait-lock start --no-wait noworkdir",
        "error: could not create container P-noworkdir-1: *not a directory",
    ),
];

const CHECKED: &[Breakage] = &[
    inborn(
        "a healthcheck's program isn't in the image",
        "why nocurl",
        "nocurl isn't ready: it can't be checked: its healthcheck runs curl, which isn't in the image localhost/vv-parts/busybox:1",
    ),
    inborn(
        "a healthcheck's shell line names a program that isn't in the image",
        "why nowget",
        "nowget isn't ready: it can't be checked: its healthcheck runs vvwget, which isn't in the image localhost/vv-parts/busybox:1",
    ),
    inborn(
        "a healthcheck fails",
        "health failing",
        "✘ failing-1 healthcheck unhealthy: the command exits with 1: the cache is cold",
    ),
    inborn("a healthcheck hangs", "health hanging", "✘ hanging-1 healthcheck *doesn't end within 1 s"),
];

const SERVING: &[Breakage] = &[
    inborn(
        "a service listens on 127.0.0.1 only",
        "health local",
        "✘ local-1 port 8080 * accepts and closes at once: nothing answers on port 8080 in the container",
    ),
    inborn(
        "the published port isn't the one that the service listens on",
        "health otherport",
        "✘ otherport-1 port 8081 * accepts and closes at once: nothing answers on port 8081 in the container",
    ),
    inborn(
        "a service says itself that it isn't well",
        "health broken",
        "✘ broken-1 GET /cgi-bin/health GET /cgi-bin/health: 500",
    ),
    inborn(
        "a service's health page isn't there",
        "health pageless",
        "✘ pageless-1 GET /health GET /health: 404",
    ),
    inborn(
        "a service answers too late",
        "health slow --check-timeout 1s",
        "✘ slow-1 GET /cgi-bin/health * accepts but says nothing within 1 s",
    ),
    inborn("TLS is expected of a plain server", "health tls", "✘ tls-1 GET /health *no TLS*"),
    inborn(
        "gRPC is expected of another server",
        "health grpc",
        "✘ grpc-1 grpc health * answers, but not in gRPC*",
    ),
    inborn("nobody listens", "health nobody", "✘ nobody-1 port 8080 nothing listens: * refuses connections"),
    inborn(
        "a probe's command fails",
        "health probed",
        "✘ probed-1 command the command exits with 4: three jobs are stuck",
    ),
    Breakage {
        what: "a service's process is stopped",
        make: "c well-1 killall -STOP httpd",
        ask: "health well --check-timeout 1s",
        says: "✘ well-1 GET /health * accepts but says nothing within 1 s",
        mend: "c well-1 killall -CONT httpd",
    },
];

const WAITING: &[Breakage] = &[
    inborn(
        "a chain of dependencies is broken at its root",
        "why web",
        "web isn't ready: exits exited with 1: \"FATAL: no configuration\"",
    ),
    inborn(
        "a job that is waited for fails",
        "why after-job",
        "after-job isn't ready: job exited with 2: \"ERROR: relation users does not exist\"",
    ),
    inborn(
        "a job that is waited for doesn't end",
        "why after-endless",
        "after-endless isn't ready: well is still running, and it is waited for until it ends",
    ),
    inborn(
        "a dependency that is to be healthy has no healthcheck",
        "why after-unchecked",
        "after-unchecked isn't ready: well has no healthcheck, and is waited for until it is healthy",
    ),
    inborn("a service is scaled to 0", "why none", "none isn't ready: it is scaled to 0 replicas"),
    inborn(
        "a service was never started",
        "why other",
        "other isn't ready: it hasn't been started: there is no container",
    ),
];

const SCALED: &[Breakage] = &[
    Breakage {
        what: "one of two replicas is dead",
        make: "docker kill $P-pair-2",
        ask: "health pair",
        says: "✘ pair-2 container ended with 137: it was killed (SIGKILL)",
        mend: "",
    },
    Breakage {
        what: "one of two replicas is gone",
        make: "docker rm -f $P-pair-2",
        ask: "health pair --fail-on warn",
        says: "! pair container 1 of 2 replicas are there",
        mend: "vv start pair",
    },
];

fn service(name: &str, more: &str) -> String {
    let command = if more.contains("command:") { "" } else { "    command: [sleep, '1000']\n" };
    let more: String = more.lines().map(|line| format!("    {line}\n")).collect();
    format!("  {name}:\n    image: {BUSYBOX}\n    init: true\n    stop_grace_period: 0s\n{command}{more}")
}

/// A service that runs a shell line.
fn shell(name: &str, line: &str, more: &str) -> String {
    service(name, &format!("command: [sh, -c, \"{line}\"]\n{more}"))
}

/// A web server on port 8080, whose CGI script for its health is this line.
fn web(name: &str, script: &str, more: &str) -> String {
    let line = format!(
        "mkdir -p /tmp/w/cgi-bin && echo fine >/tmp/w/health && printf '#!/bin/sh\\\\n{script}\\\\n' >/tmp/w/cgi-bin/health && \
         chmod +x /tmp/w/cgi-bin/health && exec httpd -f -p 8080 -h /tmp/w"
    );
    shell(name, &line, more)
}

const HEALTH: &str = "x-vv: {probe: {http: {port: 8080, path: /cgi-bin/health}}}";
const FILE: &str = "x-vv: {probe: {http: {port: 8080, path: /health}}}";

fn stack() -> String {
    let checked =
        |test: &str| format!("healthcheck: {{test: {test}, interval: 1s, timeout: 1s, retries: 1}}");
    let on = |name: &str, condition: &str| format!("depends_on: {{{name}: {{condition: {condition}}}}}");
    let services = [
        shell("exits", "echo FATAL: no configuration; exit 1", ""),
        shell("ends", "exit 0", "expose: ['80']\nx-vv: {probe: {tcp: {port: 80}}}"),
        shell("exits-127", "vv-no-such", ""),
        shell("killed", "kill -KILL $$$$", ""),
        shell("crashed", "kill -SEGV $$$$", ""),
        shell("oom", "tail /dev/zero", "mem_limit: 16m"),
        shell("loop", "echo cannot reach the moon; exit 3", "restart: always"),
        shell("full", "dd if=/dev/zero of=/small/x bs=1M count=4", "tmpfs: ['/small:size=1m']"),
        shell("readonly", "echo 1 >/state", "read_only: true"),
        service("nocommand", "command: [vv-no-such-command]").replace("    init: true\n", ""),
        service("noexec", "command: [/etc/passwd]").replace("    init: true\n", ""),
        service("noworkdir", "working_dir: /bin/busybox/below"),
        service("nocurl", &checked("[CMD, curl, -f, localhost]")),
        service("nowget", &checked("vvwget -q localhost")),
        service("failing", &checked("[CMD, sh, -c, 'echo the cache is cold; exit 1']")),
        service("hanging", &checked("[CMD, sleep, '20']")),
        shell("local", "exec httpd -f -p 127.0.0.1:8080", &format!("ports: ['127.0.0.1::8080']\n{FILE}")),
        web("otherport", "", &format!("ports: ['127.0.0.1::8081']\n{}", FILE.replace("8080", "8081"))),
        web("broken", "echo Status: 500 Broken; echo", HEALTH),
        shell("pageless", "exec httpd -f -p 8080 -h /tmp", FILE),
        web("slow", "sleep 5; echo; echo", HEALTH),
        web(
            "tls",
            "",
            "x-vv: {urls: [{name: It, port: 8080, scheme: https}], probe: {http: {port: 8080, path: /health}}}",
        ),
        web("grpc", "", "x-vv: {probe: {grpc: {port: 8080, service: shop}}}"),
        service("nobody", FILE),
        service("probed", "x-vv: {probe: {exec: [sh, -c, 'echo three jobs are stuck; exit 4']}}"),
        web("well", "", FILE),
        service("api", &on("exits", "service_healthy")),
        service("web", &on("api", "service_healthy")),
        shell("job", "echo ERROR: relation users does not exist; exit 2", ""),
        service("after-job", &on("job", "service_completed_successfully")),
        service("after-endless", &on("well", "service_completed_successfully")),
        service("after-unchecked", &on("well", "service_healthy")),
        service("none", "scale: 0"),
        service("other", ""),
        service("pair", "deploy: {replicas: 2}"),
    ];
    format!("services:\n{}", services.concat())
}

#[test]
fn every_way_to_fail() {
    let project = Project::new("breakone", &stack());
    // What waits for others is never made.
    let waits = ["api", "web", "after-job", "after-endless", "after-unchecked", "none", "other"];
    let listed = project.ok(&["config", "--services"]);
    // What can't be started ends the start of all.
    let refused = ["nocommand", "noexec", "noworkdir"];
    let first = |name: &&str| !waits.contains(name) && !refused.contains(name);
    let first: Vec<&str> = listed.stdout.lines().filter(first).collect();
    project.ok(&[&["start", "--no-wait"], &first[..]].concat());
    for name in refused {
        project.fails(1, &["start", "--no-wait", name]);
    }
    break_all(&project, &[TABLES]);
}

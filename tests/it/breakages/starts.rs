//! What keeps a platform from being started, as `vv doctor`, `vv start` and `vv why` say it.

use super::{Breakage, break_all, inborn};
use crate::support::{BUSYBOX, Project, free_port};

pub const TABLES: &[&[Breakage]] = &[FORESEEN, STARTED];

const FORESEEN: &[Breakage] = &[
    inborn(
        "a process has a host port",
        "doctor",
        "✘ port 127.0.0.1:*, which byprocess publishes, is used by process * (pid *)",
    ),
    inborn(
        "a container has a host port",
        "doctor",
        "✘ port 127.0.0.1:*, which bycontainer publishes, is used by container *-breakhold-app-1 (project *-breakhold)",
    ),
    inborn(
        "two services publish the same port",
        "doctor",
        "✘ port 127.0.0.1:* is published by one and by two",
    ),
    inborn(
        "a mounted file isn't there",
        "doctor",
        "! mount conf mounts */app.conf, which isn't there: the engine makes an empty folder of that name",
    ),
    inborn(
        "a mounted folder isn't there and may not be made",
        "doctor",
        "✘ mount strictly mounts */strict, which isn't there (bind.create_host_path is off)",
    ),
    inborn(
        "a variable isn't set",
        "doctor",
        "! variable VV_NOT_SET_ANYWHERE isn't set and becomes an empty text (compose.yaml:*)",
    ),
    inborn(
        "an image can't be had",
        "doctor",
        "✘ image localhost:1/vv-no-such-image:1 isn't here and can't be pulled: *connection refused",
    ),
    inborn(
        "an image is here for another platform than the file says",
        "doctor",
        "✘ image localhost/vv-parts/busybox:1 is here for linux/amd64, and foreign wants it for linux/s390x (platform)",
    ),
    inborn("the sources aren't there", "doctor", "✘ sources the build context */nowhere isn't there"),
    inborn(
        "a container's name is taken",
        "doctor",
        "✘ name the name *-breakhold-app-1 of named's container is taken by a container of project *-breakhold",
    ),
    inborn(
        "an external network isn't there",
        "doctor",
        "✘ network the external network vv-no-such-network isn't there",
    ),
    inborn(
        "the machine has less memory than the stack asks for",
        "doctor",
        "✘ memory * GiB in all, and the stack asks for * GiB (x-vv.requires.memory)",
    ),
    inborn(
        "the engine is older than the stack asks for",
        "doctor",
        "✘ version the engine is *, and the stack asks for 99.0 (x-vv.requires.engine)",
    ),
];

const STARTED: &[Breakage] = &[
    inborn(
        "what a start waits for can't be had",
        "why imageless",
        "imageless isn't ready: it can't start: its image localhost:1/vv-no-such-image:1 isn't here and can't be pulled*",
    ),
    inborn(
        "a variable that must be set isn't",
        "-f required.yaml start",
        "error: required.yaml:*: *VV_NOT_SET_ANYWHERE*: say which one",
    ),
    inborn("a key is misspelt", "-f misspelt.yaml start", "error: misspelt.yaml:2:*prots*"),
    inborn("a start whose mount isn't there", "-f strict.yaml start strictly", "error: *strict*"),
];

const STRICT: &str = "volumes: [{type: bind, source: ./strict, target: /s, bind: {create_host_path: false}}]";

fn service(name: &str, more: &str) -> String {
    let image = if more.contains("image:") || more.contains("build:") {
        String::new()
    } else {
        format!("    image: {BUSYBOX}\n")
    };
    let more: String = more.lines().map(|line| format!("    {line}\n")).collect();
    format!("  {name}:\n{image}    stop_grace_period: 0s\n    command: [sleep, '1000']\n{more}")
}

#[test]
fn every_obstacle() {
    let (taken, held, twice) = (free_port(), free_port(), free_port());
    let _holder = std::net::TcpListener::bind(("127.0.0.1", taken)).unwrap();
    let services = [
        service("byprocess", &format!("ports: ['127.0.0.1:{taken}:80']")),
        service("bycontainer", &format!("ports: ['127.0.0.1:{held}:80']")),
        service("one", &format!("ports: ['127.0.0.1:{twice}:80']")),
        service("two", &format!("ports: ['127.0.0.1:{twice}:80']")),
        service("conf", "volumes: ['./app.conf:/etc/app.conf']"),
        service(
            "strictly",
            "volumes: [{type: bind, source: ./strict, target: /s, bind: {create_host_path: false}}]",
        ),
        service("unset", "environment: {A: '${VV_NOT_SET_ANYWHERE}'}"),
        service("imageless", "image: 'localhost:1/vv-no-such-image:1'"),
        service("foreign", "platform: linux/s390x"),
        service("sources", "build: ./nowhere"),
        service("named", "container_name: HOLDER\nnetworks: [gone]"),
    ];
    let compose = format!(
        "x-vv: {{requires: {{engine: '99.0', memory: 900TB}}}}\nservices:\n{}networks: {{gone: {{external: true, name: vv-no-such-network}}}}\n",
        services.concat()
    );
    let project = Project::new("breakstart", &compose);
    let other = Project::new(
        "breakhold",
        &format!("services:\n{}", service("app", &format!("ports: ['127.0.0.1:{held}:80']"))),
    );
    other.ok(&["start"]);
    project.write("compose.yaml", &compose.replace("HOLDER", &other.container("app-1")));
    project.write("required.yaml", "services: {app: {image: '${VV_NOT_SET_ANYWHERE:?say which one}'}}\n");
    project.write("misspelt.yaml", "services:\n  app: {image: x, prots: ['80']}\n");
    project.write("strict.yaml", &format!("services:\n{}", service("strictly", STRICT)));
    break_all(&project, &[TABLES]);
    assert_eq!(project.leftovers(), Vec::<String>::new(), "nothing was made");
}

//! An engine whose networks can't be reached from here: vv asks through a helper container, and leaves none behind.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

use crate::support::{ENGINE, Project, docker, wait_until};

/// Nothing is published: the one way to ask leads through the stack's network.
const STACK: &str = "
services:
  cache:
    image: localhost/vv-parts/redis:7.0
    command: redis-server --requirepass open-sesame
  proxy:
    image: localhost/vv-parts/nginx:1.22
    networks: [other]
  beside:
    image: localhost/vv-parts/busybox:1
    command: sleep 600
    network_mode: service:proxy
    x-vv: {probe: {http: {port: 80, path: /}}}
networks: {other: {}, default: {}}
";

/// The engine's socket at a TCP port, as a remote engine has it.
fn remote_engine() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let engine = UnixStream::connect(ENGINE).unwrap();
            let (client_too, engine_too) = (client.try_clone().unwrap(), engine.try_clone().unwrap());
            thread::spawn(move || {
                let _ = io::copy(&mut &client_too, &mut &engine_too);
                let _ = engine_too.shutdown(Shutdown::Write);
            });
            thread::spawn(move || {
                let _ = io::copy(&mut &engine, &mut &client);
                let _ = TcpStream::shutdown(&client, Shutdown::Write);
            });
        }
    });
    format!("tcp://{address}")
}

/// The helpers on this project's networks.
fn helpers(project: &Project) -> String {
    let networks = ["default", "other"].map(|name| format!("network={}_{name}", project.name));
    docker(&["ps", "-aq", "--filter", "label=vv.helper", "--filter", &networks[0], "--filter", &networks[1]])
}

#[test]
fn a_remote_engine_is_asked_through_a_helper() {
    let mut project = Project::new("relay", STACK);
    project.env.push(("DOCKER_HOST".into(), remote_engine()));
    project.ok(&["start", "--timeout", "90s"]);

    let report = project.json(&["health", "--format", "json"]);
    let seen = |service: &str| {
        let checks = report["checks"].as_array().unwrap().iter();
        let protocol = checks.filter(|check| check["service"] == service && check["level"] == "protocol");
        protocol.map(|check| format!("{} {}", check["status"], check["detail"])).collect::<String>()
    };
    assert_eq!(seen("cache"), r#""ok" "PONG, logged in""#, "{report:#}");
    assert_eq!(seen("proxy"), r#""ok" "GET /: 200""#, "{report:#}");
    assert_eq!(seen("beside"), r#""ok" "GET /: 200""#, "{report:#}");

    // A dead process behind a helper's port is as dead as any.
    docker(&["exec", &project.container("proxy-1"), "nginx", "-s", "stop"]);
    project.fails(1, &["health", "proxy"]);

    // The engine removes a helper once its vv has ended.
    wait_until("no helper is left", || helpers(&project).is_empty());
    project.ok(&["down", "-v"]);
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

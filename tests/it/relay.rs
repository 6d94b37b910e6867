//! An engine whose networks can't be reached from here: vv asks through a helper container, and leaves none behind.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    remote_engine_counting("", &Arc::default())
}

/// The same; counts what clients send that holds these words.
fn remote_engine_counting(words: &'static str, count: &Arc<AtomicUsize>) -> String {
    let count = Arc::clone(count);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let engine = UnixStream::connect(ENGINE).unwrap();
            let (client_too, engine_too) = (client.try_clone().unwrap(), engine.try_clone().unwrap());
            let count = Arc::clone(&count);
            thread::spawn(move || {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(read @ 1..) = (&client_too).read(&mut buffer) {
                    let said = String::from_utf8_lossy(&buffer[..read]);
                    // What is uploaded may hold the words, too.
                    let request = said.lines().next().filter(|line| line.starts_with("POST "));
                    if !words.is_empty() && request.is_some_and(|line| line.contains(words)) {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    if (&engine_too).write_all(&buffer[..read]).is_err() {
                        break;
                    }
                }
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

/// Removes an image at the end, also of a test that fails.
struct Image(String);

impl Drop for Image {
    fn drop(&mut self) {
        let _ = std::process::Command::new("docker").args(["rmi", "-f", &self.0]).output();
    }
}

#[test]
fn the_helper_and_its_image_are_made_once() {
    // Several that are asked at the same time, and again and again: they answer only after a while.
    let late = "    image: localhost/vv-parts/busybox:1\n    stop_grace_period: 0s\n    command: [sh, -c, 'sleep 4; mkdir /w; echo ok > /w/index.html; httpd -f -p 80 -h /w']\n    x-vv: {probe: {http: {port: 80, path: /}}}\n";
    let services: String = ["a", "b", "c"].map(|name| format!("  {name}:\n{late}")).concat();
    let project = Project::new("relayonce", &format!("services:\n{services}"));
    // A vv of which there is no image yet: what stands behind a program's end is nothing to it.
    let own = project.path("vv");
    std::fs::copy(env!("CARGO_BIN_EXE_vv"), &own).unwrap();
    std::fs::OpenOptions::new().append(true).open(&own).unwrap().write_all(project.name.as_bytes()).unwrap();
    let before = docker(&["images", "-q", "vv-stub", "--format", "{{.Tag}}"]);
    let (loads, helpers_made) = (Arc::default(), Arc::default());
    let start = |engine: String| {
        let words = ["-p", &project.name, "start", "--timeout", "90s"];
        let mut vv = std::process::Command::new(&own);
        vv.current_dir(project.dir.path()).args(words).env("DOCKER_HOST", engine).output().unwrap()
    };
    let ran = start(remote_engine_counting("/images/load", &loads));
    let after = docker(&["images", "vv-stub", "--format", "{{.Tag}}"]);
    let made = after.lines().filter(|tag| !before.contains(*tag)).map(|tag| format!("vv-stub:{tag}"));
    let _images: Vec<Image> = made.map(Image).collect();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(loads.load(Ordering::Relaxed), 1, "loaded once for all");

    project.ok(&["down"]);
    let ran = start(remote_engine_counting("/containers/create HTTP", &helpers_made));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    // The services' own containers have names.
    assert_eq!(helpers_made.load(Ordering::Relaxed), 1, "one helper leads to all");
    wait_until("no helper is left", || helpers(&project).is_empty());
    project.ok(&["down"]);
}

//! What can't be done, each with one clear error.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;
use vv_stand_ins::kong::{Fault, Options};

use super::gateway::Gate;
use super::mes;
use super::stacks::{Ports, project, stub, with_database};
use crate::support::Ran;

/// Runs `vv setup-routes` on another Admin API than the gate's.
fn elsewhere(gate: &Gate, admin: &str, more: &[&str]) -> Ran {
    gate.project.vv(&[&["setup-routes", "--routes", "kong.yml", "--admin-url", admin][..], more].concat())
}

#[test]
fn nobody_is_there() {
    let gate = Gate::with_database("routes-nobody", mes::FILE);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let begun = Instant::now();
    let ran = elsewhere(&gate, &format!("http://{closed}"), &["--timeout", "1s"]);
    assert_eq!(ran.code, 6, "{ran}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    ran.says(&closed.to_string()).says("hint:");

    // Somebody accepts, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let ran = elsewhere(&gate, &format!("http://{}", silent.local_addr().unwrap()), &["--timeout", "2s"]);
    assert_eq!(ran.code, 6, "{ran}");

    let ran = elsewhere(&gate, "http://no-such-host.invalid:8001", &["--timeout", "1s"]);
    assert_eq!(ran.code, 6, "{ran}");
    ran.says("no-such-host.invalid");
}

#[test]
fn somebody_else_is_there() {
    let gate = Gate::with_database("routes-stranger", mes::FILE);
    // A web server, and Kong's own proxy.
    for address in [gate.upstream.address, gate.kong.proxy()] {
        let ran = elsewhere(&gate, &format!("http://{address}"), &["--timeout", "2s"]);
        assert!([5, 6].contains(&ran.code), "{ran}");
        ran.says("Admin API").says("hint:");
    }
    let asked = gate.upstream.asked();
    assert!(asked.iter().all(|request| request.starts_with("GET ")), "{asked:?}");
    for url in ["localhost", "ftp://localhost", "http://"] {
        let ran = elsewhere(&gate, url, &[]);
        assert_eq!(ran.code, 2, "{url}: {ran}");
    }
    assert_eq!(gate.kong.writes(), []);
}

/// A proxy that is somewhere else isn't a route that doesn't work.
#[test]
fn the_proxy_is_somewhere_else() {
    let gate = Gate::with_database("routes-proxy", mes::FILE);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (admin, proxy) = (format!("http://{}", gate.kong.admin()), format!("http://{closed}"));
    let words = ["setup-routes", "--routes", "kong.yml", "--admin-url", &admin, "--proxy-url", &proxy];
    let ran = gate.project.vv(&[&words[..], &["--timeout", "3s"]].concat());
    assert!([1, 6].contains(&ran.code), "{ran}");
    ran.says(&closed.to_string()).says("--proxy-url").shows("route workorders");
    assert_eq!(gate.names("routes").len(), 8, "they are made all the same, and told of");
    // Where nobody said where it is, they aren't proven, and that is said.
    let ran = gate.project.ok(&words[..5]);
    ran.says("aren't proven").says("--proxy-url");
}

#[test]
fn kong_refuses_one_and_takes_the_others() {
    let hook: vv_stand_ins::kong::FaultHook = std::sync::Arc::new(|asked| {
        if asked.method == "POST" && asked.path.contains("/consumers") {
            let message = "schema violation (username: the cat sat on it)";
            let fields = json!({"username": "the cat sat on it"});
            return Fault::Answer(
                400,
                json!({"code": 2, "name": "schema violation", "message": message, "fields": fields}),
            );
        }
        Fault::None
    });
    let gate = Gate::start("routes-one", mes::FILE, Options { fault: Some(hook), ..Options::default() });
    let ran = gate.ends(5, &[]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("the cat sat on it") && said.contains("mes-users"), "{ran}");
    let line = mes::FILE.lines().position(|line| line.contains("username: mes-users")).unwrap() + 1;
    assert!(said.contains(&format!("kong.yml:{line}:")), "it names the place, line {line}: {ran}");
    assert_eq!((gate.all("routes").len(), gate.all("jwts").len()), (8, 0));
}

/// A moment of trouble is no failure.
#[test]
fn what_may_be_repeated_is() {
    let hook: vv_stand_ins::kong::FaultHook = std::sync::Arc::new(|asked| match asked.nth_write {
        2 => Fault::DropBefore,
        5 => Fault::DropAfter,
        9 => Fault::Answer(503, json!({"message": "no healthy database"})),
        _ => Fault::None,
    });
    let gate = Gate::start("routes-again", mes::FILE, Options { fault: Some(hook), ..Options::default() });
    gate.ok(&[]);
    assert_eq!((gate.all("routes").len(), gate.all("plugins").len()), (8, 18));
}

/// Each tells its place, and nothing is sent.
#[test]
fn a_bad_declaration() {
    let gate = Gate::with_database("routes-bad", mes::FILE);
    gate.declare(&mes::FILE.replacen("    routes:", "    rotues:", 1));
    gate.ends(3, &[]).says("kong.yml:").says("rotues").says("routes");
    gate.declare("services: [}");
    gate.ends(3, &[]).says("kong.yml:1:");
    gate.declare(&mes::FILE.replacen("minute: 200", "minutes: 200", 1));
    let ran = gate.ends(1, &[]);
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains("minutes"), "{ran}");
    gate.declare(&mes::FILE.replacen("name: jwt,", "name: jtw,", 1));
    let ran = gate.ends(1, &["--check"]);
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains("jtw"), "{ran}");
    let (admin, missing) = (format!("http://{}", gate.kong.admin()), "missing.yml");
    let ran = gate.project.fails(2, &["setup-routes", "--routes", missing, "--admin-url", &admin]);
    ran.says(missing);
}

#[test]
fn there_is_nothing_to_set_up() {
    let gate = Gate::with_database("routes-none", mes::FILE);
    gate.project.fails(2, &["setup-routes"]).says("declares no routes").says("--routes FILE");
}

/// A file with a mistake is told of, by a start and by health, and keeps nobody from hearing of the rest.
#[test]
fn a_start_fails_and_health_goes_on() {
    const FILE: &str = "_format_version: '3.0'
services:
  - {name: shop, url: 'http://shop:8080', routes: [{name: shop, paths: [/shop], strip_path: false}]}
";
    let ports = Ports::free();
    let project = project("routes-wrong", &with_database(ports), &stub("shop", 8080, &["/shop"]), FILE);
    project.ok(&["start"]);
    project.write("kong.yml", &format!("{FILE}_transform: maybe\n"));
    let ran = project.fails(1, &["health", "--all"]);
    ran.shows("kong.yml:4:13: _transform: expected true or false").shows("GET /");
    project.write("kong.yml", &format!("{FILE}plugins: [{{name: ip-restrictions}}]\n"));
    for _ in 0..2 {
        project.fails(1, &["start"]).says("kong.yml:4:").says("'ip-restrictions' isn't installed");
    }
    project.write("kong.yml", FILE);
    project.ok(&["start"]).says("nothing to do");
    project.ok(&["down", "-v"]);
}

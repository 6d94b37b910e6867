//! The MES's gateway in containers: by `vv start` and by `vv setup-routes`, changed, out of order, and gone.

use serde_json::json;

use vv_stand_ins::kong::{Kong, Options};

use super::gateway::{Upstream, pointed};
use super::mes::{FILE, Proxy, ROUTES};
use super::stacks::{Ports, project, stub, with_database};
use super::{Answer, ask, send, token};
use crate::support::{Project, docker, wait_until};

/// Not the development's.
const SECRET: &str = "a-secret-of-this-test-alone-0123456789";

fn mes(test: &str, ports: Ports) -> Project {
    let services: String = ROUTES
        .iter()
        .map(|(route, service, port, _)| {
            let path = format!("/api/v1/{route}");
            stub(service, *port, &[&path, &format!("{path}/me")])
        })
        .collect();
    let mut project = project(test, &with_database(ports), &services, FILE);
    project.env.push(("JWT_SECRET".to_owned(), SECRET.to_owned()));
    project
}

fn from(answer: &Answer) -> Option<String> {
    Some(answer.json()["service"].as_str()?.to_owned())
}

/// Kong itself loads the file, with nothing of vv between: what it declares is what the pages promise.
#[test]
fn the_declaration_is_what_the_pages_promise() {
    let upstream = Upstream::start();
    let file = FILE
        .replace("${JWT_SECRET:-mes-development-secret-for-signing-tokens}", SECRET)
        .replace("${JWT_ISSUER:-mes-auth-service}", super::mes::ISSUER)
        .replace("${CORS_ORIGIN:-*}", "*");
    assert!(!file.contains("${"), "{file}");
    let declarative = Some(pointed(&file, upstream.address));
    let kong = Kong::start(Options { database: false, declarative, ..Options::default() }).unwrap();
    let proxy = Proxy { http: kong.proxy().port(), https: kong.proxy_tls().port(), secret: SECRET };
    proxy.keeps_its_promises(|_| None);
    let asked = upstream.asked();
    for (route, ..) in ROUTES {
        assert!(asked.contains(&format!("GET /api/v1/{route}")), "{route}: {asked:?}");
    }
}

#[test]
fn a_start_sets_up_and_proves_the_eight() {
    let ports = Ports::free();
    let project = mes("routes-mes", ports);
    project.ok(&["plan"]).shows("routes");
    project.ok(&["start"]).says("routes");
    Proxy { http: ports.proxy, https: ports.tls, secret: SECRET }.keeps_its_promises(from);

    project.ok(&["start"]).says("nothing to do");
    // The engine's own first health checks may still be to come.
    let plan = project.ok(&["plan"]);
    assert!(plan.stdout.trim_end().ends_with("nothing to do") && !plan.stdout.contains("routes"), "{plan}");
    project.ok(&["plan", "--check"]);
    project.ok(&["setup-routes", "--check"]);
    let report = project.json(&["health", "kong", "--format", "json"]);
    assert_eq!(report["status"], "ok", "{report:#}");
    let urls = project.ok(&["urls"]);
    for (route, ..) in ROUTES {
        urls.shows(&format!("http://localhost:{}/api/v1/{route}", ports.proxy));
    }

    // Somebody changes something by hand.
    let services = ask(&ports.admin("/services?size=1000"), &[]).json();
    let tags = services["data"][0]["tags"].clone();
    assert_eq!(tags, json!([format!("vv:{}", project.name)]));
    send("PATCH", &ports.admin("/routes/parts"), &json!({"paths": ["/api/v2/parts"]}));
    project.fails(1, &["setup-routes", "--check"]).shows("parts").shows("/api/v2/parts");
    project.fails(1, &["plan", "--check"]).shows("routes");
    let report = project.json(&["health", "kong", "--format", "json"]);
    assert_ne!(report["status"], "ok", "{report:#}");
    project.ok(&["start"]);
    project.ok(&["setup-routes", "--check"]);
    assert_eq!(ask(&ports.admin("/routes/parts"), &[]).json()["paths"], json!(["/api/v1/parts"]));

    // The gateway is stopped and comes back with what it had; so it does when it is made again.
    project.ok(&["stop", "kong"]);
    project.ok(&["start"]);
    project.ok(&["setup-routes", "--check"]);
    docker(&["rm", "-f", &project.container("kong-1")]);
    project.ok(&["start"]);
    project.ok(&["setup-routes", "--check"]);
    let all = docker(&["logs", &project.container("kong-1")]);
    assert!(!all.contains(SECRET), "{all}");
    project.ok(&["down", "-v"]);
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

#[test]
fn the_command_sets_up_what_runs_and_its_database_goes() {
    let ports = Ports::free();
    let project = mes("routes-mes-set", ports);
    project.write("kong.yml", "_format_version: '3.0'\n");
    project.ok(&["start"]);
    assert_eq!(ask(&ports.proxy("/api/v1/auth/me"), &[]).status, 404);
    project.write("kong.yml", FILE);
    project.fails(1, &["setup-routes", "--check"]).shows("workorders");
    project.ok(&["setup-routes"]);
    Proxy { http: ports.proxy, https: ports.tls, secret: SECRET }.keeps_its_promises(from);
    let again = project.ok(&["setup-routes"]);
    assert!(!again.stdout.contains("create"), "{again}");
    project.ok(&["setup-routes", "--check"]);

    docker(&["stop", "-t", "0", &project.container("kong-db-1")]);
    wait_until("Kong notices", || ask(&ports.admin("/services"), &[]).status == 500);
    let ran = project.vv(&["setup-routes", "--timeout", "3s"]);
    assert!([5, 6].contains(&ran.code), "{ran}");
    ran.says("database").says("hint:");
    assert!(!format!("{ran}").contains("kong-pg-secret"), "{ran}");
    project.fails(1, &["health", "kong"]).shows("database");
    // What it knows it goes on with.
    let good = format!("Authorization: Bearer {}", token(super::mes::ISSUER, SECRET, 60));
    assert_eq!(ask(&ports.proxy("/api/v1/parts"), &["-H", &good]).status, 200);

    // Its data are gone with its memory: everything is made again.
    project.ok(&["down", "-v"]);
    project.ok(&["start"]);
    project.ok(&["setup-routes", "--check"]);
}

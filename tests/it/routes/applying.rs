//! The difference, and its making.

use std::time::Duration;

use serde_json::json;

use super::gateway::Gate;
use super::mes;
use crate::support::Ran;

#[test]
fn the_mes_twice() {
    let gate = Gate::with_database("routes-twice", mes::FILE);
    let before = gate.ends(1, &["--check"]);
    before.shows("workorders");
    assert_eq!(gate.writes(), [], "--check changes nothing");
    gate.ok(&["--dry-run"]).shows("workorders");
    assert_eq!(gate.writes(), [], "--dry-run changes nothing");

    gate.ok(&[]);
    let mut routes: Vec<&str> = mes::ROUTES.iter().map(|(route, ..)| *route).collect();
    routes.sort_unstable();
    assert_eq!(gate.names("routes"), routes);
    assert_eq!(gate.all("services").len(), 8);
    // Three everywhere, eight limits, seven that ask for a token.
    assert_eq!(gate.all("plugins").len(), 3 + 8 + 7);
    assert_eq!((gate.all("consumers").len(), gate.all("jwts").len()), (1, 1));
    for collection in ["services", "routes", "plugins", "consumers", "jwts"] {
        for entity in gate.all(collection) {
            assert_eq!(entity["tags"], json!([gate.owner()]), "{entity:?}");
        }
    }
    for (route, service, _, limit) in mes::ROUTES {
        assert_eq!(gate.plugin(service, "rate-limiting")["config"]["minute"], limit, "{route}");
    }
    let secret = gate.all("jwts")[0]["secret"].clone();
    assert_eq!(secret, mes::SECRET);

    // Each route once, but those that Kong answers for itself.
    assert_eq!(gate.upstream.asked(), ["GET /api/v1/auth"]);

    for words in [&[][..], &["--check"], &["--dry-run"], &["--prune"], &["--adopt"]] {
        gate.ok(words);
        assert_eq!(gate.writes(), [], "{words:?}: nothing was left to be done");
    }
    // What is written once is read once: the lists, and the schemas.
    let pages = gate.kong.journal().iter().filter(|entry| !entry.path.starts_with("/schemas")).count();
    assert!(pages <= 24, "{:#?}", gate.kong.journal());
}

#[test]
fn what_differs_and_nothing_else() {
    let gate = Gate::with_database("routes-differs", mes::FILE);
    gate.ok(&[]);
    let limit = gate.plugin("quality-service", "rate-limiting");
    let id = limit["id"].as_str().unwrap().to_owned();
    gate.changed(&format!("plugins/{id}"), &json!({"config": {"minute": 999}}));
    gate.changed("services/auth-service", &json!({"read_timeout": 1000}));

    let told = |ran: &Ran| {
        for words in ["rate-limiting", "config.minute", "999", "100", "auth-service", "read_timeout", "30000"]
        {
            ran.shows(words);
        }
        assert!(!ran.stdout.contains("traceability"), "{ran}");
    };
    told(&gate.ends(1, &["--check"]));
    told(&gate.ok(&["--dry-run"]));
    assert_eq!(gate.writes(), []);
    gate.ok(&["--no-live"]);
    let mut written: Vec<String> =
        gate.writes().iter().map(|entry| format!("{} {}", entry.method, entry.path)).collect();
    written.sort();
    let service = gate.all("services").into_iter().find(|service| service["name"] == "auth-service").unwrap();
    let mut wanted =
        [format!("PATCH /plugins/{id}"), format!("PATCH /services/{}", service["id"].as_str().unwrap())];
    wanted.sort();
    assert_eq!(written, wanted);
    assert_eq!(gate.plugin("quality-service", "rate-limiting")["config"]["minute"], 100);
    gate.ok(&["--check"]);
}

/// A change reaches one worker at once and the other later: what is proven is proven of both.
#[test]
fn a_route_is_asked_when_every_worker_knows_it() {
    let file = "_format_version: '3.0'
services:
  - {name: slow, url: http://slow:80, routes: [{name: slow, paths: [/slow], strip_path: false}]}
";
    let options = vv_stand_ins::kong::Options {
        propagation: vec![Duration::ZERO, Duration::from_millis(1200)],
        ..vv_stand_ins::kong::Options::default()
    };
    let gate = Gate::start("routes-workers", file, options);
    gate.ok(&[]);
    assert_eq!(gate.upstream.asked(), ["GET /slow"], "once, and not once per attempt");
    assert_eq!(gate.names("routes"), ["slow"], "what waited for the workers is gone again");
    assert_eq!(gate.all("plugins").len(), 0);

    // Nothing written, nothing to wait for.
    gate.upstream.forget();
    let begun = std::time::Instant::now();
    gate.ok(&[]);
    assert!(begun.elapsed() < Duration::from_millis(1200), "{:?}", begun.elapsed());
    assert_eq!((gate.upstream.asked().len(), gate.writes().len()), (1, 0));
}

#[test]
fn undeclared_ones_stay_until_they_are_pruned() {
    let gate = Gate::with_database("routes-prune", mes::FILE);
    gate.ok(&[]);
    // Somebody else's beside them, and on one of them.
    gate.made("services", &json!({"name": "foreign", "url": "http://127.0.0.1:1"}));
    gate.made("services/foreign/routes", &json!({"name": "foreign", "paths": ["/foreign"]}));
    gate.made("services/auth-service/plugins", &json!({"name": "request-size-limiting"}));

    let (start, rest) = mes::FILE.split_once("  # ERP, PLM and SCADA.").unwrap();
    assert!(rest.contains("integration-service"));
    gate.declare(start);
    let ran = gate.ok(&["--check"]);
    ran.shows("integration-service");
    gate.ok(&[]);
    assert_eq!(gate.writes(), []);
    assert_eq!(gate.all("services").len(), 9);

    let told = gate.ok(&["--prune", "--dry-run"]);
    told.shows("integration");
    assert!(!told.stdout.contains("foreign"), "{told}");
    assert_eq!(gate.writes(), []);
    gate.ok(&["--prune", "--no-live"]);
    assert!(gate.writes().iter().all(|entry| entry.method == "DELETE"), "{:?}", gate.writes());
    let services = gate.names("services");
    assert!(services.contains(&"foreign".to_owned()) && services.len() == 8, "{services:?}");
    assert!(!services.contains(&"integration-service".to_owned()), "{services:?}");
    assert!(gate.names("routes").contains(&"foreign".to_owned()));
    gate.plugin("auth-service", "request-size-limiting");
    gate.ok(&["--prune"]);
    assert_eq!(gate.writes(), []);
}

#[test]
fn kong_is_waited_for() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gate = Gate::with_database("routes-late", mes::FILE);
    let words = ["setup-routes", "--routes", "kong.yml", "--no-live", "--admin-url"];
    let url = format!("http://{address}");
    let mut vv = gate.project.command(&[&words[..], &[&url]].concat());
    let child = vv.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    let options = vv_stand_ins::kong::Options { admin: address, ..vv_stand_ins::kong::Options::default() };
    let late = vv_stand_ins::kong::Kong::start(options).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(late.entities()["routes"].len(), 8);
}

/// Two at once, for the same empty gateway: each entity once, and neither fails.
#[test]
fn two_at_once() {
    let gate = Gate::with_database("routes-two", mes::FILE);
    let two = [gate.begin(&["--wait-lock"]), gate.begin(&["--wait-lock"])];
    for child in two {
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 0, "{ran}");
    }
    assert_eq!((gate.all("routes").len(), gate.all("plugins").len(), gate.all("jwts").len()), (8, 18, 1));
    gate.ok(&["--check"]);
}

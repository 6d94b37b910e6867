//! What an answer leaves open: whether Kong gave it, whose it is, and what it doesn't show.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::request::Skip;
use super::super::{Known, Level, Outcome, Proof, Wanted, prove};
use super::entities;
use super::proving::{KONG, SERVICE, in_the_clear, options, proven, route};
use super::server::{Server, answers};

/// The address is somebody else's: a server of pages, a stub that asks for a login.
#[tokio::test]
async fn nothing_shows_that_kong_answered() {
    let held = json!({
        "routes": [route("page", json!({})), route("login", json!({})), route("post", json!({"methods": ["POST"]}))],
        "services": [{"id": "s", "host": "orders", "port": 8000}],
        "plugins": [{"name": "jwt", "route": {"id": "login"}}],
    });
    let refusal = |body: &'static str| {
        Server::start(move |came| match came.target.as_str() {
            "/page" => answers("200 OK", "Server: nginx", "<html>"),
            _ => answers("401 Unauthorized", "Server: nginx", body),
        })
    };
    let server = refusal("log in").await;
    let proofs = proven(held.clone(), &in_the_clear(&server), options()).await;
    for (proof, status) in proofs.iter().zip(["200", "401"]) {
        assert_eq!(proof.level, Level::Warn, "{proof:?}");
        assert_eq!(proof.detail, format!("{status}: nothing in the answer shows that Kong gave it"));
        assert!(proof.hint.as_ref().unwrap().contains("--proxy-url"));
    }
    assert_eq!(proofs[2].level, Level::Skipped);
    // One that is Kong's speaks for the whole: with `headers = off` the services' answers have nothing of it.
    let server = refusal("{\"message\":\"Unauthorized\"}").await;
    let proofs = proven(held, &in_the_clear(&server), options()).await;
    assert_eq!(proofs[0].detail, "the service answers 200");
    assert!(proofs[1].detail.starts_with("answered by Kong: jwt (401)"), "{:?}", proofs[1]);
    assert_eq!((proofs[0].level, proofs[1].level), (Level::Ok, Level::Ok));
}

/// vv sends no login: what comes past a plugin that asks for one isn't the route's, or isn't kept.
#[tokio::test]
async fn past_a_login() {
    let server = Server::start(|_| answers("200 OK", SERVICE, "{}")).await;
    let anybody = json!({"anonymous": "11111111-0000-4000-8000-000000000000"});
    let jwt = |id: &str, more: Value| {
        let mut plugin =
            json!({"name": "jwt", "enabled": true, "route": {"id": id}, "config": {"anonymous": null}});
        plugin.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        plugin
    };
    let options_only = json!({"methods": ["OPTIONS"]});
    let held = json!({
        "routes": [
            route("kept", json!({})),
            route("by-service", json!({"service": {"id": "keys"}})),
            route("off", json!({})),
            route("anonymous", json!({})),
            // The narrower one of a name acts.
            route("narrower", json!({"service": {"id": "keys"}})),
            route("tls-only", json!({})),
            route("preflight", options_only.clone()),
            route("no-preflight", options_only),
            route("other", json!({})),
        ],
        "services": [{"id": "s", "host": "orders"}, {"id": "keys", "host": "keys"}],
        "plugins": [
            jwt("kept", json!({})),
            {"name": "key-auth", "service": {"id": "keys"}, "config": {"anonymous": ""}},
            jwt("off", json!({"enabled": false})),
            jwt("anonymous", json!({"config": anybody})),
            {"name": "key-auth", "route": {"id": "narrower"}, "config": anybody},
            jwt("tls-only", json!({"protocols": ["https"]})),
            jwt("preflight", json!({"config": {"run_on_preflight": true}})),
            jwt("no-preflight", json!({"config": {"run_on_preflight": false}})),
            {"name": "rate-limiting", "route": {"id": "other"}},
        ],
    });
    let proofs = proven(held, &in_the_clear(&server), options()).await;
    let warned: Vec<&Proof> = proofs.iter().filter(|proof| proof.level == Level::Warn).collect();
    assert_eq!(
        warned.iter().map(|proof| proof.id.as_str()).collect::<Vec<_>>(),
        ["kept", "by-service", "preflight"]
    );
    assert_eq!(warned[0].detail, "the service answered (200) although jwt acts on the route");
    assert_eq!(warned[1].detail, "the service answered (200) although key-auth acts on the route");
    assert!(warned[0].hint.as_ref().unwrap().starts_with("another route answered"));
    assert!(proofs.iter().filter(|proof| proof.level != Level::Warn).all(|proof| proof.level == Level::Ok));
}

/// What else of a route goes to others, beside what was proven: of somebody else's route, and of another declared one.
#[tokio::test]
async fn what_goes_to_others() {
    let server = Server::start(|_| answers("200 OK", SERVICE, "{}")).await;
    let proxy = in_the_clear(&server);
    let mut told = String::new();
    for (own, other) in [
        // HEAD evades; POST isn't asked.
        (json!({"paths": ["/a"]}), json!({"paths": ["~/a"], "methods": ["GET", "POST"]})),
        (json!({"paths": ["/a"]}), json!({"paths": ["/a"], "methods": ["DELETE"]})),
        // A route for all preflights, and one for just a page under it.
        (json!({"paths": ["/a"]}), json!({"paths": ["/a"], "methods": ["OPTIONS"]})),
        (json!({"paths": ["/a"]}), json!({"paths": ["/a/b"]})),
        (json!({"paths": ["/a", "/b"]}), json!({"paths": ["/x"]})),
        // A whole path, a host, one of both.
        (json!({"paths": ["/a", "/b"]}), json!({"paths": ["~/a"]})),
        (json!({"paths": ["/a", "/b"]}), json!({"paths": ["~/b"], "methods": ["GET"]})),
        (json!({"hosts": ["h.test", "i.test"], "paths": null}), json!({"hosts": ["i.test"], "paths": ["/"]})),
        (
            json!({"hosts": ["h.test", "i.test"], "paths": ["/a", "/b"]}),
            json!({"hosts": ["i.test"], "paths": ["/b"], "methods": ["GET", "PUT"]}),
        ),
        (json!({"paths": ["/a", "/b", "/c"]}), json!({"paths": ["~/a", "~/b"]})),
        // Not asked without --unsafe-probes.
        (
            json!({"paths": ["/a", "/b"], "methods": ["POST", "PUT"]}),
            json!({"paths": ["~/b"], "methods": ["POST", "PUT"]}),
        ),
    ] {
        for taker in ["hijack", "sibling"] {
            let held = json!({"routes": [route("own", own.clone()), route(taker, other.clone())]});
            let proofs = proven(held, &proxy, options()).await;
            let proof = &proofs[0];
            assert_eq!(proof.hint.is_some(), proof.level != Level::Ok, "{proof:?}");
            assert!(proof.detail.len() < 160 && !proof.detail.contains('\n'), "{proof:?}");
            told += &told_of(proof);
        }
    }
    insta::assert_snapshot!(told);
}

fn told_of(proof: &Proof) -> String {
    format!("{:?}: {} [{}]\n", proof.level, proof.detail, proof.request.as_deref().unwrap_or("-"))
}

/// A 401 shows the route, and nothing of the service behind it.
#[tokio::test]
async fn behind_a_login() {
    let server = Server::start(|came| match came.target.as_str() {
        "/limited" => answers("429 Too Many Requests", KONG, "{\"message\":\"API rate limit exceeded\"}"),
        "/stopped" => answers("403 Forbidden", KONG, "{\"message\":\"closed\"}"),
        _ => answers("401 Unauthorized", KONG, "{\"message\":\"Unauthorized\"}"),
    })
    .await;
    let of = |id: &str, service: &str| route(id, json!({"service": {"id": service}}));
    let held = json!({
        "routes": [
            of("unknown", "s"), of("sick", "sick"), of("well", "well"), of("unchecked", "unchecked"),
            of("limited", "sick"), of("stopped", "sick"), route("no-service", json!({"service": null})),
        ],
        "services": [
            {"id": "s", "host": "orders"}, {"id": "sick", "host": "sick"}, {"id": "well", "host": "well"},
            {"id": "unchecked", "host": "unchecked"},
        ],
        "plugins": [
            {"name": "jwt"},
            {"name": "rate-limiting", "route": {"id": "limited"}},
            {"name": "request-termination", "route": {"id": "stopped"}},
        ],
    });
    let proofs = proven(held, &in_the_clear(&server), options()).await;
    insta::assert_snapshot!(proofs.iter().map(told_of).collect::<String>(), @r"
    Ok: answered by Kong: jwt (401); its service wasn't reached [GET /unknown]
    Fail: answered by Kong: jwt (401); 0 of 1 targets healthy: 10.0.0.2:80 UNHEALTHY [GET /sick]
    Ok: answered by Kong: jwt (401); 1 of 1 targets healthy [GET /well]
    Ok: answered by Kong: jwt (401); its targets aren't checked [GET /unchecked]
    Fail: answered by Kong: rate-limiting (429); 0 of 1 targets healthy: 10.0.0.2:80 UNHEALTHY [GET /limited]
    Ok: answered by Kong: request-termination (403) [GET /stopped]
    Ok: answered by Kong: jwt (401) [GET /no-service]
    ");
}

/// What is only planned isn't asked, as a catch-all would answer in its place; and it takes nothing from what is there.
#[tokio::test]
async fn not_there_yet() {
    let server = Server::start(|_| answers("200 OK", SERVICE, "{}")).await;
    let held = entities(json!({"routes": [
        route("all", json!({"paths": ["/"]})),
        route("new", json!({})),
        route("old", json!({})),
        // Once it is there, the old one gets nothing.
        route("new-taker", json!({"paths": ["~/old"]})),
    ]}));
    let wanted = ["all", "new", "old", "new-taker"].map(|id| Wanted {
        id: id.into(),
        label: format!("route {id}"),
        missing: id.starts_with("new"),
    });
    let known = Known { entities: &held, health: &BTreeMap::new(), secrets: &[] };
    let proofs = prove(&wanted, known, &in_the_clear(&server), options()).await;
    insta::assert_snapshot!(proofs.iter().map(told_of).collect::<String>(), @r"
    Ok: the service answers 200 [GET /]
    Skipped: not there yet [-]
    Ok: the service answers 200 [GET /old]
    Skipped: not there yet [-]
    ");
    assert_eq!(proofs[1].outcome, Outcome::Skipped(Skip::Missing));
    assert_eq!(server.came().len(), 2);
}

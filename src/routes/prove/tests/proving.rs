//! Routes proven on servers that answer as Kong's proxy may.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::answer::Class;
use super::super::request::{Endpoint, Proxy};
use super::super::{Known, Level, Options, Outcome, Proof, Target, Unanswered, Wanted, prove};
use super::entities;
use super::server::{Does, Server, answers, closed};

const SERVICE: &str = "Via: kong/3.4.2\nX-Kong-Upstream-Latency: 1";
const KONG: &str = "Server: kong/3.4.2\nX-Kong-Response-Latency: 0";

fn in_the_clear(server: &Server) -> Proxy {
    Proxy { http: Some(server.endpoint.clone()), https: None }
}

fn options() -> Options {
    Options {
        unsafe_probes: false,
        patience: Duration::from_millis(1500),
        until: Instant::now() + Duration::from_secs(20),
    }
}

/// Proves the routes of a gateway, all of them.
async fn proven(by_type: Value, proxy: &Proxy, options: Options) -> Vec<Proof> {
    let held = entities(by_type);
    let routes = held.iter().find(|(kind, _)| kind.name() == "routes").unwrap().1;
    // One that is somebody else's isn't wanted.
    let declared = |route: &&serde_json::Map<String, Value>| route["id"] != "hijack";
    let wanted: Vec<Wanted> = routes
        .iter()
        .filter(declared)
        .map(|route| Wanted {
            id: route["id"].as_str().unwrap().into(),
            label: format!("route {}", route["id"].as_str().unwrap()),
        })
        .collect();
    let target = |target: &str, health: &str| Target { target: target.into(), health: health.into() };
    let health = BTreeMap::from([
        ("sick".to_owned(), vec![target("10.0.0.2:80", "UNHEALTHY")]),
        ("well".to_owned(), vec![target("10.0.0.3:80", "HEALTHY")]),
    ]);
    let proofs =
        prove(&wanted, Known { entities: &held, health: &health, secrets: &[] }, proxy, options).await;
    assert_eq!(
        proofs.iter().map(|proof| &proof.id).collect::<Vec<_>>(),
        wanted.iter().map(|wanted| &wanted.id).collect::<Vec<_>>()
    );
    proofs
}

fn route(id: &str, more: Value) -> Value {
    let mut route = json!({"id": id, "name": id, "paths": [format!("/{id}")], "service": {"id": "s"}});
    route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    route
}

fn told(proofs: &[Proof], proxy: &Proxy) -> String {
    let port = proxy.http.as_ref().or(proxy.https.as_ref()).unwrap().port.to_string();
    let line = |proof: &Proof| {
        let request = proof.request.as_deref().unwrap_or("-");
        let hint = proof.hint.as_ref().map(|hint| format!("\n    {hint}")).unwrap_or_default();
        format!("{:?} {}: {} [{}]{hint}\n", proof.level, proof.label, proof.detail, request)
    };
    proofs.iter().map(line).collect::<String>().replace(&port, "PORT")
}

#[tokio::test]
async fn every_class_at_once() {
    let server = Server::start(|came| match came.target.as_str() {
        "/ok" => answers("200 OK", SERVICE, "{}"),
        "/moved" => answers("302 Found", &format!("{SERVICE}\nLocation: /ok"), ""),
        "/none" => answers("404 Not Found", SERVICE, "{}"),
        "/broken" => answers("500 Internal Server Error", SERVICE, "{}"),
        "/jwt" => answers("401 Unauthorized", KONG, "{\"message\":\"Unauthorized\"}"),
        "/limit" => answers("429 Too Many Requests", KONG, "{\"message\":\"API rate limit exceeded\"}"),
        "/secure/" => answers("200 OK", SERVICE, "{}"),
        "/secure" => answers("426 Upgrade Required", KONG, "{\"message\":\"Please use HTTPS protocol\"}"),
        "/lost" => answers("404 Not Found", KONG, "{\"message\":\"no Route matched with those values\"}"),
        "/empty" => answers(
            "503 Service Temporarily Unavailable",
            KONG,
            "failure to get a peer from the ring-balancer",
        ),
        "/dns" => {
            answers("503 Service Temporarily Unavailable", KONG, "{\"message\":\"name resolution failed\"}")
        }
        "/refused" => {
            answers("502 Bad Gateway", SERVICE, "An invalid response was received from the upstream server")
        }
        "/late" => answers("504 Gateway Timeout", SERVICE, "The upstream server is timing out"),
        "/hangs" => Does::Hangs,
        "/slow" => Does::Slowly(Duration::from_millis(100), Box::new(answers("200 OK", SERVICE, "{}"))),
        "/stops" => Does::Stops,
        "/closes" => Does::Closes,
        "/babbles" => Does::Babbles,
        "/head" if came.method == "HEAD" => answers("200 OK", SERVICE, "long"),
        "/options" if came.method == "OPTIONS" => answers("204 No Content", SERVICE, ""),
        other => panic!("{other}"),
    })
    .await;
    let ids = [
        "ok", "moved", "none", "broken", "jwt", "limit", "lost", "empty", "dns", "refused", "late", "hangs",
        "slow", "stops", "closes", "babbles",
    ];
    let mut routes: Vec<Value> = ids.iter().map(|id| route(id, json!({}))).collect();
    routes.push(route("secure", json!({"protocols": ["https"]})));
    routes.push(route("head", json!({"methods": ["HEAD", "POST"]})));
    routes.push(route("options", json!({"methods": ["OPTIONS"]})));
    routes.push(route("post", json!({"methods": ["POST"]})));
    routes.push(route("post-sick", json!({"methods": ["POST"], "service": {"id": "sick"}})));
    routes.push(route("post-well", json!({"methods": ["POST"], "service": {"id": "well"}})));
    routes.push(route("off", json!({"service": {"id": "off"}})));
    routes.push(route("grpc", json!({"protocols": ["grpc"]})));
    // One that another takes everything of, by any method.
    routes.push(route("shadow", json!({"paths": ["~/secure/x$"], "methods": ["GET"]})));
    routes.push(route("taker", json!({"paths": ["~/secure/"], "regex_priority": 2, "methods": ["GET"]})));
    let held = json!({
        "routes": routes,
        "services": [
            {"id": "s", "name": "orders", "host": "orders", "port": 8000, "read_timeout": 500},
            {"id": "sick", "host": "sick", "port": 80},
            {"id": "well", "host": "well", "port": 80},
            {"id": "off", "name": "off", "host": "off", "port": 80, "enabled": false},
        ],
        "plugins": [
            {"name": "jwt", "enabled": true, "route": {"id": "jwt"}},
            {"name": "rate-limiting", "service": {"id": "s"}, "route": null},
            {"name": "cors"},
        ],
    });
    let proxy = in_the_clear(&server);
    let proofs = proven(held, &proxy, options()).await;
    insta::assert_snapshot!(told(&proofs, &proxy));
    let came = server.came();
    let mut asked: Vec<&str> = came.iter().map(|came| came.target.as_str()).collect();
    asked.sort_unstable();
    let count = asked.len();
    asked.dedup();
    assert_eq!(asked.len(), count, "each is asked once: {asked:?}");
    for came in &came {
        assert!(came.header("user-agent").unwrap().starts_with("vv/"));
        assert_eq!(came.header("authorization"), None);
        assert!(["GET", "HEAD", "OPTIONS"].contains(&came.method.as_str()));
    }
}

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

#[tokio::test]
async fn at_most_sixteen_at_once_and_each_once() {
    let server = Server::start(|_| {
        Does::Slowly(Duration::from_millis(100), Box::new(answers("200 OK", SERVICE, "{}")))
    })
    .await;
    let routes: Vec<Value> = (0..100).map(|number| route(&format!("r{number:03}"), json!({}))).collect();
    let proxy = in_the_clear(&server);
    let started = Instant::now();
    let held = entities(json!({"routes": routes}));
    let wanted = |id: &str| Wanted { id: id.into(), label: id.into() };
    // One is wanted twice, and one isn't there.
    let mut all: Vec<Wanted> = (0..100).map(|number| wanted(&format!("r{number:03}"))).collect();
    all.extend([wanted("r000"), wanted("gone")]);
    let proofs =
        prove(&all, Known { entities: &held, health: &BTreeMap::new(), secrets: &[] }, &proxy, options())
            .await;
    assert_eq!(proofs.len(), 101);
    assert_eq!(proofs.iter().filter(|proof| proof.level == Level::Ok).count(), 100);
    assert_eq!(proofs[100].detail, "the gateway doesn't hold it");
    assert_eq!(server.came().len(), 100);
    assert_eq!(server.most_at_once(), 16);
    assert!(started.elapsed() < Duration::from_secs(8), "one after another takes 10 s");
    let connections = server.came().iter().map(|came| came.connection).max().unwrap() + 1;
    assert!(connections <= 17, "connections are used again: {connections}");
}

#[tokio::test]
async fn everything_ends_in_time() {
    let server = Server::start(|_| Does::Hangs).await;
    let routes: Vec<Value> = (0..40).map(|number| route(&format!("r{number}"), json!({}))).collect();
    let until = Instant::now() + Duration::from_millis(500);
    let options = Options { until, patience: Duration::from_millis(300), ..options() };
    let proofs = proven(json!({"routes": routes}), &in_the_clear(&server), options).await;
    assert!(Instant::now() < until + Duration::from_secs(5), "each for itself takes 12 s");
    let not_asked =
        proofs.iter().filter(|proof| proof.outcome == Outcome::Unanswered(Unanswered::NotAsked)).count();
    assert!((1..=24).contains(&not_asked), "{not_asked}");
    assert!(proofs.iter().all(|proof| proof.level == Level::Fail));
}

#[tokio::test]
async fn nobody_listens() {
    let proxy = Proxy { http: Some(closed().await), https: None };
    let proofs = proven(json!({"routes": [route("a", json!({}))]}), &proxy, options()).await;
    assert_eq!(proofs[0].outcome, Outcome::Unanswered(Unanswered::Refused));
    let unknown =
        Proxy { http: Some(Endpoint { host: "no-such-host.invalid".into(), port: 1 }), https: None };
    let options = Options { patience: Duration::from_secs(5), ..options() };
    let proofs = proven(json!({"routes": [route("a", json!({}))]}), &unknown, options).await;
    assert!(matches!(proofs[0].outcome, Outcome::Unanswered(Unanswered::Unresolved(_))), "{:?}", proofs[0]);
}

#[tokio::test]
async fn what_is_sent() {
    let server = Server::start(|_| answers("200 OK", SERVICE, "{}")).await;
    let routes = json!([
        route("a", json!({"hosts": ["H.Example.Test"]})),
        route("b", json!({"hosts": ["*.w.example.test:9000"], "headers": {"X-Version": ["v1"]}})),
        route("c", json!({"paths": ["/ü b/\\d+"]})),
        route("d", json!({"paths": ["~/x[^a-z]y\\[$"]})),
        route("e", json!({"paths": ["/a%2Fb"]})),
    ]);
    let proofs = proven(json!({"routes": routes}), &in_the_clear(&server), options()).await;
    assert!(proofs.iter().all(|proof| proof.level == Level::Ok), "{proofs:?}");
    let mut lines: Vec<String> = server
        .came()
        .iter()
        .map(|came| {
            let version = came.header("x-version").unwrap_or_default();
            format!("{} {} host={} {version}", came.method, came.target, came.header("host").unwrap())
        })
        .collect();
    lines.sort();
    let port = server.endpoint.port.to_string();
    insta::assert_snapshot!(lines.join("\n").replace(&port, "PORT"));
}

#[tokio::test]
async fn unsafe_probes_have_an_empty_body() {
    let server = Server::start(|_| answers("201 Created", SERVICE, "{}")).await;
    let routes = json!([route("a", json!({"methods": ["POST"]}))]);
    let options = Options { unsafe_probes: true, ..options() };
    let proofs = proven(json!({"routes": routes}), &in_the_clear(&server), options).await;
    assert_eq!(proofs[0].outcome, Outcome::Answered(Class::Proxied { status: 201 }));
    let came = &server.came()[0];
    assert_eq!((came.method.as_str(), came.header("content-length")), ("POST", Some("0")));
}

#[tokio::test]
async fn tls_with_a_certificate_of_its_own() {
    let clear = Server::start(|came| panic!("{came:?}")).await;
    let secure = Server::start_tls(|_| answers("200 OK", SERVICE, "{}")).await;
    let proxy = Proxy { http: Some(clear.endpoint.clone()), https: Some(secure.endpoint.clone()) };
    let routes = json!([
        route("a", json!({"protocols": ["https"]})),
        route("b", json!({"protocols": ["https"], "snis": ["a.example.test"]})),
        route("c", json!({"protocols": ["https"], "snis": ["b_c.example.test"], "hosts": ["h.test"]})),
    ]);
    let proofs = proven(json!({"routes": routes}), &proxy, options()).await;
    assert!(proofs.iter().all(|proof| proof.level == Level::Ok), "{proofs:?}");
    let mut came: Vec<_> = secure
        .came()
        .into_iter()
        .map(|came| (came.target.clone(), came.sni.clone(), came.header("host").unwrap().to_owned()))
        .collect();
    came.sort();
    let own = format!("127.0.0.1:{}", secure.endpoint.port);
    assert_eq!(
        came,
        [
            ("/a".to_owned(), None, own.clone()),
            ("/b".to_owned(), Some("a.example.test".to_owned()), own),
            ("/c".to_owned(), Some("b_c.example.test".to_owned()), "h.test".to_owned()),
        ]
    );
    // The TLS port answers in the clear: no TLS.
    let mixed = Server::start(|_| answers("400 Bad Request", "Server: kong/3.4.2", "plain")).await;
    let proxy = Proxy { https: Some(mixed.endpoint.clone()), ..proxy };
    let proofs =
        proven(json!({"routes": [route("a", json!({"protocols": ["https"]}))]}), &proxy, options()).await;
    assert_eq!(proofs[0].level, Level::Fail);
}

#[tokio::test]
async fn secrets_arent_shown() {
    let server = Server::start(|_| answers("200 OK", SERVICE, "{}")).await;
    let held = entities(json!({"routes": [
        route("a", json!({"headers": {"x-key": ["s3cr3t-value"]}})),
        route("b", json!({"paths": ["~/s3cr3t-value(?=x)"]})),
    ]}));
    let wanted = ["a", "b"].map(|id| Wanted { id: id.into(), label: format!("route {id}") });
    let secrets = ["s3cr3t-value".to_owned()];
    let known = Known { entities: &held, health: &BTreeMap::new(), secrets: &secrets };
    let proofs = prove(&wanted, known, &in_the_clear(&server), options()).await;
    assert_eq!(server.came()[0].header("x-key"), Some("s3cr3t-value"));
    let told = serde_json::to_string(&proofs).unwrap();
    assert!(!told.contains("s3cr3t") && told.contains(crate::stack::secret::HIDDEN), "{told}");
}

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

pub(super) const SERVICE: &str = "Via: kong/3.4.2\nX-Kong-Upstream-Latency: 1";
pub(super) const KONG: &str = "Server: kong/3.4.2\nX-Kong-Response-Latency: 0";

pub(super) fn in_the_clear(server: &Server) -> Proxy {
    Proxy { http: Some(server.endpoint.clone()), https: None }
}

pub(super) fn options() -> Options {
    Options {
        unsafe_probes: false,
        patience: Duration::from_millis(1500),
        until: Instant::now() + Duration::from_secs(60),
    }
}

/// Proves the routes of a gateway, all of them.
pub(super) async fn proven(by_type: Value, proxy: &Proxy, options: Options) -> Vec<Proof> {
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
            missing: false,
        })
        .collect();
    let target = |target: &str, health: &str| Target { target: target.into(), health: health.into() };
    let health = BTreeMap::from([
        ("sick".to_owned(), vec![target("10.0.0.2:80", "UNHEALTHY")]),
        ("well".to_owned(), vec![target("10.0.0.3:80", "HEALTHY")]),
        ("unchecked".to_owned(), vec![target("10.0.0.4:80", "HEALTHCHECKS_OFF")]),
    ]);
    let proofs =
        prove(&wanted, Known { entities: &held, health: &health, secrets: &[] }, proxy, options).await;
    assert_eq!(
        proofs.iter().map(|proof| &proof.id).collect::<Vec<_>>(),
        wanted.iter().map(|wanted| &wanted.id).collect::<Vec<_>>()
    );
    proofs
}

pub(super) fn route(id: &str, more: Value) -> Value {
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
    let wanted = |id: &str| Wanted { id: id.into(), label: id.into(), missing: false };
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
    let wanted = ["a", "b"].map(|id| Wanted { id: id.into(), label: format!("route {id}"), missing: false });
    let secrets = ["s3cr3t-value".to_owned()];
    let known = Known { entities: &held, health: &BTreeMap::new(), secrets: &secrets };
    let proofs = prove(&wanted, known, &in_the_clear(&server), options()).await;
    assert_eq!(server.came()[0].header("x-key"), Some("s3cr3t-value"));
    let told = serde_json::to_string(&proofs).unwrap();
    assert!(!told.contains("s3cr3t") && told.contains(crate::stack::secret::HIDDEN), "{told}");
}

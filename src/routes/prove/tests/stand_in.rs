//! Against the stand-in for Kong: its router was written on its own, its workers learn of changes at their own time, and
//! its plugins answer as Kong's do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::time::Instant;
use vv_stand_ins::kong::state::Change;
use vv_stand_ins::kong::{Kong, Options as Start};

use super::super::barrier::{self, Sentinel};
use super::super::client::{Client, Keep};
use super::super::request::{Drawn, draw};
use super::super::router::{Rank, Route, Router};
use super::super::{Known, Level, Options, Proxy, Wanted, prove};
use super::property::{requests, some_routes};
use super::server::{Server, answers};
use super::{entities, routes};
use crate::routes::prove::Endpoint;

fn proxy_of(kong: &Kong) -> Proxy {
    let endpoint = |address: std::net::SocketAddr| {
        Some(Endpoint { host: address.ip().to_string(), port: address.port() })
    };
    Proxy { http: endpoint(kong.proxy()), https: endpoint(kong.proxy_tls()) }
}

/// Replaces all routes by these, each with a plugin that answers with the route's id.
fn hold(kong: &Kong, held: &[Value]) {
    let mut changes: Vec<Change> = Vec::new();
    for kind in ["routes", "plugins"] {
        for id in kong.entities().get(kind).into_iter().flat_map(BTreeMap::keys) {
            changes.push(Change { kind: kind.to_owned(), id: id.clone(), entity: None });
        }
    }
    for route in held {
        let id = route["id"].as_str().unwrap().to_owned();
        let plugin = json!({
            "id": id, "name": "request-termination", "enabled": true, "route": {"id": id},
            "protocols": ["http", "https", "grpc", "grpcs"], "service": null, "consumer": null,
            "config": {"status_code": 200, "body": id, "content_type": "text/plain", "echo": false},
        });
        for (kind, entity) in [("routes", route), ("plugins", &plugin)] {
            let entity = entity.as_object().cloned();
            changes.push(Change { kind: kind.to_owned(), id: id.clone(), entity });
        }
    }
    kong.gateway().apply(&changes);
}

#[tokio::test]
async fn both_routers_agree() {
    let kong = Kong::start(Start { database: false, ..Start::default() }).unwrap();
    let proxy = proxy_of(&kong);
    let client = Client::new(&proxy, Keep::Connections);
    let mut runner = TestRunner::new(Config::default());
    let mut compared = 0;
    for _ in 0..40 {
        let generated = some_routes().new_tree(&mut runner).unwrap().current();
        let mut taken = BTreeSet::new();
        let named: Vec<(&str, Value)> = generated
            .iter()
            .map(|(id, fields)| (id.as_str(), fields.clone()))
            // How Kong breaks a tie isn't documented: no two of the same claim.
            .filter(|(_, fields)| {
                let claims = claims(fields);
                let new = claims.iter().all(|claim| !taken.contains(claim));
                if new {
                    taken.extend(claims);
                }
                new
            })
            .collect();
        let held = routes(&named);
        let router = Router::new(&held);
        let all: Vec<Value> = held.values().flatten().map(|route| Value::Object(route.clone())).collect();
        hold(&kong, &all);
        let mut asked = Vec::new();
        for route in held.values().flatten().map(Route::of) {
            if let Drawn::Request(request) = draw(&route, &router, &proxy, false) {
                asked.push(request);
            }
        }
        let universe = requests();
        for at in prop::collection::vec(0..universe.len(), 20).new_tree(&mut runner).unwrap().current() {
            let mut request = universe[at].clone();
            // The real address, where none of the hosts is meant.
            if request.host == "127.0.0.1:8000" {
                let endpoint = if request.tls { &proxy.https } else { &proxy.http };
                request.host = format!("127.0.0.1:{}", endpoint.as_ref().unwrap().port);
            }
            asked.push(request);
        }
        for request in asked {
            let won = router.winner(&request).map(|win| win.route.to_owned());
            let answer = client.ask(&request, Duration::from_secs(30)).await.unwrap();
            let wants_tls = |id: &str| {
                let protocols = &all.iter().find(|route| route["id"] == id).unwrap()["protocols"];
                protocols == &json!(["https"])
            };
            match won {
                None => assert_eq!(answer.status, 404, "{request:?} of {all:#?}"),
                Some(id) if wants_tls(&id) && !request.tls => assert_eq!(answer.status, 426, "{request:?}"),
                Some(_) if request.method == "HEAD" => assert_eq!(answer.status, 200, "{request:?}"),
                Some(id) => assert_eq!(answer.body, id, "{request:?} of {all:#?}"),
            }
            compared += 1;
        }
    }
    assert!(compared > 800, "{compared}");
}

/// What each group of a route's paths ranks by.
fn claims(fields: &Value) -> BTreeSet<String> {
    let held = routes(&[("a", fields.clone())]);
    let route = Route::of(held.values().flatten().next().unwrap());
    let paths: Vec<Vec<&str>> = match route.paths.as_slice() {
        [] => vec![Vec::new()],
        paths => paths.iter().map(|path| vec![path.as_str()]).collect(),
    };
    paths.iter().map(|paths| format!("{:020}", Rank::of(&route, paths).priority())).collect()
}

/// The stand-in's Admin API.
struct Admin {
    base: String,
    client: reqwest::Client,
}

impl Admin {
    fn of(kong: &Kong) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { base: format!("http://{}", kong.admin()), client }
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<()> {
        let answer = self.client.post(format!("{}/{path}", self.base)).json(body).send().await?;
        anyhow::ensure!(answer.status().is_success(), "{}", answer.text().await?);
        Ok(())
    }
}

#[async_trait]
impl Sentinel for Admin {
    async fn put(&self, route: Value, plugin: Option<Value>) -> anyhow::Result<()> {
        self.post("routes", &route).await?;
        if let Some(plugin) = plugin {
            self.post("plugins", &plugin).await?;
        }
        Ok(())
    }

    async fn remove(&self, route: &str) -> anyhow::Result<()> {
        let answer = self.client.delete(format!("{}/routes/{route}", self.base)).send().await?;
        anyhow::ensure!(answer.status().is_success(), "{}", answer.status());
        Ok(())
    }
}

/// Sets a gateway up, waits for it, proves it.
async fn set_up_and_proven(by_type: Value, delays: &[u64]) -> String {
    let propagation = delays.iter().map(|delay| Duration::from_millis(*delay)).collect();
    let kong = Kong::start(Start { propagation, ..Start::default() }).unwrap();
    let admin = Arc::new(Admin::of(&kong));
    for kind in ["services", "routes", "plugins"] {
        for entity in by_type[kind].as_array().unwrap() {
            admin.post(kind, entity).await.unwrap();
        }
    }
    let proxy = proxy_of(&kong);
    let until = Instant::now() + Duration::from_secs(60);
    let workers = u32::try_from(delays.len()).ok();
    barrier::pass(admin, "vv:shop", "builder", &proxy, workers, until).await.unwrap();
    let held = kong.entities();
    let held = held
        .into_iter()
        .map(|(kind, by_id)| (kind, Value::Array(by_id.into_values().map(Value::Object).collect())));
    let held = entities(Value::Object(held.collect()));
    let labelled = |route: &serde_json::Map<String, Value>| Wanted {
        id: route["id"].as_str().unwrap().to_owned(),
        label: format!("route {}", route["name"].as_str().unwrap()),
        missing: false,
    };
    let mut wanted: Vec<Wanted> =
        held[&crate::routes::kind::Kind::of("routes")].iter().map(labelled).collect();
    wanted.sort_by(|a, b| a.label.cmp(&b.label));
    let known = Known { entities: &held, health: &BTreeMap::new(), secrets: &[] };
    let options = Options { unsafe_probes: false, patience: Duration::from_secs(5), until };
    let proofs = prove(&wanted, known, &proxy, options).await;
    assert!(proofs.iter().all(|proof| !proof.label.contains(barrier::TAG)), "the sentinel is gone");
    let line = |proof: &super::super::Proof| {
        format!(
            "{:?} {}: {} [{}]\n",
            proof.level,
            proof.label,
            proof.detail,
            proof.request.as_deref().unwrap_or("-")
        )
    };
    proofs.iter().map(line).collect()
}

#[tokio::test]
async fn a_gateway_set_up_and_proven() {
    let service = Server::start(|came| match came.target.as_str() {
        "/broken" => answers("500 Internal Server Error", "", "{}"),
        _ => answers("200 OK", "", "{}"),
    })
    .await;
    let (host, port) = (&service.endpoint.host, service.endpoint.port);
    let route = |name: &str, service: &str, more: Value| {
        let mut route = json!({"name": name, "service": {"name": service}});
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        route
    };
    let held = json!({
        "services": [
            {"name": "well", "host": host, "port": port},
            {"name": "down", "host": "127.0.0.1", "port": super::server::closed().await.port, "retries": 0},
            {"name": "unknown", "host": "no-such-host.invalid", "retries": 0},
            {"name": "off", "host": host, "port": port, "enabled": false},
        ],
        "routes": [
            route("plain", "well", json!({"paths": ["/plain"]})),
            route("regex", "well", json!({"paths": ["~/items/(?<id>\\d+)$"]})),
            route("host", "well", json!({"hosts": ["*.Example.Test"]})),
            route("header", "well", json!({"paths": ["/h"], "headers": {"x-version": ["~*^v\\d+$"]}})),
            route("tls", "well", json!({"paths": ["/tls"], "protocols": ["https"]})),
            route("sni", "well", json!({"paths": ["/sni"], "protocols": ["https"], "snis": ["a.example.test"]})),
            route("broken", "well", json!({"paths": ["/broken"], "strip_path": false})),
            route("jwt", "well", json!({"paths": ["/jwt"]})),
            route("keys", "well", json!({"paths": ["/keys"]})),
            route("stopped", "well", json!({"paths": ["/stopped"]})),
            route("post", "well", json!({"paths": ["/post"], "methods": ["POST"]})),
            route("delete", "well", json!({"paths": ["/items/1", "~/items/[0-9]$"], "methods": ["DELETE"]})),
            route("down", "down", json!({"paths": ["/down"]})),
            route("unknown", "unknown", json!({"paths": ["/unknown"]})),
            route("off", "off", json!({"paths": ["/off"]})),
            {"name": "alone", "paths": ["/alone"]},
            route("options", "well", json!({"paths": ["/options"], "methods": ["OPTIONS"]})),
        ],
        "plugins": [
            {"name": "jwt", "route": {"name": "jwt"}},
            {"name": "key-auth", "route": {"name": "keys"}},
            {"name": "request-termination", "route": {"name": "stopped"}},
            {"name": "cors", "route": {"name": "options"}},
        ],
    });
    let told = set_up_and_proven(held, &[0, 300, 700]).await;
    let down = told.lines().filter(|line| line.starts_with(&format!("{:?}", Level::Fail))).count();
    assert_eq!(down, 3, "{told}");
    let addresses = regex::Regex::new(r"127\.0\.0\.1:\d+").unwrap();
    insta::assert_snapshot!(addresses.replace_all(&told, "ADDRESS"));
}

/// A key or a limit for everybody answers before the barrier's own plugin does.
#[tokio::test]
async fn behind_a_plugin_for_everything() {
    for plugin in [
        json!({"name": "key-auth"}),
        json!({"name": "rate-limiting", "config": {"hour": 3, "policy": "local"}}),
    ] {
        let held = json!({
            "services": [],
            "routes": [{"name": "all", "paths": ["/"]}],
            "plugins": [plugin, {"name": "request-termination", "config": {"status_code": 200}}],
        });
        let told = set_up_and_proven(held, &[0, 400]).await;
        assert!(told.starts_with("Ok route all: answered by Kong: "), "{told}");
    }
}

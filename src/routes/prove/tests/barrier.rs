//! The barrier, on a proxy of which each worker has its own moment.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::super::barrier::{Blocked, Sentinel, TAG, pass};
use super::super::request::Proxy;
use super::server::{Came, Does, Server, answers, closed};

const OWNER: &str = "vv:shop";
const HOST: &str = "builder";

/// A gateway with a database: what is written reaches its workers later.
#[derive(Default)]
struct Gateway {
    /// How much later than the write, by worker.
    delays: Vec<Duration>,
    /// A global plugin answers before all others.
    guarded: bool,
    /// A route takes what no other does.
    catch_all: bool,
    refuses: bool,
    /// It has no plugins.
    bare: bool,
    /// The write is made, and the answer is an error.
    loses_the_answer: bool,
    held: Mutex<Vec<(Instant, Value, Option<Value>)>>,
    log: Mutex<Vec<String>>,
}

#[async_trait]
impl Sentinel for Gateway {
    async fn put(&self, route: Value, plugin: Option<Value>) -> anyhow::Result<()> {
        self.log.lock().unwrap().push("put".into());
        anyhow::ensure!(!self.refuses, "403 Forbidden");
        anyhow::ensure!(!self.bare || plugin.is_none(), "plugin 'request-termination' not enabled");
        for made in [Some(&route), plugin.as_ref()].into_iter().flatten() {
            assert_eq!(made["tags"], json!([TAG, OWNER, "vv-host:builder"]));
        }
        assert!(route["name"].as_str().unwrap().starts_with(TAG));
        self.held.lock().unwrap().push((Instant::now(), route, plugin));
        anyhow::ensure!(!self.loses_the_answer, "connection reset");
        Ok(())
    }

    async fn remove(&self, route: &str) -> anyhow::Result<()> {
        self.log.lock().unwrap().push("remove".into());
        self.held.lock().unwrap().retain(|(_, held, _)| held["id"] != route);
        Ok(())
    }
}

impl Gateway {
    fn of(delays: &[u64]) -> Self {
        Self { delays: delays.iter().map(|delay| Duration::from_millis(*delay)).collect(), ..Self::default() }
    }

    /// Connections go to workers in no order.
    fn worker(&self, connection: usize) -> usize {
        (connection.wrapping_mul(0x9E37_79B9).wrapping_add(connection >> 3) >> 7) % self.delays.len()
    }

    fn answer(&self, came: &Came) -> Does {
        let delay = self.delays[self.worker(came.connection)];
        let held = self.held.lock().unwrap();
        let live = held.iter().find(|(since, route, _)| {
            since.elapsed() >= delay
                && route["paths"][0].as_str() == Some(&came.target)
                && route["hosts"][0].as_str() == came.header("host")
        });
        let kong = "X-Kong-Response-Latency: 0\nServer: kong/3.4.2";
        let unauthorized = || answers("401 Unauthorized", kong, "{\"message\":\"Unauthorized\"}");
        match live {
            Some((_, route, None)) => {
                let location = format!("https://{}{}", route["hosts"][0].as_str().unwrap(), came.target);
                assert_eq!(route["https_redirect_status_code"], 302);
                answers("302 Found", &format!("{kong}\nLocation: {location}"), "")
            }
            Some((_, _, Some(_))) if self.guarded => unauthorized(),
            Some((_, _, Some(plugin))) => answers("200 OK", kong, plugin["config"]["body"].as_str().unwrap()),
            None if self.catch_all && self.guarded => unauthorized(),
            None if self.catch_all => answers("200 OK", "Via: kong/3.4.2\nX-Kong-Upstream-Latency: 1", "{}"),
            None => answers("404 Not Found", kong, "no Route matched with those values"),
        }
    }
}

/// Passes, and tells how long it took; the gateway holds nothing of it afterwards.
async fn passed(
    gateway: Gateway,
    workers: Option<u32>,
    within: u64,
) -> (Result<Duration, Blocked>, Arc<Gateway>) {
    let gateway = Arc::new(gateway);
    let answering = gateway.clone();
    let server = Server::start(move |came| answering.answer(came)).await;
    let proxy = Proxy { http: Some(server.endpoint.clone()), https: None };
    let started = Instant::now();
    let until = started + Duration::from_millis(within);
    let result = pass(gateway.clone(), OWNER, HOST, &proxy, workers, until).await.map(|()| started.elapsed());
    assert!(gateway.held.lock().unwrap().is_empty(), "the sentinel is deleted");
    let connections: BTreeSet<usize> = server.came().iter().map(|came| came.connection).collect();
    assert_eq!(connections.len(), server.came().len(), "each request has a connection of its own");
    (result, gateway)
}

#[tokio::test]
async fn it_passes_when_the_last_worker_has_it() {
    // One that is content with its first answer, or with ten over one connection, passes too early.
    let (took, _) = passed(Gateway::of(&[0, 100, 400]), Some(3), 30_000).await;
    assert!(took.unwrap() >= Duration::from_millis(400));
    let (took, _) = passed(Gateway::of(&[0, 0, 0, 0, 0, 0, 0, 300]), Some(8), 30_000).await;
    assert!(took.unwrap() >= Duration::from_millis(300));
}

#[tokio::test]
async fn it_passes_at_once_where_all_have_it() {
    let (took, gateway) = passed(Gateway::of(&[0]), None, 30_000).await;
    assert!(took.unwrap() < Duration::from_secs(20));
    assert_eq!(*gateway.log.lock().unwrap(), ["put", "remove"]);
}

#[tokio::test]
async fn a_route_that_takes_everything_is_no_answer() {
    let (took, _) = passed(Gateway { catch_all: true, ..Gateway::of(&[200]) }, None, 30_000).await;
    assert!(took.unwrap() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_global_plugin_doesnt_hide_it() {
    let guarded = Gateway { guarded: true, ..Gateway::of(&[150, 50]) };
    let (took, gateway) = passed(guarded, Some(2), 30_000).await;
    assert!(took.unwrap() >= Duration::from_millis(150));
    assert_eq!(*gateway.log.lock().unwrap(), ["put", "remove", "put", "remove"]);
    // Nor where it answers before the sentinel is there, too.
    let guarded = Gateway { guarded: true, catch_all: true, ..Gateway::of(&[300, 100]) };
    let (took, _) = passed(guarded, Some(2), 30_000).await;
    assert!(took.unwrap() >= Duration::from_millis(300));
}

#[tokio::test]
async fn through_tls_alone() {
    for guarded in [false, true] {
        let gateway = Arc::new(Gateway { guarded, ..Gateway::of(&[150, 20]) });
        let answering = gateway.clone();
        let server = Server::start_tls(move |came| answering.answer(came)).await;
        let proxy = Proxy { http: None, https: Some(server.endpoint.clone()) };
        let started = Instant::now();
        pass(gateway.clone(), OWNER, HOST, &proxy, Some(2), started + Duration::from_secs(60)).await.unwrap();
        assert!(started.elapsed() >= Duration::from_millis(150));
    }
}

#[tokio::test]
async fn without_an_address_nothing_is_made() {
    let gateway = Arc::new(Gateway::of(&[0]));
    let blocked = pass(gateway.clone(), OWNER, HOST, &Proxy::default(), None, Instant::now()).await;
    assert!(matches!(blocked, Err(Blocked::NoAddress)));
    assert!(gateway.log.lock().unwrap().is_empty());
}

#[tokio::test]
async fn it_ends_in_time() {
    let started = Instant::now();
    let (blocked, _) = passed(Gateway::of(&[0, 60_000]), Some(2), 400).await;
    let blocked = blocked.unwrap_err();
    assert!(matches!(&blocked, Blocked::NotInTime { last, .. } if last == "it answers 404"), "{blocked}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_admin_api_refuses() {
    let (blocked, _) = passed(Gateway { refuses: true, ..Gateway::of(&[0]) }, None, 400).await;
    assert_eq!(
        format!("{:#}", anyhow::Error::from(blocked.unwrap_err())),
        "the probe's route can't be made: 403 Forbidden"
    );
    // Made although nobody said so: deleted all the same.
    let (blocked, _) = passed(Gateway { loses_the_answer: true, ..Gateway::of(&[0]) }, None, 400).await;
    assert!(matches!(blocked, Err(Blocked::Admin(_))));
}

#[tokio::test]
async fn a_gateway_without_the_plugin() {
    let (took, gateway) = passed(Gateway { bare: true, ..Gateway::of(&[100]) }, None, 30_000).await;
    assert!(took.unwrap() >= Duration::from_millis(100));
    assert_eq!(*gateway.log.lock().unwrap(), ["put", "remove", "put", "remove"]);
}

#[tokio::test]
async fn given_up_it_is_deleted_as_well() {
    let gateway = Arc::new(Gateway::of(&[60_000]));
    let answering = gateway.clone();
    let server = Server::start(move |came| answering.answer(came)).await;
    let proxy = Proxy { http: Some(server.endpoint.clone()), https: None };
    let until = Instant::now() + Duration::from_secs(60);
    let passing = pass(gateway.clone(), OWNER, HOST, &proxy, None, until);
    assert!(tokio::time::timeout(Duration::from_millis(100), passing).await.is_err());
    assert_eq!(gateway.log.lock().unwrap().first().unwrap(), "put");
    for _ in 0..100 {
        sleep(Duration::from_millis(5)).await;
        if gateway.held.lock().unwrap().is_empty() {
            return;
        }
    }
    panic!("the sentinel is left behind");
}

#[tokio::test]
async fn a_proxy_that_isnt_up() {
    let gateway = Arc::new(Gateway::of(&[0]));
    let proxy = Proxy { http: Some(closed().await), https: None };
    let until = Instant::now() + Duration::from_millis(200);
    let blocked = pass(gateway, OWNER, HOST, &proxy, None, until).await.unwrap_err();
    assert!(
        matches!(&blocked, Blocked::NotInTime { last, .. } if last == "it refuses connections"),
        "{blocked}"
    );
}

/// That the workers of the tests above do differ: ten answers over one connection come from one of them.
#[tokio::test]
async fn a_naive_one_passes_too_early() {
    let gateway = Arc::new(Gateway::of(&[0, 100, 5000]));
    let answering = gateway.clone();
    let server = Server::start(move |came| answering.answer(came)).await;
    let tags = json!([TAG, OWNER, "vv-host:builder"]);
    let route = json!({"id": "1", "name": TAG, "tags": tags, "hosts": ["h"], "paths": ["/p"]});
    gateway.put(route, Some(json!({"tags": tags, "config": {"body": "own"}}))).await.unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let started = Instant::now();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut own = 0;
    while own < 10 {
        let url = format!("http://127.0.0.1:{}/p", server.endpoint.port);
        let answer = client.get(url).header("host", "h").send().await.unwrap().text().await.unwrap();
        own = if answer == "own" { own + 1 } else { 0 };
    }
    assert!(started.elapsed() < Duration::from_millis(4900));
    assert_eq!(server.came().iter().map(|came| came.connection).max(), Some(0));
}

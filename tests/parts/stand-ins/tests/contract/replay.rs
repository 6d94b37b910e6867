//! Replays a recording against a stand-in of its own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};
use vv_stand_ins::kong::state::{Change, Entities, Keep};
use vv_stand_ins::kong::{Kong, Options};

use crate::compare::{Bound, Comparison};
use crate::exceptions::EXCEPTIONS;
use crate::recording::{Exchange, load};
use crate::rename::Renamer;

/// How long a change takes to reach the proxy.
const PROPAGATION: Duration = Duration::from_millis(1_500);

/// What the recorder waited before an exchange, scaled to the stand-in's faster propagation.
const WAITS: [(&str, u64); 6] = [
    ("health-active-after-8s", 4_000),
    ("health-active-recovers", 2_000),
    ("health-off-after", 1_000),
    ("passive-health-before", 2_500),
    ("passive-health-after-failure", 300),
    ("passive-health-after-set", 300),
];

/// With which names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    Recorded,
    Renamed,
}

/// What came of it.
pub struct Outcome {
    folder: &'static str,
    way: Way,
    total: usize,
    /// Exchange, what differs.
    failed: Vec<(String, String)>,
}

impl Outcome {
    /// Prints the share; fails unless all hold but the exceptions, and none of those does.
    #[expect(clippy::print_stderr, reason = "the share is what the test is to tell")]
    pub fn judge(&self) {
        let excepted =
            |name: &str| EXCEPTIONS.iter().any(|(folder, own, _)| *folder == self.folder && *own == name);
        let held = self.total - self.failed.len();
        let share = 100.0 * held as f64 / self.total as f64;
        eprintln!("{} {:?}: {held} of {} hold, {share:.1} %", self.folder, self.way, self.total);
        let wrong: Vec<String> = self
            .failed
            .iter()
            .filter(|(name, _)| !excepted(name))
            .map(|(name, what)| format!("{name}: {what}"))
            .collect();
        let healed: Vec<&str> = EXCEPTIONS
            .iter()
            .filter(|(folder, name, _)| {
                *folder == self.folder && !self.failed.iter().any(|(own, _)| own == name)
            })
            .map(|(_, name, _)| *name)
            .collect();
        assert!(
            wrong.is_empty(),
            "{} {:?}: {} fail:\n{}",
            self.folder,
            self.way,
            wrong.len(),
            wrong.join("\n")
        );
        assert!(healed.is_empty(), "{} {:?}: no exceptions any more: {healed:?}", self.folder, self.way);
        assert!(share >= 95.0, "{} {:?}: only {share:.1} %", self.folder, self.way);
    }
}

/// A database that can be stopped.
struct Stoppable(AtomicBool);

#[async_trait::async_trait]
impl Keep for Stoppable {
    async fn load(&self) -> anyhow::Result<Entities> {
        Ok(Entities::new())
    }

    async fn write(&self, _changes: &[Change]) -> anyhow::Result<()> {
        anyhow::ensure!(self.reachable().await, "it was stopped");
        Ok(())
    }

    async fn reachable(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Replays a folder.
pub fn replay(folder: &'static str, way: Way) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let outcome = runtime.block_on(run(folder, way));
    runtime.shutdown_background();
    outcome
}

async fn run(folder: &'static str, way: Way) -> Outcome {
    let ports = [
        ("19999", upstream(StatusCode::OK).await),
        ("19998", upstream(StatusCode::OK).await),
        ("19997", upstream(StatusCode::INTERNAL_SERVER_ERROR).await),
    ];
    // In which state the database was stopped isn't recorded; its proxy answers as after db-postgres-2.
    let mut exchanges = if folder == "db-down" { load("db-postgres-2", &ports) } else { Vec::new() };
    let begin = exchanges.len();
    exchanges.extend(load(folder, &ports));
    if way == Way::Renamed {
        let renamer = Renamer::of(&exchanges);
        exchanges = exchanges.iter().map(|exchange| renamer.exchange(exchange)).collect();
    }
    let next: Arc<Mutex<Option<String>>> = Arc::default();
    let given = Arc::clone(&next);
    let database = Arc::new(Stoppable(AtomicBool::new(true)));
    let kong = Kong::start(Options {
        propagation: vec![PROPAGATION],
        keep: Arc::clone(&database) as Arc<dyn Keep>,
        new_id: Some(Arc::new(move || given.lock().unwrap().take())),
        ..Options::default()
    })
    .unwrap();
    if folder == "db-postgres" {
        kong.gateway().apply(&[recorders_own(&exchanges)]);
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut bound = Bound::default();
    let mut failed = Vec::new();
    let mut through_proxy = false;
    for (index, exchange) in exchanges.iter().enumerate() {
        if index == begin {
            failed.clear();
            database.0.store(folder != "db-down", Ordering::Relaxed);
        }
        if exchange.port == 8000 && !through_proxy {
            tokio::time::sleep(PROPAGATION.mul_f32(1.3)).await;
        }
        through_proxy = exchange.port == 8000;
        if let Some((_, time)) = WAITS.iter().find(|(name, _)| exchange.name.ends_with(name)) {
            tokio::time::sleep(Duration::from_millis(*time)).await;
        }
        // Lists are in the order of ids: what is made gets the recorded one.
        *next.lock().unwrap() = exchange.json["id"].as_str().map(str::to_owned);
        let address = match exchange.port {
            8100 => kong.status(),
            8000 => kong.proxy(),
            _ => kong.admin(),
        };
        let what = send(&client, address, exchange, &mut bound, way).await;
        failed.extend(what.map(|what| (exchange.name.clone(), what)));
    }
    Outcome { folder, way, total: exchanges.len() - begin, failed }
}

/// A service that the recorder made for itself: no recorded request did, but lists show it.
fn recorders_own(exchanges: &[Exchange]) -> Change {
    let lists = exchanges.iter().filter_map(|exchange| exchange.json["data"].as_array()).flatten();
    let echo =
        lists.filter_map(Value::as_object).find(|entity| entity.get("name") == Some(&json!("echo"))).unwrap();
    let id = echo["id"].as_str().unwrap().to_owned();
    Change { kind: "services".to_owned(), id, entity: Some(echo.clone()) }
}

/// An upstream that answers every request with this status.
async fn upstream(status: StatusCode) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        axum::serve(listener, Router::new().fallback(move || async move { status })).await
    });
    port
}

/// Sends one, and tells what differs.
async fn send(
    client: &reqwest::Client,
    address: SocketAddr,
    exchange: &Exchange,
    bound: &mut Bound,
    way: Way,
) -> Option<String> {
    let url = bound.apply(&format!("http://{address}{}", exchange.path));
    let mut request = client.request(exchange.method.parse().unwrap(), url);
    let body = match &exchange.body {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        json => Some(json.to_string()),
    };
    if let Some(body) = body {
        request = request.header("Content-Type", &exchange.content_type).body(bound.apply(&body));
    }
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return Some(format!("{error:?}")),
    };
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    if status != exchange.status {
        return Some(format!("{status} instead of {}: {text} instead of {}", exchange.status, exchange.json));
    }
    // What the proxy answers is compared in full with its own recording.
    if exchange.port == 8000 {
        return None;
    }
    if exchange.json.is_null() {
        return (text.trim() != exchange.text.trim())
            .then(|| format!("text {text:?} instead of {:?}", exchange.text));
    }
    let path = exchange.path.split('?').next().unwrap();
    let ordered = path.ends_with("/targets") || path.ends_with("/health");
    if !ordered && let Some(list) = json["data"].as_array() {
        let ids: Vec<&str> =
            list.iter().filter_map(|entity| entity["id"].as_str().or(entity["entity_id"].as_str())).collect();
        if !ids.is_sorted() {
            return Some(format!("not in the order of ids: {}", json!(ids)));
        }
    }
    let (mut recorded, mut live) = (exchange.json.clone(), json);
    if path.starts_with("/schemas/") {
        // Kong completes a schema when it first uses it: two recordings of the same differ in that.
        without_first_use(&mut recorded);
        without_first_use(&mut live);
    }
    Comparison { bound, renamed: way == Way::Renamed, ordered }.differs(&recorded, &live)
}

fn without_first_use(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("len_min") == Some(&json!(1)) {
                map.remove("len_min");
            }
            if let Some(Value::Object(elements)) = map.get_mut("elements") {
                elements.remove("required");
            }
            map.values_mut().for_each(without_first_use);
        }
        Value::Array(list) => list.iter_mut().for_each(without_first_use),
        _ => {}
    }
}

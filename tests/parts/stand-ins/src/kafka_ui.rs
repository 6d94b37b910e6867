//! Kafka UI: its page, its health, and its clusters, which it really asks: one is online where a bootstrap server
//! answers and every broker accepts at the address that it sends clients on to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::kafka_wire::{self, Metadata};
use crate::{complain, pages, serve};

/// Between two looks that nobody asked for, as the real one has it (`kafka.update-metrics-rate-millis`).
const EVERY: Duration = Duration::from_secs(30);
/// How long a broker may take to accept, and to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// A cluster, as `KAFKA_CLUSTERS_n_…` declares it.
struct Cluster {
    name: String,
    /// `host:port`, separated by commas.
    servers: String,
    read_only: bool,
    seen: Mutex<Seen>,
}

/// What the last look at it showed.
enum Seen {
    Nothing,
    Online(Metadata),
    Offline(String),
}

impl Cluster {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Whoever panicked has written nothing by halves: what is in there is replaced as a whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at it now.
    async fn look(&self) {
        let seen = match ask(&self.servers).await {
            Ok(metadata) => Seen::Online(metadata),
            Err(error) => Seen::Offline(format!("{error:#}")),
        };
        if let Seen::Offline(why) = &seen {
            complain(&format!("the cluster {} is offline: {why}", self.name));
        }
        *self.seen() = seen;
    }

    /// It in the API's words.
    fn told(&self) -> Value {
        let mut told = json!({
            "name": self.name, "defaultCluster": null, "status": "initializing", "lastError": null,
            "brokerCount": null, "onlinePartitionCount": null, "topicCount": null,
            "bytesInPerSec": null, "bytesOutPerSec": null, "readOnly": self.read_only, "version": null,
            "features": [],
        });
        match &*self.seen() {
            Seen::Nothing => {}
            Seen::Online(metadata) => {
                told["status"] = json!("online");
                told["brokerCount"] = json!(metadata.brokers.len());
                told["topicCount"] = json!(metadata.topics);
                told["onlinePartitionCount"] = json!(metadata.led);
                told["features"] = json!(["TOPIC_DELETION"]);
            }
            Seen::Offline(why) => {
                told["status"] = json!("offline");
                told["lastError"] = json!({"message": why, "stackTrace": null});
            }
        }
        told
    }
}

/// The clusters that a variable's value is known of, by their numbers.
fn declared(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Vec<Cluster>> {
    let of = |index: usize, what: &str| {
        variable(&format!("KAFKA_CLUSTERS_{index}_{what}")).filter(|value| !value.trim().is_empty())
    };
    let mut clusters = Vec::new();
    while let Some(servers) = of(clusters.len(), "BOOTSTRAPSERVERS") {
        let index = clusters.len();
        let name = match of(index, "NAME") {
            Some(name) => name,
            None if index == 0 && of(1, "BOOTSTRAPSERVERS").is_none() => "Default".to_owned(),
            None => {
                anyhow::bail!("KAFKA_CLUSTERS_{index}_NAME is missing: one of several clusters needs a name")
            }
        };
        let read_only = of(index, "READONLY").is_some_and(|value| value == "true");
        clusters.push(Cluster { name, servers, read_only, seen: Mutex::new(Seen::Nothing) });
    }
    Ok(clusters)
}

/// What the first bootstrap server that answers says of its cluster, proven: every broker that it names accepts.
async fn ask(servers: &str) -> anyhow::Result<Metadata> {
    let mut last = anyhow::anyhow!("no bootstrap server is named");
    for server in servers.split(',').map(str::trim).filter(|server| !server.is_empty()) {
        match metadata(server).await {
            Ok(metadata) => {
                for broker in &metadata.brokers {
                    drop(
                        connect(broker)
                            .await
                            .with_context(|| format!("{server} sends clients on to {broker}"))?,
                    );
                }
                return Ok(metadata);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn connect(address: &str) -> anyhow::Result<TcpStream> {
    let connected = tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await;
    connected.context("nobody accepts").and_then(|stream| Ok(stream?)).with_context(|| address.to_owned())
}

async fn metadata(server: &str) -> anyhow::Result<Metadata> {
    let mut stream = connect(server).await?;
    let exchange = async {
        stream.write_all(&kafka_wire::metadata_request()).await?;
        let size = kafka_wire::response_size(stream.read_u32().await?)?;
        let mut answer = vec![0; size];
        stream.read_exact(&mut answer).await?;
        kafka_wire::metadata(&answer).context("it doesn't answer as Kafka does")
    };
    let answered = tokio::time::timeout(PATIENCE, exchange).await;
    answered.context("it doesn't answer").and_then(|answer| answer).with_context(|| server.to_owned())
}

/// `java -jar api.jar`
pub async fn serve_ui() -> anyhow::Result<()> {
    let variable = |name: &str| std::env::var(name).ok();
    let clusters = Arc::new(declared(variable)?);
    complain(&format!("stands in for Kafka UI, with {} clusters", clusters.len()));
    tokio::spawn(watch(Arc::clone(&clusters)));
    let api = Router::new()
        .route("/api/clusters", get(list))
        .route("/api/clusters/{name}/cache", post(look_again))
        .route("/actuator/health", get(|| async { Json(json!({"status": "UP"})) }))
        .with_state(clusters);
    let below = variable("SERVER_SERVLET_CONTEXT_PATH").unwrap_or_default();
    let router = pages::page("Kafka UI").merge(api);
    let router = match below.trim_matches('/') {
        "" => router,
        below => Router::new().nest(&format!("/{below}"), router),
    };
    let port = match variable("SERVER_PORT") {
        Some(port) => port.parse().with_context(|| format!("SERVER_PORT is {port}"))?,
        None => 8080,
    };
    serve(port, router).await
}

async fn watch(clusters: Arc<Vec<Cluster>>) {
    loop {
        for cluster in clusters.iter() {
            cluster.look().await;
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn list(State(clusters): State<Arc<Vec<Cluster>>>) -> Json<Value> {
    Json(clusters.iter().map(Cluster::told).collect())
}

async fn look_again(State(clusters): State<Arc<Vec<Cluster>>>, Path(name): Path<String>) -> Response {
    let Some(cluster) = clusters.iter().find(|cluster| cluster.name == name) else {
        let body = json!({"code": 4007, "message": "Cluster not found"});
        return (StatusCode::NOT_FOUND, Json(body)).into_response();
    };
    cluster.look().await;
    Json(cluster.told()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(variables: &[(&str, &str)]) -> anyhow::Result<Vec<String>> {
        let of =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Ok(declared(of)?
            .into_iter()
            .map(|cluster| format!("{} at {}", cluster.name, cluster.servers))
            .collect())
    }

    #[test]
    fn clusters_are_those_of_the_environment() {
        let first = ("KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS", "kafka:9092");
        let second = ("KAFKA_CLUSTERS_1_BOOTSTRAPSERVERS", "other:9092");
        let named = ("KAFKA_CLUSTERS_0_NAME", "mes");
        assert_eq!(names(&[]).unwrap(), [""; 0]);
        assert_eq!(names(&[first]).unwrap(), ["Default at kafka:9092"]);
        assert_eq!(names(&[first, named]).unwrap(), ["mes at kafka:9092"]);
        assert!(names(&[first, named, second]).unwrap_err().to_string().contains("KAFKA_CLUSTERS_1_NAME"));
        assert_eq!(
            names(&[first, named, second, ("KAFKA_CLUSTERS_1_NAME", "b")]).unwrap(),
            ["mes at kafka:9092", "b at other:9092"]
        );
    }

    #[tokio::test]
    async fn who_does_not_answer_is_offline() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = listener.local_addr().unwrap();
        drop(listener);
        let address = closed.to_string();
        let of = |name: &str| (name == "KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS").then(|| address.clone());
        let clusters = declared(of).unwrap();
        assert_eq!(clusters[0].told()["status"], "initializing");
        clusters[0].look().await;
        let told = clusters[0].told();
        assert_eq!(told["status"], "offline");
        assert!(told["lastError"]["message"].as_str().unwrap().contains(&address), "{told}");
    }
}

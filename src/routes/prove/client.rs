//! Asks the proxy.

use std::collections::HashMap;
use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HOST, HeaderName};
use reqwest::redirect;
use serde::Serialize;
use tokio::net::lookup_host;
use tokio::sync::Mutex;

use super::answer::Answer;
use super::request::{Endpoint, Proxy};
use super::router::Request;

/// Of an answer's body, in bytes; Kong's own errors are shorter.
const BODY: usize = 4096;
/// How long is waited for it. What streams never ends, and its head tells enough.
const BODY_PATIENCE: Duration = Duration::from_millis(300);

/// Whether connections are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// They are.
    Connections,
    /// Each request has its own: it may reach another worker.
    Nothing,
}

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "because", content = "of")]
pub enum Unanswered {
    /// Nobody listens.
    Refused,
    /// Nothing came within the time, in milliseconds.
    TimedOut(u64),
    /// The connection was closed.
    Closed,
    /// The proxy's name isn't known.
    Unresolved(String),
    /// Something else, in the words of who noticed.
    Broken(String),
    /// The time was up before it was asked.
    NotAsked,
}

/// Clients by the server name that they send; one that sends none of its own has none.
pub(super) struct Client {
    proxy: Proxy,
    keep: Keep,
    by_sni: Mutex<HashMap<Option<String>, reqwest::Client>>,
}

impl Client {
    pub fn new(proxy: &Proxy, keep: Keep) -> Self {
        Self { proxy: proxy.clone(), keep, by_sni: Mutex::new(HashMap::new()) }
    }

    /// The proxy answers in the clear.
    pub fn speaks_http(&self) -> bool {
        self.proxy.http.is_some()
    }

    /// Asks once; redirects aren't followed.
    pub async fn ask(&self, request: &Request, patience: Duration) -> Result<Answer, Unanswered> {
        let late = Unanswered::TimedOut(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
        let mut response = tokio::time::timeout(patience, self.head(request)).await.unwrap_or(Err(late))?;
        let headers = response.headers().iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let headers = headers.collect();
        let mut body = Vec::new();
        // What came so far is enough where the rest doesn't come.
        let _ = tokio::time::timeout(BODY_PATIENCE, async {
            while let (true, Ok(Some(chunk))) = (body.len() < BODY, response.chunk().await) {
                body.extend_from_slice(&chunk);
            }
        })
        .await;
        body.truncate(BODY);
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: response.status().as_u16(), headers, body })
    }

    /// What comes before the body.
    async fn head(&self, request: &Request) -> Result<reqwest::Response, Unanswered> {
        let endpoint = if request.tls { &self.proxy.https } else { &self.proxy.http };
        let endpoint = endpoint.as_ref().ok_or(Unanswered::Refused)?;
        let client = self.client(request, endpoint).await?;
        let broken = |error: &dyn std::fmt::Display| Unanswered::Broken(error.to_string());
        let method = request.method.parse::<http::Method>().map_err(|error| broken(&error))?;
        let mut asked = client.request(method, url(request, endpoint)).header(HOST, &request.host);
        for (name, value) in &request.headers {
            let name: HeaderName = name.parse().map_err(|error| broken(&error))?;
            asked = asked.header(name, value);
        }
        if !["GET", "HEAD", "OPTIONS"].contains(&request.method.as_str()) {
            asked = asked.header(CONTENT_LENGTH, "0");
        }
        asked.send().await.map_err(|error| reason(&error))
    }

    async fn client(&self, request: &Request, endpoint: &Endpoint) -> Result<reqwest::Client, Unanswered> {
        let sni = request.sni.clone().filter(|sni| request.tls && *sni != endpoint.host);
        let mut clients = self.by_sni.lock().await;
        if let Some(client) = clients.get(&sni) {
            return Ok(client.clone());
        }
        let resolved = match &sni {
            Some(sni) => Some((sni.as_str(), addresses(endpoint).await?)),
            None => None,
        };
        let client = build(self.keep, resolved).map_err(|error| Unanswered::Broken(error.to_string()))?;
        clients.insert(sni, client.clone());
        Ok(client)
    }
}

fn build(keep: Keep, resolved: Option<(&str, Vec<SocketAddr>)>) -> reqwest::Result<reqwest::Client> {
    // A second call only says that there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .user_agent(concat!("vv/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .http1_only()
        .pool_max_idle_per_host(if keep == Keep::Connections { super::AT_ONCE } else { 0 })
        // Kong's own certificate is self-signed: what is proven is the route, and not the certificate.
        .danger_accept_invalid_certs(true);
    match resolved {
        Some((name, addresses)) => client.resolve_to_addrs(name, &addresses).build(),
        None => client.build(),
    }
}

async fn addresses(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, Unanswered> {
    let found = lookup_host((endpoint.host.as_str(), endpoint.port)).await;
    found.map(Iterator::collect).map_err(|error| Unanswered::Unresolved(error.to_string()))
}

/// The server name of TLS is the URL's host; where it goes is settled by the client.
fn url(request: &Request, endpoint: &Endpoint) -> String {
    let scheme = if request.tls { "https" } else { "http" };
    let host = request.sni.as_ref().filter(|_| request.tls).unwrap_or(&endpoint.host);
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    format!("{scheme}://{host}:{}{}", endpoint.port, request.path)
}

fn reason(error: &reqwest::Error) -> Unanswered {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            match error.kind() {
                io::ErrorKind::ConnectionRefused => return Unanswered::Refused,
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                    return Unanswered::Closed;
                }
                _ => {}
            }
        }
        text = error.to_string();
        // hyper's errors have no type that can be named from here, but their texts are stable.
        if text.contains("connection closed before message completed") {
            return Unanswered::Closed;
        }
        if text.contains("dns error") || text.contains("failed to lookup address") {
            return Unanswered::Unresolved(error.source().map_or(text, ToString::to_string));
        }
        if text.contains("InvalidContentType") || text.contains("corrupt message") {
            return Unanswered::Broken("it doesn't speak TLS".to_owned());
        }
        cause = error.source();
    }
    Unanswered::Broken(text.lines().next().unwrap_or_default().to_owned())
}

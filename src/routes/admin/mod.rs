//! Kong's Admin API: asked with at most sixteen requests at once, over connections that are kept, and again where that may
//! help.

mod configuration;
mod error;
mod health;
mod node;
mod read;
mod sentinel;
mod tidy;

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, redirect};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use crate::backoff::Backoff;

pub(super) use error::flatten;
pub use error::{AdminError, ErrorKind, Refusal, Scrub};
pub use node::Node;

/// So many requests are on their way at once.
const AT_ONCE: usize = 16;
/// An answer takes no longer.
const ANSWER: Duration = Duration::from_secs(30);
/// A connection is made within this time.
const CONNECT: Duration = Duration::from_secs(5);
/// Kong's "An unexpected error occurred" may be a passing one; one that stays isn't.
const UNEXPECTED: u32 = 3;

/// How the Admin API is asked.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Sent with each request: a login.
    pub headers: Vec<(String, String)>,
    /// How TLS is done; nothing: certificates are verified as usual, by those that the system trusts.
    pub tls: Option<rustls::ClientConfig>,
    /// How long what can be asked again is, where the caller gives no end.
    pub patience: Duration,
}

/// An Admin API.
pub struct Admin {
    client: Client,
    base: Url,
    gate: Semaphore,
    patience: Duration,
    /// Who answered, as soon as it was ready.
    node: OnceLock<Node>,
}

/// What was answered: a status, and a body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, where it is JSON; else null.
    pub body: Value,
    /// The body, where it isn't JSON.
    pub text: String,
}

/// Something to be asked or done.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: Method,
    /// The path below the Admin API's address, with the query: `services/orders`.
    pub path: String,
    /// What is sent as JSON.
    pub body: Option<Value>,
}

impl Answer {
    /// Whether it is a success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What it says, when it isn't.
    pub fn refusal(&self) -> Refusal {
        Refusal::of(self.status, &self.body, &self.text)
    }
}

impl Admin {
    /// One at this address (`http://localhost:8001`, also with a path before Kong's own).
    pub fn new(base: Url, options: ClientOptions) -> Result<Self, AdminError> {
        let unusable =
            |message: String| AdminError { kind: ErrorKind::Unusable, message, hint: None, retriable: false };
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            let shown = address(&base);
            return Err(unusable(format!(
                "{shown} is no address of an Admin API: expected http://HOST:PORT"
            )));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &options.headers {
            let parsed = name.parse::<HeaderName>().ok().zip(value.parse::<HeaderValue>().ok());
            let Some((header, mut value)) = parsed else {
                return Err(unusable(format!("the header '{name}' can't be sent")));
            };
            value.set_sensitive(true);
            headers.append(header, value);
        }
        let client = Client::builder()
            .user_agent(concat!("vv/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .timeout(ANSWER)
            .connect_timeout(CONNECT)
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(AT_ONCE)
            .no_proxy();
        let client = match options.tls {
            Some(tls) => client.tls_backend_preconfigured(tls),
            None => client,
        };
        let client =
            client.build().map_err(|error| unusable(format!("no client for {}: {error}", address(&base))))?;
        Ok(Self {
            client,
            base,
            gate: Semaphore::new(AT_ONCE),
            patience: options.patience,
            node: OnceLock::new(),
        })
    }

    /// Its address, without a login.
    pub fn address(&self) -> String {
        address(&self.base)
    }

    /// Asks, and again until `end` where nobody answered or Kong says that it is busy. All that is asked may be asked
    /// again: what is made has its id already. An answer that says no is an answer.
    pub(super) async fn ask(&self, request: &Request, end: Instant) -> Result<Answer, AdminError> {
        let mut backoff = Backoff::default();
        let mut unexpected = 0;
        let mut last = None;
        loop {
            let asked = Instant::now();
            let (error, least) = match timeout_at(end, self.once(request)).await {
                // What went wrong before tells more than that the time is up.
                Err(_) => return Err(last.unwrap_or_else(|| self.too_late(request))),
                Ok(Err(error)) if !error.retriable => return Err(error),
                Ok(Err(error)) => (error, None),
                Ok(Ok((answer, wait))) => match answer.status {
                    401 | 403 => return Err(self.unauthorized(&answer)),
                    500 if unexpected < UNEXPECTED => {
                        unexpected += 1;
                        (self.not_ready(&answer), None)
                    }
                    429 | 502 | 503 | 504 => (self.not_ready(&answer), wait),
                    _ => return Ok(answer),
                },
            };
            let pause = backoff.pause(asked.elapsed().min(Duration::from_secs(1)));
            let pause = least.map_or(pause, |least| least.max(pause));
            if Instant::now() + pause >= end {
                return Err(error);
            }
            last = Some(error);
            sleep(pause).await;
        }
    }

    /// Asks once; also how long Kong says to wait.
    async fn once(&self, request: &Request) -> Result<(Answer, Option<Duration>), AdminError> {
        let _permit = self.gate.acquire().await;
        let mut sent = self.client.request(request.method.clone(), self.url(&request.path));
        if let Some(body) = &request.body {
            sent = sent.json(body);
        }
        let response = sent.send().await.map_err(|error| self.failed(request, &error))?;
        let status = response.status().as_u16();
        let wait = response.headers().get(RETRY_AFTER);
        let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok()).map(Duration::from_secs);
        let bytes = response.bytes().await.map_err(|error| self.failed(request, &error))?;
        let answer = match serde_json::from_slice(&bytes) {
            Ok(body) => Answer { status, body, text: String::new() },
            Err(_) => {
                Answer { status, body: Value::Null, text: String::from_utf8_lossy(&bytes).into_owned() }
            }
        };
        Ok((answer, wait))
    }

    fn url(&self, path: &str) -> String {
        let mut base = self.base.clone();
        base.set_query(None);
        base.set_fragment(None);
        format!("{}/{}", base.as_str().trim_end_matches('/'), path.trim_start_matches('/'))
    }

    fn failed(&self, request: &Request, error: &reqwest::Error) -> AdminError {
        let address = self.address();
        let root = root_of(error);
        if error.is_timeout() {
            let message =
                format!("{address} doesn't answer {} /{} in time", request.method, shown_path(request));
            return AdminError { kind: ErrorKind::TimedOut, message, hint: None, retriable: true };
        }
        let no_tls = root.contains("InvalidContentType") || root.contains("corrupt message");
        let (what, hint) = match () {
            () if root.contains("refused") => (
                "refuses connections".to_owned(),
                Some(
                    "is Kong running, and does KONG_ADMIN_LISTEN listen there? --admin-url names another place",
                ),
            ),
            () if root.contains("dns error") || root.contains("lookup") => {
                ("has a host name that doesn't resolve".to_owned(), Some("--admin-url names another place"))
            }
            () if no_tls => ("doesn't speak TLS".to_owned(), Some("use http:// in --admin-url")),
            () if error.is_connect() => (format!("can't be connected to: {root}"), None),
            () => (format!("closed the connection: {root}"), None),
        };
        AdminError {
            kind: if no_tls { ErrorKind::Unusable } else { ErrorKind::Unreachable },
            message: format!("{address} {what}"),
            hint: hint.map(str::to_owned),
            retriable: !error.is_builder() && !no_tls,
        }
    }

    fn too_late(&self, request: &Request) -> AdminError {
        AdminError {
            kind: ErrorKind::TimedOut,
            message: format!(
                "{} doesn't answer {} /{} in time",
                self.address(),
                request.method,
                shown_path(request)
            ),
            hint: Some("run it again: it goes on with what is missing".to_owned()),
            retriable: true,
        }
    }

    fn unauthorized(&self, answer: &Answer) -> AdminError {
        AdminError {
            kind: ErrorKind::Unauthorized,
            message: format!("{} wants a login: {}", self.address(), answer.refusal().message),
            hint: Some(
                "give the header that it wants with --admin-header, such as 'Kong-Admin-Token: …'".to_owned(),
            ),
            retriable: false,
        }
    }

    fn not_ready(&self, answer: &Answer) -> AdminError {
        AdminError {
            kind: ErrorKind::NotReady,
            message: format!("{} answers {}: {}", self.address(), answer.status, answer.refusal().message),
            hint: (answer.status == 500).then(|| "Kong's own log says more".to_owned()),
            retriable: true,
        }
    }
}

impl Request {
    /// A question.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None }
    }
}

/// An address without its login.
fn address(url: &Url) -> String {
    let mut url = url.clone();
    // An address that can't have a login has none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.as_str().trim_end_matches('/').to_owned()
}

/// The path without what may be a secret in it: a query, a credential's key.
fn shown_path(request: &Request) -> &str {
    let path = request.path.split('?').next().unwrap_or_default();
    path.split('/').next().unwrap_or_default()
}

/// The innermost cause.
fn root_of(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    match text.split_once(" (os error") {
        Some((text, _)) => text.to_lowercase(),
        None => text,
    }
}

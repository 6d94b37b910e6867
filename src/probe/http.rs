//! HTTP: one request, no redirect followed but for readers, no proxy, nothing kept open, at most 64 KiB of the answer
//! read unless a longer document is asked for.

use std::error::Error as _;
use std::io;
use std::sync::LazyLock;
use std::time::Duration;

pub(super) use http::Method;
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, redirect};

use super::answer::{Answer, ProbeFailure, first_line, seconds};
use super::net::Place;
use super::question::{Accept, Page, Scheme};
use super::target::Target;

/// Of an answer's body, in bytes.
const BODY: usize = 64 * 1024;
/// How many redirects a reader follows.
const REDIRECTS: usize = 5;
/// … of one that lists everything a system knows.
const DOCUMENT: usize = 8 * 1024 * 1024;
/// Header lines of an answer; one with more fails as "not HTTP".
const HEADERS: usize = 100;

/// Each probe must prove a connection of its own, so none is kept. Proxies of the environment are for the world
/// outside, not for a stack's own ports.
static CLIENT: LazyLock<Result<Client, String>> = LazyLock::new(|| client(redirect::Policy::none()));

/// Goes where a page sends its readers, as long as that is the same server: what it says of a page elsewhere, such as
/// a login, isn't its own.
static READER: LazyLock<Result<Client, String>> = LazyLock::new(|| {
    client(redirect::Policy::custom(|attempt| {
        let from = attempt.previous().last().map(reqwest::Url::origin);
        let same = from == Some(attempt.url().origin());
        if same && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
    }))
});

fn client(redirects: redirect::Policy) -> Result<Client, String> {
    let tls = super::tls::unverified().map_err(|error| error.to_string())?;
    Client::builder()
        .user_agent(concat!("vv/", env!("CARGO_PKG_VERSION")))
        .redirect(redirects)
        .no_proxy()
        .pool_max_idle_per_host(0)
        .http1_only()
        .http1_max_headers(HEADERS)
        .tls_backend_preconfigured(tls)
        .build()
        .map_err(|error| error.to_string())
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    /// At most as many bytes of it as the request wants.
    pub body: Vec<u8>,
}

/// The status that a URL answers, or the page of the same server that it leads to.
///
/// # Errors
/// Why there was no answer, in words.
pub async fn status(url: &str, limit: Duration) -> Result<u16, String> {
    let client = READER.as_ref().map_err(Clone::clone)?;
    match client.get(url).timeout(limit).send().await {
        Ok(response) => Ok(response.status().as_u16()),
        Err(error) if error.is_timeout() => Err(format!("no answer within {}", seconds(limit))),
        Err(error) => {
            let mut cause: &dyn std::error::Error = &error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            Err(first_line(&cause.to_string()))
        }
    }
}

/// A name and a password.
pub(super) type Login<'a> = Option<(&'a str, &'a str)>;

/// A request to a replica.
#[derive(Debug, Clone)]
pub(super) struct Request<'a> {
    pub method: Method,
    pub scheme: Scheme,
    /// From `/`.
    pub path: &'a str,
    pub login: Login<'a>,
    /// Beside `Host`, `Accept` and the login; one of these replaces vv's own.
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: Option<Vec<u8>>,
    /// Of the answer's body, in bytes; what comes after isn't read.
    pub limit: usize,
}

impl<'a> Request<'a> {
    /// A request in the clear, without a login or a body.
    pub fn new(method: Method, path: &'a str) -> Self {
        Self { method, scheme: Scheme::Http, path, login: None, headers: Vec::new(), body: None, limit: BODY }
    }

    /// A GET of a JSON document that may be long.
    pub fn document(path: &'a str) -> Self {
        Self { limit: DOCUMENT, ..Self::new(Method::GET, path) }
    }

    /// With one more header.
    pub fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With a JSON document.
    pub fn json(mut self, document: &serde_json::Value) -> Self {
        self.headers.push(("content-type", "application/json"));
        self.body = Some(document.to_string().into_bytes());
        self
    }
}

/// Sends a GET and reads the answer, whatever its status.
pub(super) async fn get(
    target: &Target<'_>,
    place: Place,
    scheme: Scheme,
    path: &str,
    login: Login<'_>,
) -> Result<Reply, ProbeFailure> {
    send(target, place, Request { scheme, login, ..Request::new(Method::GET, path) }).await
}

/// Sends a request and reads the answer, whatever its status.
pub(super) async fn send(
    target: &Target<'_>,
    place: Place,
    asked: Request<'_>,
) -> Result<Reply, ProbeFailure> {
    let Request { method, scheme, path, login, headers, body, limit } = asked;
    let client =
        CLIENT.as_ref().map_err(|error| ProbeFailure::lasting(format!("no HTTP client: {error}")))?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut said = HeaderMap::new();
    // What people type and what a container's own healthcheck says: servers that look at the name know it.
    let host = format!("localhost:{}", place.address.port());
    for (name, value) in
        [("host", host.as_str()), ("accept", "application/json, */*;q=0.5")].iter().chain(&headers)
    {
        let wrong = |error: http::Error| ProbeFailure::lasting(format!("header {name}: {error}"));
        let name = HeaderName::try_from(*name).map_err(|error| wrong(error.into()))?;
        said.insert(name, HeaderValue::try_from(*value).map_err(|error| wrong(error.into()))?);
    }
    let mut request = client
        .request(method.clone(), format!("{}://{}{slash}{path}", scheme.name(), place.address))
        .headers(said)
        // Its own timeout would hide whether the connection or the answer was late.
        .timeout(target.deadline.left() + Duration::from_secs(60));
    if let Some((user, password)) = login {
        request = request.basic_auth(user, Some(password));
    }
    if let Some(body) = body {
        request = request.body(body);
    }
    let mut response = match target.deadline.bound(request.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(failure(&error, place, scheme)),
        Err(_) => return Err(place.silent(&target.deadline)),
    };
    let mut reply =
        Reply { status: response.status().as_u16(), headers: response.headers().clone(), body: Vec::new() };
    while reply.body.len() < limit {
        match target.deadline.bound(response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                reply.body.extend_from_slice(&chunk[..chunk.len().min(limit - reply.body.len())])
            }
            Ok(Ok(None)) => break,
            Ok(Err(_)) => {
                return Err(ProbeFailure::new(format!("{method} {path}: {}, cut in its body", reply.status)));
            }
            Err(_) => {
                return Err(ProbeFailure::new(format!(
                    "{method} {path}: {}, but its body doesn't end within {}",
                    reply.status,
                    target.deadline.limit_text()
                )));
            }
        }
    }
    Ok(reply)
}

/// Asks for a page.
pub(super) async fn ask(target: &Target<'_>, place: Place, page: &Page) -> Result<Answer, ProbeFailure> {
    let reply = get(target, place, page.scheme, &page.path, None).await?;
    let seen = reply.line(&page.path);
    let accepted = match page.accept {
        Accept::Success => (200..400).contains(&reply.status),
        Accept::Anything => reply.status < 500,
    };
    match reply.status {
        _ if accepted => Ok(Answer::Seen(seen)),
        404 => Err(reply
            .refusal(&page.path)
            .hint(format!("it answers, but has no {}: is the path right?", page.path))),
        _ => Err(reply.refusal(&page.path)),
    }
}

impl Reply {
    /// `GET /health: 200`
    pub fn line(&self, path: &str) -> String {
        format!("GET {path}: {}", self.status)
    }

    /// The failure that a status outside the wanted ones is, with what the body says of it.
    pub fn refusal(&self, path: &str) -> ProbeFailure {
        let mut detail = self.line(path);
        let said = self.text();
        // A page of markup says nothing in a line.
        if !said.is_empty() && !said.starts_with('<') {
            detail = format!("{detail}: {said}");
        }
        ProbeFailure::new(detail)
    }

    /// The body's first line.
    pub fn text(&self) -> String {
        first_line(&String::from_utf8_lossy(&self.body))
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A header's text; empty when it isn't there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What a request without an answer failed of.
fn failure(error: &reqwest::Error, place: Place, scheme: Scheme) -> ProbeFailure {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && error.get_ref().is_none()
        {
            return place.broken(error, false);
        }
        text = error.to_string();
        cause = error.source();
    }
    // hyper's errors have no type that can be named from here, but their texts are stable.
    if text.contains("connection closed before message completed") {
        return place.closed();
    }
    if scheme == Scheme::Https {
        return ProbeFailure::new(format!("{}: no TLS: {}", place.address, first_line(&text)));
    }
    ProbeFailure::new(format!("{} answers, but not in HTTP: {}", place.address, first_line(&text)))
}

//! The listeners: requests in, answers out, with the faults that a test asked for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

use super::{Asked, Entry, Fault, Gateway, admin, dbless, is_write, proxy};

/// Where it listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub admin: SocketAddr,
    pub proxy: SocketAddr,
    pub proxy_tls: SocketAddr,
    pub status: SocketAddr,
}

/// Loads what is kept, and starts all listeners.
pub async fn start(gateway: Arc<Gateway>) -> anyhow::Result<Addresses> {
    if gateway.options.database {
        let entities = gateway.options.keep.load().await?;
        gateway.change(|state| state.entities = entities);
    } else if let Some(text) = &gateway.options.declarative {
        dbless::load_at_start(&gateway, text)?;
    }
    let options = &gateway.options;
    let admin = TcpListener::bind(options.admin).await?;
    let status = TcpListener::bind(options.status).await?;
    let proxy = TcpListener::bind(options.proxy).await?;
    let proxy_tls = TcpListener::bind(options.proxy_tls).await?;
    let addresses = Addresses {
        admin: admin.local_addr()?,
        proxy: proxy.local_addr()?,
        proxy_tls: proxy_tls.local_addr()?,
        status: status.local_addr()?,
    };
    tokio::spawn(listen(admin, Arc::clone(&gateway), false));
    tokio::spawn(listen(status, Arc::clone(&gateway), true));
    tokio::spawn(admin::watch_health(Arc::clone(&gateway)));
    proxy::start(proxy, proxy_tls, gateway).await?;
    Ok(addresses)
}

/// A request to the Admin or status API.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    /// Still percent-encoded, without the query.
    pub path: String,
    pub query: String,
    pub content_type: String,
    pub body: Bytes,
}

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Body,
    pub headers: Vec<(&'static str, String)>,
}

/// An answer's body.
#[derive(Debug)]
pub enum Body {
    None,
    Json(Value),
    /// With its content type.
    Text(&'static str, String),
}

impl Answer {
    /// JSON.
    pub fn json(status: u16, json: Value) -> Self {
        Self { status, body: Body::Json(json), headers: Vec::new() }
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        Self { status, body: Body::None, headers: Vec::new() }
    }

    /// Some text.
    pub fn text(status: u16, kind: &'static str, text: String) -> Self {
        Self { status, body: Body::Text(kind, text), headers: Vec::new() }
    }

    /// `{"message": …}`
    pub fn message(status: u16, message: &str) -> Self {
        Self::json(status, serde_json::json!({"message": message}))
    }
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("dropped, as a test asked for")]
struct Dropped;

async fn listen(listener: TcpListener, gateway: Arc<Gateway>, status_only: bool) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // Small answers go out at once: without it each waits for the peer's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let gateway = Arc::clone(&gateway);
        let service = service_fn(move |request| {
            let gateway = Arc::clone(&gateway);
            async move { answer(&gateway, request, status_only).await }
        });
        tokio::spawn(async move {
            // Fails where the peer left, or a test wanted it to.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    gateway: &Arc<Gateway>,
    request: hyper::Request<Incoming>,
    status_only: bool,
) -> Result<hyper::Response<Full<Bytes>>, Dropped> {
    let asked_at = Instant::now();
    gateway.requests.fetch_add(1, Ordering::Relaxed);
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let content_type = parts.headers.get("content-type").and_then(|value| value.to_str().ok());
    let request = Request {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        content_type: content_type.unwrap_or_default().to_owned(),
        body,
    };
    if status_only {
        return Ok(respond(&request, admin::status_api(gateway, &request).await));
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let write = is_write(&request.method);
    let nth_write = if write { gateway.writes.fetch_add(1, Ordering::Relaxed) + 1 } else { 0 };
    let asked = Asked { method: &request.method, path: &path, nth_write };
    let fault = gateway.options.fault.as_ref().map_or(Fault::None, |hook| hook(&asked));
    let answer = match fault {
        Fault::None => Some(admin::answer(gateway, &request).await),
        Fault::DropBefore => None,
        Fault::DropAfter => {
            admin::answer(gateway, &request).await;
            None
        }
        Fault::Answer(status, json) => Some(Answer::json(status, json)),
        Fault::Delay(time) => {
            tokio::time::sleep(time).await;
            Some(admin::answer(gateway, &request).await)
        }
    };
    let status = answer.as_ref().map_or(0, |answer| answer.status);
    gateway.journal().push(Entry { method: request.method.clone(), path, status });
    let latency = ("X-Kong-Admin-Latency", asked_at.elapsed().as_millis().to_string());
    let answer = answer.map(|mut answer| {
        answer.headers.push(latency);
        respond(&request, answer)
    });
    answer.ok_or(Dropped)
}

fn respond(request: &Request, answer: Answer) -> hyper::Response<Full<Bytes>> {
    let mut response = hyper::Response::builder()
        .status(answer.status)
        .header("Server", crate::SERVER)
        .header("X-Stand-In", "vv")
        .header("Access-Control-Allow-Origin", "*");
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = match answer.body {
        Body::None => Bytes::new(),
        Body::Json(json) => {
            response = response.header("Content-Type", "application/json; charset=utf-8");
            Bytes::from(json.to_string())
        }
        Body::Text(kind, text) => {
            response = response.header("Content-Type", kind);
            Bytes::from(text)
        }
    };
    let body = if request.method == "HEAD" { Bytes::new() } else { body };
    response.body(Full::new(body)).unwrap_or_else(|_| hyper::Response::new(Full::default()))
}

//! The upstreams behind the recorded gateway: they answer with what they received.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};

/// Starts one that answers with `status`, but for `/status/N` and, after 4 s, paths with `/slow`. Its port.
pub async fn start(status: u16) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service_fn(move |request| answer(request, status, port));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    port
}

async fn answer(
    request: Request<Incoming>,
    status: u16,
    port: u16,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let path = parts.uri.path_and_query().unwrap().as_str();
    if path.contains("/slow") {
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    let headers =
        parts.headers.iter().map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())));
    let received = json!({
        "method": parts.method.as_str(),
        "path": path,
        "headers": headers.collect::<Map<String, Value>>(),
        "body": String::from_utf8_lossy(&body),
        "port": port,
    });
    let wanted = path.strip_prefix("/status/").and_then(|status| status.parse().ok());
    let response = Response::builder()
        .status(wanted.unwrap_or(status))
        .header("Content-Type", "application/json")
        .header("Server", "BaseHTTP/0.6 Python/3.11.7");
    Ok(response.body(Full::new(Bytes::from(received.to_string()))).unwrap())
}

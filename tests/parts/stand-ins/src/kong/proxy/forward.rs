//! Requests to services.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::balancer::{Balancer, Outcome, Peer};
use super::snapshot::Snapshot;
use super::tls;
use crate::kong::Gateway;
use crate::kong::state::Entity;

/// What a service is asked.
#[derive(Debug)]
pub struct Asked {
    pub method: String,
    /// With the query.
    pub path: String,
    pub headers: HeaderMap,
    /// The client's Host header where the route preserves it.
    pub host: Option<String>,
    pub body: Bytes,
}

/// What a service answered.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure {
    /// The host doesn't resolve.
    Name,
    /// No target takes requests.
    NoPeer,
    /// Refused, or not an answer.
    Broken,
    /// Too late.
    Late,
}

/// Asks a service; what can't be reached is tried again as often as the service says, at another target where there is
/// one.
pub async fn send(
    gateway: &Gateway,
    balancer: &Balancer,
    snapshot: &Snapshot,
    service: &Entity,
    asked: &Asked,
) -> Result<Answered, Failure> {
    let retries = service.get("retries").and_then(Value::as_u64).unwrap_or(5);
    let mut tried = BTreeSet::new();
    let mut last = Failure::NoPeer;
    for _ in 0..=retries {
        let Some(peer) = balancer.pick(snapshot, gateway, service, &tried) else { return Err(last) };
        let result = attempt(service, &peer, asked).await;
        let Some(target) = &peer.target else { return result };
        let outcome = match &result {
            Ok(answered) => Outcome::Answered(answered.status),
            Err(Failure::Late) => Outcome::TimedOut,
            Err(_) => Outcome::Unreachable,
        };
        balancer.saw(gateway, target, outcome);
        match result {
            Ok(answered) => return Ok(answered),
            Err(failure) => last = failure,
        }
        tried.insert(target.id.clone());
    }
    Err(last)
}

async fn attempt(service: &Entity, peer: &Peer, asked: &Asked) -> Result<Answered, Failure> {
    let limit =
        |field: &str| Duration::from_millis(service.get(field).and_then(Value::as_u64).unwrap_or(60_000));
    let addresses = tokio::net::lookup_host((peer.host.trim_matches(['[', ']']), peer.port));
    let addresses: Vec<_> = addresses.await.map_err(|_| Failure::Name)?.collect();
    let mut stream = Err(Failure::Name);
    for address in addresses {
        stream = match timeout(limit("connect_timeout"), TcpStream::connect(address)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(_)) => Err(Failure::Broken),
            Err(_) => Err(Failure::Late),
        };
        if stream.is_ok() {
            break;
        }
    }
    let stream = stream?;
    // A small request goes out at once.
    let _ = stream.set_nodelay(true);
    let read = limit("read_timeout");
    if service.get("protocol").and_then(Value::as_str) != Some("https") {
        return exchange(stream, peer, asked, read).await;
    }
    let connector = tokio_rustls::TlsConnector::from(Arc::new(tls::trusting()));
    let name = ServerName::try_from(peer.host.clone()).map_err(|_| Failure::Broken)?;
    let stream = timeout(limit("connect_timeout"), connector.connect(name, stream)).await;
    exchange(stream.map_err(|_| Failure::Late)?.map_err(|_| Failure::Broken)?, peer, asked, read).await
}

async fn exchange<S>(stream: S, peer: &Peer, asked: &Asked, read: Duration) -> Result<Answered, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|_| Failure::Broken)?;
    tokio::spawn(connection);
    let mut request = hyper::Request::builder().method(asked.method.as_str()).uri(&asked.path);
    if let Some(headers) = request.headers_mut() {
        *headers = asked.headers.clone();
        let host = asked.host.as_ref().unwrap_or(&peer.host_header);
        headers.insert(HOST, HeaderValue::from_str(host).map_err(|_| Failure::Broken)?);
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
        headers.remove(TRANSFER_ENCODING);
    }
    let request = request.body(Full::new(asked.body.clone())).map_err(|_| Failure::Broken)?;
    let response = timeout(read, sender.send_request(request)).await;
    let (parts, body) = response.map_err(|_| Failure::Late)?.map_err(|_| Failure::Broken)?.into_parts();
    let body = timeout(read, body.collect()).await;
    let body = body.map_err(|_| Failure::Late)?.map_err(|_| Failure::Broken)?.to_bytes();
    let mut headers = parts.headers;
    for name in [CONNECTION, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    Ok(Answered { status: parts.status.as_u16(), headers, body })
}

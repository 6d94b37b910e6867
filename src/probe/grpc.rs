//! Unary gRPC calls over HTTP/2 without TLS, and gRPC's own health service, `grpc.health.v1.Health/Check`.
//!
//! The two messages of the latter are a string and a number, so they are written and read by hand:
//! <https://github.com/grpc/grpc/blob/master/doc/health-checking.md>.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Method, Request};

use super::answer::{Answer, ProbeFailure, first_line};
use super::net::{Place, Wire};
use super::target::{Late, Target};

/// Of the answer, in bytes; a status takes seven.
const LIMIT: usize = 4096;

/// Asks how a service of the server (empty: the server as a whole) is.
pub(super) async fn ask(target: &Target<'_>, place: Place, service: &str) -> Result<Answer, ProbeFailure> {
    call(target, place, "/grpc.health.v1.Health/Check", encode(service)).await?.verdict(service)
}

/// Calls a method, `/package.Service/Method`, with a length-prefixed message.
pub(super) async fn call(
    target: &Target<'_>,
    place: Place,
    method: &str,
    message: Bytes,
) -> Result<Reply, ProbeFailure> {
    let wire = Wire::open(place, target.deadline).await?;
    match target.deadline.bound(converse(wire, place, method, message)).await {
        Ok(reply) => reply,
        Err(Late) => Err(place.silent(&target.deadline)),
    }
}

async fn converse(mut wire: Wire, place: Place, method: &str, message: Bytes) -> Result<Reply, ProbeFailure> {
    if place.published {
        wire.stays(super::net::GRACE).await?;
    }
    let (client, connection) =
        h2::client::handshake(wire.into_stream()).await.map_err(|error| foreign(place, &error))?;
    // Ends with the exchange: the connection is driven beside it and dropped with it.
    let exchange = exchange(client, place, method, message);
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        reply = &mut exchange => reply,
        ended = connection => match ended {
            // The server may close right after the answer; it is read already then.
            Ok(()) => exchange.await,
            Err(error) => Err(foreign(place, &error)),
        },
    }
}

async fn exchange(
    client: h2::client::SendRequest<Bytes>,
    place: Place,
    method: &str,
    message: Bytes,
) -> Result<Reply, ProbeFailure> {
    let broken = |error: h2::Error| foreign(place, &error);
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{}{method}", place.address))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .map_err(|error| ProbeFailure::lasting(error.to_string()))?;
    let mut client = client.ready().await.map_err(broken)?;
    let (response, mut body) = client.send_request(request, false).map_err(broken)?;
    body.send_data(message, true).map_err(broken)?;
    let response = response.await.map_err(broken)?;
    let mut reply =
        Reply { http: response.status().as_u16(), grpc: None, message: String::new(), body: Vec::new() };
    // An answer of nothing but headers carries its status there.
    reply.read_status(response.headers());
    let mut stream = response.into_body();
    while let Some(chunk) = stream.data().await {
        let chunk = chunk.map_err(broken)?;
        // The window is never refilled: a longer answer than it holds isn't a health status.
        reply.body.extend_from_slice(&chunk[..chunk.len().min(LIMIT - reply.body.len())]);
        if reply.body.len() == LIMIT {
            break;
        }
    }
    if reply.grpc.is_none()
        && let Some(trailers) = stream.trailers().await.map_err(broken)?
    {
        reply.read_status(&trailers);
    }
    Ok(reply)
}

/// A length-prefixed HealthCheckRequest: field 1, a string.
fn encode(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(0x0a);
        let mut length = service.len();
        while length > 0x7f {
            message.put_u8((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        message.put_u8(length as u8);
        message.put_slice(service.as_bytes());
    }
    frame(&message)
}

/// A message with gRPC's prefix: not compressed, so long.
pub(super) fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(5 + message.len());
    framed.put_u8(0);
    framed.put_u32(message.len() as u32);
    framed.put_slice(message);
    framed.freeze()
}

/// What a call came to.
pub(super) struct Reply {
    /// HTTP's status.
    pub http: u16,
    /// gRPC's status, where there was one.
    pub grpc: Option<u16>,
    /// What gRPC says beside it.
    pub message: String,
    /// The answer's message with its prefix, at most [`LIMIT`] bytes.
    pub body: Vec<u8>,
}

impl Reply {
    fn read_status(&mut self, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(status) = text("grpc-status").and_then(|text| text.parse().ok()) {
            self.grpc = Some(status);
            self.message = first_line(text("grpc-message").unwrap_or_default());
        }
    }

    fn verdict(self, service: &str) -> Result<Answer, ProbeFailure> {
        let of = if service.is_empty() { String::new() } else { format!(" for {service}") };
        match self.grpc {
            Some(0) => {}
            // UNIMPLEMENTED
            Some(12) => {
                return Err(ProbeFailure::lasting("speaks gRPC, but has no health service (grpc.health.v1)")
                    .hint("add the health service to the server, or ask it with x-vv.probe.tcp"));
            }
            // NOT_FOUND
            Some(5) => {
                return Err(ProbeFailure::new(format!("its health service knows no {service}: NOT_FOUND")));
            }
            Some(code) => return Err(ProbeFailure::new(format!("gRPC status {code}: {}", self.message))),
            None => {
                return Err(ProbeFailure::new(format!("HTTP/2 status {}, but no gRPC status", self.http)));
            }
        }
        // HealthCheckResponse: field 1, an enum; left out it is 0.
        match self.body.get(5..) {
            Some([0x08, 1, ..]) => Ok(Answer::Seen(format!("SERVING{of}"))),
            Some([0x08, 2, ..]) => Err(ProbeFailure::new(format!("NOT_SERVING{of}"))),
            Some([0x08, 3, ..]) => Err(ProbeFailure::new(format!("SERVICE_UNKNOWN{of}"))),
            Some([] | [0x08, 0, ..]) => Err(ProbeFailure::new(format!("UNKNOWN{of}"))),
            _ => Err(ProbeFailure::new("a health status that can't be read")),
        }
    }
}

fn foreign(place: Place, error: &h2::Error) -> ProbeFailure {
    match error.get_io() {
        Some(error) => place.broken(error, false),
        None => ProbeFailure::new(format!("{} answers, but not in gRPC: {error}", place.address)),
    }
}

#[cfg(test)]
#[path = "grpc_tests.rs"]
mod tests;

use std::net::SocketAddr;

use http::{Response, StatusCode};

use super::*;
use crate::probe::testing::{
    BRIEF, PATIENCE, answering, ask_within, closing, nobody, serve, service, silent, told,
};
use crate::stack::vv::Probe;

/// What a server answers with: a message, or only headers; and the status.
#[derive(Clone)]
struct Script {
    message: Option<&'static [u8]>,
    status: &'static str,
}

/// A gRPC server whose answer to everything is this. It wants the request for `orders` or for nothing.
async fn server(script: Script) -> SocketAddr {
    serve(move |stream| {
        let script = script.clone();
        async move {
            let Ok(mut connection) = h2::server::handshake(stream).await else { return };
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
                assert_eq!(request.headers()["content-type"], "application/grpc");
                let script = script.clone();
                tokio::spawn(async move {
                    let mut body = request.into_body();
                    let asked = body.data().await.unwrap().unwrap();
                    assert!([b"\0\0\0\0\0".as_slice(), b"\0\0\0\0\x08\x0a\x06orders"].contains(&&asked[..]));
                    let response = Response::builder().status(StatusCode::OK);
                    let Some(message) = script.message else {
                        let only_headers = response.header("grpc-status", script.status).body(()).unwrap();
                        respond.send_response(only_headers, true).unwrap();
                        return;
                    };
                    let mut stream = respond.send_response(response.body(()).unwrap(), false).unwrap();
                    stream.send_data(Bytes::from_static(message), false).unwrap();
                    let mut trailers = HeaderMap::new();
                    trailers.insert("grpc-status", script.status.parse().unwrap());
                    trailers.insert("grpc-message", "as scripted".parse().unwrap());
                    stream.send_trailers(trailers).unwrap();
                });
            }
        }
    })
    .await
}

async fn of(name: &str, address: SocketAddr) -> String {
    within(name, address, PATIENCE).await
}

async fn within(name: &str, address: SocketAddr, patience: std::time::Duration) -> String {
    let mut subject = service("s", &[7233], &[]);
    subject.vv.probe = Some(Probe::Grpc { port: 7233, service: name.into() });
    told(ask_within(subject, 7233, address, patience).await)
}

#[tokio::test]
async fn every_state_has_its_words() {
    let says = |message: &'static [u8]| Script { message: Some(message), status: "0" };
    let fails = |status| Script { message: None, status };
    let lines = [
        of("", server(says(b"\0\0\0\0\x02\x08\x01")).await).await,
        of("orders", server(says(b"\0\0\0\0\x02\x08\x01")).await).await,
        of("orders", server(says(b"\0\0\0\0\x02\x08\x02")).await).await,
        of("", server(says(b"\0\0\0\0\x02\x08\x03")).await).await,
        of("", server(says(b"\0\0\0\0\0")).await).await,
        of("", server(says(b"\0\0\0\0\x02\x12\x01")).await).await,
        of("orders", server(fails("5")).await).await,
        of("", server(fails("12")).await).await,
        of("", server(Script { message: Some(b""), status: "14" }).await).await,
        of("", answering(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"]).await).await,
        of("", closing().await).await,
        of("", nobody().await).await,
        within("", silent().await, BRIEF).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    ok: SERVING
    ok: SERVING for orders
    fail: NOT_SERVING for orders
    fail: SERVICE_UNKNOWN
    fail: UNKNOWN
    fail: a health status that can't be read
    fail: its health service knows no orders: NOT_FOUND
    lasting: speaks gRPC, but has no health service (grpc.health.v1) -> add the health service to the server, or ask it with x-vv.probe.tcp
    fail: gRPC status 14: as scripted
    fail: 127.0.0.1:PORT answers, but not in gRPC: connection error detected: frame with invalid size
    fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 7233 in the container
    fail: 127.0.0.1:PORT refuses connections (container port 7233)
    fail: 127.0.0.1:PORT accepts but says nothing within 300 ms
    ");
}

#[test]
fn a_long_name_has_a_long_length() {
    let name = "x".repeat(300);
    let encoded = encode(&name);
    assert_eq!(encoded[..8], [0, 0, 0, 1, 0x2f, 0x0a, 0xac, 0x02]);
    assert_eq!(encoded.len(), 5 + 303);
}

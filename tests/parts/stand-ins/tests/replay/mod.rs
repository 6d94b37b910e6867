//! Recorded exchanges with a real Kong 3.4.2: reading and sending them, renaming what they name, comparing answers.

pub mod compare;
pub mod echo;
pub mod rename;

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One exchange.
#[derive(Clone, Debug, Deserialize)]
pub struct Exchange {
    pub name: String,
    pub method: String,
    pub url: String,
    #[serde(default)]
    pub headers: Map<String, Value>,
    #[serde(default)]
    pub body: Value,
    pub status: u16,
    #[serde(default)]
    pub response_headers: Map<String, Value>,
    #[serde(default)]
    pub json: Value,
    #[serde(default)]
    pub text: Option<String>,
}

impl Exchange {
    /// The port that it was sent to.
    pub fn port(&self) -> u16 {
        let authority = self.url.split('/').nth(2).unwrap();
        authority.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// What follows the authority.
    pub fn path(&self) -> String {
        let rest = self.url.splitn(4, '/').nth(3).unwrap_or_default();
        format!("/{rest}")
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: hyper::HeaderMap,
    pub text: String,
    /// Null where it isn't JSON.
    pub json: Value,
}

/// All exchanges of a folder of recordings, in order.
pub fn folder(name: &str) -> Vec<Exchange> {
    let file = format!("{}/../../fixtures/kong-3.4.2/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Sends a request as it was recorded, to another address.
pub async fn send(exchange: &Exchange, address: SocketAddr, https: bool) -> Answer {
    let body = match &exchange.body {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        // The recorder wrote JSON as Python does.
        json => json.to_string().replace("\":", "\": ").replace(",\"", ", \""),
    };
    let mut request = hyper::Request::builder().method(exchange.method.as_str()).uri(exchange.path());
    for (name, value) in &exchange.headers {
        request = request.header(name, value.as_str().unwrap());
    }
    if !exchange.headers.contains_key("Host") {
        request = request.header("Host", exchange.url.split('/').nth(2).unwrap());
    }
    if !exchange.headers.contains_key("User-Agent") {
        request = request.header("User-Agent", "recorder");
    }
    let request = request.body(Full::new(bytes::Bytes::from(body))).unwrap();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let response = match https {
        false => exchange_over(stream, request).await,
        true => {
            let config = vv_stand_ins::kong::proxy::trusting();
            let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
            let name = rustls_pki_types::ServerName::try_from("127.0.0.1").unwrap();
            exchange_over(connector.connect(name, stream).await.unwrap(), request).await
        }
    };
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        json: serde_json::from_str(&text).unwrap_or_default(),
        text,
    }
}

async fn exchange_over<S>(
    stream: S,
    request: hyper::Request<Full<bytes::Bytes>>,
) -> hyper::Response<hyper::body::Incoming>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap()
}

/// How a replay went; exchanges that needn't hold are told with why.
pub fn verdict(what: &str, failed: &[(String, String)], total: usize, excepted: &[(&str, &str)]) {
    let known = |name: &str| excepted.iter().any(|(start, _)| name.starts_with(start));
    let held = total - failed.len();
    #[expect(clippy::print_stdout, reason = "a test's own report")]
    {
        println!("{what}: {held} of {total} hold");
    }
    let unexpected: Vec<String> =
        failed.iter().filter(|(name, _)| !known(name)).map(|(name, why)| format!("{name}: {why}")).collect();
    assert!(unexpected.is_empty(), "{what}:\n{}", unexpected.join("\n"));
    let holding: Vec<&&str> = excepted
        .iter()
        .map(|(start, _)| start)
        .filter(|start| !failed.iter().any(|(name, _)| name.starts_with(**start)))
        .collect();
    assert!(holding.is_empty(), "{what}: these hold now and are no exceptions any more: {holding:?}");
}

//! What a listener speaks that hangs up on us: told by asking it once in the clear and once by TLS. The engine's proxy
//! hangs up too while nobody listens behind a published port, and Kafka does so on whoever speaks the wrong of the two.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::address::Server;
use super::native::{Lookup, Resolver};
use crate::probe::kafka::api_versions_request;

/// How long an answer may take; the listener has just hung up on us without a delay.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    /// Kafka, in the clear.
    Clear,
    /// TLS.
    Tls,
}

/// What is spoken at a server; nothing where nobody answers.
pub(super) async fn at(server: &Server, resolver: Arc<Resolver>) -> Option<Spoken> {
    let (host, port) = (server.host.clone(), server.port);
    let resolved = tokio::task::spawn_blocking(move || match resolver(&host, port) {
        Lookup::At(address) => vec![address],
        Lookup::System => (host.as_str(), port).to_socket_addrs().map(Iterator::collect).unwrap_or_default(),
        Lookup::Nowhere => Vec::new(),
    });
    for address in resolved.await.ok()? {
        if let Some(first) = answer(address, &api_versions_request()).await {
            match first {
                // A size of less than 16 MiB; a TLS record begins with its type.
                [0, ..] => return Some(Spoken::Clear),
                [20..=24, 3, ..] => return Some(Spoken::Tls),
                _ => {}
            }
        }
        if let Some([20..=24, 3, ..]) = answer(address, &hello()?).await {
            return Some(Spoken::Tls);
        }
    }
    None
}

/// The first bytes that are answered to these.
async fn answer(address: SocketAddr, bytes: &[u8]) -> Option<[u8; 4]> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(bytes).await.ok()?;
        let mut first = [0; 4];
        stream.read_exact(&mut first).await.ok()?;
        Some(first)
    };
    tokio::time::timeout(PATIENCE, exchange).await.ok()?
}

/// A ClientHello. Nothing is verified: the connection ends after the first bytes of the answer.
fn hello() -> Option<Vec<u8>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let name = ServerName::try_from("localhost").ok()?;
    let mut connection = ClientConnection::new(Arc::new(config), name).ok()?;
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).ok()?;
    Some(bytes)
}

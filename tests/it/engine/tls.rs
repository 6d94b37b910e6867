//! An engine behind TLS that wants a certificate of its clients.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use vv::engine::connect::connect;
use vv::engine::{ConnectOptions, EngineError};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/engine/tls")
}

/// Answers every request with a version; its address.
fn server() -> String {
    let dir = fixtures();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(dir.join("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_file(dir.join("server.pem")).unwrap()],
            PrivateKeyDer::from_pem_file(dir.join("server-key.pem")).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that is refused ends in an error here.
            let _ = answer(Arc::clone(&config), stream);
        }
    });
    format!("tcp://localhost:{port}")
}

fn answer(config: Arc<ServerConfig>, stream: TcpStream) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut head = [0; 4096];
    let _ = stream.read(&mut head)?;
    let body =
        r#"{"Version":"27.0.0","ApiVersion":"1.46","MinAPIVersion":"1.24","Os":"linux","Arch":"amd64"}"#;
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())?;
    stream.flush()
}

fn options(address: &str, certificates: &Path) -> ConnectOptions {
    ConnectOptions {
        docker_host: Some(address.to_owned()),
        cert_path: Some(certificates.to_path_buf()),
        tls_verify: true,
        ..ConnectOptions::default()
    }
}

#[tokio::test]
async fn certificates_open_the_door() {
    let engine = connect(&options(&server(), &fixtures())).await.unwrap();
    assert_eq!(engine.info().await.unwrap().api, (1, 46));
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (from, to) in [("other-ca.pem", "ca.pem"), ("cert.pem", "cert.pem"), ("key.pem", "key.pem")] {
        std::fs::copy(fixtures().join(from), dir.path().join(to)).unwrap();
    }
    let Err(EngineError::Unreachable { message, hints }) = connect(&options(&server(), dir.path())).await
    else {
        panic!("connected")
    };
    assert!(message.contains("(TLS)") && message.contains("UnknownIssuer"), "{message}");
    assert!(hints[0].contains("ca.pem"), "{hints:?}");
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(fixtures().join("ca.pem"), dir.path().join("ca.pem")).unwrap();
    let Err(EngineError::Unreachable { message, .. }) = connect(&options(&server(), dir.path())).await else {
        panic!("connected")
    };
    assert!(message.contains("(TLS)"), "{message}");
}

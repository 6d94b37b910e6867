//! Finding an engine, and what is said when there is none.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use vv::engine::connect::connect;
use vv::engine::{ConnectOptions, Engine, EngineError};

use super::Scene;

fn at(address: &str) -> ConnectOptions {
    ConnectOptions { docker_host: Some(address.to_owned()), ..ConnectOptions::default() }
}

async fn refusal(options: &ConnectOptions) -> (String, Vec<String>) {
    match connect(options).await {
        Ok(_) => panic!("connected"),
        Err(EngineError::Unreachable { message, hints }) => (message, hints),
        Err(other) => panic!("{other:?}"),
    }
}

/// Passes everything on to the real engine and notes the first line of every request.
fn proxy(path: &Path) -> Arc<Mutex<Vec<String>>> {
    let listener = UnixListener::bind(path).unwrap();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let noted = lines.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let noted = noted.clone();
            tokio::spawn(async move {
                let mut server = UnixStream::connect("/var/run/docker.sock").await.unwrap();
                let mut head = vec![0; 4096];
                let read = client.read(&mut head).await.unwrap();
                let text = String::from_utf8_lossy(&head[..read]).into_owned();
                noted.lock().unwrap().push(text.lines().next().unwrap_or_default().to_owned());
                server.write_all(&head[..read]).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn connecting_and_observing_are_five_calls_in_the_negotiated_version() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    let lines = proxy(&socket);
    let engine = connect(&at(&format!("unix://{}", socket.display()))).await.unwrap();
    let info = engine.info().await.unwrap();
    assert!(info.local && info.api >= (1, 41), "{info:?}");
    engine.observe("vvengine-nothing").await.unwrap();

    let mut lines = lines.lock().unwrap().clone();
    lines.sort();
    let version = format!("/v{}.{}", info.api.0, info.api.1);
    let paths: Vec<&str> = lines
        .iter()
        .map(|line| line.split(['?', ' ']).nth(1).unwrap().trim_start_matches(&version))
        .collect();
    assert_eq!(
        paths,
        ["/containers/json", "/images/json", "/networks", "/volumes", "/version"],
        "{lines:#?}"
    );
    assert_eq!(lines.iter().filter(|line| line.contains(&version)).count(), 4, "{lines:#?}");
}

#[tokio::test]
async fn no_socket_says_how_to_start_the_engine() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none.sock");
    let (message, hints) = refusal(&at(&format!("unix://{}", path.display()))).await;
    assert_eq!(message, format!("no Docker engine at unix://{}", path.display()));
    assert!(hints[0].contains("is it running?"), "{hints:?}");
    assert_eq!(hints[1], "the address is DOCKER_HOST's");
}

#[tokio::test]
async fn a_socket_that_nobody_serves_is_no_engine() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let (message, _) = refusal(&at(&format!("unix://{}", path.display()))).await;
    assert_eq!(message, format!("no Docker engine at unix://{}", path.display()));
}

/// Answers every request with this.
async fn server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let _ = client.read(&mut head).await;
            let length = answer.len();
            let text = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
            );
            let _ = client.write_all(text.as_bytes()).await;
        }
    });
    format!("tcp://{address}")
}

#[tokio::test]
async fn what_isnt_a_usable_engine_is_told() {
    let page = server("<html>hello</html>").await;
    let (message, _) = refusal(&at(&page)).await;
    assert!(message.starts_with(&format!("what answers at {page} is no Docker engine")), "{message}");

    let old = server(r#"{"Version":"19.03.8","ApiVersion":"1.40","MinAPIVersion":"1.12"}"#).await;
    let (message, hints) = refusal(&at(&old)).await;
    assert_eq!(message, "this Docker engine is too old: it speaks API 1.40, vv needs 1.41");
    assert_eq!(hints, ["Docker 20.10 or newer is needed"]);

    let new =
        server(r#"{"Version":"99","ApiVersion":"1.99","MinAPIVersion":"1.44","Os":"linux","Arch":"arm64"}"#);
    let info = connect(&at(&new.await)).await.unwrap().info().await.unwrap();
    assert!(!info.local && info.api < (1, 99), "{info:?}");
}

#[tokio::test]
async fn a_closed_port_and_a_missing_certificate_are_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (message, hints) = refusal(&at(&format!("tcp://{address}"))).await;
    assert!(message.starts_with(&format!("no Docker engine at tcp://{address}: ")), "{message}");
    assert!(message.to_lowercase().contains("connection refused"), "{message}");
    assert!(hints[0].contains("DOCKER_TLS_VERIFY"), "{hints:?}");

    let dir = tempfile::tempdir().unwrap();
    let options = ConnectOptions {
        tls_verify: true,
        cert_path: Some(dir.path().to_path_buf()),
        ..at(&format!("tcp://{address}"))
    };
    let (message, hints) = refusal(&options).await;
    assert!(message.contains("(TLS)") && message.contains("ca.pem"), "{message}");
    assert!(hints[0].contains("ca.pem"), "{hints:?}");
}

#[tokio::test]
async fn ssh_that_doesnt_work_is_told_with_the_command_to_try() {
    let limit = Duration::from_secs(60);
    let refused = tokio::time::timeout(limit, async { refusal(&at("ssh://nobody@127.0.0.1:1")).await }).await;
    let (message, hints) = refused.unwrap();
    assert!(message.starts_with("no Docker engine at ssh://nobody@127.0.0.1:1: "), "{message}");
    assert!(hints[0].contains("-l nobody -p 1 -- 127.0.0.1 docker system dial-stdio`"), "{hints:?}");
}

#[tokio::test]
async fn a_demanded_version_is_used() {
    let scene = Scene::new("version").await;
    let newest = scene.engine.info().await.unwrap().api;
    let options = ConnectOptions { api_version: Some("1.41".to_owned()), ..ConnectOptions::from_env() };
    let engine: Arc<dyn Engine> = connect(&options).await.unwrap();
    assert_eq!(engine.info().await.unwrap().api, (1, 41));
    engine.observe(&scene.project).await.unwrap();
    let options = ConnectOptions { api_version: Some("1.999".to_owned()), ..options };
    let (message, _) = refusal(&options).await;
    assert!(message.starts_with("DOCKER_API_VERSION is 1.999"), "{message} {newest:?}");
}

//! A server that answers as it is told, and remembers what it was asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use super::super::request::Endpoint;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Came {
    pub method: String,
    pub target: String,
    /// As they came, a line each.
    pub head: String,
    /// Which connection it came by, from 0.
    pub connection: usize,
    pub sni: Option<String>,
}

impl Came {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// What is done with a request.
pub enum Does {
    /// Its status line's end, headers and body: `200 OK`, `Via: kong/3.4.2`, `{}`.
    Answers(&'static str, Vec<String>, String),
    /// After a while.
    Slowly(Duration, Box<Does>),
    /// The headers come, and then nothing.
    Stops,
    Hangs,
    Closes,
    Babbles,
}

/// `answers("404 Not Found", "X-Kong-Response-Latency: 0", "…")`
pub fn answers(status: &'static str, headers: &str, body: &str) -> Does {
    Does::Answers(status, headers.lines().map(str::to_owned).collect(), body.to_owned())
}

/// Where nobody listens.
pub async fn closed() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Endpoint { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() }
}

/// It listens until this is dropped.
pub struct Server {
    pub endpoint: Endpoint,
    came: Arc<Mutex<Vec<Came>>>,
    most: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Handler = Arc<dyn Fn(&Came) -> Does + Send + Sync>;

/// What all connections of a server share.
#[derive(Clone)]
struct Shared {
    handler: Handler,
    came: Arc<Mutex<Vec<Came>>>,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Server {
    pub async fn start(handler: impl Fn(&Came) -> Does + Send + Sync + 'static) -> Self {
        Self::listen(handler, false).await
    }

    /// With a self-signed certificate of `localhost`.
    pub async fn start_tls(handler: impl Fn(&Came) -> Does + Send + Sync + 'static) -> Self {
        Self::listen(handler, true).await
    }

    async fn listen(handler: impl Fn(&Came) -> Does + Send + Sync + 'static, tls: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
        let shared = Shared {
            handler: Arc::new(handler),
            came: Arc::default(),
            now: Arc::default(),
            most: Arc::default(),
        };
        let acceptor = tls.then(acceptor);
        let (came, most) = (shared.came.clone(), shared.most.clone());
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (shared, acceptor) = (shared.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, connection, None, shared).await,
                        Some(acceptor) => {
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            let sni = stream.get_ref().1.server_name().map(str::to_owned);
                            serve(stream, connection, sni, shared).await;
                        }
                    }
                });
            }
        });
        Self { endpoint, came, most, task }
    }

    /// What came, in its order.
    pub fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }

    /// How many requests it had at the same time, at most.
    pub fn most_at_once(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from(include_bytes!("self-signed.crt.der").as_slice());
    let key = PrivatePkcs8KeyDer::from(include_bytes!("self-signed.key.der").as_slice());
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key))
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    sni: Option<String>,
    shared: Shared,
) {
    let mut read = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(count) => read.extend_from_slice(&chunk[..count]),
            }
        };
        let head = String::from_utf8(read.drain(..end).collect()).unwrap();
        let (start, head) = head.split_once("\r\n").unwrap();
        let mut words = start.split(' ').map(str::to_owned);
        let came = Came {
            method: words.next().unwrap(),
            target: words.next().unwrap(),
            head: head.to_owned(),
            connection,
            sni: sni.clone(),
        };
        let does = (shared.handler)(&came);
        shared.came.lock().unwrap().push(came.clone());
        let now = shared.now.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most.fetch_max(now, Ordering::SeqCst);
        let goes_on = act(&mut stream, &came, does).await;
        shared.now.fetch_sub(1, Ordering::SeqCst);
        if !goes_on {
            return;
        }
    }
}

async fn act(stream: &mut (impl AsyncWrite + Unpin), came: &Came, mut does: Does) -> bool {
    while let Does::Slowly(pause, then) = does {
        tokio::time::sleep(pause).await;
        does = *then;
    }
    let text = match does {
        Does::Slowly(..) => unreachable!("taken off above"),
        Does::Closes => return false,
        Does::Hangs => std::future::pending().await,
        Does::Babbles => "220 mail.example.test ESMTP\r\n".to_owned(),
        Does::Stops => "HTTP/1.1 200 OK\r\nVia: kong/3.4.2\r\nContent-Length: 9\r\n\r\n{".to_owned(),
        Does::Answers(status, headers, body) => {
            let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
            let length = body.len();
            let body = if came.method == "HEAD" { String::new() } else { body };
            format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
        }
    };
    let stops = text.ends_with("\r\n\r\n{");
    let written = stream.write_all(text.as_bytes()).await.is_ok() && stream.flush().await.is_ok();
    if stops {
        std::future::pending::<()>().await;
    }
    written
}

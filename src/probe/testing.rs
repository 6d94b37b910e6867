//! What the tests of this room share: services in a line, a platform in memory, servers that speak recorded bytes.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use indexmap::IndexMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::answer::{Answer, ProbeFailure};
use super::checks::protocol;
use crate::platform::{
    Endpoint, ExecResult, HealthVerdict, LastEnd, Platform, PlatformError, Replica, ReplicaState,
    ReplicaStatus,
};
use crate::stack::model::{Origin, Port, Protocol};
use crate::stack::vv::{StackVv, Url};
use crate::stack::{Service, Stack};

/// How long a probe may take in tests where it is meant to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// … and where it is meant to give up.
pub(super) const BRIEF: Duration = Duration::from_millis(300);
/// … and where it is meant to look until the end: long enough for the answers on the way to come on a busy machine.
pub(super) const LOOKING: Duration = Duration::from_millis(700);

/// A service of an image that tells nothing, with these published ports and urls (scheme, port).
pub(super) fn service(name: &str, ports: &[u16], urls: &[(&str, u16)]) -> Service {
    let port =
        |target: &u16| Port { target: *target, published: None, host_ip: None, protocol: Protocol::Tcp };
    let url = |(scheme, port): &(&str, u16)| Url {
        name: String::new(),
        port: *port,
        path: String::new(),
        scheme: (*scheme).to_owned(),
        login: None,
        page: true,
    };
    let mut service =
        Service { name: name.into(), image: format!("acme/{name}-of-ours"), ..Service::default() };
    service.replicas = 1;
    service.ports = ports.iter().map(port).collect();
    service.vv.urls = urls.iter().map(url).collect();
    service
}

/// A service of a kind that listens on this container port.
pub(super) fn system(kind: &str, port: u16) -> Service {
    let mut service = service(kind, &[port], &[]);
    service.vv.kind = Some(kind.into());
    service
}

/// The service with these variables in its environment.
pub(super) fn environment(mut service: Service, variables: &[(&str, &str)]) -> Service {
    service
        .environment
        .extend(variables.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))));
    service
}

/// A stack of these services.
pub(super) fn stack_of(services: impl IntoIterator<Item = Service>) -> Stack {
    Stack {
        name: "test".into(),
        origin: Origin::default(),
        services: services.into_iter().map(|service| (service.name.clone(), service)).collect(),
        inactive: IndexMap::new(),
        networks: IndexMap::new(),
        volumes: IndexMap::new(),
        vv: StackVv::default(),
        warnings: Vec::new(),
    }
}

/// A replica that runs.
pub(super) fn status(service: &str, number: u32) -> ReplicaStatus {
    ReplicaStatus {
        replica: Replica { service: service.into(), number },
        state: ReplicaState::Running,
        health: None::<HealthVerdict>,
        restarts: 0,
        up_for: None,
        last_end: LastEnd::default(),
        start_error: None,
        name: format!("{service}-{number}"),
        stub: false,
    }
}

/// A platform in memory.
#[derive(Default)]
pub(super) struct Fake {
    replicas: BTreeMap<String, Vec<ReplicaStatus>>,
    places: BTreeMap<(String, u16), Endpoint>,
    commands: BTreeMap<String, Result<ExecResult, PlatformError>>,
}

impl Fake {
    /// One with a replica.
    pub fn with(mut self, status: ReplicaStatus) -> Self {
        self.replicas.entry(status.replica.service.clone()).or_default().push(status);
        self
    }

    /// … whose port answers at a published port.
    pub fn published(self, service: &str, port: u16, address: SocketAddr) -> Self {
        self.at(service, port, Endpoint { address, published: true })
    }

    /// … whose port answers at the replica's own address.
    pub fn at(mut self, service: &str, port: u16, endpoint: Endpoint) -> Self {
        self.places.insert((service.to_owned(), port), endpoint);
        self
    }

    /// … in which a command leaves this.
    pub fn command(mut self, first_word: &str, code: i64, output: &str) -> Self {
        self.commands.insert(first_word.to_owned(), Ok(ExecResult { code, output: output.to_owned() }));
        self
    }

    /// … in which a command fails to be run, or to end.
    pub fn broken_command(mut self, first_word: &str, error: PlatformError) -> Self {
        self.commands.insert(first_word.to_owned(), Err(error));
        self
    }
}

#[async_trait]
impl Platform for Fake {
    async fn replicas(&self, service: &str) -> Result<Vec<ReplicaStatus>, PlatformError> {
        Ok(self.replicas.get(service).cloned().unwrap_or_default())
    }

    async fn reach(&self, replica: &Replica, port: u16) -> Result<Endpoint, PlatformError> {
        let place = self.places.get(&(replica.service.clone(), port)).copied();
        place.ok_or_else(|| PlatformError::NotReachable(format!("port {port} isn't published")))
    }

    async fn exec(&self, _: &Replica, command: &[String], _: Duration) -> Result<ExecResult, PlatformError> {
        match self.commands.get(&command[0]) {
            Some(result) => result.clone(),
            None => Err(PlatformError::Other(format!("no command {}", command[0]))),
        }
    }

    async fn last_logs(&self, _: &Replica, _: usize) -> Result<Vec<String>, PlatformError> {
        Ok(Vec::new())
    }
}

/// A server on a port of its own that treats every connection so, until the test ends.
pub(super) async fn serve<F, T>(treat: F) -> SocketAddr
where
    F: Fn(TcpStream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(treat(stream));
        }
    });
    address
}

/// A server that answers each thing it is told (any bytes) with the next of these, and then hangs up.
pub(super) async fn answering(answers: &[&[u8]]) -> SocketAddr {
    let answers: Vec<Vec<u8>> = answers.iter().map(|bytes| bytes.to_vec()).collect();
    serve(move |mut stream| {
        let answers = answers.clone();
        async move {
            let mut buffer = [0; 4096];
            for answer in answers {
                if stream.read(&mut buffer).await.unwrap_or(0) == 0
                    || stream.write_all(&answer).await.is_err()
                {
                    return;
                }
            }
            // A close with something unread would take back what was sent.
            let _ = stream.shutdown().await;
            while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        }
    })
    .await
}

/// A web server with one answer to everything.
pub(super) async fn page(status: u16, headers: &str, body: &str) -> SocketAddr {
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    );
    answering(&[answer.as_bytes()]).await
}

/// What the engine's proxy does for a dead service: accepts, and closes.
pub(super) async fn closing() -> SocketAddr {
    serve(|stream| async move { drop(stream) }).await
}

/// A process that is stopped: its kernel accepts, and nobody reads.
pub(super) async fn silent() -> SocketAddr {
    serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await
}

/// A port that nobody listens on.
pub(super) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Asks a service of one replica whose port is published at an address.
pub(super) async fn ask(service: Service, port: u16, address: SocketAddr) -> Result<Answer, ProbeFailure> {
    ask_within(service, port, address, PATIENCE).await
}

/// … with so much patience.
pub(super) async fn ask_within(
    service: Service,
    port: u16,
    address: SocketAddr,
    patience: Duration,
) -> Result<Answer, ProbeFailure> {
    let status = status(&service.name, 1);
    let platform = Fake::default().with(status.clone()).published(&service.name, port, address);
    let stack = stack_of([service.clone()]);
    protocol(&stack, &service, &platform, &status, patience).await
}

/// An answer or a failure in a line, with addresses of this run blotted out.
pub(super) fn told(result: Result<Answer, ProbeFailure>) -> String {
    let text = match result {
        Ok(Answer::Seen(detail)) => format!("ok: {detail}"),
        Ok(Answer::Doubtful { detail, hint }) => format!("warn: {detail} -> {hint}"),
        Ok(Answer::NotAsked(why)) => format!("not asked: {why}"),
        Err(ProbeFailure { detail, hint, lasting, .. }) => {
            let hint = hint.map(|hint| format!(" -> {hint}")).unwrap_or_default();
            format!("{}: {detail}{hint}", if lasting { "lasting" } else { "fail" })
        }
    };
    let address = regex::Regex::new(r"(127\.0\.0\.1|localhost|\[::1\]):\d{4,5}").unwrap();
    address.replace_all(&text, "$1:PORT").into_owned()
}

/// A web server that answers with the first of these whose words are in the request: words, status, body. What none
/// fits is a 404.
pub(super) async fn routes(answers: Vec<(String, u16, String)>) -> SocketAddr {
    let answers = std::sync::Arc::new(answers);
    serve(move |mut stream| {
        let answers = answers.clone();
        async move {
            let mut asked = Vec::new();
            let mut buffer = [0; 4096];
            while !complete(&asked) {
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(count) => asked.extend_from_slice(&buffer[..count]),
                }
            }
            let asked = String::from_utf8_lossy(&asked).into_owned();
            let found = answers.iter().find(|(words, ..)| asked.contains(words.as_str()));
            let (status, body) = found.map_or((404, ""), |(_, status, body)| (*status, body.as_str()));
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

/// Whether a request is there with all of its body.
fn complete(asked: &[u8]) -> bool {
    let text = String::from_utf8_lossy(asked);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// Pages of a system, a line each: words of the request, status, body.
pub(super) async fn site(answers: &[(&str, u16, &str)]) -> SocketAddr {
    routes(answers.iter().map(|(words, status, body)| ((*words).into(), *status, (*body).into())).collect())
        .await
}

/// A server that answers each datagram with what is made of it.
pub(super) async fn serve_udp(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((count, from)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&answer(&buffer[..count]), from).await;
        }
    });
    address
}

/// What the deep checks of a service's first replica come to, a line each.
pub(super) async fn deep_lines(
    stack: &Stack,
    service: &Service,
    platform: &dyn Platform,
    patience: Duration,
) -> String {
    let status = status(&service.name, 1);
    let deadline = super::target::Deadline::after(patience);
    let target = super::target::Target { stack, service, status: &status, platform, deadline };
    let secrets = super::secrets::Secrets::of_services([service], &[]);
    let each = super::deep::checks(target)
        .into_iter()
        .map(async |check| format!("{} {}", check.name, told(secrets.scrub_outcome(check.work.await))));
    futures_util::future::join_all(each).await.join("\n")
}

/// The deep checks of a service whose port answers at an address.
pub(super) async fn deep_of(service: Service, port: u16, address: SocketAddr) -> String {
    let platform = Fake::default().with(status(&service.name, 1)).published(&service.name, port, address);
    deep_lines(&stack_of([service.clone()]), &service, &platform, LOOKING).await
}

/// A server that answers whatever holds these words with these bytes, the first that fits, and the rest with nothing.
pub(super) async fn replies(answers: &[(&str, &[u8])]) -> SocketAddr {
    let answers: Vec<(String, Vec<u8>)> =
        answers.iter().map(|(words, bytes)| ((*words).to_owned(), bytes.to_vec())).collect();
    serve(move |mut stream| {
        let answers = answers.clone();
        async move {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                let said = String::from_utf8_lossy(&buffer[..count]).into_owned();
                if let Some((_, answer)) = answers.iter().find(|(words, _)| said.contains(words.as_str()))
                    && stream.write_all(answer).await.is_err()
                {
                    return;
                }
            }
        }
    })
    .await
}

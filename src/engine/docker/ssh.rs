//! An engine behind ssh: each connection is a run of the user's own `ssh`, as with the Docker CLI, so that its
//! configuration, agent and known hosts count. (bollard's own way over ssh loses the port.)

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use http::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long the last words of a run that has ended may take.
const LAST_WORDS_LIMIT: Duration = Duration::from_millis(300);

/// A client that reaches the engine of `[user@]host[:port]`. `timeout` is in seconds, until an answer begins.
pub fn transport(destination: &str, timeout: u64) -> Result<Docker, Error> {
    let connector = Connector { program: "ssh".to_owned(), arguments: arguments(destination).into() };
    through(connector, timeout)
}

fn through(connector: Connector, timeout: u64) -> Result<Docker, Error> {
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let send = move |request: BollardRequest| {
        let client = client.clone();
        async move { client.request(request).await.map_err(Error::from) }
    };
    // The name is ours alone: ssh knows where to go.
    Docker::connect_with_custom_transport(send, Some("ssh://engine"), timeout, API_DEFAULT_VERSION)
}

/// What `ssh` is told. An IPv6 address stands in brackets, as in any URL. A path after the host is the engine's
/// socket there.
pub fn arguments(destination: &str) -> Vec<String> {
    let (place, socket) = match destination.split_once('/') {
        Some((place, path)) => (place, Some(format!("unix:///{path}")).filter(|_| !path.is_empty())),
        None => (destination, None),
    };
    let (user, place) = place.rsplit_once('@').map_or((None, place), |(user, place)| (Some(user), place));
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, Some(port)),
        _ => (place, None),
    };
    let mut words = vec!["-T", "-o", "ConnectTimeout=20"];
    for (option, value) in [("-l", user), ("-p", port)] {
        words.extend(value.into_iter().flat_map(|value| [option, value]));
    }
    words.extend(["--", host.trim_start_matches('[').trim_end_matches(']'), "docker"]);
    if let Some(socket) = &socket {
        words.extend(["--host", socket]);
    }
    words.extend(["system", "dial-stdio"]);
    words.into_iter().map(str::to_owned).collect()
}

#[derive(Debug, Clone)]
struct Connector {
    program: String,
    arguments: Arc<[String]>,
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<SshStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let stream = SshStream::open(self);
        Box::pin(std::future::ready(stream.map(TokioIo::new)))
    }
}

/// What a failed `ssh` leaves: its last words, once it has ended.
type LastWords = Pin<Box<dyn Future<Output = String> + Send>>;

/// A run of `ssh` whose far end is the engine's socket.
struct SshStream {
    input: Option<ChildStdin>,
    output: ChildStdout,
    /// There is somebody at the far end.
    answered: bool,
    last_words: LastWords,
}

impl SshStream {
    fn open(connector: &Connector) -> io::Result<Self> {
        let mut child = Command::new(&connector.program)
            .args(connector.arguments.iter())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| io::Error::other(format!("can't run `{}`: {error}", connector.program)))?;
        let missing = || io::Error::other("ssh has no pipes");
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or_else(missing)?;
        Ok(Self { input, output, answered: false, last_words: Box::pin(last_words(child)) })
    }
}

/// The last line that a program leaves on stderr, once it has ended. Dropped, it ends the program.
async fn last_words(mut child: Child) -> String {
    let status = child.wait().await;
    let mut text = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        // A shared connection that ssh leaves in the background keeps the pipe open.
        let words = stderr.take(64 * 1024);
        let _ = tokio::time::timeout(LAST_WORDS_LIMIT, { words }.read_to_end(&mut text)).await;
    }
    let text = String::from_utf8_lossy(&text);
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    match (last, status) {
        (Some(line), _) => line.to_owned(),
        (None, Ok(status)) => format!("ssh ended ({status})"),
        (None, Err(error)) => format!("ssh ended: {error}"),
    }
}

impl AsyncRead for SshStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.output).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.answered = true;
            return Poll::Ready(Ok(()));
        }
        if self.answered {
            return Poll::Ready(Ok(()));
        }
        let words = ready!(self.last_words.as_mut().poll(context));
        // Polled no more after this.
        self.answered = true;
        Poll::Ready(Err(io::Error::other(words)))
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Some(input) => match ready!(Pin::new(input).poll_write(context, bytes)) {
                // A run that fails closes its stdin first; why it failed is learned by reading.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !self.answered => {
                    Poll::Ready(Ok(bytes.len()))
                }
                result => Poll::Ready(result),
            },
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(input) = &mut self.input {
            ready!(Pin::new(input).poll_shutdown(context))?;
        }
        // A pipe is closed by letting go of it.
        self.input = None;
        Poll::Ready(Ok(()))
    }
}

impl Connection for SshStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Docker {
        let arguments = ["-c", script].map(str::to_owned).to_vec().into();
        through(Connector { program: "sh".to_owned(), arguments }, 10).unwrap()
    }

    #[test]
    fn what_ssh_is_told() {
        for (destination, expected) in [
            ("host", "-T -o ConnectTimeout=20 -- host docker system dial-stdio"),
            ("me@host:2222", "-T -o ConnectTimeout=20 -l me -p 2222 -- host docker system dial-stdio"),
            ("me@[::1]:22", "-T -o ConnectTimeout=20 -l me -p 22 -- ::1 docker system dial-stdio"),
            (
                "host/run/user/1000/docker.sock",
                "-T -o ConnectTimeout=20 -- host docker --host unix:///run/user/1000/docker.sock system dial-stdio",
            ),
        ] {
            assert_eq!(arguments(destination).join(" "), expected, "{destination}");
        }
    }

    #[tokio::test]
    async fn an_answer_comes_through() {
        let answer = r#"{"Version":"20.10.24","ApiVersion":"1.41"}"#;
        let script = format!(
            "while read -r line; do [ ${{#line}} -gt 1 ] || break; done; \
             printf 'HTTP/1.1 200 OK\\r\\nContent-Length: {}\\r\\n\\r\\n%s' '{answer}'; cat >/dev/null",
            answer.len()
        );
        let docker = shell(&script);
        let version = docker.version().await.unwrap();
        assert_eq!(version.api_version.as_deref(), Some("1.41"));
    }

    #[tokio::test]
    async fn a_failed_run_tells_its_last_words() {
        let docker = shell("echo noise >&2; echo 'Permission denied (publickey).' >&2; exit 255");
        let mut error: &dyn std::error::Error = &docker.version().await.unwrap_err();
        while let Some(source) = error.source() {
            error = source;
        }
        assert_eq!(error.to_string(), "Permission denied (publickey).");
    }
}

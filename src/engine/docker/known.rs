//! What an engine has said of itself, remembered. `/version` takes it 15 ms, in which it runs other programs to ask for
//! theirs, at the beginning of every command; `/_ping` takes one, and tells whether it is still the same.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bollard::models::SystemVersion;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;

/// What `/version` told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// `20.10.24`
    pub version: String,
    /// The newest API version that it speaks: `1.41`.
    pub newest: Option<String>,
    /// The oldest one.
    pub least: Option<String>,
    /// `linux`
    pub os: String,
    /// `amd64`
    pub arch: String,
    /// Its networks are out of our reach though it runs here.
    pub secluded: bool,
}

impl From<SystemVersion> for Known {
    fn from(said: SystemVersion) -> Self {
        let platform = said.platform.as_ref().map_or("", |platform| platform.name.as_str());
        let rootless = said.components.iter().flatten().any(|part| part.name == "rootlesskit");
        Self {
            // Off Linux an engine for Linux runs in a machine of its own.
            secluded: rootless || platform.contains("Desktop") || !cfg!(target_os = "linux"),
            version: said.version.unwrap_or_default(),
            newest: said.api_version,
            least: said.min_api_version,
            os: said.os.unwrap_or_default(),
            arch: said.arch.unwrap_or_default(),
        }
    }
}

/// Which socket it was: an engine that starts makes a new one.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Socket {
    path: PathBuf,
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

impl Socket {
    fn at(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        let changed = (found.ctime(), found.ctime_nsec());
        Some(Self { path: path.to_owned(), device: found.dev(), inode: found.ino(), changed })
    }
}

#[derive(Serialize, Deserialize)]
struct Record {
    socket: Socket,
    known: Known,
}

/// The engine that answered last.
pub(super) struct Memory {
    file: PathBuf,
}

impl Memory {
    /// This user's.
    pub fn usual() -> Self {
        Self { file: crate::dirs::cache().join("engine.json") }
    }

    /// What is known of the engine at this socket, when it is still that one. One call, and none where nothing is known.
    pub async fn recall(&self, path: &Path) -> Option<Known> {
        let text = fs::read_to_string(&self.file).ok()?;
        let Record { socket, known } = serde_json::from_str(&text).ok()?;
        if Socket::at(path)? != socket {
            return None;
        }
        let Pinged { server, api } = ping(path).await?;
        let is_same =
            known.newest.as_ref() == Some(&api) && server.split(['/', ' ']).any(|word| word == known.version);
        is_same.then_some(known)
    }

    /// Keeps it for the next command, which finds it out again where it can't be kept.
    pub fn keep(&self, path: &Path, known: &Known) {
        let Some(socket) = Socket::at(path) else { return };
        let Ok(text) = serde_json::to_string(&Record { socket, known: known.clone() }) else { return };
        let _ = self.file.parent().map(fs::create_dir_all);
        let _ = fs::write(&self.file, text);
    }
}

/// What a ping tells in its headers (<https://docs.docker.com/reference/api/engine/version/v1.41/#operation/SystemPing>).
struct Pinged {
    /// `Docker/20.10.24 (linux)`
    server: String,
    /// `1.41`
    api: String,
}

/// Pings the engine at this socket; bollard doesn't tell the headers.
async fn ping(path: &Path) -> Option<Pinged> {
    let stream = UnixStream::connect(path).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    // It ends with its sender.
    tokio::spawn(connection);
    let request = Request::get("/_ping").header(header::HOST, "engine").body(Empty::<Bytes>::new()).ok()?;
    let answer = sender.send_request(request).await.ok()?;
    let said = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
    let is_well = answer.status() == StatusCode::OK;
    Some(Pinged { server: said("server")?, api: said("api-version")? }).filter(|_| is_well)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;

    fn known() -> Known {
        let text = |text: &str| text.to_owned();
        Known {
            version: text("20.10.24+dfsg1"),
            newest: Some(text("1.41")),
            least: None,
            os: text("linux"),
            arch: text("amd64"),
            secluded: false,
        }
    }

    /// An engine that answers pings with these headers; tells how many.
    fn engine(path: &Path, status: &'static str, headers: &'static str) -> Arc<AtomicUsize> {
        let listener = UnixListener::bind(path).unwrap();
        let pings = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&pings);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 1024];
                let read = stream.read(&mut buffer).await.unwrap();
                assert!(buffer[..read].starts_with(b"GET /_ping HTTP/1.1\r\n"));
                count.fetch_add(1, Ordering::Relaxed);
                let answer = format!("HTTP/1.1 {status}\r\n{headers}\r\ncontent-length: 2\r\n\r\nOK");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        pings
    }

    #[tokio::test]
    async fn an_engine_is_known_again_while_it_is_the_same() {
        for (status, headers, same) in [
            ("200 OK", "Server: Docker/20.10.24+dfsg1 (linux)\r\nApi-Version: 1.41", true),
            ("200 OK", "Server: Docker/20.10.2 (linux)\r\nApi-Version: 1.41", false),
            ("200 OK", "Server: Docker/20.10.24+dfsg1 (linux)\r\nApi-Version: 1.44", false),
            ("200 OK", "Server: Docker/20.10.24+dfsg1 (linux)", false),
            ("500 Oh", "Server: Docker/20.10.24+dfsg1 (linux)\r\nApi-Version: 1.41", false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let (memory, socket) =
                (Memory { file: folder.path().join("cache/engine.json") }, folder.path().join("sock"));
            let pings = engine(&socket, status, headers);
            assert_eq!(memory.recall(&socket).await, None, "nothing is known");
            memory.keep(&socket, &known());
            assert_eq!(pings.load(Ordering::Relaxed), 0);
            assert_eq!(memory.recall(&socket).await, same.then(known), "{status} {headers}");
            assert_eq!(pings.load(Ordering::Relaxed), 1);
        }
    }

    #[tokio::test]
    async fn another_socket_is_another_engine() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory { file: folder.path().join("engine.json") };
        let (socket, other) = (folder.path().join("sock"), folder.path().join("other"));
        let headers = "Server: Docker/20.10.24+dfsg1 (linux)\r\nApi-Version: 1.41";
        engine(&socket, "200 OK", headers);
        engine(&other, "200 OK", headers);
        memory.keep(&socket, &known());
        assert_eq!(memory.recall(&other).await, None);
        fs::remove_file(&socket).unwrap();
        assert_eq!(memory.recall(&socket).await, None);
        // It starts again.
        engine(&socket, "200 OK", headers);
        assert_eq!(memory.recall(&socket).await, None);
        fs::write(&memory.file, "{").unwrap();
        assert_eq!(memory.recall(&socket).await, None);
    }
}

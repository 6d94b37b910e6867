//! A proxy in front of the engine's socket: it logs every call, and cuts after the n-th that changes something, as
//! if vv had been killed there.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running proxy; it ends with the test's process.
pub struct Proxy {
    socket: PathBuf,
    shared: Arc<Shared>,
    _dir: tempfile::TempDir,
}

struct Shared {
    engine: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: Vec<String>,
    /// Mutating calls that may still pass; `None` lets all pass.
    left: Option<usize>,
    cut: bool,
}

impl Proxy {
    /// Listens on a socket of its own, in front of the engine at `engine`.
    pub fn new(engine: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let shared = Arc::new(Shared { engine: engine.to_owned(), state: Mutex::default() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                thread::spawn(move || serve(client, &shared));
            }
        });
        Self { socket, shared, _dir: dir }
    }

    /// What `DOCKER_HOST` must be.
    pub fn docker_host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Forgets the calls so far and lets all pass.
    pub fn reset(&self) {
        *self.shared.state.lock().unwrap() = State::default();
    }

    /// Forgets the calls so far; after the n-th mutating call the engine has carried it out, but the client never
    /// hears of it, nor can it call again.
    pub fn cut_after(&self, mutating: usize) {
        *self.shared.state.lock().unwrap() = State { left: Some(mutating), ..State::default() };
    }

    /// Whether the cut has come.
    pub fn was_cut(&self) -> bool {
        self.shared.state.lock().unwrap().cut
    }

    /// The calls so far: `GET /version`, without the API version and the query.
    pub fn calls(&self) -> Vec<String> {
        self.shared.state.lock().unwrap().calls.clone()
    }

    /// The mutating calls so far.
    pub fn mutating_calls(&self) -> Vec<String> {
        self.calls().into_iter().filter(|call| is_mutating(call)).collect()
    }
}

/// Starting a command in a container and waiting change nothing of what is planned.
fn is_mutating(call: &str) -> bool {
    let harmless = ["/exec", "/wait", "/resize", "/attach", "/auth", "/session", "/grpc"];
    !call.starts_with("GET ")
        && !call.starts_with("HEAD ")
        && !harmless.iter().any(|part| call.contains(part))
}

fn serve(client: UnixStream, shared: &Arc<Shared>) -> io::Result<()> {
    let engine = UnixStream::connect(&shared.engine)?;
    let mut requests = BufReader::new(client.try_clone()?);
    let mut to_engine = engine.try_clone()?;
    let cutting = Arc::new(Mutex::new(false));
    let responses = thread::spawn({
        let (mut from_engine, mut to_client) = (engine.try_clone()?, client.try_clone()?);
        let (cutting, shared) = (Arc::clone(&cutting), Arc::clone(shared));
        move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = from_engine.read(&mut buffer) {
                // The engine has answered the last call: it was carried out.
                if *cutting.lock().unwrap() || shared.state.lock().unwrap().cut {
                    shared.state.lock().unwrap().cut = true;
                    break;
                }
                if to_client.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            let _ = to_client.shutdown(Shutdown::Both);
            let _ = from_engine.shutdown(Shutdown::Both);
        }
    });
    let _ = forward_requests(&mut requests, &mut to_engine, shared, &cutting);
    let _ = engine.shutdown(Shutdown::Write);
    let _ = responses.join();
    Ok(())
}

fn forward_requests(
    requests: &mut BufReader<UnixStream>,
    engine: &mut UnixStream,
    shared: &Shared,
    cutting: &Mutex<bool>,
) -> io::Result<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if requests.read_until(b'\n', &mut head)? == 0 {
                return Ok(());
            }
        }
        let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let call = call_of(&String::from_utf8_lossy(&head));
        {
            let mut state = shared.state.lock().unwrap();
            if state.cut || *cutting.lock().unwrap() {
                return Ok(());
            }
            if is_mutating(&call)
                && let Some(left) = &mut state.left
            {
                *left = left.saturating_sub(1);
                *cutting.lock().unwrap() = *left == 0;
            }
            state.calls.push(call);
        }
        engine.write_all(&head)?;
        let header = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name).map(|value| value.trim_start_matches(':').trim()))
        };
        if header("upgrade").is_some() {
            io::copy(requests, engine)?;
            return Ok(());
        }
        if header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
            forward_chunks(requests, engine)?;
        } else if let Some(length) = header("content-length").and_then(|value| value.parse().ok()) {
            io::copy(&mut requests.take(length), engine)?;
        }
    }
}

fn forward_chunks(requests: &mut BufReader<UnixStream>, engine: &mut UnixStream) -> io::Result<()> {
    loop {
        let mut line = String::new();
        requests.read_line(&mut line)?;
        engine.write_all(line.as_bytes())?;
        let size = u64::from_str_radix(line.trim().split(';').next().unwrap_or(""), 16).unwrap_or(0);
        io::copy(&mut requests.take(size + 2), engine)?;
        if size == 0 {
            return Ok(());
        }
    }
}

/// `POST /containers/create` of `POST /v1.41/containers/create?name=x HTTP/1.1`
fn call_of(head: &str) -> String {
    let mut words = head.split_whitespace();
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let path = target.split('?').next().unwrap_or("");
    let path = match path.strip_prefix("/v1.") {
        Some(rest) => rest.find('/').map_or(path, |slash| &rest[slash..]),
        None => path,
    };
    format!("{method} {path}")
}

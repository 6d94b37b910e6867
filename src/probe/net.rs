//! A TCP conversation with a replica: every way in which it can fail says which one it was.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::ProbeFailure;
use super::target::{Deadline, Late};
use crate::platform::Endpoint;

/// What a process does that is stopped, or that hangs, in words.
pub(super) const SILENCE: &str = "accepts but says nothing";

/// How long a published port must stay open to count: the engine's proxy accepts first, and closes when it finds
/// nobody inside, which takes it a connect on the same machine.
pub(super) const GRACE: Duration = Duration::from_millis(60);

/// An open connection to a port of a replica.
pub(super) struct Wire {
    stream: TcpStream,
    place: Place,
    deadline: Deadline,
    heard: bool,
    ended: bool,
}

/// What a connection leads to, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The address that is dialled.
    pub address: SocketAddr,
    /// See [`Endpoint::published`].
    pub published: bool,
    /// The port in the container, where known.
    pub inside: Option<u16>,
}

impl Place {
    /// The place that a container port answers at.
    pub fn of(endpoint: Endpoint, port: u16) -> Self {
        Self { address: endpoint.address, published: endpoint.published, inside: Some(port) }
    }

    /// Nobody accepts.
    pub fn refused(&self) -> ProbeFailure {
        let detail = match self.inside {
            Some(port) if self.published => {
                format!("{} refuses connections (container port {port})", self.address)
            }
            _ => format!("nothing listens: {} refuses connections", self.address),
        };
        ProbeFailure::absent(detail)
    }

    /// Closed before a byte came.
    pub fn closed(&self) -> ProbeFailure {
        ProbeFailure::absent(match self.inside {
            Some(port) if self.published => format!(
                "{} accepts and closes at once: nothing answers on port {port} in the container",
                self.address
            ),
            _ => format!("{} accepts and closes the connection without an answer", self.address),
        })
    }

    /// Accepted, then silence.
    pub fn silent(&self, deadline: &Deadline) -> ProbeFailure {
        ProbeFailure::new(format!("{} {SILENCE} within {}", self.address, deadline.limit_text()))
    }

    /// Not even accepted.
    pub fn unanswered(&self, deadline: &Deadline) -> ProbeFailure {
        ProbeFailure::new(format!("{} doesn't accept within {}", self.address, deadline.limit_text()))
    }

    /// Any failure of the transport that has an error number; `heard`: after some answer.
    pub fn broken(&self, error: &io::Error, heard: bool) -> ProbeFailure {
        match error.kind() {
            ErrorKind::ConnectionRefused => self.refused(),
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
                if !heard =>
            {
                self.closed()
            }
            _ => ProbeFailure::new(format!("{}: {error}", self.address)),
        }
    }
}

impl Wire {
    /// Connects.
    pub async fn open(place: Place, deadline: Deadline) -> Result<Self, ProbeFailure> {
        match deadline.bound(TcpStream::connect(place.address)).await {
            Ok(Ok(stream)) => {
                // A failure here only costs milliseconds.
                let _ = stream.set_nodelay(true);
                Ok(Self { stream, place, deadline, heard: false, ended: false })
            }
            Ok(Err(error)) => Err(place.broken(&error, false)),
            Err(Late) => Err(place.unanswered(&deadline)),
        }
    }

    /// Sends all of it.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), ProbeFailure> {
        match self.deadline.bound(self.stream.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.place.broken(&error, self.heard)),
            Err(Late) => Err(self.place.silent(&self.deadline)),
        }
    }

    /// What comes next, at most as much as fits. Nothing (0) is the end.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ProbeFailure> {
        match self.deadline.bound(self.stream.read(buffer)).await {
            Ok(Ok(0)) => {
                self.ended = true;
                if self.heard { Ok(0) } else { Err(self.place.closed()) }
            }
            Ok(Ok(count)) => {
                self.heard = true;
                Ok(count)
            }
            Ok(Err(error)) => {
                self.ended = true;
                Err(self.place.broken(&error, self.heard))
            }
            Err(Late) if self.heard => Err(ProbeFailure::new(format!(
                "{} stops in the middle of its answer for {}",
                self.place.address,
                self.deadline.limit_text()
            ))),
            Err(Late) => Err(self.place.silent(&self.deadline)),
        }
    }

    /// Exactly this many bytes.
    pub async fn exact(&mut self, count: usize) -> Result<Vec<u8>, ProbeFailure> {
        let mut bytes = vec![0; count];
        let mut filled = 0;
        while filled < count {
            match self.read(&mut bytes[filled..]).await? {
                0 => return Err(self.cut()),
                more => filled += more,
            }
        }
        Ok(bytes)
    }

    /// A line without its end, of at most `limit` bytes.
    pub async fn line(&mut self, limit: usize) -> Result<String, ProbeFailure> {
        let mut line = Vec::new();
        while line.len() < limit {
            match self.exact(1).await?[0] {
                b'\n' => break,
                byte => line.push(byte),
            }
        }
        Ok(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned())
    }

    /// Everything until the end, at most `limit` bytes.
    pub async fn rest(&mut self, limit: usize) -> Result<Vec<u8>, ProbeFailure> {
        let mut all = Vec::new();
        let mut buffer = [0; 1024];
        while all.len() < limit {
            match self.read(&mut buffer).await {
                Ok(0) => break,
                Ok(count) => all.extend_from_slice(&buffer[..count]),
                // Some close with a reset once all is said, some not at all.
                Err(_) if !all.is_empty() => break,
                Err(failure) => return Err(failure),
            }
        }
        all.truncate(limit);
        Ok(all)
    }

    /// That the other side doesn't hang up within the grace: an accept by the engine's proxy proves nothing.
    pub async fn stays(&mut self, grace: Duration) -> Result<(), ProbeFailure> {
        let mut byte = [0; 1];
        match tokio::time::timeout(grace, self.stream.peek(&mut byte)).await {
            // Silence is what most servers keep until spoken to; a greeting is as good.
            Err(_) | Ok(Ok(1..)) => Ok(()),
            Ok(Ok(0)) => Err(self.place.closed()),
            Ok(Err(error)) => Err(self.place.broken(&error, false)),
        }
    }

    /// Closed in the middle of an answer.
    pub fn cut(&self) -> ProbeFailure {
        ProbeFailure::new(format!("{} closes the connection in the middle of its answer", self.place.address))
    }

    /// Something that isn't the protocol.
    pub fn foreign(&self, protocol: &str) -> ProbeFailure {
        ProbeFailure::new(format!("{} answers, but not as {protocol}", self.place.address))
    }

    /// Whether the other side has hung up.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The connection itself, for a client library.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }
}

//! Who has a host port: a container of the engine, or a process of this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::{fmt, io};

use super::processes;
use crate::engine::{Engine, PublishedPort};
use crate::stack::embedded::is_embedded;

/// Who has a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortHolder {
    /// A container that publishes it.
    Container {
        /// Its name.
        name: String,
        /// Its project, where it is one's.
        project: Option<String>,
        /// The files that its project was read from; empty where they can't be had here.
        files: Vec<String>,
    },
    /// A process that listens on it.
    Process {
        /// Its name.
        name: String,
        /// Its id.
        pid: u32,
    },
    /// A process of another user, which only that one and root can name.
    ProcessOf {
        /// The user's id.
        uid: u32,
    },
}

/// Processes that hold ports for an engine's containers, by the first 15 letters of their names.
const OF_ENGINES: &[&str] =
    &["docker-proxy", "dockerd", "rootlesskit", "rootlessport", "slirp4netns", "conmon", "com.docker.back"];

impl PortHolder {
    /// A process that does it for a container of an engine that isn't the one asked: it mustn't be killed.
    pub fn is_an_engines(&self) -> bool {
        matches!(self, Self::Process { name, .. } if OF_ENGINES.iter().any(|engine| name.starts_with(engine)))
    }
}

impl From<PublishedPort> for PortHolder {
    fn from(published: PublishedPort) -> Self {
        let here = |file: &String| is_embedded(Path::new(file)) || Path::new(file).is_file();
        let files = if published.files.iter().all(here) { published.files } else { Vec::new() };
        Self::Container { name: published.container, project: published.project, files }
    }
}

impl fmt::Display for PortHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container { name, project: Some(project), .. } => {
                write!(f, "container {name} (project {project})")
            }
            Self::Container { name, project: None, .. } => write!(f, "container {name}"),
            // The proxy of an engine that isn't the one asked.
            Self::Process { name, pid } if self.is_an_engines() => {
                write!(f, "a container of another engine ({name}, pid {pid})")
            }
            Self::Process { name, pid } => write!(f, "process {name} (pid {pid})"),
            Self::ProcessOf { uid } => write!(f, "a process of user {uid}"),
        }
    }
}

/// Who has the host port `port` (`127.0.0.1:8500`, `[::1]:8500`, `8500`), TCP before UDP; nothing when it can't be
/// found out, or when it is free.
pub async fn who_has(engine: &dyn Engine, port: &str) -> Option<PortHolder> {
    let (address, number) = parse(port)?;
    for protocol in ["tcp", "udp"] {
        if let Some(holder) = container(engine, address, number, protocol).await {
            return Some(holder);
        }
    }
    let local = engine.info().await.is_ok_and(|info| info.local);
    if !local {
        return None;
    }
    // Reads the tables of all processes.
    let found = tokio::task::spawn_blocking(move || {
        ["tcp", "udp"].iter().find_map(|protocol| processes::listener(address, number, protocol))
    });
    found.await.ok().flatten()
}

/// The process of this machine that listens there; nothing when there is none, or when this system doesn't tell. Reads
/// the tables of all processes.
pub fn process_at(address: Option<IpAddr>, number: u16, protocol: &str) -> Option<PortHolder> {
    processes::listener(address, number, protocol)
}

/// Whether a port of this machine can't be bound, as the engine is going to bind it. The only sure answer: what tables
/// say of it depends on address families and sockets' options. `protocol` is `tcp` or `udp`; of others it isn't known.
pub fn is_taken(address: Option<IpAddr>, number: u16, protocol: &str) -> bool {
    let address = SocketAddr::new(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), number);
    let bound = match protocol {
        "tcp" => TcpListener::bind(address).map(drop),
        "udp" => UdpSocket::bind(address).map(drop),
        _ => return false,
    };
    bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

async fn container(
    engine: &dyn Engine,
    address: Option<IpAddr>,
    number: u16,
    protocol: &str,
) -> Option<PortHolder> {
    let published = engine.published_ports().await.ok()?;
    let holder = published.into_iter().find(|published| {
        published.port.published == Some(number)
            && published.port.protocol == protocol
            && overlap(address, published.port.host_ip.parse().ok())
    })?;
    Some(holder.into())
}

/// The address (nothing: all) and the port.
fn parse(port: &str) -> Option<(Option<IpAddr>, u16)> {
    let Some((address, number)) = port.rsplit_once(':') else { return Some((None, port.parse().ok()?)) };
    let address = address.trim_start_matches('[').trim_end_matches(']');
    let address = if address.is_empty() { None } else { Some(address.parse().ok()?) };
    Some((address, number.parse().ok()?))
}

/// Whether both can't be bound at once: they are the same, or one is all of them.
pub fn overlap(one: Option<IpAddr>, other: Option<IpAddr>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other || one.is_unspecified() || other.is_unspecified(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ports_with_and_without_an_address() {
        let v4: IpAddr = "127.0.0.1".parse().unwrap();
        let v6: IpAddr = "::1".parse().unwrap();
        assert_eq!(parse("127.0.0.1:8500"), Some((Some(v4), 8500)));
        assert_eq!(parse("[::1]:8500"), Some((Some(v6), 8500)));
        assert_eq!(parse("::1:8500"), Some((Some(v6), 8500)));
        assert_eq!(parse(":8500"), Some((None, 8500)));
        assert_eq!(parse("8500"), Some((None, 8500)));
        assert_eq!(parse("localhost:x"), None);
    }

    #[test]
    fn an_address_overlaps_itself_and_all() {
        let address = |text: &str| text.parse::<IpAddr>().ok();
        assert!(overlap(address("127.0.0.1"), address("127.0.0.1")));
        assert!(overlap(address("127.0.0.1"), address("0.0.0.0")));
        assert!(overlap(address("::"), address("127.0.0.1")));
        assert!(overlap(None, address("127.0.0.1")));
        assert!(!overlap(address("127.0.0.1"), address("127.0.0.2")));
    }

    #[test]
    fn says_who_it_is() {
        let container = |project: Option<&str>| PortHolder::Container {
            name: "shop-web-1".to_owned(),
            project: project.map(str::to_owned),
            files: Vec::new(),
        };
        assert_eq!(container(Some("shop")).to_string(), "container shop-web-1 (project shop)");
        assert_eq!(container(None).to_string(), "container shop-web-1");
        let process = |name: &str| PortHolder::Process { name: name.to_owned(), pid: 7 }.to_string();
        assert_eq!(process("nginx"), "process nginx (pid 7)");
        assert_eq!(process("docker-proxy"), "a container of another engine (docker-proxy, pid 7)");
        assert_eq!(process("rootlesskit"), "a container of another engine (rootlesskit, pid 7)");
    }
}

//! What a container has to do with the outside: ports, mounts, files, networks, namespaces.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

/// A port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Port {
    /// The container's.
    pub target: u16,
    /// On the host: nothing means that the engine picks one.
    pub published: Option<PortRange>,
    /// The host address to bind; nothing means all.
    pub host_ip: Option<String>,
    /// tcp or udp.
    pub protocol: Protocol,
}

/// What is said of a port that changes nothing of a container: vv shows it in `config`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortNotes {
    /// A human name.
    pub name: Option<String>,
    /// `mode: host`: on each node of a swarm; `ingress` otherwise.
    pub host_mode: bool,
    /// What is spoken there: `http`.
    pub app_protocol: Option<String>,
}

/// Host ports from `first` to `last`; the same for a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PortRange {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP
    #[default]
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
}

/// Something mounted into the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Where in the container.
    pub target: String,
    /// Mounted read-only.
    pub read_only: bool,
    /// What.
    pub kind: MountKind,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum MountKind {
    /// A volume.
    Volume {
        /// Its key in the stack; nothing for an anonymous one.
        source: Option<String>,
        /// Don't copy the image's content into an empty volume.
        nocopy: bool,
    },
    /// A folder or file of the host.
    Bind {
        /// Absolute.
        source: PathBuf,
        /// Made when it isn't there (the short syntax).
        create_host_path: bool,
        /// `rprivate`, …
        propagation: Option<String>,
    },
    /// Memory.
    Tmpfs {
        /// In bytes.
        size: Option<u64>,
        /// Permission bits.
        mode: Option<u32>,
    },
}

/// A config or secret at a place in the container.
#[derive(Clone, PartialEq, Eq)]
pub struct FileMount {
    /// Its key in `configs` or `secrets`.
    pub name: String,
    /// `configs` or `secrets`: the content of a secret never shows.
    pub secret: bool,
    /// Absolute path in the container.
    pub target: String,
    /// Owner.
    pub uid: Option<String>,
    /// Group.
    pub gid: Option<String>,
    /// Permission bits; 0o444 when unset.
    pub mode: Option<u32>,
    /// Where the content comes from.
    pub source: FileSource,
    /// The content itself, read by the loader; empty for a bind of a folder.
    pub content: Vec<u8>,
}

impl std::fmt::Debug for FileMount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileMount")
            .field("name", &self.name)
            .field("secret", &self.secret)
            .field("target", &self.target)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Where the content of a config or secret comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileSource {
    /// `file:` on disk, absolute: bound by a local engine, copied to a remote one.
    Disk(PathBuf),
    /// A file of the embedded tree: copied.
    Embedded(PathBuf),
    /// `content:` of the file: copied.
    Inline,
    /// `environment:` variable of this name: copied.
    Environment(String),
}

/// How a service joins a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NetworkAttachment {
    /// Further names there.
    pub aliases: Vec<String>,
    /// A fixed address.
    pub ipv4_address: Option<String>,
    /// A fixed address.
    pub ipv6_address: Option<String>,
    /// Link-local addresses.
    pub link_local_ips: Vec<String>,
    /// A fixed hardware address.
    pub mac_address: Option<String>,
    /// The highest is the one whose gateway is used.
    pub priority: i64,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
}

/// A namespace that is shared instead of made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespace {
    /// The host's.
    Host,
    /// None at all (`none`).
    None,
    /// A service of the stack.
    Service(String),
    /// A container of this name.
    Container(String),
    /// As it stands (`bridge`, `shareable`, `private`, a network's name).
    Other(String),
}

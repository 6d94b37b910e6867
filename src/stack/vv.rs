//! The `x-vv` keys: what vv knows of a stack beyond Compose.

use indexmap::IndexMap;

use super::merged::Env;
use super::node::Node;
use super::problem::Mark;

/// Top-level `x-vv`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StackVv {
    /// A human name.
    pub title: Option<String>,
    /// One line on what it is.
    pub description: Option<String>,
    /// What the machine must have.
    pub requires: Requires,
    /// The topics' file (absolute, or `vv://…`), or what such a file would hold; only the kind of node is validated.
    pub topics: Option<Node>,
    /// The routes' file in Kong's declarative format.
    pub routes: Option<String>,
    /// Where it is named.
    pub routes_at: Option<Mark>,
    /// Smoke checks, validated for shape only.
    pub checks: Option<Node>,
    /// The traced request, validated for shape only.
    pub verify: Option<Node>,
    /// Idempotent steps, validated for shape only.
    pub init: Option<Node>,
    /// What the variables of the stack's text were filled with, for the files that it names.
    pub variables: Env,
}

/// What the machine must have.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Requires {
    /// The engine's version, at least.
    pub engine: Option<String>,
    /// In bytes.
    pub memory: Option<u64>,
    /// CPUs.
    pub cpus: Option<f64>,
    /// In bytes.
    pub disk: Option<u64>,
}

/// A service's `x-vv`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceVv {
    /// Which system it is: decides its protocol and deep checks. Guessed from the image's name when absent.
    pub kind: Option<String>,
    /// A human name.
    pub title: Option<String>,
    /// The group that `--group` selects.
    pub group: Option<String>,
    /// Addresses for people.
    pub urls: Vec<Url>,
    /// How to ask whether it is ready, instead of its kind's way.
    pub probe: Option<Probe>,
    /// The sensible range of replicas.
    pub scale: Option<Scale>,
    /// It is started after these are applied.
    pub needs: Vec<Declared>,
    /// Who registers it, by registry: `{consul: vv}`.
    pub register: IndexMap<String, String>,
    /// How the stand-in behaves where the sources are missing.
    pub stub: Option<Stub>,
}

/// What a stack declares, and one of its systems holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Declared {
    /// Kafka's topics.
    Topics,
    /// Kong's routes, with all that belongs to them.
    Routes,
}

impl Declared {
    /// The word for it: `topics`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Topics => "topics",
            Self::Routes => "routes",
        }
    }

    /// The command that applies it by itself.
    pub fn command(self) -> &'static str {
        match self {
            Self::Topics => "init-topics",
            Self::Routes => "setup-routes",
        }
    }

    /// The kind of the services that hold it, as `x-vv.kind` spells it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Topics => "kafka",
            Self::Routes => "kong",
        }
    }
}

/// An address for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// What is there.
    pub name: String,
    /// The container's port.
    pub port: u16,
    /// The path, from `/`; empty for none.
    pub path: String,
    /// `http` when unset.
    pub scheme: String,
    /// `admin/admin`
    pub login: Option<String>,
    /// A GET of it gives a page. Not so: an API's base URL, of which any answer says that it is there.
    pub page: bool,
}

/// How to ask whether a service is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// A GET that answers 2xx or 3xx.
    Http {
        /// The container's port.
        port: u16,
        /// The path.
        path: String,
    },
    /// A connection that is accepted and not closed at once.
    Tcp {
        /// The container's port.
        port: u16,
    },
    /// gRPC's health service.
    Grpc {
        /// The container's port.
        port: u16,
        /// The service asked for; empty for the server as a whole.
        service: String,
    },
    /// A command in the container that exits 0.
    Exec {
        /// The command.
        command: Vec<String>,
    },
}

/// The sensible range of replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: u32,
    /// What decides: `cpu`, `requests`, `events`, `queue`.
    pub by: Option<String>,
}

/// How the stand-in behaves.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stub {
    /// The port it listens on; the service's first container port when unset.
    pub port: Option<u16>,
    /// The health path; `/health` when unset.
    pub health: Option<String>,
    /// The metrics path; `/metrics` when unset.
    pub metrics: Option<String>,
    /// Serves `/docs` and `/openapi.json`.
    pub docs: bool,
    /// The service's name in traces; the service's own when unset.
    pub service: Option<String>,
    /// Its routes.
    pub routes: Vec<StubRoute>,
    /// Calls made at every request of every route.
    pub calls: Vec<StubCall>,
    /// Where logs go besides stdout.
    pub logs: Option<StubLogs>,
}

/// A route of the stand-in.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StubRoute {
    /// `GET` when unset.
    #[serde(default = "get")]
    pub method: String,
    /// The path; `{name}` stands for one segment.
    pub path: String,
    /// The status; 200 when unset.
    #[serde(default = "ok")]
    pub status: u16,
    /// The JSON body.
    #[serde(default)]
    pub body: serde_json::Value,
    /// Calls made before answering, in order.
    #[serde(default)]
    pub calls: Vec<StubCall>,
}

/// A call to another service.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StubCall {
    /// `http://calculation-engine:8005/api/v1/calculations`
    pub url: String,
    /// `GET` when unset.
    #[serde(default = "get")]
    pub method: String,
}

/// Where logs go besides stdout.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StubLogs {
    /// `host:port` of Logstash's TCP input for JSON lines.
    pub logstash: String,
}

fn get() -> String {
    "GET".into()
}

fn ok() -> u16 {
    200
}

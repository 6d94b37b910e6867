//! The typed stack: what a Compose file means after interpolation, merging and normalisation.
//!
//! Names follow the Compose specification; a field's docstring says what normalisation did to it.

mod io;
mod service;

use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Serialize;

pub use self::io::*;
pub use self::service::*;
use super::vv::{Declared, StackVv};

/// A whole stack, ready to be planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// The project's name: what its containers, networks and volumes are called after.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// The services that take part (profiles applied), in the order of the file.
    pub services: IndexMap<String, Service>,
    /// The services that a profile keeps out.
    pub inactive: IndexMap<String, Service>,
    /// The networks that active services use, by their key in the file; `default` included when used.
    pub networks: IndexMap<String, Network>,
    /// The volumes that active services use, by key.
    pub volumes: IndexMap<String, Volume>,
    /// Top-level `x-vv`, of the root files.
    pub vv: StackVv,
    /// Things worth saying that don't stop the load (a variable that isn't set, a dropped container_name).
    pub warnings: Vec<String>,
}

impl Stack {
    /// Whether a service holds what a stack may declare beside containers: it is of that kind, and no job of its image,
    /// such as one that migrates Kong's database.
    pub fn holds(&self, service: &Service, what: Declared) -> bool {
        service.vv.kind.as_deref() == Some(what.kind()) && !self.is_job(service)
    }

    /// Whether a service is a job, which runs once and ends: somebody waits for its end (also one that a profile keeps
    /// out), or the stack says so. Nothing else tells one from a server that was stopped.
    pub fn is_job(&self, service: &Service) -> bool {
        let waits = |other: &Service| {
            let dependency = other.depends_on.get(&service.name);
            dependency.is_some_and(|it| it.condition == Condition::ServiceCompletedSuccessfully)
        };
        service.vv.kind.as_deref() == Some("job")
            || self.services.values().chain(self.inactive.values()).any(waits)
    }
}

/// Where a stack came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The name of the embedded stack, when it is one.
    pub embedded: Option<String>,
    /// Nobody chose it: it is the stack that is used where nothing else is found.
    pub fallback: bool,
    /// The folder that relative paths of the running stack resolve against; Compose's `working_dir` label. Absolute.
    pub working_dir: PathBuf,
    /// Compose's `config_files` label, one entry a file: absolute paths, or `vv://mes/compose.yaml`.
    pub config_files: Vec<String>,
    /// The env files that were named by `--env-file`, absolute; not the implicit `.env`.
    pub env_files: Vec<PathBuf>,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Network {
    /// Its name on the engine: `<project>_<key>` unless the file names it.
    pub name: String,
    /// Made by somebody else.
    pub external: bool,
    /// `bridge` when unset.
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// No way out.
    pub internal: bool,
    /// Single containers may join.
    pub attachable: bool,
    /// IPv6.
    pub enable_ipv6: Option<bool>,
    /// The user's labels.
    pub labels: BTreeMap<String, String>,
    /// The address management's driver.
    pub ipam_driver: Option<String>,
    /// Subnets.
    pub ipam: Vec<IpamPool>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct IpamPool {
    /// In CIDR notation.
    pub subnet: Option<String>,
    /// Addresses given to containers, in CIDR notation.
    pub ip_range: Option<String>,
    /// The gateway.
    pub gateway: Option<String>,
    /// Addresses that are taken, by name.
    pub aux_addresses: BTreeMap<String, String>,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Volume {
    /// Its name on the engine: `<project>_<key>` unless the file names it.
    pub name: String,
    /// Made by somebody else.
    pub external: bool,
    /// `local` when unset.
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// The user's labels.
    pub labels: BTreeMap<String, String>,
}

//! What an explanation is made from.

use std::collections::BTreeMap;

use crate::doctor::Finding;
use crate::platform::ReplicaStatus;
use crate::probe::Check;

/// What is known, by service: of the one that was asked for, and of all that it waits for or talks to.
pub type Facts = BTreeMap<String, ServiceFacts>;

/// What is known of a service.
#[derive(Debug, Clone, Default)]
pub struct ServiceFacts {
    /// Its containers.
    pub replicas: Vec<ReplicaFacts>,
    /// What came of asking whether it is ready.
    pub checks: Vec<Check>,
    /// Why its image can't be had; nothing where it is here, is built or can be pulled.
    pub image_missing: Option<String>,
    /// What would make a start of it fail, where it has no container.
    pub prevented: Option<Finding>,
    /// What came of its logins to other services that are refused.
    pub refused: Vec<Refusal>,
}

/// What is known of a container.
#[derive(Debug, Clone)]
pub struct ReplicaFacts {
    /// Its state.
    pub status: ReplicaStatus,
    /// The exit code of its last run, where it had one.
    pub last_code: Option<i64>,
    /// Its last run was killed for lack of memory.
    pub oom: bool,
    /// What the engine says went wrong as it was to be started.
    pub error: Option<String>,
    /// The host port that was taken as it was to be started, and who has it now.
    pub port: Option<(String, Option<String>)>,
    /// The output of the last run of its healthcheck.
    pub health_output: Option<String>,
    /// Its last lines.
    pub logs: Vec<String>,
}

/// A login that a service is going to use and that another refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The variable that holds it: `DATABASE_URL`.
    pub variable: String,
    /// The service that refuses.
    pub by: String,
    /// What it says, in words that follow its name.
    pub detail: String,
    /// What to do on its side.
    pub hint: Option<String>,
    /// The login is the one that the stack gives that service, so the variable isn't wrong.
    pub as_declared: bool,
    /// It is the password (and not the database, or where it came from).
    pub password: bool,
}

//! PROOF: is it ready? A file per system; each asks in the system's own protocol. Uses the stack's types and the
//! [`crate::platform::Platform`] only.
//!
//! [`question`] decides (purely) what a service is asked, the files named after systems ask it, [`checks`] puts the
//! levels of a service together and [`report`] the services of a stack.

use std::time::Duration;

use crate::platform::Replica;

mod adminer;
mod amqp;
mod answer;
pub mod checks;
mod clickhouse;
mod consul;
mod container;
mod credentials;
pub mod deep;
#[cfg(test)]
mod document_tests;
mod elasticsearch;
mod envoy;
mod exec;
mod grafana;
mod graphql;
mod grpc;
mod healthcheck;
pub mod http;
mod jaeger;
pub(crate) mod kafka;
mod kafka_ui;
mod kibana;
mod kind;
pub mod kong;
mod konga;
mod ladder;
mod listen;
mod logstash;
mod minio;
mod mongo;
mod mysql;
mod nats;
mod net;
mod otel_collector;
mod otlp;
mod patience;
mod postgres;
mod prometheus;
pub mod question;
mod rabbitmq;
mod redis;
mod redis_commander;
pub mod report;
pub mod said;
mod secrets;
mod signoz;
mod target;
pub mod tcp;
mod temporal;
mod temporal_ui;
#[cfg(test)]
mod testing;
pub mod tls;
mod traefik;
#[cfg(test)]
mod web_tests;
mod zookeeper;

pub use answer::{Answer, ProbeFailure};
pub use checks::{check_service, protocol};
pub use kind::Kind;
pub use patience::Patience;
pub use report::Report;
pub use secrets::Secrets;

/// One question asked, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Which replica (number 0: the service as a whole).
    pub replica: Replica,
    /// What was asked: `container`, `healthcheck`, `port 8500`, `leader`.
    pub name: String,
    /// How deep it went.
    pub level: Level,
    /// What came of it.
    pub outcome: Outcome,
    /// What was seen, in a line; never a secret.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// How deep a check goes. A lower one that fails skips those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Running, restarts, memory, exit code.
    Container,
    /// The container's own healthcheck.
    Healthcheck,
    /// The port accepts.
    Port,
    /// The system answers in its protocol.
    Protocol,
    /// It does its work.
    Deep,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// Not asked, because something below it failed or it doesn't apply.
    Skipped,
    /// Works, but look at it.
    Warn,
    /// Doesn't work.
    Fail,
}

//! Where a request to a service goes: its host, or the targets of the upstream of that name, in turns by weight.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::router::split_port;
use super::snapshot::Snapshot;
use crate::kong::Gateway;
use crate::kong::state::{Entity, Health};

/// An address to try.
#[derive(Clone, Debug)]
pub struct Peer {
    pub host: String,
    pub port: u16,
    /// The target that it is, with its upstream's passive checks; `None` for a service's own host.
    pub target: Option<Checked>,
    /// The Host header of the request to it, without the route's say.
    pub host_header: String,
}

/// A target whose health follows from its answers.
#[derive(Clone, Debug)]
pub struct Checked {
    pub id: String,
    passive: Value,
}

/// What became of a request to a target.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    Answered(u16),
    Unreachable,
    TimedOut,
}

/// Whose turn it is, and how often targets failed one after another.
#[derive(Debug, Default)]
pub struct Balancer {
    turns: Mutex<HashMap<String, usize>>,
    failures: Mutex<HashMap<(String, &'static str), u64>>,
}

impl Balancer {
    /// Where to send a request next; `None`: no target is left. Those in `tried` are left out.
    pub fn pick(
        &self,
        snapshot: &Snapshot,
        gateway: &Gateway,
        service: &Entity,
        tried: &BTreeSet<String>,
    ) -> Option<Peer> {
        let host = service.get("host").and_then(Value::as_str)?;
        let https = service.get("protocol").and_then(Value::as_str) == Some("https");
        let usual = if https { 443 } else { 80 };
        let Some(upstream) = snapshot.by("upstreams", "name", host) else {
            let port = service.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
            let port = port.unwrap_or(usual);
            let host_header = authority(host, port, usual);
            return Some(Peer { host: host.to_owned(), port, target: None, host_header });
        };
        let id = upstream.get("id").and_then(Value::as_str)?;
        let belongs = |target: &&Entity| target.get("upstream").and_then(|of| of["id"].as_str()) == Some(id);
        let weight = |target: &Entity| target.get("weight").and_then(Value::as_u64).unwrap_or(0);
        let target_id =
            |target: &Entity| target.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let health = gateway.state().health.clone();
        let fit = |target: &&Entity| {
            let id = target_id(target);
            weight(target) > 0 && !tried.contains(&id) && health.get(&id) != Some(&Health::Unhealthy)
        };
        let targets: Vec<&Entity> = snapshot.state.all("targets").filter(belongs).filter(fit).collect();
        // Weights 100 and 50 are two turns and one.
        let divisor = targets.iter().map(|target| weight(target)).fold(0, gcd).max(1);
        let shares: Vec<u64> = targets.iter().map(|target| weight(target) / divisor).collect();
        let total: u64 = shares.iter().sum();
        let mut turn = self.turn(id) as u64 % total.max(1);
        let chosen = targets.into_iter().zip(shares).find_map(|(target, share)| {
            let taken = turn < share;
            turn = turn.saturating_sub(share);
            taken.then_some(target)
        })?;
        let (host, port) = split_port(chosen.get("target").and_then(Value::as_str)?);
        let port = port.unwrap_or(8000);
        let given = upstream.get("host_header").and_then(Value::as_str).map(str::to_owned);
        Some(Peer {
            host: host.to_owned(),
            port,
            host_header: given.unwrap_or_else(|| authority(host, port, usual)),
            target: Some(Checked {
                id: target_id(chosen),
                passive: upstream.get("healthchecks").map_or(Value::Null, |checks| checks["passive"].clone()),
            }),
        })
    }

    fn turn(&self, upstream: &str) -> usize {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.entry(upstream.to_owned()).or_default();
        *turn += 1;
        *turn - 1
    }

    /// Passive checks: enough failures one after another, and a target is left out; nothing but the Admin API or an
    /// active check brings it back.
    pub fn saw(&self, gateway: &Gateway, target: &Checked, outcome: Outcome) {
        let Checked { id, passive } = target;
        let listed = |part: &str, status: u16| {
            passive[part]["http_statuses"].as_array().is_some_and(|list| list.contains(&Value::from(status)))
        };
        let kind = match outcome {
            Outcome::Answered(status) if listed("unhealthy", status) => "http_failures",
            Outcome::Answered(status) => {
                if listed("healthy", status) {
                    self.failures
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .retain(|(of, _), _| of != id);
                }
                return;
            }
            Outcome::Unreachable => "tcp_failures",
            Outcome::TimedOut => "timeouts",
        };
        let most = passive["unhealthy"][kind].as_u64().unwrap_or(0);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry((id.clone(), kind)).or_default();
        *count += 1;
        if most > 0 && *count >= most {
            *count = 0;
            drop(failures);
            gateway.change(|state| state.health.insert(id.clone(), Health::Unhealthy));
        }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn authority(host: &str, port: u16, usual: u16) -> String {
    if port == usual { host.to_owned() } else { format!("{host}:{port}") }
}

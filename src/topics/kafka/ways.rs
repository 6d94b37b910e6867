//! Where the names that brokers go by lead from here: on the stack's networks a name stands for a replica, which the
//! platform knows the way to, whether its port is published or not.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tokio::runtime::Handle;

use super::address::Server;
use super::native::{Lookup, Resolver};
use crate::platform::{Platform, Replica, ReplicaState};
use crate::probe::Kind;
use crate::probe::kafka::goes_by;
use crate::stack::{Service, Stack};

/// How long the platform may take to say where a name leads; librdkafka's threads wait for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The ways to the brokers.
#[derive(Default)]
pub(super) struct Ways {
    /// Those that are known beforehand: where the brokers were found that are asked first.
    known: BTreeMap<Server, SocketAddr>,
    network: Option<Network>,
    /// What this machine's resolver knows comes before the stack's names: the brokers were named by the user.
    system_first: bool,
    /// Why the last name of the stack's led nowhere.
    blocked: Mutex<Option<String>>,
}

/// The stack that names are of.
struct Network {
    services: Vec<Service>,
    platform: Arc<dyn Platform>,
    runtime: Handle,
}

/// A replica, and what other containers may call it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    replica: Replica,
    names: Vec<String>,
}

impl Ways {
    /// To brokers that were found at these places in a stack.
    pub fn of_stack(stack: &Stack, platform: Arc<dyn Platform>, known: BTreeMap<Server, SocketAddr>) -> Self {
        let services = stack.services.values().cloned().collect();
        let network = Network { services, platform, runtime: Handle::current() };
        Self { known, network: Some(network), ..Self::default() }
    }

    /// To brokers that the user named: names that mean nothing to this machine are looked up in a stack.
    pub fn beside_stack(stack: &Stack, platform: Arc<dyn Platform>) -> Self {
        Self { system_first: true, ..Self::of_stack(stack, platform, BTreeMap::new()) }
    }

    /// Why the last name of the stack's led nowhere, if one did.
    pub fn blocked(&self) -> Option<String> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where a broker's name and port lead. Blocks, and so must not be called by the runtime's own threads.
    fn lookup(&self, host: &str, port: u16) -> Lookup {
        let server = Server { host: host.to_owned(), port };
        if let Some(address) = self.known.get(&server) {
            return Lookup::At(*address);
        }
        let Some(network) = &self.network else { return Lookup::System };
        if is_loopback(host) || self.system_first && (host, port).to_socket_addrs().is_ok() {
            return Lookup::System;
        }
        match network.ask(server) {
            Ok(Some(address)) => Lookup::At(address),
            Ok(None) => Lookup::System,
            Err(why) => {
                *self.blocked.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                Lookup::Nowhere
            }
        }
    }
}

/// The ways as librdkafka asks for them; all of them, or only the one to a single broker.
pub(super) fn resolver(ways: Arc<Ways>, only: Option<Server>) -> Arc<Resolver> {
    Arc::new(move |host, port| match &only {
        Some(only) if only.host != host || only.port != port => Lookup::Nowhere,
        _ => ways.lookup(host, port),
    })
}

impl Network {
    /// Asks the platform, from a thread that isn't the runtime's; nothing where the name isn't the stack's.
    fn ask(&self, server: Server) -> Result<Option<SocketAddr>, String> {
        let (tell, told) = mpsc::channel();
        let (services, platform) = (self.services.clone(), Arc::clone(&self.platform));
        let asked = server.to_string();
        self.runtime.spawn(async move {
            // Nobody listens any more when it took too long.
            let _ = tell.send(find(&services, platform.as_ref(), &server).await);
        });
        told.recv_timeout(PATIENCE)
            .unwrap_or_else(|_| Err(format!("the engine didn't say where {asked} answers")))
    }
}

async fn find(
    services: &[Service],
    platform: &dyn Platform,
    server: &Server,
) -> Result<Option<SocketAddr>, String> {
    let named = named(services, platform, &server.host).await;
    let Some(replica) = meant(&named, &server.host) else { return Ok(None) };
    match platform.reach(replica, server.port).await {
        Ok(endpoint) => Ok(Some(endpoint.address)),
        Err(error) => Err(format!("{server}: {error}")),
    }
}

/// The running replicas that may be meant by a name, with their names.
async fn named(services: &[Service], platform: &dyn Platform, host: &str) -> Vec<Named> {
    let mut named = Vec::new();
    for service in services {
        let declared = goes_by(service, host);
        // What only the platform knows of (addresses, generated names) is asked of brokers alone.
        if !declared && Kind::of(service) != Some(Kind::Kafka) {
            continue;
        }
        for status in platform.replicas(&service.name).await.unwrap_or_default() {
            if status.state != ReplicaState::Running {
                continue;
            }
            let mut names = platform.names(&status.replica).await;
            names.push(status.name);
            names.extend(declared.then(|| host.to_owned()));
            named.push(Named { replica: status.replica, names });
        }
    }
    named
}

/// The replica that a name means.
fn meant<'a>(named: &'a [Named], host: &str) -> Option<&'a Replica> {
    let is = |name: &String| name.eq_ignore_ascii_case(host);
    named.iter().find(|one| one.names.iter().any(is)).map(|one| &one.replica)
}

/// Whether a name means the machine itself that uses it.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests;

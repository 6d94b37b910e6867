//! Which brokers are asked first, and how they are reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::address::Server;
use super::reason::Asked;
use super::security::{Protocol, Security};
use super::ways::Ways;
use crate::platform::{Endpoint, Platform, ReplicaState};
use crate::probe::Kind;
use crate::probe::kafka::listeners::{self, client_port, port_wanting};
use crate::stack::{Service, Stack};
use crate::topics::admin::AdminError;

/// What a client needs to know of a cluster before it asks it.
pub struct Connection {
    /// The brokers that are asked first.
    pub(super) bootstrap: Vec<Server>,
    /// How they and the others are reached.
    pub(super) ways: Arc<Ways>,
    /// Who asks, and how safely.
    pub(super) security: Security,
}

impl Connection {
    /// To brokers that the user names. With a stack, names that this machine doesn't know may be the stack's, as those
    /// that a broker of the stack advertises to its containers.
    pub fn to(
        bootstrap: Vec<Server>,
        stack: Option<(&Stack, Arc<dyn Platform>)>,
        security: Security,
    ) -> Self {
        let ways = stack.map(|(stack, platform)| Ways::beside_stack(stack, platform)).unwrap_or_default();
        Self { bootstrap, ways: Arc::new(ways), security }
    }

    /// To the brokers of a stack that run. Must be called within the runtime that the platform works in.
    ///
    /// # Errors
    /// The stack has no Kafka, none of its brokers runs, or none can be reached from here.
    pub async fn of_stack(
        stack: &Stack,
        platform: Arc<dyn Platform>,
        security: Security,
    ) -> Result<Self, AdminError> {
        let brokers = brokers(stack);
        if brokers.is_empty() {
            return Err(AdminError {
                message: "the stack has no Kafka".into(),
                hint: Some("name the brokers with --bootstrap HOST:PORT, or say x-vv.kind: kafka".into()),
                retriable: false,
            });
        }
        let mut known = BTreeMap::new();
        let mut bootstrap = Vec::new();
        let mut unreached = None;
        for service in &brokers {
            let port = port(service, &security);
            let replicas = platform.replicas(&service.name).await.unwrap_or_default();
            let running: Vec<_> =
                replicas.into_iter().filter(|status| status.state == ReplicaState::Running).collect();
            for status in &running {
                match platform.reach(&status.replica, port).await {
                    Ok(endpoint) => {
                        let alone = running.len() == 1;
                        let server = named(endpoint, if alone { &service.name } else { &status.name }, port);
                        known.insert(server.clone(), endpoint.address);
                        bootstrap.push(server);
                    }
                    Err(error) => unreached = Some(error.to_string()),
                }
            }
        }
        if bootstrap.is_empty() {
            let names: Vec<&str> = brokers.iter().map(|service| service.name.as_str()).collect();
            let (message, hint) = match (unreached, names.as_slice()) {
                (Some(why), _) => {
                    (why, "publish a listener's port, or name the brokers with --bootstrap HOST:PORT".into())
                }
                (None, [name]) => (format!("{name} doesn't run"), format!("vv start {name}")),
                (None, names) => {
                    (format!("none of {} runs", names.join(", ")), format!("vv start {}", names.join(" ")))
                }
            };
            return Err(AdminError { message, hint: Some(hint), retriable: true });
        }
        Ok(Self { bootstrap, ways: Arc::new(Ways::of_stack(stack, platform, known)), security })
    }

    /// Whom messages speak of.
    pub(super) fn asked(&self) -> Asked<'_> {
        Asked { bootstrap: &self.bootstrap, security: &self.security, blocked: self.ways.blocked() }
    }

    /// The brokers that are asked first: `localhost:9092, localhost:9093`.
    pub fn described(&self) -> String {
        let names: Vec<String> = self.bootstrap.iter().map(Server::to_string).collect();
        names.join(", ")
    }
}

/// The services of a stack that are brokers.
pub fn brokers(stack: &Stack) -> Vec<&Service> {
    let services = stack.services.values();
    services
        .filter(|service| Kind::of(service) == Some(Kind::Kafka) && listeners::is_broker(service))
        .filter(|service| !stack.is_job(service))
        .collect()
}

/// The container port of the listener to use: one that wants what is offered, else whichever is for clients.
fn port(service: &Service, security: &Security) -> u16 {
    let wanted = match security.protocol() {
        None => return client_port(service),
        Some(Protocol::Plaintext) => listeners::Security::None,
        Some(Protocol::SaslPlaintext) => listeners::Security::Login,
        Some(Protocol::Ssl | Protocol::SaslSsl) => listeners::Security::Tls,
    };
    let url = service.vv.urls.iter().any(|url| url.scheme == "kafka");
    port_wanting(service, wanted).filter(|_| !url).unwrap_or_else(|| client_port(service))
}

/// What a broker at a place is called: its certificate is made out to the name that its clients use, which on this
/// machine is `localhost`, and on the stack's networks the service's.
fn named(endpoint: Endpoint, name: &str, port: u16) -> Server {
    let address = endpoint.address;
    match endpoint.published {
        true if address.ip().is_loopback() => Server { host: "localhost".into(), port: address.port() },
        true => Server { host: address.ip().to_string(), port: address.port() },
        false => Server { host: name.to_owned(), port },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_called_as_their_clients_call_them() {
        let of = |address: &str, published| {
            let endpoint = Endpoint { address: address.parse().unwrap(), published };
            named(endpoint, "kafka", 29092).to_string()
        };
        assert_eq!(of("127.0.0.1:9092", true), "localhost:9092");
        assert_eq!(of("[::1]:9092", true), "localhost:9092");
        assert_eq!(of("192.168.1.7:9092", true), "192.168.1.7:9092", "a remote engine");
        assert_eq!(of("172.18.0.3:29092", false), "kafka:29092");
        assert_eq!(of("127.0.0.1:40123", false), "kafka:29092", "the door of a helper container");
    }
}

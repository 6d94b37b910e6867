//! The listeners that a broker's environment declares, and which of them to ask. Pure.
//!
//! `KAFKA_…` is what Apache's and Confluent's images read, `KAFKA_CFG_…` Bitnami's.

use crate::probe::listen::{published, variable};
use crate::stack::Service;

/// What a listener wants of its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    /// Nothing.
    None,
    /// A login (SASL), in the clear.
    Login,
    /// TLS, whatever else.
    Tls,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Listener {
    name: String,
    port: u16,
    security: Security,
}

/// The container port to ask: a published one that wants least, else any that wants least.
pub(crate) fn client_port(service: &Service) -> u16 {
    let url = service.vv.urls.iter().find(|url| url.scheme == "kafka").map(|url| url.port);
    if let Some(port) = url {
        return port;
    }
    let published: Vec<u16> = published(service).collect();
    let mut listeners = client_listeners(service);
    listeners.sort_by_key(|listener| (!published.contains(&listener.port), rank(listener.security)));
    match listeners.first() {
        Some(listener) => listener.port,
        // The ports that brokers use by habit; JMX and the like are published too.
        None => {
            let usual = [9092, 9094, 19092, 29092, 39092];
            usual
                .into_iter()
                .find(|port| published.contains(port))
                .or(published.first().copied())
                .unwrap_or(9092)
        }
    }
}

/// The container port of a listener that wants exactly this, a published one first; none where the environment
/// declares no such listener.
pub(crate) fn port_wanting(service: &Service, wanted: Security) -> Option<u16> {
    let published: Vec<u16> = published(service).collect();
    let mut listeners = client_listeners(service);
    listeners.retain(|listener| listener.security == wanted);
    listeners.sort_by_key(|listener| !published.contains(&listener.port));
    listeners.first().map(|listener| listener.port)
}

/// Whether a node of this service is a broker, and not only a controller of a quorum.
pub(crate) fn is_broker(service: &Service) -> bool {
    let roles = ["KAFKA_PROCESS_ROLES", "KAFKA_CFG_PROCESS_ROLES"];
    let roles = roles.into_iter().find_map(|name| variable(service, name));
    roles.is_none_or(|roles| items(roles).any(|role| role == "broker"))
}

/// What the listener on a container port wants, where the environment says.
pub(crate) fn security(service: &Service, port: u16) -> Option<Security> {
    client_listeners(service)
        .into_iter()
        .find(|listener| listener.port == port)
        .map(|listener| listener.security)
}

/// The variable that sets the advertised listeners, as this service's image spells it.
pub(super) fn advertised_variable(service: &Service) -> &'static str {
    let bitnami = service.environment.keys().any(|name| name.starts_with("KAFKA_CFG_"));
    if bitnami { "KAFKA_CFG_ADVERTISED_LISTENERS" } else { "KAFKA_ADVERTISED_LISTENERS" }
}

fn rank(security: Security) -> u8 {
    match security {
        Security::None => 0,
        Security::Login => 1,
        Security::Tls => 2,
    }
}

/// The listeners that clients may use: those of controllers aren't.
fn client_listeners(service: &Service) -> Vec<Listener> {
    let either = |name: &str| {
        variable(service, &format!("KAFKA_{name}"))
            .or_else(|| variable(service, &format!("KAFKA_CFG_{name}")))
    };
    let protocols = either("LISTENER_SECURITY_PROTOCOL_MAP").unwrap_or_default();
    let controllers = either("CONTROLLER_LISTENER_NAMES").unwrap_or_default();
    // Confluent's images listen on the ports that are advertised when nothing else is said.
    let Some(text) = either("LISTENERS").or_else(|| either("ADVERTISED_LISTENERS")) else {
        return Vec::new();
    };
    items(text)
        .filter_map(|item| {
            let (name, address) = item.split_once("://")?;
            let port = address.rsplit_once(':')?.1.parse().ok()?;
            let protocol = items(protocols).find_map(|item| item.strip_prefix(name)?.strip_prefix(':'));
            let security = match protocol.unwrap_or(name) {
                "SASL_PLAINTEXT" => Security::Login,
                "SSL" | "SASL_SSL" => Security::Tls,
                _ => Security::None,
            };
            Some(Listener { name: name.to_owned(), port, security })
        })
        .filter(|listener| !items(controllers).any(|name| name == listener.name))
        .collect()
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{environment, service};

    fn broker(ports: &[u16], variables: &[(&str, &str)]) -> Service {
        environment(service("kafka", ports, &[]), variables)
    }

    #[test]
    fn the_published_listener_is_asked() {
        let kraft = [
            ("KAFKA_LISTENERS", "INTERNAL://:9092, EXTERNAL://:19092,CONTROLLER://:9093"),
            ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
            (
                "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
                "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
            ),
        ];
        assert_eq!(client_port(&broker(&[19092], &kraft)), 19092);
        assert_eq!(client_port(&broker(&[], &kraft)), 9092);
        assert_eq!(client_port(&broker(&[9093, 19092], &kraft)), 19092, "a controller's isn't for clients");

        let confluent =
            [("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://kafka:29092,PLAINTEXT_HOST://localhost:9092")];
        assert_eq!(client_port(&broker(&[9101, 9092], &confluent)), 9092);
    }

    #[test]
    fn without_a_declaration_the_habit_decides() {
        assert_eq!(client_port(&broker(&[], &[])), 9092);
        assert_eq!(client_port(&broker(&[9999, 29092], &[])), 29092);
        assert_eq!(client_port(&broker(&[7000], &[])), 7000);
    }

    #[test]
    fn what_a_listener_wants() {
        let bitnami = broker(
            &[],
            &[
                ("KAFKA_CFG_LISTENERS", "SASL_PLAINTEXT://:9092,LOCAL://:9094,TLS://:9095"),
                ("KAFKA_CFG_LISTENER_SECURITY_PROTOCOL_MAP", "LOCAL:PLAINTEXT,TLS:SASL_SSL"),
            ],
        );
        assert_eq!(security(&bitnami, 9092), Some(Security::Login));
        assert_eq!(security(&bitnami, 9094), Some(Security::None));
        assert_eq!(security(&bitnami, 9095), Some(Security::Tls));
        assert_eq!(security(&bitnami, 1), None);
        assert_eq!(client_port(&bitnami), 9094);
        assert_eq!(port_wanting(&bitnami, Security::Login), Some(9092));
        assert_eq!(port_wanting(&bitnami, Security::Tls), Some(9095));
        assert!(is_broker(&bitnami));
        assert!(!is_broker(&broker(&[], &[("KAFKA_PROCESS_ROLES", "controller")])));
        assert_eq!(advertised_variable(&bitnami), "KAFKA_CFG_ADVERTISED_LISTENERS");
    }
}

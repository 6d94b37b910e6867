//! Whether the addresses that a broker sends its clients on to can be reached from where they are used.
//!
//! The listener behind a published port is for clients outside: its advertised addresses must resolve and answer from
//! here. A listener asked at the container's own address is for clients in the stack: its names are the stack's, and
//! stand here for the addresses of their replicas.

use std::net::{IpAddr, SocketAddr};

use futures_util::future::join_all;

use super::wire::Broker;
use super::{answers, listeners};
use crate::platform::{Replica, ReplicaState};
use crate::probe::answer::{Answer, ProbeFailure};
use crate::probe::kind::Kind;
use crate::probe::net::Place;
use crate::probe::target::{Reach, Target};
use crate::stack::Service;

/// Where the clients of the listener that was asked are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// On this machine or beyond: the port is published.
    Outside,
    /// On the stack's networks.
    Inside,
}

impl Side {
    /// Where the clients of the listener at a place are.
    pub fn of(asked: Place) -> Self {
        // On the host's network the container's address is the host's own.
        if asked.published || asked.address.ip().is_loopback() { Self::Outside } else { Self::Inside }
    }
}

/// Why an advertised address can't be used.
enum Trouble {
    /// No such name.
    Unresolved,
    /// It resolves to the client itself.
    Loopback,
    /// Nobody answers as Kafka there; in words.
    Unanswered(String),
}

/// Checks every advertised address at once; the first by the brokers' order that can't be used is the failure.
pub(super) async fn check(
    target: &Target<'_>,
    asked: Place,
    side: Side,
    brokers: &[Broker],
) -> Result<(), ProbeFailure> {
    let checks = brokers.iter().map(|broker| async move {
        match side {
            Side::Outside => from_outside(target, asked, broker).await,
            Side::Inside => from_inside(target, asked, broker).await,
        }
    });
    for (broker, result) in brokers.iter().zip(join_all(checks).await) {
        if let Err(trouble) = result {
            let alone = brokers.len() == 1;
            let failure = failure(target, asked, side, broker, alone, &trouble);
            // Another broker may just have died: the cluster notices after some seconds.
            let lasting = alone || !matches!(trouble, Trouble::Unanswered(_));
            return Err(ProbeFailure { lasting, ..failure });
        }
    }
    Ok(())
}

async fn from_outside(target: &Target<'_>, asked: Place, broker: &Broker) -> Result<(), Trouble> {
    let addresses = resolve(target, broker).await?;
    if addresses.contains(&asked.address) {
        return Ok(());
    }
    any_answers(target, addresses).await
}

async fn from_inside(target: &Target<'_>, asked: Place, broker: &Broker) -> Result<(), Trouble> {
    if broker.host == "localhost" || broker.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()) {
        return Err(Trouble::Loopback);
    }
    if let Some(replica) = replica_named(target, &broker.host).await {
        if replica == target.status.replica && Some(broker.port) == asked.inside {
            return Ok(());
        }
        return match target.reach_other(&replica, broker.port).await {
            Ok(Reach::At(endpoint)) => any_answers(target, vec![endpoint.address]).await,
            // Its own network knows the name; from here there is no more to see.
            Ok(Reach::Hidden(_)) => Ok(()),
            Err(failure) => Err(Trouble::Unanswered(failure.detail)),
        };
    }
    let addresses = resolve(target, broker).await?;
    any_answers(target, addresses).await
}

/// Where a broker answers from here, the likeliest place first: what a client of the listener that was asked would dial.
pub(super) async fn places(
    target: &Target<'_>,
    asked: Place,
    side: Side,
    broker: &Broker,
) -> Result<Vec<Place>, Answer> {
    let unresolved = |_| Answer::NotAsked(format!("the name {} doesn't resolve from here", broker.host));
    let of_addresses = |addresses: Vec<SocketAddr>| {
        if addresses.contains(&asked.address) {
            return vec![asked];
        }
        let place = |address| Place { address, published: false, inside: None };
        addresses.into_iter().map(place).collect()
    };
    if side == Side::Inside
        && let Some(replica) = replica_named(target, &broker.host).await
    {
        if replica == target.status.replica && Some(broker.port) == asked.inside {
            return Ok(vec![asked]);
        }
        return match target.reach_other(&replica, broker.port).await {
            Ok(Reach::At(endpoint)) => Ok(vec![Place::of(endpoint, broker.port)]),
            Ok(Reach::Hidden(why)) => Err(Answer::NotAsked(why)),
            Err(failure) => Err(Answer::NotAsked(failure.detail)),
        };
    }
    resolve(target, broker).await.map(of_addresses).map_err(unresolved)
}

/// The addresses of a name, as this machine resolves it.
async fn resolve(target: &Target<'_>, broker: &Broker) -> Result<Vec<SocketAddr>, Trouble> {
    let lookup = tokio::net::lookup_host((broker.host.as_str(), broker.port));
    match target.deadline.bound(lookup).await {
        Ok(Ok(addresses)) => {
            let addresses: Vec<SocketAddr> = addresses.collect();
            if addresses.is_empty() { Err(Trouble::Unresolved) } else { Ok(addresses) }
        }
        Ok(Err(_)) | Err(_) => Err(Trouble::Unresolved),
    }
}

/// A name may have several addresses; clients try one after the other.
async fn any_answers(target: &Target<'_>, addresses: Vec<SocketAddr>) -> Result<(), Trouble> {
    let tries = addresses.into_iter().map(|address| async move {
        // Whether it is a published port isn't known, and doesn't matter: an answer is wanted.
        answers(target, Place { address, published: false, inside: None }).await
    });
    let mut said = String::new();
    for result in join_all(tries).await {
        match result {
            Ok(()) => return Ok(()),
            Err(failure) => said = failure.detail,
        }
    }
    Err(Trouble::Unanswered(said))
}

/// The replica that a name means on the stack's networks: a service's name or alias, a container's name or host name.
async fn replica_named(target: &Target<'_>, host: &str) -> Option<Replica> {
    let own = target.status;
    // Without a host name, a container is called by the first twelve digits of its id, and only Kafka itself would
    // advertise that.
    let by_id = host.len() == 12 && host.bytes().all(|byte| byte.is_ascii_hexdigit());
    if host == own.name || by_id || goes_by(target.service, host) {
        return Some(own.replica.clone());
    }
    let services = target.stack.services.values().filter(|service| service.name != target.service.name);
    for service in services {
        let named = goes_by(service, host);
        if !named && Kind::of(service) != Some(Kind::Kafka) {
            continue;
        }
        let Ok(Ok(replicas)) = target.deadline.bound(target.platform.replicas(&service.name)).await else {
            continue;
        };
        let mut running = replicas.into_iter().filter(|status| status.state == ReplicaState::Running);
        if let Some(status) = running.find(|status| named || status.name == host) {
            return Some(status.replica);
        }
    }
    None
}

/// Whether a name is this machine's, as its clients here call it: the listener was reached at `ip`.
fn is_host(name: &str, ip: IpAddr) -> bool {
    match name.parse::<IpAddr>() {
        Ok(named) => named == ip || (named.is_loopback() && ip.is_loopback()),
        Err(_) => name == "localhost" && ip.is_loopback(),
    }
}

/// Whether other containers may call a service by this name.
pub(crate) fn goes_by(service: &Service, host: &str) -> bool {
    service.name == host
        || service.hostname.as_deref() == Some(host)
        || service.container_name.as_deref() == Some(host)
        || service.networks.values().any(|network| network.aliases.iter().any(|alias| alias == host))
}

fn failure(
    target: &Target<'_>,
    asked: Place,
    side: Side,
    broker: &Broker,
    alone: bool,
    trouble: &Trouble,
) -> ProbeFailure {
    let (address, id) = (broker.address(), broker.id);
    let trouble = match (trouble, side) {
        (Trouble::Unresolved, Side::Outside) => format!("the name {} doesn't resolve from here", broker.host),
        (Trouble::Unresolved, Side::Inside) => {
            format!("the name {} is none of the stack's and doesn't resolve from here", broker.host)
        }
        (Trouble::Loopback, _) => "for every other container that is itself".into(),
        (Trouble::Unanswered(why), _) => why.clone(),
    };
    let detail = format!(
        "advertised listener unreachable: the bootstrap at {} answers and sends clients on to {address} (broker {id}): \
         {trouble}",
        asked.address
    );
    let variable = listeners::advertised_variable(target.service);
    let hint = match side {
        Side::Outside => {
            let ip = asked.address.ip();
            let host = if ip.is_loopback() { "localhost".to_owned() } else { ip.to_string() };
            let listener = match asked.inside {
                Some(port) => format!("the listener on container port {port}"),
                None => "this listener".into(),
            };
            let port = asked.address.port();
            let advertise = format!(
                "advertise {listener} as {host}:{port} in {variable}, and keep another listener for the containers"
            );
            match broker.port {
                // The only broker there is must be the one behind this port.
                other if alone && other != port && asked.published && is_host(&broker.host, ip) => format!(
                    "it is published as {host}:{port}, but {variable} says {address}: --port-offset and other changes \
                     of a published port don't reach into variables; {advertise}"
                ),
                _ => advertise,
            }
        }
        Side::Inside => format!(
            "advertise the listener for the containers as {}:{} in {variable}",
            target.service.name,
            asked.inside.unwrap_or(broker.port)
        ),
    };
    ProbeFailure::new(detail).hint(hint)
}

//! Consul's DNS: what asks services by name. One question of RFC 1035, by UDP and by TCP.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;

use super::super::answer::{Answer, ProbeFailure};
use super::super::deep::{DeepCheck, Look, Outcome, settled};
use super::super::listen::declares;
use super::super::net::{Place, Wire};
use super::super::target::{Reach, Target};
use crate::stack::Service;
use crate::stack::model::Protocol;

/// What is asked for: every Consul server registers itself so.
const NAME: &str = "consul.service.consul";

/// A packet may be lost; it is sent again after this.
const AGAIN: Duration = Duration::from_millis(400);

/// By UDP and by TCP, where the stack says that containers or people use it. `web` is the port of the HTTP API.
pub(super) fn checks(target: Target<'_>, web: u16) -> Vec<DeepCheck<'_>> {
    let Some(port) = port(target.service) else { return Vec::new() };
    vec![DeepCheck::new("dns udp", by_udp(target, port, web)), DeepCheck::at("dns tcp", target, port, by_tcp)]
}

/// The port of a `dns` url, else the usual one where it is declared for either protocol.
fn port(service: &Service) -> Option<u16> {
    const USUAL: u16 = 8600;
    let url = service.vv.urls.iter().find(|url| url.scheme == "dns").map(|url| url.port);
    let by_udp =
        || published_udp(service, USUAL).is_some() || service.expose.iter().any(|text| text == "8600/udp");
    url.or_else(|| (declares(service, USUAL) || by_udp()).then_some(USUAL))
}

/// The host's port that a UDP port is published at; the inner option is empty for one that the engine chooses.
fn published_udp(service: &Service, port: u16) -> Option<Option<u16>> {
    let bound = service.ports.iter().find(|bound| bound.protocol == Protocol::Udp && bound.target == port)?;
    Some(bound.published.filter(|range| range.first == range.last).map(|range| range.first))
}

/// Where it answers by UDP. The platform tells of TCP only, but both protocols of a port have the same address.
async fn udp_address(
    target: &Target<'_>,
    port: u16,
    web: u16,
) -> Result<Result<SocketAddr, String>, ProbeFailure> {
    let unknown =
        || Ok(Err(format!("{port}/udp isn't published, and the container can't be reached from here")));
    let host = |asked: u16| async move {
        match target.reach(asked).await? {
            Reach::At(endpoint) => Ok::<_, ProbeFailure>(Some(endpoint)),
            Reach::Hidden(_) => Ok(None),
        }
    };
    let inside = host(port).await?;
    if let Some(endpoint) = inside.filter(|endpoint| !endpoint.published) {
        return Ok(Ok(SocketAddr::new(endpoint.address.ip(), port)));
    }
    let Some(Some(published)) = published_udp(target.service, port) else { return unknown() };
    match inside.or(host(web).await?) {
        Some(endpoint) if endpoint.published => Ok(Ok(SocketAddr::new(endpoint.address.ip(), published))),
        _ => unknown(),
    }
}

async fn by_udp(target: Target<'_>, port: u16, web: u16) -> Outcome {
    let address = match udp_address(&target, port, web).await? {
        Ok(address) => address,
        Err(why) => return Ok(Answer::NotAsked(why)),
    };
    let broken = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused => {
            ProbeFailure::new(format!("nothing answers by UDP at {address}")).hint(CLOSED)
        }
        _ => ProbeFailure::new(format!("{address} by UDP: {error}")),
    };
    let here: SocketAddr = match address.ip() {
        IpAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        IpAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(here).await.map_err(broken)?;
    socket.connect(address).await.map_err(broken)?;
    let socket = &socket;
    settled(target.deadline, || async move {
        let id = rand::random();
        let mut buffer = [0; 1500];
        while !target.deadline.left().is_zero() {
            socket.send(&question(id)).await.map_err(broken)?;
            let wait = AGAIN.min(target.deadline.left());
            // What isn't the answer to this question is nobody's business here; the next round asks again.
            if let Ok(length) = tokio::time::timeout(wait, socket.recv(&mut buffer)).await
                && let Some(reply) = Reply::read(&buffer[..length.map_err(broken)?], id)
            {
                return Ok(reply.look("UDP"));
            }
        }
        let silent = format!("{address} doesn't answer by UDP within {}", target.deadline.limit_text());
        Err(ProbeFailure::new(silent).hint(CLOSED))
    })
    .await
}

/// What to do where nothing answers.
const CLOSED: &str = "does Consul listen there for all (-client=0.0.0.0, ports.dns)?";

async fn by_tcp(target: Target<'_>, place: Place) -> Outcome {
    settled(target.deadline, || async move {
        let id = rand::random();
        let question = question(id);
        let mut framed = (question.len() as u16).to_be_bytes().to_vec();
        framed.extend(question);
        let asked = async {
            let mut wire = Wire::open(place, target.deadline).await?;
            wire.send(&framed).await?;
            let length = wire.exact(2).await?;
            let reply = wire.exact(u16::from_be_bytes([length[0], length[1]]).into()).await?;
            Reply::read(&reply, id).ok_or_else(|| wire.foreign("DNS"))
        };
        match asked.await {
            Ok(reply) => Ok(reply.look("TCP")),
            Err(failure) => Err(failure.hint(CLOSED)),
        }
    })
    .await
}

/// A question for the addresses of [`NAME`].
fn question(id: u16) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    // Recursion desired; one question, nothing else.
    bytes.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in NAME.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    // The root; type A; class IN.
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

/// What an answer's header says.
struct Reply {
    code: u8,
    answers: u16,
}

impl Reply {
    fn read(bytes: &[u8], id: u16) -> Option<Self> {
        let header = bytes.get(..12)?;
        let answered = header[2] & 0x80 != 0 && header[..2] == id.to_be_bytes();
        answered.then(|| Self { code: header[3] & 0x0f, answers: u16::from_be_bytes([header[6], header[7]]) })
    }

    /// The name comes a moment after the leader is elected.
    fn look(&self, protocol: &str) -> Look {
        match self.verdict(protocol) {
            seen @ Ok(Answer::Seen(_)) => Look::Final(seen),
            other => Look::NotYet(other),
        }
    }

    fn verdict(&self, protocol: &str) -> Outcome {
        let unknown = |why: &str| {
            Ok(Answer::Doubtful {
                detail: format!("answers by {protocol}, but {why} {NAME}"),
                hint: "does its configuration set another `domain`, or do its ACLs hide the service consul?"
                    .into(),
            })
        };
        match (self.code, self.answers) {
            (0, 1..) => Ok(Answer::Seen(format!("{NAME} is resolved by {protocol}"))),
            (0, 0) => unknown("has no address for"),
            (3, _) => unknown("doesn't know"),
            (5, _) => unknown("refuses to look up"),
            (2, _) => Err(ProbeFailure::new(format!("by {protocol} it answers SERVFAIL for {NAME}"))
                .hint("its agent can't ask a server: look at its log")),
            (code, _) => {
                Err(ProbeFailure::new(format!("by {protocol} it answers with code {code} for {NAME}")))
            }
        }
    }
}

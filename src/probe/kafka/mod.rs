//! Kafka: ApiVersions and Metadata raw over TCP, then every listener that the broker advertises.
//!
//! A client asks a bootstrap address once and then uses only the addresses that Metadata names. Where those can't be
//! reached, clients time out without a reason; asking step by step shows which step it is in milliseconds.

mod advertised;
mod client;
mod cluster;
mod configs;
mod controller;
mod create;
pub(super) mod deep;
mod disk;
pub(crate) mod listeners;
mod partitions;
mod refusal;
mod round_trip;
mod wire;

use super::answer::{Answer, ProbeFailure};
use super::net::{Place, Wire};
use super::target::Target;
use advertised::Side;
pub(crate) use advertised::goes_by;
use listeners::Security;
pub(crate) use refusal::spelled;
pub(crate) use wire::api_versions_request;
use wire::{Metadata, Versions};

/// Asks the broker behind a listener who it is, and then whether the brokers that it names can be reached.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    ask_from(target, place, Side::of(place)).await
}

async fn ask_from(target: &Target<'_>, place: Place, side: Side) -> Result<Answer, ProbeFailure> {
    let security = place.inside.and_then(|port| listeners::security(target.service, port));
    if let Some(Security::Tls) = security {
        return Ok(Answer::NotAsked(format!("the listener at {} wants TLS", place.address)));
    }
    let mut connection = Wire::open(place, target.deadline).await?;
    let versions = versions(&mut connection).await?;
    if let Some(Security::Login) = security {
        return Ok(Answer::Seen(format!(
            "{} answers ApiVersions; the listener wants a login",
            place.address
        )));
    }
    let metadata = match metadata(&mut connection, &versions).await {
        // A listener with SASL answers ApiVersions to anybody and hangs up on anything else.
        Err(_) if connection.ended() => {
            return Ok(Answer::Doubtful {
                detail: format!("{} answers ApiVersions and hangs up at Metadata", place.address),
                hint: "does this listener want a login (SASL)? Publish a PLAINTEXT one for local work".into(),
            });
        }
        other => other?,
    };
    if metadata.brokers.is_empty() {
        return Err(ProbeFailure::new("answers, but no broker is registered yet"));
    }
    advertised::check(target, place, side, &metadata.brokers).await?;
    let names: Vec<String> = metadata.brokers.iter().map(wire::Broker::address).collect();
    let count = if names.len() == 1 { "1 broker".to_owned() } else { format!("{} brokers", names.len()) };
    Ok(Answer::Seen(format!("{count}, advertised as {}", names.join(", "))))
}

/// Asks which requests the broker takes.
async fn versions(connection: &mut Wire) -> Result<Versions, ProbeFailure> {
    connection.send(&wire::api_versions_request()).await?;
    let answer = receive(connection).await?;
    wire::decode_versions(&answer).ok_or_else(|| connection.foreign("Kafka"))
}

/// Asks which brokers there are.
async fn metadata(connection: &mut Wire, versions: &Versions) -> Result<Metadata, ProbeFailure> {
    let Some(version) = versions.metadata() else {
        return Err(ProbeFailure::lasting("takes no Metadata request of a version that vv knows"));
    };
    connection.send(&wire::metadata_request(version)).await?;
    let answer = receive(connection).await?;
    wire::decode_metadata(&answer, version).ok_or_else(|| connection.foreign("Kafka"))
}

/// The next response: a size, then as many bytes.
async fn receive(connection: &mut Wire) -> Result<Vec<u8>, ProbeFailure> {
    let size = connection.exact(4).await?;
    if size[..2] == wire::TLS_ALERT {
        return Err(ProbeFailure::lasting("the listener wants TLS")
            .hint("publish a PLAINTEXT listener for local work"));
    }
    match wire::response_size(&size) {
        Some(size) => connection.exact(size).await,
        None => Err(connection.foreign("Kafka")),
    }
}

/// That a broker answers at an address: what a client does after Metadata.
async fn answers(target: &Target<'_>, place: Place) -> Result<(), ProbeFailure> {
    let mut connection = Wire::open(place, target.deadline).await?;
    versions(&mut connection).await.map(|_| ())
}

#[cfg(test)]
mod deep_tests;
#[cfg(test)]
mod tests;

//! A TCP port: accepted and not closed at once. The weakest question; anything with a protocol has a better one.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::{Answer, ProbeFailure, seconds};
use super::net::{GRACE, Place, Wire};
use super::target::Target;

/// Asks by connecting.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let mut wire = Wire::open(place, target.deadline).await?;
    wire.stays(GRACE).await?;
    Ok(Answer::Seen(format!("{} accepts and stays open", place.address)))
}

/// Whether `host:port` accepts and stays open, in words.
///
/// # Errors
/// Why not, in words.
pub async fn accepts(address: &str, limit: Duration) -> Result<String, String> {
    let stream = match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err(format!("no answer within {}", seconds(limit))),
    };
    match timeout(GRACE, stream.peek(&mut [0])).await {
        Err(_) | Ok(Ok(1..)) => Ok("accepts".to_owned()),
        Ok(Ok(0)) => Err("accepts and closes at once: nothing answers behind it".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
    }
}

//! A TCP port: accepted and not closed at once. The weakest question; anything with a protocol has a better one.

use super::answer::{Answer, ProbeFailure};
use super::net::{GRACE, Place, Wire};
use super::target::Target;

/// Asks by connecting.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let mut wire = Wire::open(place, target.deadline).await?;
    wire.stays(GRACE).await?;
    Ok(Answer::Seen(format!("{} accepts and stays open", place.address)))
}

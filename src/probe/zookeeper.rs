//! ZooKeeper: `srvr`, the one four-letter word that is allowed by default
//! (<https://zookeeper.apache.org/doc/current/zookeeperAdmin.html#sc_4lw>).

use super::answer::{Answer, ProbeFailure};
use super::net::{Place, Wire};
use super::target::Target;

/// Asks how it is.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let mut wire = Wire::open(place, target.deadline).await?;
    wire.send(b"srvr").await?;
    let said = wire.rest(4096).await?;
    let said = String::from_utf8_lossy(&said);
    let field = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if said.contains("not currently serving requests") {
        return Err(ProbeFailure::new("answers, but doesn't serve: it has no quorum yet")
            .hint("are the other servers of ZOOKEEPER_SERVERS up?"));
    }
    if said.contains("is not in the whitelist") {
        return Ok(Answer::Seen("answers (srvr isn't allowed)".into()));
    }
    match field("Zookeeper version:") {
        Some(version) => {
            let version = version.split(['-', ',']).next().unwrap_or(version);
            Ok(Answer::Seen(format!("{}, version {version}", field("Mode:").unwrap_or("serving"))))
        }
        None => Err(wire.foreign("ZooKeeper")),
    }
}

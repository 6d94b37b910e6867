//! ZooKeeper: `srvr`, the one four-letter word that is allowed by default
//! (<https://zookeeper.apache.org/doc/current/zookeeperAdmin.html#sc_4lw>).

pub(super) mod deep;

use super::answer::{Answer, ProbeFailure};
use super::listen::{port, variable};
use super::net::{Place, Wire};
use super::target::Target;
use crate::stack::Service;

/// How every command is turned down that `4lw.commands.whitelist` doesn't have.
const NOT_ALLOWED: &str = "is not in the whitelist";
/// How commands are answered while there is no quorum.
const NOT_SERVING: &str = "not currently serving requests";

/// The container port of its clients.
pub(super) fn client_port(service: &Service) -> u16 {
    let usual = variable(service, "ZOOKEEPER_CLIENT_PORT").and_then(|text| text.parse().ok()).unwrap_or(2181);
    port(service, &["zookeeper"], usual)
}

/// Says a four-letter word; what it answers, and the connection, for messages.
async fn word(target: &Target<'_>, place: Place, word: &str) -> Result<(String, Wire), ProbeFailure> {
    let mut wire = Wire::open(place, target.deadline).await?;
    wire.send(word.as_bytes()).await?;
    let said = wire.rest(8192).await?;
    Ok((String::from_utf8_lossy(&said).into_owned(), wire))
}

/// Asks how it is.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let (said, wire) = word(target, place, "srvr").await?;
    let field = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if said.contains(NOT_SERVING) {
        return Err(ProbeFailure::new("answers, but doesn't serve: it has no quorum yet")
            .hint("are the other servers of ZOOKEEPER_SERVERS up?"));
    }
    if said.contains(NOT_ALLOWED) {
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

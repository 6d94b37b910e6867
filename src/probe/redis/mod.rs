//! Redis: AUTH and PING on one connection (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).
//!
//! One connection, because a PING without AUTH answers NOAUTH while the server still loads its data too.

mod deep;

pub(super) use deep::deep;

use super::answer::{Answer, ProbeFailure, first_line};
use super::credentials;
use super::net::{Place, Wire};
use super::target::Target;

/// A reply's line, in bytes; PONG takes five.
const LINE: usize = 1024;
/// What to do about a disk that takes nothing.
const DISK: &str =
    "is the disk full (docker system df), or its folder not writable for user redis? Its log says which";

/// Logs in where the stack says how, and pings.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let (mut wire, password) = open(target, place).await?;
    wire.send(&command(&["PING"])).await?;
    match wire.line(LINE).await?.as_str() {
        "+PONG" => Ok(Answer::Seen(if password { "PONG, logged in".into() } else { "PONG".into() })),
        reply => Err(refusal(&wire, reply, password)),
    }
}

/// Connects, and logs in where the stack says how; whether it did.
async fn open(target: &Target<'_>, place: Place) -> Result<(Wire, bool), ProbeFailure> {
    let password = credentials::redis(target.service);
    let mut wire = Wire::open(place, target.deadline).await?;
    if let Some(password) = &password {
        wire.send(&command(&["AUTH", password])).await?;
        let reply = wire.line(LINE).await?;
        // A server without a password says so, and then answers all the same.
        if reply != "+OK"
            && !reply.contains("without any password configured")
            && !reply.contains("no password is set")
        {
            return Err(refusal(&wire, &reply, true));
        }
    }
    Ok((wire, password.is_some()))
}

fn refusal(wire: &Wire, reply: &str, password: bool) -> ProbeFailure {
    let Some(error) = reply.strip_prefix('-') else { return wire.foreign("Redis") };
    match error.split(' ').next().unwrap_or_default() {
        "NOAUTH" => ProbeFailure::lasting("wants a password, and the stack gives none")
            .hint("give it as --requirepass in the command, or as REDIS_PASSWORD"),
        "WRONGPASS" => ProbeFailure::lasting("refuses the stack's password")
            .hint("does the running server's configuration have another one? Recreate the container"),
        "LOADING" => ProbeFailure::new("is loading its data into memory"),
        "DENIED" => ProbeFailure::lasting("is in protected mode: it answers only itself")
            .hint("set a password with --requirepass, or start it with --protected-mode no"),
        "MASTERDOWN" => ProbeFailure::new("is a replica that has lost its master"),
        // What can't be kept isn't taken: PING says so too.
        "MISCONF" if error.contains("AOF") => ProbeFailure::new(format!(
            "takes no writes: it can't write its append-only file (AOF){}",
            error.split_once("AOF file").map(|(_, why)| first_line(why)).unwrap_or_default()
        ))
        .hint(DISK),
        "MISCONF" => {
            ProbeFailure::new("takes no writes: its last snapshot (RDB) couldn't be written").hint(DISK)
        }
        "BUSY" => ProbeFailure::new("is busy with a script"),
        // Before version 6 a wrong password was a plain ERR.
        "ERR" if password && error.contains("invalid password") => {
            ProbeFailure::lasting("refuses the stack's password")
                .hint("does the running server's configuration have another one? Recreate the container")
        }
        _ => ProbeFailure::new(format!("answers with an error: {}", first_line(error))),
    }
}

/// A command in the server's own protocol: lengths, so that any byte may be in a password.
fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use crate::probe::testing::{
        BRIEF, answering, ask, ask_within, closing, environment, nobody, silent, system, told,
    };

    async fn with_password(address: SocketAddr) -> String {
        told(ask(environment(system("redis", 6379), &[("REDIS_PASSWORD", "hunter22")]), 6379, address).await)
    }

    async fn without(address: SocketAddr) -> String {
        told(ask(system("redis", 6379), 6379, address).await)
    }

    #[tokio::test]
    async fn every_state_has_its_words() {
        let ok = b"+OK\r\n".as_slice();
        let pong = b"+PONG\r\n".as_slice();
        let lines = [
            without(answering(&[pong]).await).await,
            with_password(answering(&[ok, pong]).await).await,
            // The image that takes no password from the environment: the server has none, and answers all the same.
            with_password(answering(&[b"-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n", pong]).await).await,
            without(answering(&[b"-NOAUTH Authentication required.\r\n"]).await).await,
            with_password(answering(&[b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"]).await).await,
            with_password(answering(&[b"-ERR invalid password\r\n"]).await).await,
            with_password(answering(&[ok, b"-LOADING Redis is loading the dataset in memory\r\n"]).await).await,
            without(answering(&[b"-DENIED Redis is running in protected mode because ...\r\n"]).await).await,
            without(answering(&[b"-MASTERDOWN Link with MASTER is down\r\n"]).await).await,
            with_password(answering(&[ok, b"-ERR hunter22 is what you said\r\n"]).await).await,
            without(answering(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"]).await).await,
            without(answering(&[b"+PO"]).await).await,
            without(closing().await).await,
            without(nobody().await).await,
            told(ask_within(system("redis", 6379), 6379, silent().await, BRIEF).await),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        ok: PONG
        ok: PONG, logged in
        ok: PONG, logged in
        lasting: wants a password, and the stack gives none -> give it as --requirepass in the command, or as REDIS_PASSWORD
        lasting: refuses the stack's password -> does the running server's configuration have another one? Recreate the container
        lasting: refuses the stack's password -> does the running server's configuration have another one? Recreate the container
        fail: is loading its data into memory
        lasting: is in protected mode: it answers only itself -> set a password with --requirepass, or start it with --protected-mode no
        fail: is a replica that has lost its master
        fail: answers with an error: ERR ••• is what you said
        fail: 127.0.0.1:PORT answers, but not as Redis
        fail: 127.0.0.1:PORT closes the connection in the middle of its answer
        fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 6379 in the container
        fail: 127.0.0.1:PORT refuses connections (container port 6379)
        fail: 127.0.0.1:PORT accepts but says nothing within 300 ms
        ");
    }
}

//! NATS: the server's INFO, a login, a PING; at work a message to itself
//! (<https://docs.nats.io/reference/reference-protocols/nats-protocol>).

use serde_json::{Value, json};

use super::answer::{Answer, ProbeFailure, first_line};
use super::credentials;
use super::deep::{DeepCheck, PROBE, unique};
use super::listen::port;
use super::net::{Place, Wire};
use super::target::Target;

/// More than a line of the protocol takes, in bytes: an INFO names every server of the cluster.
const LINE: usize = 64 * 1024;

/// What a login comes to.
enum Session {
    /// The server took it; what it says of itself.
    Open(Box<Wire>, Value),
    /// It couldn't be tried.
    Shut(Answer),
}

/// Logs in and pings.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    match open(target, place).await? {
        Session::Open(_, info) => {
            let version = info["version"].as_str().unwrap_or("?");
            let streams = if info["jetstream"] == true { ", JetStream" } else { "" };
            Ok(Answer::Seen(format!("PONG, version {version}{streams}")))
        }
        Session::Shut(answer) => Ok(answer),
    }
}

async fn open(target: &Target<'_>, place: Place) -> Result<Session, ProbeFailure> {
    let login = credentials::nats(target.service);
    let mut wire = Wire::open(place, target.deadline).await?;
    let line = wire.line(LINE).await?;
    let info: Option<Value> = line.strip_prefix("INFO ").and_then(|json| serde_json::from_str(json).ok());
    let Some(info) = info.filter(Value::is_object) else { return Err(wire.foreign("NATS")) };
    if info["tls_required"] == true {
        return Ok(Session::Shut(Answer::Seen("answers; it wants TLS from here on".into())));
    }
    let mut hello = json!({"verbose": false, "pedantic": false, "name": PROBE, "lang": "vv",
        "version": env!("CARGO_PKG_VERSION"), "protocol": 1});
    match &login {
        Some(login) if login.user.is_empty() => hello["auth_token"] = json!(login.password),
        Some(login) => {
            hello["user"] = json!(login.user);
            hello["pass"] = json!(login.password);
        }
        None if info["auth_required"] == true => {
            return Ok(Session::Shut(Answer::Doubtful {
                detail: "answers, but wants a login that the stack doesn't give".into(),
                hint: "its command's --user and --pass are understood; users of a mounted nats.conf aren't"
                    .into(),
            }));
        }
        None => {}
    }
    wire.send(format!("CONNECT {hello}\r\nPING\r\n").as_bytes()).await?;
    match reply(&mut wire).await? {
        line if line == "PONG" => Ok(Session::Open(Box::new(wire), info)),
        line => Err(refusal(&wire, &line)),
    }
}

/// The next line that is an answer.
async fn reply(wire: &mut Wire) -> Result<String, ProbeFailure> {
    loop {
        let line = wire.line(LINE).await?;
        match line.as_str() {
            "PING" => wire.send(b"PONG\r\n").await?,
            "+OK" => {}
            // Of servers that join the cluster.
            text if text.starts_with("INFO ") => {}
            _ => return Ok(line),
        }
    }
}

fn refusal(wire: &Wire, line: &str) -> ProbeFailure {
    let Some(error) = line.strip_prefix("-ERR ") else { return wire.foreign("NATS") };
    let error = first_line(error.trim_matches('\''));
    match error.to_ascii_lowercase().as_str() {
        "authorization violation" => ProbeFailure::lasting("refuses the stack's login")
            .hint("does the running server have other --user and --pass? Recreate the container"),
        "maximum connections exceeded" => ProbeFailure::new("takes no more connections")
            .hint("raise max_connections, or look for clients that don't close theirs"),
        _ => ProbeFailure::new(format!("answers with an error: {error}")),
    }
}

/// Its checks.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    vec![DeepCheck::at("message", target, port(target.service, &["nats"], 4222), message)]
}

/// That a message to a subject of its own comes back.
async fn message(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let mut wire = match open(&target, place).await? {
        Session::Open(wire, _) => wire,
        Session::Shut(answer) => return Ok(answer),
    };
    let (subject, size) = (format!("{PROBE}.{}", unique()), PROBE.len());
    wire.send(format!("SUB {subject} 1\r\nPUB {subject} {size}\r\n{PROBE}\r\nPING\r\n").as_bytes()).await?;
    match reply(&mut wire).await? {
        line if line == format!("MSG {subject} 1 {size}") => {}
        line if line == "PONG" => return Err(ProbeFailure::new("a message that was sent doesn't come")),
        line if line.contains("Permissions Violation") => {
            return Ok(Answer::NotAsked(format!("the stack's user may not use the subject {PROBE}.*")));
        }
        line => return Err(refusal(&wire, &line)),
    }
    match wire.line(LINE).await? == PROBE {
        true => Ok(Answer::Seen("a message was sent and came back".into())),
        false => Err(ProbeFailure::new("a message comes out otherwise than it went in")),
    }
}

#[cfg(test)]
#[path = "nats_tests.rs"]
mod tests;

//! The deep level of ZooKeeper: that it opens a session and reads, as its clients do, and how its part of the ensemble
//! does.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Buf, BufMut};

use super::{NOT_ALLOWED, NOT_SERVING, client_port, word};
use crate::probe::answer::{Answer, ProbeFailure};
use crate::probe::deep::{DeepCheck, Outcome};
use crate::probe::listen::variable;
use crate::probe::net::{Place, Wire};
use crate::probe::target::Target;
use crate::stack::Service;

/// Waiting requests that are worth a look: a tenth of what makes it turn clients away (`globalOutstandingLimit`).
const MANY: u64 = 100;
/// How long the session may stay open after vv is gone, in milliseconds; the server has the last word.
const SESSION: i32 = 4000;
/// More than an answer here takes, in bytes.
const LIMIT: usize = 1024 * 1024;
const GET_CHILDREN: i32 = 8;
const CLOSE: i32 = -11;
/// The number of vv's one request.
const XID: i32 = 1;

/// What a server is asked.
pub(in crate::probe) fn checks(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let port = client_port(target.service);
    vec![
        DeepCheck::at("session", target, port, |target, place| async move { session(&target, place).await }),
        DeepCheck::at(
            "ensemble",
            target,
            port,
            |target, place| async move { ensemble(&target, place).await },
        ),
    ]
}

/// Opens a session, which the ensemble must agree to, and reads the root; then closes it again. The frames are those
/// of <https://github.com/apache/zookeeper/blob/master/zookeeper-jute/src/main/resources/zookeeper.jute>.
async fn session(target: &Target<'_>, place: Place) -> Outcome {
    let mut wire = Wire::open(place, target.deadline).await?;
    wire.send(&connect_request()).await?;
    let mut opened = match receive(&mut wire).await {
        Ok(opened) => opened,
        // Without a quorum, and while too many are connected, it hangs up without a word.
        Err(_) if wire.ended() => {
            return Err(ProbeFailure::new(format!("{} opens no session: it hangs up", place.address))
                .hint("has it a quorum, and room for another client (maxClientCnxns)?"));
        }
        Err(failure) => return Err(failure),
    };
    // Protocol version, agreed timeout, session id.
    let agreed = (opened.try_get_i32(), opened.try_get_i32(), opened.try_get_i64());
    let (Ok(_), Ok(timeout), Ok(id)) = agreed else { return Err(wire.foreign("ZooKeeper")) };
    if timeout <= 0 || id == 0 {
        return Err(ProbeFailure::new(format!("{} refuses the session", place.address)));
    }
    wire.send(&children_request("/")).await?;
    let read = receive(&mut wire).await?;
    // It ends by itself too; waiting for the server's word on that would prove nothing more.
    let _ = wire
        .send(&framed(|body| {
            body.put_i32(XID + 1);
            body.put_i32(CLOSE);
        }))
        .await;
    match children(&read) {
        Some(Ok(_)) => Ok(Answer::Seen("a session was opened and / was read".into())),
        // The root may be closed to strangers: the session is proven.
        Some(Err(NO_AUTH)) => Ok(Answer::Seen("a session was opened (/ is closed to strangers)".into())),
        Some(Err(code)) => {
            Err(ProbeFailure::new(format!("a session was opened, but / can't be read (error {code})")))
        }
        None => Err(wire.foreign("ZooKeeper")),
    }
}

const NO_AUTH: i32 = -102;

fn framed(fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = Vec::new();
    fill(&mut body);
    let mut framed = Vec::with_capacity(4 + body.len());
    framed.put_i32(body.len() as i32);
    framed.extend_from_slice(&body);
    framed
}

/// A new session that may write.
fn connect_request() -> Vec<u8> {
    framed(|body| {
        body.put_i32(0); // protocol version
        body.put_i64(0); // last transaction seen
        body.put_i32(SESSION);
        body.put_i64(0); // session id: a new one
        body.put_i32(16);
        body.put_slice(&[0; 16]); // password of the session
        body.put_u8(0); // not satisfied with a read-only server
    })
}

fn children_request(path: &str) -> Vec<u8> {
    framed(|body| {
        body.put_i32(XID);
        body.put_i32(GET_CHILDREN);
        body.put_i32(path.len() as i32);
        body.put_slice(path.as_bytes());
        body.put_u8(0); // no watch
    })
}

/// The answer to [`children_request`]: how many there are, or an error code.
fn children(mut answer: &[u8]) -> Option<Result<i32, i32>> {
    let xid = answer.try_get_i32().ok()?;
    answer.try_get_i64().ok()?; // transaction
    match answer.try_get_i32().ok()? {
        _ if xid != XID => None,
        0 => answer.try_get_i32().ok().map(Ok),
        code => Some(Err(code)),
    }
}

/// The next frame: a size, then as many bytes.
async fn receive(wire: &mut Wire) -> Result<bytes::Bytes, ProbeFailure> {
    let size = wire.exact(4).await?;
    let size = u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize;
    if !(4..=LIMIT).contains(&size) {
        return Err(wire.foreign("ZooKeeper"));
    }
    Ok(wire.exact(size).await?.into())
}

/// Asks a server how it stands to the others and how much waits; many requests that wait pass, or don't in time.
async fn ensemble(target: &Target<'_>, place: Place) -> Outcome {
    loop {
        let found = stands(target, place).await;
        let pause = Duration::from_millis(200);
        if !matches!(found, Ok(Answer::Doubtful { .. })) || target.deadline.left() < pause * 2 {
            return found;
        }
        tokio::time::sleep(pause).await;
    }
}

/// One look. `mntr` tells most, but only `srvr` is allowed by default.
async fn stands(target: &Target<'_>, place: Place) -> Outcome {
    let (mut said, _) = word(target, place, "mntr").await?;
    if said.contains(NOT_ALLOWED) {
        said = word(target, place, "srvr").await?.0;
    }
    judge(&said, servers(target.service))
}

/// How many servers the ensemble has, where the environment says: Confluent's, the official and Bitnami's images.
fn servers(service: &Service) -> Option<usize> {
    let list = ["ZOOKEEPER_SERVERS", "ZOO_SERVERS"].iter().find_map(|name| variable(service, name))?;
    let count = list.split([';', ',', ' ']).filter(|server| server.contains(':')).count();
    (count > 0).then_some(count)
}

fn judge(said: &str, servers: Option<usize>) -> Outcome {
    if said.contains(NOT_ALLOWED) {
        return Ok(Answer::NotAsked(
            "srvr isn't allowed: put srvr and mntr into 4lw.commands.whitelist (ZOO_4LW_COMMANDS_WHITELIST)"
                .into(),
        ));
    }
    let quorum = "are the other servers of the ensemble up?";
    if said.contains(NOT_SERVING) {
        return Err(ProbeFailure::new("doesn't serve: it has no quorum").hint(quorum));
    }
    let fields: BTreeMap<&str, &str> = said
        .lines()
        .filter_map(|line| line.split_once('\t').or_else(|| line.split_once(": ")))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let either = |long: &str, short: &str| fields.get(long).or_else(|| fields.get(short)).copied();
    let Some(mode) = either("zk_server_state", "Mode") else {
        return Err(ProbeFailure::new("tells neither its mode nor that it may not"));
    };
    if mode == "read-only" {
        return Err(ProbeFailure::new("serves reads only: it has lost its quorum").hint(quorum));
    }
    let waiting = either("zk_outstanding_requests", "Outstanding").and_then(|text| text.parse::<u64>().ok());
    // A reading of 3.5 is `2`, one of 3.6 and later may be `2.0`.
    let number = |name: &str| fields.get(name).and_then(|text| text.parse::<f64>().ok());
    let synced = number("zk_synced_followers").map(|count| count as usize);
    match (servers, mode) {
        (Some(all @ 2..), "standalone") => {
            return Ok(Answer::Doubtful {
                detail: format!("runs alone, though {all} servers are declared"),
                hint: "does its image read that variable? An ensemble needs server ids as well (ZOOKEEPER_SERVER_ID, ZOO_MY_ID)"
                    .into(),
            });
        }
        (Some(all @ 2..), "leader") if synced.is_some_and(|synced| synced + 1 < all) => {
            let follow = synced.unwrap_or_default();
            return Ok(Answer::Doubtful {
                detail: format!("leads, but {follow} of {} others follow", all - 1),
                hint: "are the others up? Without more than half of all nothing is served".into(),
            });
        }
        _ => {}
    }
    match waiting {
        Some(waiting @ MANY..) => Ok(Answer::Doubtful {
            detail: format!("{mode}, and {waiting} requests wait"),
            hint: "is its disk slow? Every write waits for it".into(),
        }),
        Some(_) => Ok(Answer::Seen(format!("{mode}, requests don't pile up"))),
        None => Ok(Answer::Seen(mode.to_owned())),
    }
}

#[cfg(test)]
#[path = "deep_tests.rs"]
mod tests;

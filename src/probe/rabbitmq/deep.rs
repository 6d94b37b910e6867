//! RabbitMQ at work: no alarm holds publishers up, and a message goes in and comes out.

use super::{Session, frame, log_in, receive, unexpected};
use crate::probe::amqp::{self, FrameKind, Method};
use crate::probe::answer::{Answer, ProbeFailure, first_line};
use crate::probe::credentials;
use crate::probe::deep::{DeepCheck, unique};
use crate::probe::http;
use crate::probe::listen::{declares, port};
use crate::probe::net::{Place, Wire};
use crate::probe::question::Scheme;
use crate::probe::target::Target;

/// Where the management plugin listens.
const MANAGEMENT: u16 = 15672;
/// A held-up connection isn't read from, so its server learns of its end by what it sends itself: after some of these
/// seconds.
const HEARTBEAT: u16 = 5;

/// Its checks. Its management page is asked where the stack counts on it.
pub(in crate::probe) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let amqp = port(target.service, &["amqp"], 5672);
    let mut checks = vec![DeepCheck::at("message", target, amqp, message)];
    if declares(target.service, MANAGEMENT) || target.service.image.contains("management") {
        checks.push(DeepCheck::at("alarms", target, MANAGEMENT, alarms));
    }
    checks
}

/// That a message goes through a queue of its own, which is gone with the connection.
async fn message(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let mut wire = match log_in(&target, place, HEARTBEAT).await? {
        Session::Open { wire, .. } => wire,
        Session::Shut(answer) => return Ok(answer),
    };
    let outcome = round_trip(&mut wire).await;
    // The server closes what belongs to the connection; a farewell that fails changes nothing. Where publishers are
    // held up, it wouldn't be read.
    if outcome.is_ok() && wire.send(&amqp::close()).await.is_ok() {
        let _ = receive(&mut wire).await;
    }
    outcome
}

async fn round_trip(wire: &mut Wire) -> Result<Answer, ProbeFailure> {
    wire.send(&amqp::open_channel()).await?;
    match next(wire).await? {
        Method::ChannelOpenOk => {}
        other => return Err(unexpected(wire, other, "channel.open-ok")),
    }
    wire.send(&amqp::declare_own_queue()).await?;
    let queue = match next(wire).await? {
        Method::QueueOk(name) => name,
        Method::ChannelClose { code: 403, text } => {
            return Ok(Answer::NotAsked(format!(
                "the stack's user may not make a queue of its own: {}",
                first_line(&text)
            )));
        }
        other => return Err(unexpected(wire, other, "queue.declare-ok")),
    };
    let word = unique();
    wire.send(&amqp::publish(&queue, word.as_bytes())).await?;
    // What is published straight into a queue is there when the next request is answered.
    loop {
        wire.send(&amqp::get(&queue)).await?;
        match next(wire).await? {
            Method::GetOk => break,
            Method::GetEmpty => tokio::task::yield_now().await,
            other => return Err(unexpected(wire, other, "basic.get-ok")),
        }
    }
    let mut came = Vec::new();
    while came.len() < word.len() {
        let frame = frame(wire).await?;
        match frame.kind {
            FrameKind::Body => came.extend(frame.payload),
            FrameKind::Header | FrameKind::Heartbeat => {}
            FrameKind::Method => return Err(wire.foreign("RabbitMQ")),
        }
    }
    match came == word.as_bytes() {
        true => Ok(Answer::Seen("a message went through a queue of its own".into())),
        false => Err(ProbeFailure::new("a message comes out otherwise than it went in")),
    }
}

/// The next method; that publishers are held up is a failure of its own.
async fn next(wire: &mut Wire) -> Result<Method, ProbeFailure> {
    loop {
        match receive(wire).await? {
            Method::Blocked(reason) => return Err(alarmed(&first_line(&reason))),
            Method::Unblocked => {}
            other => return Ok(other),
        }
    }
}

/// What an alarm means: `low on memory`, `low on disk`, in the server's words or the management plugin's.
fn alarmed(reason: &str) -> ProbeFailure {
    let hint = if reason.contains("disk") {
        "free disk space (docker system df), or lower disk_free_limit"
    } else {
        "let consumers catch up, give the container more memory, or raise vm_memory_high_watermark"
    };
    ProbeFailure::new(format!("an alarm holds all publishers up: {reason}")).hint(hint)
}

/// That no alarm is on anywhere in the cluster
/// (<https://www.rabbitmq.com/docs/monitoring#health-checks>).
async fn alarms(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    const PATH: &str = "/api/health/checks/alarms";
    let (login, _) = credentials::rabbitmq(target.service);
    let password = login.password.as_deref().unwrap_or_default();
    let reply = http::get(&target, place, Scheme::Http, PATH, Some((&login.user, password))).await;
    let reply = match reply {
        // The port is published, but the plugin is off: the image without -management.
        Err(failure) if failure.absent => {
            return Ok(Answer::Doubtful {
                detail: format!("no management page: {failure}"),
                hint: "take an image with -management in its tag, or rabbitmq-plugins enable rabbitmq_management".into(),
            });
        }
        other => other?,
    };
    match reply.status {
        200 => Ok(Answer::Seen("no alarm is on".into())),
        401 | 403 => Ok(Answer::Doubtful {
            detail: format!("user {} may not use the management page", login.user),
            hint: format!("rabbitmqctl set_user_tags {} administrator", login.user),
        }),
        404 => Ok(Answer::NotAsked("this version's management page has no health checks".into())),
        503 => {
            let said = reply.json().unwrap_or_default();
            let alarms = said["alarms"].as_array().cloned().unwrap_or_default();
            let mut names: Vec<String> = alarms
                .iter()
                .filter_map(|alarm| {
                    Some(format!("low on {} at {}", alarm["resource"].as_str()?, alarm["node"].as_str()?))
                })
                .collect();
            names.sort();
            names.dedup();
            match names.is_empty() {
                true => Err(reply.refusal(PATH)),
                false => Err(alarmed(&names.join(", "))),
            }
        }
        _ => Err(reply.refusal(PATH)),
    }
}

#[cfg(test)]
#[path = "deep_tests.rs"]
mod tests;

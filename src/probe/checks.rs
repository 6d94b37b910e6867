//! The levels of a service put together: container, healthcheck, port, protocol, each only where the one below holds.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::answer::{Answer, ProbeFailure};
use super::container::{self, Finding};
use super::deep;
use super::ladder::Ladder;
use super::listen::declares;
use super::net::{GRACE, Place, Wire};
use super::patience::{Patience, insistently};
use super::question::{Page, Question, Scheme, bare_port};
use super::secrets::Secrets;
use super::target::{Deadline, Reach, Target};
use super::{Check, Level, Outcome, healthcheck};
use super::{consul, elasticsearch, exec, grafana, grpc, http, jaeger, kafka, kibana, kong, mongo, mysql};
use super::{nats, postgres, prometheus, rabbitmq, redis, tcp, zookeeper};
use crate::platform::{Platform, Replica, ReplicaState, ReplicaStatus};
use crate::stack::model::Namespace;
use crate::stack::{Service, Stack};

/// Checks every replica of a service, all at once, up to a level; each check may take as long as `timeout`.
pub async fn check_service(
    stack: &Stack,
    service: &Service,
    platform: &dyn Platform,
    depth: Level,
    timeout: Duration,
) -> Vec<Check> {
    check_within(stack, service, platform, depth, Patience::each(timeout), &Secrets::of(stack)).await
}

/// As [`check_service`], with a limit for all of it too. All that is said passes through here: none of it shows one of
/// the stack's secrets.
pub async fn check_within(
    stack: &Stack,
    service: &Service,
    platform: &dyn Platform,
    depth: Level,
    patience: Patience,
    secrets: &Secrets,
) -> Vec<Check> {
    let checks = unscrubbed(stack, service, platform, depth, patience).await;
    checks.into_iter().map(|check| secrets.scrub_check(check)).collect()
}

async fn unscrubbed(
    stack: &Stack,
    service: &Service,
    platform: &dyn Platform,
    depth: Level,
    patience: Patience,
) -> Vec<Check> {
    let started = Instant::now();
    let whole = |finding: Finding| Check {
        replica: Replica { service: service.name.clone(), number: 0 },
        name: "container".into(),
        level: Level::Container,
        outcome: finding.outcome,
        detail: finding.detail,
        hint: finding.hint,
        took: started.elapsed(),
    };
    let limit = patience.engine();
    let replicas = match limit.bound(platform.replicas(&service.name)).await {
        Ok(Ok(replicas)) => replicas,
        Ok(Err(error)) => {
            return vec![whole(Finding::fail(format!("the engine can't be asked: {error}"), "vv status"))];
        }
        Err(_) => {
            let late = format!("the engine doesn't answer within {}", limit.limit_text());
            return vec![whole(Finding::fail(late, "is the engine overloaded?"))];
        }
    };
    let start = format!("vv start {}", service.name);
    let mut checks = match (replicas.len(), service.replicas as usize) {
        (0, 0) => vec![whole(Finding::skipped("no replica is wanted"))],
        (0, _) => {
            vec![whole(Finding::fail("not running: there is no container", format!("start it with {start}")))]
        }
        (there, wanted) if there < wanted => {
            vec![whole(Finding::warn(format!("{there} of {wanted} replicas are there"), start))]
        }
        _ => Vec::new(),
    };
    let each = replicas.iter().map(|status| check_replica(stack, service, platform, status, depth, patience));
    checks.extend(join_all(each).await.into_iter().flatten());
    checks
}

/// Asks a running replica the question of its service, once: what `vv start` repeats until it is ready. A service
/// that there is no question for, and a port that can't be reached from here, are [`Answer::NotAsked`].
///
/// # Errors
/// What was seen instead of readiness, and whether waiting can change it.
pub async fn protocol(
    stack: &Stack,
    service: &Service,
    platform: &dyn Platform,
    status: &ReplicaStatus,
    timeout: Duration,
) -> Result<Answer, ProbeFailure> {
    let target = Target { stack, service, status, platform, deadline: Deadline::after(timeout) };
    Secrets::of_services([service], &[]).scrub_outcome(answer_of(target).await)
}

async fn answer_of(target: Target<'_>) -> Result<Answer, ProbeFailure> {
    let Target { service, status, .. } = target;
    // A dead container has no address, which must not look like one that can't be reached from here.
    if status.state != ReplicaState::Running {
        return Err(ProbeFailure::new("isn't running"));
    }
    let Some(question) = Question::of(service, status.stub) else {
        return Ok(Answer::NotAsked("nothing is known of what it serves".into()));
    };
    ask(&target, &question).await
}

async fn ask(target: &Target<'_>, question: &Question) -> Result<Answer, ProbeFailure> {
    if let Question::Exec(command) = question {
        return exec::ask(target, command).await;
    }
    let Some(port) = question.port() else {
        return Ok(Answer::NotAsked("it has no port".into()));
    };
    let place = match target.reach(port).await? {
        Reach::At(endpoint) => Place::of(endpoint, port),
        Reach::Hidden(why) => return Ok(Answer::NotAsked(why)),
    };
    let scheme = || {
        let tls = target.service.vv.urls.iter().any(|url| url.port == port && url.scheme == "https");
        if tls { Scheme::Https } else { Scheme::Http }
    };
    match question {
        Question::Exec(command) => exec::ask(target, command).await,
        Question::Http(page) => http::ask(target, place, page).await,
        Question::Tcp(_) => tcp::ask(target, place).await,
        Question::Grpc { service, .. } => grpc::ask(target, place, service).await,
        Question::Consul(_) => consul::ask(target, place).await,
        Question::Elasticsearch(_) => elasticsearch::ask(target, place, scheme()).await,
        Question::Grafana(_) => grafana::ask(target, place, scheme()).await,
        Question::Jaeger(_) => jaeger::ask(target, place).await,
        Question::Kafka(_) => kafka::ask(target, place).await,
        Question::Kibana(_) => kibana::ask(target, place, scheme()).await,
        Question::Kong(ports) => kong::ask(target, place, ports).await,
        Question::Mongo(_) => mongo::ask(target, place).await,
        Question::Mysql(_) => mysql::ask(target, place).await,
        Question::Nats(_) => nats::ask(target, place).await,
        Question::Postgres(_) => postgres::ask(target, place).await,
        Question::Prometheus(_) => prometheus::ask(target, place).await,
        Question::Rabbitmq(_) => rabbitmq::ask(target, place).await,
        Question::Redis(_) => redis::ask(target, place).await,
        Question::Zookeeper(_) => zookeeper::ask(target, place).await,
    }
}

/// The levels of one replica, from the bottom up.
async fn check_replica(
    stack: &Stack,
    service: &Service,
    platform: &dyn Platform,
    status: &ReplicaStatus,
    depth: Level,
    patience: Patience,
) -> Vec<Check> {
    let target = || Target { stack, service, status, platform, deadline: patience.deadline() };
    let mut ladder = Ladder { service, status, depth, patience, checks: Vec::new(), broken: None };

    let found = container::judge(stack, service, status);
    let over = found.outcome != Outcome::Fail && status.state != ReplicaState::Running;
    ladder.add(Level::Container, "container", Instant::now(), found);
    if over {
        return ladder.checks;
    }

    if status.health.is_some() || healthcheck::declared(service) {
        ladder
            .step(Level::Healthcheck, "healthcheck", async || {
                let found = healthcheck::check(&target()).await;
                found.unwrap_or_else(|| Finding::skipped("the container was made without it"))
            })
            .await;
    }

    let question = Question::of(service, status.stub);
    match &question {
        Some(question) => ladder.ask(question, target()).await,
        None => {
            if let Some((port, promised)) = bare_port(service) {
                let name = format!("port {port}");
                ladder.step(Level::Port, &name, async || check_port(&target(), port, promised).await).await;
            }
        }
    }
    if depth >= Level::Deep {
        ladder.deep(deep::checks(target())).await;
    }
    ladder.checks
}

/// Asks the question until its answer counts.
pub(super) async fn asked(target: Target<'_>, question: &Question) -> Finding {
    let mut answer = match question {
        // Never two at once in a container, and its exit code is its last word.
        Question::Exec(_) => answer_of(target).await,
        _ => insistently(|| answer_of(target), target.deadline).await,
    };
    if let Ok(Answer::Seen(detail)) = &mut answer {
        *detail = stubbed(std::mem::take(detail), target.status, question);
    }
    Finding::from(answer)
}

/// What is proven of a stand-in isn't proven of the service.
fn stubbed(detail: String, status: &ReplicaStatus, question: &Question) -> String {
    match question {
        Question::Http(Page { .. }) if status.stub => format!("{detail} (stub)"),
        _ => detail,
    }
}

/// That a port accepts, and that whoever accepts doesn't hang up at once.
pub(super) async fn check_port(target: &Target<'_>, port: u16, promised: bool) -> Finding {
    let connect = async || {
        let place = match target.reach(port).await? {
            Reach::At(endpoint) => Place::of(endpoint, port),
            Reach::Hidden(why) => return Ok(Finding::skipped(format!("not asked: {why}"))),
        };
        let mut wire = Wire::open(place, target.deadline).await?;
        if place.published {
            wire.stays(GRACE).await?;
        }
        Ok(Finding::ok(format!("{} accepts", place.address)))
    };
    match insistently(connect, target.deadline).await {
        Ok(found) => found,
        Err(ProbeFailure { detail, hint, absent, .. }) if promised => {
            // On the host's network nothing has to be declared, so the port is only the usual one.
            let Service { network_mode, vv, .. } = target.service;
            let guessed = absent && *network_mode == Some(Namespace::Host);
            let guessed = guessed && vv.probe.is_none() && !declares(target.service, port);
            let guess =
                || format!("does it listen on another port than {port}? Name it in expose or x-vv.urls");
            Finding { outcome: Outcome::Fail, detail, hint: hint.or_else(|| guessed.then(guess)) }
        }
        // Nothing says what it is for: a debugger's port is published too, and nobody listens there by day.
        Err(ProbeFailure { detail, absent: true, .. }) => Finding::warn(
            detail,
            format!(
                "nothing listens on port {port} in the container: is the application's port another one, or does it \
                 listen on 127.0.0.1 only?"
            ),
        ),
        Err(ProbeFailure { detail, hint, .. }) => {
            let logs = || format!("vv logs {}", target.service.name);
            Finding::warn(detail, hint.unwrap_or_else(logs))
        }
    }
}

#[cfg(test)]
#[path = "checks_tests.rs"]
mod tests;

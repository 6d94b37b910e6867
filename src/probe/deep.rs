//! The deep level: that a system does its work, and not only that it answers. Each system's file lists its checks;
//! those of a replica run all at once, each with the whole timeout for itself.
//!
//! What a check writes is called [`PROBE`] and is removed again, or is kept for a minute at most by the system itself.

use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::answer::{Answer, ProbeFailure};
use super::http::{self, Reply, Request};
use super::kind::Kind;
use super::net::Place;
use super::target::{Deadline, Reach, Target};
use super::{adminer, consul, envoy, grafana, graphql, jaeger, kong, konga, otel_collector, prometheus};
use super::{clickhouse, elasticsearch, kibana, logstash, minio, mysql, nats, postgres, rabbitmq};
use super::{kafka, kafka_ui, redis_commander, signoz, temporal_ui, traefik, zookeeper};
use super::{redis, temporal};

/// The name of everything that a check writes: a topic, a key, a document, a service of spans.
pub const PROBE: &str = "vv-probe";

/// What a deep check comes to.
pub(super) type Outcome = Result<Answer, ProbeFailure>;

/// A check that waits to be run.
pub(super) struct DeepCheck<'a> {
    /// What it is called: `persistence`, `alarms`.
    pub name: String,
    /// Runs it.
    pub work: BoxFuture<'a, Outcome>,
}

impl<'a> DeepCheck<'a> {
    /// A check that isn't asked of a port.
    pub fn new(name: impl Into<String>, work: impl Future<Output = Outcome> + Send + 'a) -> Self {
        Self { name: name.into(), work: work.boxed() }
    }

    /// A check of what answers at a container port; not asked where that port can't be reached from here.
    pub fn at<F>(
        name: impl Into<String>,
        target: Target<'a>,
        port: u16,
        ask: impl FnOnce(Target<'a>, Place) -> F + Send + 'a,
    ) -> Self
    where
        F: Future<Output = Outcome> + Send + 'a,
    {
        Self::new(name, async move {
            match target.reach(port).await? {
                Reach::At(endpoint) => ask(target, Place::of(endpoint, port)).await,
                Reach::Hidden(why) => Ok(Answer::NotAsked(why)),
            }
        })
    }
}

/// What a replica that answers in its protocol is asked further. Nothing of a stand-in: what is proven of one isn't
/// proven of the service.
pub(super) fn checks(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    if target.status.stub {
        return Vec::new();
    }
    match Kind::of(target.service) {
        Some(Kind::Adminer) => adminer::deep(target),
        Some(Kind::Clickhouse) => clickhouse::deep(target),
        Some(Kind::Consul) => consul::deep(target),
        Some(Kind::Elasticsearch) => elasticsearch::deep(target),
        Some(Kind::Envoy) => envoy::deep(target),
        Some(Kind::Grafana) => grafana::deep(target),
        Some(Kind::Graphql) => graphql::deep(target),
        Some(Kind::Jaeger) => jaeger::deep(target),
        Some(Kind::Kafka) => kafka::deep::checks(target),
        Some(Kind::KafkaUi) => kafka_ui::deep(target),
        Some(Kind::Kibana) => kibana::deep(target),
        Some(Kind::Kong) => kong::deep(target),
        Some(Kind::Konga) => konga::deep(target),
        Some(Kind::Logstash) => logstash::deep(target),
        Some(Kind::Minio) => minio::deep(target),
        Some(Kind::Mysql) => mysql::deep(target),
        Some(Kind::Nats) => nats::deep(target),
        Some(Kind::OtelCollector) => otel_collector::deep(target),
        Some(Kind::Postgres) => postgres::deep(target),
        Some(Kind::Prometheus) => prometheus::deep(target),
        Some(Kind::Rabbitmq) => rabbitmq::deep(target),
        Some(Kind::Redis) => redis::deep(target),
        Some(Kind::RedisCommander) => redis_commander::deep(target),
        Some(Kind::Signoz) => signoz::deep(target),
        Some(Kind::Temporal) => temporal::deep(target),
        Some(Kind::TemporalUi) => temporal_ui::deep(target),
        Some(Kind::Traefik) => traefik::deep(target),
        Some(Kind::Zookeeper) => zookeeper::deep::checks(target),
        // Of the others, the protocol level is all there is.
        _ => Vec::new(),
    }
}

/// Before something that settles by itself is looked at again.
const PAUSE: Duration = Duration::from_millis(100);

/// What was seen of something that settles by itself.
pub(super) enum Look {
    /// It won't change.
    Final(Outcome),
    /// It may: what it comes to if it doesn't.
    NotYet(Outcome),
}

/// Looks until it is settled, or the time is up: what is eventually so mustn't be called wrong too early.
pub(super) async fn settled<F>(deadline: Deadline, mut look: impl FnMut() -> F) -> Outcome
where
    F: Future<Output = Result<Look, ProbeFailure>>,
{
    let mut last = None;
    loop {
        match look().await {
            Ok(Look::Final(outcome)) => return outcome,
            Ok(Look::NotYet(outcome)) => last = Some(outcome),
            // The time ran out in the middle of a look.
            Err(failure) if deadline.left().is_zero() => return last.unwrap_or(Err(failure)),
            Err(failure) => return Err(failure),
        }
        if deadline.bound(tokio::time::sleep(PAUSE)).await.is_err()
            && let Some(outcome) = last.take()
        {
            return outcome;
        }
    }
}

/// Reads a document of a web server's, until it judges it to be settled.
pub(super) async fn document(
    target: Target<'_>,
    place: Place,
    path: &str,
    judge: impl Fn(&Reply) -> Look,
) -> Outcome {
    settled(target.deadline, || async {
        Ok(judge(&http::send(&target, place, Request::document(path)).await?))
    })
    .await
}

/// The first few of many, for a line.
pub fn few<T: AsRef<str>>(texts: Vec<T>) -> String {
    const SHOWN: usize = 3;
    let text = texts.iter().take(SHOWN).map(AsRef::as_ref).collect::<Vec<_>>().join("; ");
    match texts.len().saturating_sub(SHOWN) {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

/// A word that no other run of a check uses: two at once mustn't read each other's.
pub(super) fn unique() -> String {
    format!("{:016x}", rand::random::<u64>())
}

//! Prometheus' targets (<https://prometheus.io/docs/prometheus/latest/querying/api/#targets>).
//!
//! What Prometheus says of a target is as old as the last scrape, and a target that was still starting then has been
//! up for long since. So a target is only called down after a scrape that began while vv looked, or where it doesn't
//! answer vv either.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use serde_json::Value;

use super::super::answer::{Answer, ProbeFailure, first_line};
use super::super::deep::{Look, Outcome, few, settled};
use super::super::http::{self, Request};
use super::super::net::Place;
use super::super::question::Scheme;
use super::super::target::{Reach, Target};
use crate::platform::Replica;

const PATH: &str = "/api/v1/targets?state=active";

/// A target as Prometheus sees it.
#[derive(Debug, Clone)]
struct Scraped {
    /// `job orders, http://orders:8080/metrics`
    line: String,
    url: String,
    health: String,
    error: String,
    /// When the last scrape began, as Prometheus writes it.
    last: String,
}

impl Scraped {
    fn read(document: &Value) -> Self {
        let text = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
        let job = document["labels"]["job"].as_str().unwrap_or_default();
        Self {
            line: format!("{job} ({})", text("scrapeUrl")),
            url: text("scrapeUrl"),
            health: text("health"),
            error: first_line(&text("lastError")),
            last: text("lastScrape"),
        }
    }

    fn down(&self) -> String {
        format!("{} is down: {}", self.line, self.error)
    }
}

/// What each target was last scraped at when vv looked first, by its URL.
type Before = Mutex<BTreeMap<String, String>>;

/// Looks until each target is up or was scraped anew, or the time is up.
pub(super) async fn check(target: Target<'_>, place: Place) -> Outcome {
    let before = Before::default();
    settled(target.deadline, || {
        let before = &before;
        async move {
            let scraped = match read(&target, place).await? {
                Ok(scraped) => Sorted::of(scraped, before),
                Err(answer) => return Ok(Look::Final(Ok(answer))),
            };
            if !scraped.fresh.is_empty() {
                return Ok(Look::Final(Err(fault(scraped.fresh.iter().chain(&scraped.stale)))));
            }
            if scraped.stale.is_empty() && scraped.unknown.is_empty() && scraped.up > 0 {
                let verb = if scraped.up == 1 { "target is" } else { "targets are" };
                return Ok(Look::Final(Ok(Answer::Seen(format!("{} {verb} up", scraped.up)))));
            }
            Ok(unsettled(&target, &scraped).await)
        }
    })
    .await
}

/// Targets by what is known of them.
struct Sorted {
    up: usize,
    /// Not scraped so far.
    unknown: Vec<Scraped>,
    /// Down, by a scrape that began while vv looked.
    fresh: Vec<Scraped>,
    /// Down, by an earlier one.
    stale: Vec<Scraped>,
}

impl Sorted {
    fn of(scraped: Vec<Scraped>, before: &Before) -> Self {
        let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted = Self { up: 0, unknown: Vec::new(), fresh: Vec::new(), stale: Vec::new() };
        for one in scraped {
            let last = before.entry(one.url.clone()).or_insert_with(|| one.last.clone());
            let anew = *last != one.last;
            match one.health.as_str() {
                "up" => sorted.up += 1,
                "down" if anew => sorted.fresh.push(one),
                "down" => sorted.stale.push(one),
                _ => sorted.unknown.push(one),
            }
        }
        sorted
    }
}

/// The active targets; an answer where they aren't shown.
async fn read(target: &Target<'_>, place: Place) -> Result<Result<Vec<Scraped>, Answer>, ProbeFailure> {
    let reply = http::send(target, place, Request::document(PATH)).await?;
    match reply.status {
        200 => {}
        401 => return Ok(Err(Answer::NotAsked("it wants a login".into()))),
        _ => return Err(reply.refusal("/api/v1/targets")),
    }
    let said = reply.json();
    let active = said.as_ref().and_then(|said| said.pointer("/data/activeTargets")?.as_array());
    match active {
        Some(active) => Ok(Ok(active.iter().map(Scraped::read).collect())),
        None => Err(ProbeFailure::new("GET /api/v1/targets answers 200, but not as Prometheus")),
    }
}

/// What it comes to when no scrape happens while vv looks.
async fn unsettled(target: &Target<'_>, Sorted { unknown, stale, .. }: &Sorted) -> Look {
    let asked = join_all(stale.iter().map(|one| asked(target, &one.url))).await;
    let of = |wanted: Asked| {
        let found = stale.iter().zip(&asked).filter(move |(_, asked)| **asked == wanted);
        found.map(|(one, _)| one).collect::<Vec<_>>()
    };
    let (dead, elsewhere) = (of(Asked::Dead), of(Asked::Elsewhere));
    if !dead.is_empty() {
        return Look::Final(Err(fault(dead.into_iter().chain(elsewhere))));
    }
    if !elsewhere.is_empty() {
        return Look::NotYet(Err(fault(elsewhere.into_iter())));
    }
    Look::NotYet(Ok(doubtful(stale, unknown)))
}

/// What isn't known to be down, nor up.
fn doubtful(stale: &[Scraped], unknown: &[Scraped]) -> Answer {
    if let Some(one) = stale.first() {
        return Answer::Doubtful {
            detail: format!(
                "{} at its last scrape, and none has come since",
                few(stale.iter().map(Scraped::down).collect())
            ),
            hint: format!(
                "ask again after a scrape_interval; does {} answer from Prometheus' networks?",
                one.url
            ),
        };
    }
    if unknown.is_empty() {
        return Answer::Doubtful {
            detail: "has no targets".into(),
            hint: "they come seconds after its start; if not, look at scrape_configs".into(),
        };
    }
    Answer::Doubtful {
        detail: format!("not scraped yet: {}", few(unknown.iter().map(|one| one.line.clone()).collect())),
        hint: "ask again after a scrape_interval".into(),
    }
}

fn fault<'a>(down: impl Iterator<Item = &'a Scraped>) -> ProbeFailure {
    ProbeFailure::new(few(down.map(Scraped::down).collect()))
        .hint("is that service up and in a network with Prometheus, and does it serve metrics at that path?")
}

/// What a target says when vv asks it itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// It has its metrics.
    Answers,
    /// It doesn't answer vv either.
    Dead,
    /// It isn't of this stack: Prometheus' word counts.
    Elsewhere,
    /// It can't be asked from here.
    Unreachable,
}

async fn asked(target: &Target<'_>, url: &str) -> Asked {
    let Some((scheme, host, port, path)) = parts(url) else { return Asked::Elsewhere };
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let place = match address {
        Some(ip) => Place { address: (ip, port).into(), published: false, inside: Some(port) },
        None => {
            let service = target
                .stack
                .services
                .values()
                .find(|service| service.name == host || service.container_name.as_deref() == Some(host));
            let Some(service) = service else { return Asked::Elsewhere };
            let replica = Replica { service: service.name.clone(), number: 1 };
            match target.reach_other(&replica, port).await {
                Ok(Reach::At(endpoint)) => Place::of(endpoint, port),
                Ok(Reach::Hidden(_)) => return Asked::Unreachable,
                Err(_) => return Asked::Dead,
            }
        }
    };
    let path = format!("/{path}");
    let asked = Request { scheme, ..Request::new(http::Method::GET, &path) };
    match http::send(target, place, asked).await {
        Ok(reply) if reply.status == 200 => Asked::Answers,
        _ => Asked::Dead,
    }
}

/// Scheme, host, port and path of a scrape's URL.
fn parts(url: &str) -> Option<(Scheme, &str, u16, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = authority.rsplit_once(':')?;
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    Some((scheme, host, port.parse().ok()?, path))
}

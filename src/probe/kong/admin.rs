//! What Kong's Admin API tells of the node and of its upstreams
//! (<https://docs.konghq.com/gateway/3.4.x/admin-api/>).

use futures_util::future::join_all;
use serde_json::Value;

use super::super::answer::{Answer, ProbeFailure};
use super::super::deep::{DeepCheck, Look, Outcome, few, settled};
use super::super::http::{self, Reply, Request};
use super::super::listen::{declares, variable};
use super::super::net::Place;
use super::super::question::Scheme;
use super::super::target::{Reach, Target};
use super::{Listen, outer};

/// How many pages of upstreams are read, of [`PAGE`] each.
const PAGES: usize = 20;
const PAGE: usize = 100;

/// The node and the upstreams.
pub(super) fn checks(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    vec![
        DeepCheck::new("admin", async move {
            match Api::of(target).await? {
                Ok(api) => api.node().await,
                Err(why) => Ok(Answer::NotAsked(why)),
            }
        }),
        DeepCheck::new("upstreams", async move {
            match Api::of(target).await? {
                Ok(api) => api.upstreams().await,
                Err(why) => Ok(Answer::NotAsked(why)),
            }
        }),
    ]
}

/// The Admin API of a node.
struct Api<'a> {
    target: Target<'a>,
    place: Place,
    scheme: Scheme,
    /// The stack says that it listens outside the container; otherwise it is only tried.
    declared: bool,
}

/// What a path came to.
enum Read {
    Document(Value),
    /// There is nothing, or it isn't shown.
    No(Answer),
}

impl<'a> Api<'a> {
    /// Where it listens; why it can't be asked.
    async fn of(target: Target<'a>) -> Result<Result<Self, String>, ProbeFailure> {
        let inside = || Ok(Err("its Admin API listens in the container only".into()));
        let (listen, declared) = match variable(target.service, "KONG_ADMIN_LISTEN").map(outer) {
            Some(Some(listen)) => (listen, true),
            Some(None) => return inside(),
            None => (Listen { port: 8001, scheme: Scheme::Http }, declares(target.service, 8001)),
        };
        match target.reach(listen.port).await? {
            Reach::At(endpoint) => {
                let place = Place::of(endpoint, listen.port);
                Ok(Ok(Self { target, place, scheme: listen.scheme, declared }))
            }
            Reach::Hidden(why) => Ok(Err(why)),
        }
    }

    async fn send(&self, path: &str) -> Result<Reply, ProbeFailure> {
        http::send(&self.target, self.place, Request { scheme: self.scheme, ..Request::document(path) }).await
    }

    /// A document of the Admin API.
    async fn read(&self, path: &str) -> Result<Read, ProbeFailure> {
        let reply = match self.send(path).await {
            Ok(reply) => reply,
            Err(_) if !self.declared => {
                return Ok(Read::No(Answer::NotAsked("its Admin API listens in the container only".into())));
            }
            Err(failure) => return Err(failure),
        };
        match reply.status {
            200 => match reply.json() {
                Some(document) => Ok(Read::Document(document)),
                None => Err(ProbeFailure::new(format!("GET {path} answers 200, but not as Kong"))),
            },
            401 | 403 => {
                Ok(Read::No(Answer::NotAsked(format!("its Admin API wants a login ({})", reply.status))))
            }
            500 => Err(reply
                .refusal(path)
                .hint("with its database gone, Kong serves the routes that it has in memory")),
            _ => Err(reply.refusal(path)),
        }
    }

    async fn node(&self) -> Outcome {
        let said = match self.read("/").await? {
            Read::Document(said) => said,
            Read::No(answer) => return Ok(answer),
        };
        let Some(version) = said["version"].as_str() else {
            return Err(ProbeFailure::new("GET / answers 200, but not as Kong"));
        };
        let database = match said.pointer("/configuration/database").and_then(Value::as_str) {
            Some("off") => "without a database".to_owned(),
            Some(database) => format!("database {database}"),
            None => return Ok(Answer::Seen(format!("version {version}"))),
        };
        let node = said["hostname"].as_str().map(|name| format!(", node {name}")).unwrap_or_default();
        Ok(Answer::Seen(format!("version {version}, {database}{node}")))
    }

    /// Looks until every upstream has a target that takes requests, or the time is up.
    async fn upstreams(&self) -> Outcome {
        settled(self.target.deadline, || async move {
            let names = match self.names().await? {
                Ok(names) => names,
                Err(answer) => return Ok(Look::Final(Ok(answer))),
            };
            let each = join_all(names.iter().map(|name| self.health(name))).await;
            let each = each.into_iter().collect::<Result<Vec<_>, ProbeFailure>>()?;
            let known: Vec<Upstream> = each.into_iter().flatten().collect();
            Ok(judge(names.len(), &known))
        })
        .await
    }

    /// The names of all upstreams, page by page; an answer where they aren't shown.
    async fn names(&self) -> Result<Result<Vec<String>, Answer>, ProbeFailure> {
        let mut names = Vec::new();
        let mut path = format!("/upstreams?size={PAGE}");
        for _ in 0..PAGES {
            let said = match self.read(&path).await? {
                Read::Document(said) => said,
                Read::No(answer) => return Ok(Err(answer)),
            };
            // An empty list may come as an empty object.
            let listed = said["data"].as_array().map_or(&[][..], Vec::as_slice);
            names.extend(listed.iter().filter_map(|upstream| upstream["name"].as_str()).map(str::to_owned));
            match said["next"].as_str() {
                Some(next) => path = format!("{next}&size={PAGE}"),
                None => break,
            }
        }
        Ok(Ok(names))
    }

    /// The targets of an upstream; nothing when it is gone meanwhile, or isn't told.
    async fn health(&self, name: &str) -> Result<Option<Upstream>, ProbeFailure> {
        let path = format!("/upstreams/{name}/health");
        let reply = self.send(&path).await?;
        match reply.status {
            200 => {}
            404 => return Ok(None),
            _ => return Err(reply.refusal(&path)),
        }
        let said = reply.json().unwrap_or_default();
        let text = |target: &Value, key: &str| target[key].as_str().unwrap_or_default().to_owned();
        let listed = said["data"].as_array().map_or(&[][..], Vec::as_slice);
        // One with the weight 0 is taken out on purpose.
        let targets = listed.iter().filter(|target| target["weight"] != 0);
        let targets = targets.map(|target| (text(target, "target"), text(target, "health"))).collect();
        Ok(Some(Upstream { name: name.to_owned(), targets }))
    }
}

/// An upstream, with each target's address and health.
struct Upstream {
    name: String,
    targets: Vec<(String, String)>,
}

fn judge(count: usize, upstreams: &[Upstream]) -> Look {
    let (mut dead, mut sick, mut empty) = (Vec::new(), Vec::new(), Vec::new());
    for upstream in upstreams {
        // HEALTHCHECKS_OFF takes requests too: nobody has said anything against it.
        let bad = |(_, health): &&(String, String)| matches!(health.as_str(), "UNHEALTHY" | "DNS_ERROR");
        let bad: Vec<String> =
            upstream.targets.iter().filter(bad).map(|(target, health)| line(target, health)).collect();
        match (upstream.targets.len(), bad.len()) {
            (0, _) => empty.push(upstream.name.clone()),
            (_, 0) => {}
            (all, some) if all == some => dead.push(format!("{}: {}", upstream.name, bad.join(", "))),
            _ => sick.push(format!("{}: {}", upstream.name, bad.join(", "))),
        }
    }
    let hint = "Kong asks from its own container: does the target's name resolve there, and does its health path answer?";
    if !dead.is_empty() {
        let detail = format!("no target takes requests: {}", few(dead));
        return Look::NotYet(Err(ProbeFailure::new(detail).hint(hint)));
    }
    if !sick.is_empty() {
        return Look::NotYet(Ok(Answer::Doubtful { detail: few(sick), hint: hint.into() }));
    }
    if !empty.is_empty() {
        return Look::Final(Ok(Answer::Doubtful {
            detail: format!("without a target: {}", few(empty)),
            hint: "requests to it are answered with 503: add targets, or take the upstream out".into(),
        }));
    }
    let targets: usize = upstreams.iter().map(|upstream| upstream.targets.len()).sum();
    Look::Final(Ok(Answer::Seen(match (count, upstreams.len()) {
        (0, _) => "there are no upstreams".into(),
        (_, 0) => format!("{count} upstreams, whose health isn't told"),
        _ => format!(
            "{count} {}, {targets} {} requests",
            plural(count, "upstream", "upstreams"),
            plural(targets, "target takes", "targets take")
        ),
    })))
}

fn line(target: &str, health: &str) -> String {
    match health {
        "DNS_ERROR" => format!("{target} doesn't resolve"),
        _ => format!("{target} is unhealthy"),
    }
}

fn plural<'a>(count: usize, one: &'a str, more: &'a str) -> &'a str {
    if count == 1 { one } else { more }
}

#[cfg(test)]
mod tests {
    use crate::probe::testing::{deep_of, environment, nobody, silent, site, system};
    use crate::stack::Service;

    fn kong() -> Service {
        environment(system("kong", 8001), &[("KONG_ADMIN_LISTEN", "0.0.0.0:8001")])
    }

    async fn of(answers: &[(&str, u16, &str)]) -> String {
        deep_of(kong(), 8001, site(answers).await).await
    }

    #[tokio::test]
    async fn every_state_has_its_words() {
        let root = r#"{"version":"3.4.2","hostname":"kong-1","configuration":{"database":"postgres"}}"#;
        let off = r#"{"version":"3.4.2","configuration":{"database":"off"}}"#;
        let one = r#"{"data":[{"name":"hc","id":"9f34"}],"next":null}"#;
        let target = |target: &str, health: &str| {
            format!(r#"{{"target":"{target}","health":"{health}","weight":100}}"#)
        };
        let targets = |all: &[String]| format!(r#"{{"data":[{}],"next":null}}"#, all.join(","));
        let well = targets(&[target("web:80", "HEALTHY"), target("web2:80", "HEALTHCHECKS_OFF")]);
        let half = targets(&[target("web:80", "HEALTHY"), target("no-such-host.invalid:80", "DNS_ERROR")]);
        let dead = targets(&[target("web:80", "UNHEALTHY"), target("no-such-host.invalid:80", "DNS_ERROR")]);
        let drained = targets(&[
            target("web:80", "HEALTHY"),
            r#"{"target":"old:80","health":"UNHEALTHY","weight":0}"#.into(),
        ]);
        let mut lines = Vec::new();
        for health in [&well, &half, &dead, &drained, r#"{"data":{},"next":null}"#] {
            lines.push(
                of(&[
                    ("/upstreams/hc/health", 200, health),
                    ("GET /upstreams?", 200, one),
                    ("GET / ", 200, root),
                ])
                .await,
            );
        }
        let paged = r#"{"data":[{"name":"a"}],"next":"/upstreams?offset=x"}"#;
        lines
            .push(of(&[("offset=x", 200, one), ("GET /upstreams?", 200, paged), ("GET / ", 200, off)]).await);
        lines.push(of(&[("GET /upstreams?", 200, r#"{"data":{},"next":null}"#), ("GET / ", 200, off)]).await);
        lines.push(of(&[("GET /", 500, r#"{"message":"An unexpected error occurred"}"#)]).await);
        lines.push(of(&[("GET /", 401, r#"{"message":"Unauthorized"}"#)]).await);
        lines.push(of(&[("GET /", 200, "<html>")]).await);
        lines.push(deep_of(kong(), 8001, silent().await).await);
        lines.push(deep_of(kong(), 8001, nobody().await).await);
        insta::assert_snapshot!(lines.join("\n--\n"), @r#"
        admin ok: version 3.4.2, database postgres, node kong-1
        upstreams ok: 1 upstream, 2 targets take requests
        --
        admin ok: version 3.4.2, database postgres, node kong-1
        upstreams warn: hc: no-such-host.invalid:80 doesn't resolve -> Kong asks from its own container: does the target's name resolve there, and does its health path answer?
        --
        admin ok: version 3.4.2, database postgres, node kong-1
        upstreams fail: no target takes requests: hc: web:80 is unhealthy, no-such-host.invalid:80 doesn't resolve -> Kong asks from its own container: does the target's name resolve there, and does its health path answer?
        --
        admin ok: version 3.4.2, database postgres, node kong-1
        upstreams ok: 1 upstream, 1 target takes requests
        --
        admin ok: version 3.4.2, database postgres, node kong-1
        upstreams warn: without a target: hc -> requests to it are answered with 503: add targets, or take the upstream out
        --
        admin ok: version 3.4.2, without a database
        upstreams ok: 2 upstreams, whose health isn't told
        --
        admin ok: version 3.4.2, without a database
        upstreams ok: there are no upstreams
        --
        admin fail: GET /: 500: {"message":"An unexpected error occurred"} -> with its database gone, Kong serves the routes that it has in memory
        upstreams fail: GET /upstreams?size=100: 500: {"message":"An unexpected error occurred"} -> with its database gone, Kong serves the routes that it has in memory
        --
        admin not asked: its Admin API wants a login (401)
        upstreams not asked: its Admin API wants a login (401)
        --
        admin fail: GET / answers 200, but not as Kong
        upstreams fail: GET /upstreams?size=100 answers 200, but not as Kong
        --
        admin fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
        upstreams fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
        --
        admin fail: 127.0.0.1:PORT refuses connections (container port 8001)
        upstreams fail: 127.0.0.1:PORT refuses connections (container port 8001)
        "#);
    }

    #[tokio::test]
    async fn an_admin_api_in_the_container_only() {
        let inside = environment(system("kong", 8000), &[("KONG_ADMIN_LISTEN", "127.0.0.1:8001")]);
        let untold = system("kong", 8000);
        let lines =
            [deep_of(inside, 8001, nobody().await).await, deep_of(untold, 8001, nobody().await).await];
        insta::assert_snapshot!(lines.join("\n--\n"), @r"
        admin not asked: its Admin API listens in the container only
        upstreams not asked: its Admin API listens in the container only
        --
        admin not asked: its Admin API listens in the container only
        upstreams not asked: its Admin API listens in the container only
        ");
    }
}

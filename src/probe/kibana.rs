//! Kibana and OpenSearch Dashboards: the overall status, and at work the data views
//! (<https://www.elastic.co/docs/api/doc/kibana/operation/operation-get-status>).

use serde_json::Value;

use super::answer::{Answer, ProbeFailure};
use super::credentials;
use super::deep::DeepCheck;
use super::http::{self, Login, Request};
use super::kind::Kind;
use super::listen::port;
use super::net::Place;
use super::question::Scheme;
use super::target::Target;

const STATUS: &str = "/api/status";

/// Asks how it is. It says so with 503 while it isn't available.
pub(super) async fn ask(target: &Target<'_>, place: Place, scheme: Scheme) -> Result<Answer, ProbeFailure> {
    let reply = http::send(target, place, Request { scheme, ..Request::document(STATUS) }).await?;
    if matches!(reply.status, 401 | 403) {
        // Only where anonymous status pages are switched off; the login page is for people.
        return Ok(Answer::Seen("answers (its status is behind a login)".into()));
    }
    let Some(status) = reply.json().filter(|status| status["status"].is_object()) else {
        return Err(match reply.text().contains("server is not ready yet") {
            true => ProbeFailure::new("not yet: Kibana server is not ready yet")
                .hint("it waits for its Elasticsearch: vv health shows how that is"),
            false => reply.refusal(STATUS),
        });
    };
    let version = status["version"]["number"].as_str().unwrap_or("?");
    let overall = &status["status"]["overall"];
    // `level` since version 8, `state` before.
    match overall["level"].as_str().or(overall["state"].as_str()) {
        Some("available" | "green") => Ok(Answer::Seen(format!("available, version {version}"))),
        Some(level @ ("degraded" | "yellow")) => Ok(Answer::Doubtful {
            detail: format!("{level}: {}", trouble(&status)),
            hint: "its page /status says more".into(),
        }),
        Some(level) => Err(ProbeFailure::new(format!("{level}: {}", trouble(&status)))
            .hint("is its Elasticsearch up, and does it have the right login there?")),
        // Without a login, some versions tell nothing but that they are there.
        None if reply.status == 200 => Ok(Answer::Seen("answers".into())),
        None => Err(reply.refusal(STATUS)),
    }
}

/// What it says of its own core, else of all.
fn trouble(status: &Value) -> String {
    let core = |name: &str| {
        let part = &status["status"]["core"][name];
        let bad = !matches!(part["level"].as_str(), None | Some("available"));
        bad.then(|| format!("{name}: {}", part["summary"].as_str().unwrap_or("unavailable")))
    };
    let old = || {
        let parts = status["status"]["statuses"].as_array()?;
        let bad = parts.iter().find(|part| !matches!(part["state"].as_str(), Some("green") | None))?;
        Some(format!("{}: {}", bad["id"].as_str()?, bad["message"].as_str().unwrap_or("not green")))
    };
    let overall = || status["status"]["overall"]["summary"].as_str().map(str::to_owned);
    core("elasticsearch")
        .or_else(|| core("savedObjects"))
        .or_else(old)
        .or_else(overall)
        .unwrap_or_else(|| "it doesn't say why".into())
}

/// Its checks.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let web = port(target.service, &["http", "https"], 5601);
    vec![DeepCheck::at("data views", target, web, data_views)]
}

/// How many data views there are, which also proves that it reads its own index in Elasticsearch.
async fn data_views(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    const NEW: &str = "/api/data_views";
    const OLD: &str = "/api/saved_objects/_find?type=index-pattern&per_page=1";
    let tls = |url: &crate::stack::vv::Url| Some(url.port) == place.inside && url.scheme == "https";
    let scheme = if target.service.vv.urls.iter().any(tls) { Scheme::Https } else { Scheme::Http };
    // People log in as Elasticsearch's first user; Kibana's own login is not for its pages.
    let node = target.stack.services.values().find(|service| Kind::of(service) == Some(Kind::Elasticsearch));
    let login = node.and_then(credentials::elasticsearch);
    let login: Login<'_> = login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
    let ask =
        async |path| http::send(&target, place, Request { scheme, login, ..Request::document(path) }).await;
    let mut reply = ask(NEW).await?;
    let mut path = NEW;
    if reply.status == 404 {
        path = OLD;
        reply = ask(OLD).await?;
    }
    let said = reply.json().unwrap_or_default();
    let count = said["data_view"].as_array().map(|views| views.len() as u64).or(said["total"].as_u64());
    match (reply.status, count) {
        (200, Some(0)) => Ok(Answer::Seen("none yet".into())),
        (200, Some(count)) => Ok(Answer::Seen(count.to_string())),
        (401 | 403, _) => Ok(Answer::NotAsked("Kibana wants a login that the stack doesn't give".into())),
        // OpenSearch Dashboards without its own plugin has neither page.
        (404, _) => Ok(Answer::NotAsked("this version doesn't list them".into())),
        (200, None) => Err(ProbeFailure::new(format!("GET {path} answers 200, but not as Kibana"))),
        _ => Err(reply.refusal(path).hint("can it read its index .kibana in Elasticsearch?")),
    }
}

#[cfg(test)]
#[path = "kibana_tests.rs"]
mod tests;

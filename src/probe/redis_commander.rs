//! Redis Commander: each Redis that it knows answers it.

use serde_json::Value;

use super::answer::{Answer, ProbeFailure, first_line};
use super::deep::{DeepCheck, Look, Outcome, document, few};
use super::listen::{port, variable};
use super::net::Place;
use super::target::Target;

/// Its connections.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    vec![DeepCheck::at("connections", target, port(target.service, &["http", "https"], 8081), connections)]
}

async fn connections(target: Target<'_>, place: Place) -> Outcome {
    let prefix = variable(target.service, "URL_PREFIX").unwrap_or_default().trim_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    let path = format!("{slash}{prefix}/apiv2/server/info");
    document(target, place, &path, |reply| {
        let said = reply.json();
        let list = said.as_ref().and_then(|said| said["data"].as_array());
        match (reply.status, list) {
            (200, Some(list)) => judge(list),
            (401 | 403, _) => Look::Final(Ok(Answer::NotAsked("it wants a login".into()))),
            (404, _) => Look::Final(Ok(Answer::NotAsked("this version doesn't tell".into()))),
            (500, _) if String::from_utf8_lossy(&reply.body).contains("No redis connections") => none(),
            (200, None) => Look::Final(Err(ProbeFailure::new(format!(
                "GET {path} answers 200, but not as Redis Commander"
            )))),
            _ => Look::NotYet(Err(reply.refusal(&path))),
        }
    })
    .await
}

fn none() -> Look {
    Look::Final(Ok(Answer::Doubtful {
        detail: "has no connection to a Redis".into(),
        hint: "name them in REDIS_HOSTS: label:host:port, or in REDIS_HOST and REDIS_PORT".into(),
    }))
}

fn judge(list: &[Value]) -> Look {
    let line = |one: &Value| {
        let text = |key: &str| one[key].as_str().unwrap_or_default();
        format!("{} ({}:{})", text("label"), text("host"), one["port"].to_string().trim_matches('"'))
    };
    let broken: Vec<String> = list
        .iter()
        .filter(|one| one["disabled"] == true)
        .map(|one| format!("{}: {}", line(one), first_line(one["error"].as_str().unwrap_or("no answer"))))
        .collect();
    match (list.len(), broken.is_empty()) {
        (0, _) => none(),
        (_, false) => Look::NotYet(Err(ProbeFailure::new(format!("can't use {}", few(broken)))
            .hint("is that Redis up, and are its host and password in REDIS_HOSTS right?"))),
        (_, true) => {
            Look::Final(Ok(Answer::Seen(format!("connected to {}", few(list.iter().map(line).collect())))))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::probe::testing::{deep_of, silent, site, system};

    #[tokio::test]
    async fn every_state_has_its_words() {
        let mut lines = Vec::new();
        for (status, body) in [
            (200, r#"{"data":[{"label":"local","host":"redis","port":6379,"db":0,"info":[]}]}"#),
            (
                200,
                r#"{"data":[{"label":"local","host":"redis","port":"6379","disabled":true,"error":"Status: reconnecting"}]}"#,
            ),
            (200, r#"{"data":[]}"#),
            (500, "<pre>No redis connections</pre>"),
            (401, "Unauthorized"),
            (404, "no"),
            (200, "<html>"),
            (502, "bad gateway"),
        ] {
            let address = site(&[("GET /apiv2/server/info", status, body)]).await;
            lines.push(deep_of(system("redis-commander", 8081), 8081, address).await);
        }
        lines.push(deep_of(system("redis-commander", 8081), 8081, silent().await).await);
        insta::assert_snapshot!(lines.join("\n"), @r"
        connections ok: connected to local (redis:6379)
        connections fail: can't use local (redis:6379): Status: reconnecting -> is that Redis up, and are its host and password in REDIS_HOSTS right?
        connections warn: has no connection to a Redis -> name them in REDIS_HOSTS: label:host:port, or in REDIS_HOST and REDIS_PORT
        connections warn: has no connection to a Redis -> name them in REDIS_HOSTS: label:host:port, or in REDIS_HOST and REDIS_PORT
        connections not asked: it wants a login
        connections not asked: this version doesn't tell
        connections fail: GET /apiv2/server/info answers 200, but not as Redis Commander
        connections fail: GET /apiv2/server/info: 502: bad gateway
        connections fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
        ");
    }
}

//! Traefik's API (<https://doc.traefik.io/traefik/operations/api/>): routers with errors, and services whose servers
//! are down.

use serde_json::{Map, Value};

use super::answer::{Answer, ProbeFailure, first_line};
use super::deep::{DeepCheck, Look, Outcome, document, few};
use super::net::Place;
use super::target::Target;

/// The port of the API, of `--api.insecure`.
const PORT: u16 = 8080;
const PATH: &str = "/api/rawdata";

/// The routers and the services.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    vec![DeepCheck::at("routers", target, PORT, routers)]
}

async fn routers(target: Target<'_>, place: Place) -> Outcome {
    let asked = document(target, place, PATH, |reply| match (reply.status, reply.json()) {
        (200, Some(Value::Object(said))) => judge(&said),
        (200, _) => {
            Look::Final(Err(ProbeFailure::new(format!("GET {PATH} answers 200, but not as Traefik"))))
        }
        (401 | 403, _) => {
            Look::Final(Ok(Answer::NotAsked(format!("its API wants a login ({})", reply.status))))
        }
        (404, _) => Look::Final(Ok(off())),
        _ => Look::Final(Err(reply.refusal(PATH))),
    });
    match asked.await {
        Err(failure) if failure.absent => Ok(off()),
        outcome => outcome,
    }
}

fn off() -> Answer {
    Answer::NotAsked("its API is off, or not on port 8080 (--api.insecure)".into())
}

fn judge(said: &Map<String, Value>) -> Look {
    let of = |kinds: [&str; 3]| -> Vec<(&String, &Value)> {
        kinds.iter().filter_map(|kind| said.get(*kind)?.as_object()).flatten().collect()
    };
    let routers = of(["routers", "tcpRouters", "udpRouters"]);
    let services = of(["services", "tcpServices", "udpServices"]);
    let (mut faults, mut doubts) = (Vec::new(), Vec::new());
    for (what, list) in [("router", &routers), ("service", &services)] {
        for (name, entity) in list {
            let errors = entity["error"].as_array().map_or(&[][..], Vec::as_slice);
            let errors: Vec<&str> = errors.iter().filter_map(Value::as_str).collect();
            let line = || format!("{what} {name}: {}", first_line(&errors.join(", ")));
            match entity["status"].as_str() {
                Some("disabled") => faults.push(line()),
                Some("warning") => doubts.push(line()),
                _ => {}
            }
        }
    }
    for (name, service) in &services {
        let Some(servers) = service["serverStatus"].as_object() else { continue };
        let down: Vec<&str> =
            servers.iter().filter(|(_, state)| *state == "DOWN").map(|(server, _)| server.as_str()).collect();
        match down.len() {
            0 => {}
            count if count == servers.len() => {
                faults.push(format!("service {name}: no server is up ({})", down.join(", ")))
            }
            _ => doubts.push(format!("service {name}: {} is down", down.join(", "))),
        }
    }
    let hint = "look at the labels or the file that declares it, and at vv logs of Traefik";
    if !faults.is_empty() {
        return Look::NotYet(Err(ProbeFailure::new(few(faults)).hint(hint)));
    }
    if !doubts.is_empty() {
        return Look::NotYet(Ok(Answer::Doubtful { detail: few(doubts), hint: hint.into() }));
    }
    Look::Final(Ok(Answer::Seen(format!(
        "routers: {}, services: {}, none with an error",
        routers.len(),
        services.len()
    ))))
}

#[cfg(test)]
mod tests {
    use crate::probe::testing::{deep_of, nobody, silent, site, system};

    #[tokio::test]
    async fn every_state_has_its_words() {
        let mut lines = Vec::new();
        for (status, body) in [
            (
                200,
                r#"{"routers":{"web@docker":{"status":"enabled","rule":"Host(`web`)"}},"services":{"web@docker":{"status":"enabled","serverStatus":{"http://172.18.0.3:80":"UP"}}}}"#,
            ),
            (
                200,
                r#"{"routers":{"web@docker":{"status":"disabled","error":["the service \"wbe@docker\" does not exist"]}}}"#,
            ),
            (
                200,
                r#"{"routers":{"web@docker":{"status":"warning","error":["middleware \"auth@file\" does not exist"]}}}"#,
            ),
            (
                200,
                r#"{"services":{"web@docker":{"status":"enabled","serverStatus":{"http://172.18.0.3:80":"DOWN"}}}}"#,
            ),
            (
                200,
                r#"{"services":{"web@docker":{"status":"enabled","serverStatus":{"http://172.18.0.3:80":"DOWN","http://172.18.0.4:80":"UP"}}}}"#,
            ),
            (200, "{}"),
            (200, "<html>"),
            (401, ""),
            (404, "404 page not found"),
            (500, "broken"),
        ] {
            lines.push(
                deep_of(system("traefik", 8080), 8080, site(&[("/api/rawdata", status, body)]).await).await,
            );
        }
        lines.push(deep_of(system("traefik", 8080), 8080, nobody().await).await);
        lines.push(deep_of(system("traefik", 80), 8080, silent().await).await);
        lines.push(deep_of(system("traefik", 80), 80, silent().await).await);
        insta::assert_snapshot!(lines.join("\n"), @r#"
        routers ok: routers: 1, services: 1, none with an error
        routers fail: router web@docker: the service "wbe@docker" does not exist -> look at the labels or the file that declares it, and at vv logs of Traefik
        routers warn: router web@docker: middleware "auth@file" does not exist -> look at the labels or the file that declares it, and at vv logs of Traefik
        routers fail: service web@docker: no server is up (http://172.18.0.3:80) -> look at the labels or the file that declares it, and at vv logs of Traefik
        routers warn: service web@docker: http://172.18.0.3:80 is down -> look at the labels or the file that declares it, and at vv logs of Traefik
        routers ok: routers: 0, services: 0, none with an error
        routers fail: GET /api/rawdata answers 200, but not as Traefik
        routers not asked: its API wants a login (401)
        routers not asked: its API is off, or not on port 8080 (--api.insecure)
        routers fail: GET /api/rawdata: 500: broken
        routers not asked: its API is off, or not on port 8080 (--api.insecure)
        routers fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
        routers not asked: port 8080 isn't published
        "#);
    }
}

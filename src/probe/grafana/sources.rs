//! Grafana's data sources (<https://grafana.com/docs/grafana/latest/developers/http_api/data_source/>).
//!
//! Grafana locks an account after five wrong logins in five minutes, so a login that is refused is tried once only.

use futures_util::future::join_all;
use serde_json::Value;

use super::super::answer::{Answer, ProbeFailure, first_line};
use super::super::credentials::given;
use super::super::deep::{Look, Outcome, few, settled};
use super::super::http::{self, Request};
use super::super::net::Place;
use super::super::question::Scheme;
use super::super::target::Target;
use crate::stack::Service;

/// A data source.
struct Source {
    name: String,
    uid: Option<String>,
}

/// What its health comes to.
enum Health {
    Answers,
    /// Its plugin has no health check.
    Untold,
    Broken(String),
}

/// Reads the list once, and asks each until it answers or the time is up.
pub(super) async fn check(target: Target<'_>, place: Place) -> Outcome {
    let login = login(target.service);
    let sources = match list(&target, place, &login).await? {
        Ok(sources) => sources,
        Err(answer) => return Ok(answer),
    };
    if sources.is_empty() {
        return Ok(Answer::Seen("has no data source".into()));
    }
    settled(target.deadline, || {
        let (sources, login) = (&sources, &login);
        async move {
            let each = join_all(sources.iter().map(|source| health(&target, place, login, source))).await;
            let each = each.into_iter().collect::<Result<Vec<Health>, ProbeFailure>>()?;
            let broken = sources.iter().zip(&each).filter_map(|(source, health)| match health {
                Health::Broken(why) => Some(format!("{}: {why}", source.name)),
                Health::Answers | Health::Untold => None,
            });
            let broken: Vec<String> = broken.collect();
            if !broken.is_empty() {
                let failure = ProbeFailure::new(format!("data source {}", few(broken))).hint(
                    "Grafana asks from its own container: is the source's url right there, and is it up?",
                );
                return Ok(Look::NotYet(Err(failure)));
            }
            let of = |wanted: fn(&Health) -> bool| {
                let names = sources.iter().zip(&each).filter(|(_, health)| wanted(health));
                names.map(|(source, _)| source.name.as_str()).collect::<Vec<_>>().join(", ")
            };
            let (answering, untold) = (
                of(|health| matches!(health, Health::Answers)),
                of(|health| matches!(health, Health::Untold)),
            );
            let text = match (answering.is_empty(), untold.is_empty()) {
                (false, true) => format!("{answering}: answering"),
                (false, false) => format!("{answering}: answering; {untold}: can't be asked"),
                (true, _) => format!("{untold}: can't be asked"),
            };
            Ok(Look::Final(Ok(Answer::Seen(text))))
        }
    })
    .await
}

/// The data sources; an answer where they aren't shown.
async fn list(
    target: &Target<'_>,
    place: Place,
    login: &(String, String),
) -> Result<Result<Vec<Source>, Answer>, ProbeFailure> {
    const PATH: &str = "/api/datasources";
    let reply = http::send(target, place, request(target, place, PATH, login)).await?;
    match reply.status {
        200 => {}
        401 => {
            return Ok(Err(Answer::Doubtful {
                detail: format!("refuses the login of {}, so its data sources can't be asked", login.0),
                hint: "GF_SECURITY_ADMIN_PASSWORD counts at the first start only: the volume keeps that password"
                    .into(),
            }));
        }
        403 => {
            return Ok(Err(Answer::Doubtful {
                detail: format!("doesn't show its data sources to {}", login.0),
                hint: "name an administrator in GF_SECURITY_ADMIN_USER and GF_SECURITY_ADMIN_PASSWORD".into(),
            }));
        }
        _ => return Err(reply.refusal(PATH)),
    }
    let Some(Value::Array(sources)) = reply.json() else {
        return Err(ProbeFailure::new(format!("GET {PATH} answers 200, but not as Grafana")));
    };
    let text = |source: &Value, key: &str| source[key].as_str().map(str::to_owned);
    Ok(Ok(sources
        .iter()
        .map(|source| Source { name: text(source, "name").unwrap_or_default(), uid: text(source, "uid") })
        .collect()))
}

async fn health(
    target: &Target<'_>,
    place: Place,
    login: &(String, String),
    source: &Source,
) -> Result<Health, ProbeFailure> {
    let Some(uid) = &source.uid else { return Ok(Health::Untold) };
    let path = format!("/api/datasources/uid/{uid}/health");
    let reply = http::send(target, place, request(target, place, &path, login)).await?;
    let said = reply.json().unwrap_or_default();
    let (state, message) = (said["status"].as_str(), said["message"].as_str().map(first_line));
    Ok(match (reply.status, state) {
        (200, Some("OK")) => Health::Answers,
        // Plugins without a backend have no health, and neither had any before Grafana 9.
        (404 | 501, _) => Health::Untold,
        (_, Some(state)) => Health::Broken(message.unwrap_or_else(|| format!("health {state}"))),
        (status, None) => {
            let message = message.unwrap_or_else(|| reply.text());
            let message = if message.starts_with('<') { String::new() } else { message };
            if message.contains("not implemented") || message.contains("Plugin unavailable") {
                Health::Untold
            } else {
                Health::Broken(format!("{status} {message}").trim_end().to_owned())
            }
        }
    })
}

fn request<'a>(target: &Target<'_>, place: Place, path: &'a str, login: &'a (String, String)) -> Request<'a> {
    let tls =
        target.service.vv.urls.iter().any(|url| Some(url.port) == place.inside && url.scheme == "https");
    let scheme = if tls { Scheme::Https } else { Scheme::Http };
    Request { scheme, login: Some((&login.0, &login.1)), ..Request::document(path) }
}

/// The administrator that the environment makes; Grafana spells the variables that name a file with `__FILE`.
fn login(service: &Service) -> (String, String) {
    let value = |name: &str| given(service, name).or_else(|| given_by_file(service, name));
    let user = value("GF_SECURITY_ADMIN_USER").unwrap_or_else(|| "admin".into());
    (user, value("GF_SECURITY_ADMIN_PASSWORD").unwrap_or_else(|| "admin".into()))
}

fn given_by_file(service: &Service, name: &str) -> Option<String> {
    // `given` looks for NAME_FILE.
    given(service, &format!("{name}_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{deep_of, environment, nobody, silent, site, system};

    #[tokio::test]
    async fn every_state_has_its_words() {
        const LIST: &str =
            r#"[{"name":"Prometheus","uid":"prom"},{"name":"Jaeger","uid":"j"},{"name":"Old"}]"#;
        async fn of(answers: &[(&str, u16, &str)]) -> String {
            let grafana = environment(system("grafana", 3000), &[("GF_SECURITY_ADMIN_PASSWORD", "hunter22")]);
            deep_of(grafana, 3000, site(answers).await).await
        }
        let unknown = r#"{"status":"ERROR","message":"Post \"http://prometheus:9090/api/v1/query\": dial tcp: lookup prometheus: no such host"}"#;
        let ok = r#"{"status":"OK","message":"Successfully queried the Prometheus API."}"#;
        let lines = [
            of(&[
                ("/uid/prom/health", 200, ok),
                ("/uid/j/health", 200, ok),
                ("/api/datasources ", 200, LIST),
            ])
            .await,
            of(&[
                ("/uid/prom/health", 400, unknown),
                ("/uid/j/health", 404, r#"{"message":"Not found"}"#),
                ("/api/datasources ", 200, LIST),
            ])
            .await,
            of(&[("/uid/", 500, r#"{"message":"Plugin unavailable"}"#), ("/api/datasources ", 200, LIST)])
                .await,
            of(&[("/uid/", 502, "<html>"), ("/api/datasources ", 200, LIST)]).await,
            of(&[("/api/datasources ", 200, "[]")]).await,
            of(&[("/api/datasources ", 401, r#"{"message":"Invalid username or password"}"#)]).await,
            of(&[("/api/datasources ", 403, r#"{"message":"Permission denied"}"#)]).await,
            of(&[("/api/datasources ", 500, r#"{"message":"database is locked"}"#)]).await,
            of(&[("/api/datasources ", 200, "<html>")]).await,
            deep_of(system("grafana", 3000), 3000, silent().await).await,
            deep_of(system("grafana", 3000), 3000, nobody().await).await,
        ];
        insta::assert_snapshot!(lines.join("\n"), @r#"
        data sources ok: Prometheus, Jaeger: answering; Old: can't be asked
        data sources fail: data source Prometheus: Post "http://prometheus:9090/api/v1/query": dial tcp: lookup prometheus: no such host -> Grafana asks from its own container: is the source's url right there, and is it up?
        data sources ok: Prometheus, Jaeger, Old: can't be asked
        data sources fail: data source Prometheus: 502; Jaeger: 502 -> Grafana asks from its own container: is the source's url right there, and is it up?
        data sources ok: has no data source
        data sources warn: refuses the login of admin, so its data sources can't be asked -> GF_SECURITY_ADMIN_PASSWORD counts at the first start only: the volume keeps that password
        data sources warn: doesn't show its data sources to admin -> name an administrator in GF_SECURITY_ADMIN_USER and GF_SECURITY_ADMIN_PASSWORD
        data sources fail: GET /api/datasources: 500: {"message":"database is locked"}
        data sources fail: GET /api/datasources answers 200, but not as Grafana
        data sources fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
        data sources fail: 127.0.0.1:PORT refuses connections (container port 3000)
        "#);
    }

    #[test]
    fn logins_by_variable_and_by_file() {
        let of = |variables: &[(&str, &str)]| {
            let mut grafana = environment(system("grafana", 3000), variables);
            grafana.files = vec![crate::stack::model::FileMount {
                name: "password".into(),
                secret: true,
                target: "/run/secrets/password".into(),
                uid: None,
                gid: None,
                mode: None,
                source: crate::stack::model::FileSource::Inline,
                content: b"hunter22\n".to_vec(),
            }];
            login(&grafana)
        };
        let pair = |user: &str, password: &str| (user.to_owned(), password.to_owned());
        assert_eq!(of(&[]), pair("admin", "admin"));
        assert_eq!(
            of(&[("GF_SECURITY_ADMIN_USER", "root"), ("GF_SECURITY_ADMIN_PASSWORD", "toor")]),
            pair("root", "toor")
        );
        assert_eq!(
            of(&[("GF_SECURITY_ADMIN_PASSWORD__FILE", "/run/secrets/password")]),
            pair("admin", "hunter22")
        );
    }
}

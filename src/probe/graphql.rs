//! A GraphQL server: it answers a query. `__typename` is in every schema, and nothing has to be resolved for it
//! (<https://www.apollographql.com/docs/apollo-server/monitoring/health-checks>).

use serde_json::{Value, json};

use super::answer::{Answer, ProbeFailure, first_line};
use super::deep::{DeepCheck, Outcome};
use super::http::{self, Method, Reply, Request};
use super::listen::port;
use super::net::Place;
use super::target::Target;

/// A query by POST.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    vec![DeepCheck::at("query", target, port(target.service, &["http", "https"], 4000), query)]
}

/// Asks at the path that a url names, else at the usual one, else at the root, where newer servers answer.
async fn query(target: Target<'_>, place: Place) -> Outcome {
    let urls = target.service.vv.urls.iter().map(|url| url.path.as_str());
    let named = urls.into_iter().find(|path| path.contains("graphql"));
    let first = named.unwrap_or("/graphql");
    let reply = ask(&target, place, first).await?;
    if reply.status == 404 && named.is_none() {
        return judge(&ask(&target, place, "/").await?, "/");
    }
    judge(&reply, first)
}

async fn ask(target: &Target<'_>, place: Place, path: &str) -> Result<Reply, ProbeFailure> {
    let request = Request::new(Method::POST, path)
        .json(&json!({"query": "{__typename}"}))
        .header("apollo-require-preflight", "true");
    http::send(target, place, request).await
}

fn judge(reply: &Reply, path: &str) -> Outcome {
    let said = reply.json().unwrap_or_default();
    if let Some(name) = said.pointer("/data/__typename").and_then(Value::as_str) {
        return Ok(Answer::Seen(format!("POST {path}: a query is answered ({name})")));
    }
    let error = said.pointer("/errors/0");
    let code = error.and_then(|error| error.pointer("/extensions/code")).and_then(Value::as_str);
    if matches!(reply.status, 401 | 403) || matches!(code, Some("UNAUTHENTICATED" | "FORBIDDEN")) {
        return Ok(Answer::NotAsked("it wants a login for every query".into()));
    }
    let refused = |why: String| ProbeFailure::new(format!("POST {path}: {}, {why}", reply.status));
    match error.and_then(|error| error["message"].as_str()) {
        Some(message) => Err(refused(format!("the query is refused: {}", first_line(message)))),
        None if reply.status == 404 => Err(ProbeFailure::new("answers neither at /graphql nor at /")
            .hint("name the path of its API in x-vv.urls")),
        None => Err(refused("but not as GraphQL".into())),
    }
}

#[cfg(test)]
mod tests {
    use crate::probe::testing::{deep_of, nobody, site, system};

    #[tokio::test]
    async fn every_state_has_its_words() {
        let typename = r#"{"data":{"__typename":"Query"}}"#;
        let of = async |answers: &[(&str, u16, &str)]| {
            deep_of(system("graphql", 4000), 4000, site(answers).await).await
        };
        let lines = [
            of(&[("POST /graphql", 200, typename)]).await,
            of(&[("POST / ", 200, typename)]).await,
            of(&[(
                "POST /graphql",
                200,
                r#"{"errors":[{"message":"log in","extensions":{"code":"UNAUTHENTICATED"}}]}"#,
            )])
            .await,
            of(&[("POST /graphql", 500, r#"{"errors":[{"message":"no subgraph answers"}]}"#)]).await,
            of(&[("POST /graphql", 200, "<html>")]).await,
            of(&[]).await,
            deep_of(system("graphql", 4000), 4000, nobody().await).await,
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        query ok: POST /graphql: a query is answered (Query)
        query ok: POST /: a query is answered (Query)
        query not asked: it wants a login for every query
        query fail: POST /graphql: 500, the query is refused: no subgraph answers
        query fail: POST /graphql: 200, but not as GraphQL
        query fail: answers neither at /graphql nor at / -> name the path of its API in x-vv.urls
        query fail: 127.0.0.1:PORT refuses connections (container port 4000)
        ");
    }
}

//! Elasticsearch and OpenSearch: the cluster answers
//! (<https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-cluster-health>).

use serde_json::Value;

use super::answer::{Answer, ProbeFailure};
use super::net::Place;
use super::question::Scheme;
use super::target::Target;
use super::{credentials, http};

const PATH: &str = "/_cluster/health";

/// Asks how the cluster is; over TLS where it doesn't speak plain HTTP (the default since version 8).
pub(super) async fn ask(target: &Target<'_>, place: Place, scheme: Scheme) -> Result<Answer, ProbeFailure> {
    let login = credentials::elasticsearch(target.service);
    let login = login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
    let reply = match http::get(target, place, scheme, PATH, login).await {
        Err(plain) if scheme == Scheme::Http => {
            http::get(target, place, Scheme::Https, PATH, login).await.map_err(|_| plain)?
        }
        other => other?,
    };
    if reply.status == 401 || reply.status == 403 {
        return match login {
            // Not lasting: after a restart it refuses right passwords too, until the index that holds them has recovered.
            Some((user, _)) => Err(ProbeFailure::new(format!("refuses the login of {user}"))
                .hint("the password of a first start is kept in its volume; a later change of the variable does nothing")),
            None => Ok(Answer::Doubtful {
                detail: "answers, but wants a login that the stack doesn't give".into(),
                hint: "set ELASTIC_PASSWORD in its environment".into(),
            }),
        };
    }
    if reply.status != 200 {
        return Err(reply.refusal(PATH));
    }
    let health = reply.json().unwrap_or_default();
    let nodes = health.get("number_of_nodes").and_then(Value::as_u64).unwrap_or_default();
    let count = if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") };
    match health.get("status").and_then(Value::as_str) {
        Some("green") => Ok(Answer::Seen(format!("green, {count}"))),
        // One node has nowhere to put the replicas of its shards.
        Some("yellow") if nodes <= 1 => Ok(Answer::Seen(format!("yellow, {count}"))),
        Some("yellow") => Ok(Answer::Doubtful {
            detail: format!("yellow, {count}: replicas of shards aren't assigned"),
            hint: "GET /_cluster/allocation/explain says why".into(),
        }),
        Some("red") => Err(ProbeFailure::new(format!("red, {count}: shards aren't assigned"))
            .hint("GET /_cluster/allocation/explain says why")),
        _ => Err(ProbeFailure::new(format!("GET {PATH} answers 200, but not as Elasticsearch"))),
    }
}

//! Routes proven: the pure parts by tables, the others on small servers that answer as a proxy may.

mod answering;
mod barrier;
mod doubts;
mod drawing;
mod property;
mod proving;
mod routing;
mod server;
mod stand_in;

use serde_json::{Value, json};

use super::super::gateway::Entities;
use super::super::kind::Kind;
use super::request::{Endpoint, Proxy};
use super::router::Request;

/// Entities of a JSON object by type, as the Admin API shows them.
pub fn entities(by_type: Value) -> Entities {
    let by_type = by_type.as_object().unwrap().clone();
    by_type
        .into_iter()
        .map(|(kind, list)| {
            let list = list.as_array().unwrap().iter().map(|entity| entity.as_object().unwrap().clone());
            (Kind::of(&kind), list.collect())
        })
        .collect()
}

/// Routes named by their keys; the id is the name where none is given.
pub fn routes(routes: &[(&str, Value)]) -> Entities {
    let routes = routes.iter().map(|(name, fields)| {
        let mut route = json!({"id": name, "name": name});
        route.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        route
    });
    entities(json!({"routes": routes.collect::<Vec<_>>()}))
}

/// A proxy at Kong's usual ports.
pub fn proxy() -> Proxy {
    let endpoint = |port| Some(Endpoint { host: "127.0.0.1".into(), port });
    Proxy { http: endpoint(8000), https: endpoint(8443) }
}

/// `GET /x`, `POST h.test /x`, `GET h.test /x x-version: v1`, `GET tls /x`, `GET tls:a.test h.test /x`.
pub fn request(text: &str) -> Request {
    let (start, headers) = text.split_once(" with ").map_or((text, ""), |(start, headers)| (start, headers));
    let mut words = start.split(' ').collect::<Vec<_>>();
    let (method, path) = (words.remove(0).to_owned(), words.pop().unwrap().to_owned());
    let tls =
        words.first().and_then(|word| word.strip_prefix("tls")).map(|rest| rest.trim_start_matches(':'));
    let host = words.iter().find(|word| !word.starts_with("tls"));
    let headers = headers.split(", ").filter_map(|header| header.split_once(": "));
    Request {
        method,
        tls: tls.is_some(),
        host: host.map_or("127.0.0.1:8000".to_owned(), |host| (*host).to_owned()),
        path,
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        sni: tls.filter(|sni| !sni.is_empty()).map(str::to_owned),
    }
}

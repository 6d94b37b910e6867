//! The addresses at which people find a route. Pure.

use serde_json::Value;
use url::Url;

use super::declaration::{Declaration, Entity};
use super::kind::Kind;

/// A route's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// What the route is called: `route orders`.
    pub label: String,
    /// `http://localhost:8000/orders`, or with a pattern in the place of the path: `http://localhost:8000~/orders/\d+`.
    pub url: String,
}

/// The addresses of declared routes of HTTP, at a proxy: for each host and path one.
pub fn of(declaration: &Declaration, proxy: &Url) -> Vec<Public> {
    let routes = Kind::of("routes");
    let declared = declaration.entities.iter().filter(|entity| entity.kind == routes && speaks_http(entity));
    declared.flat_map(|route| addresses(route, proxy)).collect()
}

fn speaks_http(route: &Entity) -> bool {
    let protocols = texts(route, "protocols");
    protocols.is_empty() || protocols.iter().any(|protocol| protocol.starts_with("http"))
}

fn addresses(route: &Entity, proxy: &Url) -> Vec<Public> {
    let own = proxy.host_str().unwrap_or("localhost").to_owned();
    let or = |texts: Vec<String>, otherwise: &str| match texts.is_empty() {
        true => vec![otherwise.to_owned()],
        false => texts,
    };
    let hosts = or(texts(route, "hosts"), &own);
    let paths = or(texts(route, "paths"), "/");
    let port = proxy.port().map_or(String::new(), |port| format!(":{port}"));
    let at = |host: &String| match host.contains(':') && !host.starts_with('[') {
        // A host may be declared with its port.
        true => format!("{}://{host}", proxy.scheme()),
        false => format!("{}://{host}{port}", proxy.scheme()),
    };
    let urls = hosts.iter().flat_map(|host| paths.iter().map(move |path| format!("{}{path}", at(host))));
    urls.map(|url| Public { label: route.label.clone(), url }).collect()
}

fn texts(route: &Entity, field: &str) -> Vec<String> {
    let list = route.fields.get(field).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|value| Some(value.as_str()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::read::tests::declaration;

    #[test]
    fn each_host_and_path_is_an_address() {
        let declaration = declaration(
            r#"
routes:
  - {name: a, paths: [/a, '~/a/\d+']}
  - {name: b, hosts: [b.example.test, "c.example.test:9000"]}
  - {name: c, protocols: [tcp], sources: [{ip: 10.0.0.1}]}
"#,
        );
        let proxy = Url::parse("http://localhost:8000").unwrap();
        let lines: Vec<String> =
            of(&declaration, &proxy).into_iter().map(|it| format!("{} {}", it.label, it.url)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        route a http://localhost:8000/a
        route a http://localhost:8000~/a/\d+
        route b http://b.example.test:8000/
        route b http://c.example.test:9000/
        ");
    }
}

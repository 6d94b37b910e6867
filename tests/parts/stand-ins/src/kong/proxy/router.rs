//! Kong's router `traditional_compatible`: which of the routes takes a request.

use std::cmp::Reverse;

use hyper::HeaderMap;
use regex::Regex;
use serde_json::Value;

use crate::kong::state::{Entities, Entity};

/// What a route can be chosen by.
#[derive(Debug)]
pub struct Asked<'a> {
    pub method: &'a str,
    /// Without the port.
    pub host: &'a str,
    /// The Host header's, else the listener's.
    pub port: u16,
    /// In its normal form.
    pub path: &'a str,
    pub sni: Option<&'a str>,
    pub https: bool,
    pub headers: &'a HeaderMap,
}

/// The route that takes a request.
#[derive(Debug, Eq, PartialEq)]
pub struct Found<'a> {
    pub route: &'a Entity,
    /// What it matched of the path; empty for a route without paths.
    pub prefix: String,
}

/// All routes, the first to be tried first.
#[derive(Debug, Default)]
pub struct Router {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    rank: Rank,
    route: Entity,
    methods: Vec<String>,
    hosts: Vec<(Host, Option<u16>)>,
    paths: Vec<Path>,
    headers: Vec<(String, Vec<HeaderValue>)>,
    snis: Vec<String>,
}

/// Kong 3.4's order: how many kinds of attributes a route is matched by, whether its hosts have no wildcard, how many
/// headers, whether by a regex, the regex's priority, the prefix's length, and at last the greater id. The documentation
/// says that the last isn't defined, and of the router `traditional` that the older one wins.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Rank {
    kinds: usize,
    plain_hosts: bool,
    headers: usize,
    regex: bool,
    regex_priority: i64,
    length: usize,
    id: String,
}

#[derive(Debug)]
enum Host {
    Exact(String),
    EndsWith(String),
    StartsWith(String),
}

#[derive(Debug)]
enum Path {
    Prefix(String),
    Regex(Regex),
}

#[derive(Debug)]
enum HeaderValue {
    Exact(String),
    Regex(Regex),
}

impl Router {
    /// Of all routes whose service, if they have one, is enabled.
    pub fn new(entities: &Entities) -> Self {
        let enabled = |route: &Entity| {
            let id = route.get("service").and_then(|service| service["id"].as_str());
            let service = id.and_then(|id| entities.get("services")?.get(id));
            service.is_none_or(|service| service.get("enabled") != Some(&Value::Bool(false)))
        };
        let routes = entities.get("routes").into_iter().flat_map(|routes| routes.values());
        let mut rules: Vec<Rule> = routes
            .filter(|route| speaks_http(route) && enabled(route))
            .flat_map(|route| groups(&texts(route, "paths")).into_iter().map(|paths| Rule::new(route, paths)))
            .collect();
        rules.sort_by(|a, b| Reverse(&a.rank).cmp(&Reverse(&b.rank)));
        Self { rules }
    }

    /// The route that takes this request.
    pub fn find(&self, asked: &Asked<'_>) -> Option<Found<'_>> {
        self.rules.iter().find_map(|rule| rule.takes(asked))
    }
}

fn speaks_http(route: &Entity) -> bool {
    texts(route, "protocols").iter().any(|protocol| protocol == "http" || protocol == "https")
}

/// A field's list of texts; empty where it is null.
pub fn texts(entity: &Entity, field: &str) -> Vec<String> {
    let list = entity.get(field).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
}

/// Each length of prefixes ranks on its own, and so do all regexes together.
fn groups(paths: &[String]) -> Vec<Vec<String>> {
    let kind = |path: &String| if path.starts_with('~') { None } else { Some(path.len()) };
    let mut groups: Vec<Vec<String>> = Vec::new();
    for path in paths {
        match groups.iter_mut().find(|group| kind(&group[0]) == kind(path)) {
            Some(group) => group.push(path.clone()),
            None => groups.push(vec![path.clone()]),
        }
    }
    if groups.is_empty() { vec![Vec::new()] } else { groups }
}

impl Rule {
    fn new(route: &Entity, paths: Vec<String>) -> Self {
        let (methods, hosts, snis) = (texts(route, "methods"), texts(route, "hosts"), texts(route, "snis"));
        let headers: Vec<_> = route.get("headers").and_then(Value::as_object).into_iter().flatten().collect();
        let regex = paths.iter().any(|path| path.starts_with('~'));
        let kinds =
            [methods.is_empty(), hosts.is_empty(), paths.is_empty(), headers.is_empty(), snis.is_empty()];
        let rank = Rank {
            kinds: kinds.iter().filter(|empty| !**empty).count(),
            plain_hosts: !hosts.is_empty() && !hosts.iter().any(|host| host.contains('*')),
            headers: headers.len().min(255),
            regex,
            regex_priority: route
                .get("regex_priority")
                .and_then(Value::as_i64)
                .filter(|_| regex)
                .unwrap_or(0),
            length: paths.iter().filter(|path| !path.starts_with('~')).map(String::len).max().unwrap_or(0),
            id: rank_id(route, &paths),
        };
        let headers = headers.into_iter().map(|(name, values)| {
            let values = values.as_array().into_iter().flatten().filter_map(Value::as_str);
            (name.to_lowercase(), values.filter_map(HeaderValue::new).collect())
        });
        Self {
            rank,
            headers: headers.collect(),
            route: route.clone(),
            methods,
            hosts: hosts.iter().map(|host| Host::new(host)).collect(),
            paths: paths.iter().filter_map(|path| Path::new(path)).collect(),
            snis: snis.iter().map(|sni| sni.trim_end_matches('.').to_owned()).collect(),
        }
    }

    fn takes(&self, asked: &Asked<'_>) -> Option<Found<'_>> {
        let hosted = |(host, port): &(Host, Option<u16>)| {
            host.is(asked.host) && port.is_none_or(|port| port == asked.port)
        };
        let headed = |(name, wanted): &(String, Vec<HeaderValue>)| {
            let given = asked.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            given.map(str::to_lowercase).any(|given| wanted.iter().any(|wanted| wanted.is(&given)))
        };
        let fits = (self.methods.is_empty() || self.methods.iter().any(|method| method == asked.method))
            && (self.hosts.is_empty() || self.hosts.iter().any(hosted))
            && self.headers.iter().all(headed)
            // Without TLS there is no name to go by.
            && (self.snis.is_empty() || !asked.https || self.snis.iter().any(|sni| asked.sni == Some(sni)));
        if !fits {
            return None;
        }
        let prefix = match self.paths.is_empty() && self.rank.length == 0 && !self.rank.regex {
            true => String::new(),
            false => self.paths.iter().find_map(|path| path.matched(asked.path))?,
        };
        Some(Found { route: &self.route, prefix })
    }
}

/// Where a route's paths rank apart, each group has an id that is made from the route's.
fn rank_id(route: &Entity, group: &[String]) -> String {
    const NAMESPACE: uuid::Uuid = uuid::Uuid::from_u128(0x7f14_5bf9_0dce_4f91_98eb_debb_ce4b_9f6b);
    let id = route.get("id").and_then(Value::as_str).unwrap_or_default();
    match group.first() {
        Some(path) if texts(route, "paths").len() > 1 => {
            let kind = if path.starts_with('~') { "true".to_owned() } else { path.len().to_string() };
            uuid::Uuid::new_v5(&NAMESPACE, format!("{id}#{kind}").as_bytes()).to_string()
        }
        _ => id.to_owned(),
    }
}

impl Host {
    fn new(text: &str) -> (Self, Option<u16>) {
        let (host, port) = split_port(text);
        let host = match (host.strip_prefix('*'), host.strip_suffix('*')) {
            (Some(end), _) => Self::EndsWith(end.to_owned()),
            (_, Some(start)) => Self::StartsWith(start.to_owned()),
            _ => Self::Exact(host.to_owned()),
        };
        (host, port)
    }

    /// With regard to case: `H.Example.Test` isn't `h.example.test` to Kong 3.4.2.
    fn is(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::EndsWith(end) => host.ends_with(end.as_str()),
            Self::StartsWith(start) => host.starts_with(start.as_str()),
        }
    }
}

/// A host and the port behind it.
pub fn split_port(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        _ => (text, None),
    }
}

impl Path {
    fn new(text: &str) -> Option<Self> {
        match text.strip_prefix('~') {
            Some(regex) => Regex::new(&format!("^{regex}")).ok().map(Self::Regex),
            None => Some(Self::Prefix(text.to_owned())),
        }
    }

    /// A prefix needs no boundary of a segment: `/prefix` takes `/prefixed`.
    fn matched(&self, path: &str) -> Option<String> {
        match self {
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()).then(|| prefix.clone()),
            Self::Regex(regex) => regex.find(path).map(|found| found.as_str().to_owned()),
        }
    }
}

impl HeaderValue {
    fn new(text: &str) -> Option<Self> {
        match text.strip_prefix("~*") {
            Some(regex) => Regex::new(&regex.to_lowercase()).ok().map(Self::Regex),
            None => Some(Self::Exact(text.to_lowercase())),
        }
    }

    fn is(&self, given: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == given,
            Self::Regex(regex) => regex.is_match(given),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(routes: &[(&str, Value)]) -> Router {
        let routes = routes.iter().map(|(name, route)| {
            let mut route = route.as_object().unwrap().clone();
            route.entry("protocols").or_insert_with(|| serde_json::json!(["http", "https"]));
            route.insert("id".to_owned(), (*name).into());
            ((*name).to_owned(), route)
        });
        Router::new(&Entities::from([("routes".to_owned(), routes.collect())]))
    }

    #[track_caller]
    fn check(router: &Router, method: &str, host: &str, path: &str, headers: &[(&str, &str)], wanted: &str) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                hyper::header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        let (host, port) = split_port(host);
        let port = port.unwrap_or(8000);
        let asked = Asked { method, host, port, path, sni: None, https: false, headers: &map };
        let found = router.find(&asked).map_or("", |found| found.route["id"].as_str().unwrap());
        assert_eq!(found, wanted, "{method} {host}:{port}{path}");
    }

    #[test]
    fn more_kinds_then_plain_hosts_then_headers_then_regexes_then_length() {
        use serde_json::json;
        let router = router(&[
            ("path", json!({"paths": ["/a"]})),
            ("longer", json!({"paths": ["/a/b", "/z"]})),
            ("regex", json!({"paths": ["~/a/\\d+$"]})),
            ("regex-first", json!({"paths": ["~/a/1"], "regex_priority": 3})),
            ("method", json!({"paths": ["/a"], "methods": ["PUT"]})),
            ("host", json!({"paths": ["/a"], "hosts": ["h.test"]})),
            ("wild", json!({"paths": ["/a"], "hosts": ["*.test"]})),
            ("port", json!({"paths": ["/a"], "hosts": ["h.test:81"], "methods": ["GET"]})),
            ("headers", json!({"paths": ["/a"], "headers": {"x-v": ["~*^V[0-9]$"], "x-w": ["W"]}})),
            ("header", json!({"paths": ["/a/long"], "headers": {"x-v": ["v1", "v2"]}})),
        ]);
        check(&router, "GET", "o", "/abc", &[], "path");
        check(&router, "GET", "o", "/a/b/c", &[], "longer");
        check(&router, "GET", "o", "/z", &[], "longer");
        check(&router, "GET", "o", "/a/23", &[], "regex");
        check(&router, "GET", "o", "/a/12", &[], "regex-first");
        check(&router, "GET", "o", "/a/23/", &[], "path");
        check(&router, "PUT", "o", "/a/23", &[], "method");
        check(&router, "GET", "h.test", "/a", &[], "host");
        check(&router, "GET", "H.test", "/a", &[], "wild");
        check(&router, "GET", "g.test:8000", "/a", &[], "wild");
        check(&router, "GET", "h.test:81", "/a", &[], "port");
        check(&router, "PUT", "h.test:81", "/a", &[], "host");
        check(&router, "GET", "o", "/a/long", &[("X-V", "V2")], "header");
        check(&router, "GET", "o", "/a/long", &[("X-V", "V2"), ("x-w", "w")], "headers");
        check(&router, "GET", "o", "/nothing", &[], "");
    }

    #[test]
    fn a_route_of_a_disabled_service_and_one_of_a_stream_are_left_out() {
        use serde_json::json;
        let of = |value: Value| value.as_object().unwrap().clone();
        let entities = Entities::from([
            ("services".to_owned(), [("s".to_owned(), of(json!({"enabled": false})))].into()),
            (
                "routes".to_owned(),
                [
                    (
                        "a".to_owned(),
                        of(json!({"paths": ["/"], "protocols": ["http"], "service": {"id": "s"}})),
                    ),
                    ("b".to_owned(), of(json!({"snis": ["x"], "protocols": ["tls"]}))),
                ]
                .into(),
            ),
        ]);
        assert!(Router::new(&entities).rules.is_empty());
    }
}

//! For any routes: what is drawn for a route is the route's, by rules written down a second time, as a comparison of two
//! routes; and one that is called shadowed gets nothing.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::super::request::{Drawn, Skip, draw};
use super::super::router::{Request, Route, Router, normalise};
use super::{proxy, request, routes};

const PATHS: &[&str] = &["/", "/a", "/a/b", "/ab", "/a%2Fb", "~/a$", "~/a/.*", "~/[ab]+", "~/\\d{2}/x?$"];
const HOSTS: &[&str] = &["h.test", "*.test", "h.*", "i.test:8000"];
const METHODS: &[&str] = &["GET", "OPTIONS", "POST"];

fn fields() -> impl Strategy<Value = Value> {
    let some = |of: &'static [&'static str]| subsequence(of, 0..=2);
    let protocols = select(vec![vec!["http", "https"], vec!["https"], vec!["http"]]);
    let headers =
        select(vec![json!({}), json!({"x-v": ["1", "2"]}), json!({"x-v": ["~*^[12]$"], "y": ["1"]})]);
    let snis = select(vec![json!([]), json!([]), json!(["s.test"])]);
    (some(PATHS), some(HOSTS), some(METHODS), protocols, headers, snis, 0..3).prop_map(
        |(paths, hosts, methods, protocols, headers, snis, priority)| {
            json!({
                "paths": paths, "hosts": hosts, "methods": methods, "protocols": protocols, "headers": headers,
                "snis": snis, "regex_priority": priority,
            })
        },
    )
}

pub fn some_routes() -> impl Strategy<Value = Vec<(String, Value)>> {
    prop::collection::vec(fields(), 1..9).prop_map(|all| {
        let named = all.into_iter().enumerate();
        named
            .map(|(number, fields)| (format!("0000000{number}-0000-4000-8000-000000000000"), fields))
            .collect()
    })
}

/// A path group's claim on a request, to be compared.
type Claim = (usize, bool, usize, bool, i64, usize);

/// What a route brings to a request: its best path's claim, if it matches at all.
fn claim(route: &Route, request: &Request) -> Option<Claim> {
    let (host, port) = request.host.split_once(':').unwrap_or((&request.host, ""));
    let host_fits = |own: &String| {
        let (own, own_port) = own.split_once(':').unwrap_or((own, ""));
        let name = match own.split_once('*') {
            Some((before, after)) => host.starts_with(before) && host.ends_with(after),
            None => own == host,
        };
        name && (own_port.is_empty() || own_port == port)
    };
    let fits = (route.methods.is_empty() || route.methods.contains(&request.method))
        && (route.hosts.is_empty() || route.hosts.iter().any(host_fits))
        && route.headers.iter().all(|(name, values)| {
            let given =
                request.headers.iter().find(|(given, _)| given == name).map(|(_, given)| given.as_str());
            let alike = |value: &String| match value.strip_prefix("~*") {
                Some(_) => given == Some("1") || given == Some("2"),
                None => given == Some(value),
            };
            values.iter().any(alike)
        })
        && (route.snis.is_empty()
            || !request.tls
            || request.sni.as_ref().is_some_and(|sni| route.snis.contains(sni)));
    if !fits {
        return None;
    }
    let path = String::from_utf8(normalise(&request.path)).unwrap();
    let length = |own: &String| match own.strip_prefix('~') {
        Some(regex) => {
            regex::Regex::new(&format!("^(?:{regex})")).unwrap().is_match(&path).then_some((true, 0))
        }
        None => path.starts_with(own.as_str()).then_some((false, own.len())),
    };
    let lengths: Vec<(bool, usize)> = if route.paths.is_empty() {
        vec![(false, 0)]
    } else {
        route.paths.iter().filter_map(length).collect()
    };
    let attributes = [
        !route.methods.is_empty(),
        !route.hosts.is_empty(),
        !route.paths.is_empty(),
        !route.headers.is_empty(),
        !route.snis.is_empty(),
    ];
    let plain = !route.hosts.is_empty() && route.hosts.iter().all(|host| !host.contains('*'));
    lengths
        .into_iter()
        .map(|(regex, length)| {
            let priority = if regex { route.regex_priority } else { 0 };
            let attributes = attributes.iter().filter(|has| **has).count();
            (attributes, plain, route.headers.len(), regex, priority, length)
        })
        .max()
}

/// Requests of all kinds that the routes above can tell apart.
pub fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    for method in ["GET", "HEAD", "OPTIONS", "POST", "DELETE"] {
        for host in ["127.0.0.1:8000", "h.test", "x.test", "h.x", "i.test:8000", "i.test"] {
            for path in [
                "/", "/a", "/a/", "/a/b", "/a/c", "/ab", "/abc", "/a-", "/b", "/c", "/a%2Fb", "/a%2Fbc",
                "/12/", "/12/x", "/12/y",
            ] {
                for headers in ["", " with x-v: 1, y: 1", " with x-v: 2", " with x-v: 1", " with y: 1"] {
                    for tls in ["", "tls ", "tls:s.test "] {
                        all.push(request(&format!("{method} {tls}{host} {path}{headers}")));
                    }
                }
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_drawn_for_a_route_is_its_own(held in some_routes(), unsafe_probes: bool) {
        let named: Vec<(&str, Value)> = held.iter().map(|(id, fields)| (id.as_str(), fields.clone())).collect();
        let entities = routes(&named);
        let router = Router::new(&entities);
        let all: Vec<Route> = entities.values().flatten().map(Route::of).collect();
        for route in &all {
            match draw(route, &router, &proxy(), unsafe_probes) {
                Drawn::Request(request) => {
                    let own = claim(route, &request);
                    prop_assert!(own.is_some(), "{:?} doesn't match {:?}", route, request);
                    for other in &all {
                        prop_assert!(claim(other, &request) <= own, "{:?} goes to {:?}, not {:?}", request, other, route);
                    }
                    let safe = ["GET", "HEAD", "OPTIONS"].contains(&request.method.as_str());
                    prop_assert!(safe || unsafe_probes);
                }
                Drawn::Shadowed(_) => {
                    for request in requests() {
                        let winner = router.winner(&request).map(|win| win.route);
                        prop_assert_ne!(winner, Some(route.id.as_str()), "{:?}", request);
                    }
                }
                Drawn::Skipped(Skip::OnlyUnsafe(methods)) => prop_assert!(methods == ["POST"] && !unsafe_probes),
                Drawn::Skipped(Skip::SafeTaken(_)) => prop_assert!(!unsafe_probes),
                Drawn::Skipped(skip) => prop_assert!(false, "{:?} of {:?}", skip, route),
            }
        }
    }

    #[test]
    fn both_rules_name_the_same_winner(held in some_routes(), at: prop::sample::Index) {
        let named: Vec<(&str, Value)> = held.iter().map(|(id, fields)| (id.as_str(), fields.clone())).collect();
        let entities = routes(&named);
        let router = Router::new(&entities);
        let requests = requests();
        let request = at.get(&requests);
        let all: Vec<Route> = entities.values().flatten().map(Route::of).collect();
        let best = all.iter().map(|route| claim(route, request)).max().flatten();
        match router.winner(request) {
            Some(win) => {
                let won = all.iter().find(|route| route.id == win.route).unwrap();
                prop_assert_eq!(claim(won, request), best);
            }
            None => prop_assert_eq!(best, None),
        }
    }

    /// Nothing that a route may hold makes vv stumble.
    #[test]
    fn any_text_is_taken(paths in prop::collection::vec("~?/\\PC{0,12}", 0..4), host in "\\PC{0,8}", header in "(~\\*)?\\PC{0,8}") {
        let held = routes(&[("a", json!({"paths": paths, "hosts": [host], "headers": {"x": [header]}}))]);
        let router = Router::new(&held);
        for route in held.values().flatten().map(Route::of) {
            if let Drawn::Request(request) = draw(&route, &router, &proxy(), false) {
                prop_assert!(request.path.is_ascii() && request.path.starts_with('/'));
                prop_assert_eq!(router.winner(&request).map(|win| win.route), Some("a"));
            }
        }
    }
}

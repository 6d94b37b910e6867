//! One request for each route.

use serde_json::{Value, json};

use super::super::request::{Drawn, Proxy, draw};
use super::super::router::{Route, Router};
use super::{proxy, routes};

/// What is drawn for each of these routes, one line each.
fn drawn(held: &[(&str, Value)], proxy: &Proxy, unsafe_probes: bool) -> String {
    let entities = routes(held);
    let router = Router::new(&entities);
    let mut told = String::new();
    for route in entities.values().flatten().map(Route::of) {
        let drawn = match draw(&route, &router, proxy, unsafe_probes) {
            Drawn::Request(request) => {
                assert_eq!(router.winner(&request).unwrap().route, route.id);
                let sni = request.sni.map(|sni| format!(" sni={sni}")).unwrap_or_default();
                let headers: Vec<String> =
                    request.headers.iter().map(|(name, value)| format!(" {name}: {value}")).collect();
                let scheme = if request.tls { "https" } else { "http" };
                format!(
                    "{} {scheme}://{}{}{sni}{}",
                    request.method,
                    request.host,
                    request.path,
                    headers.concat()
                )
            }
            Drawn::Shadowed(shadow) => format!("shadowed by {}: {}", shadow.label, shadow.why),
            Drawn::Skipped(skip) => format!("skipped: {}", serde_json::to_string(&skip).unwrap()),
        };
        told += &format!("{}: {drawn}\n", route.id);
    }
    told
}

#[test]
fn each_part_of_a_request() {
    insta::assert_snapshot!(drawn(
        &[
            ("prefix", json!({"paths": ["/orders"]})),
            ("second path", json!({"paths": ["/a b", "/c"]})),
            ("host", json!({"hosts": ["A.Example.Test"]})),
            ("wildcard", json!({"hosts": ["*.b.example.test"]})),
            ("wildcard behind", json!({"hosts": ["c.example.*"]})),
            ("port", json!({"hosts": ["d.example.test:9999"]})),
            ("methods", json!({"paths": ["/m"], "methods": ["POST", "OPTIONS", "HEAD"]})),
            ("post", json!({"paths": ["/p"], "methods": ["POST", "PUT"]})),
            ("trace", json!({"paths": ["/tr"], "methods": ["TRACE"]})),
            ("headers", json!({"headers": {"X-Version": ["v1", "v2"], "X-Region": ["~*^(eu|us)-\\d{2}$"]}})),
            ("header can't", json!({"headers": {"x-b": ["~*a(?=b)"]}})),
            ("tls", json!({"paths": ["/tls"], "protocols": ["https"]})),
            ("sni", json!({"paths": ["/sni"], "protocols": ["https"], "snis": ["a.example.test"]})),
            ("sni in the clear", json!({"paths": ["/clear"], "snis": ["a.example.test"]})),
            ("grpc", json!({"paths": ["/g"], "protocols": ["grpc"]})),
            ("stream", json!({"protocols": ["tls_passthrough"], "snis": ["a"]})),
            ("expression", json!({"expression": "http.path == \"/x\"", "priority": 1})),
            ("escaped", json!({"paths": ["/ü/\\d+"]})),
            ("encoded", json!({"paths": ["/a%2Fb"]})),
            ("never", json!({"paths": ["/what?"]})),
        ],
        &proxy(),
        false,
    ));
}

#[test]
fn regexes() {
    let regexes = [
        r"~/items/\d+$",
        r"~/items2/[0-9]+",
        r"~/orders/(?<id>\d+)/lines$",
        r"~/v(1|22)/(alpha|b)?c",
        r"~/[^/]+/x{3}$",
        r"~/(?i)case$",
        r"~/u/[0-9a-f]{8}-[0-9a-f]{4}$",
        r"~/w\.html?$",
        r"~/.*\.(css|js)$",
        r"~/q/\w+\b",
        r"~/[\u00e0-\u00ff]/n$",
        r"~/s s$",
        r"~/k/[^a-z0-9]$",
        r"~/(a|b",
        r"~/look(?!x)",
        r"~/back(a)\1",
        r"~/never\?$",
        r"~/a{100000}$",
        r"~/x$^",
        r"~/hash[#?]$",
        r"~/dots/\.\./x$",
    ];
    let alone: String =
        regexes.iter().map(|regex| drawn(&[(regex, json!({"paths": [regex]}))], &proxy(), false)).collect();
    insta::assert_snapshot!(alone);
}

#[test]
fn what_others_take() {
    let mut told = String::new();
    for held in [
        // Another path of it is its own.
        vec![
            ("a", json!({"paths": ["/a", "/b"]})),
            ("b", json!({"paths": ["/a"], "methods": ["GET", "HEAD", "OPTIONS"]})),
        ],
        // Just the prefix itself is another's.
        vec![("a", json!({"paths": ["/a"]})), ("b", json!({"paths": ["~/a$"]}))],
        vec![("a", json!({"paths": ["/a"]})), ("b", json!({"paths": ["~/a(/.*)?$"]}))],
        // Another host, another header's value, another method.
        vec![
            ("a", json!({"hosts": ["h.test", "i.test"]})),
            ("b", json!({"hosts": ["h.test"], "paths": ["/"]})),
        ],
        vec![
            ("a", json!({"headers": {"x": ["1", "2"]}})),
            ("b", json!({"headers": {"x": ["1"]}, "paths": ["/"]})),
        ],
        vec![("a", json!({"paths": ["/a"]})), ("b", json!({"paths": ["/a"], "methods": ["GET"]}))],
        // A longer one that the regex draws.
        vec![("a", json!({"paths": ["~/a+$"]})), ("b", json!({"paths": ["~/a$"], "regex_priority": 9}))],
        // All of it is another's.
        vec![("a", json!({"paths": ["/a"]})), ("b", json!({"paths": ["~/a"]}))],
        vec![("a", json!({"paths": ["~/a/\\d+$"]})), ("b", json!({"paths": ["~/a"], "regex_priority": 5}))],
        vec![
            ("a", json!({"paths": ["/a"], "methods": ["POST"]})),
            ("b", json!({"paths": ["/"], "methods": ["POST"], "headers": {"host2": ["x"]}})),
            ("c", json!({"paths": ["/", "~/"], "methods": ["POST"]})),
        ],
        // GET, HEAD and OPTIONS only: it lives by POST.
        vec![
            ("a", json!({"paths": ["/a"]})),
            ("b", json!({"paths": ["/a"], "methods": ["GET", "HEAD", "OPTIONS"]})),
        ],
        // The unnamed winner.
        vec![("a", json!({"paths": ["/a"]})), ("b", json!({"name": null, "paths": ["~/"]}))],
    ] {
        told += &drawn(&held, &proxy(), false);
        told.push('\n');
    }
    insta::assert_snapshot!(told);
}

#[test]
fn unsafe_probes_ask_by_what_is_allowed() {
    insta::assert_snapshot!(drawn(
        &[
            ("post", json!({"paths": ["/p"], "methods": ["PUT", "POST"]})),
            ("both", json!({"paths": ["/b"], "methods": ["POST", "GET"]})),
            ("trace", json!({"paths": ["/tr"], "methods": ["TRACE"]})),
            ("lost", json!({"paths": ["/l"]})),
            ("taker", json!({"paths": ["/l"], "methods": ["GET", "HEAD", "OPTIONS"]})),
        ],
        &proxy(),
        true,
    ));
}

#[test]
fn where_the_proxy_answers() {
    let held = [
        ("http", json!({"paths": ["/http"], "protocols": ["http"]})),
        ("https", json!({"paths": ["/https"], "protocols": ["https"]})),
    ];
    let both = proxy();
    let mut named = both.clone();
    named.https.as_mut().unwrap().host = "kong".into();
    named.http.as_mut().unwrap().port = 80;
    let told = [
        drawn(&held, &named, false),
        drawn(&held, &Proxy { https: None, ..both.clone() }, false),
        drawn(&held, &Proxy { http: None, ..both }, false),
        drawn(&held, &Proxy::default(), false),
    ];
    insta::assert_snapshot!(told.concat());
}

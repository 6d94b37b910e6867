//! The router's model against what a real Kong 3.4.2 did, and against its rules where nothing is recorded.

use serde_json::{Value, json};

use super::super::router::{Router, encode, normalise};
use super::{entities, request, routes};

/// The routes of a recorded gateway.
fn recorded() -> Router {
    let mut held = routes(&[
        ("prefix", json!({"paths": ["/prefix"]})),
        ("longer", json!({"paths": ["/prefix/longer"]})),
        ("keep", json!({"paths": ["/keep"], "strip_path": false})),
        ("regex", json!({"paths": ["~/items/\\d+$"], "regex_priority": 1})),
        ("regex-high", json!({"paths": ["~/items/[0-9]+"], "regex_priority": 5})),
        ("items-plain", json!({"paths": ["/items"]})),
        ("host", json!({"hosts": ["h.example.test"]})),
        ("host-wild", json!({"hosts": ["*.w.example.test"]})),
        ("method", json!({"paths": ["/method"], "methods": ["POST"]})),
        ("header", json!({"paths": ["/hdr"], "headers": {"x-version": ["v1", "v2"]}})),
        ("header-none", json!({"paths": ["/hdr"], "methods": {}, "hosts": null})),
        ("preserve", json!({"paths": ["/preserve"], "hosts": ["p.example.test"]})),
        ("https-only", json!({"paths": ["/https"], "protocols": ["https"]})),
        ("https-301", json!({"paths": ["/https301"], "protocols": ["https"]})),
        ("http-only", json!({"paths": ["/t"], "protocols": ["http"]})),
        ("off", json!({"paths": ["/off"], "service": {"id": "s-off"}})),
    ]);
    held.extend(entities(json!({"services": [{"id": "s-off", "enabled": false}]})));
    Router::new(&held)
}

#[test]
fn the_winner_is_the_one_that_was_recorded() {
    for (asked, winner) in [
        ("GET /nothing", None),
        ("POST /nothing", None),
        ("GET /prefix/a", Some("prefix")),
        ("GET /prefix", Some("prefix")),
        ("GET /prefixed", Some("prefix")),
        ("GET /prefix/longer/x", Some("longer")),
        ("POST /prefix/a", Some("prefix")),
        ("HEAD /prefix", Some("prefix")),
        ("GET /prefix/./a//b", Some("prefix")),
        ("GET /keep/a", Some("keep")),
        ("GET /items/12", Some("regex-high")),
        ("GET /items/12/x", Some("regex-high")),
        ("GET /items/abc", Some("items-plain")),
        ("GET h.example.test /x", Some("host")),
        ("GET h.example.test:8000 /x", Some("host")),
        ("GET H.Example.Test /x", None),
        ("GET a.w.example.test /x", Some("host-wild")),
        ("GET w.example.test /x", None),
        ("GET p.example.test /preserve", Some("preserve")),
        ("POST /method", Some("method")),
        ("GET /method", None),
        ("OPTIONS /method", None),
        ("GET /hdr with X-Version: v2", Some("header")),
        ("GET /hdr with X-Version: v9", Some("header-none")),
        // 426 and 301 are answered by the route that wants TLS.
        ("GET /https", Some("https-only")),
        ("GET /https301", Some("https-301")),
        ("GET tls /https", Some("https-only")),
        ("GET tls /nothing", None),
        ("GET tls /t", Some("http-only")),
        ("GET tls /prefix/a", Some("prefix")),
        ("GET /t", Some("http-only")),
        ("GET /off", None),
    ] {
        let router = recorded();
        assert_eq!(router.winner(&request(asked)).map(|win| win.route), winner, "{asked}");
    }
}

/// Two routes, a request that both match, and which one takes it, why.
fn duel(first: Value, second: Value, asked: &str) -> String {
    // The second has the higher id, which settles a tie.
    let held = routes(&[
        ("first", merged(first, "00000000-0000-4000-8000-000000000001")),
        ("second", merged(second, "00000000-0000-4000-8000-000000000002")),
    ]);
    let router = Router::new(&held);
    let asked = request(asked);
    let Some(win) = router.winner(&asked) else { return "none".to_owned() };
    let other = if win.label == "route first" { 2 } else { 1 };
    match router.place(&format!("00000000-0000-4000-8000-00000000000{other}"), &asked) {
        Some(lost) => format!("{}: {}", win.label, win.rank.why_before(lost.rank)),
        None => format!("{}: the other doesn't match", win.label),
    }
}

fn merged(mut fields: Value, id: &str) -> Value {
    fields["id"] = json!(id);
    fields
}

#[test]
fn what_decides_between_two() {
    let mut told = String::new();
    for (first, second, asked) in [
        (json!({"paths": ["/a"]}), json!({"paths": ["/a/b"]}), "GET /a/b"),
        (json!({"paths": ["/a"], "methods": ["GET"]}), json!({"paths": ["/a/b"]}), "GET /a/b"),
        (json!({"paths": ["/a"]}), json!({"paths": ["/a"], "hosts": ["h.test"]}), "GET h.test /a"),
        (
            json!({"hosts": ["*.test"], "paths": ["/a/b"]}),
            json!({"hosts": ["h.test"], "paths": ["/a"]}),
            "GET h.test /a/b",
        ),
        (json!({"hosts": ["h.*"]}), json!({"hosts": ["h.test", "i.*"]}), "GET h.test /"),
        (
            json!({"headers": {"a": ["1"], "b": ["1"]}, "paths": ["/"]}),
            json!({"headers": {"a": ["1"]}, "paths": ["/longer"]}),
            "GET /longer with a: 1, b: 1",
        ),
        (json!({"paths": ["~/a"]}), json!({"paths": ["/a/b/c"]}), "GET /a/b/c"),
        (
            json!({"paths": ["~/a"], "regex_priority": 2}),
            json!({"paths": ["~/a/b"], "regex_priority": 1}),
            "GET /a/b",
        ),
        (
            json!({"paths": ["~/a"], "regex_priority": -1}),
            json!({"paths": ["~/a"], "hosts": ["h"]}),
            "GET h /a",
        ),
        (json!({"paths": ["/a"], "regex_priority": 9}), json!({"paths": ["/b", "/a"]}), "GET /a"),
        (json!({"paths": ["/a"]}), json!({"paths": ["/a"]}), "GET /a"),
        // A group of paths of its own rank: the regex of the first doesn't lift its prefix.
        (json!({"paths": ["/a", "~/z$"]}), json!({"paths": ["/a/b"]}), "GET /a/b"),
        (json!({"paths": ["/a", "/a/b/c"]}), json!({"paths": ["/a/b"]}), "GET /a/b/x"),
        (json!({"paths": ["/a"], "snis": ["s.test"]}), json!({"paths": ["/a/b"]}), "GET tls:s.test /a/b"),
        (json!({"paths": ["/a"], "snis": ["s.test"]}), json!({"paths": ["/a/b"]}), "GET tls:o.test /a/b"),
        (json!({"paths": ["/a"], "snis": ["s.test"]}), json!({"paths": ["/a/b"]}), "GET /a/b"),
        // What the router doesn't understand it leaves out, the prefix beside it stays.
        (json!({"paths": ["~/a(?=b)", "/a"]}), json!({"paths": ["/"]}), "GET /ab"),
        (json!({"paths": ["~/a(?=b)"]}), json!({"paths": ["/"]}), "GET /ab"),
        (json!({"protocols": ["tcp"], "paths": ["/a"]}), json!({"paths": ["/"]}), "GET /a"),
        (json!({"hosts": ["h.test:8000"]}), json!({"hosts": ["*.test"]}), "GET h.test:8000 /"),
        (json!({"hosts": ["h.test:8000"]}), json!({"hosts": ["*.test"]}), "GET h.test /"),
        (json!({"headers": {"X-A": ["~*^v\\d+$"]}}), json!({"paths": ["/"]}), "GET / with x-a: V12"),
    ] {
        told += &format!("{asked}: {}\n", duel(first, second, asked));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn paths_are_compared_decoded_but_for_what_is_reserved() {
    for (sent, seen) in [
        ("/", "/"),
        ("/a//b", "/a/b"),
        ("/a/./b/../c", "/a/c"),
        ("/a/..", "/"),
        ("/../a", "/a"),
        ("/a/.", "/a/"),
        ("/.well-known", "/.well-known"),
        ("/%7euser/%41", "/~user/A"),
        ("/a%2fb%3f", "/a%2Fb%3F"),
        ("/e%20f", "/e f"),
        ("/%C3%BC", "/ü"),
        ("/100%", "/100%"),
        ("/%zz", "/%zz"),
    ] {
        assert_eq!(String::from_utf8(normalise(sent)).unwrap(), seen, "{sent}");
        if let Some(again) = encode(seen.as_bytes()) {
            assert_eq!(String::from_utf8(normalise(&again)).unwrap(), seen, "{again}");
        }
    }
    assert_eq!(encode("/orders/\\d+".as_bytes()).unwrap(), "/orders/%5Cd+");
    assert_eq!(encode(b"/a?b"), None);
}

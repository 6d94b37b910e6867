//! What answers prove, and in which words.

use serde_json::json;

use super::super::answer::{Answer, Asked, Class, Down, class};
use super::super::proof::{Outcome, Proof};
use super::super::request::{Shadow, Skip};
use super::super::{Context, Target, Unanswered, Wanted};
use super::request;

/// `404 via x-kong-response-latency | body`; headers are `name` or `name=value`.
fn answer(text: &str) -> Answer {
    let (start, body) = text.split_once(" | ").unwrap_or((text, ""));
    let mut words = start.split(' ');
    let status = words.next().unwrap().parse().unwrap();
    let headers = words.map(|word| {
        let (name, value) = word.split_once('=').unwrap_or((word, "1"));
        (name.to_owned(), value.replace('_', " "))
    });
    Answer { status, headers: headers.collect(), body: body.to_owned() }
}

/// Of Kong itself, and of a service: as 3.4.2 marks them.
const KONG: &str = "server=kong/3.4.2 x-kong-response-latency";
const SERVICE: &str = "x-kong-upstream-latency x-kong-proxy-latency via=kong/3.4.2";

fn classed(text: &str, plugins: &str, asked: Asked<'_>) -> Class {
    let plugins: Vec<String> =
        plugins.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let text = text.replace("KONG", KONG).replace("SERVICE", SERVICE);
    class(&answer(&text), Asked { plugins: &plugins, ..asked })
}

fn kong(status: u16, by: &str) -> Class {
    Class::Kong { status, by: (!by.is_empty()).then(|| by.to_owned()) }
}

fn down(status: u16, cause: Down) -> Class {
    Class::UpstreamDown { status, cause }
}

#[test]
fn recorded_answers() {
    for (text, plugins, expected) in [
        ("404 KONG | {\"message\":\"no Route matched with those values\"}", "", Class::NoRoute),
        ("404 KONG | <!doctype html>\n<html>…<p>no Route matched with those values.</p>", "", Class::NoRoute),
        ("404 KONG | no Route matched with those values\n", "", Class::NoRoute),
        ("200 SERVICE | {}", "jwt", Class::Proxied { status: 200 }),
        ("404 SERVICE | {}", "", Class::Proxied { status: 404 }),
        ("500 SERVICE | {}", "", Class::Proxied { status: 500 }),
        ("401 SERVICE | {}", "jwt", Class::Proxied { status: 401 }),
        ("401 KONG | {\"message\":\"Unauthorized\"}", "jwt cors", kong(401, "jwt")),
        (
            "401 KONG www-authenticate=Key_realm=\"kong\" | No API key found in request",
            "jwt key-auth",
            kong(401, "key-auth"),
        ),
        (
            "401 KONG www-authenticate=Basic_realm=\"kong\" | Unauthorized",
            "jwt basic-auth",
            kong(401, "basic-auth"),
        ),
        ("401 KONG | {\"message\":\"Unauthorized\"}", "my-own-auth", kong(401, "")),
        ("403 KONG | {\"message\":\"You cannot consume this service\"}", "acl key-auth", kong(403, "acl")),
        (
            "403 KONG | {\"message\":\"IP address not allowed: 127.0.0.1\"}",
            "ip-restriction",
            kong(403, "ip-restriction"),
        ),
        ("403 KONG | {\"message\":\"Forbidden\"}", "bot-detection", kong(403, "bot-detection")),
        (
            "429 KONG retry-after ratelimit-limit | API rate limit exceeded",
            "rate-limiting",
            kong(429, "rate-limiting"),
        ),
        (
            "413 KONG | {\"message\":\"Request size limit exceeded\"}",
            "request-size-limiting",
            kong(413, "request-size-limiting"),
        ),
        ("200 KONG access-control-allow-origin access-control-allow-methods", "cors", kong(200, "cors")),
        (
            "503 KONG | {\"message\":\"Service unavailable\"}",
            "request-termination",
            kong(503, "request-termination"),
        ),
        ("418 KONG | teapot", "request-termination", kong(418, "request-termination")),
        ("404 KONG | gone", "request-termination", kong(404, "request-termination")),
        ("503 KONG | {\"message\":\"no Service found with those values\"}", "", Class::NoService),
        (
            "502 SERVICE | An invalid response was received from the upstream server",
            "",
            down(502, Down::BadAnswer),
        ),
        ("503 KONG | {\"message\":\"name resolution failed\"}", "", down(503, Down::Unresolved)),
        ("504 SERVICE | {\"message\":\"The upstream server is timing out\"}", "", down(504, Down::TimedOut)),
        ("503 KONG | failure to get a peer from the ring-balancer", "", down(503, Down::NoTarget)),
        ("405 KONG | {\"message\":\"Method not allowed\"}", "", kong(405, "")),
        (
            "500 KONG | {\"message\":\"An unexpected error occurred\"}",
            "jwt",
            Class::KongFailed { status: 500 },
        ),
    ] {
        assert_eq!(classed(text, plugins, Asked::default()), expected, "{text}");
    }
}

#[test]
fn a_service_may_say_what_kong_says() {
    // Behind a Kong another one stands, which knows no route: the first one's headers tell.
    let chained =
        "404 SERVICE x-kong-response-latency server=kong/3.4.2 | no Route matched with those values";
    assert_eq!(classed(chained, "", Asked::default()), Class::Proxied { status: 404 });
    assert_eq!(
        classed("502 SERVICE | the shop is closed", "", Asked::default()),
        Class::Proxied { status: 502 }
    );
    assert_eq!(
        classed("503 SERVICE | Service unavailable", "", Asked::default()),
        Class::Proxied { status: 503 }
    );
}

#[test]
fn other_versions_and_settings() {
    for (text, plugins, expected) in [
        // 3.8 and later.
        ("200 via=1.1_kong/3.8.0 x-kong-request-id=ab", "", Class::Proxied { status: 200 }),
        (
            "404 server=kong/3.8.0 x-kong-request-id=ab | {\"message\":\"no Route matched with those values\",\"request_id\":\"ab\"}",
            "",
            Class::NoRoute,
        ),
        (
            "503 server=kong/3.8.0 | {\"message\":\"failure to get a peer from the ring-balancer\",\"request_id\":\"ab\"}",
            "",
            down(503, Down::NoTarget),
        ),
        // headers = latency_tokens, and = server_tokens.
        ("200 x-kong-upstream-latency", "jwt", Class::Proxied { status: 200 }),
        ("401 x-kong-response-latency | Unauthorized", "jwt", kong(401, "jwt")),
        ("401 server=kong/3.4.2 | Unauthorized", "jwt", kong(401, "jwt")),
        // headers = off: the texts, and what acts on the route.
        ("404 | {\"message\":\"no Route matched with those values\"}", "", Class::NoRoute),
        ("404 server=nginx | no such page", "", Class::Proxied { status: 404 }),
        ("401 | {\"message\":\"Unauthorized\"}", "jwt", kong(401, "jwt")),
        ("401 | log in first", "", Class::Proxied { status: 401 }),
        (
            "429 ratelimit-limit | {\"message\":\"API rate limit exceeded\"}",
            "rate-limiting",
            kong(429, "rate-limiting"),
        ),
        ("200 | {}", "proxy-cache jwt", Class::Proxied { status: 200 }),
        ("502 | An invalid response was received from the upstream server", "", down(502, Down::BadAnswer)),
        ("503 | no Service found with those values", "", Class::NoService),
        ("500 | An unexpected error occurred", "", Class::KongFailed { status: 500 }),
        ("500 | oh", "", Class::Proxied { status: 500 }),
    ] {
        assert_eq!(classed(text, plugins, Asked::default()), expected, "{text}");
    }
}

/// Any server answers 401: without Kong's headers it takes Kong's words to be taken for Kong.
#[test]
fn others_refuse_as_well() {
    for (text, plugins) in [
        ("401 server=nginx | <h1>401 Authorization Required</h1>", "jwt"),
        ("401 server=nginx", "jwt"),
        ("401 | Unauthorized", "jwt"),
        ("401 | {\"message\":\"log in first\"}", "jwt"),
        ("401 | {\"statusCode\":401,\"message\":\"Unauthorized\"}", "jwt"),
        ("401 www-authenticate=Basic_realm=\"shop\" | {}", "basic-auth"),
        ("403 | {\"message\":\"Unauthorized\"}", "acl"),
        ("403 | Forbidden", "ip-restriction"),
        ("429 ratelimit-limit | slowly", "rate-limiting"),
    ] {
        let status = text[..3].parse().unwrap();
        assert_eq!(classed(text, plugins, Asked::default()), Class::Unclear { status }, "{text}");
        assert!(!answer(text).is_of_kong(), "{text}");
    }
    for (text, plugins, by) in [
        ("401 server=nginx | {\"message\":\"Unauthorized\"}", "jwt", "jwt"),
        ("401 | {\"message\":\"Unauthorized\",\"request_id\":\"ab\"}", "jwt", "jwt"),
        ("401 | {\"message\":\"No API key found in request\"}", "key-auth", "key-auth"),
        (
            "401 | {\"error_description\":\"The access token is missing\",\"error\":\"invalid_request\"}",
            "oauth2",
            "oauth2",
        ),
        ("403 | {\"message\":\"IP address not allowed: 10.0.0.1\"}", "ip-restriction", "ip-restriction"),
    ] {
        let status = text[..3].parse().unwrap();
        assert_eq!(classed(text, plugins, Asked::default()), kong(status, by), "{text}");
        assert!(answer(text).is_of_kong(), "{text}");
    }
}

/// As 3.4.2's answers to a path that it doesn't know.
#[test]
fn an_admin_api_is_no_proxy() {
    let admin = "404 server=kong/3.4.2 x-kong-admin-latency=5 | {\"message\":\"Not found\"}";
    assert_eq!(classed(admin, "jwt", Asked::default()), Class::AdminApi { status: 404 });
    // Behind a proxy it is a service as any other.
    let behind = "404 SERVICE x-kong-admin-latency=5 | {\"message\":\"Not found\"}";
    assert_eq!(classed(behind, "", Asked::default()), Class::Proxied { status: 404 });
}

#[test]
fn a_head_has_no_body() {
    let head = Asked { head: true, ..Asked::default() };
    for (text, plugins, expected) in [
        ("404 KONG", "", Class::NoRoute),
        ("404 KONG", "request-termination", kong(404, "request-termination")),
        ("404", "", Class::Unclear { status: 404 }),
        ("404 SERVICE", "", Class::Proxied { status: 404 }),
        ("200 SERVICE", "", Class::Proxied { status: 200 }),
        ("502 SERVICE", "", down(502, Down::BadAnswer)),
        ("504 SERVICE", "", down(504, Down::TimedOut)),
    ] {
        assert_eq!(classed(text, plugins, head), expected, "{text}");
    }
}

#[test]
fn a_route_that_wants_tls_says_so() {
    let clear = Asked { wants_tls: true, ..Asked::default() };
    for status in [426, 301, 302, 307, 308] {
        let text = format!("{status} KONG | Please use HTTPS protocol");
        assert_eq!(classed(&text, "request-termination", clear), kong(status, "the route wants TLS"));
    }
    assert_eq!(classed("301 SERVICE", "", clear), Class::Proxied { status: 301 });
}

#[test]
fn in_words() {
    let target = |target: &str, health: &str| Target { target: target.into(), health: health.into() };
    let shadow = || Shadow {
        id: "2".into(),
        label: "route all".into(),
        why: "its regex_priority 5 is above 0".into(),
    };
    let context = |targets| Context {
        place: "orders:8000".into(),
        read_timeout: Some(500),
        targets,
        ..Context::default()
    };
    let sick = vec![target("10.0.0.2:80", "UNHEALTHY"), target("x:80", "DNS_ERROR")];
    let mixed = vec![target("10.0.0.2:80", "UNHEALTHY"), target("10.0.0.3:80", "HEALTHY")];
    let post = || Outcome::Skipped(Skip::OnlyUnsafe(vec!["POST".into(), "PUT".into()]));
    let answered = Outcome::Answered;
    let unanswered = Outcome::Unanswered;
    let mut told = String::new();
    for (outcome, targets) in [
        (answered(Class::Proxied { status: 200 }), vec![]),
        (answered(Class::Proxied { status: 404 }), vec![]),
        (answered(Class::Proxied { status: 500 }), vec![]),
        (answered(kong(401, "key-auth")), vec![]),
        (answered(kong(426, "the route wants TLS")), vec![]),
        (answered(kong(405, "")), vec![]),
        (answered(Class::NoRoute), vec![]),
        (answered(Class::NoService), vec![]),
        (answered(Class::KongFailed { status: 500 }), vec![]),
        (answered(Class::Unclear { status: 404 }), vec![]),
        (answered(Class::AdminApi { status: 404 }), vec![]),
        (answered(down(503, Down::Unresolved)), vec![]),
        (answered(down(503, Down::NoTarget)), sick.clone()),
        (answered(down(503, Down::NoTarget)), vec![]),
        (answered(down(502, Down::BadAnswer)), vec![]),
        (answered(down(504, Down::TimedOut)), vec![]),
        (answered(down(503, Down::Unavailable)), vec![]),
        (unanswered(Unanswered::Refused), vec![]),
        (unanswered(Unanswered::TimedOut(5000)), vec![]),
        (unanswered(Unanswered::Closed), vec![]),
        (unanswered(Unanswered::Unresolved("no such host".into())), vec![]),
        (unanswered(Unanswered::Broken("invalid HTTP version parsed".into())), vec![]),
        (unanswered(Unanswered::NotAsked), vec![]),
        (Outcome::Shadowed(shadow()), vec![]),
        (post(), vec![]),
        (post(), sick),
        (post(), mixed),
        (post(), vec![target("10.0.0.2:80", "HEALTHCHECKS_OFF")]),
        (Outcome::Skipped(Skip::SafeTaken(shadow())), vec![]),
        (Outcome::Skipped(Skip::Protocol("gRPC".into())), vec![]),
        (Outcome::Skipped(Skip::Disabled("orders".into())), vec![]),
        (
            Outcome::Skipped(Skip::Undrawable("no path can be drawn from ~/a(?=b): it looks around".into())),
            vec![],
        ),
        (Outcome::Skipped(Skip::NoAddress), vec![]),
        (Outcome::Skipped(Skip::Missing), vec![]),
    ] {
        let wanted = Wanted { id: "1".into(), label: "route orders".into(), missing: false };
        let proof = Proof::new(wanted, None, outcome, &context(targets));
        told += &format!("{:?}: {}\n", proof.level, proof.detail);
        for line in [Some(proof.detail), proof.hint].into_iter().flatten() {
            assert!(!line.contains('\n') && line.chars().count() <= 90, "{line}");
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn as_json() {
    let wanted = Wanted { id: "1".into(), label: "route orders".into(), missing: false };
    let asked = request("GET tls:s.test h.test /orders with x-version: v1");
    let outcome = Outcome::Answered(kong(401, "key-auth"));
    let proof =
        Proof::new(wanted.clone(), Some(&asked), outcome, &Context { hosts: 1, ..Context::default() });
    insta::assert_json_snapshot!(proof);
    let skipped = Outcome::Skipped(Skip::OnlyUnsafe(vec!["POST".into()]));
    insta::assert_json_snapshot!(Proof::new(wanted.clone(), None, skipped, &Context::default()));
    let late = Outcome::Unanswered(Unanswered::TimedOut(5000));
    let proof = serde_json::to_value(Proof::new(wanted.clone(), None, late, &Context::default())).unwrap();
    assert_eq!(proof["outcome"], json!("unanswered"));
    for skip in [Skip::NoAddress, Skip::Missing, Skip::Protocol("gRPC".into()), Skip::Disabled("x".into())] {
        serde_json::to_string(&Proof::new(wanted.clone(), None, Outcome::Skipped(skip), &Context::default()))
            .unwrap();
    }
}

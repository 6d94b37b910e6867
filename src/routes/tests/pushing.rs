//! Gateways without a database.

use std::sync::Arc;

use serde_json::json;
use vv_stand_ins::kong::{self, Fault};

use crate::routes::plan::Options;
use crate::routes::testing::{Running, came_of, declaration, options, told};

const BOOT: &str = "
_format_version: '3.0'
services:
- name: orders
  url: http://orders:8080
  routes: [{name: orders, paths: [/orders]}]
  plugins: [{name: rate-limiting, config: {minute: 100, policy: local}}]
- {name: old, host: old, routes: [{name: old, paths: [/old]}]}
consumers:
- {username: bob, basicauth_credentials: [{username: bob, password: s3cret-bob}], keyauth_credentials: [{key: k3y-of-bob}]}
upstreams: [{name: u, targets: [{target: 10.0.0.1}]}]
";

fn gateway(text: &str) -> Running {
    let declarative = (!text.is_empty()).then(|| text.to_owned());
    Running::with(kong::Options { database: false, declarative, ..kong::Options::default() })
}

fn without_version(text: &str) -> String {
    text.replace("_format_version: '3.0'\n", "")
}

#[tokio::test]
async fn what_was_loaded_at_the_start_is_settled() {
    let gateway = gateway(BOOT);
    let (plan, _) = gateway.run(&declaration(&without_version(BOOT)), &options()).await;
    insta::assert_snapshot!(told(&plan), @"10 settled, 0 foreign");
    assert_eq!(gateway.kong.writes(), []);
}

#[tokio::test]
async fn what_would_be_lost_is_named_and_nothing_is_pushed() {
    let gateway = gateway(BOOT);
    let text = without_version(BOOT).replace("minute: 100", "minute: 50");
    let text = text.replace("- {name: old, host: old, routes: [{name: old, paths: [/old]}]}\n", "");
    let (plan, applied) = gateway.run(&declaration(&text), &options()).await;
    insta::assert_snapshot!(format!("{}\n--\n{}", told(&plan), came_of(&applied)), @r"
    ~ plugin rate-limiting of service orders: config.minute: 100 → 50
    ? service old
    ? route old
    blocked: this Kong has no database, so its configuration is replaced as a whole, and service old and route old would be gone
    7 settled, 0 foreign
    --
    kong.yml:7:13: plugin rate-limiting of service orders: not tried: nothing is sent
    ");
    assert_eq!(gateway.kong.writes(), []);
    let (plan, applied) = gateway.run(&declaration(&text), &Options { prune: true, ..options() }).await;
    insta::assert_snapshot!(format!("{}\n--\n{}", told(&plan), came_of(&applied)), @r"
    ~ plugin rate-limiting of service orders: config.minute: 100 → 50
    - route old (Undeclared)
    - service old (Undeclared)
    7 settled, 0 foreign
    --
    plugin rate-limiting of service orders: done
    route old: done
    service old: done
    ");
    assert_eq!(gateway.kong.writes().len(), 1);
    let (plan, _) = gateway.run(&declaration(&text), &options()).await;
    assert!(plan.is_settled() && plan.undeclared.is_empty(), "{}", told(&plan));
    assert_eq!(gateway.kong.writes().len(), 1);
}

#[tokio::test]
async fn an_empty_gateway_is_filled() {
    let gateway = gateway("");
    let (_, applied) = gateway.run(&declaration(&without_version(BOOT)), &options()).await;
    assert_eq!(applied.failure(), None, "{}", came_of(&applied));
    let (plan, _) = gateway.run(&declaration(&without_version(BOOT)), &options()).await;
    assert!(plan.is_settled() && plan.undeclared.is_empty(), "{}", told(&plan));
    let services = gateway.kong.entities().remove("services").unwrap();
    assert!(services.values().all(|service| service["tags"] == json!(["vv:demo"])));
}

/// The reason is said once, however many changes there are.
#[tokio::test]
async fn what_is_impossible_keeps_everything_back() {
    let gateway = gateway("");
    let text = "services: [{name: a, host: h}, {name: b, host: h, retries: -1}, {name: c, host: h}]";
    let (_, applied) = gateway.run(&declaration(text), &options()).await;
    insta::assert_snapshot!(came_of(&applied), @r"
    kong.yml:2:12: service a: not tried: nothing is sent
    kong.yml:2:65: service c: not tried: nothing is sent
    ");
    assert_eq!(gateway.kong.writes(), []);
}

#[tokio::test]
async fn what_is_refused_has_its_place_and_changes_nothing() {
    let gateway = gateway(BOOT);
    let before = gateway.kong.entities();
    let bad = [
        ("paths: [/orders]", "paths: [/orders, '/%7euser/']"),
        ("config: {minute: 100, policy: local}", "config: {minute: 100, hour: 5, policy: local}"),
        ("{name: old, host: old,", "{name: old, host: old, protocol: tcp, path: /x,"),
    ];
    let mut lines = Vec::new();
    for (good, bad) in bad {
        let text = without_version(BOOT).replace(good, bad);
        let (_, applied) = gateway.run(&declaration(&text), &options()).await;
        lines.push(came_of(&applied));
    }
    insta::assert_snapshot!(lines.join("\n--\n"), @r"
    kong.yml:6:44: route orders: refused (14): paths.1: non-normalized path, consider use '/~user/' instead
    --
    kong.yml:7:35: plugin rate-limiting of service orders: refused (14): config: The limit for hour(5.0) cannot be lower than the limit for minute(100.0)
    --
    kong.yml:8:47: service old: refused (14): path: value must be null
    ");
    assert_eq!(gateway.kong.entities(), before);
}

/// Kong 3.4.2 loses duplicates and missing references when it flattens its errors: it is asked again, and tells them by
/// their places in what was sent.
#[tokio::test]
async fn what_is_lost_when_flattened_is_asked_again() {
    let lost = json!({"fields": {}, "code": 14, "name": "invalid declarative configuration", "message": "declarative config is invalid: {}", "flattened_errors": {}});
    let nested = json!({"fields": {"services": [null, "uniqueness violation: 'services' entity with name set to 's' already declared"], "routes": {"r": ["invalid reference 'service: none' (no such entry in 'services')"]}}, "code": 14, "name": "invalid declarative configuration", "message": "declarative config is invalid: {…}"});
    for first in [(400, lost), (500, json!({"message": "An unexpected error occurred"}))] {
        let nested = nested.clone();
        let fault = move |asked: &kong::Asked<'_>| match (asked.method, asked.path.contains("flatten_errors"))
        {
            ("POST", true) => Fault::Answer(first.0, first.1.clone()),
            ("POST", false) => Fault::Answer(400, nested.clone()),
            _ => Fault::None,
        };
        let options_ =
            kong::Options { database: false, fault: Some(Arc::new(fault)), ..kong::Options::default() };
        let gateway = Running::with(options_);
        let declaration = declaration(
            "services: [{name: s, host: h}, {name: t, host: h, routes: [{name: r, paths: [/a]}]}]",
        );
        let (_, applied) = gateway.run(&declaration, &options()).await;
        let shown = came_of(&applied);
        // Which of the two stands second depends on their ids.
        assert_eq!(shown.matches("uniqueness violation").count(), 1, "{shown}");
        assert!(
            shown.contains("kong.yml:2:60: route r: refused (14): invalid reference 'service: none'"),
            "{shown}"
        );
        assert_eq!(gateway.kong.entities().len(), 0);
    }
}

//! What is secret is shown on neither side of a difference, and in nothing's name.

use serde_json::{Value, json};

use super::planning::{gateway, id};
use crate::routes::plan::plan;
use crate::routes::testing::{declaration_with, options, told};

fn planned(text: &str, live: &[(&str, Value)], variables: &[(&str, &str)]) -> String {
    told(&plan(&declaration_with(text, variables), &gateway(live), &options()))
}

#[test]
fn headers_that_log_in() {
    let upstream = json!({
        "id": id(1), "name": "u", "tags": ["vv:demo"],
        "healthchecks": {"active": {"headers": {"Authorization": ["Bearer planted-old"], "X-Env": ["prod"]}}},
    });
    let live = [("upstreams", upstream)];
    let changed = "
upstreams:
- {name: u, healthchecks: {active: {headers: {Authorization: [Bearer planted-new], X-Env: [test]}}}}
";
    insta::assert_snapshot!(planned(changed, &live, &[]), @r"
    ~ upstream u: healthchecks.active.headers.Authorization: ••• → •••; healthchecks.active.headers.X-Env: [prod] → [test]
    0 settled, 0 foreign
    ");
    let removed = "upstreams: [{name: u, healthchecks: {active: {headers: {X-Env: [prod]}}}}]";
    insta::assert_snapshot!(planned(removed, &live, &[]), @r"
    ~ upstream u: healthchecks.active.headers.Authorization: ••• → none
    0 settled, 0 foreign
    ");
    let all = "upstreams: [{name: u}]";
    insta::assert_snapshot!(planned(all, &live, &[]), @r"
    ~ upstream u: healthchecks.active.headers: ••• → none
    0 settled, 0 foreign
    ");
}

#[test]
fn what_stands_where_a_secret_comes() {
    let live = [
        ("services", json!({"id": id(1), "name": "shop", "host": "shop", "tags": ["vv:demo"]})),
        (
            "routes",
            json!({"id": id(2), "name": "shop", "paths": ["/planted-old"], "service": {"id": id(1)}, "tags": ["vv:demo"]}),
        ),
    ];
    let text = "services: [{name: shop, host: shop, routes: [{name: shop, paths: ['/${MY_SECRET}']}]}]";
    insta::assert_snapshot!(planned(text, &live, &[("MY_SECRET", "planted-new")]), @r"
    ~ route shop: paths: ••• → •••
    1 settled, 0 foreign
    ");
}

#[test]
fn names_that_are_secrets() {
    let text = "consumers: [{username: '${MY_SECRET}', keyauth_credentials: [{key: planted-key}], plugins: [{name: corss}]}]";
    let told = planned(text, &[], &[("MY_SECRET", "planted-name")]);
    assert!(!told.contains("planted"), "{told}");
    insta::assert_snapshot!(told, @r"
    + consumer •••
    + key-auth credential 1 of consumer •••
    ! kong.yml:2:100: plugin corss of consumer •••: plugin 'corss' isn't installed on this Kong -> did you mean 'cors'?
    blocked: nothing is sent, since plugin corss of consumer ••• can't be as declared
    0 settled, 0 foreign
    ");
    let live = [("consumers", json!({"id": id(1), "username": "planted-name", "tags": ["vv:demo"]}))];
    let told =
        planned("services: [{name: '${MY_SECRET}', host: h}]", &live, &[("MY_SECRET", "planted-name")]);
    assert!(!told.contains("planted"), "{told}");
}

//! As long as something is declared wrongly, nothing is sent, and nothing is taken for undeclared.

use serde_json::{Value, json};

use super::planning::{gateway, id};
use crate::routes::plan::{Options, plan};
use crate::routes::testing::{Running, came_of, declaration, options, told};

fn live() -> [(&'static str, Value); 2] {
    [
        ("services", json!({"id": id(1), "name": "shop", "host": "shop", "tags": ["vv:demo"]})),
        (
            "routes",
            json!({"id": id(2), "name": "shop", "paths": ["/shop"], "service": {"id": id(1)}, "tags": ["vv:demo"]}),
        ),
    ]
}

#[test]
fn what_is_misspelt_is_not_undeclared() {
    let text = "services: [{name: shop, host: shop, port: 99999, routes: [{name: shop, paths: [/shop]}]}]";
    let told = [false, true].map(|prune| {
        let options = Options { prune, ..options() };
        told(&plan(&declaration(text), &gateway(&live()), &options))
    });
    assert_eq!(told[0], told[1], "with --prune");
    insta::assert_snapshot!(told[0], @r"
    ! kong.yml:2:43: service shop: port: value should be between 0 and 65535
    ! kong.yml:2:59: route shop: it needs service shop, which can't be as declared
    blocked: nothing is sent, since service shop can't be as declared (and 1 more)
    0 settled, 0 foreign
    ");
}

#[test]
fn no_route_is_made_without_the_plugin_that_guards_it() {
    let text = "
services:
- name: shop
  host: shop
  routes:
  - {name: shop, paths: [/shop]}
  - {name: priv, paths: [/priv], plugins: [{name: ip-restrictions, config: {allow: [10.0.0.1]}}]}
";
    let plan = plan(&declaration(text), &gateway(&live()), &options());
    insta::assert_snapshot!(told(&plan), @r"
    + route priv
    ! kong.yml:8:51: plugin ip-restrictions of route priv: plugin 'ip-restrictions' isn't installed on this Kong -> did you mean 'ip-restriction'?
    blocked: nothing is sent, since plugin ip-restrictions of route priv can't be as declared
    2 settled, 0 foreign
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent() {
    let running = Running::start();
    let text = "
services: [{name: shop, host: shop, routes: [{name: shop, paths: [/shop]}]}]
plugins: [{name: rate-limiting, config: {minutes: 5}}]
";
    let (plan, applied) = running.run(&declaration(text), &options()).await;
    insta::assert_snapshot!(format!("{}\n{}", told(&plan), came_of(&applied)), @r"
    + service shop
    + route shop
    ! kong.yml:4:51: plugin rate-limiting: config.minutes: unknown field; did you mean 'minute'?
    blocked: nothing is sent, since plugin rate-limiting can't be as declared
    0 settled, 0 foreign
    kong.yml:3:12: service shop: not tried: nothing is sent
    kong.yml:3:46: route shop: not tried: nothing is sent
    ");
    assert_eq!(running.kong.writes(), []);
    assert!(applied.failure().is_some() && !applied.changed());
}

/// What is another's is nobody's mistake: the rest is made.
#[test]
fn what_belongs_to_others_keeps_nothing_else_from_being_made() {
    let foreign = [("services", json!({"id": id(1), "name": "shop", "host": "elsewhere"}))];
    let text = "services: [{name: shop, host: shop}, {name: new, host: new}]";
    insta::assert_snapshot!(told(&plan(&declaration(text), &gateway(&foreign), &options())), @r"
    + service new
    ! kong.yml:2:12: service shop: it is there, belongs to another owner, and differs in host -> --adopt takes it over
    0 settled, 1 foreign
    ");
}

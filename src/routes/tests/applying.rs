use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use vv_stand_ins::kong;

use crate::routes::apply::apply;
use crate::routes::expand::expand;
use crate::routes::plan::Options;

use crate::routes::testing::{Running, came_of, declaration, options, told};

/// Eight kinds of entities, nested and by name.
const SHOP: &str = "
services:
- name: orders
  url: http://orders:8080/api
  tags: [team-a]
  routes:
  - name: orders
    paths: [/orders]
    methods: [GET, POST]
    plugins:
    - {name: jwt}
    - {name: rate-limiting, config: {minute: 100, policy: local}}
- {name: billing, host: billing-up, routes: [{name: billing, paths: [~/bill/\\d+$]}, {paths: [/pay], hosts: [pay.test]}]}
plugins:
- name: prometheus
- {name: cors, config: {origins: ['*'], max_age: 60}}
consumers:
- username: alice
  jwt_secrets: [{key: alice-issuer, secret: s3cret-of-alice}]
  keyauth_credentials: [{key: k3y-of-alice}]
  acls: [{group: admins}]
- username: bob
  custom_id: '7'
  basicauth_credentials: [{username: bob, password: pa55-of-bob}]
  hmacauth_credentials: [{username: bob, secret: hm4c-of-bob}]
upstreams:
- name: billing-up
  healthchecks: {active: {healthy: {interval: 5}}}
  targets: [{target: 10.0.0.1}, {target: '10.0.0.2:80', weight: 0}]
vaults:
- {name: env, prefix: my-env, config: {prefix: MY}}
";

#[tokio::test]
async fn what_is_applied_once_is_settled() {
    let gateway = Running::start();
    let declaration = declaration(SHOP);
    let (plan, applied) = gateway.run(&declaration, &options()).await;
    insta::assert_snapshot!(told(&plan), @r"
    + vault my-env
    + upstream billing-up
    + consumer alice
    + consumer bob
    + service orders
    + service billing
    + target 10.0.0.1:8000 of upstream billing-up
    + target 10.0.0.2:80 of upstream billing-up
    + key-auth credential 1 of consumer alice
    + JWT credential alice-issuer of consumer alice
    + basic-auth credential bob of consumer bob
    + HMAC credential bob of consumer bob
    + ACL group admins of consumer alice
    + route orders
    + route billing
    + route 2 of service billing
    + plugin jwt of route orders
    + plugin rate-limiting of route orders
    + plugin prometheus
    + plugin cors
    0 settled, 0 foreign
    ");
    assert_eq!(applied.failure(), None, "{}", came_of(&applied));
    gateway.kong.forget_journal();
    let (plan, _) = gateway.run(&declaration, &options()).await;
    insta::assert_snapshot!(told(&plan), @"20 settled, 0 foreign");
    assert!(plan.is_settled());
    assert_eq!(gateway.kong.writes(), []);
    // A look is cheap: one page of each declared type, a schema for each type and plugin, and `/` and one's own tags.
    let asked: Vec<String> = gateway.kong.journal().into_iter().map(|entry| entry.path).collect();
    let schemas = asked.iter().filter(|path| path.starts_with("/schemas/")).count();
    assert_eq!(asked.len() - schemas, 12 + 2, "{asked:#?}");
    let options = Options { prune: true, ..options() };
    let (plan, _) = gateway.run(&declaration, &options).await;
    assert!(plan.is_settled(), "{}", told(&plan));
}

#[tokio::test]
async fn only_what_differs_is_sent() {
    let gateway = Running::start();
    gateway.run(&declaration(SHOP), &options()).await;
    gateway.kong.forget_journal();
    let changed = SHOP
        .replace("minute: 100", "minute: 50")
        .replace("methods: [GET, POST]", "methods: [GET]")
        .replace("weight: 0", "weight: 5")
        .replace("pa55-of-bob", "0ther-of-bob")
        .replace("s3cret-of-alice", "0ther-of-alice")
        .replace("tags: [team-a]", "tags: [team-b]");
    let (plan, applied) = gateway.run(&declaration(&changed), &options()).await;
    insta::assert_snapshot!(told(&plan), @r"
    ~ service orders: tags: [team-a, vv:demo] → [team-b, vv:demo]
    ~ target 10.0.0.2:80 of upstream billing-up: weight: 0 → 5
    ~ JWT credential alice-issuer of consumer alice: secret: ••• → •••
    ~ basic-auth credential bob of consumer bob: password: ••• → •••
    ~ route orders: methods: [GET, POST] → [GET]
    ~ plugin rate-limiting of route orders: config.minute: 100 → 50
    14 settled, 0 foreign
    ");
    assert_eq!(applied.failure(), None, "{}", came_of(&applied));
    assert_eq!(gateway.kong.writes().len(), plan.changes.len());
    let (plan, _) = gateway.run(&declaration(&changed), &options()).await;
    assert!(plan.is_settled(), "{}", told(&plan));
}

#[tokio::test]
async fn what_is_anothers_stays() {
    let gateway = Running::start();
    let service =
        gateway.by_hand("POST", "services", json!({"name": "orders", "host": "old", "tags": ["them"]})).await;
    gateway.by_hand("POST", "services", json!({"name": "other", "host": "o"})).await;
    gateway.by_hand("POST", "plugins", json!({"name": "prometheus"})).await;
    let (plan, applied) = gateway.run(&declaration(SHOP), &options()).await;
    insta::assert_snapshot!(told(&plan), @r"
    + vault my-env
    + upstream billing-up
    + consumer alice
    + consumer bob
    + service billing
    + target 10.0.0.1:8000 of upstream billing-up
    + target 10.0.0.2:80 of upstream billing-up
    + key-auth credential 1 of consumer alice
    + JWT credential alice-issuer of consumer alice
    + basic-auth credential bob of consumer bob
    + HMAC credential bob of consumer bob
    + ACL group admins of consumer alice
    + route orders
    + route billing
    + route 2 of service billing
    + plugin jwt of route orders
    + plugin rate-limiting of route orders
    + plugin cors
    ! kong.yml:4:3: service orders: it is there, belongs to another owner, and differs in host, path, port -> --adopt takes it over
    1 settled, 3 foreign
    ");
    assert_eq!(applied.failure(), None, "{}", came_of(&applied));
    let options = Options { adopt: true, ..options() };
    let (plan, applied) = gateway.run(&declaration(SHOP), &options).await;
    insta::assert_snapshot!(told(&plan), @r"
    ~ (adopted) service orders: host: old → orders; path: none → /api; port: 80 → 8080; tags: [them] → [team-a, vv:demo]
    ~ (adopted) plugin prometheus: tags: none → [vv:demo]
    18 settled, 3 foreign
    ");
    assert_eq!(applied.failure(), None, "{}", came_of(&applied));
    let now = gateway.by_hand("PATCH", "services/orders", json!({})).await;
    assert_eq!(now["id"], service["id"]);
    assert_eq!(now["tags"], json!(["team-a", "vv:demo"]));
    assert_eq!(now["host"], "orders");
}

#[tokio::test]
async fn targets_follow_the_replicas_of_their_service() {
    let text =
        "upstreams: [{name: u, targets: [{target: 'orders:80', weight: 10}, {target: 'fixed.test:80'}]}]";
    let scaled = |count: usize| {
        let mut declaration = declaration(text);
        let hosts = (1..=count).map(|number| format!("demo-orders-{number}")).collect();
        expand(&mut declaration, &[("orders".to_owned(), hosts)].into());
        declaration
    };
    for database in [true, false] {
        let gateway = Running::with(kong::Options { database, ..kong::Options::default() });
        let mut lines = Vec::new();
        for count in [2, 3, 1, 0] {
            let (plan, applied) = gateway.run(&scaled(count), &options()).await;
            assert_eq!(applied.failure(), None, "{}", came_of(&applied));
            lines.push(told(&plan));
        }
        let lines = lines.join("\n--\n");
        insta::allow_duplicates! { insta::assert_snapshot!(lines, @r"
        + upstream u
        + target demo-orders-1:80 of upstream u
        + target demo-orders-2:80 of upstream u
        + target fixed.test:80 of upstream u
        0 settled, 0 foreign
        --
        + target demo-orders-3:80 of upstream u
        4 settled, 0 foreign
        --
        - target demo-orders-2:80 of upstream u (NoReplica)
        - target demo-orders-3:80 of upstream u (NoReplica)
        3 settled, 0 foreign
        --
        - target demo-orders-1:80 of upstream u (NoReplica)
        2 settled, 0 foreign
        ") };
        let targets = gateway.kong.entities().remove("targets").unwrap_or_default();
        assert_eq!(targets.len(), 1);
    }
}

/// New targets take requests before old ones go, and one that can't be made keeps the old ones.
#[tokio::test]
async fn old_targets_stay_until_the_new_ones_are_there() {
    let text =
        |host: &str| declaration(&format!("upstreams: [{{name: u, targets: [{{target: '{host}:80'}}]}}]"));
    let gateway = Running::start();
    gateway.run(&text("old"), &options()).await;
    gateway.kong.forget_journal();
    let prune = Options { prune: true, ..options() };
    gateway.run(&text("new"), &prune).await;
    let methods: Vec<String> = gateway.kong.writes().into_iter().map(|entry| entry.method).collect();
    assert_eq!(methods, ["POST", "DELETE"]);
    let declaration = text("newer");
    let plan = gateway.plan(&declaration, &prune).await;
    let upstream = gateway.kong.entities()["upstreams"].keys().next().unwrap().clone();
    gateway.by_hand("POST", &format!("upstreams/{upstream}/targets"), json!({"target": "newer:80"})).await;
    let end = Instant::now() + Duration::from_secs(60);
    let applied = apply(&gateway.admin, &declaration, &plan, end, &|_| {}).await;
    insta::assert_snapshot!(came_of(&applied), @r#"
    kong.yml:2:42: target newer:80 of upstream u: refused (5): UNIQUE violation detected on '{target="newer:80",upstream={id="23846880-967f-57b9-ae17-cfad8b6d50c7"}}'
    target new:80 of upstream u: not tried: target newer:80 of upstream u failed, and this one may still be needed in its place
    "#);
}

/// Types that vv has never heard of go by the gateway's own schemas.
#[tokio::test]
async fn unrecorded_types_go_by_their_schemas() {
    let gateway = Running::start();
    let declaration = declaration("key_sets: [{name: keys}]\nservices: [{name: s, host: h}]");
    let (plan, applied) = gateway.run(&declaration, &options()).await;
    insta::assert_snapshot!(format!("{}\n--\n{}", told(&plan), came_of(&applied)), @r"
    + service s
    + key_sets keys
    0 settled, 0 foreign
    --
    service s: done
    key_sets keys: done
    ");
}

/// The default of `strip_path` is another one for gRPC, and `/schemas` don't tell it.
#[tokio::test]
async fn routes_of_grpc_come_to_rest() {
    let text = "services:
- name: g
  url: grpc://h:3008
  routes: [{name: r, protocols: [grpc], paths: [/pkg]}, {name: s, protocols: [grpcs], paths: [/pkg]}]";
    for database in [true, false] {
        let gateway = Running::with(kong::Options { database, ..kong::Options::default() });
        let (_, applied) = gateway.run(&declaration(text), &options()).await;
        assert_eq!(applied.failure(), None, "{}", came_of(&applied));
        let plan = gateway.plan(&declaration(text), &options()).await;
        assert_eq!(told(&plan), "3 settled, 0 foreign");
        // To HTTP and back.
        for text in [text.replace("grpc", "http"), text.to_owned()] {
            let (plan, applied) = gateway.run(&declaration(&text), &options()).await;
            assert_eq!(applied.failure(), None, "{}", came_of(&applied));
            assert!(told(&plan).contains("strip_path"), "{}", told(&plan));
        }
    }
}

/// What a probe left is deleted, and is no drift.
#[tokio::test]
async fn what_a_killed_probe_left_is_deleted() {
    let gateway = Running::start();
    let declaration = declaration("services: [{name: s, host: h, routes: [{name: r, paths: [/a]}]}]");
    gateway.run(&declaration, &options()).await;
    let probe = |owner: &str, path: &str| json!({"name": format!("vv-probe-{owner}"), "paths": [path], "tags": ["vv-probe", format!("vv:{owner}"), "vv-host:builder"]});
    gateway.by_hand("POST", "routes", probe("demo", "/n1")).await;
    gateway.by_hand("POST", "routes", probe("other", "/n2")).await;
    let (plan, applied) = gateway.run(&declaration, &options()).await;
    assert!(plan.is_settled());
    insta::assert_snapshot!(format!("{}\n--\n{}", told(&plan), came_of(&applied)), @r"
    - route vv-probe-demo (Probe)
    2 settled, 0 foreign
    --
    route vv-probe-demo: done
    ");
    assert_eq!(gateway.kong.entities()["routes"].len(), 2);
}

/// A thousand services and routes: few questions beside their pages.
#[tokio::test]
async fn a_look_at_a_thousand_is_cheap() {
    let gateway = Running::start();
    let mut text = "services:\n".to_owned();
    for n in 0..1000 {
        text.push_str(&format!("- {{name: s{n}, host: h{n}, routes: [{{name: r{n}, paths: [/p{n}]}}]}}\n"));
    }
    let declaration = declaration(&text);
    let (_, applied) = gateway.run(&declaration, &options()).await;
    assert_eq!(applied.failure(), None);
    gateway.kong.forget_journal();
    let (plan, _) = gateway.run(&declaration, &options()).await;
    assert_eq!((plan.settled, plan.changes.len()), (2000, 0));
    let asked: Vec<String> = gateway.kong.journal().into_iter().map(|entry| entry.path).collect();
    assert!(asked.len() <= 2 + 10, "{asked:?}");
}

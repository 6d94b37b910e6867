use serde_json::json;

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
    let options = crate::routes::plan::Options { prune: true, ..options() };
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
    let options = crate::routes::plan::Options { adopt: true, ..options() };
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

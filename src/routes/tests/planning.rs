use serde_json::{Map, Value, json};

use crate::routes::gateway::Gateway;
use crate::routes::kind::Kind;
use crate::routes::plan::{Options, plan};
use crate::routes::testing::{declaration, empty_gateway, options, told};

/// A gateway with these entities, each with the defaults of its type.
pub(super) fn gateway(entities: &[(&str, Value)]) -> Gateway {
    let mut gateway = empty_gateway();
    for (kind, entity) in entities {
        let given = entity.as_object().unwrap();
        let name = given.get("name").and_then(Value::as_str);
        let schema = crate::routes::schema::Schema::in_gateway(&gateway, &Kind::of(kind), name).unwrap();
        let mut filled: Map<String, Value> = schema.fill(given);
        filled.insert("id".to_owned(), given["id"].clone());
        gateway.entities.entry(Kind::of(kind)).or_default().push(filled);
    }
    gateway
}

pub(super) fn id(number: u32) -> String {
    format!("aaaaaaaa-0000-4000-8000-{number:012}")
}

fn planned(text: &str, entities: &[(&str, Value)], options: &Options) -> String {
    told(&plan(&declaration(text), &gateway(entities), options))
}

#[test]
fn what_schemas_refuse_is_impossible_with_all_that_needs_it() {
    let text = "
services:
- {name: orders, host: orders}
- name: fine
  host: fine
  routes: [{name: r, paths: [/a], plugins: [{name: jwt}]}]
  retries: -1
  connect_timeout: 5s
- {name: good, host: good}
plugins:
- {name: jvt}
- {name: my-own}
- {name: rate-limiting, config: {minutes: 5}}
- {name: key-auth, config: {key_names: apikey}, service: good}
routes:
- {name: x, paths: [/x], service: gooood}
- {name: y, paths: [/y], service: good, path_handling: v3}
";
    insta::assert_snapshot!(planned(text, &[], &options()), @r"
    + service orders
    + service good
    ! kong.yml:7:12: route r: it needs service fine, which can't be as declared
    ! kong.yml:7:45: plugin jwt of route r: it needs route r, which can't be as declared
    ! kong.yml:8:12: service fine: retries: value should be between 0 and 32767
    ! kong.yml:9:20: service fine: connect_timeout: expected an integer
    ! kong.yml:12:10: plugin jvt: plugin 'jvt' isn't installed on this Kong -> did you mean 'jwt'?
    ! kong.yml:13:10: plugin my-own: plugin 'my-own' isn't installed on this Kong (has: acl, acme, aws-lambda, azure-functions, basic-auth, bot-detection, correlation-id, cors and 29 more)
    ! kong.yml:14:43: plugin rate-limiting: config.minutes: unknown field; did you mean 'minute'?
    ! kong.yml:15:40: plugin key-auth of service good: config.key_names: expected an array
    ! kong.yml:17:35: route x: service 'gooood' is neither declared nor on the gateway -> did you mean 'good'?
    ! kong.yml:18:56: route y: path_handling: expected one of: v0, v1; did you mean 'v1'?
    blocked: nothing is sent, since route r can't be as declared (and 8 more)
    0 settled, 0 foreign
    ");
}

/// An entity counts once, whatever is wrong with it, and everything is said at once.
#[test]
fn all_that_is_wrong_with_an_entity_is_said_at_once() {
    let text = "
services: [{name: s, host: h}]
routes: [{name: r, paths: [/r], service: none, path_handling: v3, https_redirect_status_code: 200}]
";
    let plan = plan(&declaration(text), &gateway(&[]), &options());
    insta::assert_snapshot!(told(&plan), @r"
    + service s
    ! kong.yml:4:42: route r: service 'none' is neither declared nor on the gateway
    ! kong.yml:4:63: route r: path_handling: expected one of: v0, v1; did you mean 'v1'?
    ! kong.yml:4:95: route r: https_redirect_status_code: expected one of: 426, 301, 302, 307, 308
    blocked: nothing is sent, since route r can't be as declared
    0 settled, 0 foreign
    ");
    assert_eq!(plan.impossible_entities(), 1);
}

#[test]
fn two_that_swap_their_names_let_go_first() {
    let service = |number: u32, name: &str| {
        ("services", json!({"id": id(number), "name": name, "host": "h", "tags": ["vv:demo"]}))
    };
    let text = format!(
        "services:\n- {{id: {}, name: b, host: h}}\n- {{id: {}, name: a, host: h}}\n- {{id: {}, name: c, host: h}}",
        id(1),
        id(2),
        id(3)
    );
    let plan = planned(&text, &[service(1, "a"), service(2, "b"), service(3, "c")], &options());
    insta::assert_snapshot!(plan, @r"
    ~ service b: name: a → b (lets go of name first)
    ~ service a: name: b → a
    1 settled, 0 foreign
    ");
    // In a chain, each only waits for the one before.
    let text =
        format!("services:\n- {{id: {}, name: b, host: h}}\n- {{id: {}, name: c, host: h}}", id(1), id(2));
    insta::assert_snapshot!(planned(&text, &[service(1, "a"), service(2, "b")], &options()), @r"
    ~ service b: name: a → b
    ~ service c: name: b → c
    0 settled, 0 foreign
    ");
}

#[test]
fn a_name_that_another_has() {
    let text = format!("services: [{{id: {}, name: a, host: h}}]", id(1));
    let other = |tags: Value| [("services", json!({"id": id(2), "name": "a", "host": "h", "tags": tags}))];
    let prune = Options { prune: true, ..options() };
    let adopt = Options { adopt: true, ..options() };
    let lines = [
        planned(&text, &other(json!(["vv:demo"])), &options()),
        planned(&text, &other(json!(["vv:demo"])), &prune),
        planned(&text, &other(json!(null)), &options()),
        planned(&text, &other(json!(["vv:other"])), &adopt),
    ];
    insta::assert_snapshot!(lines.join("\n--\n"), @r"
    ! kong.yml:2:12: service a: its name belongs to service a (id aaaaaaaa-0000-4000-8000-000000000002), which isn't declared -> --prune deletes what isn't declared
    ? service a
    0 settled, 0 foreign
    --
    + service a
    - service a (Undeclared)
    0 settled, 0 foreign
    --
    ! kong.yml:2:12: service a: its name belongs to service a (id aaaaaaaa-0000-4000-8000-000000000002) of another owner -> declare it with that id and --adopt it, or choose another
    0 settled, 1 foreign
    --
    ! kong.yml:2:12: service a: its name belongs to service a (id aaaaaaaa-0000-4000-8000-000000000002) of another owner -> declare it with that id and --adopt it, or choose another
    0 settled, 1 foreign
    ");
}

#[test]
fn pruning_keeps_what_others_need() {
    let own = json!(["vv:demo"]);
    let entities = [
        ("services", json!({"id": id(1), "name": "mine", "host": "h", "tags": own})),
        ("services", json!({"id": id(2), "name": "old", "host": "h", "tags": own})),
        ("routes", json!({"id": id(3), "name": "theirs", "paths": ["/t"], "service": {"id": id(1)}})),
        (
            "routes",
            json!({"id": id(4), "name": "old", "paths": ["/o"], "service": {"id": id(2)}, "tags": own}),
        ),
        ("plugins", json!({"id": id(5), "name": "jwt", "route": {"id": id(4)}, "tags": own})),
        (
            "plugins",
            json!({"id": id(6), "name": "request-termination", "tags": ["vv-probe", "vv:demo", "vv-host:builder"]}),
        ),
        (
            "plugins",
            json!({"id": id(7), "name": "request-termination", "tags": ["vv-probe", "vv:other", "vv-host:builder"]}),
        ),
    ];
    let prune = Options { prune: true, ..options() };
    let lines = [planned("services: []", &entities, &options()), planned("services: []", &entities, &prune)];
    insta::assert_snapshot!(lines.join("\n--\n"), @r"
    - plugin request-termination (Probe)
    ? service mine
    ? service old
    ? route old
    ? plugin jwt of route old
    0 settled, 1 foreign
    --
    - plugin jwt of route old (Undeclared)
    - plugin request-termination (Probe)
    - route old (Undeclared)
    - service old (Undeclared)
    ? service mine (kept: route theirs of another owner refers to it)
    0 settled, 1 foreign
    ");
}

/// A probe of this host has lost whoever made it; of another, only when it is older than any run takes.
#[test]
fn probes_are_left_behind_by_their_host_or_by_their_age() {
    let probe = |number: u32, owner: &str, host: &str, age: i64| {
        let mut tags = vec!["vv-probe".to_owned(), format!("vv:{owner}")];
        tags.extend((!host.is_empty()).then(|| format!("vv-host:{host}")));
        json!({"id": id(number), "name": format!("vv-probe-{number}"), "tags": tags, "created_at": 10_000 - age})
    };
    let mut gateway = empty_gateway();
    let probes = [
        probe(1, "demo", "builder", 0),
        probe(2, "demo", "laptop", 600),
        probe(3, "demo", "laptop", 601),
        probe(4, "demo", "", 600),
        probe(5, "demo", "", 601),
        probe(6, "other", "builder", 601),
    ];
    let probes = probes.map(|probe| probe.as_object().unwrap().clone());
    gateway.entities.insert(Kind::of("routes"), probes.into());
    let gone = |options: Options| {
        let plan = plan(&declaration("services: []"), &gateway, &options);
        plan.changes.iter().map(|change| change.label.clone()).collect::<Vec<_>>()
    };
    let here = ["route vv-probe-1", "route vv-probe-3", "route vv-probe-5"];
    assert_eq!(gone(Options { now: 10_000, ..options() }), here);
    assert_eq!(gone(Options { now: 10_000, host: String::new(), ..options() }), here[1..]);
    // Without a clock that can be right, none is old.
    assert_eq!(gone(options()), here[..1]);
}

#[test]
fn secrets_are_never_shown() {
    let own = json!(["vv:demo"]);
    let entities = [
        ("consumers", json!({"id": id(1), "username": "bob", "tags": own})),
        (
            "keyauth_credentials",
            json!({"id": id(2), "key": "0ld-k3y-value", "consumer": {"id": id(1)}, "tags": own}),
        ),
        (
            "jwt_secrets",
            json!({"id": id(3), "key": "issuer", "secret": "0ld-s3cret-value", "consumer": {"id": id(1)}, "tags": own}),
        ),
        (
            "basicauth_credentials",
            json!({"id": id(4), "username": "bob", "password": "0123456789", "consumer": {"id": id(1)}, "tags": own}),
        ),
        (
            "plugins",
            json!({"id": id(5), "name": "rate-limiting", "tags": own, "config": {"minute": 5, "redis_password": "0ld-redis-value"}}),
        ),
        (
            "plugins",
            json!({"id": id(6), "name": "http-log", "tags": own, "config": {"http_endpoint": "http://me:0ld-login@x/", "headers": {"Authorization": "0ld-header"}}}),
        ),
    ];
    let text = "
consumers:
- username: bob
  keyauth_credentials: [{key: n3w-k3y-value}]
  jwt_secrets: [{key: issuer, secret: n3w-s3cret-value}]
  basicauth_credentials: [{username: bob, password: n3w-passw0rd}]
plugins:
- {name: rate-limiting, config: {minute: 6, redis_password: n3w-redis-value}}
- {name: http-log, config: {http_endpoint: 'http://me:n3w-login@x/', headers: {Authorization: n3w-header}}}
";
    let shown = planned(text, &entities, &options());
    let debugged = format!("{:?}", plan(&declaration(text), &gateway(&entities), &options()).changes);
    insta::assert_snapshot!(shown, @r"
    + key-auth credential 1 of consumer bob
    ~ JWT credential issuer of consumer bob: secret: ••• → •••
    ~ basic-auth credential bob of consumer bob: password: ••• → •••
    ~ plugin rate-limiting: config.minute: 5 → 6; config.redis_password: ••• → •••
    ~ plugin http-log: config.headers.Authorization: ••• → •••; config.http_endpoint: ••• → •••
    ? key-auth credential aaaaaaaa of consumer bob
    1 settled, 0 foreign
    ");
    for secret in ["0ld-", "n3w-", "0123456789"] {
        assert!(!shown.contains(secret) && !debugged.contains(secret), "{secret}");
    }
}

/// What a schema doesn't say to be a secret is shown, though it is the name of one; not what carries one.
#[test]
fn names_of_secrets_are_shown() {
    let own = json!(["vv:demo"]);
    let plugin = |number: u32, name: &str, config: Value| {
        ("plugins", json!({"id": id(number), "name": name, "tags": own, "config": config}))
    };
    let entities = [
        plugin(1, "key-auth", json!({})),
        plugin(2, "correlation-id", json!({"header_name": "X-Token"})),
        plugin(3, "response-transformer", json!({"add": {"headers": ["Authorization: 0ld-header"]}})),
        plugin(4, "aws-lambda", json!({"proxy_url": "http://me:0ld-login@proxy.test"})),
    ];
    let text = "plugins:
- {name: key-auth, config: {key_names: [x-app-id]}}
- {name: correlation-id, config: {header_name: X-Request-Id}}
- {name: response-transformer, config: {add: {headers: ['Authorization: n3w-header']}}}
- {name: aws-lambda, config: {proxy_url: 'http://me:n3w-login@proxy.test'}}
";
    insta::assert_snapshot!(planned(text, &entities, &options()), @r"
    ~ plugin key-auth: config.key_names: [apikey] → [x-app-id]
    ~ plugin correlation-id: config.header_name: X-Token → X-Request-Id
    ~ plugin response-transformer: config.add.headers: ••• → •••
    ~ plugin aws-lambda: config.proxy_url: ••• → •••
    0 settled, 0 foreign
    ");
}

#[test]
fn certificates_are_told_apart_by_their_text_or_their_names() {
    let own = json!(["vv:demo"]);
    let entities = [
        (
            "certificates",
            json!({"id": id(1), "cert": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "key": "k1", "tags": own}),
        ),
        (
            "certificates",
            json!({"id": id(2), "cert": "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----", "key": "k2", "tags": own}),
        ),
        ("snis", json!({"id": id(3), "name": "b.test", "certificate": {"id": id(2)}, "tags": own})),
    ];
    let text = "
certificates:
- cert: |
    -----BEGIN CERTIFICATE-----
    AAAA
    -----END CERTIFICATE-----
  key: k1
- cert: |
    -----BEGIN CERTIFICATE-----
    CCCC
    -----END CERTIFICATE-----
  key: k3
  snis: [b.test]
";
    insta::assert_snapshot!(planned(text, &entities, &options()), @r"
    ~ certificate of b.test: cert: sha256 490daa24… → sha256 b56306f3…; key: ••• → •••
    2 settled, 0 foreign
    ");
}

#[test]
fn unrecorded_types_have_their_order_from_the_schemas() {
    let own = json!(["vv:demo"]);
    let text = "
keys:
- {name: k, kid: k1, set: new-set, jwk: '{\"k\": \"s3cret-jwk\"}'}
- {name: gone-set, kid: k2, set: {name: nowhere}}
key_sets: [{name: new-set}, {name: old-set}]
";
    let entities = [
        ("key_sets", json!({"id": id(1), "name": "old-set", "tags": own})),
        (
            "keys",
            json!({"id": id(2), "name": "k", "kid": "k0", "set": {"id": id(1)}, "jwk": "0ld-jwk", "tags": own}),
        ),
        ("key_sets", json!({"id": id(3), "name": "undeclared-set", "tags": own})),
    ];
    insta::assert_snapshot!(planned(text, &entities, &Options { prune: true, ..options() }), @r"
    + key_sets new-set
    ~ keys k: jwk: ••• → •••; kid: k0 → k1; set: key_sets old-set → key_sets new-set
    ! kong.yml:5:34: keys gone-set: key_sets 'nowhere' is neither declared nor on the gateway
    blocked: nothing is sent, since keys gone-set can't be as declared
    1 settled, 0 foreign
    ");
}

#[test]
fn without_everything_read_only_leaves_are_pruned() {
    let own = json!(["vv:demo"]);
    let entities = [
        ("services", json!({"id": id(1), "name": "old", "host": "h", "tags": own})),
        ("plugins", json!({"id": id(2), "name": "jwt", "service": {"id": id(1)}, "tags": own})),
    ];
    let gateway = Gateway { whole: false, ..gateway(&entities) };
    let plan = plan(&declaration("services: []"), &gateway, &Options { prune: true, ..options() });
    insta::assert_snapshot!(told(&plan), @r"
    - plugin jwt of service old (Undeclared)
    ? service old (kept: whether others refer to it wasn't read)
    0 settled, 0 foreign
    ");
}

#[test]
fn a_type_that_this_kong_does_not_have_is_named_with_its_version() {
    let text = "consumer_groups: [{name: gold}]\nplugins: [{name: cors, consumer_group: gold}]";
    insta::assert_snapshot!(planned(text, &[], &options()), @r"
    ! kong.yml:2:19: consumer group gold: this Kong (3.4.2) has no consumer_groups
    ! kong.yml:3:40: plugin cors of consumer group gold: it needs consumer group gold, which can't be as declared
    blocked: nothing is sent, since consumer group gold can't be as declared (and 1 more)
    0 settled, 0 foreign
    ");
}

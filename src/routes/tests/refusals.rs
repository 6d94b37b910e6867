//! What Kong refuses, as it is shown: with its place in the file, and without secrets.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use vv_stand_ins::kong::{self, Fault};

use crate::routes::testing::{Running, admin, came_of, declaration, options, read};

/// What Kong says of these entities, each for itself.
#[tokio::test]
async fn every_refusal_has_its_words_and_its_place() {
    let gateway = Running::start();
    let own = "s3cret-of-nobody";
    gateway.by_hand("POST", "consumers", json!({"username": "taken", "tags": ["vv:demo"]})).await;
    let texts = [
        "services: [{name: s, host: h, path: '/a//b'}]",
        "services: [{name: s, host: h, protocol: tcp, path: /x}]",
        "services: [{name: s, host: h, tls_verify: true}]",
        "routes: [{name: r, paths: ['/a%zz']}]",
        "routes: [{name: r, paths: ['/%7euser/']}]",
        "routes: [{name: r, methods: [get]}]",
        "routes: [{name: r, hosts: ['a.*.b']}]",
        "routes: [{name: r, hosts: ['*.a.*']}]",
        "routes: [{name: r}]",
        "routes: [{name: r, paths: [/a], protocols: [http, tcp]}]",
        "routes: [{name: r, paths: [/a], protocols: [tcp]}]",
        "routes: [{name: r, paths: [/a], snis: [x], protocols: [http]}]",
        "routes: [{name: r, paths: [/a], headers: {Host: [x]}}]",
        "upstreams: [{name: u, hash_on: header}]",
        "upstreams: [{name: u, hash_on: cookie, hash_fallback: ip}]",
        "plugins: [{name: rate-limiting}]",
        "plugins: [{name: rate-limiting, config: {minute: 5, hour: 4}}]",
        "plugins: [{name: rate-limiting, config: {minute: 5, policy: redis}}]",
        "plugins: [{name: ip-restriction}]",
        "plugins: [{name: jwt, config: {claims_to_verify: [iat]}}]",
        "plugins: [{name: opentelemetry, config: {endpoint: nope}}]",
        "plugins: [{name: correlation-id, protocols: [tcp]}]",
        "consumers: [{username: bob, jwt_secrets: [{key: i, algorithm: RS256, secret: s3cret-of-nobody}]}]",
        "certificates: [{cert: not-a-certificate, key: s3cret-of-nobody}]",
        "ca_certificates: [{cert: not-a-certificate}]",
        "vaults: [{name: nope, prefix: my-vault}]",
        "vaults: [{name: env, prefix: UPPER}]",
        "vaults: [{name: env, prefix: env}]",
        "services: [{name: s, host: h, client_certificate: aaaaaaaa-0000-4000-8000-000000000009}]",
    ];
    let mut lines = Vec::new();
    for text in texts {
        let declaration = read(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"));
        let (plan, applied) = gateway.run(&declaration, &options()).await;
        let refused = came_of(&applied);
        let refused = refused.lines().filter(|line| !line.ends_with(": done"));
        lines.extend(refused.map(str::to_owned));
        lines.extend(
            plan.impossible
                .iter()
                .map(|one| format!("impossible: {}: {}: {}", one.mark, one.label, one.reason)),
        );
    }
    let shown = lines.join("\n");
    insta::assert_snapshot!(shown, @r"
    kong.yml:2:37: service s: refused (2): path: must not have empty segments
    kong.yml:2:52: service s: refused (2): path: value must be null
    kong.yml:2:43: service s: refused (2): tls_verify: value must be null
    kong.yml:2:20: route r: refused (2): paths: non-normalized path, consider use '/~user/' instead
    kong.yml:2:20: route r: refused (2): methods: invalid value: get
    kong.yml:2:20: route r: refused (2): hosts: invalid wildcard: must be placed at leftmost or rightmost label
    kong.yml:2:20: route r: refused (2): hosts: invalid wildcard: must have at most one wildcard
    kong.yml:2:10: route r: refused (2): must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'
    kong.yml:2:33: route r: refused (2): protocols: these sets are mutually exclusive: ('http', 'https'), ('tcp', 'tls', 'udp'), ('tls_passthrough'), ('grpc', 'grpcs')
    kong.yml:2:10: route r: refused (2): must set one of 'sources', 'destinations' when 'protocols' is 'tcp' or 'udp'; paths: cannot set 'paths' when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp'
    kong.yml:2:10: route r: refused (2): 'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'; snis: length must be 0
    kong.yml:2:33: route r: refused (2): headers: cannot contain 'host' header, which must be specified in the 'hosts' attribute
    kong.yml:2:13: upstream u: refused (2): hash_on_header: required field missing
    kong.yml:2:55: upstream u: refused (2): hash_fallback: expected one of: none; hash_on_cookie: required field missing
    kong.yml:2:11: plugin rate-limiting: refused (2): at least one of these fields must be non-empty: 'config.second', 'config.minute', 'config.hour', 'config.day', 'config.month', 'config.year'
    kong.yml:2:33: plugin rate-limiting: refused (2): config: The limit for hour(4.0) cannot be lower than the limit for minute(5.0)
    kong.yml:2:33: plugin rate-limiting: refused (2): config.redis_host: required field missing
    kong.yml:2:11: plugin ip-restriction: refused (2): at least one of these fields must be non-empty: 'config.allow', 'config.deny'
    impossible: kong.yml:2:51: plugin jwt: config.claims_to_verify.0: expected one of: exp, nbf
    kong.yml:2:52: plugin opentelemetry: refused (2): config.endpoint: missing host in url
    impossible: kong.yml:2:46: plugin correlation-id: protocols.0: expected one of: grpc, grpcs, http, https
    kong.yml:2:43: JWT credential i of consumer bob: refused (2): rsa_public_key: required field missing
    kong.yml:2:23: certificate 1: refused (2): cert: invalid certificate: x509.new: no items found; key: invalid key: pkey.new:load_key: no items found
    kong.yml:2:26: CA certificate 1: refused (2): cert: invalid certificate: x509.new: no items found
    kong.yml:2:17: vault my-vault: refused (2): name: vault 'nope' is not installed
    kong.yml:2:30: vault UPPER: refused (2): prefix: invalid value: UPPER
    impossible: kong.yml:2:30: vault env: prefix: must not be one of: env
    impossible: kong.yml:2:51: service s: the gateway has no certificate with the id aaaaaaaa-0000-4000-8000-000000000009, and none is declared
    ");
    assert!(!shown.contains(own));
}

/// What is made by somebody else between the look and the writing.
#[tokio::test]
async fn what_appears_in_the_meantime_is_refused_without_its_secret() {
    let gateway = Running::start();
    let declaration = declaration(
        "consumers: [{username: bob, keyauth_credentials: [{key: k3y-of-b0b}]}, {username: eve}]\nservices: [{name: s, host: h, routes: [{name: r, paths: [/a]}]}]",
    );
    let plan = gateway.plan(&declaration, &options()).await;
    gateway.by_hand("POST", "consumers", json!({"username": "them"})).await;
    gateway.by_hand("POST", "consumers/them/key-auth", json!({"key": "k3y-of-b0b"})).await;
    gateway.by_hand("POST", "services", json!({"name": "s", "host": "theirs"})).await;
    let applied = crate::routes::apply::apply(
        &gateway.admin,
        &declaration,
        &plan,
        Instant::now() + Duration::from_secs(60),
        &|_| {},
    )
    .await;
    insta::assert_snapshot!(came_of(&applied), @r#"
    consumer bob: done
    consumer eve: done
    kong.yml:3:19: service s: refused (5): UNIQUE violation detected on '{name="s"}'
    kong.yml:2:57: key-auth credential 1 of consumer bob: refused (5): UNIQUE violation detected on '{key="•••"}'
    kong.yml:3:40: route r: not tried: it needs service s, which failed
    "#);
}

/// Nobody answers as expected.
#[tokio::test]
async fn who_does_not_answer_as_kongs_admin_api() {
    let gateway = Running::start();
    let end = || Instant::now() + Duration::from_millis(300);
    let mut lines = Vec::new();
    let mut ask = async |url: String, hide: &str| {
        let asked = admin(&url);
        let error = asked.wait_ready(end(), &|_| {}).await.unwrap_err();
        let hint = error.hint.clone().map(|hint| format!(" -> {hint}")).unwrap_or_default();
        lines.push(format!("{:?}: {error}{hint}", error.kind).replace(hide, "PORT"));
    };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    ask(format!("http://{closed}"), &closed.port().to_string()).await;
    ask(format!("http://me:pa55@{closed}"), &closed.port().to_string()).await;
    ask("http://no-such-host.invalid:8001".to_owned(), "8001").await;
    let proxy = gateway.kong.proxy();
    ask(format!("http://{proxy}"), &proxy.port().to_string()).await;
    let status = gateway.kong.status();
    ask(format!("http://{status}"), &status.port().to_string()).await;
    let tls = gateway.kong.admin();
    ask(format!("https://{tls}"), &tls.port().to_string()).await;
    for (status, body) in [
        (401, json!({"message": "Unauthorized"})),
        (503, json!({"message": "failed to get a worker"})),
        (500, json!({"message": "An unexpected error occurred"})),
        (200, json!({"hello": "world"})),
    ] {
        let fault = move |_: &kong::Asked<'_>| Fault::Answer(status, body.clone());
        let gateway =
            Running::with(kong::Options { fault: Some(Arc::new(fault)), ..kong::Options::default() });
        let admin = gateway.kong.admin();
        ask(format!("http://{admin}"), &admin.port().to_string()).await;
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    Unreachable: http://127.0.0.1:PORT refuses connections -> is Kong running, and does KONG_ADMIN_LISTEN listen there? --admin-url names another place
    Unreachable: http://127.0.0.1:PORT refuses connections -> is Kong running, and does KONG_ADMIN_LISTEN listen there? --admin-url names another place
    Unreachable: http://no-such-host.invalid:PORT has a host name that doesn't resolve -> --admin-url names another place
    NotKong: http://127.0.0.1:PORT is Kong's proxy, and not its Admin API -> the Admin API listens on port 8001 by default
    NotKong: http://127.0.0.1:PORT answers 404, but not as Kong's Admin API -> is another service at this address? --admin-url names another place
    Unusable: https://127.0.0.1:PORT doesn't speak TLS -> use http:// in --admin-url
    Unauthorized: http://127.0.0.1:PORT wants a login: Unauthorized -> give the header that it wants with --admin-header, such as 'Kong-Admin-Token: …'
    NotReady: http://127.0.0.1:PORT answers 503: failed to get a worker
    NotReady: http://127.0.0.1:PORT answers 500: An unexpected error occurred -> Kong's own log says more
    NotKong: http://127.0.0.1:PORT answers 200, but not as Kong's Admin API -> is another service at this address? --admin-url names another place
    ");
}

/// A Kong that isn't there yet is waited for, and each reason is said once.
#[tokio::test]
async fn it_is_waited_for() {
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = std::sync::Mutex::new(Vec::new());
    let asked = admin(&format!("http://{place}"));
    let say = |line: &str| said.lock().unwrap().push(line.replace(&place.port().to_string(), "PORT"));
    let later = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        Running::with(kong::Options { admin: place, ..kong::Options::default() })
    };
    let (node, _gateway) =
        tokio::join!(asked.wait_ready(Instant::now() + Duration::from_secs(60), &say), later);
    assert_eq!(node.unwrap().version, "3.4.2");
    insta::assert_snapshot!(said.lock().unwrap().join("\n"), @"http://127.0.0.1:PORT refuses connections");
}

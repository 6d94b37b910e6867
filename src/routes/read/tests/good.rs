//! What a file means.

use super::{declaration, read_with, told};
use crate::routes::kind::Kind;

#[test]
fn entities_may_be_nested() {
    let text = "
services:
  - name: orders
    url: http://orders:8080/api
    tags: [team-a, team-a, shop]
    routes:
      - name: orders
        paths: [/orders, '~/o/\\d+$']
        methods: [GET]
        plugins:
          - {name: jwt}
          - {name: rate-limiting, config: {minute: 100, policy: local}}
      - {hosts: [a.test], strip_path: false}
    plugins: [{name: cors, consumer: bob}]
  - {name: users, host: users.upstream, client_certificate: {id: cccccccc-0000-4000-8000-000000000020}}
upstreams:
  - name: users.upstream
    healthchecks: {active: {http_path: /health, healthy: {interval: 5}}}
    targets: [{target: 'users:8001', weight: 10}, {target: 127.0.0.1}, {target: '[::1]:80'}, {target: '::1'}]
consumers:
  - username: bob
    custom_id: '7'
    keyauth_credentials: [{key: made-up-key}]
    jwt_secrets: [{key: issuer, secret: made-up-secret}]
    basicauth_credentials: [{username: bob, password: made-up}]
    hmacauth_credentials: [{username: bob, secret: made-up}]
    acls: [{group: admins}, {group: users}]
    oauth2_credentials: [{name: app, client_id: app-1}]
    plugins: [{name: rate-limiting, config: {minute: 5}}]
    groups: [gold, {name: silver}]
consumer_groups:
  - {name: gold, plugins: [{name: rate-limiting}], consumers: [{username: ann}]}
  - {name: silver}
plugins: [{name: prometheus}]
certificates:
  - {cert: C, key: K, id: cccccccc-0000-4000-8000-000000000020, snis: [a.test, {name: '*.b.test', tags: [x]}]}
  - {cert: D, key: K}
ca_certificates: [{cert: E}]
vaults: [{name: env, prefix: my-env, config: {prefix: SECRET_}}]
";
    insta::assert_snapshot!(told(&declaration(text)));
}

#[test]
fn entities_may_stand_side_by_side() {
    let text = "
plugins:
  - {name: jwt, route: r}
  - {name: acl, service: {name: s}, consumer: {custom_id: c-1}}
  - {name: cors, service: CCCCCCCC-0000-4000-8000-000000000020, route: null}
  - {name: cors, consumer: {username: bob, id: null}, route: {id: dddddddd-0000-4000-8000-000000000020}}
  - {name: cors, consumer_group: gold}
targets: [{target: 'h:80', upstream: u}]
routes: [{name: r, paths: [/a], service: {name: s}}, {name: free, paths: [/b], service: }]
snis: [{name: a.test, certificate: {id: cccccccc-0000-4000-8000-000000000021}}]
keyauth_credentials: [{key: made-up-key, consumer: bob}]
acls: [{group: g, consumer: c-1}]
services: [{name: s, host: h, id: cccccccc-0000-4000-8000-000000000020}, {name: t, url: 'https://[::1]/'}]
upstreams: [{name: u}]
consumers: [{username: bob, custom_id: c-1}]
consumer_groups: [{name: gold}]
certificates: [{id: cccccccc-0000-4000-8000-000000000021, cert: C, key: K}]
";
    insta::assert_snapshot!(told(&declaration(text)));
}

#[test]
fn a_url_is_taken_apart_as_kong_does() {
    let of = |url: &str| {
        let read = declaration(&format!("services: [{{name: a, url: '{url}'}}]"));
        let fields = &read.entities[0].fields;
        ["protocol", "host", "port", "path"]
            .map(|field| fields.get(field).map(ToString::to_string).unwrap_or_default())
            .join(" ")
            .replace('"', "")
    };
    // Recorded of Kong 3.4.2, but for those with a remark.
    for (url, wanted) in [
        ("http://127.0.0.1:19999", "http 127.0.0.1 19999 "),
        ("http://127.0.0.1:19999/", "http 127.0.0.1 19999 /"),
        ("https://example.test", "https example.test 443 "),
        ("http://no-such-host.invalid", "http no-such-host.invalid 80 "),
        ("http://127.0.0.1:19999/base", "http 127.0.0.1 19999 /base"),
        ("https://h.example.test/x", "https h.example.test 443 /x"),
        ("http://orders.example.test:8080/api?x=1", "http orders.example.test 8080 /api"),
        ("grpc://g.example.test:9090", "grpc g.example.test 9090 "),
        ("http://[::1]:8080/", "http ::1 8080 /"),
        // By Kong's source: the default of `port`.
        ("grpcs://g", "grpcs g 80 "),
        ("http://[::1]", "http ::1 80 "),
    ] {
        assert_eq!(of(url), wanted, "{url}");
    }
}

#[test]
fn paths_of_older_files_are_migrated_as_kong_does() {
    let of = |version: &str, path: &str| {
        let text = format!("_format_version: '{version}'\nroutes: [{{paths: ['{path}']}}]");
        let read = read_with(&text, &[]).unwrap_or_else(|error| panic!("{error}"));
        read.entities[0].fields["paths"][0].as_str().unwrap_or_default().to_owned()
    };
    for (path, wanted) in [
        // Recorded of Kong 3.4.2.
        ("/user/\\d+$", "~/user/\\d+$"),
        ("/a/\\d+", "~/a/\\d+"),
        ("/b", "/b"),
        // By Kong's source.
        ("/a/../b//c/./", "/b/c/"),
        ("/%7euser/%2Fa%2f", "/~user/%2Fa%2F"),
        ("/a%2eb(c|d)", "~/a\\.b(c|d)"),
        ("/%C3%BC", "/ü"),
        ("/%ff", "/%ff"),
        ("~/a/\\d+", "~/a/\\d+"),
        ("/", "/"),
    ] {
        assert_eq!(of("2.1", path), wanted, "{path}");
        assert_eq!(of("1.1", path), wanted, "{path}");
    }
    assert_eq!(of("3.0", "/a/\\d+"), "/a/\\d+");
}

#[test]
fn what_holds_for_the_whole_file_is_in_each_entity() {
    let text = "
_transform: false
_comment: a comment
_ignore: [&limit {minute: 5, policy: local}]
_workspace: default
x-more: {a: b}
_info:
  select_tags: [shop, eu]
  defaults:
    service: {retries: 2, protocol: https, path: /api}
    routes: {strip_path: false, tags: [no], service: no}
    upstream: {healthchecks: {active: {healthy: {interval: 5, successes: 2}, http_path: /health}}}
services:
  - {name: a, host: h, tags: [eu, own], _comment: mine, _ignore: [1], created_at: 5, routes: [{paths: [/a]}]}
  - {name: b, url: 'http://h', retries: null}
upstreams:
  - {name: u, healthchecks: {active: {healthy: {interval: 9}, unhealthy: {interval: 1}}}}
plugins: [{name: rate-limiting, config: {<<: *limit, hour: 50}}]
consumers: [{username: a, keyauth_credentials: [{key: made-up}]}]
";
    let read = declaration(text);
    assert!(read.hashed);
    insta::assert_snapshot!(told(&read));
    let route = &read.entities[1];
    assert_eq!(route.mark_of("strip_path").to_string(), "kong.yml:12:26");
}

#[test]
fn types_and_fields_that_vv_does_not_know_pass_unrecorded() {
    let text = "
services:
  - {name: a, host: h, new_field: {deep: [1, 2.5, true]}, filter_chains: [{filters: [{name: f}]}], new_children: [{x: 1}]}
key_sets: [{name: ks, keys: [{name: k, kid: k1, jwk: '{}'}]}]
keys: [{name: k2, kid: k2, set: {name: ks}, jwk: '{}'}]
licenses: [{payload: p}]
degraphql_routes: [{uri: /a, query: q, service: {name: a}, route: nobody, consumer: {id: cccccccc-0000-4000-8000-000000000020}}]
consumers: [{username: bob, mtls_auth_credentials: [{subject_name: s, ca_certificate: {id: cccccccc-0000-4000-8000-000000000021}}]}]
";
    insta::assert_snapshot!(told(&declaration(text)));
}

#[test]
fn lists_that_are_there_are_known_also_empty_ones() {
    let read = declaration("services: [{name: a, host: h, plugins: []}]\nroutes: []\nupstreams:\n");
    let listed: Vec<&str> = read.listed.iter().map(Kind::name).collect();
    assert_eq!(listed, ["plugins", "routes", "services", "upstreams"]);
    assert!(declaration("").listed.is_empty());
}

#[test]
fn fields_know_their_places() {
    let text = "
services:
  - name: a
    host: h
    plugins:
      - name: rate-limiting
        config:
          minute: 5
          header_name: {x: [y, z]}
        tags: [t]
plugins: [{name: jwt, service: a, route: null}]
";
    let read = declaration(text);
    let plugin = &read.entities[1];
    let of = |path: &str| {
        let mark = plugin.mark_of(path);
        format!("{}:{}", mark.line, mark.column)
    };
    assert_eq!(
        ["config", "config.minute", "config.header_name.x.1", "config.nope", "nope", "tags", "tags.0"]
            .map(of),
        ["8:9", "9:19", "10:32", "8:9", "7:9", "11:9", "11:16"]
    );
}

#[test]
fn a_number_from_a_variable_is_a_text_for_the_schema_to_read() {
    let read = read_with(
        "_format_version: '3.0'\nservices: [{name: a, host: h, port: \"${PORT}\"}]",
        &[("PORT", "8080")],
    );
    assert_eq!(read.unwrap().entities[0].fields["port"], "8080");
}

#[test]
fn a_large_file_is_read() {
    let service = |number: usize| {
        format!(
            "  - name: service-{number}\n    url: http://host-{number}:8080/api\n    routes:\n      - name: route-{number}\n        \
             paths: [/path/{number}]\n        plugins:\n          - name: rate-limiting\n            config:\n              \
             minute: 100\n              policy: local\n"
        )
    };
    let text: String = (0..8_000).map(service).collect();
    assert_eq!(declaration(&format!("services:\n{text}")).entities.len(), 24_000);
}

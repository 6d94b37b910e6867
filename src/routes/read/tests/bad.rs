//! What is wrong with a file, with the exact message.

use std::fmt::Write as _;

use super::{declaration, read_with};

/// Whole files.
const BAD_FILES: &[&str] = &[
    "",
    "# nothing but a comment\n",
    "~",
    "services",
    "- services",
    "{}",
    "services: []",
    "_format_version: 3.0",
    "_format_version: 3",
    "_format_version: '4.0'",
    "_format_version: ''",
    "_format_version: null",
    "_format_version: ${VERSION}",
    "_format_version: '3.0'\n---\n_format_version: '3.0'\n",
    "_format_version: '3.0'\nservices: [\n",
    "_format_version: '3.0'\nservices:\n\t- name: a\n",
    "_format_version: '3.0'\nservices: []\nservices: []\n",
    "_format_version: '3.0'\nservices: [*orders]",
    "_format_verson: '3.0'",
];

/// Files after the line with their version.
const BAD: &[&str] = &[
    // Keys of the file.
    "_nope: 1",
    "_transfrom: false",
    "_transform: maybe",
    "_comment: [a]",
    "_ignore: a",
    "_workspace: team-a",
    "_konnect: {runtime_group_name: a}",
    "_plugin_configs: {a: {minute: 5}}",
    "_info: [a]",
    "_info: {select_tag: [a]}",
    "_info: {select_tags: a}",
    "_info: {select_tags: ['a,b']}",
    "_info: {defaults: {srvice: {retries: 1}, route: [a]}}",
    "service: [{name: a, host: h}]",
    "Services: [{name: a, host: h}]",
    "servics: []",
    "consumer-groups: []",
    "key-auths: []",
    "jwts: []",
    "nonsense: 5",
    "nonsense: [a]",
    "routes: {r: {paths: [/a]}}",
    "routes: /a",
    "routes: [/a]",
    "routes: [null]",
    "routes: [[a]]",
    // Names, ids, tags.
    "services: [{name: 'bad name!', host: h}]",
    "services: [{name: '', host: h}]",
    "services: [{name: 5, host: h}]",
    "services: [{name: \"${SERVICE}\", host: h}]",
    "routes: [{name: a/b, paths: [/a]}]",
    "upstreams: [{name: u u}, {name: 10.0.0.1}, {name: bad_name!}, {}]",
    "consumers: [{tags: [a]}, {username: ''}, {username: 7}, {username: null}]",
    "services: [{id: orders, host: h}]",
    "services: [{id: cccccccc-0000-4000-8000-00000000002, host: h}]",
    "services: [{name: a, host: h, tags: a}]",
    "services: [{name: a, host: h, tags: ['a,b', c/d, '', 5, ~, \"a\\nb\"]}]",
    "services: [{name: a, host: h, tags: ['vv:shop', vv-probe, 'vv-replica:a']}]",
    "consumer_groups: [{name: 'g g'}, {}]",
    "vaults: [{name: env}, {prefix: my-env}]",
    "snis: [{name: a b, certificate: cccccccc-0000-4000-8000-000000000020}, {name: 127.0.0.1}]",
    // Services.
    "services: [{name: a}]",
    "services: [{name: a, host: null}]",
    "services: [{name: a, url: h.example.test}]",
    "services: [{name: a, url: 'ftp://h'}]",
    "services: [{name: a, url: 'http://'}]",
    "services: [{name: a, url: 'http://h:port/x'}]",
    "services: [{name: a, url: 'http://h:99999'}]",
    "services: [{name: a, url: ['http://h']}]",
    "services: [{name: a, url: 'http://me:hunter2@h'}]",
    "services: [{name: a, url: 'http://h', host: g, port: 8080, path: /x}]",
    "services: [{name: a, host: 'http://h'}]",
    "services: [{name: a, host: 'h:8080'}]",
    "services: [{name: a, host: 'bad host'}]",
    "services: [{name: a, host: [h]}]",
    "services: [{name: a, host: h, hosst: g}]",
    "services: [{name: a, host: h, prot: 80}]",
    "services: [{name: a, host: h, route: [{paths: [/a]}]}]",
    "services: [{name: a, host: h, routes: {paths: [/a]}}]",
    "services: [{name: a, host: h, targets: [{target: 'h:1'}]}]",
    "services: [{name: a, host: h, _comment: 5, _ignore: 5, _nope: 5}]",
    // Routes.
    "routes: [{paths: /a}]",
    "routes: [{paths: [a]}]",
    "routes: [{paths: ['~a']}]",
    "routes: [{paths: ['', 5, ~]}]",
    "routes: [{paths: [/a//b]}]",
    "routes: [{paths: ['~/orders/[', '~/a/(', '~/a)', '~/*', '~/a\\']}]",
    "routes: [{path: [/a]}]",
    "routes: [{host: [a]}]",
    "routes: [{paths: [/a], service: 5}]",
    "routes: [{paths: [/a], service: ''}]",
    "routes: [{paths: [/a], service: {}}]",
    "routes: [{paths: [/a], service: {nme: a}}]",
    "routes: [{paths: [/a], service: {id: a}}]",
    "services: [{name: a, host: h, routes: [{paths: [/a], service: b}]}]",
    // Upstreams.
    "upstreams: [{name: u, targets: ['h:8000']}]",
    "upstreams: [{name: u, targets: [{weight: 5}]}]",
    "upstreams: [{name: u, targets: [{target: 'http://h:80'}, {target: a b}, {target: 'h:port'}, {target: 'h:0'}]}]",
    "upstreams: [{name: u, targets: [{target: 'h:70000'}, {target: 'h:'}, {target: '[::1]8000'}, {target: ':80'}]}]",
    "upstreams: [{name: u, targets: [{target: h}, {target: 'h:8000'}]}]",
    "targets: [{target: 'h:80'}]",
    "targets: [{target: 'h:80', upstream: {name: u, port: 5}}]",
    // Plugins.
    "plugins: [{config: {minute: 5}}]",
    "plugins: [jwt]",
    "plugins: [rate-limiting: {minute: 5}]",
    "plugins: [{name: jwt}, {name: jwt}]",
    "plugins: [{name: jwt, _config: a}]",
    "services: [{name: a, host: h, plugins: [{name: cors}, {name: cors, instance_name: second}]}]",
    "services: [{name: a, host: h, plugins: [{name: cors}]}]\nplugins: [{name: cors, service: {name: a}}]",
    "plugins: [{name: jwt, instance_name: x}, {name: cors, instance_name: x}]",
    // Consumers and their credentials.
    "consumers: [{username: a, keyauth_credentials: [{}]}]",
    "consumers: [{username: a, keyauth_credentials: [{key: ''}]}]",
    "consumers: [{username: a, keyauth_credentials: [{key: planted-key-1}, {key: planted-key-1}]}]",
    "consumers: [{username: a, keyauth_credentials: [{key: 12345678}]}]",
    "consumers: [{username: a, keyauth_credentials: [planted-key-1]}]",
    "consumers: [{username: a, jwt_secrets: [{secret: planted-secret-1}]}]",
    "consumers: [{username: a, jwt_secrets: [{key: i, secret: planted-secret-1}]}, {username: b, jwt_secrets: [{key: i}]}]",
    "consumers: [{username: a, basicauth_credentials: [{password: planted-secret-1}, {username: x}]}]",
    "consumers: [{username: a, hmacauth_credentials: [{secret: planted-secret-1}]}]",
    "consumers: [{username: a, acls: [{group: g}, {group: g}, {}]}]",
    "consumers: [{username: a, oauth2_credentials: [{client_secret: planted-secret-1}]}]",
    "consumers: [{username: a, custom_id: x}, {username: a}, {username: b, custom_id: x}]",
    "keyauth_credentials: [{key: planted-key-1}]",
    "consumers: [{username: a, keyauth_credential: [{key: planted-key-1}]}]",
    "consumers: [{username: a, groups: [5]}]",
    // Certificates.
    "certificates: [{cert: x}]",
    "certificates: [{cert: x, key: planted-secret-1}, {cert: x, key: planted-secret-1}]",
    "certificates: [{cert: x, key: y, snis: [a b, a.test]}]\nsnis: [{name: a.test, certificate: {id: cccccccc-0000-4000-8000-000000000020}}]",
    "ca_certificates: [{}, {cert: x}, {cert: x}]",
    "snis: [{name: a.test}]",
    // The same twice.
    "services: [{name: s, host: h}, {name: s, host: g}]",
    "services: [{name: s, host: h, routes: [{name: r, paths: [/a]}]}, {name: t, host: h, routes: [{name: r, paths: [/b]}]}]",
    "services: [{id: cccccccc-0000-4000-8000-000000000020, host: h}, {id: CCCCCCCC-0000-4000-8000-000000000020, host: g}]",
    "services: [{name: s, host: h, routes: [{paths: [/a]}, {paths: [/b]}, {paths: [/a]}]}]",
    "services: [{host: h}, {url: 'http://h'}, {host: g}]",
    "routes: [{hosts: [a, b]}, {hosts: [b, a], protocols: [https, http]}, {hosts: [a, b], protocols: [http]}]",
    "upstreams: [{name: u}, {name: u}]",
    "vaults: [{name: env, prefix: a}, {name: env, prefix: a}]",
    // Types that vv doesn't know.
    "licenses: [{name: a}, {name: a}, 5]",
];

fn all() -> impl Iterator<Item = String> {
    let files = BAD_FILES.iter().map(ToString::to_string);
    files.chain(BAD.iter().map(|bad| format!("_format_version: '3.0'\n{bad}\n")))
}

#[test]
fn every_bad_file_has_its_message() {
    let mut text = String::new();
    for bad in all() {
        let problems = match read_with(&bad, &[]) {
            Ok(declaration) => panic!("nothing is wrong with:\n{bad}\n{declaration:?}"),
            Err(error) => error.to_string(),
        };
        let shown = bad.strip_prefix("_format_version: '3.0'\n").unwrap_or(&bad);
        writeln!(text, "{}", shown.trim_end().replace('\t', "<tab>")).unwrap();
        for problem in problems.lines() {
            writeln!(text, "    {problem}").unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn all_problems_come_at_once_in_their_order() {
    let text = "
_format_version: 3.0
_info: {select_tags: ['a/b']}
services:
  - name: orders
    url: orders:8080
    routes:
      - {name: r 1, paths: [orders]}
      - {name: r2, pathes: [/a]}
    plugins:
      - {name: jwt}
      - {name: jwt}
upstreams:
  - {name: u, targets: [{target: 'h:8o'}]}
consumers:
  - jwt_secrets: [{algorithm: HS256}]
";
    insta::assert_snapshot!(read_with(text, &[]).unwrap_err().to_string());
}

#[test]
fn what_may_be_right_is_a_warning() {
    let text = "
_comment: for the shop
_info: {default_lookup_tags: {consumers: [a]}}
services:
  - {name: orders, url: 'http://h/api?x=1'}
  - {name: more, url: \"http://h/${PLACE}\"}
routes:
  - {name: a, paths: ['/orders/\\d+', '/c++', '/a.b-c~d', '/v1/(users|orders)', '/files/*'], service: ordrs}
  - {name: b, paths: ['~/a(?=b)', '~/a/\\1', '~/ok/[a-z]+$'], service: {id: cccccccc-0000-4000-8000-000000000020}}
plugins:
  - {name: cors, consumer: {username: bob}}
upstreams: [{name: u, targets: [{target: h}]}]
";
    insta::assert_snapshot!(declaration(text).warnings.join("\n"));
}

/// Every secret that is planted in a test of this file.
const PLANTED: [&str; 10] = [
    "planted-key-1",
    "planted-secret-1",
    "12345678",
    "hunter2",
    "planted-by-variable",
    "planted-by-default",
    "planted-in-config",
    "planted-in-url",
    "MIIEplantedplanted",
    "planted-in-quotes",
];

/// A file whose secrets are all there, with something wrong on each of their lines.
const SECRETS: &str = r#"
services:
  - {name: "${JWT_SECRET} x", host: h, tags: ["a/${OTHER_TOKEN:-planted-by-default}"]}
  - {name: s, hosst: h, url: 'http://me:planted-in-url@h:port'}
consumers:
  - {username: a, keyauth_credentials: [{key: planted-key-1, tagz: [x]}], jwt_secrets: [{secret: planted-secret-1, kee: x}]}
  - {username: a, basicauth_credentials: [{password: "planted-in-\x71uotes", tagz: [x]}], keyauth_credentials: [{key: 12345678}]}
  - keyauth_credential: [{key: planted-key-1}]
plugins:
  - {name: session, config: {secret: planted-in-config}, tagz: [planted-in-config]}
  - {name: http-log, config: {http_endpoint: 'https://me:hunter2@logs/x', headers: {Authorization: planted-in-config}}, tagz: []}
certificates:
  - cert: x
    key: |
      -----BEGIN PRIVATE KEY-----
      MIIEplantedplanted
      -----END PRIVATE KEY-----
    tagz: [MIIEplantedplanted]
"#;

#[test]
fn no_planted_secret_is_ever_shown() {
    let variables = [("JWT_SECRET", "planted-by-variable")];
    let version = "_format_version: '3.0'";
    let broken = format!("{version}{}", SECRETS.replace("tagz: [x]}]", "tagz: [x}]"));
    let flat = "consumers: [{username: a, keyauth_credentials: [{key: 'planted-key-1}]";
    let texts = all().chain([format!("{version}{SECRETS}"), broken, format!("{version}\n{flat}")]);
    let mut excerpts = String::new();
    for text in texts {
        let error = read_with(&text, &variables).unwrap_err();
        let mut shown = error.to_string();
        for problem in &error.problems {
            shown += "\n";
            shown += &problem.excerpt().join("\n");
        }
        for planted in PLANTED {
            assert!(!shown.contains(planted), "{planted} in:\n{shown}");
        }
        if excerpts.is_empty() && text.contains("planted-in-url") {
            excerpts = shown;
        }
    }
    insta::assert_snapshot!(excerpts);
}

#[test]
fn secrets_are_told_by_their_fields_and_variables() {
    let text = r#"_format_version: '3.0'
services: [{name: s, url: "http://${HOST}", tags: ["${API_TOKEN}"]}]
consumers:
  - username: a
    keyauth_credentials: [{key: s-key}]
    jwt_secrets: [{key: open-issuer, secret: "${JWT:-s-jwt}"}]
    basicauth_credentials: [{username: open, password: s-password}]
    hmacauth_credentials: [{username: open, secret: s-hmac}]
    oauth2_credentials: [{name: open, client_id: open, client_secret: s-client}]
plugins:
  - {name: key-auth, config: {key_names: [apikey, X-API-Key], hide_credentials: true}}
  - {name: jwt, config: {key_claim_name: iss, secret_is_base64: false, cookie_names: [token]}}
  - {name: session, config: {secret: "{vault://env/session}", cookie_name: open}}
  - {name: rate-limiting, config: {policy: redis, redis_password: s-redis, redis_host: redis}}
  - {name: aws-lambda, config: {aws_key: s-aws, aws_secret: s-aws2, function_name: open}}
  - {name: http-log, config: {http_endpoint: 'https://me:s-login@logs', headers: {Authorization: Bearer s-header}}}
certificates: [{cert: open, key: s-pem}]
keys: [{name: k, kid: a, jwk: s-jwk}]
"#;
    let read = read_with(text, &[("API_TOKEN", "s-variable"), ("HOST", "open.test")]).unwrap();
    insta::assert_snapshot!(read.secrets.join(" "), @"Bearer s-header s-aws s-aws2 s-client s-header s-hmac s-jwk s-jwt s-key s-login s-password s-pem s-redis s-variable");
}

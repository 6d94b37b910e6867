//! `x-vv`: strict, with suggestions.

use crate::stack::testing::{errors, load, service, stack};
use crate::stack::vv::{Probe, Requires, Scale};

#[test]
fn top_level() {
    let stack = stack(
        include_str!("rich.yaml")
            .replace("env_file", "x-env_file")
            .replace("label_file", "x-l")
            .as_str()
            .replace("file: ./", "content: ")
            .replace("secret: {content: secret}", "secret: {environment: SET}")
            .as_str(),
    );
    assert_eq!(stack.vv.title.as_deref(), Some("Rich"));
    let gib = 1 << 30;
    assert_eq!(
        stack.vv.requires,
        Requires {
            engine: Some("20.10".into()),
            memory: Some(8 * gib),
            cpus: Some(4.0),
            disk: Some(10 * gib)
        }
    );
    assert_eq!(stack.vv.routes.as_deref(), Some("/w/kong.yml"));
    assert!(
        stack.vv.topics.is_some()
            && stack.vv.checks.is_some()
            && stack.vv.verify.is_some()
            && stack.vv.init.is_some()
    );
}

#[test]
fn kinds_are_guessed_and_said() {
    let stack = stack(
        "services: {a: {image: 'localhost/vv-parts/kong-stand-in:3.4'}, b: {image: x, x-vv: {kind: kafka}}, c: {build: .}}",
    );
    let kinds: Vec<_> = stack.services.values().map(|service| service.vv.kind.as_deref()).collect();
    assert_eq!(kinds, [Some("kong"), Some("kafka"), None]);
}

#[test]
fn probes() {
    let probe = |text: &str| service(&format!("x-vv: {{probe: {text}}}")).vv.probe.unwrap();
    assert_eq!(probe("{http: {port: 80}}"), Probe::Http { port: 80, path: "/".into() });
    assert_eq!(probe("{tcp: {port: '80'}}"), Probe::Tcp { port: 80 });
    assert_eq!(probe("{grpc: {port: 80}}"), Probe::Grpc { port: 80, service: String::new() });
    for exec in ["{exec: [ls, -l]}", "{exec: ls -l}", "{exec: {command: [ls, -l]}}"] {
        assert_eq!(probe(exec), Probe::Exec { command: vec!["ls".into(), "-l".into()] });
    }
}

#[test]
fn stubs_have_defaults() {
    let vv = service("x-vv: {scale: {min: 1, max: 3}, stub: {routes: [{path: /x}]}}").vv;
    assert_eq!(vv.scale, Some(Scale { min: 1, max: 3, by: None }));
    let stub = vv.stub.unwrap();
    assert_eq!((stub.routes[0].method.as_str(), stub.routes[0].status), ("GET", 200));
    assert_eq!(service("x-vv: {stub: {}}").vv.stub, Some(Default::default()));
    assert_eq!(service("x-vv: {stub: }").vv.stub, None);
}

#[test]
fn calls_to_nearly_a_service_are_worth_saying() {
    let stack = load(
        "services: {orders: {image: x, x-vv: {stub: {calls: [{url: 'http://order:80/'}, {url: 'http://alias/'}, {url: 'http://orders/'}]}}}}",
    );
    insta::assert_snapshot!(stack.unwrap().warnings.join("\n"), @"compose.yaml:1:59: services.orders.x-vv.stub.calls[0].url: there is no service 'order'; did you mean 'orders'?");
}

#[test]
fn wrong_keys_and_shapes() {
    insta::assert_snapshot!(errors(
        "
x-vv:
  titel: x
  x-free: not here
  requires: {memory: much, engine: 20.10, cores: 4}
  topics: 5
  checks:
    - {name: a, request: {service: webb, port: 1}, expect: {status: 20}}
    - {name: a, request: {port: 1, method: get}}
    - {request: {url: ftp://x}, expects: {}}
  verify: {request: {service: web}, path: [web, kong], auth: {jwt: {claims: []}}}
  init: [{temporal_namespaces: x}, {}]
services:
  web:
    image: x
    x-vv:
      kind: postgress
      group:
      urls: [{name: UI}, {name: API, port: 0, path: api}]
      probe: {http: {port: 80}, tcp: {port: 80}}
      scale: {min: 3, max: 2, by: moon}
      needs: [topic]
      register: {consul: me, eureka: vv}
      stub:
        routes: [{path: x, method: GETS}, {status: 999}]
        calls: [{url: 'orders:80'}]
        logs: {logstash: nowhere}
        delay: 5
"
    ), @"
    compose.yaml:3:3: x-vv.titel: unknown key; did you mean 'title'?
    compose.yaml:4:3: x-vv.x-free: unknown key
    compose.yaml:5:22: x-vv.requires.memory: expected an amount such as '512m' or '1.5gb', found 'much'
    compose.yaml:5:36: x-vv.requires.engine: expected a string, found a number; put it in quotes
    compose.yaml:5:43: x-vv.requires.cores: unknown key
    compose.yaml:6:11: x-vv.topics: expected a list, or a file's name as a string, found an integer; put it in quotes
    compose.yaml:8:36: x-vv.checks[0].request.service: the service 'webb' isn't declared under 'services'; did you mean 'web'?
    compose.yaml:8:69: x-vv.checks[0].expect.status: 20 isn't an HTTP status
    compose.yaml:9:14: x-vv.checks[1].name: there is another check called 'a'
    compose.yaml:9:26: x-vv.checks[1].request: expected either 'service' (with 'port') or 'url'
    compose.yaml:9:44: x-vv.checks[1].request.method: 'get' isn't one of 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'; did you mean 'GET'?
    compose.yaml:10:7: x-vv.checks[2]: 'name' is missing
    compose.yaml:10:23: x-vv.checks[2].request.url: expected a URL that starts with 'http://' or 'https://'
    compose.yaml:10:33: x-vv.checks[2].expects: unknown key; did you mean 'expect'?
    compose.yaml:11:21: x-vv.verify.request: 'port' is missing
    compose.yaml:11:49: x-vv.verify.path[1]: the service 'kong' isn't declared under 'services'
    compose.yaml:11:68: x-vv.verify.auth.jwt: 'secret' is missing
    compose.yaml:11:77: x-vv.verify.auth.jwt.claims: expected a mapping, found a list
    compose.yaml:12:11: x-vv.init[0].temporal_namespaces: unknown key; did you mean 'temporal_namespace'?
    compose.yaml:12:36: x-vv.init[1]: the step is empty
    compose.yaml:17:13: services.web.x-vv.kind: unknown kind 'postgress'; did you mean 'postgres'?
    compose.yaml:19:14: services.web.x-vv.urls[0]: 'port' is missing
    compose.yaml:19:44: services.web.x-vv.urls[1].port: 0 isn't a port: those are 1 to 65535
    compose.yaml:20:14: services.web.x-vv.probe: expected exactly one of 'http', 'tcp', 'grpc', 'exec'
    compose.yaml:21:14: services.web.x-vv.scale: 'min' (3) is above 'max' (2)
    compose.yaml:21:35: services.web.x-vv.scale.by: 'moon' isn't one of 'cpu', 'memory', 'requests', 'events', 'queue'
    compose.yaml:22:15: services.web.x-vv.needs[0]: 'topic' isn't one of 'topics', 'routes'; did you mean 'topics'?
    compose.yaml:23:26: services.web.x-vv.register.consul: 'me' isn't one of 'vv', 'self'
    compose.yaml:23:30: services.web.x-vv.register.eureka: unknown key
    compose.yaml:25:25: services.web.x-vv.stub.routes[0].path: the path 'x' must start with '/'
    compose.yaml:25:36: services.web.x-vv.stub.routes[0].method: 'GETS' isn't one of 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'; did you mean 'GET'?
    compose.yaml:25:43: services.web.x-vv.stub.routes[1]: 'path' is missing
    compose.yaml:25:52: services.web.x-vv.stub.routes[1].status: 999 isn't an HTTP status
    compose.yaml:26:23: services.web.x-vv.stub.calls[0].url: expected a URL such as 'http://orders:8081/orders'
    compose.yaml:27:26: services.web.x-vv.stub.logs.logstash: expected HOST:PORT, found 'nowhere'
    compose.yaml:28:9: services.web.x-vv.stub.delay: unknown key
    ");
}

#[test]
fn who_needs_topics_depends_on_their_brokers() {
    let stack = stack(
        "services: {a: {image: x, x-vv: {needs: [topics]}}, b: {image: x, x-vv: {kind: kafka}}, c: {image: 'kafka:4', x-vv: {needs: [topics]}}}",
    );
    let of = |name: &str| stack.services[name].depends_on.keys().cloned().collect::<Vec<_>>();
    assert_eq!((of("a"), of("b"), of("c")), (vec!["b".into(), "c".into()], vec![], vec!["b".into()]));
}

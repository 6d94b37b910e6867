//! The states of a Consul, in what it answers.

use std::net::SocketAddr;

use crate::probe::testing::{
    Fake, LOOKING, deep_lines, environment, nobody, routes, serve_udp, silent, stack_of, status, system,
};
use crate::stack::Service;

/// A service of the stack that registers itself.
fn registered(name: &str) -> Service {
    let mut service = crate::probe::testing::service(name, &[80], &[]);
    service.vv.register.insert("consul".into(), "self".into());
    service
}

async fn states(consul: Service, others: Vec<Service>, address: SocketAddr) -> String {
    let mut platform = Fake::default().with(status("consul", 1)).published("consul", 8500, address);
    for other in &others {
        platform = platform.with(status(&other.name, 1));
    }
    let stack = stack_of([consul.clone()].into_iter().chain(others));
    deep_lines(&stack, &consul, &platform, LOOKING).await
}

const NODE: &str = r#"{"Node":"n","Address":"172.18.0.2"}"#;

/// The check that every node has.
const SERF: &str = r#"[{"Node":"n","ServiceName":"","Name":"Serf Health Status","Status":"passing","Output":"Agent alive and reachable"}]"#;

#[tokio::test]
async fn the_catalog_in_its_states() {
    let consul = || system("consul", 8500);
    let kv = ("PUT /v1/kv/", 200, "true");
    let read = ("GET /v1/kv/", 200, "vv-probe");
    let gone = ("DELETE /v1/kv/", 200, "true");
    let nothing = ("GET /v1/health/state/any", 200, SERF);
    let entry = |id: &str, status: &str, output: &str| {
        format!(
            r#"[{{"Node":{NODE},"Service":{{"ID":"{id}","Address":"","Port":80}},"Checks":[{{"ServiceID":"{id}","Name":"http","Status":"{status}","Output":"{output}"}}]}}]"#
        )
    };
    let (fine, sick, left) = (
        entry("web-1", "passing", "200 OK"),
        entry("web-1", "critical", "connection refused"),
        entry("web-7", "critical", "timeout"),
    );
    let of = |body: &str| {
        vec![kv, read, gone, nothing]
            .into_iter()
            .map(|(a, b, c)| (a.to_owned(), b, c.to_owned()))
            .chain([("GET /v1/health/service/web".to_owned(), 200, body.to_owned())])
            .collect::<Vec<_>>()
    };
    let mut lines = Vec::new();
    for body in [fine.as_str(), sick.as_str(), left.as_str(), "[]"] {
        lines.push(states(consul(), vec![registered("web")], routes(of(body)).await).await);
    }
    // Somebody registers what nobody declared.
    let critical = r#"[{"Node":"n","ServiceName":"web","ServiceID":"web-1","Name":"http","Status":"critical","Output":"refused"},{"Node":"n2","ServiceName":"","Name":"Serf Health Status","Status":"critical","Output":"Agent not live or unreachable"}]"#;
    for body in [fine.as_str(), sick.as_str()] {
        let mut answers = of(body);
        answers[3].2 = critical.to_owned();
        let other = crate::probe::testing::service("web", &[80], &[]);
        lines.push(states(consul(), vec![other], routes(answers).await).await);
    }
    insta::assert_snapshot!(lines.join("\n--\n"), @r"
    kv ok: a key was written, read and deleted
    catalog ok: 1 instance of web is registered and passes
    --
    kv ok: a key was written, read and deleted
    catalog fail: web-1: http: connection refused -> Consul asks from its own container: is the check's address right there, and does it answer?
    --
    kv ok: a key was written, read and deleted
    catalog fail: web-7 is registered at 172.18.0.2:80, but no container of web is there; web-1 runs, but isn't registered -> take it out: curl -X PUT http://127.0.0.1:PORT/v1/agent/service/deregister/web-7
    --
    kv ok: a key was written, read and deleted
    catalog fail: web-1 runs, but isn't registered -> it registers itself when it starts: vv logs web, or vv restart web
    --
    kv ok: a key was written, read and deleted
    catalog warn: node n2: Serf Health Status: Agent not live or unreachable -> GET http://127.0.0.1:PORT/v1/health/state/any tells more
    --
    kv ok: a key was written, read and deleted
    catalog fail: web-1: http: connection refused -> Consul asks from its own container: is the check's address right there, and does it answer?
    ");
}

#[tokio::test]
async fn what_acls_and_a_read_only_store_say() {
    let answer = |status, body: &str| vec![("".to_owned(), status, body.to_owned())];
    let token = |value: &str| environment(system("consul", 8500), &[("CONSUL_HTTP_TOKEN", value)]);
    let plain = system("consul", 8500);
    let lines = [
        states(
            plain.clone(),
            vec![],
            routes(answer(403, "Permission denied: anonymous token lacks permission")).await,
        )
        .await,
        states(token("hunter22"), vec![], routes(answer(403, "Permission denied")).await).await,
        states(token("hunter22"), vec![], routes(answer(403, "ACL not found")).await).await,
        states(plain.clone(), vec![], routes(answer(500, "No cluster leader")).await).await,
        states(plain.clone(), vec![], routes(answer(200, "[]")).await).await,
        states(plain.clone(), vec![], routes(answer(200, "<html>")).await).await,
        states(plain.clone(), vec![], silent().await).await,
        states(plain, vec![], nobody().await).await,
    ];
    insta::assert_snapshot!(lines.join("\n--\n"), @r"
    kv warn: /v1/kv answers 403: permission denied -> its ACLs are on: set CONSUL_HTTP_TOKEN in its environment to a token that vv may use
    catalog warn: /v1/health/state/any answers 403: permission denied -> its ACLs are on: set CONSUL_HTTP_TOKEN in its environment to a token that vv may use
    --
    kv warn: /v1/kv answers 403: permission denied -> give the token of CONSUL_HTTP_TOKEN the right to read services and nodes, and to write keys
    catalog warn: /v1/health/state/any answers 403: permission denied -> give the token of CONSUL_HTTP_TOKEN the right to read services and nodes, and to write keys
    --
    kv lasting: doesn't know the token that the stack gives (CONSUL_HTTP_TOKEN) -> tokens are made in Consul: consul acl bootstrap, consul acl token create
    catalog lasting: doesn't know the token that the stack gives (CONSUL_HTTP_TOKEN) -> tokens are made in Consul: consul acl bootstrap, consul acl token create
    --
    kv fail: PUT /v1/kv: 500: No cluster leader
    catalog fail: GET /v1/health/state/any: 500: No cluster leader
    --
    kv fail: a key that was just written reads otherwise
    catalog warn: /v1/health/state/any shows nothing -> its ACLs are on: set CONSUL_HTTP_TOKEN in its environment to a token that vv may use
    --
    kv fail: a key that was just written reads otherwise
    catalog fail: GET /v1/health/state/any answers 200, but not as Consul
    --
    kv fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
    catalog fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
    --
    kv fail: 127.0.0.1:PORT refuses connections (container port 8500)
    catalog fail: 127.0.0.1:PORT refuses connections (container port 8500)
    ");
}

#[tokio::test]
async fn a_token_is_sent_wherever_the_stack_gives_it() {
    let configured = r#"{"acl":{"tokens":{"initial_management":"hunter22"}}}"#;
    for consul in [
        environment(system("consul", 8500), &[("CONSUL_HTTP_TOKEN", "hunter22")]),
        environment(system("consul", 8500), &[("CONSUL_LOCAL_CONFIG", configured)]),
    ] {
        let wanted = vec![
            ("x-consul-token: hunter22".to_owned(), 200, SERF.to_owned()),
            ("".to_owned(), 403, "Permission denied".to_owned()),
        ];
        let lines = states(consul, vec![], routes(wanted).await).await;
        assert!(lines.contains("catalog ok: no check of this stack's services is critical"), "{lines}");
    }
}

#[tokio::test]
async fn dns_in_its_states() {
    let mut lines = Vec::new();
    // Flags and counts of an answer: found, none, NXDOMAIN, REFUSED, SERVFAIL, and what isn't an answer.
    for header in [
        [0x85, 0x80, 0, 1, 0, 1],
        [0x85, 0x80, 0, 1, 0, 0],
        [0x85, 0x83, 0, 1, 0, 0],
        [0x81, 0x85, 0, 1, 0, 0],
        [0x81, 0x82, 0, 1, 0, 0],
        [0x01, 0x00, 0, 1, 0, 0],
    ] {
        let address = serve_udp(move |asked| [&asked[..2], &header, &asked[8..]].concat()).await;
        let mut consul = system("consul", 8500);
        consul.vv.urls = vec![crate::stack::vv::Url {
            name: "DNS".into(),
            port: address.port(),
            path: String::new(),
            scheme: "dns".into(),
            login: None,
            page: false,
        }];
        let endpoint = crate::platform::Endpoint { address, published: false };
        let platform = Fake::default().with(status("consul", 1)).at("consul", address.port(), endpoint);
        let all = deep_lines(&stack_of([consul.clone()]), &consul, &platform, LOOKING).await;
        lines.push(all.lines().filter(|line| line.starts_with("dns udp")).collect::<String>());
    }
    let mut consul = system("consul", 8500);
    consul.expose = vec!["8600/udp".into()];
    let platform = Fake::default().with(status("consul", 1));
    lines.push(deep_lines(&stack_of([consul.clone()]), &consul, &platform, LOOKING).await);
    insta::assert_snapshot!(lines.join("\n"), @r"
    dns udp ok: consul.service.consul is resolved by UDP
    dns udp warn: answers by UDP, but has no address for consul.service.consul -> does its configuration set another `domain`, or do its ACLs hide the service consul?
    dns udp warn: answers by UDP, but doesn't know consul.service.consul -> does its configuration set another `domain`, or do its ACLs hide the service consul?
    dns udp warn: answers by UDP, but refuses to look up consul.service.consul -> does its configuration set another `domain`, or do its ACLs hide the service consul?
    dns udp fail: by UDP it answers SERVFAIL for consul.service.consul -> its agent can't ask a server: look at its log
    dns udp fail: 127.0.0.1:PORT doesn't answer by UDP within 0.7 s -> does Consul listen there for all (-client=0.0.0.0, ports.dns)?
    kv not asked: port 8500 isn't published
    catalog not asked: port 8500 isn't published
    dns udp not asked: 8600/udp isn't published, and the container can't be reached from here
    dns tcp not asked: port 8600 isn't published
    ");
}

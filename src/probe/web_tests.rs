//! The systems that are asked by HTTP, against servers with one answer.

use std::net::SocketAddr;

use super::testing::{
    BRIEF, Fake, PATIENCE, answering, ask, ask_within, closing, environment, nobody, page, service, silent,
    stack_of, status, system, told,
};
use crate::platform::Endpoint;
use crate::stack::Service;
use crate::stack::vv::Probe;

async fn of(kind: &str, address: SocketAddr) -> String {
    told(ask(system(kind, 80), 80, address).await)
}

/// A kind asked for each of these answers, a line each.
async fn states(kind: &str, answers: &[(u16, &str)]) -> String {
    let mut lines = Vec::new();
    for (status, body) in answers {
        lines.push(format!("{kind} {}", of(kind, page(*status, "", body).await).await));
    }
    lines.join("\n")
}

#[tokio::test]
async fn what_each_system_says() {
    let all = [
        states(
            "consul",
            &[
                (200, "\"172.18.0.2:8300\"\n"),
                (200, "\"\""),
                (500, "No cluster leader"),
                (200, "<html>"),
                (404, ""),
            ],
        )
        .await,
        states(
            "prometheus",
            &[
                (200, "Prometheus Server is Ready.\n"),
                (503, "Service Unavailable"),
                (401, "Unauthorized"),
                (404, "no"),
            ],
        )
        .await,
        states(
            "grafana",
            &[
                (200, r#"{"commit":"x","database":"ok","version":"10.1.5"}"#),
                (503, r#"{"database":"failing"}"#),
                (200, "<html>"),
                (502, "<html>\nbad gateway"),
            ],
        )
        .await,
        states(
            "jaeger",
            &[
                (200, r#"{"data":["web"],"total":1,"errors":null}"#),
                (200, r#"{"data":null,"total":0}"#),
                (200, "<html>"),
                (500, r#"{"errors":[{"code":500,"msg":"no store"}]}"#),
            ],
        )
        .await,
        states(
            "elasticsearch",
            &[
                (200, r#"{"status":"green","number_of_nodes":3}"#),
                (200, r#"{"status":"yellow","number_of_nodes":1}"#),
                (200, r#"{"status":"yellow","number_of_nodes":3}"#),
                (200, r#"{"status":"red","number_of_nodes":1}"#),
                (401, r#"{"error":"missing authentication token"}"#),
                (503, "{}"),
                (200, "hello"),
            ],
        )
        .await,
        states("nginx", &[(404, "nope"), (403, ""), (502, "<html>")]).await,
        states("minio", &[(200, ""), (503, "")]).await,
        states("konga", &[(302, ""), (200, "hi"), (404, "nope")]).await,
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    consul ok: the leader is 172.18.0.2:8300
    consul fail: answers, but no leader is elected -> a server waits for as many others as its -bootstrap-expect says: are they up?
    consul fail: GET /v1/status/leader: 500: No cluster leader
    consul fail: GET /v1/status/leader answers 200, but not as Consul
    consul fail: GET /v1/status/leader: 404
    prometheus ok: GET /-/ready: 200
    prometheus fail: GET /-/ready: 503, it is starting up
    prometheus warn: GET /-/ready: 401, it wants a login -> its web.config.file asks for one; say how to ask with x-vv.probe.exec
    prometheus fail: GET /-/ready: 404: no
    grafana ok: database ok, version 10.1.5
    grafana fail: its database says failing -> look at GF_DATABASE_* and at whether that database answers
    grafana fail: GET /api/health answers 200, but not as Grafana
    grafana fail: GET /api/health: 502
    jaeger ok: the query API answers, 1 service reports
    jaeger ok: the query API answers, no spans yet
    jaeger fail: GET /api/services answers 200, but not as Jaeger
    jaeger fail: GET /api/services: 500: {"errors":[{"code":500,"msg":"no store"}]}
    elasticsearch ok: green, 3 nodes
    elasticsearch ok: yellow, 1 node: a single node has nowhere to put copies of its shards
    elasticsearch warn: yellow, 3 nodes: replicas of shards aren't assigned -> GET /_cluster/allocation/explain says why
    elasticsearch fail: red, 1 node: shards aren't assigned -> GET /_cluster/allocation/explain says why
    elasticsearch warn: answers, but wants a login that the stack doesn't give -> set ELASTIC_PASSWORD in its environment
    elasticsearch fail: GET /_cluster/health: 503: {}
    elasticsearch fail: GET /_cluster/health answers 200, but not as Elasticsearch
    nginx ok: GET /: 404
    nginx ok: GET /: 403
    nginx fail: GET /: 502
    minio ok: GET /minio/health/ready: 200
    minio fail: GET /minio/health/ready: 503
    konga ok: GET /: 302
    konga ok: GET /: 200
    konga fail: GET /: 404: nope -> it answers, but has no /: is the path right?
    "#);
}

#[tokio::test]
async fn a_login_that_elasticsearch_refuses() {
    let with_password = environment(system("elasticsearch", 80), &[("ELASTIC_PASSWORD", "hunter22")]);
    let refused = page(401, "", r#"{"error":"failed to authenticate user [elastic]"}"#).await;
    insta::assert_snapshot!(told(ask(with_password, 80, refused).await), @"fail: refuses the login of elastic -> the password of a first start is kept in its volume; a later change of the variable does nothing");
}

#[tokio::test]
async fn how_http_fails() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf";
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(200));
    let lines = [
        of("prometheus", closing().await).await,
        of("prometheus", nobody().await).await,
        of("prometheus", answering(&[b"-ERR unknown command\r\n"]).await).await,
        of("prometheus", answering(&[half]).await).await,
        of("prometheus", answering(&[many.as_bytes()]).await).await,
        told(ask_within(system("prometheus", 80), 80, silent().await, BRIEF).await),
        told(ask_within(system("prometheus", 80), 80, dripping().await, BRIEF).await),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 80 in the container
    fail: 127.0.0.1:PORT refuses connections (container port 80)
    fail: 127.0.0.1:PORT answers, but not in HTTP: invalid HTTP version parsed
    fail: GET /-/ready: 200, cut in its body
    fail: 127.0.0.1:PORT answers, but not in HTTP: message head is too large
    fail: 127.0.0.1:PORT accepts but says nothing within 300 ms
    fail: GET /-/ready: 200, but its body doesn't end within 300 ms
    ");
}

/// A page whose body never ends.
async fn dripping() -> SocketAddr {
    super::testing::serve(|mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n").await;
        while stream.write_all(b".").await.is_ok() {
            tokio::time::sleep(BRIEF / 3).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_huge_page_is_read_in_part() {
    let huge = "x".repeat(4 * 1024 * 1024);
    assert_eq!(of("konga", page(200, "", &huge).await).await, "ok: GET /: 200");
}

#[tokio::test]
async fn a_redirect_counts_and_is_not_followed() {
    let nowhere = page(302, "Location: http://127.0.0.1:1/\r\n", "").await;
    assert_eq!(of("konga", nowhere).await, "ok: GET /: 302");
}

#[tokio::test]
async fn a_page_that_shows_a_secret_is_not_repeated() {
    let leaking = page(500, "", "cannot log in with hunter22").await;
    let subject = environment(system("konga", 80), &[("DB_PASSWORD", "hunter22")]);
    assert_eq!(told(ask(subject, 80, leaking).await), "fail: GET /: 500: cannot log in with •••");
}

#[tokio::test]
async fn tcp_is_open_or_closed_at_once() {
    let mut subject = service("s", &[80], &[]);
    subject.vv.probe = Some(Probe::Tcp { port: 80 });
    let of = |subject: Service, address| async move { told(ask(subject, 80, address).await) };
    let lines = [
        of(subject.clone(), silent().await).await,
        of(subject.clone(), closing().await).await,
        of(subject, nobody().await).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    ok: 127.0.0.1:PORT accepts and stays open
    fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 80 in the container
    fail: 127.0.0.1:PORT refuses connections (container port 80)
    ");
}

#[tokio::test]
async fn a_url_answers_a_status() {
    let of =
        |address: SocketAddr| async move { super::http::status(&format!("http://{address}/x"), BRIEF).await };
    assert_eq!(of(page(401, "", "").await).await.unwrap(), 401);
    let elsewhere = "Location: http://login.invalid/\r\n";
    assert_eq!(of(page(302, elsewhere, "").await).await.unwrap(), 302, "another server isn't asked");
    assert!(of(nobody().await).await.unwrap_err().contains("refused"));
    assert_eq!(of(silent().await).await.unwrap_err(), "no answer within 300 ms");
    let accepts = |address: SocketAddr| async move { super::tcp::accepts(&address.to_string(), BRIEF).await };
    assert_eq!(accepts(silent().await).await.unwrap(), "accepts");
    assert!(accepts(closing().await).await.unwrap_err().contains("closes at once"));
    assert!(accepts(nobody().await).await.is_err());
}

#[tokio::test]
async fn a_port_that_cannot_be_reached_is_not_asked() {
    let subject = system("konga", 1337);
    let status = status("konga", 1);
    let stack = stack_of([subject.clone()]);
    let platform = Fake::default().with(status.clone());
    let result = super::protocol(&stack, &subject, &platform, &status, PATIENCE).await;
    assert_eq!(told(result), "not asked: port 1337 isn't published");

    let unknown = service("worker", &[], &[]);
    let result = super::protocol(&stack, &unknown, &platform, &status, PATIENCE).await;
    assert_eq!(told(result), "not asked: nothing is known of what it serves");
}

#[tokio::test]
async fn zookeeper_says_srvr() {
    let answer = b"Zookeeper version: 3.6.4--d65253dcf68e9097c6e95a126463fd5fdeb4521c, built on 12/18/2022\nLatency min/avg/max: 0/0.0/0\nMode: standalone\nNode count: 5\n";
    let lines = [
        of("zookeeper", answering(&[answer]).await).await,
        of("zookeeper", answering(&[b"This ZooKeeper instance is not currently serving requests\n"]).await)
            .await,
        of("zookeeper", answering(&[b"srvr is not executed because it is not in the whitelist.\n"]).await)
            .await,
        of("zookeeper", answering(&[b"-ERR unknown command\r\n"]).await).await,
        of("zookeeper", closing().await).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    ok: standalone, version 3.6.4
    fail: answers, but doesn't serve: it has no quorum yet -> are the other servers of ZOOKEEPER_SERVERS up?
    ok: answers (srvr isn't allowed)
    fail: 127.0.0.1:PORT answers, but not as ZooKeeper
    fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 80 in the container
    ");
}

#[tokio::test]
async fn a_command_in_the_container() {
    use crate::platform::PlatformError;
    let mut subject = service("s", &[], &[]);
    let mut lines = Vec::new();
    for word in
        ["good", "silent", "bad", "worse", "absent", "shell", "locked", "dying", "ended", "slow", "gone"]
    {
        subject.vv.probe = Some(Probe::Exec { command: vec![word.into()] });
        let status = status("s", 1);
        let platform = Fake::default()
            .with(status.clone())
            .at("s", 1, Endpoint { address: "127.0.0.1:1".parse().unwrap(), published: false })
            .command("good", 0, "checking\nall well\n\n")
            .command("silent", 0, "")
            .command("bad", 1, "")
            .command("worse", 3, "x\nno database\n")
            .command("absent", 127, "exec: \"absent\": executable file not found in $PATH")
            .command("shell", 127, "/bin/sh: curl: not found\n")
            .command("locked", 126, "exec: \"/check\": permission denied: unknown\n")
            .command("dying", 126, "cannot exec in a stopped state: unknown\r\n")
            .command("ended", 127, "lstat /proc/4711/ns/ipc: no such file or directory: unknown\r\n")
            .broken_command("slow", PlatformError::Timeout(PATIENCE))
            .broken_command("gone", PlatformError::NotRunning("s-1 isn't running".into()));
        let stack = stack_of([subject.clone()]);
        lines.push(told(super::protocol(&stack, &subject, &platform, &status, PATIENCE).await));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    ok: the command exits with 0: all well
    ok: the command exits with 0
    fail: the command exits with 1
    fail: the command exits with 3: no database
    lasting: the command can't be run in the container: exec: "absent": executable file not found in $PATH -> let x-vv.probe.exec run something that is in the image, or put absent into it
    lasting: the command can't be run in the container: /bin/sh: curl: not found -> let x-vv.probe.exec run something that is in the image, or put curl into it
    lasting: the command can't be run in the container: exec: "/check": permission denied: unknown -> let x-vv.probe.exec name a command that the image has and can run
    fail: the command exits with 126: cannot exec in a stopped state: unknown
    fail: the command exits with 127: lstat /proc/4711/ns/ipc: no such file or directory: unknown
    fail: the command doesn't end within 5 s
    fail: s-1 isn't running
    "#);
}

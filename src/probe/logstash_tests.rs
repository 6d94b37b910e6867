use std::net::SocketAddr;

use crate::probe::testing::{Fake, LOOKING, deep_lines, serve, service, site, stack_of, status, system};

const RUNNING: &str = r#"{"pipelines":{"main":{"events":{"in":1},"reloads":{"last_failure_timestamp":null,"last_success_timestamp":null}},".monitoring":{}}}"#;

/// A Logstash with this input, before an Elasticsearch with these pages.
async fn of(stats: &str, input: Option<SocketAddr>, store: &[(&str, u16, &str)]) -> String {
    let mut logstash = system("logstash", 9600);
    logstash.expose = vec!["5000".into()];
    let stack = stack_of([logstash.clone(), system("elasticsearch", 9200)]);
    let mut platform = Fake::default()
        .with(status("logstash", 1))
        .with(status("elasticsearch", 1))
        .published("logstash", 9600, site(&[("GET /_node/stats/pipelines", 200, stats)]).await);
    if let Some(input) = input {
        platform = platform.published("logstash", 5000, input);
    }
    if !store.is_empty() {
        platform = platform.published("elasticsearch", 9200, site(store).await);
    }
    deep_lines(&stack, &logstash, &platform, LOOKING).await
}

/// An input that takes everything.
async fn taking() -> SocketAddr {
    serve(|mut stream| async move {
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    })
    .await
}

#[tokio::test]
async fn every_state_has_its_words() {
    let hit = r#"{"hits":{"hits":[{"_index":"logs-2026.11","_id":"Zx1"}]}}"#;
    let old_hit = r#"{"hits":{"hits":[{"_index":"logs","_type":"doc","_id":"Zx1"}]}}"#;
    let none = r#"{"hits":{"hits":[]}}"#;
    let failed = r#"{"pipelines":{"main":{"reloads":{"last_error":{"message":"Expected one of [input, filter, output] at line 3"},"last_failure_timestamp":"2026-11-21T10:00:00Z","last_success_timestamp":"2026-11-20T10:00:00Z"}}}}"#;
    let root = ("GET / ", 200, "{}");
    let lines = [
        of(
            RUNNING,
            Some(taking().await),
            &[root, ("GET /_search", 200, hit), ("DELETE /logs-2026.11/_doc/Zx1", 200, "{}")],
        )
        .await,
        of(
            RUNNING,
            Some(taking().await),
            &[root, ("GET /_search", 200, old_hit), ("DELETE /logs/doc/Zx1", 200, "{}")],
        )
        .await,
        of(RUNNING, Some(taking().await), &[root, ("GET /_search", 200, hit), ("DELETE", 403, "{}")]).await,
        of(RUNNING, Some(taking().await), &[root, ("GET /_search", 200, none)]).await,
        of(failed, Some(crate::probe::testing::closing().await), &[root, ("GET /_search", 200, none)]).await,
        of(r#"{"pipelines":{}}"#, Some(crate::probe::testing::nobody().await), &[root]).await,
        of("<html>", None, &[root]).await,
        of(RUNNING, Some(taking().await), &[]).await,
    ];
    insta::assert_snapshot!(lines.join("\n\n"), @r"
    pipelines ok: running: main
    document ok: a document sent to port 5000 was found in Elasticsearch, and deleted

    pipelines ok: running: main
    document ok: a document sent to port 5000 was found in Elasticsearch, and deleted

    pipelines ok: running: main
    document warn: a document sent to port 5000 was found, but DELETE /logs-2026.11/_doc/Zx1 answers 403 -> it says vv-probe in its field service

    pipelines ok: running: main
    document fail: a document sent to port 5000 isn't in Elasticsearch after 0.7 s -> its pipeline must read tcp with codec json_lines there and write to the stack's Elasticsearch: vv logs logstash

    pipelines warn: the newest configuration isn't what runs: main: Expected one of [input, filter, output] at line 3 -> correct the pipeline's file; vv logs logstash says the line
    document fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 5000 in the container

    pipelines fail: runs no pipeline -> is a configuration mounted in /usr/share/logstash/pipeline?
    document fail: 127.0.0.1:PORT refuses connections (container port 5000)

    pipelines fail: GET /_node/stats/pipelines: 200
    document not asked: port 5000 isn't published

    pipelines ok: running: main
    document not asked: elasticsearch: port 9200 isn't published
    ");
}

#[test]
fn which_port_takes_documents() {
    let of = |ports: &[u16], urls: &[(&str, u16)]| super::input(&service("logstash", ports, urls));
    assert_eq!(of(&[9600, 5000], &[]), Some(5000));
    assert_eq!(of(&[9600, 5044], &[]), None, "the Beats protocol isn't lines");
    assert_eq!(of(&[9600, 5044, 6000], &[("tcp", 6000)]), Some(6000));
}

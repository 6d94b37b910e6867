//! What Prometheus tells of its targets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::probe::testing::{
    Fake, LOOKING, PATIENCE, deep_lines, nobody, serve, service, silent, site, stack_of, status, system,
};

fn target(job: &str, url: &str, health: &str, error: &str, last: &str) -> String {
    format!(
        r#"{{"labels":{{"job":"{job}","instance":"x"}},"scrapeUrl":"{url}","health":"{health}","lastError":"{error}","lastScrape":"{last}"}}"#
    )
}

fn document(targets: &[String]) -> String {
    format!(r#"{{"status":"success","data":{{"activeTargets":[{}]}}}}"#, targets.join(","))
}

/// A Prometheus that says each of these in turn, and the last of them from then on.
async fn saying(documents: Vec<String>) -> SocketAddr {
    let (documents, asked) = (Arc::new(documents), Arc::new(AtomicUsize::new(0)));
    serve(move |mut stream| {
        let (documents, asked) = (documents.clone(), asked.clone());
        async move {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap_or(0);
            let body = if String::from_utf8_lossy(&buffer[..count]).contains("/api/v1/targets") {
                documents[asked.fetch_add(1, Ordering::SeqCst).min(documents.len() - 1)].clone()
            } else {
                r#"{"data":{"reloadConfigSuccess":true}}"#.to_owned()
            };
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

/// The first line, where `web` is a service of the stack that answers at an address.
async fn of(prometheus: SocketAddr, web: SocketAddr) -> String {
    within(LOOKING, prometheus, web).await
}

/// … of one that comes to a verdict by itself.
async fn settling(prometheus: SocketAddr, web: SocketAddr) -> String {
    within(PATIENCE, prometheus, web).await
}

async fn within(patience: Duration, prometheus: SocketAddr, web: SocketAddr) -> String {
    let subject = system("prometheus", 9090);
    let platform = Fake::default()
        .with(status("prometheus", 1))
        .published("prometheus", 9090, prometheus)
        .with(status("web", 1))
        .published("web", 80, web);
    let stack = stack_of([subject.clone(), service("web", &[80], &[]), service("far", &[80], &[])]);
    let lines = deep_lines(&stack, &subject, &platform, patience).await;
    lines.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn targets_in_every_state() {
    let up = |last: &str| target("web", "http://web:80/metrics", "up", "", last);
    let down =
        |last: &str| target("web", "http://web:80/metrics", "down", "server returned HTTP status 503", last);
    let unknown = target("web", "http://web:80/metrics", "unknown", "", "0001-01-01T00:00:00Z");
    let absent =
        target("wbe", "http://wbe:80/metrics", "down", "lookup wbe on 127.0.0.11:53: no such host", "10:00");
    let hidden = target("far", "http://far:80/metrics", "down", "connection refused", "10:00");
    let web = || async { site(&[("GET /metrics", 200, "x 1\n")]).await };
    let lines = [
        of(saying(vec![document(&[up("10:00")])]).await, nobody().await).await,
        settling(
            saying(vec![
                document(&[]),
                document(std::slice::from_ref(&unknown)),
                document(&[up("10:00"), up("10:01")]),
            ])
            .await,
            nobody().await,
        )
        .await,
        of(saying(vec![document(&[])]).await, nobody().await).await,
        of(saying(vec![document(&[unknown])]).await, nobody().await).await,
        settling(saying(vec![document(&[down("10:00")]), document(&[up("10:05")])]).await, web().await).await,
        settling(saying(vec![document(&[down("10:00")]), document(&[down("10:05")])]).await, web().await)
            .await,
        of(saying(vec![document(&[down("10:00")])]).await, web().await).await,
        of(saying(vec![document(&[down("10:00")])]).await, nobody().await).await,
        of(saying(vec![document(&[up("10:00"), absent])]).await, web().await).await,
        of(saying(vec![document(&[hidden])]).await, web().await).await,
        of(site(&[("/api/v1/targets", 401, "Unauthorized")]).await, nobody().await).await,
        of(site(&[("/api/v1/targets", 200, "<html>")]).await, nobody().await).await,
        of(silent().await, nobody().await).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    targets ok: 1 target is up
    targets ok: 2 targets are up
    targets warn: has no targets -> they come seconds after its start; if not, look at scrape_configs
    targets warn: not scraped yet: web (http://web:80/metrics) -> ask again after a scrape_interval
    targets ok: 1 target is up
    targets fail: web (http://web:80/metrics) is down: server returned HTTP status 503 -> is that service up and in a network with Prometheus, and does it serve metrics at that path?
    targets warn: web (http://web:80/metrics) is down: server returned HTTP status 503 at its last scrape, and none has come since -> ask again after a scrape_interval; does http://web:80/metrics answer from Prometheus' networks?
    targets fail: web (http://web:80/metrics) is down: server returned HTTP status 503 -> is that service up and in a network with Prometheus, and does it serve metrics at that path?
    targets fail: wbe (http://wbe:80/metrics) is down: lookup wbe on 127.0.0.11:53: no such host -> is that service up and in a network with Prometheus, and does it serve metrics at that path?
    targets warn: far (http://far:80/metrics) is down: connection refused at its last scrape, and none has come since -> ask again after a scrape_interval; does http://far:80/metrics answer from Prometheus' networks?
    targets not asked: it wants a login
    targets fail: GET /api/v1/targets answers 200, but not as Prometheus
    targets fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
    ");
}

#[tokio::test]
async fn a_reload_that_failed() {
    let mut lines = Vec::new();
    for (code, body) in [
        (200, r#"{"data":{"reloadConfigSuccess":true}}"#),
        (200, r#"{"data":{"reloadConfigSuccess":false}}"#),
        (404, "404 page not found"),
        (401, "Unauthorized"),
        (200, "{}"),
        (500, "tsdb is closed"),
    ] {
        let address = site(&[("runtimeinfo", code, body)]).await;
        let all = crate::probe::testing::deep_of(system("prometheus", 9090), 9090, address).await;
        lines.push(all.lines().last().unwrap().to_owned());
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    configuration ok: the configuration was loaded
    configuration warn: runs with an old configuration: the last reload failed -> vv exec prometheus promtool check config /etc/prometheus/prometheus.yml says where; vv logs prometheus says when
    configuration not asked: this version doesn't tell
    configuration not asked: it wants a login
    configuration fail: GET /api/v1/status/runtimeinfo answers 200, but not as Prometheus
    configuration fail: GET /api/v1/status/runtimeinfo: 500: tsdb is closed
    ");
}

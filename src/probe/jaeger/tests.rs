//! What a collector takes and a query service gives back.

use std::net::SocketAddr;

use super::spans::senders;
use crate::probe::testing::{
    Fake, LOOKING, closing, deep_lines, environment, nobody, service, silent, site, stack_of, status, system,
};
use crate::stack::Service;

async fn of(jaeger: Service, web: SocketAddr, otlp: SocketAddr, others: Vec<Service>) -> String {
    let platform = Fake::default()
        .with(status(&jaeger.name, 1))
        .published(&jaeger.name, 16686, web)
        .published(&jaeger.name, 4318, otlp);
    let stack = stack_of([jaeger.clone()].into_iter().chain(others));
    deep_lines(&stack, &jaeger, &platform, LOOKING).await
}

fn jaeger() -> Service {
    let mut jaeger = system("jaeger", 16686);
    jaeger.expose = vec!["4318".into()];
    jaeger
}

/// A query API that always has the trace that it is asked for.
async fn echoing() -> SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    crate::probe::testing::serve(|mut stream| async move {
        let mut buffer = vec![0; 4096];
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        let asked = String::from_utf8_lossy(&buffer[..count]).into_owned();
        let id =
            asked.split(' ').nth(1).unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        let body = format!(r#"{{"data":[{{"traceID":"{id}"}}]}}"#);
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await
}

fn without_times(text: &str) -> String {
    regex::Regex::new(r"after \d+ ms").unwrap().replace_all(text, "after N ms").into_owned()
}

#[tokio::test]
async fn a_span_in_every_state() {
    let absent =
        [("GET /api/traces/", 404, r#"{"data":null,"errors":[{"code":404,"msg":"trace not found"}]}"#)];
    let broken = [("GET /api/traces/", 500, r#"{"errors":[{"code":500,"msg":"no living connections"}]}"#)];
    let taken = || async { site(&[("POST /v1/traces", 200, r#"{"partialSuccess":{}}"#)]).await };
    let off = environment(jaeger(), &[("COLLECTOR_OTLP_ENABLED", "false")]);
    let stored = environment(jaeger(), &[("SPAN_STORAGE_TYPE", "elasticsearch")]);
    let mut undeclared = jaeger();
    undeclared.expose.clear();
    let full = r#"{"code":14,"message":"sending queue is full"}"#;
    let rejected = r#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}"#;
    let lines = [
        of(jaeger(), echoing().await, taken().await, vec![]).await,
        of(jaeger(), site(&absent).await, taken().await, vec![]).await,
        of(stored, site(&absent).await, taken().await, vec![]).await,
        of(jaeger(), site(&broken).await, taken().await, vec![]).await,
        of(jaeger(), site(&absent).await, site(&[("POST", 503, full)]).await, vec![]).await,
        of(jaeger(), site(&absent).await, site(&[("POST", 200, rejected)]).await, vec![]).await,
        of(jaeger(), site(&absent).await, site(&[]).await, vec![]).await,
        of(jaeger(), site(&absent).await, closing().await, vec![]).await,
        of(undeclared, site(&absent).await, nobody().await, vec![]).await,
        of(jaeger(), site(&absent).await, silent().await, vec![]).await,
        of(off, site(&absent).await, nobody().await, vec![]).await,
    ];
    insta::assert_snapshot!(without_times(&lines.join("\n--\n")), @r#"
    otlp http ok: a span sent by OTLP/HTTP can be read after N ms
    otlp grpc not asked: port 4317 isn't published
    --
    otlp http fail: takes a span by OTLP/HTTP, but it can't be read within 0.7 s -> its queue may be full: vv logs jaeger, or vv restart jaeger
    otlp grpc not asked: port 4317 isn't published
    --
    otlp http fail: takes a span by OTLP/HTTP, but it can't be read within 0.7 s -> its spans go to elasticsearch: does that take writes, and do collector and query share it?
    otlp grpc not asked: port 4317 isn't published
    --
    otlp http fail: GET /api/traces: 500: {"errors":[{"code":500,"msg":"no living connections"}]}
    otlp grpc not asked: port 4317 isn't published
    --
    otlp http fail: refuses a span by OTLP/HTTP: 503 sending queue is full -> its queue is full or what it writes to doesn't take more: look at its log and at its storage
    otlp grpc not asked: port 4317 isn't published
    --
    otlp http fail: refuses a span by OTLP/HTTP: too old -> its queue is full or what it writes to doesn't take more: look at its log and at its storage
    otlp grpc not asked: port 4317 isn't published
    --
    otlp http fail: 127.0.0.1:PORT has no /v1/traces: it takes no spans
    otlp grpc not asked: port 4317 isn't published
    --
    otlp http fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 4318 in the container -> Jaeger before 1.35 takes OTLP only with COLLECTOR_OTLP_ENABLED=true
    otlp grpc not asked: port 4317 isn't published
    --
    otlp http not asked: port 4318 isn't declared, and nothing listens there
    otlp grpc not asked: port 4317 isn't published
    --
    otlp http fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
    otlp grpc not asked: port 4317 isn't published
    --
    otlp http warn: takes no spans by OTLP/HTTP: COLLECTOR_OTLP_ENABLED is false -> set COLLECTOR_OTLP_ENABLED=true, unless every service sends in another format
    otlp grpc warn: takes no spans by OTLP/gRPC: COLLECTOR_OTLP_ENABLED is false -> set COLLECTOR_OTLP_ENABLED=true, unless every service sends in another format
    "#);
}

#[tokio::test]
async fn a_collector_alone_and_one_with_a_query_service() {
    let taken = site(&[("POST /v1/traces", 200, "{}")]).await;
    let mut collector = jaeger();
    (collector.name, collector.image) = ("collector".into(), "jaegertracing/jaeger-collector:1.62".into());
    let mut query = system("jaeger", 16686);
    (query.name, query.image) = ("query".into(), "jaegertracing/jaeger-query:1.62".into());
    let alone = of(collector.clone(), nobody().await, taken, vec![]).await;
    let platform = Fake::default()
        .with(status("collector", 1))
        .with(status("query", 1))
        .published("collector", 4318, taken)
        .published("query", 16686, echoing().await);
    let stack = stack_of([collector.clone(), query.clone()]);
    let together = deep_lines(&stack, &collector, &platform, LOOKING).await;
    assert_eq!(deep_lines(&stack, &query, &platform, LOOKING).await, "", "it takes no spans");
    insta::assert_snapshot!(without_times(&[alone, together].join("\n--\n")), @r"
    otlp http ok: takes a span by OTLP/HTTP; no query service of this stack to read it from
    otlp grpc not asked: port 4317 isn't published
    --
    otlp http ok: a span sent by OTLP/HTTP can be read after N ms
    otlp grpc not asked: port 4317 isn't published
    ");
}

#[tokio::test]
async fn who_reports() {
    let sender = |name: &str, variables: &[(&str, &str)]| environment(service(name, &[], &[]), variables);
    let others = vec![
        sender(
            "web",
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://jaeger:4318"), ("OTEL_SERVICE_NAME", "shop")],
        ),
        sender("orders", &[("JAEGER_AGENT_HOST", "jaeger")]),
        sender("mail", &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")]),
        sender(
            "pay",
            &[
                ("JAEGER_ENDPOINT", "http://jaeger:14268/api/traces"),
                ("OTEL_RESOURCE_ATTRIBUTES", "a=b,service.name=payments"),
            ],
        ),
    ];
    assert_eq!(senders(&stack_of(others.clone()), &jaeger()), ["shop", "orders", "payments"]);
    let mut lines = Vec::new();
    for data in [r#"["shop","vv-probe"]"#, "null", r#"["shop","orders","payments"]"#] {
        let body = format!(r#"{{"data":{data}}}"#);
        let all =
            of(jaeger(), site(&[("/api/services", 200, &body)]).await, nobody().await, others.clone()).await;
        lines.push(all.lines().last().unwrap().to_owned());
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    services ok: shop reports; orders, payments have no spans so far (without a request there are none)
    services ok: shop, orders, payments have no spans so far (without a request there are none)
    services ok: shop, orders, payments report
    ");
}

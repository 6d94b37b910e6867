use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::probe::target::Deadline;
use crate::probe::testing::{Fake, environment, page, serve, silent, stack_of, status, system, told};
use crate::stack::Service;

fn of_image(image: &str) -> Service {
    Service { image: image.into(), ..system("kafka-ui", 8080) }
}

async fn asked(service: &Service, address: SocketAddr) -> String {
    let (stack, status) = (stack_of([service.clone()]), status(&service.name, 1));
    let platform = Fake::default().with(status.clone()).published(&service.name, 8080, address);
    let deadline = Deadline::after(Duration::from_millis(700));
    let target = Target { stack: &stack, service, status: &status, platform: &platform, deadline };
    let mut lines = Vec::new();
    for check in deep(target) {
        lines.push(format!("{}: {}", check.name, told(check.work.await)));
    }
    lines.join("\n")
}

/// A server with one page for everybody, again and again.
async fn json(body: &'static str) -> SocketAddr {
    serve(move |mut stream| async move {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    })
    .await
}

#[tokio::test]
async fn every_state_has_its_words() {
    let ui = of_image("provectuslabs/kafka-ui:v0.7.1");
    let told_where = environment(ui.clone(), &[("KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS", "localhost:9092")]);
    let lines = [
        asked(
            &ui,
            json(r#"[{"name":"local","defaultCluster":null,"status":"online","lastError":null,"brokerCount":1,
                "onlinePartitionCount":5,"topicCount":3,"readOnly":false,"features":["TOPIC_DELETION"]}]"#)
            .await,
        )
        .await,
        asked(
            &told_where,
            json(r#"[{"name":"local","status":"offline","lastError":{"message":
                "org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment."}}]"#)
            .await,
        )
        .await,
        asked(&ui, json(r#"[{"name":"a","status":"online"},{"name":"b","status":"initializing"}]"#).await).await,
        asked(&ui, json("[]").await).await,
        asked(&ui, json("<!DOCTYPE html><html>Please sign in</html>").await).await,
        asked(&ui, page(302, "Location: /auth\r\n", "").await).await,
        asked(&ui, page(404, "", "{}").await).await,
        asked(&ui, page(500, "", "{\"message\":\"out of memory\"}").await).await,
        asked(&ui, silent().await).await,
        asked(&of_image("obsidiandynamics/kafdrop"), json(r#"{"summary":{},"brokers":[{"id":1}]}"#).await).await,
        asked(&of_image("obsidiandynamics/kafdrop"), json(r#"{"brokers":[]}"#).await).await,
        asked(&of_image("obsidiandynamics/kafdrop"), page(500, "", "").await).await,
        asked(&of_image("obsidiandynamics/kafdrop"), json("<html></html>").await).await,
        asked(&of_image("tchiotludo/akhq:0.24"), json("[]").await).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    clusters: ok: online: local
    clusters: fail: the cluster local is offline: org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment. -> KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS is localhost:PORT: it must be a listener that is advertised to containers
    clusters: fail: the cluster b is initializing -> KAFKA_CLUSTERS_1_BOOTSTRAPSERVERS says where it looks: it must be a listener that is advertised to containers
    clusters: warn: knows no cluster -> name one: KAFKA_CLUSTERS_0_NAME and KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS
    clusters: not asked: /api/clusters wants a login (200)
    clusters: not asked: /api/clusters wants a login (302)
    clusters: not asked: it has no /api/clusters
    clusters: fail: GET /api/clusters: 500: {"message":"out of memory"}
    clusters: fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
    brokers: ok: sees 1 broker
    brokers: fail: sees no broker -> KAFKA_BROKERCONNECT must be a listener that is advertised to containers
    brokers: fail: GET /: 500 -> KAFKA_BROKERCONNECT must be a listener that is advertised to containers
    brokers: not asked: its first page isn't to be had in JSON
    "#);
}

#[tokio::test]
async fn one_that_looked_before_kafka_was_up_is_told_to_look_again() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let looked = Arc::new(AtomicBool::new(false));
    let address = serve(move |mut stream| {
        let looked = looked.clone();
        async move {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            if request[..read].starts_with(b"POST /kafka/api/clusters/my%20cluster/cache ") {
                looked.store(true, Ordering::SeqCst);
            } else {
                assert!(
                    request.starts_with(b"GET /kafka/api/clusters "),
                    "{}",
                    String::from_utf8_lossy(&request)
                );
            }
            let status = if looked.load(Ordering::SeqCst) { "online" } else { "offline" };
            let body = format!(r#"[{{"name":"my cluster","status":"{status}"}}]"#);
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    })
    .await;
    let below = [("SERVER_SERVLET_CONTEXT_PATH", "/kafka/")];
    let ui = environment(of_image("kafbat/kafka-ui"), &below);
    assert_eq!(asked(&ui, address).await, "clusters: ok: online: my cluster");
}

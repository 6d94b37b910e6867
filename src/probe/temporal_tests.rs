use std::net::SocketAddr;

use http::{Response, StatusCode};

use super::*;
use crate::probe::testing::{deep_of, environment, serve, stack_of, system};

/// A gRPC server that answers with these statuses, one after the other, the last for ever.
async fn server(statuses: &'static [&'static str]) -> SocketAddr {
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    serve(move |stream| {
        let asked = asked.clone();
        async move {
            let Ok(mut connection) = h2::server::handshake(stream).await else { return };
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                assert_eq!(request.uri().path(), DESCRIBE);
                let turn = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst).min(statuses.len() - 1);
                tokio::spawn(async move {
                    let body = request.into_body().data().await.unwrap().unwrap();
                    assert_eq!(&body[..], b"\0\0\0\0\x06\x0a\x04shop");
                    let response = Response::builder()
                        .status(StatusCode::OK)
                        .header("grpc-status", statuses[turn])
                        .header("grpc-message", "as scripted");
                    respond.send_response(response.body(()).unwrap(), true).unwrap();
                });
            }
        }
    })
    .await
}

async fn of(statuses: &'static [&'static str]) -> String {
    let service = environment(system("temporal", 7233), &[("DEFAULT_NAMESPACE", "shop")]);
    deep_of(service, 7233, server(statuses).await).await
}

#[tokio::test]
async fn every_state_has_its_words() {
    let lines = [
        of(&["0"]).await,
        of(&["5", "14", "0"]).await,
        of(&["5"]).await,
        of(&["14"]).await,
        of(&["7"]).await,
        of(&["3"]).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    namespaces ok: shop is there
    namespaces ok: shop is there
    namespaces fail: there is no namespace shop -> temporal operator namespace create shop makes it; a step under x-vv.init can do it at each start
    namespaces fail: shop can't be asked for: gRPC status 14: as scripted -> is its database up? It keeps namespaces there
    namespaces not asked: the server wants a login
    namespaces fail: gRPC status 3: as scripted
    ");
}

#[test]
fn which_namespaces_must_be_there() {
    let of = |image: &str, command: &[&str], variables: &[(&str, &str)], used: &[&str]| {
        let mut temporal = environment(system("temporal", 7233), variables);
        temporal.image = image.into();
        temporal.command = Some(command.iter().map(|word| (*word).to_owned()).collect());
        let mut services = vec![temporal.clone()];
        for (index, name) in used.iter().enumerate() {
            services
                .push(environment(system(&format!("worker-{index}"), 1), &[("TEMPORAL_NAMESPACE", name)]));
        }
        namespaces(&stack_of(services), &temporal).join(" ")
    };
    let setup = "temporalio/auto-setup:1.22";
    assert_eq!(of(setup, &[], &[], &[]), "default");
    assert_eq!(of(setup, &[], &[("DEFAULT_NAMESPACE", "shop")], &[]), "shop");
    assert_eq!(of(setup, &[], &[("SKIP_DEFAULT_NAMESPACE_CREATION", "true")], &["mes", "mes"]), "mes");
    assert_eq!(of("temporalio/server", &[], &[], &[]), "");
    assert_eq!(
        of("temporal", &["server", "start-dev", "--namespace", "a", "-n", "b"], &[], &["a"]),
        "default a b"
    );
    assert_eq!(of("temporal", &["temporal server start-dev --ip 0.0.0.0"], &[], &["erp"]), "default erp");
}

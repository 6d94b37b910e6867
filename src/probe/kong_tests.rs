use std::net::SocketAddr;

use super::*;
use crate::probe::testing::{
    Fake, PATIENCE, closing, environment, nobody, page, service, stack_of, status as replica, told,
};

/// A Kong with these variables.
fn gateway(variables: &[(&str, &str)]) -> Service {
    let mut service = environment(service("kong", &[8000, 8001], &[]), variables);
    service.vv.kind = Some("kong".into());
    service
}

async fn of(service: Service, proxy: SocketAddr, admin: SocketAddr) -> String {
    let status = replica("kong", 1);
    let platform =
        Fake::default().with(status.clone()).published("kong", 8000, proxy).published("kong", 8001, admin);
    told(crate::probe::protocol(&stack_of([service.clone()]), &service, &platform, &status, PATIENCE).await)
}

const OPEN: (&str, &str) = ("KONG_ADMIN_LISTEN", "0.0.0.0:8001");
const OFF: (&str, &str) = ("KONG_DATABASE", "off");

/// The proxy of an empty gateway (recorded: proxy/001-empty-gateway-404).
async fn proxy() -> SocketAddr {
    let headers = "Content-Type: application/json; charset=utf-8\r\nX-Kong-Response-Latency: 0\r\nServer: kong/3.4.2\r\n";
    page(404, headers, r#"{"message":"no Route matched with those values"}"#).await
}

async fn status(body: &str) -> SocketAddr {
    page(200, "Server: kong/3.4.2\r\n", body).await
}

#[tokio::test]
async fn every_state_has_its_words() {
    let reachable = r#"{"server":{"total_requests":3},"database":{"reachable":true}}"#;
    let unreachable = r#"{"server":{"total_requests":3},"database":{"reachable":false}}"#;
    let hashed = |hash: &str| {
        format!(r#"{{"server":{{}},"configuration_hash":"{hash}","database":{{"reachable":true}}}}"#)
    };
    let loaded = hashed("a9a166c59873245db8f1a747ba9a80a7");
    let empty = hashed("00000000000000000000000000000000");
    let via = "Via: kong/3.4.2\r\nX-Kong-Upstream-Latency: 1\r\nServer: BaseHTTP/0.6\r\n";
    let stand_in = "Server: somebody-else/1\r\n";
    let lines = [
        of(gateway(&[OPEN]), proxy().await, status(reachable).await).await,
        of(gateway(&[OPEN]), proxy().await, status(unreachable).await).await,
        of(gateway(&[OPEN, OFF]), proxy().await, status(&loaded).await).await,
        of(gateway(&[OPEN]), proxy().await, status(&empty).await).await,
        of(gateway(&[OPEN, OFF]), proxy().await, status(r#"{"server":{}}"#).await).await,
        of(gateway(&[OPEN]), proxy().await, page(401, "", r#"{"message":"Unauthorized"}"#).await).await,
        of(gateway(&[OPEN]), proxy().await, status("{}").await).await,
        of(gateway(&[OPEN]), proxy().await, closing().await).await,
        of(gateway(&[OPEN]), nobody().await, status(reachable).await).await,
        of(gateway(&[OPEN, OFF]), page(200, via, "hello").await, status(&loaded).await).await,
        of(
            gateway(&[OPEN, OFF]),
            page(404, stand_in, "no Route matched with those values").await,
            status(&loaded).await,
        )
        .await,
        of(gateway(&[OPEN, OFF]), page(200, stand_in, "hello").await, status(&loaded).await).await,
        // Kong's own default: the Admin API is the container's own.
        of(gateway(&[]), proxy().await, closing().await).await,
        of(gateway(&[("KONG_ADMIN_LISTEN", "127.0.0.1:8001")]), proxy().await, nobody().await).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    ok: its database answers; the proxy answers (kong/3.4.2)
    fail: it runs, but can't reach its database -> is the service that KONG_PG_HOST names ready, and are KONG_PG_USER and _PASSWORD right?
    ok: DB-less, configuration loaded; the proxy answers (kong/3.4.2)
    warn: DB-less, without any configuration yet; the proxy answers (kong/3.4.2) -> name its declarative file in KONG_DECLARATIVE_CONFIG
    ok: DB-less; the proxy answers (kong/3.4.2)
    warn: its Admin API wants a login (401); the proxy answers (kong/3.4.2) -> publish the status listener (KONG_STATUS_LISTEN) to have it asked instead
    fail: GET /status answers 200, but not as Kong
    fail: status: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 8001 in the container
    fail: 127.0.0.1:PORT refuses connections (container port 8000)
    ok: DB-less, configuration loaded; the proxy answers (kong/3.4.2)
    ok: DB-less, configuration loaded; the proxy answers (somebody-else/1)
    fail: port 8000 answers 200, but not as Kong's proxy
    ok: the proxy answers (kong/3.4.2); its Admin API listens in the container only
    ok: the proxy answers (kong/3.4.2); its Admin API listens in the container only
    ");
}

#[test]
fn where_it_listens() {
    let told = |variables: &[(&str, &str)]| {
        let ports = Ports::of(&gateway(variables));
        let show = |listen: &Listen| format!("{}:{}", listen.scheme.name(), listen.port);
        let status = ports.status.as_ref().map_or("none".into(), show);
        format!("{} {status}{}", show(&ports.proxy), if ports.declared { "" } else { "?" })
    };
    let both = "127.0.0.1:8001 reuseport backlog=16384, 0.0.0.0:8444 http2 ssl reuseport";
    assert_eq!(told(&[]), "http:8000 http:8001?");
    assert_eq!(told(&[OPEN]), "http:8000 http:8001");
    assert_eq!(told(&[("KONG_ADMIN_LISTEN", both)]), "http:8000 https:8444");
    assert_eq!(told(&[("KONG_ADMIN_LISTEN", "off")]), "http:8000 none");
    assert_eq!(
        told(&[("KONG_ADMIN_LISTEN", "off"), ("KONG_STATUS_LISTEN", "0.0.0.0:8100")]),
        "http:8000 http:8100"
    );
    assert_eq!(told(&[("KONG_STATUS_LISTEN", "0.0.0.0:8100")]), "http:8000 http:8100");
    let proxy = [("KONG_PROXY_LISTEN", "0.0.0.0:9443 ssl, 0.0.0.0:9000"), OPEN];
    assert_eq!(told(&proxy), "http:9000 http:8001");
}

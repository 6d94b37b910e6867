//! The systems that are asked by HTTP or gRPC.

use vv::probe::Answer;
use vv::stack::vv::{Probe, Url};

use super::engine::Container;
use super::{PATIENCE, ask, hangs, refusal, service, until_ready};

#[tokio::test]
async fn consul() {
    let container = Container::start("consul", "consul:1.20.6", &["-p", "127.0.0.1::8500"], &[]);
    let consul = service("consul", &[8500], &[]);
    let (seen, failures) = until_ready(&consul, &container).await;
    assert!(seen.starts_with("the leader is 127.0.0.1:8300"), "{seen}");
    assert!(failures.iter().all(|failure| !failure.lasting), "{failures:?}");
}

#[tokio::test]
async fn consul_without_a_leader() {
    // A server that waits for a second one never elects itself.
    let container = Container::start(
        "consul-alone",
        "consul:1.20.6",
        &["-p", "127.0.0.1::8500"],
        &["agent", "-server", "-bootstrap-expect=2", "-client=0.0.0.0", "-data-dir=/tmp/consul"],
    );
    let consul = service("consul", &[8500], &[]);
    let mut last = refusal(&consul, &container).await;
    for _ in 0..300 {
        if !last.detail.contains("closes at once") && !last.detail.contains("refuses") {
            break;
        }
        tokio::time::sleep(PATIENCE / 100).await;
        last = refusal(&consul, &container).await;
    }
    assert_eq!(last.detail, "answers, but no leader is elected");
}

#[tokio::test]
async fn jaeger_by_http_and_grpc() {
    let ports = ["-p", "127.0.0.1::16686", "-p", "127.0.0.1::16685", "-p", "127.0.0.1::4317"];
    let options: Vec<&str> = ["-e", "COLLECTOR_OTLP_ENABLED=true"].into_iter().chain(ports).collect();
    let container = Container::start("jaeger", "jaeger:1.62.0", &options, &[]);
    let jaeger = service("jaeger", &[16686], &[]);
    let (seen, _) = until_ready(&jaeger, &container).await;
    assert!(seen.starts_with("the query API answers"), "{seen}");

    let grpc = |port, name: &str| {
        let mut service = service("jaeger", &[port], &[]);
        service.vv.probe = Some(Probe::Grpc { port, service: name.to_owned() });
        service
    };
    assert_eq!(ask(&grpc(16685, ""), &container, PATIENCE).await.unwrap(), Answer::Seen("SERVING".into()));
    let unknown = refusal(&grpc(16685, "nobody"), &container).await;
    assert_eq!(unknown.detail, "its health service knows no nobody: NOT_FOUND");
    let receiver = refusal(&grpc(4317, ""), &container).await;
    assert_eq!(receiver.detail, "speaks gRPC, but has no health service (grpc.health.v1)");
    let web = refusal(&grpc(16686, ""), &container).await;
    assert!(web.detail.contains("not in gRPC") || web.detail.contains("no gRPC status"), "{web}");

    container.freeze();
    hangs(&jaeger, &container).await;
    hangs(&grpc(16685, ""), &container).await;
}

#[tokio::test]
async fn prometheus_and_a_page_that_it_has_not() {
    let container = Container::start("prometheus", "prometheus:2.42", &["-p", "127.0.0.1::9090"], &[]);
    let prometheus = service("prometheus", &[9090], &[]);
    assert_eq!(until_ready(&prometheus, &container).await.0, "GET /-/ready: 200");

    let page = |path: &str| {
        let mut service = service("prometheus", &[9090], &[]);
        service.vv.probe = Some(Probe::Http { port: 9090, path: path.to_owned() });
        service
    };
    // The front page is a redirect.
    assert_eq!(ask(&page("/"), &container, PATIENCE).await.unwrap(), Answer::Seen("GET /: 302".into()));
    let absent = refusal(&page("/healthy"), &container).await;
    assert!(absent.detail.starts_with("GET /healthy: 404"), "{absent}");
    container.freeze();
    hangs(&prometheus, &container).await;
}

#[tokio::test]
async fn nginx() {
    let container = Container::start("nginx", "nginx:1.22", &["-p", "127.0.0.1::80"], &[]);
    let nginx = service("nginx", &[80], &[]);
    assert!(until_ready(&nginx, &container).await.0.starts_with("GET /: "));
    let mut redis = service("nginx", &[80], &[]);
    redis.vv.kind = Some("redis".into());
    let foreign = refusal(&redis, &container).await;
    assert!(foreign.detail.ends_with("answers, but not as Redis"), "{foreign}");
}

#[tokio::test]
async fn a_page_over_tls_with_a_certificate_of_its_own_making() {
    let script = "openssl req -x509 -newkey rsa:2048 -nodes -keyout /tmp/key -out /tmp/cert -days 2 -subj /CN=elsewhere && \
         echo 'server { listen 443 ssl; ssl_certificate /tmp/cert; ssl_certificate_key /tmp/key; \
         location = /health { return 200 fine; } }' >/etc/nginx/conf.d/tls.conf && exec nginx -g 'daemon off;'";
    let container = Container::start("tls", "nginx:1.22", &["-p", "127.0.0.1::443"], &["sh", "-c", script]);
    let mut web = service("nginx", &[443], &[]);
    web.vv.probe = Some(Probe::Http { port: 443, path: "/health".into() });
    let url = |scheme: &str| Url {
        name: "Page".into(),
        port: 443,
        path: String::new(),
        scheme: scheme.to_owned(),
        login: None,
        page: true,
    };
    web.vv.urls = vec![url("https")];
    assert_eq!(until_ready(&web, &container).await.0, "GET /health: 200");
    web.vv.urls = vec![url("http")];
    let plain = refusal(&web, &container).await;
    assert_eq!(plain.detail, "GET /health: 400", "nginx says that it wants TLS in a page of markup");
}

#[tokio::test]
async fn the_stand_ins_answer_as_what_they_stand_in_for() {
    let listen = "KONG_ADMIN_LISTEN=0.0.0.0:8001";
    let options = ["-e", "KONG_DATABASE=off", "-e", listen, "-p", "127.0.0.1::8000", "-p", "127.0.0.1::8001"];
    let container = Container::start("kong", "kong-stand-in:3.4", &options, &[]);
    let environment = [("KONG_DATABASE", "off"), ("KONG_ADMIN_LISTEN", "0.0.0.0:8001")];
    let kong = service("kong", &[8000, 8001], &environment);
    let mut answer = ask(&kong, &container, PATIENCE).await;
    for _ in 0..100 {
        if answer.is_ok() {
            break;
        }
        tokio::time::sleep(PATIENCE / 50).await;
        answer = ask(&kong, &container, PATIENCE).await;
    }
    let told = format!("{:?}", answer.unwrap());
    assert!(told.contains("DB-less") && told.contains("the proxy answers"), "{told}");

    let container = Container::start("grafana", "grafana-stand-in:10.1", &["-p", "127.0.0.1::3000"], &[]);
    let (seen, _) = until_ready(&service("grafana", &[3000], &[]), &container).await;
    assert!(seen.starts_with("database ok"), "{seen}");
}

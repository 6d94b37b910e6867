//! Envoy's own answer to whether it is ready.

use super::deep::goes_away;
use super::engine::{Container, docker};
use super::{refusal, service, until_ready};
use crate::support::{BUSYBOX, Project, wait_until};

#[tokio::test]
async fn from_starting_to_gone() {
    let ports = ["-p", "127.0.0.1::9901", "-p", "127.0.0.1::10000"];
    let container = Container::start("envoy", "envoy:1.40", &ports, &[]);
    let envoy = service("envoy", &[9901, 10000], &[]);
    let (seen, failures) = until_ready(&envoy, &container).await;
    assert_eq!(seen, "GET /ready: 200");
    assert!(failures.iter().all(|failure| !failure.lasting), "{failures:?}");

    let post = |page: &str| {
        let url = format!("http://127.0.0.1:9901/{page}");
        docker(&["exec", &container.name, "curl", "-fsS", "-X", "POST", &url])
    };
    post("healthcheck/fail");
    let draining = refusal(&envoy, &container).await;
    assert_eq!((draining.detail.as_str(), draining.lasting), ("GET /ready: 503: DRAINING", false));
    post("healthcheck/ok");
    until_ready(&envoy, &container).await;

    goes_away(&envoy, &container).await;
}

/// An Envoy that leads to these clusters, each `name, type: …`.
fn proxy(name: &str, clusters: &[(&str, &str)]) -> (String, String) {
    let cluster = |(name, kind): &(&str, &str)| {
        match *kind {
        "ORIGINAL_DST" => {
            format!("        - {{name: {name}, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED}}\n")
        }
        _ => format!(
            "        - name: {name}
          type: {kind}
          dns_refresh_rate: 0.5s
          load_assignment:
            cluster_name: {name}
            endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: {name}, port_value: 8080}}}}}}}}]}}]
"
        ),
    }
    };
    let clusters: String = clusters.iter().map(cluster).collect();
    let service = format!(
        "  {name}:
    image: localhost/vv-parts/envoy:1.40
    command: [envoy, -c, /config.yaml]
    expose: [9901]
    configs: [{{source: {name}, target: /config.yaml}}]
    x-vv: {{kind: envoy}}
"
    );
    let config = format!(
        "  {name}:
    content: |
      admin:
        address: {{socket_address: {{address: 0.0.0.0, port_value: 9901}}}}
      static_resources:
        clusters:
{clusters}"
    );
    (service, config)
}

#[test]
fn its_clusters_as_they_come_and_go() {
    let (front, front_config) = proxy("front", &[("web", "STRICT_DNS"), ("through", "ORIGINAL_DST")]);
    let (lost, lost_config) = proxy("lost", &[("nowhere", "STRICT_DNS")]);
    let project = Project::new(
        "envoyclusters",
        &format!(
            "services:
  web: {{image: {BUSYBOX}, init: true, command: [httpd, -f, -p, '8080', -h, /etc]}}
{front}{lost}configs:
{front_config}{lost_config}"
        ),
    );
    project.ok(&["start"]);
    wait_until("its hosts are known", || project.vv(&["health", "front"]).code == 0);
    project
        .ok(&["health", "front", "--all", "--fail-on", "warn"])
        .shows("2 clusters, all hosts take requests");
    project.fails(1, &["health", "lost"]).shows("without a host: nowhere").shows("does its name resolve");
    docker(&["stop", "--time", "0", &project.container("web-1")]);
    wait_until("it is told that the host is gone", || project.vv(&["health", "front"]).code == 1);
    let told = project.fails(1, &["health", "front"]);
    assert!(
        told.stdout.contains("no host takes requests: web: ") || told.stdout.contains("without a host: web"),
        "{told}"
    );
    docker(&["start", &project.container("web-1")]);
    wait_until("it is back", || project.vv(&["health", "front"]).code == 0);
}

//! Envoy's own answer to whether it is ready.

use super::deep::goes_away;
use super::engine::{Container, docker};
use super::{refusal, service, until_ready};

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

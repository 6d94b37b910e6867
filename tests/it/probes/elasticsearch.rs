//! Elasticsearch: ready and at work.

use super::deep::{all_well, comes_to, deep, goes_away};
use super::engine::{Container, docker};
use super::{refusal, service, until_ready};

#[tokio::test]
async fn from_starting_to_gone() {
    let options = [
        "-e",
        "discovery.type=single-node",
        "-e",
        "xpack.security.enabled=true",
        "-e",
        "ELASTIC_PASSWORD=hunter22",
        "-p",
        "127.0.0.1::9200",
    ];
    let container = Container::start("elasticsearch", "elasticsearch:6.8", &options, &[]);
    let node = service("elasticsearch", &[9200], &[("ELASTIC_PASSWORD", "hunter22")]);
    let (seen, failures) = until_ready(&node, &container).await;
    assert_eq!(seen, "green, 1 node");
    assert!(failures.iter().all(|failure| !failure.lasting), "{failures:?}");
    let well = all_well(&node, &container).await;
    assert!(well.ends_with("document Ok: a document was written, found and removed\n"), "{well}");

    let wrong = service("elasticsearch", &[9200], &[("ELASTIC_PASSWORD", "not-hunter22")]);
    assert_eq!(refusal(&wrong, &container).await.detail, "refuses the login of elastic");

    let put = |path: &str, document: &str| {
        let url = format!("http://127.0.0.1:9200{path}");
        let json = "content-type: application/json";
        docker(&[
            "exec",
            &container.name,
            "curl",
            "-fsS",
            "-u",
            "elastic:hunter22",
            "-X",
            "PUT",
            "-H",
            json,
            "-d",
            document,
            &url,
        ])
    };
    put("/logs", r#"{"settings":{"number_of_shards":1,"number_of_replicas":1}}"#);
    let (yellow, _) = until_ready(&node, &container).await;
    assert_eq!(yellow, "yellow, 1 node: a single node has nowhere to put copies of its shards");

    // What it does itself once the disk is nearly full.
    put("/logs/_settings", r#"{"index.blocks.read_only_allow_delete":true}"#);
    let locked = deep(&node, &container).await;
    assert!(
        locked.contains("blocks Fail: takes no writes to logs: its disk was too full (flood stage)"),
        "{locked}"
    );
    assert!(locked.contains("document Ok"), "{locked}");
    put("/logs/_settings", r#"{"index.blocks.read_only_allow_delete":null,"index.blocks.read_only":true}"#);
    let read_only = deep(&node, &container).await;
    assert!(read_only.contains("blocks Warn: somebody set logs to read only"), "{read_only}");
    put("/logs/_settings", r#"{"index.blocks.read_only":null}"#);

    put("/_cluster/settings", r#"{"transient":{"cluster.blocks.read_only":true}}"#);
    let whole = deep(&node, &container).await;
    assert!(whole.contains("blocks Fail: takes no writes: cluster.blocks.read_only is set"), "{whole}");
    assert!(
        whole
            .contains("document Fail: makes no index: 403 blocked by: [FORBIDDEN/6/cluster read-only (api)]"),
        "{whole}"
    );
    put("/_cluster/settings", r#"{"transient":{"cluster.blocks.read_only":null}}"#);

    put("/_cluster/settings", r#"{"transient":{"cluster.routing.allocation.enable":"none"}}"#);
    let no_room = deep(&node, &container).await;
    assert!(
        no_room.contains("document Fail: gives a new index no room: no allocations are allowed"),
        "{no_room}"
    );
    put("/_cluster/settings", r#"{"transient":{"cluster.routing.allocation.enable":null}}"#);

    put(
        "/lost?timeout=1s",
        r#"{"settings":{"number_of_shards":1,"number_of_replicas":0,"index.routing.allocation.require._name":"nowhere"}}"#,
    );
    let red = comes_to(&node, &container, "cluster Fail").await;
    assert!(red.contains("red, 1 node: shards aren't assigned, of lost (1)"), "{red}");
    let url = "http://127.0.0.1:9200";
    let curl = |words: &[&str]| container.run(&[&["curl", "-fsS", "-u", "elastic:hunter22"], words].concat());
    curl(&["-X", "DELETE", &format!("{url}/lost")]);
    all_well(&node, &container).await;
    let left = curl(&[&format!("{url}/_cat/indices?h=index")]);
    assert!(!left.contains("vv-probe"), "{left}");

    goes_away(&node, &container).await;
}

use std::net::SocketAddr;

use crate::probe::testing::{ask, deep_of, environment, page, silent, site, system, told};
use crate::stack::Service;

fn node() -> Service {
    environment(system("elasticsearch", 9200), &[("ELASTIC_PASSWORD", "hunter22")])
}

async fn of(address: SocketAddr) -> String {
    deep_of(node(), 9200, address).await
}

const SETTINGS: &str = "GET /_all/_settings";
const CLUSTER: &str = "GET /_cluster/settings";
const FOUND: &str = r#"{"hits":{"total":1,"hits":[{"_index":"x"}]}}"#;
const MADE: &str = r#"{"acknowledged":true,"shards_acknowledged":true}"#;

/// A node that is well, but for these pages.
async fn but(pages: &[(&str, u16, &str)]) -> String {
    let well = [
        (SETTINGS, 200, r#"{"logs":{"settings":{"index.blocks.write":"true"}}}"#),
        (CLUSTER, 200, r#"{"persistent":{},"transient":{}}"#),
        ("GET / ", 200, "{}"),
        ("/_doc/1", 201, r#"{"result":"created"}"#),
        ("/_search", 200, FOUND),
        ("PUT /vv-probe-", 200, MADE),
        ("DELETE /vv-probe-", 200, r#"{"acknowledged":true}"#),
    ];
    of(site(&[pages, &well].concat()).await).await
}

#[tokio::test]
async fn every_state_has_its_words() {
    let flood = r#"{"logs-1":{"settings":{"index.blocks.read_only_allow_delete":"true"}},
        "logs-2":{"settings":{"index.blocks.read_only_allow_delete":"true"}},"old":{"settings":{}}}"#;
    let blocked = r#"{"error":{"type":"cluster_block_exception","reason":"index [vv-probe-1] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)];"},"status":403}"#;
    let too_many = r#"{"error":{"type":"validation_exception","reason":"Validation Failed: 1: this action would add [1] shards, but this cluster currently has [1000]/[1000] maximum normal shards open;"},"status":400}"#;
    let explained = r#"{"allocate_explanation":"cannot allocate because allocation is not permitted to any of the nodes","node_allocation_decisions":[{"deciders":[{"decider":"disk_threshold","explanation":"the node is above the low watermark cluster setting [cluster.routing.allocation.disk.watermark.low=85%], having less than the minimum required [15%] free space"}]}]}"#;
    let lines = [
        but(&[]).await,
        but(&[(SETTINGS, 200, "{}")]).await,
        but(&[(SETTINGS, 200, flood), ("/_doc/1", 403, blocked)]).await,
        but(&[(SETTINGS, 200, r#"{"shop":{"settings":{"index.blocks.read_only":"true"}}}"#)]).await,
        but(&[
            (CLUSTER, 200, r#"{"persistent":{"cluster.blocks.read_only":"true"},"transient":{}}"#),
            ("PUT /vv-probe-", 403, r#"{"error":{"type":"cluster_block_exception","reason":"blocked by: [FORBIDDEN/6/cluster read-only (api)];"}}"#),
        ])
        .await,
        but(&[("/_doc/1", 0, ""), ("PUT /vv-probe-", 400, too_many)][1..]).await,
        but(&[
            ("PUT /vv-probe-", 200, r#"{"acknowledged":true,"shards_acknowledged":false}"#),
            ("/_cluster/allocation/explain", 200, explained),
        ])
        .await,
        but(&[("/_search", 200, r#"{"hits":{"total":0,"hits":[]}}"#)]).await,
        but(&[("DELETE", 500, "{}")]).await,
        but(&[
            (SETTINGS, 403, r#"{"error":{"type":"security_exception"}}"#),
            ("PUT /vv-probe-", 403, r#"{"error":{"type":"security_exception","reason":"action [indices:admin/create] is unauthorized"}}"#),
        ])
        .await,
        of(silent().await).await,
    ];
    insta::assert_snapshot!(lines.join("\n\n"), @r#"
    blocks ok: no index is locked against writing
    document ok: a document was written, found and removed

    blocks ok: no index is locked
    document ok: a document was written, found and removed

    blocks fail: takes no writes to logs-1; logs-2: its disk was too full (flood stage), so it locked them -> free disk space (docker system df); it unlocks them by itself then, before version 7.4 by PUT /_all/_settings {"index.blocks.read_only_allow_delete":null}
    document fail: takes no document: 403 index [vv-probe-1] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)] -> its disk is too full, or somebody locked it: look at the check 'blocks'

    blocks warn: somebody set shop to read only -> PUT /INDEX/_settings {"index.blocks.read_only":null} lets writes in again
    document ok: a document was written, found and removed

    blocks fail: takes no writes: cluster.blocks.read_only is set -> PUT /_cluster/settings {"persistent":{"cluster.blocks.read_only":null}}
    document fail: makes no index: 403 blocked by: [FORBIDDEN/6/cluster read-only (api)] -> its disk is too full, or somebody locked it: look at the check 'blocks'

    blocks ok: no index is locked against writing
    document fail: makes no index: 400 this action would add [1] shards, but this cluster currently has [1000]/[1000] maximum normal shards open -> delete old indices, or raise cluster.max_shards_per_node

    blocks ok: no index is locked against writing
    document fail: gives a new index no room: the node is above the low watermark cluster setting [cluster.routing.allocation.disk.watermark.low=85%], having less than the minimum required [15%] free space -> free disk space (docker system df); new shards wait until its disk is below the watermark

    blocks ok: no index is locked against writing
    document fail: a document that was just written isn't found

    blocks ok: no index is locked against writing
    document fail: an index can be made, but not deleted: 500

    blocks not asked: the stack's login may not see the settings of indices
    document not asked: the stack's login may not make an index

    blocks fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
    document fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
    "#);
}

#[tokio::test]
async fn what_isnt_made_isnt_left() {
    use std::sync::{Arc, Mutex};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    // Makes an index, and never answers a document.
    let address = crate::probe::testing::serve(move |mut stream| {
        let seen = seen.clone();
        async move {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&buffer[..count]).into_owned();
            seen.lock().unwrap().push(request.lines().next().unwrap_or_default().to_owned());
            if request.contains("/_doc/") {
                tokio::time::sleep(std::time::Duration::from_secs(30)).await;
            }
            let body = r#"{"acknowledged":true,"shards_acknowledged":true}"#;
            let answer = format!(
                "HTTP/1.1 200 X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await;
    let said = of(address).await;
    assert!(said.contains("document fail: 127.0.0.1:PORT accepts but says nothing within"), "{said}");
    let asked = asked.lock().unwrap().clone();
    assert!(asked.iter().any(|line| line.starts_with("DELETE /vv-probe-")), "{asked:?}");
}

#[tokio::test]
async fn which_indices_are_red() {
    let health = r#"{"status":"red","number_of_nodes":1}"#;
    let levels = r#"{"status":"red","indices":{"shop":{"status":"red","unassigned_shards":2},"logs":{"status":"yellow","unassigned_shards":1}}}"#;
    let address = site(&[("level=indices", 200, levels), ("/_cluster/health", 200, health)]).await;
    insta::assert_snapshot!(told(ask(node(), 9200, address).await), @"fail: red, 1 node: shards aren't assigned, of shop (2) -> GET /_cluster/allocation/explain says why");
    let yellow = page(200, "", r#"{"status":"yellow","number_of_nodes":1}"#).await;
    insta::assert_snapshot!(told(ask(node(), 9200, yellow).await), @"ok: yellow, 1 node: a single node has nowhere to put copies of its shards");
}

//! Envoy's admin page (<https://www.envoyproxy.io/docs/envoy/latest/operations/admin>): the server's state, and
//! whether each cluster has a host that takes requests.

use serde_json::Value;
use tokio::sync::OnceCell;

use super::answer::{Answer, ProbeFailure};
use super::deep::{DeepCheck, Look, Outcome, few, settled};
use super::http::{self, Request};
use super::listen::declares;
use super::net::Place;
use super::target::Target;
use crate::stack::Service;

/// Where examples put the admin page.
const USUAL: u16 = 9901;

/// The server and its clusters.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    vec![check("server", target, server), check("clusters", target, clusters)]
}

/// A question to the admin page, where there is one that can be asked.
fn check<'a, F>(
    name: &str,
    target: Target<'a>,
    question: impl FnOnce(Target<'a>, Place) -> F + Send + 'a,
) -> DeepCheck<'a>
where
    F: Future<Output = Outcome> + Send + 'a,
{
    let port = configured(target.service).unwrap_or(USUAL);
    let declared = declares(target.service, port);
    DeepCheck::at(name, target, port, move |target, place| async move {
        match question(target, place).await {
            Err(failure) if !declared && failure.absent => {
                Ok(Answer::NotAsked("its admin page listens in the container only, or nowhere".into()))
            }
            outcome => outcome,
        }
    })
}

/// The admin port of the configuration that the stack mounts.
fn configured(service: &Service) -> Option<u16> {
    let files = service.files.iter().filter(|file| !file.secret);
    files
        .filter_map(|file| serde_yaml::from_slice::<Value>(&file.content).ok())
        .find_map(|config| config.pointer("/admin/address/socket_address/port_value")?.as_u64())
        .and_then(|port| u16::try_from(port).ok())
}

async fn read(target: &Target<'_>, place: Place, path: &str) -> Result<Value, ProbeFailure> {
    let reply = http::send(target, place, Request::document(path)).await?;
    match (reply.status, reply.json()) {
        (200, Some(document)) => Ok(document),
        (200, None) => Err(ProbeFailure::new(format!("GET {path} answers 200, but not as Envoy"))),
        _ => Err(reply.refusal(path)),
    }
}

async fn server(target: Target<'_>, place: Place) -> Outcome {
    settled(target.deadline, || async move {
        let said = read(&target, place, "/server_info").await?;
        let text = |key: &str| said[key].as_str().unwrap_or_default();
        // `id/1.28.0/Clean/RELEASE/BoringSSL`
        let version = text("version").split('/').nth(1).unwrap_or_default();
        Ok(match text("state") {
            "LIVE" => Look::Final(Ok(Answer::Seen(format!("LIVE, version {version}")))),
            "DRAINING" => Look::Final(Err(ProbeFailure::new("is draining: it takes no new connections")
                .hint("it was told to by /drain_listeners or /healthcheck/fail, or is being stopped"))),
            "" => Look::Final(Err(ProbeFailure::new("GET /server_info answers 200, but not as Envoy"))),
            state => Look::NotYet(Err(ProbeFailure::new(format!("is {state}"))
                .hint("it waits for its clusters or for its control plane; GET /init_dump says for which"))),
        })
    })
    .await
}

async fn clusters(target: Target<'_>, place: Place) -> Outcome {
    // It may be large, and doesn't change while it is looked at.
    let known = OnceCell::new();
    settled(target.deadline, || async {
        let said = read(&target, place, "/clusters?format=json").await?;
        let all = said["cluster_statuses"].as_array().map_or(&[][..], Vec::as_slice);
        if !all.iter().any(|cluster| hosts(cluster).is_empty()) {
            return Ok(judge(&said, &[]));
        }
        let dump = async || read(&target, place, "/config_dump").await.map(|dump| finders(&dump));
        Ok(judge(&said, known.get_or_try_init(dump).await?))
    })
    .await
}

fn hosts(cluster: &Value) -> &[Value] {
    cluster["host_statuses"].as_array().map_or(&[][..], Vec::as_slice)
}

/// The clusters that find their hosts as requests come, or have none of their own (an aggregate), so that being without
/// one says nothing of them.
fn finders(dump: &Value) -> Vec<String> {
    let sections = dump["configs"].as_array().map_or(&[][..], Vec::as_slice).iter();
    let clusters = sections.flat_map(|section| {
        ["static_clusters", "dynamic_active_clusters"]
            .into_iter()
            .flat_map(|key| section[key].as_array().map_or(&[][..], Vec::as_slice))
    });
    let finds = |cluster: &&Value| {
        let kind = cluster.pointer("/cluster_type/name").and_then(Value::as_str);
        // Names of the ordinary types, which the field may hold, too.
        let ordinary = |name: &str| ["dns", "eds", "static"].iter().any(|word| name.ends_with(word));
        cluster["type"] == "ORIGINAL_DST" || kind.is_some_and(|name| !ordinary(name))
    };
    let found = clusters.map(|entry| &entry["cluster"]).filter(finds);
    found.filter_map(|cluster| cluster["name"].as_str()).map(str::to_owned).collect()
}

/// Why a host takes no requests; nothing when it does.
fn illness(host: &Value) -> Option<&'static str> {
    let health = &host["health_status"];
    let is = |key: &str| health[key].as_bool() == Some(true);
    match () {
        () if is("failed_active_health_check") => Some("fails its health check"),
        () if is("failed_outlier_check") => Some("was ejected after errors"),
        // Its name leads elsewhere by now, or nowhere: Envoy keeps the host as long as its connections last.
        () if is("pending_dynamic_removal") => Some("is gone from its name or its control plane"),
        () if is("excluded_via_immediate_hc_fail") => Some("asked to be left out"),
        () if ["UNHEALTHY", "DRAINING", "TIMEOUT"]
            .iter()
            .any(|sick| health["eds_health_status"] == *sick) =>
        {
            Some("is reported unhealthy")
        }
        () => None,
    }
}

fn judge(said: &Value, finders: &[String]) -> Look {
    let Some(clusters) = said["cluster_statuses"].as_array() else {
        // Without any cluster the field is left out.
        return Look::Final(Ok(Answer::Seen("has no clusters".into())));
    };
    let (mut dead, mut sick, mut empty) = (Vec::new(), Vec::new(), Vec::new());
    for cluster in clusters {
        let name = cluster["name"].as_str().unwrap_or_default();
        let hosts = hosts(cluster);
        let ill: Vec<String> =
            hosts.iter().filter_map(|host| Some(format!("{} {}", address(host), illness(host)?))).collect();
        match (hosts.len(), ill.len()) {
            (0, _) if finders.iter().any(|finder| finder == name) => {}
            (0, _) => empty.push(name.to_owned()),
            (_, 0) => {}
            (all, some) if all == some => dead.push(format!("{name}: {}", ill.join(", "))),
            _ => sick.push(format!("{name}: {}", ill.join(", "))),
        }
    }
    let hint = "is that service up and in a network with Envoy?";
    if !dead.is_empty() {
        let detail = format!("no host takes requests: {}", few(dead));
        return Look::NotYet(Err(ProbeFailure::new(detail).hint(hint)));
    }
    if !empty.is_empty() {
        let detail = format!("without a host: {}", few(empty));
        let hint = "does its name resolve in Envoy's container, and does the control plane know its hosts?";
        return Look::NotYet(Err(ProbeFailure::new(detail).hint(hint)));
    }
    if !sick.is_empty() {
        return Look::NotYet(Ok(Answer::Doubtful { detail: few(sick), hint: hint.into() }));
    }
    let count = clusters.len();
    Look::Final(Ok(Answer::Seen(match count {
        1 => "1 cluster, all hosts take requests".into(),
        _ => format!("{count} clusters, all hosts take requests"),
    })))
}

/// `172.18.0.3:80`
fn address(host: &Value) -> String {
    let socket = host.pointer("/address/socket_address");
    let text =
        socket.and_then(|socket| Some(format!("{}:{}", socket["address"].as_str()?, socket["port_value"])));
    text.or_else(|| Some(host.pointer("/address/pipe/path")?.as_str()?.to_owned())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{deep_of, nobody, silent, site, system};

    #[tokio::test]
    async fn every_state_has_its_words() {
        let live = r#"{"version":"816188b8/1.28.0/Clean/RELEASE/BoringSSL","state":"LIVE"}"#;
        let host = |ip: &str, status: &str| {
            format!(
                r#"{{"address":{{"socket_address":{{"address":"{ip}","port_value":80}}}},"health_status":{status}}}"#
            )
        };
        let fine = host("172.18.0.3", r#"{"eds_health_status":"HEALTHY"}"#);
        let failed =
            host("172.18.0.4", r#"{"failed_active_health_check":true,"eds_health_status":"HEALTHY"}"#);
        let ejected = host("172.18.0.5", r#"{"failed_outlier_check":true}"#);
        let gone = host("172.18.0.6", r#"{"pending_dynamic_removal":true,"eds_health_status":"HEALTHY"}"#);
        let cluster = |hosts: &[&String]| {
            let hosts: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
            format!(r#"{{"cluster_statuses":[{{"name":"web","host_statuses":[{}]}}]}}"#, hosts.join(","))
        };
        let mut lines = Vec::new();
        for (state, clusters) in [
            (live, cluster(&[&fine])),
            (live, cluster(&[&fine, &failed])),
            (live, cluster(&[&failed, &ejected])),
            (live, cluster(&[&gone])),
            (live, cluster(&[])),
            (r#"{"state":"PRE_INITIALIZING"}"#, "{}".into()),
            (r#"{"state":"DRAINING"}"#, "<html>".into()),
            ("{}", "{}".into()),
        ] {
            let dump =
                r#"{"configs":[{"static_clusters":[{"cluster":{"name":"web","type":"STRICT_DNS"}}]}]}"#;
            let pages =
                [("/server_info", 200, state), ("/clusters", 200, &clusters), ("/config_dump", 200, dump)];
            let address = site(&pages).await;
            lines.push(deep_of(system("envoy", 9901), 9901, address).await);
        }
        lines.push(deep_of(system("envoy", 9901), 9901, silent().await).await);
        lines.push(deep_of(system("envoy", 9901), 9901, nobody().await).await);
        lines.push(deep_of(system("envoy", 10000), 9901, nobody().await).await);
        lines.push(deep_of(system("envoy", 10000), 10000, nobody().await).await);
        insta::assert_snapshot!(lines.join("\n--\n"), @r"
        server ok: LIVE, version 1.28.0
        clusters ok: 1 cluster, all hosts take requests
        --
        server ok: LIVE, version 1.28.0
        clusters warn: web: 172.18.0.4:80 fails its health check -> is that service up and in a network with Envoy?
        --
        server ok: LIVE, version 1.28.0
        clusters fail: no host takes requests: web: 172.18.0.4:80 fails its health check, 172.18.0.5:80 was ejected after errors -> is that service up and in a network with Envoy?
        --
        server ok: LIVE, version 1.28.0
        clusters fail: no host takes requests: web: 172.18.0.6:80 is gone from its name or its control plane -> is that service up and in a network with Envoy?
        --
        server ok: LIVE, version 1.28.0
        clusters fail: without a host: web -> does its name resolve in Envoy's container, and does the control plane know its hosts?
        --
        server fail: is PRE_INITIALIZING -> it waits for its clusters or for its control plane; GET /init_dump says for which
        clusters ok: has no clusters
        --
        server fail: is draining: it takes no new connections -> it was told to by /drain_listeners or /healthcheck/fail, or is being stopped
        clusters fail: GET /clusters?format=json answers 200, but not as Envoy
        --
        server fail: GET /server_info answers 200, but not as Envoy
        clusters ok: has no clusters
        --
        server fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
        clusters fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
        --
        server fail: 127.0.0.1:PORT refuses connections (container port 9901)
        clusters fail: 127.0.0.1:PORT refuses connections (container port 9901)
        --
        server not asked: its admin page listens in the container only, or nowhere
        clusters not asked: its admin page listens in the container only, or nowhere
        --
        server not asked: port 9901 isn't published
        clusters not asked: port 9901 isn't published
        ");
    }

    #[test]
    fn clusters_that_find_their_hosts_as_requests_come() {
        let dump = serde_json::json!({"configs": [
            {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump"},
            {
                "static_clusters": [
                    {"cluster": {"name": "web", "type": "STRICT_DNS"}},
                    {"cluster": {"name": "through", "type": "ORIGINAL_DST"}},
                    {"cluster": {"name": "static", "connect_timeout": "5s"}},
                    {"cluster": {"name": "dns", "cluster_type": {"name": "envoy.cluster.strict_dns"}}},
                ],
                "dynamic_active_clusters": [
                    {"cluster": {"name": "out", "cluster_type": {"name": "envoy.clusters.dynamic_forward_proxy"}}},
                    {"cluster": {"name": "eds", "type": "EDS"}},
                ],
            },
        ]});
        assert_eq!(finders(&dump), ["through", "out"]);
        let empty = serde_json::json!({"cluster_statuses": [{"name": "through"}]});
        assert!(matches!(judge(&empty, &["through".to_owned()]), Look::Final(Ok(_))));
        assert!(matches!(judge(&empty, &[]), Look::NotYet(Err(_))));
    }

    #[test]
    fn the_admin_port_of_the_mounted_configuration() {
        let mut envoy = system("envoy", 8000);
        envoy.files = vec![crate::stack::model::FileMount {
            name: "envoy".into(),
            secret: false,
            target: "/etc/envoy/envoy.yaml".into(),
            uid: None,
            gid: None,
            mode: None,
            source: crate::stack::model::FileSource::Inline,
            content: b"admin:\n  address:\n    socket_address: {address: 0.0.0.0, port_value: 8001}\n"
                .to_vec(),
        }];
        assert_eq!(configured(&envoy), Some(8001));
        envoy.files.clear();
        assert_eq!(configured(&envoy), None);
    }
}

//! Upstreams' targets: their order, their health, and the active checks that find it out.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::entities::Decided;
use super::list::Wanted;
use super::{body, errors, schema};
use crate::kong::Gateway;
use crate::kong::server::{Answer, Request};
use crate::kong::state::{Entity, Health, State};

/// The targets of an upstream in the order of `/targets` and `/health`.
pub fn newest_first(state: &State, upstream: &str) -> Vec<Entity> {
    let mut targets: Vec<Entity> =
        state.all("targets").filter(|target| target["upstream"]["id"] == upstream).cloned().collect();
    targets.sort_by(|a, b| {
        b["created_at"].as_f64().unwrap_or(0.0).total_cmp(&a["created_at"].as_f64().unwrap_or(0.0))
    });
    targets
}

/// Answers `/upstreams/U/health` and `/upstreams/U/targets/all`.
pub async fn read(gateway: &Gateway, request: &Request, upstream: &str, rest: &[String]) -> Answer {
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let wanted = match Wanted::read(&request.query) {
        Ok(wanted) => wanted,
        Err(answer) => return answer,
    };
    let (targets, checked) = {
        let state = gateway.state();
        let checked = state.get("upstreams", upstream).is_some_and(checks);
        (newest_first(&state, upstream), checked)
    };
    match rest.as_slice() {
        ["targets", "all"] => {
            let mut all = targets;
            all.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
            wanted.page(&request.path, false, all.iter(), |target| Value::Object(target.clone()))
        }
        ["health"] => {
            let mut seen = Vec::new();
            for target in targets {
                let known = gateway.knows(target["id"].as_str().unwrap_or_default());
                seen.push(if known { told(gateway, target, checked).await } else { Value::Object(target) });
            }
            let balancer = body::pairs(&request.query)
                .iter()
                .any(|(name, value)| name == "balancer_health" && value == "1");
            if balancer {
                return balancer_health(gateway, upstream, seen);
            }
            let mut answer = wanted.count(&request.path, seen);
            if let crate::kong::server::Body::Json(list) = &mut answer.body {
                list["node_id"] = json!(gateway.node_id);
            }
            answer
        }
        _ => errors::not_found(),
    }
}

/// Whether an upstream's targets are checked at all.
fn checks(upstream: &Entity) -> bool {
    let on = |path: &str| {
        upstream
            .get("healthchecks")
            .and_then(|checks| checks.pointer(path))
            .and_then(Value::as_f64)
            .is_some_and(|number| number > 0.0)
    };
    ["/active/healthy/interval", "/active/unhealthy/interval", "/passive/healthy/successes"]
        .iter()
        .chain(&[
            "/passive/unhealthy/http_failures",
            "/passive/unhealthy/tcp_failures",
            "/passive/unhealthy/timeouts",
        ])
        .any(|path| on(path))
}

fn address(target: &str) -> (&str, u16) {
    let (host, port) = target.rsplit_once(':').unwrap_or((target, "8000"));
    (host.trim_start_matches('[').trim_end_matches(']'), port.parse().unwrap_or(8000))
}

async fn resolve(host: &str, port: u16) -> Vec<IpAddr> {
    match host.parse() {
        Ok(ip) => vec![ip],
        Err(_) => tokio::net::lookup_host((host, port))
            .await
            .map(|addresses| addresses.map(|address: SocketAddr| address.ip()).take(1).collect())
            .unwrap_or_default(),
    }
}

/// A target with what is known of its health.
async fn told(gateway: &Gateway, mut target: Entity, checked: bool) -> Value {
    let text = target["target"].as_str().unwrap_or_default().to_owned();
    let (host, port) = address(&text);
    let weight = target["weight"].as_u64().unwrap_or(0);
    let ips = resolve(host, port).await;
    let known = gateway.state().health.get(target["id"].as_str().unwrap_or_default()).copied();
    let health = if ips.is_empty() {
        "DNS_ERROR"
    } else if !checked || weight == 0 {
        "HEALTHCHECKS_OFF"
    } else if known == Some(Health::Unhealthy) {
        "UNHEALTHY"
    } else {
        "HEALTHY"
    };
    let total = if ips.is_empty() { 0 } else { weight };
    let unavailable = if health == "UNHEALTHY" { total } else { 0 };
    let addresses: Vec<Value> = ips
        .iter()
        .map(|ip| json!({"ip": ip.to_string(), "port": port, "weight": weight, "health": health}))
        .collect();
    let dns = if ips.is_empty() { "dns server error: 3 name error" } else { "A" };
    target.insert("health".to_owned(), json!(health));
    let data = json!({
        // An empty table in Lua comes out as a map.
        "addresses": if addresses.is_empty() { json!({}) } else { json!(addresses) },
        "dns": dns, "host": host, "port": port, "nodeWeight": weight,
        "weight": {"total": total, "available": total - unavailable, "unavailable": unavailable},
    });
    target.insert("data".to_owned(), data);
    Value::Object(target)
}

fn balancer_health(gateway: &Gateway, upstream: &str, mut targets: Vec<Value>) -> Answer {
    // The oldest first here.
    targets.reverse();
    let sum =
        |what: &str| targets.iter().filter_map(|target| target["data"]["weight"][what].as_u64()).sum::<u64>();
    let (total, available) = (sum("total"), sum("available"));
    let healthy = available > 0;
    let health = if healthy { "HEALTHY" } else { "UNHEALTHY" };
    let hosts: Vec<Value> = targets
        .iter()
        .map(|target| {
            let mut host = target["data"].clone();
            for address in host["addresses"].as_array_mut().into_iter().flatten() {
                let healthy = address["health"] != "UNHEALTHY";
                if let Some(address) = address.as_object_mut() {
                    address.remove("health");
                    address.insert("healthy".to_owned(), json!(healthy));
                }
            }
            host
        })
        .collect();
    let details = json!({
        "healthy": healthy, "hosts": hosts,
        "weight": {"total": total, "available": available, "unavailable": total - available},
    });
    let data = json!({"id": upstream, "health": health, "balancer_health": health, "details": details});
    Answer::json(200, json!({"data": data, "next": null, "node_id": gateway.node_id}))
}

/// `PUT /upstreams/U/targets/T/healthy`, `…/unhealthy`, also with one of the target's addresses before the word.
pub fn set(gateway: &Gateway, method: &str, upstream: &str, rest: &[String]) -> Decided {
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let (key, word) = match rest.as_slice() {
        ["targets", key, word] | ["targets", key, _, word] => (*key, *word),
        _ => return Err(errors::method()),
    };
    let health = match word {
        "healthy" => Health::Healthy,
        "unhealthy" => Health::Unhealthy,
        _ => return Err(errors::not_found()),
    };
    if method != "PUT" {
        return Err(errors::method());
    }
    let state = gateway.state();
    let address = schema::target(key);
    let targets = newest_first(&state, upstream);
    let found = targets.iter().find(|target| {
        target["id"] == key || Some(&target["target"]) == address.clone().map(Value::from).as_ref()
    });
    let Some(target) = found else { return Err(errors::not_found()) };
    if !state.get("upstreams", upstream).is_some_and(checks) {
        let name = state
            .get("upstreams", upstream)
            .and_then(|upstream| upstream["name"].as_str())
            .unwrap_or_default();
        return Err(Answer::message(400, &format!("no healthchecker found for {name}")));
    }
    let id = target["id"].as_str().unwrap_or_default().to_owned();
    drop(state);
    gateway.change(|state| state.health.insert(id, health));
    Ok((Vec::new(), Answer::empty(204)))
}

/// Counts of one target's checks.
#[derive(Default)]
struct Counts {
    due: Option<Instant>,
    successes: u64,
    failures: u64,
}

/// Runs the active checks until the gateway ends, and takes note of targets once the first worker sees them.
pub async fn watch(gateway: Arc<Gateway>) {
    let Ok(client) =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()
    else {
        return;
    };
    let mut changes = gateway.watch();
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let mut pending: Vec<(Instant, Vec<String>)> = Vec::new();
    let delay = gateway.options.propagation.first().copied().unwrap_or_default();
    let mut generation = None;
    loop {
        let now = *changes.borrow_and_update();
        if generation != Some(now) {
            generation = Some(now);
            let ids = gateway.state().entities.get("targets").map(|all| all.keys().cloned().collect());
            pending.push((Instant::now() + delay, ids.unwrap_or_default()));
        }
        pending.retain(|(at, ids)| {
            let due = *at <= Instant::now();
            if due {
                gateway.know(ids);
            }
            !due
        });
        let jobs: Vec<(String, String, Value)> = {
            let state = gateway.state();
            let jobs = state.all("targets").filter_map(|target| {
                let upstream = state.referred(target, "upstream", "upstreams")?;
                let active = upstream.get("healthchecks")?["active"].clone();
                Some((target["id"].as_str()?.to_owned(), target["target"].as_str()?.to_owned(), active))
            });
            jobs.collect()
        };
        for (id, target, active) in jobs {
            let unhealthy = gateway.state().health.get(&id) == Some(&Health::Unhealthy);
            let side = if unhealthy { "unhealthy" } else { "healthy" };
            let interval = active[side]["interval"].as_f64().unwrap_or(0.0);
            let count = counts.entry(id.clone()).or_default();
            if interval <= 0.0 || !gateway.knows(&id) || count.due.is_some_and(|due| due > Instant::now()) {
                continue;
            }
            count.due = Some(Instant::now() + Duration::from_secs_f64(interval));
            check(&gateway, &client, &id, &target, &active, count).await;
        }
        let _ = tokio::time::timeout(Duration::from_millis(50), changes.changed()).await;
    }
}

async fn check(
    gateway: &Gateway,
    client: &reqwest::Client,
    id: &str,
    target: &str,
    active: &Value,
    count: &mut Counts,
) {
    let path = active["http_path"].as_str().unwrap_or("/");
    let timeout = Duration::from_secs_f64(active["timeout"].as_f64().unwrap_or(1.0).max(0.05));
    let good = if active["type"] == "tcp" {
        tokio::time::timeout(timeout, tokio::net::TcpStream::connect(target))
            .await
            .is_ok_and(|done| done.is_ok())
    } else {
        let answer = client.get(format!("http://{target}{path}")).timeout(timeout).send().await;
        let listed = |status: u16| {
            active["healthy"]["http_statuses"].as_array().is_some_and(|list| list.contains(&json!(status)))
        };
        answer.is_ok_and(|answer| listed(answer.status().as_u16()))
    };
    let limit = |side: &str, names: &[&str]| {
        names.iter().filter_map(|name| active[side][*name].as_u64()).filter(|limit| *limit > 0).min()
    };
    if good {
        (count.successes, count.failures) = (count.successes + 1, 0);
    } else {
        (count.successes, count.failures) = (0, count.failures + 1);
    }
    let enough = |count: u64, limit: Option<u64>| limit.is_some_and(|limit| count >= limit);
    let now = if enough(count.successes, limit("healthy", &["successes"])) {
        Health::Healthy
    } else if enough(count.failures, limit("unhealthy", &["http_failures", "tcp_failures", "timeouts"])) {
        Health::Unhealthy
    } else {
        return;
    };
    let before = gateway.state().health.get(id).copied().unwrap_or(Health::Healthy);
    if now != before {
        gateway.change(|state| state.health.insert(id.to_owned(), now));
    }
}

//! Kong Gateway: its status, its database where it has one, and its proxy.
//!
//! Status comes from the Admin API or from the status listener, whichever listens beyond the container itself: Kong's
//! own default for the Admin API doesn't (<https://docs.konghq.com/gateway/latest/reference/configuration/>).

mod admin;

use serde_json::Value;

use super::answer::{Answer, ProbeFailure};
use super::deep::DeepCheck;
use super::http::{self, Reply};
use super::listen::{port, variable};
use super::net::Place;
use super::question::Scheme;
use super::target::{Reach, Target};
use crate::stack::Service;

/// Never a route's: the proxy shall answer for itself.
const NO_ROUTE: &str = "/vv-probe";

/// Where a Kong listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    /// For clients.
    pub proxy: Listen,
    /// With `/status`; nothing when neither the Admin API nor the status listener can be asked from outside.
    pub status: Option<Listen>,
    /// The declaration says that `status` listens outside the container; without one it is only tried.
    pub declared: bool,
}

/// A port and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The container's port.
    pub port: u16,
    /// HTTP or HTTPS.
    pub scheme: Scheme,
}

impl Ports {
    /// As the service's environment says.
    pub(super) fn of(service: &Service) -> Self {
        let listen = |name: &str| variable(service, name).map(outer);
        let plain = |port| Listen { port, scheme: Scheme::Http };
        let proxy = listen("KONG_PROXY_LISTEN").flatten().unwrap_or_else(|| plain(port(service, &[], 8000)));
        let (admin, status) = (listen("KONG_ADMIN_LISTEN"), listen("KONG_STATUS_LISTEN").flatten());
        match (admin, status) {
            (Some(Some(admin)), _) => Self { proxy, status: Some(admin), declared: true },
            (_, Some(status)) => Self { proxy, status: Some(status), declared: true },
            (Some(None), None) => Self { proxy, status: None, declared: true },
            // By default it listens in the container only, unless a configuration file says otherwise.
            (None, None) => Self { proxy, status: Some(plain(8001)), declared: false },
        }
    }
}

/// Where a Kong can be asked for more than its health: outside its container, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doors {
    /// The Admin API.
    pub admin: Option<Listen>,
    /// The proxy without TLS.
    pub proxy: Option<Listen>,
    /// The proxy with TLS.
    pub proxy_tls: Option<Listen>,
}

impl Doors {
    /// As the service's environment says, else as Kong's own images have it. The Admin API that Kong has by default
    /// listens in the container only; where nothing is said, a configuration file may have another.
    pub fn of(service: &Service) -> Self {
        let admin = variable(service, "KONG_ADMIN_LISTEN").unwrap_or("0.0.0.0:8001");
        let proxy = variable(service, "KONG_PROXY_LISTEN").unwrap_or("0.0.0.0:8000, 0.0.0.0:8443 ssl");
        let with = |scheme| outers(proxy).into_iter().find(|listen: &Listen| listen.scheme == scheme);
        Self { admin: outer(admin), proxy: with(Scheme::Http), proxy_tls: with(Scheme::Https) }
    }
}

/// The first listener of `0.0.0.0:8001 reuseport, 0.0.0.0:8444 http2 ssl` that isn't the container's own only; one
/// without TLS first.
fn outer(text: &str) -> Option<Listen> {
    outers(text).into_iter().next()
}

/// The listeners that aren't the container's own only; those without TLS first.
fn outers(text: &str) -> Vec<Listen> {
    let listeners = text.split(',').filter_map(|item| {
        let mut words = item.split_whitespace();
        let (host, port) = words.next()?.rsplit_once(':')?;
        let scheme = if words.any(|word| word == "ssl") { Scheme::Https } else { Scheme::Http };
        let inner = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        (!inner).then_some(Listen { port: port.parse().ok()?, scheme })
    });
    let mut listeners: Vec<Listen> = listeners.collect();
    listeners.sort_by_key(|listener| listener.scheme == Scheme::Https);
    listeners
}

/// What its Admin API tells: the node, and the health of what it sends requests to. That each declared route is live
/// is proven through the proxy, by a check that belongs beside these.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    admin::checks(target)
}

/// Asks the proxy and the status at once.
pub(super) async fn ask(target: &Target<'_>, proxy: Place, ports: &Ports) -> Result<Answer, ProbeFailure> {
    let (proxy, status) =
        tokio::join!(http::get(target, proxy, ports.proxy.scheme, NO_ROUTE, None), status(target, ports));
    let status = status?;
    let proxy = judge_proxy(&proxy?, ports.proxy.port)?;
    match status {
        Answer::Seen(status) => Ok(Answer::Seen(format!("{status}; {proxy}"))),
        Answer::Doubtful { detail, hint } => {
            Ok(Answer::Doubtful { detail: format!("{detail}; {proxy}"), hint })
        }
        Answer::NotAsked(why) => Ok(Answer::Seen(format!("{proxy}; {why}"))),
    }
}

/// What the proxy says to a path that no route has.
fn judge_proxy(reply: &Reply, port: u16) -> Result<String, ProbeFailure> {
    let server = reply.header("server");
    let by_header = server.starts_with("kong")
        || reply.header("via").contains("kong")
        || ["x-kong-response-latency", "x-kong-upstream-latency"]
            .iter()
            .any(|name| reply.headers.contains_key(*name));
    let by_text = reply.status == 404 && String::from_utf8_lossy(&reply.body).contains("no Route matched");
    if !by_header && !by_text {
        return Err(ProbeFailure::new(format!(
            "port {port} answers {}, but not as Kong's proxy",
            reply.status
        )));
    }
    let via = if reply.header("via").contains("kong") { reply.header("via") } else { server };
    Ok(if via.is_empty() { "the proxy answers".into() } else { format!("the proxy answers ({via})") })
}

async fn status(target: &Target<'_>, ports: &Ports) -> Result<Answer, ProbeFailure> {
    let inside = || Answer::NotAsked("its Admin API listens in the container only".into());
    let Some(listen) = &ports.status else { return Ok(inside()) };
    let place = match target.reach(listen.port).await? {
        Reach::At(endpoint) => Place::of(endpoint, listen.port),
        Reach::Hidden(why) => return Ok(Answer::NotAsked(why)),
    };
    match http::get(target, place, listen.scheme, "/status", None).await {
        Ok(reply) => judge_status(&reply, variable(target.service, "KONG_DATABASE")),
        Err(_) if !ports.declared => Ok(inside()),
        Err(failure) => Err(ProbeFailure { detail: format!("status: {}", failure.detail), ..failure }),
    }
}

/// Reads `/status`; `database` is the declared KONG_DATABASE.
fn judge_status(reply: &Reply, database: Option<&str>) -> Result<Answer, ProbeFailure> {
    match reply.status {
        200 => {}
        401 | 403 => {
            return Ok(Answer::Doubtful {
                detail: format!("its Admin API wants a login ({})", reply.status),
                hint: "publish the status listener (KONG_STATUS_LISTEN) to have it asked instead".into(),
            });
        }
        _ => return Err(reply.refusal("/status")),
    }
    let Some(said) = reply.json().filter(|said| said.get("server").is_some()) else {
        return Err(ProbeFailure::new("GET /status answers 200, but not as Kong"));
    };
    let hash = said.get("configuration_hash").and_then(Value::as_str);
    // Only a gateway without a database has a configuration to hash.
    if database == Some("off") || hash.is_some() {
        return Ok(match hash {
            Some(hash) if hash.bytes().all(|digit| digit == b'0') => Answer::Doubtful {
                detail: "DB-less, without any configuration yet".into(),
                hint: "name its declarative file in KONG_DECLARATIVE_CONFIG".into(),
            },
            Some(_) => Answer::Seen("DB-less, configuration loaded".into()),
            None => Answer::Seen("DB-less".into()),
        });
    }
    match said.pointer("/database/reachable").and_then(Value::as_bool) {
        Some(true) => Ok(Answer::Seen("its database answers".into())),
        Some(false) => Err(ProbeFailure::new("it runs, but can't reach its database")
            .hint("is the service that KONG_PG_HOST names ready, and are KONG_PG_USER and _PASSWORD right?")),
        None => Err(ProbeFailure::new("GET /status answers 200, but says nothing of its database")),
    }
}

#[cfg(test)]
#[path = "kong_tests.rs"]
mod tests;

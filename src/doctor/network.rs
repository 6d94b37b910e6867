//! Name servers, proxies, address ranges.

use std::net::{IpAddr, Ipv4Addr};

use super::Finding;
use super::facts::{EngineFacts, Here, Resolved};
use crate::engine::survey::Proxies;
use crate::stack::{Service, Stack, reference};

/// Whether containers can look names up.
pub fn name_servers(engine: &EngineFacts, here: &Here) -> Vec<Finding> {
    let mut findings = vec![match &engine.names {
        Resolved::Found { container, service } => Finding::ok("dns", format!("{container} finds {service}")),
        Resolved::NotFound { container, service } => Finding::fail(
            "dns",
            format!("{container} can't look up {service}, which runs on its network"),
            format!(
                "docker exec {container} cat /etc/resolv.conf (it should name 127.0.0.11); then vv restart"
            ),
        ),
        Resolved::NotAsked(why) => Finding::ok("dns", format!("not asked: {why}")),
    }];
    let only_loopback = !here.name_servers.is_empty() && here.name_servers.iter().all(IpAddr::is_loopback);
    if here.shared && only_loopback && !here.engine_has_dns {
        findings.push(Finding::warn(
            "dns",
            "this machine's only name servers are its own, which containers can't ask: the engine gives them 8.8.8.8",
            "name your network's own: {\"dns\": [\"…\"]} in /etc/docker/daemon.json",
        ));
    }
    findings
}

/// Proxies that get between the stack's own services, or between the engine and a near registry.
pub fn proxies(stack: &Stack, engine: Option<&EngineFacts>, here: &Here) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(Ok(system)) = engine.map(|engine| &engine.system) {
        let proxies = &system.proxies;
        if let Some(proxy) = proxies.https.as_ref().or(proxies.http.as_ref()) {
            let near: Vec<&str> = stack
                .services
                .values()
                .map(|service| reference::registry(&service.image))
                .filter(|registry| is_near(registry) && !excepted(&proxies.none_for, host(registry)))
                .fold(Vec::new(), |mut list, registry| {
                    if !list.contains(&registry) {
                        list.push(registry);
                    }
                    list
                });
            findings.push(match near.as_slice() {
                [] => Finding::ok("proxy", format!("the engine pulls through {}", shown(proxy))),
                near => Finding::warn(
                    "proxy",
                    format!("the engine asks {} through {}, too", near.join(", "), shown(proxy)),
                    format!("add {} to NO_PROXY of the engine (systemctl edit docker)", near.join(",")),
                ),
            });
        }
    }
    for service in stack.services.values() {
        let Some(proxy) = variable(service, "HTTP_PROXY") else { continue };
        let except = variable(service, "NO_PROXY").map(str::to_owned);
        let through = asked_through(stack, service, &except);
        if !through.is_empty() {
            let names = through.join(",");
            findings.push(
                Finding::warn(
                    "proxy",
                    format!(
                        "{} asks {} through {}, which doesn't know them",
                        service.name,
                        through.join(", "),
                        shown(proxy)
                    ),
                    format!("set its NO_PROXY to localhost,127.0.0.1,{names}"),
                )
                .of(&service.name),
            );
        }
    }
    findings.extend(client(stack, &here.client_proxies));
    findings
}

/// The client's configuration puts proxies into what `docker compose` starts; vv puts nothing in that isn't declared.
fn client(stack: &Stack, proxies: &Proxies) -> Option<Finding> {
    let proxy = proxies.http.as_ref().or(proxies.https.as_ref())?;
    let declared = stack.services.values().any(|service| variable(service, "HTTP_PROXY").is_some());
    if declared {
        return None;
    }
    Some(Finding::warn(
        "proxy",
        format!(
            "~/.docker/config.json names {} for containers: vv's get what the stack declares, and no more",
            shown(proxy)
        ),
        "services that need it: environment: [HTTP_PROXY, HTTPS_PROXY, NO_PROXY]",
    ))
}

/// A variable in either spelling; clients differ in which they heed.
fn variable<'a>(service: &'a Service, name: &str) -> Option<&'a str> {
    let lower = name.to_ascii_lowercase();
    let value = |name: &str| service.environment.get(name).and_then(Option::as_deref);
    value(name).or_else(|| value(&lower)).filter(|value| !value.is_empty())
}

/// The services that this one names in an http address of its environment, and that its proxy would be asked for.
fn asked_through(stack: &Stack, service: &Service, except: &Option<String>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for value in service.environment.values().flatten() {
        for (_, rest) in value.match_indices("http://").map(|(at, scheme)| value.split_at(at + scheme.len()))
        {
            let name = rest.split(['/', ':', ',', ' ']).next().unwrap_or_default();
            if stack.services.contains_key(name)
                && !excepted(except, name)
                && !names.iter().any(|n| n == name)
            {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// Whether `NO_PROXY` names a host: itself, a domain above it, `*`.
fn excepted(none_for: &Option<String>, host: &str) -> bool {
    let list = none_for.as_deref().unwrap_or_default();
    list.split([',', ' ']).map(|entry| entry.trim().trim_start_matches("*.").trim_start_matches('.')).any(
        |entry| !entry.is_empty() && (entry == "*" || entry == host || host.ends_with(&format!(".{entry}"))),
    )
}

fn host(registry: &str) -> &str {
    registry.rsplit_once(':').map_or(registry, |(host, _)| host)
}

/// Whether a registry is on this network: a proxy for the world doesn't know it. The engine never asks a loopback
/// address through a proxy.
fn is_near(registry: &str) -> bool {
    let host = host(registry);
    match host.parse::<Ipv4Addr>() {
        Ok(address) => address.is_private(),
        Err(_) => {
            host != "localhost"
                && (!host.contains('.') || host.ends_with(".local") || host.ends_with(".internal"))
        }
    }
}

/// An address without its login.
fn shown(proxy: &str) -> &str {
    proxy.rsplit_once('@').map_or(proxy, |(_, address)| address)
}

/// Address ranges that the stack fixes and another network has: the engine refuses to make such a network.
pub fn subnets(stack: &Stack, engine: &EngineFacts) -> Vec<Finding> {
    let Ok(observed) = &engine.observed else { return Vec::new() };
    let mut findings = Vec::new();
    for network in stack.networks.values().filter(|network| !network.external) {
        if observed.networks.iter().any(|there| there.name == network.name) {
            continue;
        }
        let fixed = network.ipam.iter().filter_map(|pool| pool.subnet.as_deref());
        for subnet in fixed {
            let Some(range) = range(subnet) else { continue };
            let other = observed.networks.iter().find_map(|there| {
                let taken = there.subnets.iter().find(|taken| range_overlaps(taken, range))?;
                Some((there, taken))
            });
            if let Some((there, taken)) = other {
                findings.push(Finding::fail(
                    "network",
                    format!(
                        "{} of network {} overlaps with {taken} of network {}",
                        subnet, network.name, there.name
                    ),
                    format!("take another subnet, or docker network rm {}", there.name),
                ));
            }
        }
    }
    findings
}

/// The first and last address of an IPv4 range in CIDR notation.
fn range(subnet: &str) -> Option<(u32, u32)> {
    let (address, length) = subnet.split_once('/')?;
    let address = u32::from(address.parse::<Ipv4Addr>().ok()?);
    let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    Some((address & mask, address | !mask))
}

fn range_overlaps(taken: &str, (first, last): (u32, u32)) -> bool {
    range(taken).is_some_and(|(from, to)| from <= last && first <= to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_overlap() {
        let range = |text| range(text).unwrap();
        assert!(range_overlaps("172.20.0.0/16", range("172.20.5.0/24")));
        assert!(range_overlaps("10.0.0.0/8", range("10.255.255.0/24")));
        assert!(!range_overlaps("172.20.0.0/16", range("172.21.0.0/16")));
        assert!(range_overlaps("0.0.0.0/0", range("1.2.3.4/32")));
        assert!(!range_overlaps("fd00::/64", range("1.2.3.4/32")));
    }

    #[test]
    fn exceptions_of_a_proxy() {
        let none_for = Some("localhost, .corp.example,*.internal,db".to_owned());
        for (host, wanted) in [
            ("db", true),
            ("git.corp.example", true),
            ("a.internal", true),
            ("kafka", false),
            ("mydb", false),
        ] {
            assert_eq!(excepted(&none_for, host), wanted, "{host}");
        }
        assert!(excepted(&Some("*".into()), "anything"));
        assert!(!excepted(&None, "anything"));
    }
}

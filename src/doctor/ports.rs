//! Host ports: taken by others, or twice by the stack itself.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use super::Finding;
use super::facts::{Facts, Holder};
use crate::stack::model::{Namespace, Port, Protocol};
use crate::stack::{Service, Stack, embedded};

/// A host port as a service binds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// Nothing: all addresses.
    pub address: Option<IpAddr>,
    /// The port.
    pub number: u16,
    /// tcp or udp.
    pub protocol: Protocol,
}

impl HostPort {
    /// The one that this entry asks for; nothing where the engine picks one.
    pub fn of(port: &Port) -> Option<Self> {
        let range = port.published?;
        let fixed = range.first == range.last && range.first != 0;
        fixed.then_some(Self {
            address: port.host_ip.as_deref().and_then(|address| address.parse().ok()),
            number: range.first,
            protocol: port.protocol,
        })
    }

    /// `tcp`, `udp`
    pub fn protocol_name(&self) -> &'static str {
        match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        }
    }

    /// Whether both can't be bound at once.
    fn collides(&self, other: &Self) -> bool {
        self.number == other.number
            && self.protocol == other.protocol
            && match (self.address, other.address) {
                (Some(one), Some(other)) => one == other || one.is_unspecified() || other.is_unspecified(),
                _ => true,
            }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.number)?,
            Some(address) => write!(f, "{address}:{}", self.number)?,
            None => write!(f, "{}", self.number)?,
        }
        match self.protocol {
            Protocol::Tcp => Ok(()),
            Protocol::Udp | Protocol::Sctp => write!(f, "/{}", self.protocol_name()),
        }
    }
}

/// The host ports that a start of the whole stack binds, with their services.
pub fn wanted(stack: &Stack) -> Vec<(&Service, HostPort)> {
    let publishing = stack.services.values().filter(|service| {
        // Ports mean nothing in a namespace that isn't the container's own.
        service.replicas > 0
            && !matches!(
                service.network_mode,
                Some(Namespace::Host | Namespace::Service(_) | Namespace::Container(_))
            )
    });
    publishing
        .flat_map(|service| service.ports.iter().filter_map(HostPort::of).map(move |port| (service, port)))
        .collect()
}

/// Every port of the stack that can't be had.
pub fn findings(stack: &Stack, facts: &Facts) -> Vec<Finding> {
    let wanted = wanted(stack);
    let mut findings = twice(&wanted);
    if facts.engine.is_err() {
        // Most of those that are taken may be by containers of that very engine, the stack's own among them.
        if !wanted.is_empty() {
            findings
                .push(Finding::ok("port", "not looked at: without the engine nobody can say whose they are"));
        }
        return findings;
    }
    let mut free = 0;
    for (service, port) in &wanted {
        match facts.ports.get(port) {
            // The container that is to have it has it, or another of the stack, which a start moves first.
            Some(Holder::Container { project: Some(project), .. }) if *project == stack.name => free += 1,
            Some(holder) => findings.push(taken(&service.name, port, holder)),
            None => free += 1,
        }
    }
    findings.extend(privileged(&wanted, facts));
    if free > 0 {
        let seen = match free {
            1 => "1 host port is free, or the stack's own".to_owned(),
            free => format!("{free} host ports are free, or the stack's own"),
        };
        let unseen = if facts.here.shared {
            ""
        } else {
            "; processes of the engine's machine can't be seen from here"
        };
        findings.push(Finding::ok("port", format!("{seen}{unseen}")));
    }
    findings
}

/// A port that somebody else has.
pub fn taken(service: &str, port: &HostPort, holder: &Holder) -> Finding {
    let (who, stop) = match holder {
        Holder::Container { name, project: Some(project), files } => (
            format!("container {name} (project {project})"),
            format!("stop it: docker stop {name}, or all of it: {}", down(project, files)),
        ),
        Holder::Container { name, project: None, .. } => {
            (format!("container {name}"), format!("stop it: docker stop {name}"))
        }
        Holder::OtherEngine { words } => (
            words.clone(),
            format!(
                "see whose: docker context ls names the engines, docker -c NAME ps --filter publish={} asks one",
                port.number
            ),
        ),
        Holder::Process { words, pid: Some(pid) } => (words.clone(), format!("stop it: kill {pid}")),
        Holder::Process { words, pid: None } => {
            (words.clone(), format!("see who: sudo ss -ltnup 'sport = :{}'", port.number))
        }
        Holder::Somebody => {
            ("somebody else".to_owned(), format!("see who: sudo ss -ltnup 'sport = :{}'", port.number))
        }
    };
    Finding::fail(
        "port",
        format!("{port}, which {service} publishes, is used by {who}"),
        format!("{stop}; or take other ports: --port-offset 1000"),
    )
    .of(service)
}

/// What takes another project down: by its own files, where they are known. By this stack's, all of its services are
/// strangers.
fn down(project: &str, files: &[String]) -> String {
    let quoted = |word: &str| shlex::try_quote(word).map_or_else(|_| word.to_owned(), Cow::into_owned);
    if files.is_empty() {
        return format!("vv -p {project} down --remove-orphans");
    }
    let chosen: Vec<String> = files
        .iter()
        .map(|file| match embedded::stack_of(file) {
            Some(stack) => format!("--stack {stack}"),
            None => format!("-f {}", quoted(file)),
        })
        .collect();
    format!("vv {} -p {project} down", chosen.join(" "))
}

/// Two entries that ask for the same port.
pub fn twice(wanted: &[(&Service, HostPort)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, (service, port)) in wanted.iter().enumerate() {
        let Some((first, _)) = wanted[..index].iter().find(|(_, earlier)| earlier.collides(port)) else {
            continue;
        };
        let who = if first.name == service.name {
            format!("{} twice", service.name)
        } else {
            format!("{} and by {}", first.name, service.name)
        };
        findings.push(
            Finding::fail(
                "port",
                format!("{port} is published by {who}"),
                "publish one of them at another host port, in its ports",
            )
            .of(&service.name),
        );
    }
    findings
}

/// Ports that an engine without root's rights may not bind.
fn privileged(wanted: &[(&Service, HostPort)], facts: &Facts) -> Vec<Finding> {
    let rootless =
        facts.engine.as_ref().is_ok_and(|engine| engine.system.as_ref().is_ok_and(|system| system.rootless));
    let Some(first) = facts.here.unprivileged_ports.filter(|_| rootless && facts.here.shared) else {
        return Vec::new();
    };
    wanted
        .iter()
        .filter(|(_, port)| port.number < first)
        .map(|(service, port)| {
            let seen = format!("{port} of {} is below {first}, and the engine is rootless", service.name);
            let fix = format!("sudo sysctl -w net.ipv4.ip_unprivileged_port_start={}", port.number);
            Finding::fail("port", seen, fix).of(&service.name)
        })
        .collect()
}

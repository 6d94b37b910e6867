//! `ports`: the short and the long syntax, to one [`Port`] per container port.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::context::Context;
use super::decode::{At, Keys};
use super::model::{Port, PortNotes, PortRange, Protocol};

const LONG: Keys = Keys {
    read: &["target", "published", "host_ip", "protocol", "mode", "name", "app_protocol"],
    ignored: &[],
    unsupported: &[],
    extensions: true,
};

const PROTOCOLS: [(&str, Protocol); 3] =
    [("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)];

/// The ports that a service publishes, with what else is said of them. The same one twice is one.
pub fn read(at: &At<'_>, context: &Context<'_>) -> (Vec<Port>, BTreeMap<Port, PortNotes>) {
    let mut ports: Vec<Port> = Vec::new();
    let mut notes = BTreeMap::new();
    for item in at.items() {
        let found = if item.is_mapping() {
            let Some((port, said)) = long(&item, context) else { continue };
            if said != PortNotes::default() && !ports.contains(&port) {
                notes.insert(port.clone(), said);
            }
            vec![port]
        } else {
            item.string_or_number().map(|text| short(&item, &text, context)).unwrap_or_default()
        };
        for port in found {
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
    }
    (ports, notes)
}

fn short(at: &At<'_>, text: &str, context: &Context<'_>) -> Vec<Port> {
    match parse(text) {
        Ok(mut ports) => {
            ports.retain_mut(|port| offset(at, port, context));
            ports
        }
        Err(message) => {
            at.problem(message);
            Vec::new()
        }
    }
}

fn long(at: &At<'_>, context: &Context<'_>) -> Option<(Port, PortNotes)> {
    let fields = at.fields(LONG)?;
    let protocol = fields.get("protocol").map_or(Some(Protocol::Tcp), |at| at.word(&PROTOCOLS));
    let mode = fields.get("mode").and_then(|mode| mode.word(&[("ingress", false), ("host", true)]));
    let notes = PortNotes {
        name: fields.string("name"),
        host_mode: mode.unwrap_or(false),
        app_protocol: fields.string("app_protocol"),
    };
    let host_ip = fields.get("host_ip").and_then(|at| {
        let text = at.text()?;
        let address = address(&text);
        address.map_err(|message| at.problem(message)).ok()
    });
    let published_at = fields.get("published");
    let published = published_at.as_ref().and_then(|at| {
        let text = at.string_or_number()?;
        range(&text).map_err(|message| at.problem(message)).ok()
    });
    let target = fields.required("target")?.port()?;
    let mut port = Port { target, published: published.and_then(fixed), host_ip, protocol: protocol? };
    match published_at {
        Some(at) => offset(&at, &mut port, context).then_some((port, notes)),
        None => Some((port, notes)),
    }
}

/// Adds the stack's port offset; whether the result is still a port.
fn offset(at: &At<'_>, port: &mut Port, context: &Context<'_>) -> bool {
    let add = context.merged.port_offset;
    let Some(range) = &mut port.published else { return true };
    match (range.first.checked_add(add), range.last.checked_add(add)) {
        (Some(first), Some(last)) => {
            *range = PortRange { first, last };
            true
        }
        _ => {
            at.problem(format!("the port {} and the offset {add} together are above 65535", range.last));
            false
        }
    }
}

/// Host port 0 asks the engine to pick one, as no port does.
fn fixed(range: PortRange) -> Option<PortRange> {
    (range.last > 0).then_some(range)
}

/// The short syntax, `[[IP:][HOST]:]CONTAINER[/PROTOCOL]`, where both ports may be ranges.
pub fn parse(text: &str) -> Result<Vec<Port>, String> {
    let (ports, protocol) = match text.rsplit_once('/') {
        Some((ports, protocol)) => (ports, protocol),
        None => (text, "tcp"),
    };
    let Some((_, protocol)) = PROTOCOLS.iter().find(|(name, _)| name.eq_ignore_ascii_case(protocol)) else {
        return Err(format!("'{protocol}' isn't a protocol: expected tcp, udp or sctp"));
    };
    let (rest, container) = match ports.rsplit_once(':') {
        Some((rest, container)) => (Some(rest), container),
        None => (None, ports),
    };
    if container.is_empty() {
        return Err(format!("'{text}' has no container port"));
    }
    let (ip, host) = match rest.map(|rest| rest.rsplit_once(':').unwrap_or(("", rest))) {
        Some((ip, host)) => (ip, host),
        None => ("", ""),
    };
    let host_ip = if ip.is_empty() { None } else { Some(address(ip)?) };
    let container = range(container)?;
    if container.first == 0 {
        return Err("a container's port can't be 0".into());
    }
    let host = if host.is_empty() { None } else { fixed(range(host)?) };
    pair(container, host, text)?
        .into_iter()
        .map(|(target, published)| {
            Ok(Port { target, published, host_ip: host_ip.clone(), protocol: *protocol })
        })
        .collect()
}

/// Which host port goes with which container port. A range of host ports for one container port stays a range, of
/// which the engine picks one.
fn pair(
    container: PortRange,
    host: Option<PortRange>,
    text: &str,
) -> Result<Vec<(u16, Option<PortRange>)>, String> {
    let targets = container.first..=container.last;
    let Some(host) = host else { return Ok(targets.map(|target| (target, None)).collect()) };
    if container.first == container.last {
        return Ok(vec![(container.first, Some(host))]);
    }
    if container.last - container.first != host.last - host.first {
        return Err(format!("'{text}': the two ranges have different lengths"));
    }
    Ok(targets.zip(host.first..=host.last).map(|(target, port)| (target, Some(single(port)))).collect())
}

fn single(port: u16) -> PortRange {
    PortRange { first: port, last: port }
}

fn range(text: &str) -> Result<PortRange, String> {
    let number = |text: &str| -> Result<u16, String> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let port = if digits { text.parse().ok() } else { None };
        port.ok_or_else(|| format!("'{text}' isn't a port: those are 1 to 65535"))
    };
    let range = match text.split_once('-') {
        Some((first, last)) => PortRange { first: number(first)?, last: number(last)? },
        None => single(number(text)?),
    };
    if range.first > range.last {
        return Err(format!("the range '{text}' ends before it starts"));
    }
    Ok(range)
}

/// `expose`: the container's ports as `8080` or `8080/udp`, ranges spread out.
pub fn expose(at: &At<'_>) -> Vec<String> {
    let mut ports = Vec::new();
    for item in at.items() {
        let Some(text) = item.string_or_number() else { continue };
        let (numbers, protocol) = match text.split_once('/') {
            Some((numbers, protocol)) => (numbers, Some(protocol)),
            None => (text.as_str(), None),
        };
        if let Some(protocol) = protocol
            && !PROTOCOLS.iter().any(|(name, _)| *name == protocol)
        {
            item.problem(format!("'{protocol}' isn't a protocol: expected tcp, udp or sctp"));
            continue;
        }
        match range(numbers) {
            Ok(range) => {
                for port in range.first..=range.last {
                    let text =
                        protocol.map_or_else(|| port.to_string(), |protocol| format!("{port}/{protocol}"));
                    if !ports.contains(&text) {
                        ports.push(text);
                    }
                }
            }
            Err(message) => item.problem(message),
        }
    }
    ports
}

fn address(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    match bare.parse::<IpAddr>() {
        Ok(_) => Ok(bare.to_owned()),
        Err(_) => Err(format!("'{text}' isn't an IP address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> String {
        match parse(text) {
            Ok(ports) => {
                let one = |port: &Port| {
                    let host = port.published.map(|range| match range.first == range.last {
                        true => range.first.to_string(),
                        false => format!("{}-{}", range.first, range.last),
                    });
                    let protocol = format!("{:?}", port.protocol).to_lowercase();
                    let ip = port.host_ip.as_deref().unwrap_or("*");
                    format!("{ip}:{}>{}/{protocol}", host.unwrap_or_else(|| "?".into()), port.target)
                };
                ports.iter().map(one).collect::<Vec<_>>().join(" ")
            }
            Err(message) => format!("error: {message}"),
        }
    }

    #[test]
    fn short_syntax() {
        let cases = [
            ("80", "*:?>80/tcp"),
            ("8080:80", "*:8080>80/tcp"),
            ("8080:80/udp", "*:8080>80/udp"),
            ("8080:80/UDP", "*:8080>80/udp"),
            ("127.0.0.1:8080:80", "127.0.0.1:8080>80/tcp"),
            ("127.0.0.1::80", "127.0.0.1:?>80/tcp"),
            ("[::1]:8080:80", "::1:8080>80/tcp"),
            ("::1:8080:80", "::1:8080>80/tcp"),
            (":80", "*:?>80/tcp"),
            ("0:80", "*:?>80/tcp"),
            ("80-82", "*:?>80/tcp *:?>81/tcp *:?>82/tcp"),
            ("8080-8081:80-81", "*:8080>80/tcp *:8081>81/tcp"),
            ("9000-9005:99", "*:9000-9005>99/tcp"),
            ("80-82:80-81", "error: '80-82:80-81': the two ranges have different lengths"),
            ("82-80", "error: the range '82-80' ends before it starts"),
            ("70000:80", "error: '70000' isn't a port: those are 1 to 65535"),
            ("80:80:80:80", "error: '80:80' isn't an IP address"),
            ("host:80:80", "error: 'host' isn't an IP address"),
            ("80/http", "error: 'http' isn't a protocol: expected tcp, udp or sctp"),
            ("8080:", "error: '8080:' has no container port"),
            ("", "error: '' has no container port"),
            ("0", "error: a container's port can't be 0"),
            ("+80", "error: '+80' isn't a port: those are 1 to 65535"),
            ("1-65535:1-65535", &(1..=65535).map(|p| format!("*:{p}>{p}/tcp")).collect::<Vec<_>>().join(" ")),
        ];
        for (text, wanted) in cases {
            assert_eq!(show(text), wanted, "{text}");
        }
    }
}

//! On which container port a service listens for a protocol, told by its declaration. Pure.

use crate::stack::Service;
use crate::stack::model::Protocol;

/// The TCP container ports that are published, in the order of the file.
pub(super) fn published(service: &Service) -> impl Iterator<Item = u16> + '_ {
    service.ports.iter().filter(|port| port.protocol == Protocol::Tcp).map(|port| port.target)
}

/// The TCP container ports that are exposed without being published.
fn exposed(service: &Service) -> impl Iterator<Item = u16> + '_ {
    service.expose.iter().filter_map(|text| text.strip_suffix("/tcp").unwrap_or(text).parse().ok())
}

/// Whether a port is published, exposed or in a url.
pub(super) fn declares(service: &Service, port: u16) -> bool {
    let urls = service.vv.urls.iter().map(|url| url.port);
    published(service).chain(exposed(service)).chain(urls).any(|declared| declared == port)
}

/// The port of a protocol: what an `x-vv.urls` entry with one of these schemes says; else the protocol's usual one
/// where the service declares it; else the only published one, or, where none is, the only exposed one; else the usual one.
pub(super) fn port(service: &Service, schemes: &[&str], usual: u16) -> u16 {
    let url = |wanted: Option<u16>| {
        service
            .vv
            .urls
            .iter()
            .find(|url| schemes.contains(&url.scheme.as_str()) && wanted.is_none_or(|port| port == url.port))
            .map(|url| url.port)
    };
    if let Some(port) = url(Some(usual)) {
        return port;
    }
    if published(service).chain(exposed(service)).any(|port| port == usual) {
        return usual;
    }
    if let Some(port) = url(None) {
        return port;
    }
    let only = |mut all: Box<dyn Iterator<Item = u16> + '_>| match (all.next(), all.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    };
    match published(service).next() {
        Some(_) => only(Box::new(published(service))),
        None => only(Box::new(exposed(service))),
    }
    .unwrap_or(usual)
}

/// The port that a server is told by its command: `--port 24055`, `--port=24055`, `-p 5433`, `-c port=5433`, in the
/// words of an image's command or of a shell's line. `flags` are those that its program has for it.
pub(super) fn commanded(service: &Service, flags: &[&str]) -> Option<u16> {
    let words = service.entrypoint.iter().chain(&service.command).flatten();
    let words: Vec<&str> = words.flat_map(|word| word.split_whitespace()).collect();
    let value = |(at, word): (usize, &&str)| {
        let text = flags.iter().find_map(|flag| match word.strip_prefix(flag)? {
            "" => words.get(at + 1).copied(),
            rest => rest.strip_prefix('='),
        });
        text?.trim_matches(['"', '\'']).parse().ok().filter(|port| *port > 0)
    };
    // The last one counts, as it does for the program.
    words.iter().enumerate().filter_map(value).next_back()
}

/// The first port that people or other services use: of `x-vv.urls` with these schemes, published, exposed.
pub(super) fn first(service: &Service, schemes: &[&str]) -> Option<u16> {
    let url = service.vv.urls.iter().find(|url| schemes.contains(&url.scheme.as_str())).map(|url| url.port);
    url.or_else(|| published(service).next()).or_else(|| exposed(service).next())
}

/// A variable of the service's environment that is set and not empty.
pub(super) fn variable<'a>(service: &'a Service, name: &str) -> Option<&'a str> {
    service.environment.get(name)?.as_deref().map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::service;

    #[test]
    fn ports_of_a_protocol() {
        let ask = |ports: &[u16], urls: &[(&str, u16)]| port(&service("s", ports, urls), &["redis"], 6379);
        assert_eq!(ask(&[], &[]), 6379);
        assert_eq!(ask(&[8080, 6379], &[]), 6379, "the usual one among the declared");
        assert_eq!(ask(&[6380], &[]), 6380, "the only one declared");
        assert_eq!(ask(&[6380, 6381], &[]), 6379, "two strange ones tell nothing");
        assert_eq!(ask(&[6380, 6381], &[("redis", 6381)]), 6381, "the one that the urls name");
        assert_eq!(ask(&[6379, 6381], &[("redis", 6381), ("redis", 6379)]), 6379);
        assert_eq!(ask(&[7000, 7001], &[("http", 7000)]), 6379, "a url of another scheme");
    }

    #[test]
    fn the_port_that_a_command_names() {
        let told = |words: &[&str]| {
            let mut subject = service("s", &[], &[]);
            subject.command = Some(words.iter().map(|word| (*word).to_owned()).collect());
            commanded(&subject, &["--port", "-p", "port"])
        };
        assert_eq!(told(&["redis-server", "--port", "24055"]), Some(24055));
        assert_eq!(told(&["redis-server", "--port=24055"]), Some(24055));
        assert_eq!(told(&["sh", "-c", "exec redis-server --port 7000 --appendonly yes"]), Some(7000));
        assert_eq!(told(&["postgres", "-p", "5433"]), Some(5433));
        assert_eq!(told(&["postgres", "-c", "port=5434"]), Some(5434));
        assert_eq!(told(&["redis-server", "--port", "7000", "--port", "7001"]), Some(7001));
        assert_eq!(told(&["redis-server", "--port", "0", "--tls-port", "6380"]), None);
        assert_eq!(told(&["redis-server", "--port"]), None);
        assert_eq!(told(&["redis-server", "/portable"]), None);
        assert_eq!(commanded(&service("s", &[], &[]), &["--port"]), None);
    }

    #[test]
    fn exposed_ports_count_as_declared() {
        let mut subject = service("s", &[9121], &[]);
        subject.expose = vec!["6379/tcp".into(), "53/udp".into()];
        assert_eq!(port(&subject, &["redis"], 6379), 6379);
        assert_eq!(first(&service("s", &[], &[]), &["http"]), None);
        subject.ports.clear();
        assert_eq!(port(&subject, &["http"], 80), 6379, "the only one, of none that is published");
        assert_eq!(first(&subject, &["http"]), Some(6379));
    }
}

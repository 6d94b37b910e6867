//! `HOST:PORT[,HOST:PORT…]`, as `--bootstrap` and `bootstrap.servers` take it. Pure.

use std::fmt;

/// A broker's name and port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Server {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Reads a list of brokers.
///
/// # Errors
/// Which part isn't `HOST:PORT`, and why.
pub fn servers(text: &str) -> Result<Vec<Server>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let servers = parts.map(server).collect::<Result<Vec<_>, _>>()?;
    if servers.is_empty() {
        Err("no broker; say HOST:PORT, as in localhost:9092".into())
    } else {
        Ok(servers)
    }
}

fn server(text: &str) -> Result<Server, String> {
    if let Some((scheme, rest)) = text.split_once("://") {
        return Err(format!(
            "'{text}': say only '{rest}'; {scheme} belongs into security.protocol (--command-config, or \
             VV_KAFKA_SECURITY_PROTOCOL)"
        ));
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(format!("'{text}' has no port; say {text}:9092, for example"));
    };
    let (bare, bracketed) = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(bare) => (bare, true),
        None => (host, false),
    };
    if bare.contains(':') && !bracketed {
        return Err(format!("'{text}': an IPv6 address stands in brackets, as in [::1]:9092"));
    }
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "-._:%".contains(letter);
    if bare.is_empty() || !bare.chars().all(legal) {
        return Err(format!("'{text}': '{host}' is no name of a host"));
    }
    match port.parse() {
        Ok(0) | Err(_) => Err(format!("'{text}': '{port}' is no port (1 to 65535)")),
        Ok(port) => Ok(Server { host: bare.to_owned(), port }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_brokers() {
        let of = |text: &str| match servers(text) {
            Ok(servers) => servers.iter().map(Server::to_string).collect::<Vec<_>>().join(" "),
            Err(said) => said,
        };
        let lines = [
            of("localhost:9092"),
            of("kafka-1:9092, kafka-2:9092,,10.0.0.3:19092"),
            of("[::1]:9092"),
            of(""),
            of("localhost"),
            of("localhost:kafka"),
            of("localhost:0"),
            of("localhost:90920"),
            of("::1:9092"),
            of("PLAINTEXT://kafka:9092"),
            of(":9092"),
            of("user@kafka:9092"),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        localhost:9092
        kafka-1:9092 kafka-2:9092 10.0.0.3:19092
        [::1]:9092
        no broker; say HOST:PORT, as in localhost:9092
        'localhost' has no port; say localhost:9092, for example
        'localhost:kafka': 'kafka' is no port (1 to 65535)
        'localhost:0': '0' is no port (1 to 65535)
        'localhost:90920': '90920' is no port (1 to 65535)
        '::1:9092': an IPv6 address stands in brackets, as in [::1]:9092
        'PLAINTEXT://kafka:9092': say only 'kafka:9092'; PLAINTEXT belongs into security.protocol (--command-config, or VV_KAFKA_SECURITY_PROTOCOL)
        ':9092': '' is no name of a host
        'user@kafka:9092': 'user@kafka' is no name of a host
        ");
    }
}

//! What bollard and the engine say, in the words of [`EngineError`].

use std::error::Error as _;
use std::io;
use std::time::Duration;

use bollard::errors::Error;

use super::super::EngineError;
use super::super::connect::{Address, Endpoint, Source};
use super::ssh;

/// Turns an error of a call into what it means. `attempt` follows "could not".
pub fn failed(attempt: &str, error: Error, endpoint: &Endpoint) -> EngineError {
    let attempt = attempt.to_owned();
    match error {
        Error::DockerResponseServerError { status_code, message } => refused(attempt, status_code, message),
        Error::DockerStreamError { error } => refused(attempt, 500, error),
        Error::DockerContainerWaitError { error, .. } => EngineError::Refused { attempt, message: error },
        Error::RequestTimeoutError => EngineError::Stalled { attempt, after: Duration::ZERO },
        Error::HyperLegacyError { .. }
        | Error::SocketNotFoundError(_)
        | Error::HyperResponseError { .. }
        | Error::IOError { .. }
        | Error::CertPathError { .. }
        | Error::CertParseError { .. }
        | Error::CertMultipleKeys { .. }
        | Error::NoNativeCertsError { .. }
        | Error::LoadNativeCertsErrors { .. } => unreachable(&error, endpoint),
        other => EngineError::Refused { attempt, message: other.to_string() },
    }
}

/// An answer with an error status.
pub fn refused(attempt: String, status: u16, message: String) -> EngineError {
    let message = message.trim().to_owned();
    if let Some(port) = taken_port(&message) {
        return EngineError::PortTaken { attempt, port };
    }
    match status {
        404 => EngineError::NotFound { attempt, message },
        409 => EngineError::Conflict { attempt, message },
        _ => EngineError::Refused { attempt, message },
    }
}

/// The host port that a failed start names. The engine's wordings, old and new:
/// `Bind for 0.0.0.0:80 failed: port is already allocated`,
/// `Error starting userland proxy: listen tcp4 127.0.0.1:80: bind: address already in use`,
/// `failed to bind host port for 127.0.0.1:80:172.17.0.2:80/tcp: address already in use`,
/// `failed to bind host port 0.0.0.0:80/tcp: address already in use`,
/// `ports are not available: exposing port TCP 0.0.0.0:80 -> 127.0.0.1:0: listen tcp 0.0.0.0:80: bind: …` (Desktop),
/// `cannot expose privileged port 80` is another matter: the port is free.
pub fn taken_port(message: &str) -> Option<String> {
    let taken =
        ["port is already allocated", "address already in use", "Only one usage of each socket address"]
            .iter()
            .any(|words| message.contains(words));
    if !taken {
        return None;
    }
    [
        "Bind for ",
        "listen tcp4 ",
        "listen tcp6 ",
        "listen tcp ",
        "listen udp4 ",
        "listen udp6 ",
        "listen udp ",
        "host port for ",
        "host port ",
    ]
    .iter()
    .find_map(|before| message.split_once(before))
    .map(|(_, rest)| host_and_port(rest))
}

/// The program that the image hasn't, of an engine that couldn't start a container:
/// `… unable to start container process: exec: "nope": executable file not found in $PATH: unknown`.
pub fn missing_program(message: &str) -> Option<String> {
    let (before, _) = message.split_once(": executable file not found")?;
    let name = before.rsplit_once("exec: \"")?.1.strip_suffix('"')?;
    Some(name.to_owned())
}

/// `127.0.0.1:80` of `127.0.0.1:80:172.17.0.2:80/tcp: …`; an IPv6 address stands in brackets.
fn host_and_port(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default().trim_end_matches([':', ',']);
    let (host, rest) = match word.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        Some((host, rest)) => (format!("[{host}]"), rest),
        None if word.starts_with("::") => match word.rsplit_once(':') {
            Some((host, port)) => (format!("[{host}]"), port),
            None => return word.to_owned(),
        },
        None => match word.split_once(':') {
            Some((host, rest)) => (host.to_owned(), rest),
            None => return word.to_owned(),
        },
    };
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    format!("{host}:{port}")
}

/// No engine answers: why, and what to do.
pub fn unreachable(error: &Error, endpoint: &Endpoint) -> EngineError {
    let address = &endpoint.address;
    let (message, mut hints) = match (address, io_kind(error)) {
        (Address::Unix(path), Some(io::ErrorKind::PermissionDenied)) => (
            format!("no permission to use the Docker engine at {address}"),
            vec![
                "add yourself to its group and log in again: `sudo usermod -aG docker $USER`".to_owned(),
                format!("who may: `ls -l {}`", path.display()),
            ],
        ),
        (Address::Unix(_), Some(io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)) => {
            (format!("no Docker engine at {address}"), start_hints())
        }
        (Address::Unix(_), _) if matches!(error, Error::SocketNotFoundError(_)) => {
            (format!("no Docker engine at {address}"), start_hints())
        }
        (Address::Unix(_), _) => {
            (format!("the Docker engine at {address} broke off: {}", innermost(error)), start_hints())
        }
        (Address::Tcp { tls: Some(files), .. }, _) => (
            format!("no Docker engine at {address} (TLS): {}", innermost(error)),
            vec![format!("its certificates: {}, cert.pem and key.pem beside it", files.ca.display())],
        ),
        (Address::Tcp { tls: None, .. }, _) => (
            format!("no Docker engine at {address}: {}", innermost(error)),
            vec!["with TLS it needs DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH".to_owned()],
        ),
        (Address::Ssh(host), _) => (
            format!("no Docker engine at {address}: {}", innermost(error)),
            vec![format!("this must work without a question: `ssh {}`", ssh::arguments(host).join(" "))],
        ),
    };
    hints.push(match &endpoint.source {
        Source::Environment => "the address is DOCKER_HOST's".to_owned(),
        Source::Context(name) => format!("the address is the Docker context's '{name}'"),
        Source::Usual => {
            "elsewhere? set DOCKER_HOST, or choose a context with `docker context use`".to_owned()
        }
    });
    EngineError::Unreachable { message, hints }
}

fn start_hints() -> Vec<String> {
    let start = if cfg!(target_os = "macos") { "open -a Docker" } else { "sudo systemctl start docker" };
    vec![format!("is it running? `{start}`")]
}

/// The kind of the I/O error at the bottom of the chain.
fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    // It shows itself in place of its cause.
    let mut kind = match error {
        Error::IOError { err } => Some(err.kind()),
        _ => None,
    };
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            kind = Some(error.kind());
        }
        next = error.source();
    }
    kind
}

/// The words of the deepest cause: those above it only say that something failed.
fn innermost(error: &Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words = cause.to_string();
        next = cause.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_are_taken() {
        for (message, port) in [
            (
                "driver failed programming external connectivity on endpoint a (b): Bind for 0.0.0.0:8500 failed: port is already allocated",
                Some("0.0.0.0:8500"),
            ),
            (
                "… Error starting userland proxy: listen tcp4 127.0.0.1:18999: bind: address already in use",
                Some("127.0.0.1:18999"),
            ),
            (
                "… Error starting userland proxy: listen udp4 0.0.0.0:53: bind: address already in use",
                Some("0.0.0.0:53"),
            ),
            (
                "failed to set up container networking: driver failed programming external connectivity on endpoint web (0f): failed to bind host port for 127.0.0.1:80:172.17.0.2:80/tcp: address already in use",
                Some("127.0.0.1:80"),
            ),
            ("… failed to bind host port 0.0.0.0:80/tcp: address already in use", Some("0.0.0.0:80")),
            ("… Bind for :::8500 failed: port is already allocated", Some("[::]:8500")),
            ("… listen tcp6 [::1]:80: bind: address already in use", Some("[::1]:80")),
            (
                "ports are not available: exposing port TCP 0.0.0.0:80 -> 127.0.0.1:0: listen tcp 0.0.0.0:80: bind: address already in use",
                Some("0.0.0.0:80"),
            ),
            ("mounts denied", None),
        ] {
            assert_eq!(taken_port(message).as_deref(), port, "{message}");
        }
    }

    #[test]
    fn statuses() {
        let of =
            |status| refused("remove x".to_owned(), status, "no such container\n".to_owned()).to_string();
        assert_eq!(of(404), "could not remove x: no such container");
        assert!(matches!(refused(String::new(), 409, String::new()), EngineError::Conflict { .. }));
        assert!(matches!(refused(String::new(), 500, String::new()), EngineError::Refused { .. }));
    }

    #[test]
    fn a_missing_socket_says_how_to_start_the_engine() {
        let endpoint =
            Endpoint { address: Address::Unix("/var/run/docker.sock".into()), source: Source::Usual };
        let error = unreachable(&Error::SocketNotFoundError(String::new()), &endpoint);
        assert_eq!(error.to_string(), "no Docker engine at unix:///var/run/docker.sock");
        let denied = Error::IOError { err: io::Error::from(io::ErrorKind::PermissionDenied) };
        let EngineError::Unreachable { message, hints } = unreachable(&denied, &endpoint) else { panic!() };
        assert_eq!(message, "no permission to use the Docker engine at unix:///var/run/docker.sock");
        assert!(hints[0].contains("sudo usermod -aG docker $USER"), "{hints:?}");
    }
}

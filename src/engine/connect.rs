//! Where the engine is: `DOCKER_HOST`, else a context, else the usual sockets. Follows the Docker CLI
//! (<https://docs.docker.com/engine/manage-resources/contexts/>).

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Engine, EngineError, docker};

/// Where to look for an engine: what the environment and the command line say.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// `DOCKER_HOST`
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`
    pub docker_context: Option<String>,
    /// `DOCKER_CONFIG`, else `~/.docker`
    pub config_dir: PathBuf,
    /// `DOCKER_CERT_PATH`
    pub cert_path: Option<PathBuf>,
    /// `DOCKER_TLS_VERIFY` is set and not empty
    pub tls_verify: bool,
    /// `DOCKER_API_VERSION`
    pub api_version: Option<String>,
    /// `XDG_RUNTIME_DIR`: a rootless engine's socket is there
    pub runtime_dir: Option<PathBuf>,
    /// The user's home: Docker Desktop's socket is in `.docker/run` there
    pub home: Option<PathBuf>,
    /// `DOCKER_BUILDKIT=0`: builds don't even try BuildKit
    pub classic_builder: bool,
    /// How long the first answer may take; nothing: as long as a login over ssh may need.
    pub patience: Option<Duration>,
}

impl ConnectOptions {
    /// What this process's environment says.
    pub fn from_env() -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let home = std::env::home_dir().unwrap_or_else(|| Path::new("/").to_path_buf());
        Self {
            docker_host: var("DOCKER_HOST"),
            docker_context: var("DOCKER_CONTEXT"),
            config_dir: var("DOCKER_CONFIG").map_or_else(|| home.join(".docker"), PathBuf::from),
            cert_path: var("DOCKER_CERT_PATH").map(PathBuf::from),
            tls_verify: var("DOCKER_TLS_VERIFY").is_some(),
            api_version: var("DOCKER_API_VERSION"),
            runtime_dir: var("XDG_RUNTIME_DIR").map(PathBuf::from),
            home: Some(home),
            classic_builder: var("DOCKER_BUILDKIT").is_some_and(|value| value == "0"),
            patience: None,
        }
    }
}

/// The engine's address, and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where.
    pub address: Address,
    /// Who said so.
    pub source: Source,
}

/// An address of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A socket on this machine.
    Unix(PathBuf),
    /// `host:port`, with TLS or without.
    Tcp {
        /// `host:port`
        host: String,
        /// The files of its certificates.
        tls: Option<TlsFiles>,
    },
    /// `[user@]host[:port]`
    Ssh(String),
}

/// The folder of `ca.pem`, `cert.pem` and `key.pem`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authority that signed the engine's certificate.
    pub ca: PathBuf,
    /// Our certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Who named the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `DOCKER_HOST`
    Environment,
    /// A context of this name.
    Context(String),
    /// Nobody: it is where engines usually are.
    Usual,
}

impl Endpoint {
    /// The engine runs on this machine, so that it sees our files. A socket of Docker Desktop counts: it shares
    /// the user's folders with its machine. TCP never does, not even to a loopback address, for it may be a tunnel.
    pub fn is_local(&self) -> bool {
        matches!(self.address, Address::Unix(_))
    }
}

/// How long the search for the address of the engine's host may take.
const LOOKUP_LIMIT: Duration = Duration::from_secs(2);

impl Address {
    /// The IP address of the engine's host, where that isn't this machine: published ports answer there.
    pub async fn host_ip(&self) -> Option<IpAddr> {
        let host = match self {
            Self::Unix(_) => return None,
            Self::Tcp { host, .. } => host.clone(),
            Self::Ssh(host) => {
                let host = host.split('/').next().unwrap_or(host);
                let host = host.rsplit('@').next().unwrap_or(host);
                if has_port(host) { host.to_owned() } else { format!("{host}:22") }
            }
        };
        // A name of ssh's own configuration is no name that can be looked up.
        let found = tokio::time::timeout(LOOKUP_LIMIT, tokio::net::lookup_host(host)).await;
        found.ok()?.ok()?.next().map(|address| address.ip())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, .. } => write!(f, "tcp://{host}"),
            Self::Ssh(host) => write!(f, "ssh://{host}"),
        }
    }
}

/// Finds the engine, connects, and asks for its version (one call).
///
/// # Errors
/// [`EngineError::Unreachable`], with what to do about it.
pub async fn connect(options: &ConnectOptions) -> Result<Arc<dyn Engine>, EngineError> {
    let endpoint = resolve(options)?;
    Ok(Arc::new(docker::DockerEngine::connect(endpoint, options).await?))
}

/// Finds out where the engine is. Reads the Docker CLI's files; talks to nobody but usual sockets.
///
/// # Errors
/// [`EngineError::Unreachable`] when an address or context makes no sense.
pub fn resolve(options: &ConnectOptions) -> Result<Endpoint, EngineError> {
    if let Some(host) = &options.docker_host {
        let tls = (options.tls_verify || options.cert_path.is_some())
            .then(|| tls_files(options.cert_path.as_deref().unwrap_or(&options.config_dir)));
        let address = parse_address(host, tls.as_ref(), &options.config_dir)
            .map_err(|problem| unreachable(format!("DOCKER_HOST: {problem}"), &[ADDRESS_FORMS]))?;
        return Ok(Endpoint { address, source: Source::Environment });
    }
    match wanted_context(options)? {
        Some(name) => read_context(&name, &options.config_dir),
        None => Ok(Endpoint { address: Address::Unix(usual_socket(options)), source: Source::Usual }),
    }
}

const ADDRESS_FORMS: &str = "it looks like unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host";

fn unreachable(message: String, hints: &[&str]) -> EngineError {
    EngineError::Unreachable { message, hints: hints.iter().map(ToString::to_string).collect() }
}

fn tls_files(dir: &Path) -> TlsFiles {
    TlsFiles { ca: dir.join("ca.pem"), cert: dir.join("cert.pem"), key: dir.join("key.pem") }
}

/// Understands an engine's address. `tls` decides about `tcp://`; `https://` always has it, by default with the
/// files of the configuration folder.
fn parse_address(text: &str, tls: Option<&TlsFiles>, config_dir: &Path) -> Result<Address, String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return if text.starts_with('/') {
            Ok(Address::Unix(PathBuf::from(text)))
        } else {
            Err(format!("'{text}' has no scheme"))
        };
    };
    let rest = if scheme == "unix" { rest } else { rest.trim_end_matches('/') };
    if rest.is_empty() && scheme != "unix" {
        return Err(format!("'{text}' names no host"));
    }
    let tcp = |tls: Option<TlsFiles>| {
        let port = if tls.is_some() { 2376 } else { 2375 };
        let host = if has_port(rest) { rest.to_owned() } else { format!("{rest}:{port}") };
        Address::Tcp { host, tls }
    };
    match scheme {
        "unix" if rest.is_empty() => Err(format!("'{text}' names no socket")),
        "unix" => Ok(Address::Unix(PathBuf::from(rest))),
        "tcp" => Ok(tcp(tls.cloned())),
        "http" => Ok(tcp(None)),
        "https" => Ok(tcp(Some(tls.cloned().unwrap_or_else(|| tls_files(config_dir))))),
        "ssh" => Ok(Address::Ssh(rest.to_owned())),
        other => Err(format!("'{other}://' isn't supported")),
    }
}

fn has_port(host: &str) -> bool {
    match host.rsplit_once(':') {
        Some((before, port)) => {
            port.parse::<u16>().is_ok() && (!before.contains(':') || before.ends_with(']'))
        }
        None => false,
    }
}

/// The parts of `config.json` that name a context.
#[derive(Deserialize, Default)]
#[serde(default)]
struct CliConfig {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

/// The context to use; nothing for the built-in `default`.
fn wanted_context(options: &ConnectOptions) -> Result<Option<String>, EngineError> {
    let name = match &options.docker_context {
        Some(name) => Some(name.clone()),
        None => {
            let path = options.config_dir.join("config.json");
            let config: CliConfig = match std::fs::read(&path) {
                Ok(text) => serde_json::from_slice(&text)
                    .map_err(|error| unreachable(format!("can't read {}: {error}", path.display()), &[]))?,
                Err(_) => CliConfig::default(),
            };
            config.current_context
        }
    };
    Ok(name.filter(|name| !name.is_empty() && name != "default"))
}

#[derive(Deserialize)]
struct ContextMeta {
    #[serde(rename = "Endpoints", default)]
    endpoints: ContextEndpoints,
}

#[derive(Deserialize, Default)]
struct ContextEndpoints {
    docker: Option<ContextEndpoint>,
}

#[derive(Deserialize)]
struct ContextEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

/// A context's folder is named by the SHA-256 of its name.
fn read_context(name: &str, config_dir: &Path) -> Result<Endpoint, EngineError> {
    let id: String = Sha256::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let path = config_dir.join("contexts/meta").join(&id).join("meta.json");
    let text = std::fs::read(&path).map_err(|error| {
        let message = match error.kind() {
            io::ErrorKind::NotFound => format!("there is no Docker context '{name}'"),
            _ => format!("can't read {}: {error}", path.display()),
        };
        unreachable(message, &["`docker context ls` lists them; DOCKER_CONTEXT=default uses none"])
    })?;
    let problem = |what: String| unreachable(format!("Docker context '{name}': {what}"), &[ADDRESS_FORMS]);
    let meta: ContextMeta = serde_json::from_slice(&text).map_err(|error| problem(error.to_string()))?;
    let endpoint = meta.endpoints.docker.ok_or_else(|| problem("it has no Docker endpoint".to_owned()))?;
    if endpoint.skip_tls_verify {
        return Err(unreachable(
            format!("Docker context '{name}' skips the check of the engine's certificate, vv doesn't"),
            &["add the engine's CA: `docker context update --docker \"host=...,ca=ca.pem,...\"`"],
        ));
    }
    let folder = config_dir.join("contexts/tls").join(&id).join("docker");
    let tls = folder.is_dir().then(|| tls_files(&folder));
    let address = parse_address(&endpoint.host, tls.as_ref(), config_dir).map_err(problem)?;
    Ok(Endpoint { address, source: Source::Context(name.to_owned()) })
}

/// The first usual socket that lets us in; when none does, the first that is there; else the best known.
fn usual_socket(options: &ConnectOptions) -> PathBuf {
    let candidates = [
        Some(PathBuf::from("/var/run/docker.sock")),
        options.runtime_dir.as_ref().map(|dir| dir.join("docker.sock")),
        options.home.as_ref().map(|home| home.join(".docker/run/docker.sock")),
    ];
    let candidates: Vec<PathBuf> = candidates.into_iter().flatten().collect();
    let open = candidates.iter().find(|path| UnixStream::connect(path).is_ok());
    let there = || candidates.iter().find(|path| path.exists());
    open.or_else(there).unwrap_or(&candidates[0]).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> String {
        match parse_address(text, None, Path::new("/home/me/.docker")) {
            Ok(Address::Tcp { host, tls: Some(tls) }) => format!("tls {host} {}", tls.ca.display()),
            Ok(address) => address.to_string(),
            Err(problem) => problem,
        }
    }

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("unix:///run/x.sock", "unix:///run/x.sock"),
            ("/run/x.sock", "unix:///run/x.sock"),
            ("unix://", "'unix://' names no socket"),
            ("tcp://1.2.3.4", "tcp://1.2.3.4:2375"),
            ("tcp://1.2.3.4:99/", "tcp://1.2.3.4:99"),
            ("tcp://[::1]:99", "tcp://[::1]:99"),
            ("tcp://[::1]", "tcp://[::1]:2375"),
            ("http://h:80", "tcp://h:80"),
            ("https://h", "tls h:2376 /home/me/.docker/ca.pem"),
            ("ssh://me@h:2222", "ssh://me@h:2222"),
            ("npipe:////./pipe/docker_engine", "'npipe://' isn't supported"),
            ("ssh://", "'ssh://' names no host"),
            ("h:1", "'h:1' has no scheme"),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn the_environment_comes_first_then_the_context() {
        let dir = tempfile::tempdir().unwrap();
        let config_dir = dir.path().to_path_buf();
        std::fs::write(config_dir.join("config.json"), r#"{"currentContext":"far","auths":{}}"#).unwrap();
        // echo -n far | sha256sum
        let id = "512eea46ceb3921dff4363c7069d89d4964d1d9fccaa0f411851a7aa60a5c868";
        let meta = config_dir.join("contexts/meta").join(id);
        std::fs::create_dir_all(&meta).unwrap();
        let text = r#"{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://far:2376","SkipTLSVerify":false}}}"#;
        std::fs::write(meta.join("meta.json"), text).unwrap();
        let tls = config_dir.join("contexts/tls").join(id).join("docker");
        std::fs::create_dir_all(&tls).unwrap();

        let mut options = ConnectOptions { config_dir, ..ConnectOptions::default() };
        let endpoint = resolve(&options).unwrap();
        assert_eq!(endpoint.source, Source::Context("far".to_owned()));
        let Address::Tcp { host, tls: Some(files) } = &endpoint.address else { panic!("{endpoint:?}") };
        assert_eq!((host.as_str(), files.ca.clone()), ("far:2376", tls.join("ca.pem")));
        assert!(!endpoint.is_local());

        options.docker_host = Some("tcp://near:1".to_owned());
        assert_eq!(resolve(&options).unwrap().address.to_string(), "tcp://near:1");
        options.docker_host = None;
        options.docker_context = Some("gone".to_owned());
        assert_eq!(resolve(&options).unwrap_err().to_string(), "there is no Docker context 'gone'");
        options.docker_context = Some("default".to_owned());
        assert!(resolve(&options).unwrap().is_local());
    }

    #[test]
    fn a_context_that_skips_the_certificate_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let id: String = Sha256::digest(b"loose").iter().map(|byte| format!("{byte:02x}")).collect();
        let meta = dir.path().join("contexts/meta").join(id);
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(
            meta.join("meta.json"),
            r#"{"Endpoints":{"docker":{"Host":"tcp://h","SkipTLSVerify":true}}}"#,
        )
        .unwrap();
        let error = read_context("loose", dir.path()).unwrap_err();
        assert!(error.to_string().contains("skips the check"), "{error}");
    }
}

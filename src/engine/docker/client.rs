//! The connection: transport, negotiated API version, limits on simple calls.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, ClientVersion, Docker};
use http::uri::{PathAndQuery, Uri};

use super::super::connect::{Address, Endpoint};
use super::super::{ConnectOptions, EngineError};
use super::known::{Known, Memory};
use super::{error, ssh};
use crate::plan::observed::EngineInfo;

/// The oldest API vv speaks: engine 20.10, the oldest with what Compose files need.
const OLDEST: ClientVersion = ClientVersion { major_version: 1, minor_version: 41 };

/// How long bollard waits for an answer to begin. Pulls, waits and log streams may take for ever; what must not is
/// limited call by call ([`Client::call`]).
const NO_LIMIT: u64 = 30 * 24 * 3600;

/// How long the first answer may take, a login over ssh included.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// How long a simple call may take. Engines under load need tens of seconds for a removal.
const CALL_LIMIT: Duration = Duration::from_secs(120);

/// A connection to an engine.
#[derive(Clone)]
pub struct Client {
    /// Every request of it bears the negotiated version.
    docker: Docker,
    /// Without a request modifier: what the others are made of.
    plain: Docker,
    endpoint: Endpoint,
    version: ClientVersion,
}

impl Client {
    /// Connects, asks for the version and settles on one. One call.
    pub async fn open(
        endpoint: Endpoint,
        options: &ConnectOptions,
    ) -> Result<(Self, EngineInfo), EngineError> {
        let plain = transport(&endpoint).map_err(|error| error::unreachable(&error, &endpoint))?;
        let limit = options.patience.map_or(CONNECT_LIMIT, |patience| patience.min(CONNECT_LIMIT));
        let known = match tokio::time::timeout(limit, known(&plain, &endpoint)).await {
            Ok(Ok(known)) => known,
            Ok(Err(error @ Error::DockerResponseServerError { .. })) => {
                return Err(not_an_engine(&endpoint, &error.to_string()));
            }
            Ok(Err(error @ (Error::JsonDataError { .. } | Error::JsonSerdeError { .. }))) => {
                return Err(not_an_engine(&endpoint, &error.to_string()));
            }
            Ok(Err(error)) => return Err(error::failed("ask for the engine's version", error, &endpoint)),
            Err(_) => {
                return Err(EngineError::Unreachable {
                    message: format!(
                        "the Docker engine at {} didn't answer within {} s",
                        endpoint.address,
                        limit.as_secs_f32()
                    ),
                    hints: vec!["it may hang: does `docker version` answer?".to_owned()],
                });
            }
        };
        let newest = known.newest.as_deref().and_then(parse_version);
        let newest = newest.ok_or_else(|| not_an_engine(&endpoint, "it names no API version"))?;
        let least = known.least.as_deref().and_then(parse_version);
        let version = negotiate(options.api_version.as_deref(), newest, least)
            .map_err(|(message, hint)| EngineError::Unreachable { message, hints: vec![hint] })?;
        let info = EngineInfo {
            secluded: known.secluded,
            version: known.version,
            api: (component(version.major_version), component(version.minor_version)),
            os: known.os,
            arch: known.arch,
            local: endpoint.is_local(),
            address: endpoint.address.host_ip().await,
        };
        let docker = with_version(&plain, version, Vec::new());
        Ok((Self { docker, plain, endpoint, version }, info))
    }

    /// bollard's client, for calls that stream.
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// A client whose requests bear these query parameters instead of bollard's of the same name: some types of
    /// bollard are narrower than the API (whole seconds, a single host).
    pub fn with_query(&self, path_end: &'static str, query: Vec<(&'static str, String)>) -> Docker {
        with_version(&self.plain, self.version, vec![(path_end, query)])
    }

    /// The engine speaks at least this API version.
    pub fn speaks(&self, minor: usize) -> bool {
        self.version >= ClientVersion { major_version: 1, minor_version: minor }
    }

    /// The engine is on this machine.
    pub fn is_local(&self) -> bool {
        self.endpoint.is_local()
    }

    /// Carries out a simple call. `attempt` says what, in words that follow "could not".
    pub async fn call<T>(
        &self,
        attempt: &str,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        self.call_within(CALL_LIMIT, attempt, request).await
    }

    /// Carries out a call that may take `longer` than a simple one.
    pub async fn call_longer<T>(
        &self,
        longer: Duration,
        attempt: &str,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        self.call_within(CALL_LIMIT + longer, attempt, request).await
    }

    async fn call_within<T>(
        &self,
        limit: Duration,
        attempt: &str,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        match tokio::time::timeout(limit, request).await {
            Ok(result) => result.map_err(|error| self.error(attempt, error)),
            Err(_) => Err(EngineError::Stalled { attempt: attempt.to_owned(), after: limit }),
        }
    }

    /// What an error of a call means.
    pub fn error(&self, attempt: &str, error: Error) -> EngineError {
        error::failed(attempt, error, &self.endpoint)
    }

    /// The same, where the stream of results outlives a borrow.
    pub fn errors(&self, attempt: String) -> impl Fn(Error) -> EngineError + Send + 'static {
        let endpoint = self.endpoint.clone();
        move |error| error::failed(&attempt, error, &endpoint)
    }
}

fn transport(endpoint: &Endpoint) -> Result<Docker, Error> {
    let version = API_DEFAULT_VERSION;
    match &endpoint.address {
        Address::Unix(path) => Docker::connect_with_unix(&path.to_string_lossy(), NO_LIMIT, version),
        Address::Tcp { host, tls: None } => Docker::connect_with_http(host, NO_LIMIT, version),
        Address::Tcp { host, tls: Some(files) } => {
            // bollard takes whatever provider the process has; a second installation is refused, and fine.
            let _ = rustls::crypto::ring::default_provider().install_default();
            Docker::connect_with_ssl(host, &files.key, &files.cert, &files.ca, NO_LIMIT, version)
        }
        Address::Ssh(host) => ssh::transport(host, NO_LIMIT),
    }
}

/// What the engine says of itself, or said the last time. One call.
async fn known(plain: &Docker, endpoint: &Endpoint) -> Result<Known, Error> {
    let Address::Unix(path) = &endpoint.address else { return plain.version().await.map(Known::from) };
    let memory = Memory::usual();
    if let Some(known) = memory.recall(path).await {
        return Ok(known);
    }
    let known = Known::from(plain.version().await?);
    memory.keep(path, &known);
    Ok(known)
}

fn not_an_engine(endpoint: &Endpoint, why: &str) -> EngineError {
    EngineError::Unreachable {
        message: format!("what answers at {} is no Docker engine: {why}", endpoint.address),
        hints: Vec::new(),
    }
}

fn component(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn parse_version(text: &str) -> Option<ClientVersion> {
    let (major, minor) = text.split_once('.')?;
    Some(ClientVersion { major_version: major.parse().ok()?, minor_version: minor.parse().ok()? })
}

/// The version to speak: the newest that both know, or what `DOCKER_API_VERSION` demands. The error is a message
/// and a hint.
fn negotiate(
    demanded: Option<&str>,
    newest: ClientVersion,
    least: Option<ClientVersion>,
) -> Result<ClientVersion, (String, String)> {
    if newest < OLDEST {
        return Err((
            format!("this Docker engine is too old: it speaks API {newest}, vv needs {OLDEST}"),
            "Docker 20.10 or newer is needed".to_owned(),
        ));
    }
    let ours = match demanded {
        None => *API_DEFAULT_VERSION,
        Some(text) => {
            let version = parse_version(text).ok_or_else(|| {
                (format!("DOCKER_API_VERSION is no version: '{text}'"), "it looks like 1.41".to_owned())
            })?;
            if version > newest {
                return Err((
                    format!("DOCKER_API_VERSION is {version}, but the engine speaks {newest} at most"),
                    "unset it: vv finds the right version by itself".to_owned(),
                ));
            }
            if version < OLDEST {
                return Err((
                    format!("DOCKER_API_VERSION is {version}, but vv needs {OLDEST}"),
                    "unset it: vv finds the right version by itself".to_owned(),
                ));
            }
            version
        }
    };
    match least {
        Some(least) if ours < least => Err((
            format!("this Docker engine is too new: it speaks API {least} at least, vv {ours}"),
            "a newer vv is needed".to_owned(),
        )),
        _ if ours < newest => Ok(ours),
        _ => Ok(newest),
    }
}

type Query = Vec<(&'static str, Vec<(&'static str, String)>)>;

/// A client that puts the version before every path. bollard means to, but joins an absolute path to its base,
/// which drops the version: the engine would answer in its newest dialect, which bollard may not know.
fn with_version(docker: &Docker, version: ClientVersion, query: Query) -> Docker {
    let query = Arc::new(query);
    let modifier = move |mut request: BollardRequest| {
        if let Some(uri) = rewrite(request.uri(), version, &query) {
            *request.uri_mut() = uri;
        }
        request
    };
    docker.clone().with_request_modifier(modifier)
}

/// The same address with the version and the query parameters in it. Nothing when it can't be read, which
/// bollard's own never are.
fn rewrite(uri: &Uri, version: ClientVersion, replace: &Query) -> Option<Uri> {
    let path = uri.path();
    let replace = replace.iter().find(|(end, _)| path.ends_with(end)).map(|(_, query)| query.as_slice());
    let replace = replace.unwrap_or_default();
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && !replace.iter().any(|(other, _)| *other == name)
    });
    let mut query: Vec<String> = kept.map(str::to_owned).collect();
    query.extend(replace.iter().map(|(name, value)| format!("{name}={}", percent_encode(value))));
    let query = query.join("&");
    let question = if query.is_empty() { "" } else { "?" };
    let text = format!("/v{version}{path}{question}{query}");
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ClientVersion {
        parse_version(text).unwrap()
    }

    #[test]
    fn versions_are_negotiated() {
        let settle = |demanded, newest, least: Option<&str>| match negotiate(
            demanded,
            version(newest),
            least.map(version),
        ) {
            Ok(version) => version.to_string(),
            Err((message, _)) => message,
        };
        assert_eq!(settle(None, "1.41", Some("1.12")), "1.41");
        assert_eq!(settle(None, "1.99", Some("1.44")), API_DEFAULT_VERSION.to_string());
        assert_eq!(settle(Some("1.43"), "1.47", None), "1.43");
        insta::assert_snapshot!(settle(None, "1.40", None), @"this Docker engine is too old: it speaks API 1.40, vv needs 1.41");
        insta::assert_snapshot!(settle(Some("1.43"), "1.41", None), @"DOCKER_API_VERSION is 1.43, but the engine speaks 1.41 at most");
        insta::assert_snapshot!(settle(Some("new"), "1.41", None), @"DOCKER_API_VERSION is no version: 'new'");
        insta::assert_snapshot!(settle(Some("1.30"), "1.41", None), @"DOCKER_API_VERSION is 1.30, but vv needs 1.41");
        insta::assert_snapshot!(settle(None, "2.1", Some("2.0")), @"this Docker engine is too new: it speaks API 2.0 at least, vv 1.53");
    }

    #[test]
    fn requests_bear_the_version_and_the_replaced_parameters() {
        let uri: Uri = "http://h/containers/x/logs?follow=true&since=0&tail=all".parse().unwrap();
        let replace = vec![("/logs", vec![("since", "1.5".to_owned()), ("host", "a:1".to_owned())])];
        let rewritten = rewrite(&uri, version("1.41"), &replace).unwrap();
        assert_eq!(rewritten, "http://h/v1.41/containers/x/logs?follow=true&tail=all&since=1.5&host=a%3A1");
        let other: Uri = "http://h/info".parse().unwrap();
        assert_eq!(rewrite(&other, version("1.44"), &replace).unwrap(), "http://h/v1.44/info");
    }
}

//! Credentials of registries, as the Docker CLI keeps them in `config.json` and behind its helpers
//! (<https://docs.docker.com/reference/cli/docker/login/#credential-stores>). Never shown, never logged.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use futures_util::future::join_all;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;

/// What Docker Hub is called in `config.json`.
const HUB: &str = "https://index.docker.io/v1/";

/// How long a helper may take: it may ask the user to unlock a keychain.
const HELPER_LIMIT: Duration = Duration::from_secs(60);

/// Where credentials come from. Read anew at each use: a login may happen in between.
#[derive(Debug, Clone)]
pub struct CredentialStore {
    config_dir: PathBuf,
}

/// Credentials for one registry, and why there are none where there should be.
#[derive(Default)]
pub struct Found {
    /// What to send; empty for an anonymous request.
    pub credentials: DockerCredentials,
    /// What went wrong with a helper: said when the request is refused, since many images need no login.
    pub problem: Option<String>,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("problem", &self.problem).finish_non_exhaustive()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Config {
    auths: BTreeMap<String, Auth>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
    #[serde(rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// A helper's answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Secret {
    username: String,
    secret: String,
}

impl CredentialStore {
    /// The store of this configuration folder (`~/.docker`).
    pub fn new(config_dir: &Path) -> Self {
        Self { config_dir: config_dir.to_path_buf() }
    }

    /// Credentials for a registry's host.
    pub async fn find(&self, registry: &str) -> Found {
        match self.read().await {
            Ok(config) => find(&config, registry).await,
            Err(problem) => Found { problem: Some(problem), ..Found::default() },
        }
    }

    /// Credentials for all registries there are any for, by the name `config.json` uses. For a build, whose base
    /// images may come from anywhere.
    pub async fn all(&self) -> HashMap<String, DockerCredentials> {
        let Ok(config) = self.read().await else { return HashMap::new() };
        let mut registries: BTreeSet<String> =
            config.auths.keys().chain(config.helpers.keys()).map(|key| host_of(key).to_owned()).collect();
        if let Some(store) = &config.store
            && let Ok(text) = ask(store, "list", "").await
            && let Ok(list) = serde_json::from_str::<BTreeMap<String, String>>(&text)
        {
            registries.extend(list.keys().map(|key| host_of(key).to_owned()));
        }
        let found = join_all(registries.iter().map(|registry| find(&config, registry))).await;
        let usable = registries.iter().zip(found).filter(|(_, found)| !is_empty(&found.credentials));
        usable.map(|(registry, found)| (key_of(registry).to_owned(), found.credentials)).collect()
    }

    async fn read(&self) -> Result<Config, String> {
        let path = self.config_dir.join("config.json");
        match tokio::fs::read(&path).await {
            Ok(text) => {
                // serde's message would quote the text.
                serde_json::from_slice(&text).map_err(|_| format!("{} is no valid JSON", path.display()))
            }
            Err(_) => Ok(Config::default()),
        }
    }
}

async fn find(config: &Config, registry: &str) -> Found {
    let helper = config.helpers.iter().find(|(key, _)| host_of(key) == registry).map(|(_, name)| name);
    if let Some(helper) = helper.or(config.store.as_ref()) {
        match ask(helper, "get", key_of(registry)).await {
            Ok(text) => {
                if let Ok(secret) = serde_json::from_str::<Secret>(&text) {
                    return Found { credentials: of_secret(secret, registry), problem: None };
                }
                let problem = format!("docker-credential-{helper} gave an answer that can't be read");
                return Found { problem: Some(problem), ..Found::default() };
            }
            // Beside a store, old logins may still be in the file.
            Err(None) => {}
            Err(Some(problem)) => {
                let credentials = in_file(config, registry).unwrap_or_default();
                return Found { credentials, problem: Some(problem) };
            }
        }
    }
    Found { credentials: in_file(config, registry).unwrap_or_default(), problem: None }
}

/// Runs a helper. `Err(None)`: it knows nothing of this registry.
async fn ask(helper: &str, action: &str, input: &str) -> Result<String, Option<String>> {
    run(&format!("docker-credential-{helper}"), action, input).await
}

async fn run(program: &str, action: &str, input: &str) -> Result<String, Option<String>> {
    let problem = |what: &str| Some(format!("{program} {what}"));
    let mut child = tokio::process::Command::new(program)
        .arg(action)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| problem(&format!("can't be run: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that doesn't read has its reasons.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = tokio::time::timeout(HELPER_LIMIT, child.wait_with_output()).await;
    let output = output.map_err(|_| problem("didn't answer"))?;
    let output = output.map_err(|error| problem(&format!("failed: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match output.status.success() {
        true => Ok(text),
        // The helpers' protocol has no other sign for it.
        false if text.contains("credentials not found") => Err(None),
        false => Err(problem(&format!("failed ({})", output.status))),
    }
}

fn of_secret(secret: Secret, registry: &str) -> DockerCredentials {
    let server = Some(key_of(registry).to_owned());
    if secret.username == "<token>" {
        return DockerCredentials {
            identitytoken: Some(secret.secret),
            serveraddress: server,
            ..DockerCredentials::default()
        };
    }
    DockerCredentials {
        username: Some(secret.username),
        password: Some(secret.secret),
        serveraddress: server,
        ..DockerCredentials::default()
    }
}

fn in_file(config: &Config, registry: &str) -> Option<DockerCredentials> {
    let (_, auth) = config.auths.iter().find(|(key, _)| host_of(key) == registry)?;
    let decoded = auth.auth.as_ref().and_then(|text| STANDARD.decode(text.trim()).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let (username, password) = match decoded.as_deref().and_then(|text| text.split_once(':')) {
        // The CLI pads old entries with zeros.
        Some((name, word)) => (Some(name.to_owned()), Some(word.trim_end_matches('\0').to_owned())),
        None => (auth.username.clone(), auth.password.clone()),
    };
    let kept = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let credentials = DockerCredentials {
        username: kept(&username),
        password: kept(&password),
        identitytoken: kept(&auth.identitytoken),
        registrytoken: kept(&auth.registrytoken),
        serveraddress: Some(key_of(registry).to_owned()),
        ..DockerCredentials::default()
    };
    (!is_empty(&credentials)).then_some(credentials)
}

fn is_empty(credentials: &DockerCredentials) -> bool {
    credentials.username.is_none()
        && credentials.password.is_none()
        && credentials.identitytoken.is_none()
        && credentials.registrytoken.is_none()
}

/// The host that a key of `auths` or `credHelpers` means: `https://ghcr.io/v1/` is `ghcr.io`.
fn host_of(key: &str) -> &str {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    match rest.split('/').next().unwrap_or(rest) {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

/// The key that stands for a host.
fn key_of(registry: &str) -> &str {
    if registry == "docker.io" { HUB } else { registry }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn store(config: &str) -> (tempfile::TempDir, CredentialStore) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), config).unwrap();
        let store = CredentialStore::new(dir.path());
        (dir, store)
    }

    #[tokio::test]
    async fn logins_in_the_file() {
        let auth = STANDARD.encode("me:pass:word");
        let (_dir, store) = store(&format!(
            r#"{{"auths": {{
                "https://index.docker.io/v1/": {{"auth": "{auth}"}},
                "ghcr.io": {{"username": "u", "password": "p"}},
                "https://reg.example.com/v2/": {{"identitytoken": "t"}},
                "empty.example.com": {{}}
            }}}}"#
        ));
        let hub = store.find("docker.io").await.credentials;
        assert_eq!((hub.username.as_deref(), hub.password.as_deref()), (Some("me"), Some("pass:word")));
        assert_eq!(hub.serveraddress.as_deref(), Some(HUB));
        assert_eq!(store.find("ghcr.io").await.credentials.password.as_deref(), Some("p"));
        assert_eq!(store.find("reg.example.com").await.credentials.identitytoken.as_deref(), Some("t"));
        assert!(is_empty(&store.find("other.example.com").await.credentials));
        let mut all: Vec<String> = store.all().await.into_keys().collect();
        all.sort();
        assert_eq!(all, ["ghcr.io", HUB, "reg.example.com"]);
    }

    #[tokio::test]
    async fn helpers_are_asked() {
        let dir = tempfile::tempdir().unwrap();
        let script = "#!/bin/sh\nread server\ncase $server in a.io) echo '{\"ServerURL\":\"a.io\",\"Username\":\"u\",\"Secret\":\"s\"}';;\n\
            t.io) echo '{\"Username\":\"<token>\",\"Secret\":\"tok\"}';; broken.io) exit 3;;\n*) echo credentials not found in native keychain; exit 1;; esac\n";
        let helper = dir.path().join("docker-credential-vvtest");
        std::fs::write(&helper, script).unwrap();
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        let get = async |server: &str| run(&helper.to_string_lossy(), "get", server).await;
        assert!(get("a.io").await.unwrap().contains("\"Secret\":\"s\""));
        assert_eq!(get("none.io").await, Err(None));
        assert!(get("broken.io").await.unwrap_err().unwrap().contains("failed (exit status: 3)"));
        let secret = serde_json::from_str(&get("t.io").await.unwrap()).unwrap();
        assert_eq!(of_secret(secret, "t.io").identitytoken.as_deref(), Some("tok"));
    }

    #[tokio::test]
    async fn a_missing_helper_is_told_but_doesnt_stop() {
        let (_dir, store) = store(r#"{"credsStore": "vv-missing"}"#);
        let found = store.find("docker.io").await;
        assert!(is_empty(&found.credentials));
        assert!(found.problem.unwrap().starts_with("docker-credential-vv-missing can't be run"));
    }

    #[tokio::test]
    async fn a_broken_file_is_not_quoted() {
        let (_dir, store) = store(r#"{"auths": {"x": {"auth": "c2VjcmV0"}"#);
        let problem = store.find("x").await.problem.unwrap();
        assert!(problem.ends_with("config.json is no valid JSON"), "{problem}");
    }
}

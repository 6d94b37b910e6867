//! Builds: BuildKit with a session first, the classic builder when the engine refuses that.

use std::collections::HashMap;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bollard::auth::DockerCredentials;
use bollard::body_try_stream;
use bollard::errors::Error;
use bollard::models::{BuildInfo, BuildInfoAux};
use bollard::query_parameters::{BuildImageOptions, BuilderVersion};
use futures_util::{Stream, StreamExt};

use super::build_watch::{BuildKitWatch, ClassicWatch, FailedStep};
use super::client::Client;
use super::context::{Context, Sending};
use super::credentials::CredentialStore;
use super::stall;
use crate::engine::{EngineError, OnProgress, Progress};
use crate::stack::model::Build;

/// How often the sent bytes of a context are looked at.
const TICK: Duration = Duration::from_millis(500);

type Messages<'a> = Pin<Box<dyn Stream<Item = Result<BuildInfo, Error>> + Send + 'a>>;

/// A build that is asked for.
pub struct Job<'a> {
    /// The connection.
    pub client: &'a Client,
    /// Where base images' credentials are.
    pub store: &'a CredentialStore,
    /// The image's name.
    pub image: &'a str,
    /// What is built.
    pub build: &'a Build,
    /// Don't even try BuildKit.
    pub classic: bool,
}

/// Why BuildKit's build ended.
enum Failure {
    /// The engine can't do BuildKit: the classic builder is tried.
    Refused(String),
    /// The build failed.
    Failed(EngineError),
}

/// Builds an image.
pub async fn image(job: Job<'_>, progress: OnProgress<'_>) -> Result<(), EngineError> {
    let attempt = format!("build {}", job.image);
    let refused = |message: String| EngineError::Refused { attempt: attempt.clone(), message };
    let options = options(job.image, job.build).map_err(refused)?;
    let credentials = job.store.all().await;
    if !job.classic {
        progress(Progress { message: "building with BuildKit".to_owned(), bytes: None });
        match buildkit(&job, &attempt, &options, &credentials, progress).await {
            Ok(()) => return Ok(()),
            Err(Failure::Failed(error)) => return Err(error),
            Err(Failure::Refused(why)) => {
                let message = format!("BuildKit refused ({why}): building with the classic builder");
                progress(Progress { message, bytes: None });
            }
        }
    }
    classic(&job, &attempt, options, credentials, progress).await
}

/// The options that both builders share.
fn options(image: &str, build: &Build) -> Result<BuildImageOptions, String> {
    let platform = match build.platforms.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        many => {
            return Err(format!("the engine builds for one platform at a time, not for {}", many.join(", ")));
        }
    };
    let shmsize = match build.shm_size.map(i32::try_from) {
        None => None,
        Some(Ok(size)) => Some(size),
        Some(Err(_)) => return Err("shm_size of a build is 2 GiB at most".to_owned()),
    };
    let set = |(name, value): (&String, &Option<String>)| Some((name.clone(), value.clone()?));
    Ok(BuildImageOptions {
        t: Some(image.to_owned()),
        nocache: build.no_cache,
        cachefrom: (!build.cache_from.is_empty()).then(|| build.cache_from.clone()),
        pull: build.pull.then(|| "true".to_owned()),
        rm: true,
        forcerm: true,
        buildargs: Some(build.args.iter().filter_map(set).collect()),
        shmsize,
        labels: Some(build.labels.clone().into_iter().collect()),
        networkmode: build.network.clone(),
        platform,
        target: build.target.clone().unwrap_or_default(),
        ..BuildImageOptions::default()
    })
}

/// bollard sends one tag and one host; the API takes any number.
fn lists(image: &str, build: &Build) -> Vec<(&'static str, String)> {
    let tags = std::iter::once(image).chain(build.tags.iter().map(String::as_str));
    let hosts = build.extra_hosts.iter().map(|host| ("extrahosts", host.clone()));
    tags.map(|tag| ("t", tag.to_owned())).chain(hosts).collect()
}

async fn prepare(job: &Job<'_>, attempt: &str) -> Result<Context, EngineError> {
    let build = job.build.clone();
    let prepared = tokio::task::spawn_blocking(move || Context::prepare(&build)).await;
    let message = match prepared {
        Ok(Ok(context)) => return Ok(context),
        Ok(Err(message)) => message,
        Err(error) => error.to_string(),
    };
    Err(EngineError::Refused { attempt: attempt.to_owned(), message })
}

async fn buildkit(
    job: &Job<'_>,
    attempt: &str,
    options: &BuildImageOptions,
    credentials: &HashMap<String, DockerCredentials>,
    progress: OnProgress<'_>,
) -> Result<(), Failure> {
    let context = prepare(job, attempt).await.map_err(Failure::Failed)?;
    let options = BuildImageOptions {
        dockerfile: context.dockerfile.clone(),
        version: BuilderVersion::BuilderBuildKit,
        session: Some(session_id()),
        ..options.clone()
    };
    // BuildKit asks for Docker Hub's credentials by the registry's host.
    let credentials = credentials.iter().map(|(key, found)| {
        let key = if key.contains("index.docker.io") { "registry-1.docker.io" } else { key };
        (key.to_owned(), found.clone())
    });
    let docker = job.client.with_query("/build", lists(job.image, job.build));
    let (sending, stream) = context.send();
    let body = body_try_stream(stream);
    let mut messages: Messages<'_> =
        docker.build_image(options, Some(credentials.collect()), Some(body)).boxed();
    let mut watch = BuildKitWatch::default();
    loop {
        let busy = watch.at_work();
        match next(&mut messages, &sending, busy, attempt, progress).await.map_err(Failure::Failed)? {
            None => return Ok(()),
            Some(Ok(info)) => {
                if let Some(BuildInfoAux::BuildKit(news)) = info.aux
                    && let Some(shown) = watch.update(&news)
                {
                    progress(shown);
                }
            }
            Some(Err(error)) => {
                let text = words(&error);
                if !watch.has_begun() && sending.failure().is_none() && is_refusal(&error, &text) {
                    return Err(Failure::Refused(text));
                }
                return Err(Failure::Failed(failed(job.client, attempt, error, &sending, watch.failed())));
            }
        }
    }
}

/// Only what says that BuildKit itself isn't to be had; a Dockerfile that can't be parsed is no refusal.
fn is_refusal(error: &Error, text: &str) -> bool {
    let text = text.to_lowercase();
    let named = ["buildkit", "no active session", "session", "not supported", "not implemented"];
    let unknown = matches!(error, Error::DockerResponseServerError { status_code: 404 | 405 | 501, .. });
    unknown || named.iter().any(|word| text.contains(word))
}

async fn classic(
    job: &Job<'_>,
    attempt: &str,
    options: BuildImageOptions,
    credentials: HashMap<String, DockerCredentials>,
    progress: OnProgress<'_>,
) -> Result<(), EngineError> {
    let context = prepare(job, attempt).await?;
    let options = BuildImageOptions { dockerfile: context.dockerfile.clone(), ..options };
    let docker = job.client.with_query("/build", lists(job.image, job.build));
    let (sending, stream) = context.send();
    let body = body_try_stream(stream);
    let messages = docker.build_image(options, Some(credentials), Some(body)).boxed();
    follow_classic(job.client, attempt, messages, &sending, progress).await
}

async fn follow_classic(
    client: &Client,
    attempt: &str,
    mut messages: Messages<'_>,
    sending: &Sending,
    progress: OnProgress<'_>,
) -> Result<(), EngineError> {
    let mut watch = ClassicWatch::default();
    loop {
        let busy = watch.at_work();
        match next(&mut messages, sending, busy, attempt, progress).await? {
            None => return Ok(()),
            Some(Ok(info)) => {
                if let Some(shown) = info.stream.as_deref().and_then(|text| watch.printed(text)) {
                    progress(shown);
                }
            }
            Some(Err(error)) => return Err(failed(client, attempt, error, sending, watch.failed())),
        }
    }
}

/// The builder's next message. A context on its way is progress, and so is a step at work, however silent; other
/// silence has a limit.
async fn next(
    messages: &mut Messages<'_>,
    sending: &Sending,
    busy: bool,
    attempt: &str,
    progress: OnProgress<'_>,
) -> Result<Option<Result<BuildInfo, Error>>, EngineError> {
    let mut sent = sending.sent();
    let mut since = Instant::now();
    loop {
        if let Ok(message) = tokio::time::timeout(TICK, messages.next()).await {
            return Ok(message);
        }
        let now = sending.sent();
        if now != sent {
            (sent, since) = (now, Instant::now());
            let message = format!("sending the build context ({} MB)", now / 1_000_000);
            progress(Progress { message, bytes: None });
        }
        if !busy && since.elapsed() > stall::LIMIT {
            return Err(EngineError::Stalled { attempt: attempt.to_owned(), after: stall::LIMIT });
        }
    }
}

fn failed(
    client: &Client,
    attempt: &str,
    error: Error,
    sending: &Sending,
    failed: FailedStep,
) -> EngineError {
    let attempt = attempt.to_owned();
    if let Some(message) = sending.failure() {
        return EngineError::Refused { attempt, message: format!("can't read the build context: {message}") };
    }
    match error {
        Error::DockerStreamError { error } if !failed.step.is_empty() => EngineError::BuildFailed {
            attempt,
            step: failed.step,
            message: error.trim().to_owned(),
            output: failed.output,
        },
        error => client.error(&attempt, error),
    }
}

fn words(error: &Error) -> String {
    match error {
        Error::DockerStreamError { error } => error.clone(),
        Error::DockerResponseServerError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}

fn session_id() -> String {
    format!("vv-{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_refusal() {
        let stream = |text: &str| Error::DockerStreamError { error: text.to_owned() };
        let refused = |error: Error| {
            let text = words(&error);
            is_refusal(&error, &text)
        };
        assert!(refused(stream("buildkit not supported by daemon")));
        assert!(refused(stream("no active session for vv-1: context deadline exceeded")));
        let status = |status_code| Error::DockerResponseServerError { status_code, message: String::new() };
        assert!(refused(status(404)));
        assert!(!refused(stream("dockerfile parse error line 1: unknown instruction: FORM")));
        assert!(!refused(status(500)));
    }

    #[test]
    fn what_one_engine_cant_build_is_refused_in_words() {
        let both =
            Build { platforms: vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()], ..Build::default() };
        let error = options("x", &both).unwrap_err();
        assert_eq!(error, "the engine builds for one platform at a time, not for linux/amd64, linux/arm64");
        let build =
            Build { tags: vec!["y:2".to_owned()], extra_hosts: vec!["a:1".to_owned()], ..Build::default() };
        let expected = [("t", "x".to_owned()), ("t", "y:2".to_owned()), ("extrahosts", "a:1".to_owned())];
        assert_eq!(lists("x", &build), expected);
    }
}

//! Images: pulled, pushed, found, removed.

use std::collections::HashMap;
use std::time::Duration;

use bollard::body_full;
use bollard::errors::Error;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ImportImageOptionsBuilder, ListImagesOptionsBuilder, PushImageOptionsBuilder,
    RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};

use super::client::Client;
use super::credentials::{CredentialStore, Found};
use super::layers::Layers;
use super::stall;
use crate::engine::{EngineError, OnProgress, Progress};
use crate::stack::reference;

/// The ID of an image, when it is here.
pub async fn id(client: &Client, image: &str) -> Result<Option<String>, EngineError> {
    match client.call(&format!("inspect image {image}"), client.docker().inspect_image(image)).await {
        Ok(answer) => Ok(answer.id),
        Err(EngineError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Pulls an image.
pub async fn pull(
    client: &Client,
    store: &CredentialStore,
    image: &str,
    platform: Option<&str>,
    progress: OnProgress<'_>,
) -> Result<(), EngineError> {
    let attempt = format!("pull {image}");
    let found = store.find(reference::registry(image)).await;
    let (name, tag) = name_and_tag(image);
    let mut options = CreateImageOptionsBuilder::new().from_image(name).tag(tag);
    if let Some(platform) = platform {
        options = options.platform(platform);
    }
    let credentials = found.credentials.clone();
    let mut stream = Box::pin(client.docker().create_image(Some(options.build()), None, Some(credentials)));
    let mut layers = Layers::default();
    progress(layers.progress("pulling"));
    while let Some(item) = stall::next(&mut stream, stall::LIMIT, &attempt).await? {
        let info = item.map_err(|error| transfer_error(client, &attempt, error, &found))?;
        let bytes = info.progress_detail.and_then(|detail| Some((detail.current?, detail.total?)));
        if layers.update(&info.id.unwrap_or_default(), &info.status.unwrap_or_default(), bytes) {
            progress(layers.progress("pulling"));
        }
    }
    Ok(())
}

/// Pushes an image.
pub async fn push(
    client: &Client,
    store: &CredentialStore,
    image: &str,
    progress: OnProgress<'_>,
) -> Result<(), EngineError> {
    let attempt = format!("push {image}");
    let found = store.find(reference::registry(image)).await;
    let (name, tag) = name_and_tag(image);
    let options = PushImageOptionsBuilder::new().tag(tag).build();
    let credentials = found.credentials.clone();
    let mut stream = Box::pin(client.docker().push_image(name, Some(options), Some(credentials)));
    progress(Progress { message: "pushing".to_owned(), bytes: None });
    // bollard drops the layers' ids here, so they are only counted.
    let (mut all, mut done) = (0_u32, 0_u32);
    while let Some(item) = stall::next(&mut stream, stall::LIMIT, &attempt).await? {
        let info = item.map_err(|error| transfer_error(client, &attempt, error, &found))?;
        let status = info.status.unwrap_or_default();
        match status.as_str() {
            "Preparing" => all += 1,
            "Pushed" | "Layer already exists" => done += 1,
            _ if status.starts_with("Mounted from") => done += 1,
            "Pushing" | "Waiting" => {}
            _ => continue,
        }
        progress(Progress { message: format!("pushing {done} of {all} layers"), bytes: None });
    }
    Ok(())
}

/// The engine takes a digest for a tag. Without either it would pull every tag there is.
fn name_and_tag(image: &str) -> (&str, &str) {
    if let Some((name, digest)) = image.split_once('@') {
        return (reference::split_tag(name).0, digest);
    }
    let (name, tag) = reference::split_tag(image);
    (name, tag.unwrap_or("latest"))
}

/// A pull or push that failed. What went wrong with the credentials is said only now, when it may be the cause.
pub(super) fn transfer_error(client: &Client, attempt: &str, error: Error, found: &Found) -> EngineError {
    let text = match &error {
        Error::DockerStreamError { error } => error.clone(),
        Error::DockerResponseServerError { message, .. } => message.clone(),
        _ => return client.error(attempt, error),
    };
    let missing = ["manifest unknown", "not found", "does not exist", "no matching manifest"]
        .iter()
        .any(|words| text.contains(words));
    let mut message = text.trim().to_owned();
    if let Some(problem) = &found.problem {
        message = format!("{message} ({problem})");
    }
    let attempt = attempt.to_owned();
    if missing {
        EngineError::NotFound { attempt, message }
    } else {
        EngineError::Refused { attempt, message }
    }
}

/// Loads an image of this tag from an archive, and tags it: loading alone leaves the tag as old as the image.
pub async fn load(client: &Client, image: &str, archive: Vec<u8>) -> Result<(), EngineError> {
    let attempt = format!("load {image}");
    let options = ImportImageOptionsBuilder::new().quiet(true).build();
    let mut stream = Box::pin(client.docker().import_image(options, body_full(archive.into()), None));
    while let Some(item) = stall::next(&mut stream, stall::LIMIT, &attempt).await? {
        item.map_err(|error| client.error(&attempt, error))?;
    }
    let (name, tag) = name_and_tag(image);
    let options = TagImageOptionsBuilder::new().repo(name).tag(tag).build();
    client.call(&format!("tag {image}"), client.docker().tag_image(image, Some(options))).await
}

/// Removes an image's tag. One that isn't there or is in use is fine.
pub async fn remove(client: &Client, image: &str) -> Result<(), EngineError> {
    let options = RemoveImageOptionsBuilder::new().build();
    let request = client.docker().remove_image(image, Some(options), None);
    match client.call(&format!("remove image {image}"), request).await {
        Ok(_) | Err(EngineError::NotFound { .. } | EngineError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes the other tags of an image's repository that are older than this; those that a container uses stay.
pub async fn prune(client: &Client, but: &str, older: Duration) -> Result<(), EngineError> {
    let (repository, _) = name_and_tag(but);
    for tag in tags(client, repository).await? {
        let image = format!("{repository}:{tag}");
        if image != but && age(client, &image).await?.is_some_and(|age| age > older) {
            remove(client, &image).await?;
        }
    }
    Ok(())
}

/// How long ago an image was built, or got its tag: one built from a cache is as old as the cache.
async fn age(client: &Client, image: &str) -> Result<Option<Duration>, EngineError> {
    let found =
        match client.call(&format!("inspect image {image}"), client.docker().inspect_image(image)).await {
            Ok(found) => found,
            Err(EngineError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
    let tagged = found.metadata.and_then(|metadata| metadata.last_tag_time);
    let latest = found.created.into_iter().chain(tagged).max().map(|time| time.unix_timestamp());
    let now = jiff::Timestamp::now().as_second();
    Ok(latest.and_then(|latest| u64::try_from(now - latest).ok()).map(Duration::from_secs))
}

/// All tags below a repository name, without the name.
pub async fn tags(client: &Client, repository: &str) -> Result<Vec<String>, EngineError> {
    let filters = HashMap::from([("reference", vec![repository])]);
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    let attempt = format!("list the images of {repository}");
    let list = client.call(&attempt, client.docker().list_images(Some(options))).await?;
    let wanted = reference::normalise(repository);
    let wanted = reference::split_tag(&wanted).0;
    let names = list.into_iter().flat_map(|image| image.repo_tags);
    let mut tags: Vec<String> = names
        .filter_map(|name| {
            let name = reference::normalise(&name);
            let (repository, tag) = reference::split_tag(&name);
            tag.filter(|_| repository == wanted).map(str::to_owned)
        })
        .collect();
    tags.sort();
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tags() {
        for (image, expected) in [
            ("redis", ("redis", "latest")),
            ("redis:7", ("redis", "7")),
            ("localhost:5000/a/b", ("localhost:5000/a/b", "latest")),
            ("redis:7@sha256:ab", ("redis", "sha256:ab")),
        ] {
            assert_eq!(name_and_tag(image), expected, "{image}");
        }
    }
}

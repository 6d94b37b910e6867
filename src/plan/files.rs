//! How configs and secrets get into a container.

use std::path::{Path, PathBuf};

use super::hash::sha256_hex;
use super::input::{Inputs, PlanError};
use super::spec::{CachedFile, ContainerSpec, CopiedFile, Delivery, FileSpec};
use crate::stack::model::{FileMount, FileSource, MountKind, Service};

/// Permission bits where the file names none.
const DEFAULT_MODE: u32 = 0o444;

/// What of a config or secret is part of the spec, and how it gets there.
pub(super) fn spec(inputs: &Inputs<'_>, service: &Service, file: &FileMount) -> Result<FileSpec, PlanError> {
    let hash = content_hash(file);
    let delivery = delivery(inputs, service, file, &hash)?;
    Ok(FileSpec {
        hash,
        uid: file.uid.clone(),
        gid: file.gid.clone(),
        mode: file.mode,
        secret: file.secret,
        delivery,
    })
}

/// The files that are copied into a new container before it is started.
pub(super) fn copied(service: &Service, spec: &ContainerSpec) -> Vec<CopiedFile> {
    let files = service
        .files
        .iter()
        .filter(|file| spec.files.get(&file.target).is_some_and(|spec| spec.delivery == Delivery::Copy));
    files
        .map(|file| CopiedFile {
            target: file.target.clone(),
            content: file.content.clone(),
            uid: numeric(file.uid.as_deref()),
            gid: numeric(file.gid.as_deref()),
            mode: file.mode.unwrap_or(DEFAULT_MODE),
        })
        .collect()
}

/// The files that are written on this machine before a new container is made, which binds them.
pub(super) fn cached(service: &Service, spec: &ContainerSpec) -> Vec<CachedFile> {
    let files = service.files.iter().filter_map(|file| match &spec.files.get(&file.target)?.delivery {
        Delivery::CachedBind(path) => Some(CachedFile {
            path: path.clone(),
            content: file.content.clone(),
            mode: file.mode.unwrap_or(DEFAULT_MODE),
        }),
        Delivery::Bind(_) | Delivery::Copy => None,
    });
    files.collect()
}

/// SHA-256 of the content; a secret's is salted with its name, so that equal secrets don't show as equal. A folder
/// has no content: its path stands in.
fn content_hash(file: &FileMount) -> String {
    match &file.source {
        FileSource::Disk(path) if file.content.is_empty() => {
            sha256_hex(format!("path:{}", path.display()).as_bytes())
        }
        _ if file.secret => sha256_hex(&[file.name.as_bytes(), b"\0", &file.content].concat()),
        _ => sha256_hex(&file.content),
    }
}

fn delivery(
    inputs: &Inputs<'_>,
    service: &Service,
    file: &FileMount,
    hash: &str,
) -> Result<Delivery, PlanError> {
    let local = inputs.observed.engine.local;
    if let FileSource::Disk(path) = &file.source
        && local
    {
        return Ok(Delivery::Bind(path.clone()));
    }
    let Some(obstacle) = obstacle(service, &file.target) else { return Ok(Delivery::Copy) };
    if local {
        return Ok(Delivery::CachedBind(cache_path(inputs, hash)));
    }
    let kind = if file.secret { "secret" } else { "config" };
    Err(PlanError::new(format!(
        "service {}: {kind} {} can't be put at {} on a remote engine: {obstacle}",
        service.name, file.name, file.target
    ))
    .hint("give it a target on the container's own writable file system, or use an engine on this machine"))
}

fn cache_path(inputs: &Inputs<'_>, hash: &str) -> PathBuf {
    inputs.cache_dir.join(&inputs.stack.name).join(hash)
}

/// Why a file can't be copied to this target, if so: the copy would fail, or be hidden when the container starts.
fn obstacle(service: &Service, target: &str) -> Option<String> {
    let above = |folder: &str| Path::new(target).starts_with(folder);
    let mount =
        service.mounts.iter().filter(|mount| above(&mount.target)).max_by_key(|mount| mount.target.len());
    match mount {
        Some(mount) if matches!(mount.kind, MountKind::Tmpfs { .. }) => {
            Some(format!("{} is a tmpfs, which is empty at every start", mount.target))
        }
        Some(mount) if mount.read_only => Some(format!("{} is mounted read-only", mount.target)),
        // A writable volume lies over the read-only root.
        Some(_) => None,
        None => service.read_only.then(|| "its root file system is read-only".to_owned()),
    }
}

/// A numeric id; names mean nothing outside the container, and root it is.
fn numeric(id: Option<&str>) -> u64 {
    id.and_then(|id| id.parse().ok()).unwrap_or(0)
}

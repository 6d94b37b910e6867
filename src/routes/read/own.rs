//! Whether Kong reads a file itself: then it means the same to both, and there are no variables in it.

use std::path::Path;

use crate::stack::Stack;
use crate::stack::model::{FileSource, MountKind, Service};

/// The variable that names the file that Kong reads when it starts.
const VARIABLE: &str = "KONG_DECLARATIVE_CONFIG";

/// Whether a service of the stack mounts this file where its `KONG_DECLARATIVE_CONFIG` says. Also one that a profile
/// keeps out: the file is written for it all the same.
pub fn is_kongs_own(stack: &Stack, path: &Path) -> bool {
    stack.services.values().chain(stack.inactive.values()).any(|service| reads(service, path))
}

fn reads(service: &Service, path: &Path) -> bool {
    let Some(named) = service.environment.get(VARIABLE).and_then(Option::as_deref) else { return false };
    let named = Path::new(named);
    let is_there = |source: &Path, target: &str| {
        // A folder may be mounted with the file in it.
        let below = named.strip_prefix(target).ok();
        below.is_some_and(|below| {
            if below.as_os_str().is_empty() { source == path } else { source.join(below) == path }
        })
    };
    let by_file = service.files.iter().any(|file| match &file.source {
        FileSource::Disk(source) | FileSource::Embedded(source) => is_there(source, &file.target),
        FileSource::Inline | FileSource::Environment(_) => false,
    });
    let by_mount = service.mounts.iter().any(|mount| match &mount.kind {
        MountKind::Bind { source, .. } => is_there(source, &mount.target),
        _ => false,
    });
    by_file || by_mount
}

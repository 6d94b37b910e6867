//! Labels: Compose's, so that each tool manages what the other started, and vv's own, which hold vv's state.
//!
//! Compose sees a container when it has `config-hash` and the project; on networks and volumes a missing
//! `config-hash` means that it uses them as they are.

use std::collections::BTreeMap;

use super::desired::Desired;
use crate::stack::model::{Condition, Service, Stack};

/// The project.
pub const PROJECT: &str = "com.docker.compose.project";
/// The service.
pub const SERVICE: &str = "com.docker.compose.service";
/// The version of the tool that made it.
pub const VERSION: &str = "com.docker.compose.version";
/// `True` for the containers of `run`.
pub const ONEOFF: &str = "com.docker.compose.oneoff";
/// The replica's number, from 1.
pub const NUMBER: &str = "com.docker.compose.container-number";
/// The hash of what it was made of: here the same as [`SPEC_HASH`].
pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
/// The image's ID.
pub const IMAGE: &str = "com.docker.compose.image";
/// `db:service_healthy:false`, comma-joined.
pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// The folder that the stack's paths are relative to.
pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
/// The stack's files, comma-joined.
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
/// The env files of the command line, comma-joined.
pub const ENVIRONMENT_FILE: &str = "com.docker.compose.project.environment_file";
/// The container that this one replaces.
pub const REPLACE: &str = "com.docker.compose.replace";
/// What makes a one-off container's name unique.
pub const SLUG: &str = "com.docker.compose.slug";
/// The network's key in the file.
pub const NETWORK: &str = "com.docker.compose.network";
/// The volume's key in the file.
pub const VOLUME: &str = "com.docker.compose.volume";
/// The hash of what it was made of, with the hash's version: `1:<sha256>`.
pub const SPEC_HASH: &str = "vv.spec-hash";
/// A short hash of each field of it.
pub const SPEC_FIELDS: &str = "vv.spec-fields";
/// `true` on stand-ins.
pub const STUB: &str = "vv.stub";
/// `true` on replicas beyond the file's number, that `vv scale` added.
pub const SCALED: &str = "vv.scaled";

/// Whether a label is one that vv or another tool sets for itself, and not the user's.
pub fn is_own(label: &str) -> bool {
    ["com.docker.compose.", "desktop.docker.io/"].iter().any(|prefix| label.starts_with(prefix))
        || [SPEC_HASH, SPEC_FIELDS, STUB, SCALED].contains(&label)
}

/// All labels of a container, but those of its number, its being replaced or one-off: the caller adds them.
pub(super) fn container(stack: &Stack, desired: &Desired<'_>) -> BTreeMap<String, String> {
    let mut labels = desired.spec.labels.clone();
    let mut set = |key: &str, value: String| labels.insert(key.to_owned(), value);
    set(PROJECT, stack.name.clone());
    set(SERVICE, desired.service.name.clone());
    set(VERSION, env!("CARGO_PKG_VERSION").to_owned());
    set(CONFIG_HASH, desired.hash.clone());
    set(DEPENDS_ON, depends_on(desired.service));
    set(WORKING_DIR, stack.origin.working_dir.to_string_lossy().into_owned());
    set(CONFIG_FILES, stack.origin.config_files.join(","));
    set(SPEC_HASH, desired.hash.clone());
    set(SPEC_FIELDS, super::hash::field_hashes(&desired.spec, &desired.hash));
    if !stack.origin.env_files.is_empty() {
        let files: Vec<_> = stack.origin.env_files.iter().map(|file| file.to_string_lossy()).collect();
        set(ENVIRONMENT_FILE, files.join(","));
    }
    if let Some(id) = &desired.image_id {
        set(IMAGE, id.clone());
    }
    if desired.stub {
        set(STUB, "true".to_owned());
    }
    labels
}

/// Compose's form of a service's dependencies.
fn depends_on(service: &Service) -> String {
    let entries = service.depends_on.iter().map(|(name, dependency)| {
        let condition = match dependency.condition {
            Condition::ServiceStarted => "service_started",
            Condition::ServiceHealthy => "service_healthy",
            Condition::ServiceCompletedSuccessfully => "service_completed_successfully",
        };
        format!("{name}:{condition}:{}", dependency.restart)
    });
    entries.collect::<Vec<_>>().join(",")
}

/// The labels of a network or volume: `kind` is [`NETWORK`] or [`VOLUME`], `key` its key in the file.
pub(super) fn resource(
    stack: &Stack,
    kind: &str,
    key: &str,
    user: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut labels = user.clone();
    labels.insert(PROJECT.to_owned(), stack.name.clone());
    labels.insert(VERSION.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    labels.insert(kind.to_owned(), key.to_owned());
    labels
}

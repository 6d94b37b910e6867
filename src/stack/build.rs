//! `build`

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::context::Context;
use super::decode::{At, Fields, Keys};
use super::model::Build;

const KEYS: Keys = Keys {
    read: &[
        "context",
        "dockerfile",
        "dockerfile_inline",
        "args",
        "target",
        "tags",
        "labels",
        "cache_from",
        "network",
        "pull",
        "no_cache",
        "extra_hosts",
        "shm_size",
        "platforms",
    ],
    // Caches are written for other builds: the image is the same without.
    ignored: &["cache_to"],
    unsupported: &[
        "additional_contexts",
        "entitlements",
        "isolation",
        "privileged",
        "provenance",
        "sbom",
        "secrets",
        "ssh",
        "ulimits",
    ],
    extensions: true,
};

/// How a service's image is built.
pub fn read(at: &At<'_>, context: &Context<'_>) -> Option<Build> {
    if at.is_text() {
        return Some(Build { context: PathBuf::from(at.text()?), ..Build::default() });
    }
    let fields = at.fields(KEYS)?;
    let folder = fields.string("context").map(PathBuf::from);
    let build = Build {
        context: folder.unwrap_or_else(|| context.merged.project_dir.clone()),
        dockerfile: fields.get("dockerfile").and_then(|at| at.text()),
        dockerfile_inline: fields.string("dockerfile_inline"),
        args: args(&fields, context),
        target: fields.string("target").filter(|stage| !stage.is_empty()),
        tags: fields.strings("tags"),
        labels: fields.get("labels").map(|at| at.labels()).unwrap_or_default(),
        cache_from: fields.strings("cache_from"),
        network: fields.string("network"),
        pull: fields.flag("pull"),
        no_cache: fields.flag("no_cache"),
        extra_hosts: fields.get("extra_hosts").map(|at| extra_hosts(&at)).unwrap_or_default(),
        shm_size: fields.get("shm_size").and_then(|at| at.bytes()),
        platforms: fields.strings("platforms"),
    };
    if build.dockerfile.is_some() && build.dockerfile_inline.is_some() {
        fields.at().problem("'dockerfile' and 'dockerfile_inline' exclude each other");
    }
    Some(build)
}

/// An argument without a value has that of the environment; without one there, the Dockerfile's default.
fn args(fields: &Fields<'_>, context: &Context<'_>) -> BTreeMap<String, Option<String>> {
    let args = fields.get("args").map(|at| at.pairs()).unwrap_or_default();
    args.into_iter()
        .map(|(name, value)| (value.or_else(|| context.variable(&name)), name))
        .filter(|(value, _)| value.is_some())
        .map(|(value, name)| (name, value))
        .collect()
}

/// `name:address` as the engine takes it, from `name=address`, `name:address` or a mapping to one address or more.
pub fn extra_hosts(at: &At<'_>) -> Vec<String> {
    let mut hosts = Vec::new();
    let mut add = |name: &str, address: &str| {
        let address = address.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(address);
        hosts.push(format!("{name}:{address}"));
    };
    if at.is_list() {
        for item in at.items() {
            let Some(text) = item.text() else { continue };
            match text.split_once('=').or_else(|| text.split_once(':')) {
                Some((name, address)) if !name.is_empty() && !address.is_empty() => add(name, address),
                _ => item.problem(format!("expected NAME=ADDRESS, found '{text}'")),
            }
        }
        return hosts;
    }
    for (name, at) in at.entries() {
        for address in at.string_or_strings() {
            add(name, &address);
        }
    }
    hosts
}

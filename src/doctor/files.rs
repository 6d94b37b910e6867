//! What the stack takes from this machine's disk: sources to build from, and what is mounted.

use std::path::Path;

use super::Finding;
use super::facts::{Facts, ImageSeen, PathKind};
use crate::plan::Stubs;
use crate::stack::model::MountKind;
use crate::stack::{Service, Stack, is_remote};

/// The endings of files that people mount: a folder made in such a one's place is never what was meant.
const FILE_ENDINGS: &[&str] = &[
    "cfg",
    "cnf",
    "conf",
    "crt",
    "env",
    "hcl",
    "html",
    "ini",
    "jks",
    "js",
    "json",
    "key",
    "lua",
    "p12",
    "pem",
    "properties",
    "py",
    "sh",
    "sock",
    "sql",
    "toml",
    "txt",
    "xml",
    "yaml",
    "yml",
];

/// Sources that aren't there.
pub fn sources(stack: &Stack, stubs: &Stubs, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut there = 0;
    for service in stack.services.values() {
        let Some(build) = &service.build else { continue };
        let context = &build.context;
        if is_remote(context) {
            continue;
        }
        if stubs.contains_key(&service.name) {
            let seen = format!("{} aren't there: a stub stands in for {}", context.display(), service.name);
            findings.push(Finding::ok("sources", seen).of(&service.name));
            continue;
        }
        let dockerfile = build.dockerfile.as_deref().unwrap_or("Dockerfile");
        let kind = |path: &Path| facts.paths.get(path).copied();
        let (seen, fix) = match kind(context) {
            None => (
                format!("the build context {} isn't there", context.display()),
                format!(
                    "get {}'s sources: git clone … {}; or describe its stand-in: x-vv.stub",
                    service.name,
                    context.display()
                ),
            ),
            Some(PathKind::File) => (
                format!("the build context {} is a file", context.display()),
                "name the folder that holds the Dockerfile".to_owned(),
            ),
            Some(PathKind::Folder)
                if build.dockerfile_inline.is_none()
                    && kind(&context.join(dockerfile)) != Some(PathKind::File) =>
            {
                (
                    format!("there is no {dockerfile} in {}", context.display()),
                    "write one, or name it: build.dockerfile".to_owned(),
                )
            }
            Some(PathKind::Folder) => {
                there += 1;
                continue;
            }
        };
        // Nothing is built where the image is there already.
        let built = facts
            .engine
            .as_ref()
            .is_ok_and(|engine| matches!(engine.images.get(&service.image), Some(ImageSeen::Here(_))));
        findings.push(
            if built {
                Finding::warn(
                    "sources",
                    format!("{seen}; its image is there, so it runs but can't be built"),
                    fix,
                )
            } else {
                Finding::fail("sources", seen, fix)
            }
            .of(&service.name),
        );
    }
    if there > 0 {
        let seen = if there == 1 {
            "1 service's are there".to_owned()
        } else {
            format!("{there} services' are there")
        };
        findings.push(Finding::ok("sources", seen));
    }
    findings
}

/// Bind mounts of what isn't there, where this machine's disk is the engine's.
pub fn mounts(stack: &Stack, stubs: &Stubs, facts: &Facts) -> Vec<Finding> {
    if !facts.here.shared {
        return Vec::new();
    }
    let real = stack.services.values().filter(|service| !stubs.contains_key(&service.name));
    let mut findings = Vec::new();
    let mut there = 0;
    for service in real {
        for (source, create) in binds(service) {
            match facts.paths.contains_key(source) {
                true => there += 1,
                false => findings.push(missing(&service.name, source, create)),
            }
        }
    }
    if there > 0 {
        let seen = if there == 1 {
            "1 bind mount is there".to_owned()
        } else {
            format!("{there} bind mounts are there")
        };
        findings.push(Finding::ok("mount", seen));
    }
    findings
}

/// What a service mounts from the disk, and whether the engine makes a folder there where there is nothing.
pub fn binds(service: &Service) -> impl Iterator<Item = (&Path, bool)> {
    service.mounts.iter().filter_map(|mount| match &mount.kind {
        MountKind::Bind { source, create_host_path, .. } => Some((source.as_path(), *create_host_path)),
        MountKind::Volume { .. } | MountKind::Tmpfs { .. } => None,
    })
}

/// A bind mount of something that isn't there.
pub fn missing(service: &str, source: &Path, create: bool) -> Finding {
    let path = source.display();
    let ending = source.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let file = FILE_ENDINGS.contains(&ending);
    let make = if file { format!("create the file {path}") } else { format!("mkdir -p {path}") };
    match (create, file) {
        (false, _) => Finding::fail(
            "mount",
            format!("{service} mounts {path}, which isn't there (bind.create_host_path is off)"),
            make,
        ),
        (true, true) => Finding::warn(
            "mount",
            format!(
                "{service} mounts {path}, which isn't there: the engine makes an empty folder of that name"
            ),
            make,
        ),
        (true, false) => Finding::warn(
            "mount",
            format!(
                "{service} mounts {path}, which isn't there: the engine makes an empty folder, root's own"
            ),
            make,
        ),
    }
    .of(service)
}

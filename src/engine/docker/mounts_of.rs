//! A container's mounts, read back: from `Mounts`, `Binds` and `Tmpfs` of its host configuration, by target. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bollard::models::{HostConfig, Mount, MountPoint, MountType};

use crate::plan::spec::MountSpec;

/// What was asked for, and the anonymous volumes that weren't asked for in words.
pub fn container(host: &HostConfig, points: &[MountPoint]) -> BTreeMap<String, MountSpec> {
    let mut mounts = BTreeMap::new();
    for point in points {
        if let (Some("volume"), Some(target)) = (point.typ.as_deref(), &point.destination) {
            let read_only = point.rw == Some(false);
            let name = point.name.clone();
            mounts.insert(target.clone(), MountSpec::Volume { name, read_only, nocopy: false });
        }
    }
    for (target, options) in host.tmpfs.iter().flatten() {
        mounts.insert(target.clone(), tmpfs(options));
    }
    for bind in host.binds.iter().flatten() {
        if let Some((target, mount)) = bound(bind) {
            mounts.insert(target, mount);
        }
    }
    for mount in host.mounts.iter().flatten() {
        let Some(target) = mount.target.clone() else { continue };
        if let Some(asked) = asked(mount, mounts.get(&target)) {
            mounts.insert(target, asked);
        }
    }
    mounts
}

/// The folders that an image declares: an anonymous volume for each.
pub fn image(targets: &[String]) -> BTreeMap<String, MountSpec> {
    let anonymous = MountSpec::Volume { name: None, read_only: false, nocopy: false };
    targets.iter().map(|target| (target.clone(), anonymous.clone())).collect()
}

/// `size=64m,mode=1777`
fn tmpfs(options: &str) -> MountSpec {
    let value = |name: &str| {
        options.split(',').find_map(|option| option.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
    };
    MountSpec::Tmpfs {
        size: value("size").and_then(|text| bytes(&text)),
        mode: value("mode").and_then(|text| u32::from_str_radix(&text, 8).ok()),
    }
}

/// `64m`
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// `source:target[:options]`; a source without a slash is a volume.
fn bound(text: &str) -> Option<(String, MountSpec)> {
    let mut parts = text.splitn(3, ':');
    let (source, target) = (parts.next()?, parts.next()?);
    let options: Vec<&str> = parts.next().unwrap_or_default().split(',').collect();
    let read_only = options.contains(&"ro");
    let mount = if source.starts_with('/') {
        let ways = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];
        let propagation = options.iter().find(|option| ways.contains(option)).map(ToString::to_string);
        MountSpec::Bind { source: PathBuf::from(source), read_only, create_host_path: true, propagation }
    } else {
        let nocopy = options.contains(&"nocopy");
        MountSpec::Volume { name: Some(source.to_owned()), read_only, nocopy }
    };
    Some((target.to_owned(), mount))
}

/// `there` is what is mounted: it knows the name of a volume that was asked for without one.
fn asked(mount: &Mount, there: Option<&MountSpec>) -> Option<MountSpec> {
    let read_only = mount.read_only.unwrap_or_default();
    let source = mount.source.clone().filter(|source| !source.is_empty());
    match mount.typ? {
        MountType::VOLUME => {
            let nocopy =
                mount.volume_options.as_ref().and_then(|options| options.no_copy).unwrap_or_default();
            let named = match there {
                Some(MountSpec::Volume { name, .. }) => name.clone(),
                _ => None,
            };
            Some(MountSpec::Volume { name: source.or(named), read_only, nocopy })
        }
        MountType::BIND => Some(MountSpec::Bind {
            source: PathBuf::from(source?),
            read_only,
            create_host_path: false,
            propagation: mount.bind_options.as_ref().and_then(|o| o.propagation).map(|way| way.to_string()),
        }),
        MountType::TMPFS => {
            let options = mount.tmpfs_options.as_ref();
            Some(MountSpec::Tmpfs {
                size: options
                    .and_then(|o| o.size_bytes)
                    .and_then(|n| u64::try_from(n).ok())
                    .filter(|n| *n > 0),
                mode: options.and_then(|o| o.mode).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0),
            })
        }
        MountType::CLUSTER | MountType::IMAGE | MountType::NPIPE => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tmpfs_options() {
        assert_eq!(tmpfs("size=64m"), MountSpec::Tmpfs { size: Some(64 << 20), mode: None });
        assert_eq!(tmpfs("rw,mode=1777"), MountSpec::Tmpfs { size: None, mode: Some(0o1777) });
        assert_eq!(tmpfs(""), MountSpec::Tmpfs { size: None, mode: None });
    }

    #[test]
    fn binds() {
        let (target, mount) = bound("/a:/b:ro,rslave").unwrap();
        assert_eq!(target, "/b");
        insta::assert_debug_snapshot!(mount, @r#"
        Bind {
            source: "/a",
            read_only: true,
            create_host_path: true,
            propagation: Some(
                "rslave",
            ),
        }
        "#);
        assert_eq!(
            bound("data:/b").unwrap().1,
            MountSpec::Volume { name: Some("data".to_owned()), read_only: false, nocopy: false }
        );
    }
}

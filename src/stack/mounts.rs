//! `volumes` and `tmpfs` of a service.

use std::path::PathBuf;

use super::context::{Context, declared};
use super::decode::{At, Fields, Keys};
use super::model::{Mount, MountKind};
use super::units;

const LONG: Keys = Keys {
    read: &["type", "source", "target", "read_only", "bind", "volume", "tmpfs"],
    ignored: &["consistency"],
    unsupported: &["image"],
    extensions: true,
};
const BIND: Keys = Keys {
    read: &["propagation", "create_host_path", "selinux"],
    ignored: &[],
    unsupported: &["recursive"],
    extensions: true,
};
const VOLUME: Keys =
    Keys { read: &["nocopy"], ignored: &[], unsupported: &["subpath", "labels"], extensions: true };
const TMPFS: Keys = Keys::compose(&["size", "mode"]);

const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/// Everything that is mounted into a service's containers. Of two at the same place the later counts.
pub fn read(service: &Fields<'_>, context: &Context<'_>) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    let volumes = service.get("volumes").map(|at| at.items()).unwrap_or_default();
    let volumes = volumes.iter().filter_map(|at| {
        if at.is_mapping() { long(at, context) } else { at.text().and_then(|text| short(at, &text, context)) }
    });
    let tmpfs = service.get("tmpfs").map(|at| tmpfs_items(&at)).unwrap_or_default();
    for mount in volumes.chain(tmpfs) {
        match mounts.iter_mut().find(|known| known.target == mount.target) {
            Some(known) => *known = mount,
            None => mounts.push(mount),
        }
    }
    mounts
}

/// `[SOURCE:]TARGET[:OPTIONS]`; a source with a `/`, `.` or `~` in front is a path, else a volume's name.
fn short(at: &At<'_>, text: &str, context: &Context<'_>) -> Option<Mount> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts[..] {
        [target] => (None, target, ""),
        [source, target] => (Some(source), target, ""),
        [source, target, options] => (Some(source), target, options),
        _ => {
            at.problem(format!(
                "'{text}' has too many ':'; expected SOURCE:TARGET:OPTIONS, or the long syntax"
            ));
            return None;
        }
    };
    if !target.starts_with('/') {
        at.problem(format!("the target '{target}' isn't an absolute path"));
        return None;
    }
    let options = options.split(',').filter(|option| !option.is_empty()).collect::<Vec<_>>();
    let kind = match source {
        None => MountKind::Volume { source: None, nocopy: options.contains(&"nocopy") },
        Some("") => {
            at.problem("the source is empty");
            return None;
        }
        Some(path) if path.starts_with(['/', '.', '~']) => {
            let propagation = options.iter().find(|option| PROPAGATIONS.contains(option));
            MountKind::Bind {
                source: PathBuf::from(path),
                create_host_path: true,
                propagation: propagation.map(ToString::to_string),
            }
        }
        Some(name) => {
            if !declared(at, "volume", name, context.volumes.iter().copied()) {
                return None;
            }
            MountKind::Volume { source: Some(name.to_owned()), nocopy: options.contains(&"nocopy") }
        }
    };
    let bind = matches!(kind, MountKind::Bind { .. });
    for option in &options {
        match *option {
            "rw" | "ro" | "cached" | "delegated" | "consistent" => {}
            "nocopy" if !bind => {}
            "z" | "Z" if bind => selinux(at, option),
            option if bind && PROPAGATIONS.contains(&option) => {}
            other => {
                at.warn(format!("the option '{other}' means nothing here and is ignored, as in Compose"))
            }
        }
    }
    Some(Mount { target: clean(target), read_only: options.contains(&"ro"), kind })
}

fn selinux(at: &At<'_>, option: &str) {
    at.warn(format!("relabelling for SELinux ('{option}') isn't supported yet: the files keep their labels"));
}

fn long(at: &At<'_>, context: &Context<'_>) -> Option<Mount> {
    let fields = at.fields(LONG)?;
    #[derive(Clone, Copy, PartialEq)]
    enum Type {
        Volume,
        Bind,
        Tmpfs,
        Other,
    }
    let kind = fields.required("type")?.word(&[
        ("volume", Type::Volume),
        ("bind", Type::Bind),
        ("tmpfs", Type::Tmpfs),
        ("npipe", Type::Other),
        ("cluster", Type::Other),
        ("image", Type::Other),
    ]);
    let target = fields.required("target")?;
    let path = target.text()?;
    if !path.starts_with('/') {
        target.problem(format!("the target '{path}' isn't an absolute path"));
        return None;
    }
    let bind = fields.get("bind").and_then(|at| at.fields(BIND));
    let volume = fields.get("volume").and_then(|at| at.fields(VOLUME));
    let tmpfs = fields.get("tmpfs").and_then(|at| at.fields(TMPFS));
    let kind = match kind? {
        Type::Volume => {
            let source = fields.get("source").and_then(|at| Some((at.text()?, at)));
            if let Some((name, at)) = &source
                && !declared(at, "volume", name, context.volumes.iter().copied())
            {
                return None;
            }
            let nocopy = volume.is_some_and(|fields| fields.flag("nocopy"));
            MountKind::Volume { source: source.map(|(name, _)| name), nocopy }
        }
        Type::Bind => {
            let source = PathBuf::from(fields.required("source")?.text()?);
            let words = PROPAGATIONS.map(|word| (word, word));
            let bind = bind.as_ref();
            let propagation = bind.and_then(|bind| bind.get("propagation")).and_then(|at| at.word(&words));
            if let Some(at) = bind.and_then(|bind| bind.get("selinux"))
                && let Some(option) = at.word(&[("z", "z"), ("Z", "Z")])
            {
                selinux(&at, option);
            }
            let create = bind.and_then(|bind| bind.get("create_host_path")).and_then(|at| at.boolean());
            MountKind::Bind {
                source,
                create_host_path: create.unwrap_or(true),
                propagation: propagation.map(str::to_owned),
            }
        }
        Type::Tmpfs => MountKind::Tmpfs {
            size: tmpfs.as_ref().and_then(|fields| fields.get("size")).and_then(|at| at.bytes()),
            mode: tmpfs.as_ref().and_then(|fields| fields.get("mode")).and_then(|at| mode(&at)),
        },
        Type::Other => {
            at.problem("this type of mount is not supported yet");
            return None;
        }
    };
    Some(Mount { target: clean(&path), read_only: fields.flag("read_only"), kind })
}

/// Permission bits: a number, or octal digits in a string.
pub fn mode(at: &At<'_>) -> Option<u32> {
    let Some(text) = at.node.as_str() else { return at.integer() };
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let bits = u32::from_str_radix(digits, 8).ok().filter(|bits| *bits <= 0o7777);
    if bits.is_none() {
        at.problem(format!("'{text}' isn't a file mode such as '0440'"));
    }
    bits
}

fn tmpfs_items(at: &At<'_>) -> Vec<Mount> {
    let items = if at.is_text() { vec![at.clone()] } else { at.items() };
    items.iter().filter_map(|at| tmpfs(at, &at.text()?)).collect()
}

/// `TARGET[:OPTIONS]`
fn tmpfs(at: &At<'_>, text: &str) -> Option<Mount> {
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    if !target.starts_with('/') {
        at.problem(format!("the target '{target}' isn't an absolute path"));
        return None;
    }
    let (mut size, mut bits, mut read_only) = (None, None, false);
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option.split_once('=').unwrap_or((option, "")) {
            ("size", value) => {
                size = units::bytes(value);
                if size.is_none() {
                    at.problem(format!("'{value}' isn't an amount such as '64m'"));
                }
            }
            ("mode", value) => {
                bits = u32::from_str_radix(value, 8).ok();
                if bits.is_none() {
                    at.problem(format!("'{value}' isn't a file mode such as '1777'"));
                }
            }
            ("ro", _) => read_only = true,
            // What the engine mounts a tmpfs with anyway.
            ("rw" | "noexec" | "nosuid" | "nodev", "") => {}
            _ => at.problem(format!("the tmpfs option '{option}' is not supported yet")),
        }
    }
    Some(Mount { target: clean(target), read_only, kind: MountKind::Tmpfs { size, mode: bits } })
}

/// `/data/` and `/data` are the same place.
fn clean(target: &str) -> String {
    match target.trim_end_matches('/') {
        "" => "/".into(),
        path => path.into(),
    }
}

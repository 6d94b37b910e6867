//! Relative paths become absolute ones, before what is merged with documents from elsewhere.
//!
//! The places are compose-go's (`paths/resolve.go`), and `x-vv`'s own files.

use std::path::{Component, Path as FilePath, PathBuf};

use super::embedded;
use super::node::{Node, Value};
use super::unique::{is_path, short_volume};

/// What the relative paths of a file start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Build contexts, bind mounts, env files. Absolute, on disk.
    pub disk: PathBuf,
    /// Configuration files, `include` and `extends`. The same as `disk`, but for an embedded file its own folder.
    pub tree: PathBuf,
    /// `~`
    pub home: Option<String>,
}

impl Base {
    /// A path of the running stack.
    pub fn on_disk(&self, path: &str) -> PathBuf {
        self.join(&self.disk, path)
    }

    /// A file that belongs to the stack's text.
    pub fn in_tree(&self, path: &str) -> PathBuf {
        self.join(&self.tree, path)
    }

    fn join(&self, folder: &FilePath, path: &str) -> PathBuf {
        if embedded::is_embedded(FilePath::new(path)) {
            return clean(FilePath::new(path));
        }
        match (path.strip_prefix('~'), &self.home) {
            (Some(rest), Some(home)) => clean(&FilePath::new(home).join(rest.trim_start_matches('/'))),
            _ => clean(&folder.join(path)),
        }
    }
}

/// The path without `.` and with `..` taken off by name, as Go's `filepath.Clean`.
pub fn clean(path: &FilePath) -> PathBuf {
    if let Some(inside) = embedded::repository_path(path) {
        return embedded::embedded_path(&clean_parts(&inside));
    }
    clean_parts(path)
}

fn clean_parts(path: &FilePath) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match cleaned.components().next_back() {
                Some(Component::Normal(_)) => {
                    cleaned.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => cleaned.push(part),
            },
            part => cleaned.push(part),
        }
    }
    if cleaned.as_os_str().is_empty() {
        cleaned.push(".");
    }
    cleaned
}

/// Makes the paths of the stack's own files absolute: those may be embedded, which differs from file to file.
pub fn resolve_tree(root: &mut Node, base: &Base) {
    let tree = |text: &str| text_of(base.in_tree(text));
    for kind in ["configs", "secrets"] {
        each(root, &[kind, "*", "file"], &mut |node| rewrite(node, tree));
    }
    for key in ["topics", "routes"] {
        each(root, &["x-vv", key], &mut |node| rewrite(node, tree));
    }
}

/// Makes the paths of the running stack absolute: build contexts, bind mounts, env files.
pub fn resolve_disk(root: &mut Node, base: &Base) {
    let disk = |text: &str| text_of(base.on_disk(text));
    each(root, &["services", "*"], &mut |service| resolve_service(service, base));
    each(root, &["volumes", "*"], &mut |volume| {
        let options = volume.get("driver_opts").and_then(|options| options.get("o"));
        let is = |node: Option<&Node>, wanted: &str| node.and_then(Node::as_str) == Some(wanted);
        if is(volume.get("driver"), "local") && is(options, "bind") {
            each(volume, &["driver_opts", "device"], &mut |node| rewrite(node, disk));
        }
    });
}

fn resolve_service(service: &mut Node, base: &Base) {
    let disk = |text: &str| text_of(base.on_disk(text));
    let context = |text: &str| match is_remote(text) {
        true => text.to_owned(),
        false => text_of(base.on_disk(text)),
    };
    let behind_name = |text: &str| match text.split_once('=') {
        Some((name, path)) => format!("{name}={}", context(path)),
        None => text.to_owned(),
    };
    each(service, &["build"], &mut |node| rewrite(node, context));
    each(service, &["build", "context"], &mut |node| rewrite(node, context));
    each(service, &["build", "additional_contexts"], &mut |node| match &node.value {
        Value::Sequence(_) => each(node, &["*"], &mut |node| rewrite(node, behind_name)),
        _ => each(node, &["*"], &mut |node| rewrite(node, context)),
    });
    for key in ["env_file", "label_file"] {
        each(service, &[key], &mut |node| rewrite(node, disk));
        each(service, &[key, "*"], &mut |node| rewrite(node, disk));
        each(service, &[key, "*", "path"], &mut |node| rewrite(node, disk));
    }
    each(service, &["develop", "watch", "*", "path"], &mut |node| rewrite(node, disk));
    each(service, &["volumes", "*"], &mut |volume| match volume.as_str() {
        Some(text) => {
            if let Some(short) = short_volume(text)
                && let Some(source) = short.source.filter(|source| is_path(source) && !is_windows(source))
            {
                let text = format!("{}:{}{}", disk(source), short.target, short.options);
                volume.value = Value::String(text);
            }
        }
        None if volume.get("type").and_then(Node::as_str) == Some("bind") => {
            each(volume, &["source"], &mut |node| {
                rewrite(node, |text| match is_windows(text) {
                    true => text.to_owned(),
                    false => disk(text),
                })
            });
        }
        None => {}
    });
}

/// Calls `change` for every node below at this path; `*` is any key or item.
fn each(node: &mut Node, path: &[&str], change: &mut dyn FnMut(&mut Node)) {
    let Some((first, rest)) = path.split_first() else { return change(node) };
    match &mut node.value {
        Value::Mapping(entries) if *first == "*" => {
            entries.values_mut().for_each(|entry| each(&mut entry.node, rest, change));
        }
        Value::Sequence(items) if *first == "*" => items.iter_mut().for_each(|item| each(item, rest, change)),
        Value::Mapping(entries) => {
            if let Some(entry) = entries.get_mut(*first) {
                each(&mut entry.node, rest, change);
            }
        }
        _ => {}
    }
}

/// An empty path stays empty: the model says what is missing.
fn rewrite(node: &mut Node, path: impl Fn(&str) -> String) {
    if let Value::String(text) = &mut node.value
        && !text.is_empty()
    {
        *text = path(text);
    }
}

fn text_of(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}

/// A build context that isn't a folder: Git, HTTP, another service's image.
fn is_remote(context: &str) -> bool {
    context.contains("://")
        || ["service:", "github.com/", "git@"].iter().any(|prefix| context.starts_with(prefix))
}

fn is_windows(path: &str) -> bool {
    path.starts_with("\\\\") || path.as_bytes().get(1) == Some(&b':')
}

//! `include`: the services, networks, volumes, configs and secrets of other stacks, each with its own folder and
//! environment.
//!
//! As compose-go does it (`loader/include.go`): what is included can't be changed by the file that includes it,
//! only by a further file on top (`-f`, `compose.override.yaml`); nothing else of the included file counts.

use std::path::{Path as FilePath, PathBuf};

use super::findings::Path;
use super::load::{Level, Loader, ReadFile, knows_vv};
use super::merge::same;
use super::node::{Entry, Node, Value};
use super::{discover, embedded, extends};
use crate::failure::nearest;

/// Includes in includes, at most.
const MAX_DEPTH: usize = 32;

const KEYS: [&str; 3] = ["path", "project_directory", "env_file"];

/// Takes the `include` out of a document and brings in what it names.
pub(super) fn apply(loader: &mut Loader<'_>, level: &Level, document: &mut Node, file: &FilePath) {
    let Value::Mapping(root) = &mut document.value else { return };
    let Some(Entry { node: include, .. }) = root.shift_remove("include") else { return };
    let items = match include.value {
        Value::Sequence(items) => items,
        Value::Null => return,
        _ => {
            let message = format!("must be a list, and this is {}", include.kind());
            return loader.findings.problem(Some(include.mark), "include", message);
        }
    };
    for (index, item) in items.iter().enumerate() {
        let mut path = Path::from(["include"]);
        let Some(wanted) = Wanted::of(loader, item, path.item(index)) else { continue };
        if let Some(included) = wanted.load(loader, level, file, &mut path) {
            import(loader, included, document);
        }
    }
}

/// One entry of `include`.
struct Wanted<'a> {
    paths: Vec<&'a Node>,
    project_directory: Option<&'a Node>,
    env_files: Vec<&'a Node>,
}

impl<'a> Wanted<'a> {
    /// Nothing when something about it is wrong; the problem is noted.
    fn of(loader: &mut Loader<'_>, item: &'a Node, path: &mut Path) -> Option<Self> {
        let Some(entries) = item.as_mapping() else {
            return Some(Self {
                paths: strings(loader, item, path)?,
                project_directory: None,
                env_files: Vec::new(),
            });
        };
        if let Some((key, entry)) = entries.iter().find(|(key, _)| !KEYS.contains(&key.as_str())) {
            let hint = nearest(key, KEYS).map(|name| format!("; did you mean '{name}'?")).unwrap_or_default();
            loader.findings.problem(Some(entry.key.clone()), path.key(key), format!("unknown key{hint}"));
            return None;
        }
        let mut of = |key: &str| match item.get(key) {
            Some(node) => {
                let found = strings(loader, node, path.key(key));
                path.up();
                found
            }
            None => Some(Vec::new()),
        };
        let (paths, folder, env_files) = (of("path")?, of("project_directory")?, of("env_file")?);
        if paths.is_empty() {
            loader.findings.problem(Some(item.mark.clone()), path, "'path' is missing: the file to include");
            return None;
        }
        Some(Self { paths, project_directory: folder.first().copied(), env_files })
    }

    /// The included stack as one document.
    fn load(&self, loader: &mut Loader<'_>, level: &Level, file: &FilePath, path: &mut Path) -> Option<Node> {
        let base = level.base(file, loader.home.as_deref());
        let mut includers = level.includers.clone();
        includers.push(file.to_owned());
        let targets: Vec<(&Node, PathBuf)> =
            self.paths.iter().map(|node| (*node, base.in_tree(node.as_str().unwrap_or_default()))).collect();
        for (node, target) in &targets {
            let circle = includers.iter().position(|includer| includer == target);
            let message = if extends::is_remote(node.as_str().unwrap_or_default()) {
                "files aren't fetched from elsewhere; download it and name the copy".to_owned()
            } else if let Some(start) = circle {
                let steps = includers[start..].iter().chain([target]).map(|file| loader.display(file));
                format!("files include one another in a circle: {}", steps.collect::<Vec<_>>().join(" → "))
            } else if includers.len() > MAX_DEPTH {
                format!("more than {MAX_DEPTH} includes in one another")
            } else {
                continue;
            };
            loader.findings.problem(Some(node.mark.clone()), path, message);
            return None;
        }
        let first = &targets.first()?.1;
        let folder = match self.project_directory.and_then(Node::as_str) {
            Some(folder) => base.in_tree(folder),
            None => first.parent().unwrap_or(first).to_owned(),
        };
        let mut env = level.env.clone();
        let env_files: Vec<PathBuf> =
            self.env_files.iter().map(|node| base.on_disk(node.as_str().unwrap_or_default())).collect();
        let (project_dir, tree) = match embedded::is_embedded(first) {
            // An embedded stack runs where the user is: its folders are those of the root.
            true => (level.project_dir.clone(), Some(folder)),
            false => (folder, None),
        };
        // And so is its .env, which is read already.
        if tree.is_none() || !env_files.is_empty() {
            discover::read_env_files(loader, &mut env, &env_files, &project_dir);
        }
        let read: Vec<ReadFile> = targets
            .iter()
            .filter_map(|(node, target)| loader.read_file(target, Some((&node.mark, path))))
            .collect();
        let knows_vv = level.knows_vv || knows_vv(&read);
        loader.level(&Level { env, project_dir, tree, includers, knows_vv }, read)
    }
}

/// A string or a list of strings.
fn strings<'a>(loader: &mut Loader<'_>, node: &'a Node, path: &mut Path) -> Option<Vec<&'a Node>> {
    let items = match &node.value {
        Value::Sequence(items) => items.iter().collect(),
        Value::Null => return Some(Vec::new()),
        _ => vec![node],
    };
    if let Some(wrong) = items.iter().find(|item| item.as_str().is_none_or(str::is_empty)) {
        let what = if wrong.as_str().is_some() { "an empty string" } else { wrong.kind() };
        loader.findings.problem(
            Some(wrong.mark.clone()),
            path,
            format!("must be a file's path, and this is {what}"),
        );
        return None;
    }
    Some(items)
}

/// Brings the resources of an included stack into the document that includes it.
fn import(loader: &mut Loader<'_>, included: Node, document: &mut Node) {
    let (Value::Mapping(included), Value::Mapping(root)) = (included.value, &mut document.value) else {
        return;
    };
    for (kind, Entry { key, node }) in included {
        if !["services", "volumes", "networks", "secrets", "configs", "models"].contains(&kind.as_str()) {
            continue;
        }
        let Value::Mapping(resources) = node.value else { continue };
        let empty = || Entry {
            key,
            node: Node { value: Value::Mapping(Default::default()), mark: node.mark.clone(), tag: node.tag },
        };
        let there = &mut root.entry(kind.clone()).or_insert_with(empty).node;
        if there.value == Value::Null {
            there.value = Value::Mapping(Default::default());
        }
        let Value::Mapping(there) = &mut there.value else { continue };
        for (name, entry) in resources {
            match there.get(&name) {
                None => {
                    there.insert(name, entry);
                }
                Some(other) if same(&other.node, &entry.node) => {}
                Some(other) => {
                    let message = format!(
                        "is also in {}, which is included; to change it, put this in a file of its own on top (-f)",
                        entry.key
                    );
                    loader.findings.problem(Some(other.key.clone()), format!("{kind}.{name}"), message);
                }
            }
        }
    }
}

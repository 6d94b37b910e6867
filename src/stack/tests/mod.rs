//! The way from files to one merged document, on files in memory.

mod errors;
mod extending;
mod finding;
mod hostile;
mod including;
mod merging;
mod offset;

use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::embedded::Layered;
use super::files::Memory;
use super::merged::Merged;
use super::node::{Node, Value};
use super::options::LoadOptions;
use super::problem::LoadError;

/// Files below `/w`, the current folder; those below `stacks/` and `templates/` are the embedded tree.
struct World {
    disk: Memory,
    tree: Memory,
    options: LoadOptions,
}

impl World {
    fn new(files: &[(&str, &str)]) -> Self {
        let (mut disk, mut tree) = (Memory::default(), Memory::default());
        for (path, text) in files {
            let embedded = path.starts_with("stacks/") || path.starts_with("templates/");
            match embedded {
                true => tree.0.insert(PathBuf::from(path), text.as_bytes().to_vec()),
                false => disk.0.insert(PathBuf::from("/w").join(path), text.as_bytes().to_vec()),
            };
        }
        let options = LoadOptions { cwd: "/w".into(), ..Default::default() };
        Self { disk, tree, options }
    }

    fn file(mut self, path: &str) -> Self {
        self.options.files.push(path.into());
        self
    }

    fn stack(mut self, name: &str) -> Self {
        self.options.stack = Some(name.into());
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.options.env.insert(name.into(), value.into());
        self
    }

    fn load(&self) -> Result<Merged, LoadError> {
        super::read_stack(&self.options, &Layered::with_tree(&self.disk, &self.tree))
    }

    /// What is wrong, a line each.
    fn errors(&self) -> String {
        match self.load() {
            Ok(merged) => format!("no error, but {}", yaml(&merged.root)),
            Err(error) => error.to_string(),
        }
    }

    /// The merged document.
    fn yaml(&self) -> String {
        match self.load() {
            Ok(merged) => yaml(&merged.root),
            Err(error) => error.to_string(),
        }
    }

    /// A service of the merged document, on one line.
    fn service(&self, name: &str) -> String {
        match self.load() {
            Ok(merged) => merged
                .root
                .get("services")
                .and_then(|services| services.get(name))
                .map_or("not there".into(), json),
            Err(error) => error.to_string(),
        }
    }
}

fn yaml(node: &Node) -> String {
    serde_yaml::to_string(&Shown(node)).unwrap()
}

fn json(node: &Node) -> String {
    serde_json::to_string(&Shown(node)).unwrap()
}

/// A node for output, its keys in their order.
struct Shown<'a>(&'a Node);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Float(value, _) => serializer.serialize_f64(*value),
            Value::String(value) => serializer.serialize_str(value),
            Value::Sequence(items) => serializer.collect_seq(items.iter().map(Shown)),
            Value::Mapping(entries) => {
                serializer.collect_map(entries.iter().map(|(key, entry)| (key, Shown(&entry.node))))
            }
        }
    }
}

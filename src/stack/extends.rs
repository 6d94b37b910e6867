//! `extends`: a service on top of another one, of the same or another file.
//!
//! Everything of the base is carried over, as compose-go v2 does (`loader/extends.go`); its networks, volumes and
//! configs must be declared by the file that extends. The base's relative paths are those of its own file.

use std::collections::HashMap;
use std::path::{Path as FilePath, PathBuf};
use std::rc::Rc;

use indexmap::IndexMap;

use super::findings::Path;
use super::load::{Level, Loader};
use super::node::{Entry, MergeTag, Node, Value};
use super::paths::{self, Base};
use super::{budget, embedded, merge};
use crate::failure::nearest;

/// How many services may extend one another in a row.
const MAX_CHAIN: usize = 64;

/// Applies `extends` to every service of a document, whose own paths are absolute already.
pub(super) fn apply(loader: &mut Loader<'_>, level: &Level, document: &mut Node, file: &FilePath) {
    let Value::Mapping(root) = &mut document.value else { return };
    let Some(Value::Mapping(services)) = root.get_mut("services").map(|entry| &mut entry.node.value) else {
        return;
    };
    if !services.values().any(|entry| entry.node.get("extends").is_some()) {
        return;
    }
    let base = level.base(file, loader.home.as_deref());
    let own = Rc::new(Services { file: file.to_owned(), base, by_name: std::mem::take(services) });
    let mut resolver =
        Resolver { loader, level, files: HashMap::new(), done: HashMap::new(), trail: Vec::new() };
    for (name, entry) in &own.by_name {
        if let Some(node) = resolver.service(&own, name) {
            services.insert(name.clone(), Entry { key: entry.key.clone(), node });
        }
    }
}

/// The services of a file, before `extends`.
struct Services {
    file: PathBuf,
    base: Base,
    by_name: IndexMap<String, Entry>,
}

struct Resolver<'a, 'b> {
    loader: &'a mut Loader<'b>,
    level: &'a Level,
    /// Files that were extended from; nothing for one that can't be read.
    files: HashMap<PathBuf, Option<Rc<Services>>>,
    /// Services that are done, by file and name.
    done: HashMap<(PathBuf, String), Node>,
    /// The services being resolved, outermost first.
    trail: Vec<(PathBuf, String)>,
}

/// `extends`, taken apart.
struct Reference<'a> {
    service: &'a Node,
    name: &'a str,
    file: Option<&'a Node>,
}

impl Resolver<'_, '_> {
    /// The service with what it extends below it. Nothing when that can't be had; the problem is noted.
    fn service(&mut self, services: &Rc<Services>, name: &str) -> Option<Node> {
        let node = &services.by_name.get(name)?.node;
        let key = (services.file.clone(), name.to_owned());
        if let Some(done) = self.done.get(&key) {
            return copy(self.loader, done);
        }
        let Some(extends) = node.get("extends") else { return copy(self.loader, node) };
        let mut path = Path::from(["services", name, "extends"]);
        let reference = self.reference(extends, &mut path)?;
        if let Some(start) = self.trail.iter().position(|step| *step == key) {
            let steps = self.trail[start..].iter().chain([&key]);
            let steps: Vec<String> =
                steps.map(|(file, name)| format!("{name} ({})", self.loader.display(file))).collect();
            let message = format!("services extend one another in a circle: {}", steps.join(" → "));
            self.loader.findings.problem(Some(reference.service.mark.clone()), path, message);
            return None;
        }
        if self.trail.len() >= MAX_CHAIN {
            let message = format!("more than {MAX_CHAIN} services extend one another");
            self.loader.findings.problem(Some(reference.service.mark.clone()), path, message);
            return None;
        }
        let from = match reference.file {
            Some(file) => self.extended_file(services, file, path.key("file"))?,
            None => Rc::clone(services),
        };
        let mut path = Path::from(["services", name, "extends"]);
        if !from.by_name.contains_key(reference.name) {
            let names = from.by_name.keys().map(String::as_str).filter(|other| *other != name);
            let hint = nearest(reference.name, names).map(|name| format!("; did you mean '{name}'?"));
            let file = self.loader.display(&from.file);
            let message =
                format!("there is no service '{}' in {file}{}", reference.name, hint.unwrap_or_default());
            self.loader.findings.problem(Some(reference.service.mark.clone()), path, message);
            return None;
        }
        self.trail.push(key.clone());
        let base = self.service(&from, reference.name);
        self.trail.pop();
        let mut base = base?;
        merge::strip(&mut base);
        let mut service = copy(self.loader, node)?;
        if let Value::Mapping(entries) = &mut service.value {
            entries.shift_remove("extends");
        }
        let tag = std::mem::replace(&mut service.tag, MergeTag::None);
        path.up();
        let mut merged = merge::merge(base, service, &mut path, &mut self.loader.findings);
        merged.tag = tag;
        self.done.insert(key, copy(self.loader, &merged)?);
        Some(merged)
    }

    fn reference<'n>(&mut self, extends: &'n Node, path: &mut Path) -> Option<Reference<'n>> {
        let wrong = match &extends.value {
            Value::String(name) => return Some(Reference { service: extends, name, file: None }),
            Value::Mapping(entries) => {
                let unknown = entries.iter().find(|(key, _)| !matches!(key.as_str(), "service" | "file"));
                if let Some((key, entry)) = unknown {
                    let hint =
                        nearest(key, ["service", "file"]).map(|name| format!("; did you mean '{name}'?"));
                    let message = format!("unknown key{}", hint.unwrap_or_default());
                    self.loader.findings.problem(Some(entry.key.clone()), path.key(key), message);
                    return None;
                }
                let file = extends.get("file").filter(|file| file.value != Value::Null);
                match (extends.get("service"), file) {
                    (_, Some(file)) if file.as_str().is_none() => {
                        (file, format!("'file' must be a string, and this is {}", file.kind()))
                    }
                    (Some(service), file) => match service.as_str() {
                        Some(name) => return Some(Reference { service, name, file }),
                        None => {
                            (service, format!("'service' must be a string, and this is {}", service.kind()))
                        }
                    },
                    (None, _) => (extends, "'service' is missing: the name of the service to extend".into()),
                }
            }
            _ => (extends, format!("must be a service's name or a mapping, and this is {}", extends.kind())),
        };
        self.loader.findings.problem(Some(wrong.0.mark.clone()), path, wrong.1);
        None
    }

    /// The services of another file: interpolated, with absolute paths, its `include` left aside.
    fn extended_file(&mut self, from: &Services, file: &Node, path: &Path) -> Option<Rc<Services>> {
        let written = file.as_str().unwrap_or_default();
        if is_remote(written) {
            let message = "files aren't fetched from elsewhere; download it and name the copy";
            self.loader.findings.problem(Some(file.mark.clone()), path, message);
            return None;
        }
        let target = from.base.in_tree(written);
        if let Some(known) = self.files.get(&target) {
            return known.clone();
        }
        let services = self.read_services(from, &target, file, path).map(Rc::new);
        self.files.insert(target, services.clone());
        services
    }

    fn read_services(
        &mut self,
        from: &Services,
        target: &FilePath,
        file: &Node,
        path: &Path,
    ) -> Option<Services> {
        let read = self.loader.read_file(target, Some((&file.mark, path)))?;
        let folder = target.parent().unwrap_or(target).to_owned();
        let disk = if embedded::is_embedded(target) { from.base.disk.clone() } else { folder.clone() };
        let base = Base { disk, tree: folder, home: from.base.home.clone() };
        let mut merged: Option<Node> = None;
        for mut document in read.documents {
            if !self.loader.prepare(&mut document, self.level) {
                continue;
            }
            paths::resolve_tree(&mut document, &base);
            paths::resolve_disk(&mut document, &base);
            merged = Some(match merged {
                None => document,
                Some(below) => merge::merge(below, document, &mut Path::default(), &mut self.loader.findings),
            });
        }
        let services = match merged.map(|node| node.value) {
            Some(Value::Mapping(mut root)) => root.swap_remove("services").map(|entry| entry.node.value),
            _ => None,
        };
        let by_name = match services {
            Some(Value::Mapping(services)) => services,
            _ => IndexMap::new(),
        };
        Some(Services { file: target.to_owned(), base, by_name })
    }
}

/// Counts a copy: services that extend one large one may not fill the memory.
fn copy(loader: &mut Loader<'_>, node: &Node) -> Option<Node> {
    if loader.budget.is_spent() {
        return None;
    }
    if loader.budget.take(budget::weight(node)) {
        return Some(node.clone());
    }
    let message = "the stack grows past 200,000 values here; what is it that so many services extend?";
    loader.findings.problem(Some(node.mark.clone()), "", message);
    None
}

/// What Compose would fetch by Git, HTTP or from a registry.
pub(super) fn is_remote(path: &str) -> bool {
    (path.contains("://") && !embedded::is_embedded(FilePath::new(path)))
        || path.starts_with("git@")
        || path.starts_with("github.com/")
        || path.starts_with("oci:")
}

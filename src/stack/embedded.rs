//! The stacks that are built into the binary: the repository's `stacks/` and `templates/`.
//!
//! An embedded file is named `vv://mes/compose.yaml` for `stacks/mes/compose.yaml`, and `vv://templates/kong.yml` for
//! `templates/kong.yml`; relative paths between the two work as in the repository.

use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::files::Files;
use super::{node::Node, read};

static STACKS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/stacks");
static TEMPLATES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates");

const SCHEME: &str = "vv://";

/// Whether a path names an embedded file.
pub fn is_embedded(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.starts_with(SCHEME))
}

/// Where an embedded file is in the repository: `stacks/mes/compose.yaml` for `vv://mes/compose.yaml`.
pub fn repository_path(path: &Path) -> Option<PathBuf> {
    let inside = path.to_str()?.strip_prefix(SCHEME)?;
    let first = Path::new(inside).components().next();
    match first.is_some_and(|first| first.as_os_str() == "templates") {
        true => Some(PathBuf::from(inside)),
        false => Some(Path::new("stacks").join(inside)),
    }
}

/// What a file of the repository is called when it is embedded.
pub fn embedded_path(repository: &Path) -> PathBuf {
    let inside = repository.strip_prefix("stacks").unwrap_or(repository);
    PathBuf::from(format!("{SCHEME}{}", inside.display()))
}

/// The compose file of an embedded stack; it may not exist.
pub fn compose_file(stack: &str) -> PathBuf {
    PathBuf::from(format!("{SCHEME}{stack}/compose.yaml"))
}

/// The stack that an embedded file belongs to: `mes` of `vv://mes/compose.yaml`; nothing for one of the disk.
pub fn stack_of(file: &str) -> Option<&str> {
    file.strip_prefix(SCHEME)?.split('/').next()
}

/// A stack that can be chosen by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `mes`
    pub name: String,
    /// `x-vv.title`
    pub title: Option<String>,
    /// `x-vv.description`
    pub description: Option<String>,
}

/// The embedded stacks' names, in order.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = STACKS
        .dirs()
        .filter(|dir| dir.get_file(dir.path().join("compose.yaml")).is_some())
        .filter_map(|dir| dir.path().to_str())
        .collect();
    names.sort_unstable();
    names
}

/// The embedded stacks with what their files say of them.
pub fn list() -> Vec<Listed> {
    names()
        .into_iter()
        .map(|name| {
            let documents = Embedded
                .read(&Path::new("stacks").join(name).join("compose.yaml"))
                .ok()
                .and_then(|bytes| read::source(name, bytes).ok())
                .and_then(|source| read::read_documents(&source).ok())
                .unwrap_or_default();
            let said = |key: &str| {
                let vv = documents.iter().find_map(|document| document.get("x-vv"))?;
                vv.get(key).and_then(Node::as_str).map(str::to_owned)
            };
            Listed { name: name.to_owned(), title: said("title"), description: said("description") }
        })
        .collect()
}

/// All files below a folder of the repository (`stacks/mes`), with their repository paths, in order.
pub fn files_below(folder: &Path) -> Vec<(PathBuf, &'static [u8])> {
    let mut found = Vec::new();
    for (root, dir) in [("stacks", &STACKS), ("templates", &TEMPLATES)] {
        collect(Path::new(root), dir, &mut found);
    }
    found.retain(|(path, _)| path.starts_with(folder));
    found.sort();
    found
}

fn collect(root: &Path, dir: &Dir<'static>, found: &mut Vec<(PathBuf, &'static [u8])>) {
    found.extend(dir.files().map(|file| (root.join(file.path()), file.contents())));
    dir.dirs().for_each(|below| collect(root, below, found));
}

/// The built-in tree. Paths are the repository's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Embedded;

impl Embedded {
    fn split(path: &Path) -> Option<(&'static Dir<'static>, &Path)> {
        if let Ok(inside) = path.strip_prefix("stacks") {
            return Some((&STACKS, inside));
        }
        path.strip_prefix("templates").ok().map(|inside| (&TEMPLATES, inside))
    }
}

impl Files for Embedded {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Self::split(path)
            .and_then(|(dir, inside)| dir.get_file(inside))
            .map(|file| file.contents().to_vec())
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn is_file(&self, path: &Path) -> bool {
        Self::split(path).is_some_and(|(dir, inside)| dir.get_file(inside).is_some())
    }

    fn is_dir(&self, path: &Path) -> bool {
        Self::split(path)
            .is_some_and(|(dir, inside)| inside.as_os_str().is_empty() || dir.get_dir(inside).is_some())
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let Some((root, inside)) = Self::split(folder) else { return Vec::new() };
        let dir = if inside.as_os_str().is_empty() { Some(root) } else { root.get_dir(inside) };
        let files = dir.into_iter().flat_map(Dir::files);
        files.filter_map(|file| Some(file.path().file_name()?.to_str()?.to_owned())).collect()
    }
}

/// Files by their absolute path: `vv://…` from the built-in tree, all others from elsewhere (the disk).
#[derive(Clone, Copy)]
pub struct Layered<'a> {
    outside: &'a dyn Files,
    inside: &'a dyn Files,
}

impl<'a> Layered<'a> {
    /// The built-in tree over these files.
    pub fn new(outside: &'a dyn Files) -> Self {
        Self { outside, inside: &Embedded }
    }

    /// Another tree, with the repository's paths, over these files.
    pub fn with_tree(outside: &'a dyn Files, inside: &'a dyn Files) -> Self {
        Self { outside, inside }
    }
}

impl Files for Layered<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match repository_path(path) {
            Some(path) => self.inside.read(&path),
            None => self.outside.read(path),
        }
    }

    fn is_file(&self, path: &Path) -> bool {
        match repository_path(path) {
            Some(path) => self.inside.is_file(&path),
            None => self.outside.is_file(path),
        }
    }

    fn is_dir(&self, path: &Path) -> bool {
        match repository_path(path) {
            Some(path) => self.inside.is_dir(&path),
            None => self.outside.is_dir(path),
        }
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        match repository_path(folder) {
            Some(folder) => self.inside.names(&folder),
            None => self.outside.names(folder),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::paths::clean;

    #[test]
    fn embedded_paths_lead_through_the_repository() {
        let join = |base: &str, path: &str| clean(&Path::new(base).join(path)).display().to_string();
        assert_eq!(join("vv://mes", "kong/kong.yml"), "vv://mes/kong/kong.yml");
        assert_eq!(join("vv://mes", "../../templates/kong.yml"), "vv://templates/kong.yml");
        assert_eq!(join("vv://templates", "../stacks/mes/x"), "vv://mes/x");
        assert_eq!(join("vv://mes", "/etc/x"), "/etc/x");
        assert_eq!(repository_path(Path::new("vv://mes/x")), Some("stacks/mes/x".into()));
        assert_eq!(repository_path(Path::new("/mes/x")), None);
    }
}

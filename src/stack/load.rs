//! From what the command line says to one merged document.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use super::budget::Budget;
use super::discover::{self, Discovered};
use super::files::{Files, STDIN, Steady};
use super::findings::{Findings, Path};
use super::merged::{Env, Found, Merged, VALUE_KEY};
use super::missing::{self, Role};
use super::model::Origin;
use super::node::{Entry, MergeTag, Node, Value};
use super::options::LoadOptions;
use super::paths::{self, Base};
use super::port_offset::PortOffset;
use super::problem::{LoadError, Mark, Problem, Source};
use super::{embedded, extends, include, interpolate, merge, project_name, read, unique};

/// Finds, reads, interpolates and merges the files of a stack.
///
/// `files` must know embedded files too: see [`embedded::Layered`]. Fails with everything that is wrong, as far as
/// one thing doesn't hide another.
pub fn read_stack(options: &LoadOptions, files: &dyn Files) -> Result<Merged, LoadError> {
    if options.port_offset == 0 {
        return finish(Loader::new(options, files, PortOffset::default()), options);
    }
    // Which variables move is known when all files were seen; the second reading moves them.
    let files = Steady::new(files);
    let mut scout = Loader::new(options, &files, PortOffset::default());
    scout.stack(options);
    let offset = PortOffset { add: options.port_offset, moved: scout.findings.ports.moved() };
    finish(Loader::new(options, &files, offset), options)
}

fn finish(mut loader: Loader<'_>, options: &LoadOptions) -> Result<Merged, LoadError> {
    let merged = loader.stack(options);
    match merged {
        Some(merged) if loader.findings.problems.is_empty() => Ok(merged),
        _ => Err(LoadError { problems: loader.findings.problems }),
    }
}

/// Documents of a file that was read.
pub(super) struct ReadFile {
    pub path: PathBuf,
    pub documents: Vec<Node>,
}

/// What all files of a load share.
pub(super) struct Loader<'a> {
    pub files: &'a dyn Files,
    pub findings: Findings,
    port_offset: PortOffset,
    pub home: Option<String>,
    pub budget: Budget,
    cwd: PathBuf,
    /// How many files were read; includes of includes may multiply.
    reads: usize,
}

const MAX_READS: usize = 1000;

/// One set of files that are merged on top of each other: the root files, or those of one `include`.
pub(super) struct Level {
    /// What variables are looked up in.
    pub env: Env,
    /// What relative paths of the running stack start from.
    pub project_dir: PathBuf,
    /// What `include`, `extends` and configuration files of embedded files start from; of others it's `project_dir`.
    pub tree: Option<PathBuf>,
    /// The files that include this level, outermost first.
    pub includers: Vec<PathBuf>,
    /// Whether `x-vv` stands at the top of one of its files or of an including one: its `*_PORT` variables are this
    /// machine's ports.
    pub knows_vv: bool,
}

impl Level {
    /// What relative paths in this file start from.
    pub fn base(&self, file: &FilePath, home: Option<&str>) -> Base {
        let tree = match &self.tree {
            Some(tree) if embedded::is_embedded(file) => tree.clone(),
            _ => self.project_dir.clone(),
        };
        Base { disk: self.project_dir.clone(), tree, home: home.map(str::to_owned) }
    }
}

/// Who asked for a file: for the message when it can't be read.
pub(super) type Asked<'a> = Option<(&'a Mark, &'a Path)>;

impl<'a> Loader<'a> {
    fn new(options: &LoadOptions, files: &'a dyn Files, port_offset: PortOffset) -> Self {
        Self {
            files,
            findings: Findings::default(),
            port_offset,
            home: options.env.get("HOME").cloned(),
            budget: Budget::default(),
            cwd: options.cwd.clone(),
            reads: 0,
        }
    }

    fn stack(&mut self, options: &LoadOptions) -> Option<Merged> {
        let Discovered { found, stack, files, project_dir, mut env, env_files, profiles } =
            discover::discover(options, self)?;
        let read: Vec<ReadFile> = files.iter().filter_map(|path| self.read_file(path, None)).collect();
        let default_name = self.default_name(&read, &env, stack.as_deref(), &project_dir);
        let name_hint = self.name_hint(options, &env);
        let name = name_hint.clone().unwrap_or_else(|| default_name.clone());
        if name.is_empty() {
            let message = "the project has no name: its folder's name has no letters; give one with -p";
            self.findings.problem(None, "", message);
        }
        env.0.insert("COMPOSE_PROJECT_NAME".into(), name.clone());
        let tree =
            stack.as_deref().and_then(|stack| embedded::compose_file(stack).parent().map(FilePath::to_owned));
        let knows_vv = knows_vv(&read);
        let level = Level { env, project_dir: project_dir.clone(), tree, includers: Vec::new(), knows_vv };
        let root = self.level(&level, read);
        let mut root = match root {
            Some(root) => root,
            None if self.findings.problems.is_empty() => {
                let source = Arc::new(Source { name: self.display(files.first()?), text: String::new() });
                let mark = Mark { source, line: 1, column: 1 };
                self.findings.problem(Some(mark), "", "the file is empty");
                return None;
            }
            None => return None,
        };
        self.warn_of_version(&mut root);
        let config_files = files.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        Some(Merged {
            root,
            origin: Origin {
                embedded: stack,
                fallback: found == Found::Fallback,
                working_dir: project_dir.clone(),
                config_files,
                env_files,
            },
            project_dir,
            found,
            env: level.env,
            profiles,
            name,
            default_name,
            name_hint,
            port_offset: options.port_offset,
            image_variables: std::mem::take(&mut self.findings.images),
            warnings: std::mem::take(&mut self.findings.warnings),
        })
    }

    /// Merges files into one document with extends and includes applied. Nothing when they are all empty.
    pub fn level(&mut self, level: &Level, files: Vec<ReadFile>) -> Option<Node> {
        let mut merged: Option<Node> = None;
        for ReadFile { path, documents } in files {
            let base = level.base(&path, self.home.as_deref());
            for mut document in documents {
                if !self.prepare(&mut document, level) {
                    continue;
                }
                paths::resolve_tree(&mut document, &base);
                extends::apply(self, level, &mut document, &path);
                include::apply(self, level, &mut document, &path);
                merged = Some(match merged {
                    None => document,
                    Some(below) => merge::merge(below, document, &mut Path::default(), &mut self.findings),
                });
            }
        }
        let mut merged = merged?;
        merge::strip(&mut merged);
        unique::unique(&mut merged);
        // Lists are told what they repeat by what is written, so paths come after: `x.env` is not `./x.env`.
        let base = Base {
            disk: level.project_dir.clone(),
            tree: level.project_dir.clone(),
            home: self.home.clone(),
        };
        paths::resolve_disk(&mut merged, &base);
        resolve_environment(&mut merged, &level.env);
        Some(merged)
    }

    /// Interpolates a document; false for one that isn't there or isn't a mapping.
    pub fn prepare(&mut self, document: &mut Node, level: &Level) -> bool {
        match document.value {
            Value::Mapping(_) => {}
            Value::Null => return false,
            _ => {
                let message = format!("a stack is a mapping (services: …), and this is {}", document.kind());
                self.findings.problem(Some(document.mark.clone()), "", message);
                return false;
            }
        }
        let offset = level.knows_vv.then_some(&self.port_offset);
        interpolate::interpolate(document, &level.env, offset, &mut self.findings);
        true
    }

    /// Reads a file's documents; a problem is noted.
    pub fn read_file(&mut self, path: &FilePath, asked: Asked<'_>) -> Option<ReadFile> {
        if self.budget.is_spent() {
            return None;
        }
        let role = if asked.is_some() { Role::Named } else { Role::Stack };
        let source = self.read_text(path, role, asked)?;
        match read::parse(&source, &mut self.budget) {
            Ok(parsed) => {
                self.findings.warnings.extend(parsed.warnings);
                Some(ReadFile { path: path.to_owned(), documents: parsed.documents })
            }
            Err(problems) => {
                for problem in problems {
                    self.findings.problem(problem.mark, problem.path, problem.message);
                }
                None
            }
        }
    }

    /// Reads a file as text; a problem is noted.
    pub fn read_text(&mut self, path: &FilePath, role: Role, asked: Asked<'_>) -> Option<Arc<Source>> {
        self.reads += 1;
        let shown = self.display(path);
        let bytes = match self.files.read(path) {
            _ if self.reads > MAX_READS => Err(format!(
                "{shown} isn't read: a stack of more than {MAX_READS} files; do its includes multiply?"
            )),
            Ok(bytes) => Ok(bytes),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {
                Err(missing::sentence(self.files, path, role))
            }
            Err(error) => Err(format!("{shown} can't be read: {error}")),
        };
        let (mark, at) = match asked {
            Some((mark, at)) => (Some(mark.clone()), at.to_string()),
            None => (None, String::new()),
        };
        match bytes {
            Err(message) => {
                self.findings.problem(mark, at, message);
                None
            }
            Ok(bytes) => match read::source(shown, bytes) {
                Ok(source) => Some(source),
                Err(Problem { mark, path, message }) => {
                    self.findings.problem(mark, path, message);
                    None
                }
            },
        }
    }

    /// A path as people write it: relative below the current folder.
    pub fn display(&self, path: &FilePath) -> String {
        if path == FilePath::new(STDIN) {
            return "stdin".into();
        }
        match path.strip_prefix(&self.cwd) {
            Ok(relative) if !relative.as_os_str().is_empty() => relative.display().to_string(),
            _ => path.display().to_string(),
        }
    }

    /// The last `name:` of the files, else the embedded stack's, else the folder's.
    fn default_name(
        &self,
        files: &[ReadFile],
        env: &Env,
        stack: Option<&str>,
        project_dir: &FilePath,
    ) -> String {
        let names = files.iter().flat_map(|file| &file.documents).filter_map(|document| document.get("name"));
        if let Some(name) = names.rev().find(|name| name.as_str() != Some("")) {
            let mut name = name.clone();
            // What is wrong here is found and noted when the document itself is interpolated.
            interpolate::interpolate(&mut name, env, None, &mut Findings::default());
            let name = project_name::normal(name.as_str().unwrap_or_default());
            if !name.is_empty() {
                return name;
            }
        }
        let folder = project_dir.file_name().map(|name| name.to_string_lossy().into_owned());
        project_name::normal(stack.or(folder.as_deref()).unwrap_or_default())
    }

    fn name_hint(&mut self, options: &LoadOptions, env: &Env) -> Option<String> {
        let set = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
        let name = set(&options.project_name)
            .or_else(|| set(&env.get("COMPOSE_PROJECT_NAME").map(str::to_owned)))?;
        if let Err(message) = project_name::check(&name) {
            self.findings.problem(None, "", message);
        }
        Some(name)
    }

    fn warn_of_version(&mut self, root: &mut Node) {
        if let Value::Mapping(entries) = &mut root.value
            && let Some(version) = entries.shift_remove("version")
        {
            self.findings.warnings.push(format!("{}: 'version' is obsolete and means nothing", version.key));
        }
    }
}

/// Whether `x-vv` stands at the top of one of these files.
pub(super) fn knows_vv(files: &[ReadFile]) -> bool {
    files.iter().flat_map(|file| &file.documents).any(|document| document.get("x-vv").is_some())
}

/// Gives `environment` entries without a value that of the environment, where it has one.
fn resolve_environment(root: &mut Node, env: &Env) {
    let Value::Mapping(root) = &mut root.value else { return };
    let mut of = |kind: &str, change: &dyn Fn(&mut Node)| {
        if let Some(Value::Mapping(entries)) = root.get_mut(kind).map(|entry| &mut entry.node.value) {
            entries.values_mut().for_each(|entry| change(&mut entry.node));
        }
    };
    of("services", &|service| {
        let Value::Mapping(service) = &mut service.value else { return };
        match service.get_mut("environment").map(|entry| &mut entry.node.value) {
            Some(Value::Sequence(items)) => {
                for text in items.iter_mut().filter_map(|item| match &mut item.value {
                    Value::String(text) => Some(text),
                    _ => None,
                }) {
                    if let Some(value) = env.get(text) {
                        *text = format!("{text}={value}");
                    }
                }
            }
            Some(Value::Mapping(variables)) => {
                for (name, entry) in variables.iter_mut().filter(|(_, entry)| entry.node.value == Value::Null)
                {
                    if let Some(value) = env.get(name) {
                        entry.node.value = Value::String(value.to_owned());
                    }
                }
            }
            _ => {}
        }
    });
    for kind in ["configs", "secrets"] {
        of(kind, &|file| {
            let variable = file.get("environment").and_then(Node::as_str).and_then(|name| env.get(name));
            let Some(value) = variable.map(str::to_owned) else { return };
            let mark = file.mark.clone();
            let node = Node { value: Value::String(value), mark: mark.clone(), tag: MergeTag::None };
            if let Value::Mapping(entries) = &mut file.value {
                entries.insert(VALUE_KEY.into(), Entry { key: mark, node });
            }
        });
    }
}

impl Env {
    /// Adds variables that aren't set yet.
    pub(super) fn add(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        for (name, value) in variables {
            self.0.entry(name).or_insert(value);
        }
    }
}

impl From<BTreeMap<String, String>> for Env {
    fn from(variables: BTreeMap<String, String>) -> Self {
        Self(variables)
    }
}

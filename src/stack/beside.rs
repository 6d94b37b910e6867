//! A document beside the stack's own files: what `x-vv` names, or the command line. It has the stack's syntax, variables
//! and messages, and nothing of Compose's meaning.

use std::io;
use std::path::Path;

use super::budget::Budget;
use super::files::{Files, STDIN};
use super::findings::Findings;
use super::interpolate;
use super::merged::Env;
use super::missing::{self, Role};
use super::node::{Node, Value};
use super::port_offset::PortOffset;
use super::problem::{LoadError, Mark, Problem};
use super::read;
use super::template::{self, Scope, Substituted};

/// Who asked for a document: the place and the path of the value that names it.
pub type Asked<'a> = Option<(&'a Mark, &'a str)>;

/// A document that was read.
#[derive(Debug)]
pub struct Beside {
    /// Its root, with variables filled in; nothing for an empty file.
    pub root: Option<Node>,
    /// Variables that aren't set, and what else is worth saying.
    pub warnings: Vec<String>,
    /// What variables gave, by value or default, each with the variable's name.
    pub filled: Vec<(String, String)>,
}

/// Reads a file that another program reads too, which knows no variables: `$` is left as it is. Otherwise as [`read`].
///
/// # Errors
/// As [`read`].
pub fn read_as_is(path: &Path, asked: Asked<'_>, files: &dyn Files, cwd: &Path) -> Result<Beside, LoadError> {
    read_filled(path, asked, None, files, cwd)
}

/// Reads the file. `files` must know embedded ones where `path` may be one ([`super::embedded::Layered`]); places are
/// shown relative to `cwd`.
///
/// # Errors
/// The file can't be read, isn't YAML, holds several documents, or has variables that are written wrongly or must be set.
pub fn read(
    path: &Path,
    asked: Asked<'_>,
    env: &Env,
    files: &dyn Files,
    cwd: &Path,
) -> Result<Beside, LoadError> {
    read_filled(path, asked, Some(env), files, cwd)
}

fn read_filled(
    path: &Path,
    asked: Asked<'_>,
    env: Option<&Env>,
    files: &dyn Files,
    cwd: &Path,
) -> Result<Beside, LoadError> {
    let shown = match path.strip_prefix(cwd) {
        _ if path == Path::new(STDIN) => "stdin".to_owned(),
        Ok(below) if !below.as_os_str().is_empty() => below.display().to_string(),
        _ => path.display().to_string(),
    };
    let unreadable = |message: String| {
        let (mark, at) = asked.map(|(mark, at)| (mark.clone(), at.to_owned())).unzip();
        LoadError::new(vec![Problem { mark, path: at.unwrap_or_default(), message }])
    };
    let bytes = files.read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => {
            unreadable(missing::sentence(files, path, Role::Named))
        }
        _ => unreadable(format!("{shown} can't be read: {error}")),
    })?;
    let source = read::source(shown, bytes).map_err(|problem| LoadError::new(vec![problem]))?;
    let parsed = read::parse(&source, &mut Budget::of_text(source.text.len())).map_err(LoadError::new)?;
    let mut documents = parsed.documents.into_iter();
    let mut root = documents.next();
    if let Some(second) = documents.next() {
        let message = "a second document begins here, and the file may hold one".to_owned();
        return Err(LoadError::new(vec![Problem { mark: Some(second.mark), path: String::new(), message }]));
    }
    let mut findings = Findings::default();
    findings.warnings.extend(parsed.warnings);
    let mut filled = Vec::new();
    if let (Some(root), Some(env)) = (&mut root, env) {
        note_filled(root, env, &mut filled);
        interpolate::interpolate(root, env, None, &mut findings);
    }
    match findings.problems.is_empty() {
        true => Ok(Beside { root, warnings: findings.warnings, filled }),
        false => Err(LoadError::new(findings.problems)),
    }
}

/// Notes what the variables of this value give; what is wrong with them is for the interpolation to say.
fn note_filled(node: &Node, env: &Env, filled: &mut Vec<(String, String)>) {
    match &node.value {
        Value::String(text) if text.contains('$') => {
            let lookup = |name: &str| env.get(name).map(str::to_owned);
            let scope = Scope { lookup: &lookup, offset: &PortOffset::default() };
            let Ok(Substituted { text, used, .. }) = template::substitute(text, &scope) else { return };
            filled.extend(
                used.into_iter().filter_map(|(name, place)| Some((name, text.get(place)?.to_owned()))),
            );
        }
        Value::Sequence(items) => items.iter().for_each(|item| note_filled(item, env, filled)),
        Value::Mapping(entries) => entries.values().for_each(|entry| note_filled(&entry.node, env, filled)),
        _ => {}
    }
}

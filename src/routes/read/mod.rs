//! From a text in Kong's declarative format to a [`Declaration`], with everything that is wrong with it at once. Pure:
//! files come through [`Files`].
//!
//! The format is that of <https://docs.konghq.com/gateway/latest/production/deployment-topologies/db-less-and-declarative-config/>,
//! with what decK adds to it: `_info`, and references as `{name: …}`. What vv reads of it:
//!
//! - versions "1.1", "2.1" and "3.0"; entities nested in each other or side by side, in any order;
//! - `${VAR}` as in Compose, unless Kong reads the file itself ([`is_kongs_own`]);
//! - types and fields that vv has never heard of: the gateway's schemas decide on them later.

mod fields;
mod header;
pub mod names;
mod own;
mod paths;
mod reader;
mod resolve;
pub(super) mod secrets;
pub(super) mod shape;
#[cfg(test)]
pub(crate) mod tests;
mod typed;
mod url;

use std::path::{Path, PathBuf};

pub use own::is_kongs_own;
pub use typed::typed;

use self::reader::Reader;
use super::declaration::Declaration;
use crate::stack::decode::{At, Sink};
use crate::stack::files::{Files, STDIN};
use crate::stack::merged::Env;
use crate::stack::node::{Node, Value};
use crate::stack::problem::{LoadError, Mark, Problem, Source};
use crate::stack::{Stack, beside};

/// What a stack declares with `x-vv.routes`; nothing where it declares none. Places are shown relative to `cwd`; `files`
/// must know embedded files ([`crate::stack::embedded::Layered`]).
///
/// # Errors
/// Everything that is wrong with the declaration.
pub fn declared(stack: &Stack, files: &dyn Files, cwd: &Path) -> Result<Option<Declaration>, LoadError> {
    let Some(path) = &stack.vv.routes else { return Ok(None) };
    let asked = stack.vv.routes_at.as_ref().map(|mark| (mark, "x-vv.routes"));
    let path = PathBuf::from(path);
    let env = (!is_kongs_own(stack, &path)).then_some(&stack.vv.variables);
    file(&path, asked, env, files, cwd).map(Some)
}

/// What a file declares, `--routes FILE`. A relative path starts from `cwd`; `-` is stdin. For one that Kong reads itself
/// there is [`read_as_is`].
///
/// # Errors
/// The file can't be read, or everything that is wrong with it.
pub fn read_file(path: &Path, env: &Env, files: &dyn Files, cwd: &Path) -> Result<Declaration, LoadError> {
    file(&absolute(path, cwd), None, Some(env), files, cwd)
}

/// What a file declares that Kong reads itself: `$` is left alone, and what only decK and vv know is an error.
///
/// # Errors
/// As [`read_file`].
pub fn read_as_is(path: &Path, files: &dyn Files, cwd: &Path) -> Result<Declaration, LoadError> {
    file(&absolute(path, cwd), None, None, files, cwd)
}

fn absolute(path: &Path, cwd: &Path) -> PathBuf {
    if path == Path::new(STDIN) { path.to_owned() } else { cwd.join(path) }
}

/// Without variables, it is a file that Kong reads itself.
fn file(
    path: &Path,
    asked: beside::Asked<'_>,
    env: Option<&Env>,
    files: &dyn Files,
    cwd: &Path,
) -> Result<Declaration, LoadError> {
    let read = match env {
        Some(env) => beside::read(path, asked, env, files, cwd),
        None => beside::read_as_is(path, asked, files, cwd),
    };
    let read = read.map_err(|error| secrets::cover(error, &[]))?;
    match &read.root {
        Some(root) if root.value != Value::Null => document(root, &read, env.is_none()),
        root => {
            let mark = root.as_ref().map_or_else(|| beginning(path, cwd), |root| root.mark.clone());
            let message = "the file declares nothing; '_format_version: \"3.0\"' alone declares that there is no entity";
            Err(LoadError::new(vec![Problem {
                mark: Some(mark),
                path: String::new(),
                message: message.to_owned(),
            }]))
        }
    }
}

fn beginning(path: &Path, cwd: &Path) -> Mark {
    let name = path.strip_prefix(cwd).unwrap_or(path).display().to_string();
    Mark { source: Source { name, text: String::new() }.into(), line: 1, column: 1 }
}

/// Reads the document whose root this is.
fn document(root: &Node, read: &beside::Beside, as_is: bool) -> Result<Declaration, LoadError> {
    let secrets = secrets::of(Some(root), &read.filled);
    let sink = Sink::default();
    let at = At::root(root, &sink);
    if !at.is_mapping() {
        at.expected("a mapping (_format_version: \"3.0\", services: …)");
        return Err(secrets::cover(LoadError::new(sink.into_parts().0), &secrets));
    }
    let mut reader = Reader::read(&at, &sink, as_is);
    resolve::references(&mut reader);
    resolve::labels(&mut reader);
    resolve::owners(&reader);
    resolve::duplicates(&reader);
    let hashed = reader.header.hashed;
    let Reader { mut entities, listed, .. } = reader;
    entities.iter_mut().for_each(|entity| entity.label = secrets::hide(&entity.label, &secrets));
    let (problems, noted) = sink.into_parts();
    if !problems.is_empty() {
        return Err(secrets::cover(LoadError::new(problems), &secrets));
    }
    let warnings =
        read.warnings.iter().chain(&noted).map(|warning| secrets::hide(warning, &secrets)).collect();
    Ok(Declaration { entities, listed, hashed, secrets, warnings, balanced: Vec::new() })
}

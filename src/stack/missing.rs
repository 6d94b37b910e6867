//! A file that isn't there, in words: what it was to be, where it was looked for, and what was perhaps meant.

use std::path::Path;

use super::files::Files;
use crate::failure::nearest;

/// What a file is to the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// One of the stack's own: `-f`, `COMPOSE_FILE`.
    Stack,
    /// Variables: `--env-file`, `COMPOSE_ENV_FILES`, an include's `env_file`.
    Env,
    /// One that another file names; the message has that place.
    Named,
}

/// Says that there is no file at this path.
pub(super) fn sentence(files: &dyn Files, path: &Path, role: Role) -> String {
    let what = match role {
        Role::Stack => "compose file",
        Role::Env => "env file",
        Role::Named => "file",
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let (Some(name), Some(folder)) = (name, path.parent()) else {
        return format!("there is no {what} {}", path.display());
    };
    let sentence = format!("there is no {what} {name} in {}", folder.display());
    if files.is_dir(path) {
        return format!("{} is a folder, and no {what}", path.display());
    }
    if !files.is_dir(folder) {
        return format!("{sentence}, which isn't there either");
    }
    let mut names = files.names(folder);
    names.sort();
    match nearest(&name, names.iter().map(String::as_str)) {
        Some(near) => format!("{sentence}; did you mean '{near}'?"),
        None => sentence,
    }
}

//! Which files make the stack, and the environment they are read with.

use std::path::{Path as FilePath, PathBuf};

use indexmap::IndexMap;

use super::files::STDIN;
use super::load::Loader;
use super::merged::{Env, Found};
use super::missing::Role;
use super::options::LoadOptions;
use super::{dotenv, embedded, paths};

/// In the order in which one is preferred.
const FILE_NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDE_NAMES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// The embedded stack that is used when nothing else is found.
const FALLBACK: &str = "valueverse";

/// The files of a stack.
pub(super) struct Discovered {
    pub found: Found,
    /// The embedded stack among them.
    pub stack: Option<String>,
    /// Absolute, or [`STDIN`]; at least one.
    pub files: Vec<PathBuf>,
    /// Absolute.
    pub project_dir: PathBuf,
    /// The process's environment over the env files.
    pub env: Env,
    /// Those that were named, absolute.
    pub env_files: Vec<PathBuf>,
    pub profiles: Vec<String>,
}

/// Looks in the order that the command line's help documents. Problems are noted; nothing when there is no stack.
pub(super) fn discover(options: &LoadOptions, loader: &mut Loader<'_>) -> Option<Discovered> {
    let absolute = |path: &FilePath| match path == FilePath::new(STDIN) {
        true => path.to_owned(),
        false => paths::clean(&options.cwd.join(path)),
    };
    let mut env = Env(options.env.clone());
    env.add([("PWD".to_owned(), options.cwd.to_string_lossy().into_owned())]);
    let env_files: Vec<PathBuf> = match options.env_files.is_empty() {
        false => options.env_files.iter().map(|path| absolute(path)).collect(),
        true => {
            let listed = options.env.get("COMPOSE_ENV_FILES").map(String::as_str).unwrap_or_default();
            listed
                .split(',')
                .filter(|path| !path.is_empty())
                .map(|path| absolute(FilePath::new(path)))
                .collect()
        }
    };
    let folder = options.project_directory.as_deref().map(absolute);
    let option_files: Vec<PathBuf> = options.files.iter().map(|path| absolute(path)).collect();

    // As Compose: the .env of the folder at hand may name the stack, whose own folder may have another one.
    let first_folder =
        folder.clone().or_else(|| folder_of(&option_files)).unwrap_or_else(|| options.cwd.clone());
    read_env_files(loader, &mut env, &env_files, &first_folder);
    let choice = choose(options, loader, &env, option_files, folder.as_deref())?;
    let project_dir = folder
        .or(choice.folder)
        .or_else(|| folder_of(&choice.files).filter(|_| choice.stack.is_none()))
        .unwrap_or_else(|| options.cwd.clone());
    if env_files.is_empty() && project_dir != first_folder {
        read_env_files(loader, &mut env, &env_files, &project_dir);
    }
    let profiles = match options.profiles.is_empty() {
        false => options.profiles.clone(),
        true => {
            let listed = env.get("COMPOSE_PROFILES").unwrap_or_default().split(',');
            listed.map(|profile| profile.trim().to_owned()).filter(|profile| !profile.is_empty()).collect()
        }
    };
    let Choice { found, stack, files, .. } = choice;
    Some(Discovered { found, stack, files, project_dir, env, env_files, profiles })
}

struct Choice {
    found: Found,
    stack: Option<String>,
    files: Vec<PathBuf>,
    /// That of a stack given as a folder.
    folder: Option<PathBuf>,
}

fn choose(
    options: &LoadOptions,
    loader: &mut Loader<'_>,
    env: &Env,
    option_files: Vec<PathBuf>,
    folder: Option<&FilePath>,
) -> Option<Choice> {
    let set = |name: &str| env.get(name).filter(|value| !value.is_empty());
    if let Some(stack) = &options.stack {
        let mut choice = named(loader, &options.cwd, stack, Found::StackOption)?;
        choice.files.extend(option_files);
        return Some(choice);
    }
    if !option_files.is_empty() {
        return Some(Choice { found: Found::FileOption, stack: None, files: option_files, folder: None });
    }
    if let Some(stack) = set("VV_STACK") {
        return named(loader, &options.cwd, stack, Found::StackVariable);
    }
    if let Some(listed) = set("COMPOSE_FILE") {
        let separator = set("COMPOSE_PATH_SEPARATOR").unwrap_or(":");
        let files = listed.split(separator).filter(|path| !path.is_empty()).map(|path| match path {
            STDIN => PathBuf::from(STDIN),
            path => paths::clean(&options.cwd.join(path)),
        });
        return Some(Choice {
            found: Found::FileVariable,
            stack: None,
            files: files.collect(),
            folder: None,
        });
    }
    for folder in folder.unwrap_or(&options.cwd).ancestors() {
        if let Some(files) = in_folder(loader, folder) {
            return Some(Choice { found: Found::Folder, stack: None, files, folder: None });
        }
    }
    named(loader, &options.cwd, FALLBACK, Found::Fallback)
}

/// `--stack`: an embedded stack's name, or a folder.
fn named(loader: &mut Loader<'_>, cwd: &FilePath, stack: &str, found: Found) -> Option<Choice> {
    if stack.contains('/') || stack.starts_with('.') {
        let folder = paths::clean(&cwd.join(stack));
        if let Some(files) = in_folder(loader, &folder) {
            return Some(Choice { found, stack: None, files, folder: Some(folder) });
        }
        let message = match loader.files.is_dir(&folder) {
            true => format!("there is no compose.yaml in {stack}"),
            false if loader.files.is_file(&folder) => format!("{stack} is a file; name it with -f"),
            false => format!("there is no folder {stack}"),
        };
        loader.findings.problem(None, "", message);
        return None;
    }
    let file = embedded::compose_file(stack);
    if loader.files.is_file(&file) {
        return Some(Choice { found, stack: Some(stack.to_owned()), files: vec![file], folder: None });
    }
    let names = embedded::names();
    let hint = match crate::failure::nearest(stack, names.iter().copied()) {
        Some(name) => format!("did you mean '{name}'?"),
        None if loader.files.is_dir(&cwd.join(stack)) => format!("a folder is named './{stack}'"),
        None => format!("there are {}", names.join(", ")),
    };
    loader.findings.problem(None, "", format!("there is no stack '{stack}'; {hint}"));
    None
}

/// The compose file of a folder, and its override.
fn in_folder(loader: &mut Loader<'_>, folder: &FilePath) -> Option<Vec<PathBuf>> {
    let mut files = Vec::new();
    for names in [FILE_NAMES, OVERRIDE_NAMES] {
        let there: Vec<PathBuf> =
            names.iter().map(|name| folder.join(name)).filter(|path| loader.files.is_file(path)).collect();
        if let [first, others @ ..] = there.as_slice() {
            if !others.is_empty() {
                let others: Vec<String> = others.iter().map(|path| loader.display(path)).collect();
                let warning = format!("{} is used, and not {}", loader.display(first), others.join(", "));
                loader.findings.warnings.push(warning);
            }
            files.push(first.clone());
        } else if files.is_empty() {
            return None;
        }
    }
    Some(files)
}

/// The first file's folder; stdin has none.
fn folder_of(files: &[PathBuf]) -> Option<PathBuf> {
    let file = files.iter().find(|file| *file != FilePath::new(STDIN) && !embedded::is_embedded(file))?;
    file.parent().map(FilePath::to_owned)
}

/// Adds the named env files' variables, or those of the folder's `.env`, where they aren't set already.
pub(super) fn read_env_files(loader: &mut Loader<'_>, env: &mut Env, named: &[PathBuf], folder: &FilePath) {
    let implicit = folder.join(".env");
    let disabled =
        || matches!(env.get("COMPOSE_DISABLE_ENV_FILE"), Some("1" | "t" | "T" | "true" | "TRUE" | "True"));
    let files = match named {
        [] if disabled() || !loader.files.is_file(&implicit) => return,
        [] => std::slice::from_ref(&implicit),
        named => named,
    };
    let mut variables = IndexMap::new();
    for file in files {
        let Some(source) = loader.read_text(file, Role::Env, None) else { continue };
        let lookup = |name: &str| env.get(name).map(str::to_owned);
        dotenv::parse_into(&source, &lookup, &mut variables, &mut loader.findings);
    }
    env.add(variables);
}

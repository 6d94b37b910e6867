//! `configs` and `secrets`: where their content comes from, and what a service puts where.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::context::{Context, declared};
use super::decode::{At, Fields, Keys};
use super::merged::VALUE_KEY;
use super::model::{FileMount, FileSource};
use super::mounts::mode;

const CONFIG: Keys = Keys {
    read: &["file", "content", "environment", "external", "name", VALUE_KEY],
    ignored: &["labels"],
    unsupported: &["template_driver"],
    extensions: true,
};
const SECRET: Keys = Keys {
    read: &["file", "environment", "external", "name", VALUE_KEY],
    ignored: &["labels"],
    unsupported: &["driver", "driver_opts", "template_driver"],
    extensions: true,
};
const USE: Keys = Keys::compose(&["source", "target", "uid", "gid", "mode"]);

/// A declared config or secret.
pub struct FileObject<'a> {
    at: At<'a>,
    origin: Origin,
}

enum Origin {
    File(PathBuf),
    Content(String),
    /// The variable's name and, when it is set, its value.
    Environment(String, Option<String>),
    External,
    /// What was wrong with it is already noted.
    Invalid,
}

/// `configs` or `secrets`
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `configs`
    Configs,
    /// `secrets`
    Secrets,
}

impl Section {
    /// The key in the document.
    pub fn key(self) -> &'static str {
        match self {
            Section::Configs => "configs",
            Section::Secrets => "secrets",
        }
    }

    fn one(self) -> &'static str {
        match self {
            Section::Configs => "config",
            Section::Secrets => "secret",
        }
    }

    /// Where a target that isn't absolute is meant to be.
    fn folder(self) -> &'static str {
        match self {
            Section::Configs => "/",
            Section::Secrets => "/run/secrets/",
        }
    }
}

/// The declared configs or secrets.
pub fn declarations<'a>(root: &Fields<'a>, section: Section) -> IndexMap<String, FileObject<'a>> {
    let Some(at) = root.get(section.key()) else { return IndexMap::new() };
    let object =
        |(name, at): (&str, At<'a>)| (name.to_owned(), FileObject { origin: origin(&at, section), at });
    at.named().into_iter().map(object).collect()
}

fn origin(at: &At<'_>, section: Section) -> Origin {
    let (keys, choices): (_, &[&'static str]) = match section {
        Section::Configs => (CONFIG, &["file", "content", "environment"]),
        Section::Secrets => (SECRET, &["file", "environment"]),
    };
    let list = choices.iter().map(|key| format!("'{key}'")).collect::<Vec<_>>().join(", ");
    let Some(fields) = at.fields(keys) else {
        if at.is_null() {
            at.problem(format!("needs one of {list}"));
        }
        return Origin::Invalid;
    };
    let external = fields.get("external").is_some_and(|at| at.is_mapping() || at.boolean() == Some(true));
    let given = fields.which(choices);
    match given[..] {
        [] if external => Origin::External,
        [_, ..] if external => {
            at.problem(format!("'external' and '{}' exclude each other", given[0]));
            Origin::Invalid
        }
        ["file"] => fields
            .get("file")
            .and_then(|at| at.text())
            .map_or(Origin::Invalid, |path| Origin::File(path.into())),
        ["content"] => fields.string("content").map_or(Origin::Invalid, Origin::Content),
        ["environment"] => match fields.get("environment").and_then(|at| at.text()) {
            Some(name) => Origin::Environment(name, fields.string(VALUE_KEY)),
            None => Origin::Invalid,
        },
        [] => {
            at.problem(format!("needs one of {list}"));
            Origin::Invalid
        }
        _ => {
            at.problem(format!("'{}' and '{}' exclude each other", given[0], given[1]));
            Origin::Invalid
        }
    }
}

impl FileObject<'_> {
    /// Where the content comes from, and the content; what is wrong with it is noted for the service that uses it.
    fn load(&self, context: &Context<'_>, section: Section) -> Option<(FileSource, Vec<u8>)> {
        match &self.origin {
            Origin::Invalid => None,
            Origin::Content(text) => Some((FileSource::Inline, text.clone().into_bytes())),
            Origin::Environment(name, value) => {
                let value = value.clone().or_else(|| context.variable(name));
                if value.is_none() {
                    self.at.problem_when_active(format!("the variable '{name}' is not set"));
                }
                Some((FileSource::Environment(name.clone()), value?.into_bytes()))
            }
            Origin::External => {
                let one = section.one();
                self.at.problem_when_active(format!("external {}s need Swarm; give the {one} a 'file'", one));
                None
            }
            Origin::File(path) => self.read(path, context),
        }
    }

    fn read(&self, path: &Path, context: &Context<'_>) -> Option<(FileSource, Vec<u8>)> {
        let embedded = path.to_string_lossy().starts_with("vv://");
        if !embedded && context.files.is_dir(path) {
            return Some((FileSource::Disk(path.to_owned()), Vec::new()));
        }
        match context.files.read(path) {
            Ok(content) if embedded => Some((FileSource::Embedded(path.to_owned()), content)),
            Ok(content) => Some((FileSource::Disk(path.to_owned()), content)),
            Err(error) => {
                let why = match error.kind() {
                    std::io::ErrorKind::NotFound => "it isn't there".to_owned(),
                    _ => error.to_string(),
                };
                self.at.problem_when_active(format!("can't read {}: {why}", path.display()));
                None
            }
        }
    }
}

/// The configs and secrets of a service. Of two at the same place the later counts.
pub fn mounts(service: &Fields<'_>, context: &Context<'_>) -> Vec<FileMount> {
    let mut files: Vec<FileMount> = Vec::new();
    for (section, objects) in [(Section::Configs, &context.configs), (Section::Secrets, &context.secrets)] {
        for at in service.get(section.key()).map(|at| at.items()).unwrap_or_default() {
            let Some(file) = mount(&at, section, objects, context) else { continue };
            match files.iter_mut().find(|known| known.target == file.target) {
                Some(known) => *known = file,
                None => files.push(file),
            }
        }
    }
    files
}

fn mount(
    at: &At<'_>,
    section: Section,
    objects: &IndexMap<String, FileObject<'_>>,
    context: &Context<'_>,
) -> Option<FileMount> {
    let fields = if at.is_text() { None } else { Some(at.fields(USE)?) };
    let (name, source_at) = match &fields {
        None => (at.text()?, at.clone()),
        Some(fields) => fields.required("source").and_then(|at| Some((at.text()?, at)))?,
    };
    let target = fields.as_ref().and_then(|fields| fields.get("target")).and_then(|at| at.text());
    let target = target.unwrap_or_else(|| name.clone());
    let target = if target.starts_with('/') { target } else { format!("{}{target}", section.folder()) };
    let text =
        |key: &str| fields.as_ref().and_then(|fields| fields.get(key)).and_then(|at| at.string_or_number());
    let (uid, gid) = (text("uid"), text("gid"));
    let mode = fields.as_ref().and_then(|fields| fields.get("mode")).and_then(|at| mode(&at));
    if !declared(&source_at, section.one(), &name, objects.keys().map(String::as_str)) {
        return None;
    }
    let (source, content) = objects.get(&name)?.load(context, section)?;
    Some(FileMount { name, secret: section == Section::Secrets, target, uid, gid, mode, source, content })
}

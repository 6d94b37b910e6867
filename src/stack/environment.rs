//! `env_file`, `environment` and `label_file`.

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;

use super::context::Context;
use super::decode::{At, Fields, Keys};
use super::{dotenv, read};

const ENV_FILE: Keys = Keys::compose(&["path", "required", "format"]);

/// The variables of a service: its env files in their order, then `environment` over them.
pub fn read(service: &Fields<'_>, context: &Context<'_>) -> BTreeMap<String, Option<String>> {
    let mut variables: IndexMap<String, Option<String>> = IndexMap::new();
    if let Some(at) = service.get("env_file") {
        let files = if at.is_list() { at.items() } else { vec![at] };
        for file in files {
            let found = env_file(&file, &variables, context);
            variables.extend(found.into_iter().map(|(name, value)| (name, Some(value))));
        }
    }
    if let Some(at) = service.get("environment") {
        for (name, value) in at.pairs() {
            if name.is_empty() || name.contains(['=', '\0']) {
                at.problem(format!("'{name}' isn't a variable's name"));
                continue;
            }
            let value = value.or_else(|| context.variable(&name));
            variables.insert(name, value);
        }
    }
    variables.into_iter().collect()
}

/// `label_file`s in their order, then `labels` over them.
pub fn labels(service: &Fields<'_>, context: &Context<'_>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    if let Some(at) = service.get("label_file") {
        let files = if at.is_list() { at.items() } else { vec![at] };
        for file in files {
            let Some(path) = file.text() else { continue };
            labels.extend(variables(&file, &path, Format::Compose, true, &IndexMap::new(), context));
        }
    }
    if let Some(at) = service.get("labels") {
        labels.extend(at.labels());
    }
    labels
}

#[derive(Clone, Copy, PartialEq)]
enum Format {
    /// Compose's: quotes, `${…}`.
    Compose,
    /// Everything after the first `=` as it stands.
    Raw,
}

fn env_file(
    at: &At<'_>,
    earlier: &IndexMap<String, Option<String>>,
    context: &Context<'_>,
) -> IndexMap<String, String> {
    if at.is_text() {
        let path = at.text().unwrap_or_default();
        return variables(at, &path, Format::Compose, true, earlier, context);
    }
    let Some(fields) = at.fields(ENV_FILE) else {
        if at.is_null() {
            at.expected("a path");
        }
        return IndexMap::new();
    };
    let required = fields.get("required").and_then(|at| at.boolean()).unwrap_or(true);
    let format = fields.get("format").and_then(|at| at.word(&[("raw", Format::Raw)]));
    let path = fields.required("path").and_then(|at| Some((at.text()?, at)));
    let Some((path, at)) = path else { return IndexMap::new() };
    variables(&at, &path, format.unwrap_or(Format::Compose), required, earlier, context)
}

fn variables(
    at: &At<'_>,
    path: &str,
    format: Format,
    required: bool,
    earlier: &IndexMap<String, Option<String>>,
    context: &Context<'_>,
) -> IndexMap<String, String> {
    if path.is_empty() || (!required && !context.files.is_file(Path::new(path))) {
        return IndexMap::new();
    }
    let bytes = match context.files.read(Path::new(path)) {
        Ok(bytes) => bytes,
        Err(error) => {
            let hint = if error.kind() == std::io::ErrorKind::NotFound {
                "it isn't there; set 'required: false' if it may be missing".into()
            } else {
                error.to_string()
            };
            at.problem_when_active(format!("can't read {path}: {hint}"));
            return IndexMap::new();
        }
    };
    let source = match read::source(path, bytes) {
        Ok(source) => source,
        Err(problem) => {
            at.pass_on_when_active([problem]);
            return IndexMap::new();
        }
    };
    if format == Format::Raw {
        return raw(&source.text);
    }
    let lookup = |name: &str| match earlier.get(name) {
        Some(Some(value)) => Some(value.clone()),
        _ => context.variable(name),
    };
    match dotenv::parse(&source, &lookup) {
        Ok(variables) => variables,
        Err(problems) => {
            at.pass_on_when_active(problems);
            IndexMap::new()
        }
    }
}

fn raw(text: &str) -> IndexMap<String, String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
        .collect()
}

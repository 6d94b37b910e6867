//! Tests of reading.

mod bad;
mod good;
mod recorded;
mod stacks;

use std::path::Path;

use super::read_file;
use crate::routes::declaration::{Declaration, Entity, To};
use crate::stack::files::Memory;
use crate::stack::merged::Env;
use crate::stack::problem::LoadError;

/// Reads a text as `kong.yml`, with variables.
pub fn read_with(text: &str, variables: &[(&str, &str)]) -> Result<Declaration, LoadError> {
    let files = Memory([("/w/kong.yml".into(), text.as_bytes().to_vec())].into());
    let env = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    read_file(Path::new("kong.yml"), &Env(env.collect()), &files, Path::new("/w"))
}

/// What a valid text declares, without the version, which is put in front.
pub fn declaration(text: &str) -> Declaration {
    read_with(&format!("_format_version: '3.0'\n{text}"), &[]).unwrap_or_else(|error| panic!("{error}"))
}

/// An entity a line.
pub fn told(declaration: &Declaration) -> String {
    let refers = |entity: &Entity| -> String {
        let to = |to: &To| match to {
            To::Declared(index) => format!("#{index}"),
            To::Id(id) => format!("id {id}"),
            To::Name(name) => format!("name {name}"),
        };
        entity
            .refers
            .iter()
            .map(|(field, other)| format!(" {field}→{} {}", other.kind, to(&other.to)))
            .collect()
    };
    let line = |(index, entity): (usize, &Entity)| {
        let id = entity.id.as_deref().map(|id| format!(" id={id}")).unwrap_or_default();
        let tags =
            if entity.tags.is_empty() { String::new() } else { format!(" [{}]", entity.tags.join(" ")) };
        let fields = serde_json::to_string(&entity.fields).unwrap_or_default();
        let mark = format!("{}:{}", entity.mark.line, entity.mark.column);
        format!("#{index} {} ({mark}){id}{tags}{} {fields}", entity.label, refers(entity))
    };
    let mut lines: Vec<String> = declaration.entities.iter().enumerate().map(line).collect();
    lines.extend(declaration.warnings.iter().map(|warning| format!("warning: {warning}")));
    lines.join("\n")
}

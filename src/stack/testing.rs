//! Helpers of this room's tests, and of others' that need a stack.

use std::path::PathBuf;

use super::document::{load_document, load_selected};
use super::embedded::Layered;
use super::files::Memory;
use super::model::{Service, Stack};
use super::options::LoadOptions;
use super::problem::LoadError;

/// The options of a stack in `/w/compose.yaml`.
pub fn options() -> LoadOptions {
    LoadOptions {
        files: vec![PathBuf::from("compose.yaml")],
        cwd: PathBuf::from("/w"),
        env: [("HOME", "/home/me"), ("SET", "from outside")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
        ..LoadOptions::default()
    }
}

/// Files below `/w`.
pub fn files(files: &[(&str, &str)]) -> Memory {
    Memory(
        files
            .iter()
            .map(|(name, text)| (PathBuf::from(format!("/w/{name}")), text.as_bytes().to_vec()))
            .collect(),
    )
}

/// The stack that this text is.
pub fn load(text: &str) -> Result<Stack, LoadError> {
    load_with(text, &[], &options(), &[])
}

/// The stack called `shop` that this text is.
pub fn shop(text: &str) -> Stack {
    let options = LoadOptions { project_name: Some("shop".to_owned()), ..options() };
    load_with(text, &[], &options, &[]).unwrap_or_else(|error| panic!("{error}"))
}

/// The stack that this text is, with further files, options and services named on the command line.
pub fn load_with(
    text: &str,
    further: &[(&str, &str)],
    options: &LoadOptions,
    named: &[&str],
) -> Result<Stack, LoadError> {
    let mut memory = files(further);
    memory.0.insert(PathBuf::from("/w/compose.yaml"), text.as_bytes().to_vec());
    let named: Vec<String> = named.iter().map(ToString::to_string).collect();
    load_selected(options, &Layered::new(&memory), &named)
}

/// A valid text's stack.
pub fn stack(text: &str) -> Stack {
    load(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The service `a` of a text that is the inside of `a:`.
pub fn service(text: &str) -> Service {
    let text: String = text.lines().map(|line| format!("    {line}\n")).collect();
    let mut stack = stack(&format!("services:\n  a:\n    image: x\n{text}"));
    stack.services.shift_remove("a").unwrap()
}

/// What is wrong with a text, a problem a line.
pub fn errors(text: &str) -> String {
    match load(text) {
        Ok(_) => "nothing".into(),
        Err(error) => error.to_string(),
    }
}

/// The resolved stack as Compose would print it, as YAML and as JSON.
pub fn configs(text: &str, further: &[(&str, &str)]) -> (String, String) {
    let mut memory = files(further);
    memory.0.insert(PathBuf::from("/w/compose.yaml"), text.as_bytes().to_vec());
    let document =
        load_document(&options(), &Layered::new(&memory)).unwrap_or_else(|error| panic!("{error}"));
    let stack = document.stack(&[]).unwrap_or_else(|error| panic!("{error}"));
    (super::config::yaml(&stack, &document), super::config::json(&stack, &document).unwrap())
}

/// The resolved stack as Compose would print it.
pub fn config(text: &str, further: &[(&str, &str)]) -> String {
    configs(text, further).0
}

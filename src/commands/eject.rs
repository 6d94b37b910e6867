//! `vv eject`: writes a built-in stack out, to be changed.

use std::path::{Path, PathBuf};

use clap::Args;

use super::complete;
use super::context::Context;
use crate::failure::{Failure, Kind, Result, nearest};
use crate::stack::embedded;

/// Write a built-in stack to a folder, to be changed
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv eject demo mine && vv --stack ./mine start")]
pub struct EjectArgs {
    /// The stack; `vv stacks` lists them
    #[arg(value_name = "STACK", add = complete::stacks())]
    name: String,
    /// Where to; a folder of the stack's name when absent
    dir: Option<PathBuf>,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
}

/// How a stack's own files name the templates, and how the ejected ones do.
const TEMPLATES: (&str, &str) = ("../../templates/", "./templates/");

/// Writes the stack and the templates; all of it or nothing.
pub fn run(context: &Context, args: EjectArgs) -> Result {
    let names = embedded::names();
    if !names.contains(&args.name.as_str()) {
        let failure = Failure::usage(format!("there is no built-in stack '{}'", args.name));
        return Err(match nearest(&args.name, names.iter().copied()) {
            Some(near) => failure.hint(format!("did you mean '{near}'?")),
            None => failure.hint(format!("the built-in stacks are {}", names.join(", "))),
        });
    }
    let dir = args.dir.unwrap_or_else(|| PathBuf::from(&args.name));
    let files: Vec<(PathBuf, Vec<u8>)> = files_of(&args.name)
        .into_iter()
        .map(|(path, content)| (dir.join(&path), relocated(&path, content)))
        .collect();
    if let Some((taken, _)) = files.iter().find(|(path, _)| !args.force && path.exists()) {
        return Err(Failure::new(
            Kind::Failed,
            format!("{} is there already; nothing was written", taken.display()),
        )
        .hint("--force overwrites"));
    }
    for (path, content) in &files {
        write(path, content)?;
    }
    context.printer.say(format_args!("wrote {} files to {}", files.len(), dir.display()));
    context.printer.say(format_args!("start it with: vv start --stack {}", as_stack(&dir)));
    Ok(())
}

/// The stack's own files and all templates, at the paths they get below the ejected folder.
fn files_of(stack: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let home = Path::new("stacks").join(stack);
    let own = embedded::files_below(&home);
    let own = own
        .into_iter()
        .filter_map(|(path, content)| Some((path.strip_prefix(&home).ok()?.to_owned(), content)));
    own.chain(embedded::files_below(Path::new("templates")))
        .map(|(path, content)| (path, content.to_vec()))
        .collect()
}

/// Templates move from the repository's root into the stack's own folder.
fn relocated(path: &Path, content: Vec<u8>) -> Vec<u8> {
    let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    match String::from_utf8(content) {
        Ok(text) if is_yaml => text.replace(TEMPLATES.0, TEMPLATES.1).into_bytes(),
        Ok(text) => text.into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

fn write(path: &Path, content: &[u8]) -> Result {
    let written =
        path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, content));
    written.map_err(|error| {
        Failure::from(anyhow::Error::new(error).context(format!("could not write {}", path.display())))
    })
}

/// A folder as `--stack` takes it: with a `/` or a leading `.`.
fn as_stack(dir: &Path) -> String {
    let text = dir.display().to_string();
    if text.contains('/') || text.starts_with('.') { text } else { format!("./{text}") }
}

//! What the shell's completion offers: services of the stack at hand, stacks, groups. It never fails and never
//! writes: what can't be loaded offers nothing.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};

use super::context::Context;
use super::help::TOPIC;
use crate::cli::{Cli, GlobalOptions};
use crate::stack::{Stack, embedded};

/// Offers services of the stack at hand, with their titles.
pub fn services() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        offer(current, |stack| {
            stack.services.values().map(|service| (service.name.clone(), service.vv.title.clone())).collect()
        })
    })
}

/// Offers `SERVICE=` of the stack at hand.
pub fn scalings() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        offer(current, |stack| {
            stack
                .services
                .keys()
                .flat_map(|name| [(name.clone(), None), (format!("{name}="), None)])
                .collect()
        })
    })
}

/// Offers groups of the stack at hand.
pub fn groups() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        offer(current, |stack| {
            let mut groups: Vec<String> =
                stack.services.values().filter_map(|service| service.vv.group.clone()).collect();
            groups.sort_unstable();
            groups.dedup();
            groups.into_iter().map(|group| (group, None)).collect()
        })
    })
}

/// Offers the profiles of the stack at hand.
pub fn profiles() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        offer(current, |stack| {
            let services = stack.services.values().chain(stack.inactive.values());
            let profiles: BTreeSet<&String> = services.flat_map(|service| &service.profiles).collect();
            profiles.into_iter().map(|profile| (profile.clone(), None)).collect()
        })
    })
}

/// Offers the built-in stacks; folders for what is a path.
pub fn stacks() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let text = current.to_string_lossy();
        match text.starts_with('.') || text.contains('/') {
            true => PathCompleter::dir().complete(current),
            false => among(current, embedded::names()),
        }
    })
}

/// Offers what there is help on: the subcommands and the topics.
pub fn topics() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let cli = Cli::command();
        let commands = cli.get_subcommands().filter(|command| !command.is_hide_set());
        let commands = commands
            .map(|command| CompletionCandidate::new(command.get_name()).help(command.get_about().cloned()));
        let offered = commands.chain([CompletionCandidate::new(TOPIC)]);
        let begins = |word: &OsStr| word.to_string_lossy().starts_with(&*current.to_string_lossy());
        offered.filter(|candidate| begins(candidate.get_value())).collect()
    })
}

fn among(current: &OsStr, words: Vec<&'static str>) -> Vec<CompletionCandidate> {
    let begins = |word: &&str| current.to_str().is_some_and(|current| word.starts_with(current));
    words.into_iter().filter(begins).map(CompletionCandidate::new).collect()
}

fn offer(
    current: &OsStr,
    words: impl Fn(&Stack) -> Vec<(String, Option<String>)>,
) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let (options, files) = options_so_far(std::env::args_os().filter_map(|word| word.into_string().ok()));
    let Ok(stack) = Context::new(options, files).load_quietly(&[]) else { return Vec::new() };
    words(&stack)
        .into_iter()
        .filter(|(word, _)| word.starts_with(current))
        .map(|(word, help)| CompletionCandidate::new(word).help(help.map(Into::into)))
        .collect()
}

/// The options that choose the stack, from the words typed so far: the completer gets only the word at hand, and a
/// half-typed command line doesn't parse.
fn options_so_far(words: impl Iterator<Item = String>) -> (GlobalOptions, Vec<PathBuf>) {
    let mut options = GlobalOptions { quiet: true, ..GlobalOptions::default() };
    let mut files = Vec::new();
    let mut words = words.skip_while(|word| word != "--").skip(2);
    let mut before_subcommand = true;
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
            _ => (word, None),
        };
        let mut value = || value.clone().or_else(|| words.next());
        match name.as_str() {
            "--stack" => options.stack = value(),
            "--env-file" => options.env_file.extend(value().map(PathBuf::from)),
            "--profile" => options.profile.extend(value()),
            "-p" | "--project-name" => options.project_name = value(),
            "--project-directory" => options.project_directory = value().map(PathBuf::from),
            "-f" | "--file" if before_subcommand => files.extend(value().map(PathBuf::from)),
            word if !word.starts_with('-') => before_subcommand = false,
            _ => {}
        }
    }
    (options, files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_options_that_choose_the_stack() {
        let words = "vv -- vv -f a.yml --stack=mes scale -p two --env-file x.env -f b.yml calc";
        let (options, files) = options_so_far(words.split(' ').map(str::to_owned));
        assert_eq!(options.stack.as_deref(), Some("mes"));
        assert_eq!(options.project_name.as_deref(), Some("two"));
        assert_eq!(options.env_file, [PathBuf::from("x.env")]);
        assert_eq!(files, [PathBuf::from("a.yml")], "after the subcommand -f is the subcommand's");
    }
}

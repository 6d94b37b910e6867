//! Commands in hints as they can be typed. Hints come from rooms that don't know how the stack was chosen: `vv logs a`
//! means another stack to who had typed `vv -f other.yml start`.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::cli::GlobalOptions;

/// The options that chose the stack, quoted for a shell.
static CHOSEN: OnceLock<String> = OnceLock::new();

/// The subcommands that mean a stack; `vv version` is the same for all.
const OF_A_STACK: [&str; 22] = [
    "build",
    "pull",
    "start",
    "up",
    "stop",
    "down",
    "restart",
    "reset",
    "status",
    "ps",
    "scale",
    "health",
    "doctor",
    "why",
    "logs",
    "urls",
    "init-topics",
    "setup-routes",
    "plan",
    "config",
    "exec",
    "run",
];

/// Remembers the options for the whole process.
pub fn remember(options: &GlobalOptions, files: &[PathBuf]) {
    // A process has one command line; whoever comes second has the same.
    let _ = CHOSEN.set(chosen(options, files));
}

/// This text with the options in each of its commands.
pub fn typed(text: &str) -> Cow<'_, str> {
    match CHOSEN.get() {
        Some(options) => with_options(text, options),
        None => Cow::Borrowed(text),
    }
}

/// The same, in place.
pub fn retype(text: &mut String) {
    if let Cow::Owned(changed) = typed(text) {
        *text = changed;
    }
}

/// The options as they were given, quoted for a shell.
fn chosen(options: &GlobalOptions, files: &[PathBuf]) -> String {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let mut words: Vec<(&str, String)> = Vec::new();
    words.extend(files.iter().map(|file| ("-f", text(file))));
    words.extend(options.stack.iter().map(|stack| ("--stack", stack.clone())));
    words.extend(options.project_name.iter().map(|name| ("-p", name.clone())));
    words.extend(options.env_file.iter().map(|file| ("--env-file", text(file))));
    words.extend(options.project_directory.iter().map(|folder| ("--project-directory", text(folder))));
    words.extend(options.profile.iter().map(|profile| ("--profile", profile.clone())));
    words.extend(options.port_offset.iter().map(|offset| ("--port-offset", offset.to_string())));
    let quoted = words.iter().map(|(option, value)| {
        // No argument of a process has a NUL in it, which is all that can't be quoted.
        let value = shlex::try_quote(value).unwrap_or(Cow::Borrowed(value));
        format!("{option} {value}")
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Puts the options behind each `vv` that a subcommand follows. One that names its own stack (`vv -p other down`,
/// `vv down --stack demo`) stays as it is.
fn with_options<'a>(text: &'a str, options: &str) -> Cow<'a, str> {
    if options.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut changed = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("vv ") {
        let (before, from) = rest.split_at(at);
        let (vv, after) = from.split_at("vv".len());
        let begins = before.chars().next_back().or(changed.chars().next_back());
        let begins = begins.is_none_or(|letter| letter.is_whitespace() || "`('\"".contains(letter));
        changed.push_str(before);
        changed.push_str(vv);
        if begins && means_a_stack(after) && !names_a_stack(after) {
            changed.push(' ');
            changed.push_str(options);
        }
        rest = after;
    }
    if changed.is_empty() {
        return Cow::Borrowed(text);
    }
    changed.push_str(rest);
    Cow::Owned(changed)
}

/// Whether a subcommand stands at the beginning.
fn means_a_stack(after: &str) -> bool {
    let of_a_name = |letter: char| letter.is_ascii_alphabetic() || letter == '-';
    let word = after.trim_start().split(|letter: char| !of_a_name(letter)).next();
    word.is_some_and(|word| OF_A_STACK.contains(&word))
}

/// Whether the command, as far as it goes, says itself which stack it means.
fn names_a_stack(after: &str) -> bool {
    let command = after.split(['`', ';', ',', ')']).next().unwrap_or(after);
    command.split_whitespace().any(|word| matches!(word, "--stack" | "-p"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_the_options_where_a_command_is() {
        for (text, wanted) in [
            ("vv logs a", "vv -f x.yml logs a"),
            ("`vv logs a` shows all of its output", "`vv -f x.yml logs a` shows all of its output"),
            (
                "vv logs a shows why; vv start a starts it again",
                "vv -f x.yml logs a shows why; vv -f x.yml start a starts it again",
            ),
            ("(look: vv why a)", "(look: vv -f x.yml why a)"),
            ("web-1: vv logs web", "web-1: vv -f x.yml logs web"),
            ("vv health\nvv status", "vv -f x.yml health\nvv -f x.yml status"),
            ("vv -p other down", "vv -p other down"),
            ("vv down --stack demo", "vv down --stack demo"),
            ("`vv help` lists the subcommands", "`vv help` lists the subcommands"),
            ("`vv stacks` lists them", "`vv stacks` lists them"),
            (
                "topics aren't applied: `vv init-topics` does",
                "topics aren't applied: `vv -f x.yml init-topics` does",
            ),
            ("vv init-topics --check shows each", "vv -f x.yml init-topics --check shows each"),
            ("vv init tells nothing", "vv init tells nothing"),
            ("docker run localhost/vv stop", "docker run localhost/vv stop"),
            ("a bug in vv at start", "a bug in vv at start"),
            ("maxvv logs", "maxvv logs"),
            ("vv", "vv"),
            ("", ""),
        ] {
            assert_eq!(with_options(text, "-f x.yml"), wanted);
            assert_eq!(with_options(text, ""), text);
        }
    }

    #[test]
    fn repeats_what_chose_the_stack() {
        let options = GlobalOptions {
            stack: Some("./my stack".into()),
            project_name: Some("x".into()),
            env_file: vec!["a.env".into(), "b$.env".into()],
            project_directory: Some("..".into()),
            profile: vec!["dev".into()],
            port_offset: Some(0),
            quiet: true,
            ..GlobalOptions::default()
        };
        assert_eq!(
            chosen(&options, &["a.yml".into(), "it's.yml".into()]),
            "-f a.yml -f \"it's.yml\" --stack './my stack' -p x --env-file a.env --env-file 'b$.env' \
             --project-directory .. --profile dev --port-offset 0"
        );
        assert_eq!(chosen(&GlobalOptions::default(), &[]), "");
    }
}

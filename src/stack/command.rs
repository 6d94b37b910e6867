//! `command` and `entrypoint`: a list, or one string that is split into words.

use super::decode::At;
use super::words;

/// The words of a command; an empty list clears the image's own, null keeps it.
pub fn read(at: &At<'_>) -> Option<Vec<String>> {
    if at.is_list() {
        return Some(at.items().iter().filter_map(At::string).collect());
    }
    if !at.is_text() {
        at.expected("a list or a string");
        return None;
    }
    let line = at.string()?;
    let Some(split) = words::split(&line) else {
        at.problem("this command line can't be split into words: a quote or a bracket isn't closed");
        return None;
    };
    if let Some(dropped) = split.dropped {
        let start: String = dropped.chars().take(2).collect();
        at.warn(format!(
            "no shell runs this, so everything from '{}' on is dropped, as in Compose; to use a shell, write \
             [sh, -c, \"…\"]",
            start.trim()
        ));
    }
    Some(split.words)
}

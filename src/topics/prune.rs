//! Which undeclared topics a pattern means (`--prune 'old-*'`). Pure; [`super::apply::prune`] deletes them.

use std::fmt;

use globset::{ErrorKind, GlobBuilder};

/// A pattern that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPattern {
    pattern: String,
    why: String,
}

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' isn't a pattern of topics' names: {}", self.pattern, self.why)
    }
}

impl std::error::Error for BadPattern {}

/// The undeclared topics ([`super::plan::TopicPlan::undeclared`]) whose whole name matches: `*` is any text, `?` any
/// letter, `[a-c]` one of these, `{a,b}` one or the other. Kafka's own topics and vv's never are among them.
///
/// # Errors
/// The pattern is empty, or has a bracket that isn't closed.
pub fn matching(undeclared: &[String], pattern: &str) -> Result<Vec<String>, BadPattern> {
    let bad = |why: String| BadPattern { pattern: pattern.to_owned(), why };
    if pattern.is_empty() {
        return Err(bad("it is empty; '*' is every topic".to_owned()));
    }
    // A topic's name has no backslash, so one only hides a typo.
    let glob = GlobBuilder::new(pattern).backslash_escape(false).build();
    let matcher = glob.map_err(|error| bad(said(error.kind()))).map(|glob| glob.compile_matcher())?;
    Ok(undeclared.iter().filter(|name| matcher.is_match(name.as_str())).cloned().collect())
}

fn said(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::UnclosedClass => "a '[' is never closed".to_owned(),
        ErrorKind::UnclosedAlternates => "a '{' is never closed".to_owned(),
        ErrorKind::UnopenedAlternates => "a '}' was never opened".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::matching;

    #[test]
    fn the_whole_name_must_match() {
        let names = ["old", "old-1", "old-22", "bold-1", "Old-1", "a.b"].map(str::to_owned);
        for (pattern, wanted) in [
            ("old", "old"),
            ("old-*", "old-1 old-22"),
            ("old-?", "old-1"),
            ("*", "old old-1 old-22 bold-1 Old-1 a.b"),
            ("**", "old old-1 old-22 bold-1 Old-1 a.b"),
            ("{old,a.*}", "old a.b"),
            ("[Oo]ld-1", "old-1 Old-1"),
            ("a_b", ""),
            ("none*", ""),
        ] {
            assert_eq!(matching(&names, pattern).unwrap().join(" "), wanted, "{pattern}");
        }
        let bad: Vec<String> = ["", "old-[", "{a", "a}", "[z-a]"]
            .map(|pattern| matching(&names, pattern).unwrap_err().to_string())
            .into();
        insta::assert_snapshot!(bad.join("\n"));
    }
}

//! `.dockerignore`: which files of a build context the engine isn't sent. Pure. The rules are those of
//! <https://docs.docker.com/build/concepts/context/#dockerignore-files>.

use regex::bytes::Regex;

/// The patterns of a file, in its order: the last that matches decides.
#[derive(Debug, Default)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    regex: Regex,
    /// `!pattern`: not ignored after all.
    included: bool,
}

impl Ignore {
    /// Reads a file's text.
    ///
    /// # Errors
    /// Words for the first pattern that can't be understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut patterns = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let line = line.trim();
            let (included, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let pattern = clean(pattern);
            if pattern.is_empty() {
                continue;
            }
            let regex = Regex::new(&translate(&pattern))
                .map_err(|_| format!("'{line}' in the .dockerignore can't be understood"))?;
            patterns.push(Pattern { regex, included });
        }
        Ok(Self { patterns })
    }

    /// Whether this path (relative, with slashes) is left out. A pattern that matches a folder matches all in it.
    pub fn ignores(&self, path: &str) -> bool {
        let mut ignored = false;
        for pattern in &self.patterns {
            if ignored == pattern.included && pattern.matches(path) {
                ignored = !pattern.included;
            }
        }
        ignored
    }

    /// Whether something below an ignored folder may be included again, so that it must be entered.
    pub fn enters_ignored(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.included)
    }
}

impl Pattern {
    fn matches(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(index, _)| index).chain([path.len()]);
        ends.into_iter().any(|end| self.regex.is_match(&path.as_bytes()[..end]))
    }
}

/// The path without `.`, `..`, doubled slashes, and one at the start or end.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A pattern as a regular expression over a whole path.
fn translate(pattern: &str) -> String {
    let mut out = String::from("(?s-u)^");
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                while chars.next_if_eq(&'*').is_some() {}
                // `**/` is `**`.
                let slash = chars.next_if_eq(&'/').is_some();
                out.push_str(if chars.peek().is_none() && !slash { ".*" } else { "(?:.*/)?" });
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => class(&mut chars, &mut out),
            '\\' => {
                if let Some(next) = chars.next() {
                    out.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
                }
            }
            c => out.push_str(&literal(c)),
        }
    }
    out.push('$');
    out
}

fn literal(c: char) -> String {
    // Bytes, not characters: a path needn't be UTF-8, and a character beyond ASCII is a row of bytes.
    if c.is_ascii() {
        regex::escape(c.encode_utf8(&mut [0; 4]))
    } else {
        c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\x{byte:02x}")).collect()
    }
}

/// `[a-z]`, `[^a]`; an unclosed one stays as it is, and is refused as a pattern.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    out.push('[');
    for c in chars.by_ref() {
        match c {
            ']' => {
                out.push(']');
                return;
            }
            '[' | '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_ignored_as_documented() {
        let table = [
            ("*/temp*", "somedir/temporary.txt", true),
            ("*/temp*", "somedir/temp", true),
            ("*/temp*", "temp", false),
            ("*/*/temp*", "somedir/sub/temporary.txt", true),
            ("temp?", "tempa", true),
            ("temp?", "a/tempa", false),
            ("**/*.go", "main.go", true),
            ("**/*.go", "a/b/main.go", true),
            ("*.md", "README.md", true),
            ("*.md", "docs/README.md", false),
            ("/node_modules", "node_modules/x/y", true),
            ("node_modules/", "node_modules/x", true),
            ("node_modules", "web/node_modules/x", false),
            ("**/node_modules", "web/node_modules/x", true),
            ("a/**", "a/b/c", true),
            ("a/**", "a", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("*.md\n!README.md", "README.md", false),
            ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true),
            ("# x\n\n  *.log  ", "a.log", true),
            ("#x", "#x", false),
            ("./a/../b", "b", true),
            ("a.b", "axb", false),
            ("[ab].txt", "a.txt", true),
            ("[^ab].txt", "c.txt", true),
            ("[^ab].txt", "a.txt", false),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("*\n!src", "src/main.rs", false),
            ("*\n!src", "Cargo.toml", true),
            ("ü?", "üa", true),
            ("(x)+", "(x)+", true),
        ];
        for (patterns, path, expected) in table {
            assert_eq!(Ignore::parse(patterns).unwrap().ignores(path), expected, "{patterns:?} on {path}");
        }
    }

    #[test]
    fn a_broken_pattern_is_named() {
        let error = Ignore::parse("ok\n[a-").unwrap_err();
        assert_eq!(error, "'[a-' in the .dockerignore can't be understood");
    }
}

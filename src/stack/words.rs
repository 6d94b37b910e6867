//! Splitting a command line into words, by the rules that Compose has: those of mattn/go-shellwords, not a shell's.

/// The words of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The words.
    pub words: Vec<String>,
    /// What stands from the first unquoted `;`, `&`, `|`, `<` or `>` on. No shell runs the command, so Compose
    /// drops it.
    pub dropped: Option<String>,
}

/// Splits a command line. Quotes group, a backslash makes the next character an ordinary one (not within single
/// quotes), `$(…)` and backquotes stay one word and are not run. Nothing when a quote isn't closed.
pub fn split(line: &str) -> Option<Words> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut started = false;
    let mut quote = Quote::None;
    let mut escaped = false;
    for (index, c) in line.char_indices() {
        if escaped {
            word.push(c);
            escaped = false;
            started = true;
            continue;
        }
        match (c, quote) {
            ('\\', Quote::Single) => word.push(c),
            ('\\', _) => {
                escaped = true;
                continue;
            }
            (' ' | '\t' | '\r' | '\n', Quote::None) => {
                if started {
                    words.push(std::mem::take(&mut word));
                    started = false;
                }
                continue;
            }
            ('"', Quote::None) => quote = Quote::Double,
            ('"', Quote::Double) => quote = Quote::None,
            ('\'', Quote::None) => quote = Quote::Single,
            ('\'', Quote::Single) => quote = Quote::None,
            ('`', Quote::None) => {
                quote = Quote::Back;
                word.push(c);
            }
            ('`', Quote::Back) => {
                quote = Quote::None;
                word.push(c);
            }
            ('(', Quote::None) if word.ends_with('$') => {
                quote = Quote::Dollar;
                word.push(c);
            }
            ('(' | ')', Quote::None) => return None,
            (')', Quote::Dollar) => {
                quote = Quote::None;
                word.push(c);
            }
            (';' | '&' | '|' | '<' | '>', Quote::None) => {
                // `2>` is a redirection of its own, not a word that ends in a number.
                let redirected = c == '>' && word.starts_with(|first: char| first.is_ascii_digit());
                if started && !redirected {
                    words.push(word);
                }
                return Some(Words { words, dropped: Some(line[index..].to_owned()) });
            }
            _ => word.push(c),
        }
        started = true;
    }
    if escaped || quote != Quote::None {
        return None;
    }
    if started {
        words.push(word);
    }
    Some(Words { words, dropped: None })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
    Back,
    Dollar,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_compose_does() {
        let cases: [(&str, Option<&[&str]>); 15] = [
            ("", Some(&[])),
            ("  a   b ", Some(&["a", "b"])),
            (r#"sh -c "exec x 'y z'""#, Some(&["sh", "-c", "exec x 'y z'"])),
            (r"a\ b \t c", Some(&["a b", "t", "c"])),
            (r"'a\b'", Some(&[r"a\b"])),
            (r#""a\"b""#, Some(&[r#"a"b"#])),
            (r#"a "" b"#, Some(&["a", "", "b"])),
            (r#"--x="1 2"'3'"#, Some(&["--x=1 23"])),
            ("$(a b) `q w`", Some(&["$(a b)", "`q w`"])),
            ("echo # no comment", Some(&["echo", "#", "no", "comment"])),
            ("(a b)", None),
            ("\"open", None),
            ("'open", None),
            ("open\\", None),
            ("a $HOME", Some(&["a", "$HOME"])),
        ];
        for (line, wanted) in cases {
            let words = split(line).map(|split| split.words);
            assert_eq!(
                words.as_deref(),
                wanted.map(|w| w.iter().map(ToString::to_string).collect::<Vec<_>>()).as_deref(),
                "{line}"
            );
        }
    }

    #[test]
    fn what_a_shell_would_do_is_dropped_and_said() {
        let cases: [(&str, &[&str], &str); 4] = [
            ("echo a && echo b", &["echo", "a"], "&& echo b"),
            ("a;b", &["a"], ";b"),
            ("run 2>/dev/null", &["run"], ">/dev/null"),
            ("run x>y", &["run", "x"], ">y"),
        ];
        for (line, words, dropped) in cases {
            let split = split(line).unwrap();
            assert_eq!(split.words, words, "{line}");
            assert_eq!(split.dropped.as_deref(), Some(dropped), "{line}");
        }
    }
}

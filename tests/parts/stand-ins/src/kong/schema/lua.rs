//! Lua's patterns, in which Kong's schemas say what texts must look like.

use fancy_regex::Regex;

/// Whether a text has a place that fits a Lua pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    // Those of the schemas all translate: a test goes through them.
    Regex::new(&translated(pattern)).is_ok_and(|regex| regex.is_match(text).unwrap_or(false))
}

/// The same as a regular expression. Captures, `%b` and `%f` are in no schema.
fn translated(pattern: &str) -> String {
    let mut regex = String::from("(?s)");
    let mut chars = pattern.chars().peekable();
    let mut in_set = false;
    let mut first = true;
    // Whether a quantifier may follow; behind another one, `-` stands for itself.
    let mut atom = false;
    while let Some(char) = chars.next() {
        match char {
            '%' => {
                let class = chars.next().unwrap_or('%');
                regex.push_str(&match (class, in_set) {
                    ('a', false) => "[A-Za-z]".to_owned(),
                    ('a', true) => "A-Za-z".to_owned(),
                    ('u', false) => "[A-Z]".to_owned(),
                    ('u', true) => "A-Z".to_owned(),
                    ('l', false) => "[a-z]".to_owned(),
                    ('l', true) => "a-z".to_owned(),
                    ('w', false) => "[A-Za-z0-9]".to_owned(),
                    ('w', true) => "A-Za-z0-9".to_owned(),
                    ('x', false) => "[A-Fa-f0-9]".to_owned(),
                    ('p', false) => "[[:punct:]]".to_owned(),
                    ('p', true) => "[:punct:]".to_owned(),
                    ('d' | 's', _) => format!("\\{class}"),
                    (literal, _) => fancy_regex::escape(&literal.to_string()).into_owned(),
                });
            }
            '[' if !in_set => {
                in_set = true;
                regex.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    regex.push('^');
                }
            }
            ']' if in_set => {
                in_set = false;
                regex.push(']');
            }
            // Behind a single character or a set: as few of it as possible.
            '-' if !in_set && atom => regex.push_str("*?"),
            '-' if in_set => regex.push('-'),
            '^' if first => regex.push('^'),
            '$' if chars.peek().is_none() => regex.push_str("\\z"),
            '*' | '+' | '?' | '.' if !in_set => regex.push(char),
            other => regex.push_str(&fancy_regex::escape(&other.to_string())),
        }
        let quantified = matches!(char, '*' | '+' | '?' | '^') || (char == '-' && atom);
        atom = !quantified;
        first = false;
    }
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_the_schemas() {
        for (pattern, fits, fails) in [
            ("^%u+$", "GET", "get"),
            ("^[a-z][a-z%d-]-[a-z%d]+$", "my-env2", "My"),
            ("^[^*&%%\\`]+$", "/tmp/x.log", "/tmp/*"),
            ("^[^:]+:.*$", "X-A:1", "no-colon"),
            ("//", "/a//b", "/a/b"),
            ("^%*%.", "*.a", "a.*"),
            ("^[Hh][Oo][Ss][Tt]$", "Host", "Hosts"),
            ("^[^*]*%*?[^*]*$", "*.a", "*.a.*"),
            ("^~/", "~/a", "/a"),
        ] {
            assert!(matches(pattern, fits) && !matches(pattern, fails), "{pattern}");
        }
    }

    #[test]
    fn every_pattern_of_the_schemas_translates() {
        fn walk(value: &serde_json::Value) {
            for (key, value) in value.as_object().into_iter().flatten() {
                let patterns = match (key.as_str(), value) {
                    ("match" | "pattern", serde_json::Value::String(pattern)) => vec![pattern.clone()],
                    ("patterns", list) => {
                        list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
                    }
                    _ => Vec::new(),
                };
                for pattern in patterns {
                    assert!(Regex::new(&translated(&pattern)).is_ok(), "{pattern}: {}", translated(&pattern));
                }
                walk(value);
            }
            value.as_array().into_iter().flatten().for_each(walk);
        }
        walk(&super::super::RECORDED);
    }
}

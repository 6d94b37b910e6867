//! What is wrong with a stack's text, and where.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::secret::first_look;

/// A text that was read, kept for error messages.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The name shown in messages: a path, or `vv://mes/compose.yaml`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A place in a text.
#[derive(Clone, PartialEq, Eq)]
pub struct Mark {
    /// The text.
    pub source: Arc<Source>,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.line, self.column)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, when it has a place in a text.
    pub mark: Option<Mark>,
    /// The path in the document, as `services.kong.prots`; empty at the root.
    pub path: String,
    /// What is wrong: `unknown key; did you mean 'ports'?`
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(mark) = &self.mark {
            write!(f, "{mark}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl Problem {
    /// The line of the text with a caret below the place, as two lines; empty without a place. A line that may
    /// hold a secret (`… PASSWORD: …`, `scheme://user:…`) is cut before it.
    pub fn excerpt(&self) -> Vec<String> {
        let Some(mark) = &self.mark else { return Vec::new() };
        let Some(line) = mark.source.text.lines().nth(mark.line - 1) else { return Vec::new() };
        let number = mark.line.to_string();
        let indent = " ".repeat(number.len());
        vec![
            format!("  {number} | {}", without_secrets(line)),
            format!("  {indent} | {}^", " ".repeat(mark.column.saturating_sub(1))),
        ]
    }
}

/// The line up to where a secret may start.
fn without_secrets(line: &str) -> Cow<'_, str> {
    match first_look(line) {
        Some(start) => format!("{} …", line[..start].trim_end()).into(),
        None => line.into(),
    }
}

/// Everything that is wrong with a stack, found in one load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl LoadError {
    /// These problems in the order of their places, each once.
    pub fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| {
            let place = |problem: &Problem| {
                problem.mark.as_ref().map(|mark| (mark.source.name.clone(), mark.line, mark.column))
            };
            place(a).cmp(&place(b))
        });
        problems.dedup();
        Self { problems }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn excerpts_end_before_a_secret() {
        for (line, shown) in [
            ("      DB_PASSWORD: hunter2", "      DB_PASSWORD: …"),
            ("      - Api_Key=hunter2 # x", "      - Api_Key= …"),
            ("  environment: {A: 1, JWT_SECRET: hunter2, B: 2}", "  environment: {A: 1, JWT_SECRET: …"),
            ("  DSN: postgres://me:hunter2@db/x", "  DSN: postgres://me: …"),
            ("  PASSWORD:", "  PASSWORD:"),
            ("  DB_PWD: hunter2", "  DB_PWD: …"),
            ("  - ENCRYPTION_KEY=hunter2", "  - ENCRYPTION_KEY= …"),
            ("  PASSWORD_FILE: /run/secrets/x", "  PASSWORD_FILE: /run/secrets/x"),
            ("  secrets: [db_password]", "  secrets: [db_password]"),
            ("  image: https://host:80/x", "  image: https://host:80/x"),
            ("  ä: ß", "  ä: ß"),
        ] {
            assert_eq!(without_secrets(line), shown);
        }
    }
}

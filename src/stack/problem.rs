//! What is wrong with a stack's text, and where.

use std::fmt;
use std::sync::Arc;

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
    /// hold a secret (`… PASSWORD: …`) is cut after its key.
    pub fn excerpt(&self) -> Vec<String> {
        let Some(mark) = &self.mark else { return Vec::new() };
        let Some(line) = mark.source.text.lines().nth(mark.line - 1) else { return Vec::new() };
        let number = mark.line.to_string();
        let indent = " ".repeat(number.len());
        vec![
            format!("  {number} | {line}"),
            format!("  {indent} | {}^", " ".repeat(mark.column.saturating_sub(1))),
        ]
    }
}

/// Everything that is wrong with a stack, found in one load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// At least one.
    pub problems: Vec<Problem>,
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

//! What a load has come across so far, and the way through a document.

use std::collections::BTreeSet;
use std::fmt;

use super::merged::ImageVariables;
use super::port_offset::PortVariables;
use super::problem::{Mark, Problem};

/// What stands before the name in the warning of a variable that isn't set …
const UNSET_BEFORE: &str = ": the variable '";
/// … and after it.
const UNSET_AFTER: &str = "' is not set and becomes an empty text";

/// The place and the name, of a warning ([`super::Stack::warnings`]) that says that a variable isn't set.
pub fn unset_variable(warning: &str) -> Option<(&str, &str)> {
    warning.strip_suffix(UNSET_AFTER)?.split_once(UNSET_BEFORE)
}

/// Collected over all files of a load.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What is worth saying.
    pub warnings: Vec<String>,
    /// What the `*_PORT` variables are used for.
    pub ports: PortVariables,
    /// The variables that are a service's whole image.
    pub images: ImageVariables,
    /// Variables that were already said to be unset.
    unset: BTreeSet<String>,
}

impl Findings {
    /// Notes a problem.
    pub fn problem(&mut self, mark: Option<Mark>, path: impl fmt::Display, message: impl Into<String>) {
        let problem = Problem { mark, path: path.to_string(), message: message.into() };
        // The same text may be read twice: by two includes, or once for each service that extends it.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Notes a variable that isn't set; each is said once.
    pub fn unset(&mut self, name: &str, mark: &Mark) {
        if self.unset.insert(name.to_owned()) {
            self.warnings.push(format!("{mark}{UNSET_BEFORE}{name}{UNSET_AFTER}"));
        }
    }
}

/// A path in a document: keys, and indices as `[3]`.
#[derive(Debug, Clone, Default)]
pub struct Path(Vec<String>);

impl Path {
    /// One level down, into this key.
    pub fn key(&mut self, key: &str) -> &mut Self {
        self.0.push(key.to_owned());
        self
    }

    /// One level down, into this item.
    pub fn item(&mut self, index: usize) -> &mut Self {
        self.0.push(format!("[{index}]"));
        self
    }

    /// One level up.
    pub fn up(&mut self) {
        self.0.pop();
    }

    /// The segments, for matching.
    pub fn parts(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

impl<const N: usize> From<[&str; N]> for Path {
    fn from(parts: [&str; N]) -> Self {
        Self(parts.iter().map(ToString::to_string).collect())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            if index > 0 && !part.starts_with('[') {
                f.write_str(".")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

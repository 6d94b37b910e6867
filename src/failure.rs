//! What went wrong, as the user sees it: one error, its causes, and what to type next.

use std::fmt;

use crate::engine::EngineError;
use crate::plan::PlanError;
use crate::probe::Secrets;

/// What kind of failure it is; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something failed, is unhealthy, or `--check` found a difference.
    Failed,
    /// The command line is wrong, or names a service that isn't there.
    Usage,
    /// The stack's files are invalid.
    InvalidStack,
    /// The container engine can't be reached.
    EngineUnreachable,
    /// A backend (Kong, Kafka, Consul, …) refused.
    Backend,
    /// Not ready in time.
    NotReady,
    /// Interrupted by a signal.
    Interrupted,
    /// A command that ran in a container ended with this code, which becomes vv's own.
    Command(u8),
}

impl Kind {
    /// The process exit code (`vv help exit-codes` documents them).
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::InvalidStack => 3,
            Kind::EngineUnreachable => 4,
            Kind::Backend => 5,
            Kind::NotReady => 6,
            Kind::Interrupted => 130,
            Kind::Command(code) => code,
        }
    }
}

/// A failure on its way to the user. Printed once, by `main`.
#[derive(Debug)]
pub struct Failure {
    /// Decides the exit code.
    pub kind: Kind,
    /// What was attempted, and the chain of causes below it.
    pub error: anyhow::Error,
    /// The next commands to type.
    pub hints: Vec<String>,
    /// Lines shown below the error as they are (a source excerpt, a container's last output).
    pub details: Vec<String>,
    /// True where the command has already shown all there is to say (a health table): only the exit code is left.
    pub quiet: bool,
}

/// The result of a command.
pub type Result<T = (), E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// A failure of this kind with this message.
    pub fn new(kind: Kind, message: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Self {
        Self::from_error(kind, anyhow::Error::msg(message))
    }

    /// A failure of this kind with this chain of causes.
    pub fn from_error(kind: Kind, error: anyhow::Error) -> Self {
        Self { kind, error, hints: Vec::new(), details: Vec::new(), quiet: false }
    }

    /// A wrong command line.
    pub fn usage(message: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Ends with this exit code and prints nothing more.
    pub fn quiet(kind: Kind) -> Self {
        Self { quiet: true, ..Self::new(kind, "") }
    }

    /// The error, its causes and the first hint in one line.
    pub fn in_a_line(&self) -> String {
        let hint = self.hints.first().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{:#}{hint}", self.error)
    }

    /// Adds a hint: the next thing to type or to look at.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same without secrets, which what a system or a container said may hold.
    #[must_use]
    pub fn without(self, secrets: &Secrets) -> Self {
        let mut causes = self.error.chain().map(|cause| secrets.scrub(cause.to_string())).rev();
        let root = anyhow::Error::msg(causes.next().unwrap_or_default());
        Self {
            error: causes.fold(root, anyhow::Error::context),
            hints: self.hints.into_iter().map(|hint| secrets.blot(hint)).collect(),
            details: secrets.scrub_lines(&self.details),
            ..self
        }
    }

    /// Adds lines that are shown as they are, below the error.
    #[must_use]
    pub fn detail(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(lines);
        self
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    /// What the rooms' own errors know of kinds and hints is taken over.
    fn from(error: E) -> Self {
        let error = error.into();
        if let Some(EngineError::Unreachable { hints, .. }) = error.downcast_ref() {
            let hints = hints.clone();
            return Self { hints, ..Self::from_error(Kind::EngineUnreachable, error) };
        }
        if let Some(PlanError { kind, hints, .. }) = error.downcast_ref() {
            let (kind, hints) = (*kind, hints.clone());
            return Self { hints, ..Self::from_error(kind, error) };
        }
        Self::from_error(Kind::Failed, error)
    }
}

/// Among `names`, the one most like `wanted`, when it is near enough to be what was meant: a typo away (one letter
/// too many, missing, wrong or swapped with the next; two of these in a name of more than four letters), or alike
/// from the beginning on.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.8;
    let wanted = wanted.to_ascii_lowercase();
    names
        .into_iter()
        .filter_map(|name| {
            let lower = name.to_ascii_lowercase();
            let edits = strsim::damerau_levenshtein(&wanted, &lower);
            let likeness = strsim::jaro_winkler(&wanted, &lower);
            let letters = name.chars().count();
            let limit = if letters <= 4 { 1 } else { 2 };
            // As many edits as letters make any name of any other.
            let is_typo = edits <= limit && edits < letters.max(wanted.chars().count());
            (is_typo || likeness > ALIKE).then_some((is_typo, edits, likeness, name))
        })
        .max_by(|a, b| {
            let by_edits = if a.0 && b.0 { b.1.cmp(&a.1) } else { a.0.cmp(&b.0) };
            by_edits.then(a.2.total_cmp(&b.2))
        })
        .map(|(.., name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let services = ["web", "api", "redis", "orders", "value-architect", "value-amplifier", "db"];
        for (typed, meant) in [
            ("wbe", Some("web")),
            ("we", Some("web")),
            ("webb", Some("web")),
            ("WEB", Some("web")),
            ("pai", Some("api")),
            ("bd", Some("db")),
            ("rdeis", Some("redis")),
            ("erdsi", Some("redis")),
            ("oders", Some("orders")),
            ("value-arch", Some("value-architect")),
            ("value-architekt", Some("value-architect")),
            ("value-amp", Some("value-amplifier")),
            ("kong", None),
            ("xyz", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, services), meant, "{typed}");
        }
    }

    #[test]
    fn a_typo_away_is_nearer_than_alike() {
        assert_eq!(nearest("tset", ["tse-tse-fly", "test"]), Some("test"));
        assert_eq!(nearest("a", ["b", "c"]), None, "any letter is one edit away from any other");
    }
}

//! Where problems go while a document is read.

use std::cell::RefCell;

use crate::stack::problem::{Mark, Problem};

/// Collects problems and warnings.
#[derive(Debug, Default)]
pub struct Sink {
    problems: RefCell<Vec<Problem>>,
    when_active: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<String>>,
}

impl Sink {
    /// Notes a problem.
    pub fn problem(&self, mark: &Mark, path: &str, message: String) {
        self.problems.borrow_mut().push(problem(mark, path, message));
    }

    /// Notes a problem that doesn't matter while a profile keeps the service out: a missing file, a reference to
    /// something that isn't declared. As in Compose.
    pub fn problem_when_active(&self, mark: &Mark, path: &str, message: String) {
        self.when_active.borrow_mut().push(problem(mark, path, message));
    }

    /// Passes problems on that don't matter while a profile keeps the service out.
    pub fn pass_on_when_active(&self, problems: impl IntoIterator<Item = Problem>) {
        self.when_active.borrow_mut().extend(problems);
    }

    /// Notes a warning.
    pub fn warn(&self, mark: &Mark, path: &str, message: String) {
        self.warnings.borrow_mut().push(problem(mark, path, message).to_string());
    }

    /// Takes what was noted by [`Sink::problem_when_active`] since the last time.
    pub fn take_when_active(&self) -> Vec<Problem> {
        self.when_active.take()
    }

    /// Makes what was noted by [`Sink::problem_when_active`] so far a problem in any case.
    pub fn settle(&self) {
        self.problems.borrow_mut().extend(self.when_active.take());
    }

    /// All problems, in no particular order, and all warnings.
    pub fn into_parts(self) -> (Vec<Problem>, Vec<String>) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }
}

fn problem(mark: &Mark, path: &str, message: String) -> Problem {
    Problem { mark: Some(mark.clone()), path: path.to_owned(), message }
}

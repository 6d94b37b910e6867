//! The executor on an engine in memory, with a clock that stands still while anything runs: times are exact.

mod applying;
mod convergence;
mod failing;
mod healthchecks;
mod ordering;
mod refusing;
mod restarting;
mod stacks;
mod stopping;
mod support;
mod waiting;

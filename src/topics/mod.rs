//! Kafka topics: what is declared, how the cluster differs from it, and how the difference is carried out.
//!
//! [`read`] makes a [`declaration`] of a text, [`plan`] compares it with a [`cluster`] and [`health`] judges the two,
//! [`from_cluster`] writes the text, [`prune`] chooses what may go, [`report`] tells it all to programs: all of these are pure. Effects go through
//! [`admin::Admin`], which [`apply`] carries a plan out with.

pub mod admin;
pub mod apply;
pub mod cluster;
pub mod declaration;
mod defaults;
pub mod from_cluster;
pub mod health;
pub mod kafka;
pub mod name;
pub mod plan;
pub mod prune;
pub mod read;
pub mod report;
mod settings;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod value;
pub mod words;

pub use read::{declared, read_file};

/// The topic that vv's own checks make: never declared, never drift, never undeclared.
pub use crate::probe::deep::PROBE;

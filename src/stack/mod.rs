//! DESIRED: from a stack's text to a typed [`Stack`]. Pure: files come through the [`files::Files`] trait.
//!
//! text → marked document ([`node`]) → interpolated → merged ([`merged`]) → typed model ([`model`]) → normalised.

mod discover;
pub mod dotenv;
pub mod embedded;
mod extends;
pub mod files;
mod findings;
mod include;
mod interpolate;
mod load;
mod merge;
pub mod merged;
pub mod model;
pub mod node;
pub mod options;
mod paths;
pub mod problem;
pub mod read;
pub mod scalar;
mod syntax;
pub mod template;
#[cfg(test)]
mod tests;
mod unique;
pub mod vv;

pub use load::read_stack;
pub use model::{Service, Stack};
pub use problem::{LoadError, Problem};

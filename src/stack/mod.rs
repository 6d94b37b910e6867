//! DESIRED: from a stack's text to a typed [`Stack`]. Pure: files come through the [`files::Files`] trait.
//!
//! text → marked document ([`node`]) → interpolated → merged ([`merged`]) → typed model ([`model`]) → normalised.

pub mod dotenv;
pub mod files;
mod findings;
mod interpolate;
pub mod merged;
pub mod model;
pub mod node;
pub mod options;
pub mod problem;
pub mod read;
pub mod scalar;
mod syntax;
pub mod template;
pub mod vv;

pub use model::{Service, Stack};
pub use problem::{LoadError, Problem};

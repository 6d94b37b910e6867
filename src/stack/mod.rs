//! DESIRED: from a stack's text to a typed [`Stack`]. Pure: files come through the [`files::Files`] trait.
//!
//! text → marked document ([`node`]) → interpolated → merged ([`merged`]) → typed model ([`model`]) → normalised.

pub mod beside;
pub mod budget;
mod build;
mod command;
pub mod config;
mod context;
pub(crate) mod decode;
mod depends_on;
mod deploy;
mod discover;
pub mod document;
pub mod dotenv;
pub mod embedded;
mod environment;
mod extends;
mod file_objects;
pub mod files;
mod findings;
mod healthcheck;
mod include;
mod interpolate;
pub mod kind;
mod load;
pub mod lookup;
mod merge;
pub mod merged;
mod missing;
pub mod model;
#[cfg(test)]
mod model_tests;
mod mounts;
mod networks;
pub mod node;
mod normalise;
pub mod options;
mod paths;
pub mod port_offset;
mod ports;
pub mod problem;
pub mod project_name;
pub mod read;
pub mod reference;
pub mod scalar;
pub mod secret;
mod service;
mod syntax;
pub mod template;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod unique;
pub mod units;
mod validate;
mod volumes;
pub mod vv;
mod vv_service;
mod vv_shapes;
mod vv_stack;
mod words;

pub use document::{Document, is_remote, load, load_document, load_selected};
pub use findings::unset_variable;
pub use load::read_stack;
pub use model::{Service, Stack};
pub use ports::parse as parse_ports;
pub use problem::{LoadError, Problem};
pub use words::split as split_words;

//! DECISION: desired ([`crate::stack::Stack`]) and observed in, a list of operations out, each with its cause.
//! Pure: it reads nothing, writes nothing and knows no clock.
//!
//! How a start is decided: `desired` turns each service into the container it should be, `stale` compares that
//! with a container that is there (by the labels of `hash`, or field by field as `adopt` does for containers that
//! vv didn't make), `replicas` settles the fate of every container of a service, and `start` writes down the
//! operations in dependency order.
//!
//! A start takes two steps where images are to be refreshed (`--build`, `--pull`, `pull_policy: always`): whether
//! a build gives another image is only known when it is done. [`images_plan`] is carried out first, when it isn't
//! empty; then the engine is observed again, and [`start_plan`] compares containers with the images of now.
//! Images that are simply missing are part of [`start_plan`] itself. `vv plan` shows both as one: [`preview_plan`].

mod adopt;
mod count;
pub mod declared;
pub mod desired;
mod down;
mod files;
mod graph;
pub mod hash;
pub mod images;
pub mod input;
pub mod labels;
mod lifecycle;
pub mod names;
mod namespaces;
pub mod observed;
mod one_off;
pub mod operation;
mod ports;
pub mod render;
mod replicas;
mod request;
pub mod spec;
mod stale;
mod start;
mod steps;
mod targets;
#[cfg(test)]
mod tests;
mod waits;
mod writer;

pub use down::{DownRequest, down_plan};
pub use graph::not_required_by;
pub use images::{build_plan, images_plan, pull_plan};
pub use input::{Inputs, PlanError, StartRequest, Stub, Stubs};
pub use lifecycle::{restart_plan, stop_plan};
pub use one_off::{OneOff, run_plan};
pub use stale::which_need_inspect;
pub use start::{preview_plan, services_of, start_plan};
pub use targets::{coming, with_targets};

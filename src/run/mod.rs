//! The executor: carries a [`crate::plan::operation::Plan`] out and emits typed events. Decides nothing.
//!
//! `schedule` says what may begin, `perform` does one operation, `wait` asks one `monitor` per container, which
//! listens to `events`, runs the `healthcheck` and asks the `protocol`; `executor` drives them and `error` says what went wrong.

mod activity;
pub mod apply;
pub mod cached_files;
mod clock;
mod diagnose;
pub mod discreet;
pub mod error;
pub mod event;
mod events;
pub mod executor;
mod healthcheck;
mod images;
pub mod lock;
mod monitor;
mod options;
mod outcomes;
mod perform;
pub mod ports;
mod processes;
mod protocol;
pub mod ready;
mod schedule;
#[cfg(test)]
mod tests;
mod under_way;
mod wait;

pub use error::{BackendError, FailureCause, Interruption, OperationFailure, Outcome, RunError};
pub use executor::execute;
pub use healthcheck::check_once;
pub use options::{ExecuteOptions, StubImage};
pub use schedule::Limits;
pub use wait::{AlwaysReady, FailedContainer, ReadyCheck, WaitFailure};

//! The executor: carries a [`crate::plan::operation::Plan`] out and emits typed events. Decides nothing.

pub mod event;

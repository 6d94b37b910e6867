//! The live tests: vv as a user types it, on a real engine and real systems. One binary, run in parallel.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that can't go on should panic")]

#[path = "../support/mod.rs"]
mod support;

mod breakages;
mod commands;
mod diagnosis;
mod engine;
mod failures;
mod health;
mod interop;
mod leaks;
mod lifecycle;
mod misleading;
mod one_offs;
mod paused;
mod platforms;
mod probes;
mod relay;
mod rooms;
mod routes;
mod shipped;
mod soak;
mod told;
mod topics;
mod urls;
mod waiting;

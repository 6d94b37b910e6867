//! The live tests: one binary.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that can't go on should panic")]

mod probes;

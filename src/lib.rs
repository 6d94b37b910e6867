//! `vv` starts a microservice platform and proves that it is ready.
//!
//! The rooms, and what each is for. Arrows point one way: `commands` may use every room, `run` uses `plan`,
//! `engine` and `probe`; `plan` uses `stack`; `stack` and `plan` are pure.

/// How long to pause between two questions.
pub mod backoff;
/// The command line's shape: global options and the list of subcommands.
pub mod cli;
/// One file per subcommand: its arguments and what it does.
pub mod commands;
/// Where vv keeps what it can find out again.
pub mod dirs;
/// What would stop a start: findings from facts. Pure.
pub mod doctor;
/// The container engine: a trait, and Docker behind it.
pub mod engine;
/// Failures, exit codes, hints.
pub mod failure;
/// The only place that writes to the terminal.
pub mod output;
/// Decides what is to be done: desired and observed in, operations out. Pure.
pub mod plan;
/// What checks and logs may know of the place where a stack runs.
pub mod platform;
/// Is it ready? One file per system.
pub mod probe;
/// Kong's entities: declaration, difference, apply, and the proof that each route answers.
pub mod routes;
/// Carries out a plan; decides nothing.
pub mod run;
/// What is desired: from a stack's text to a typed, normalised `Stack`. Pure.
pub mod stack;
/// The stand-in for services whose sources aren't there yet.
pub mod stub;
/// Kafka topics: declaration, difference, apply.
pub mod topics;
/// Spans: what they are and how they are sent. Pure.
pub mod trace;
/// Why a service isn't ready: the one reason, from facts. Pure.
pub mod why;

//! The typed model as a whole: from text to stack, and what is said about wrong texts.

mod config;
mod errors;
mod robust;
mod services;
mod stacks;
mod vv;

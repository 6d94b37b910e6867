//! DECISION: desired ([`crate::stack::Stack`]) and observed in, a list of operations out, each with its cause.
//! Pure: it reads nothing, writes nothing and knows no clock.

pub mod observed;
pub mod operation;
pub mod spec;

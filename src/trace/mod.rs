//! Spans: what they are, and how they are sent ([`otlp`]). Pure; whoever sends them has its own client.

pub mod otlp;
mod span;

pub use span::{Kind, Span, SpanContext};

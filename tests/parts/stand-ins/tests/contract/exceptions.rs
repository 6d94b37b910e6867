//! Exchanges that needn't hold, each with its reason. One that begins to hold must leave the list.

/// Folder, exchange, why.
pub const EXCEPTIONS: &[(&str, &str, &str)] = &[];

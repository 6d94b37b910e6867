//! Kong without a database: the declarative configuration.

use super::Gateway;
use super::server::{Answer, Request};

/// Loads the configuration of `KONG_DECLARATIVE_CONFIG`.
///
/// # Errors
/// It is refused; the message is what Kong prints.
pub fn load_at_start(_gateway: &Gateway, _text: &str) -> anyhow::Result<()> {
    anyhow::bail!("not built yet")
}

/// Answers requests to `/config` of a gateway without a database.
pub fn config(_gateway: &Gateway, _request: &Request) -> Answer {
    Answer::message(500, "not built yet")
}

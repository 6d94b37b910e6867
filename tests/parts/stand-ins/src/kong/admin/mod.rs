//! The Admin API.

use super::Gateway;
use super::server::{Answer, Request};

/// Answers a request to the Admin API.
pub async fn answer(_gateway: &Gateway, _request: &Request) -> Answer {
    Answer::message(404, "Not found")
}

/// Answers a request to the status API (port 8100).
pub async fn status_api(_gateway: &Gateway, _request: &Request) -> Answer {
    Answer::message(404, "Not found")
}

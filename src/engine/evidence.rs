//! What an engine can tell of what happened, for a person who looks into a failure: unfiltered, and as it says it.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use super::EngineError;

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastEvent {
    /// When.
    pub time: Timestamp,
    /// The container's name.
    pub container: String,
    /// The engine's word for it: `die`, `health_status: unhealthy`.
    pub action: String,
    /// Of a container that ended.
    pub exit_code: Option<String>,
}

/// The engine's own words. They hold the values of secrets: whoever shows them removes those.
#[async_trait]
pub trait Evidence: Send + Sync {
    /// Everything about a container, as the engine documents it. One call.
    async fn raw_inspect(&self, container: &str) -> Result<Value, EngineError>;

    /// Everything about the engine: `version` and `info`. Two calls.
    async fn raw_info(&self) -> Result<Value, EngineError>;

    /// What happened to the project's containers since then, as far as the engine remembers (some hundred events);
    /// commands that were run in them aside. One call.
    async fn past_events(&self, project: &str, since: Timestamp) -> Result<Vec<PastEvent>, EngineError>;
}

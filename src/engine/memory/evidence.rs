//! The words of an engine in memory.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::MemoryEngine;
use crate::engine::evidence::{Evidence, PastEvent};
use crate::engine::{Engine, EngineError};

#[async_trait]
impl Evidence for MemoryEngine {
    async fn raw_inspect(&self, container: &str) -> Result<Value, EngineError> {
        let details = self.inspect(container).await?;
        Ok(json!({"Id": details.id, "Name": details.name, "RestartCount": details.restarts}))
    }

    async fn raw_info(&self) -> Result<Value, EngineError> {
        Ok(json!({"version": {"Version": self.info().await?.version}}))
    }

    async fn past_events(&self, _: &str, _: Timestamp) -> Result<Vec<PastEvent>, EngineError> {
        Ok(Vec::new())
    }
}

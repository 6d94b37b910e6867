//! What a stack declares beside containers, told to the systems that hold it.

use async_trait::async_trait;

use super::error::BackendError;
use crate::plan::operation::Targets;

/// Brings what systems hold to what the stack declares.
#[async_trait]
pub trait Applier: Send + Sync {
    /// Compares and applies; `say` tells what goes on. The systems are ready. What stays as it is and should be known is
    /// returned.
    async fn apply(&self, say: &(dyn Fn(String) + Send + Sync)) -> Result<Vec<String>, BackendError>;
}

/// Keeps what a gateway sends requests to in step with the replicas there are.
#[async_trait]
pub trait Balancer: Send + Sync {
    /// Takes replicas off and adds others. What should be known is returned: that a replica which goes anyway couldn't be
    /// taken off is no error.
    async fn follow(&self, targets: &Targets) -> Result<Vec<String>, BackendError>;
}

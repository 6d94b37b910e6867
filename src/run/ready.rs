//! The end of a wait: the service's own protocol, asked through the probes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::wait::ReadyCheck;
use crate::engine::Engine;
use crate::engine::platform::EnginePlatform;
use crate::engine::relay::HelperImage;
use crate::probe::question::Question;
use crate::probe::{ProbeFailure, checks};
use crate::stack::Stack;

/// How long one question may take; it is asked again.
const QUESTION: Duration = Duration::from_secs(5);

/// Asks services of a stack in their protocols.
pub struct ProbeReady {
    engine: Arc<dyn Engine>,
    stack: Stack,
    helper: Option<HelperImage>,
    /// The project's containers as they were last seen: ports and addresses are known only once a container runs.
    seen: Mutex<Option<Arc<EnginePlatform>>>,
}

impl ProbeReady {
    /// For a stack on an engine.
    pub fn new(engine: Arc<dyn Engine>, stack: Stack) -> Self {
        Self { engine, stack, helper: None, seen: Mutex::new(None) }
    }

    /// Where containers can't be reached from here, a helper of this image leads to them.
    #[must_use]
    pub fn with_helper(mut self, image: HelperImage) -> Self {
        self.helper = Some(image);
        self
    }

    /// The platform in which this container runs: what was seen, while it shows the container running.
    async fn platform(&self, container: &str) -> Result<Arc<EnginePlatform>, ProbeFailure> {
        let mut seen = self.seen.lock().await;
        if let Some(platform) = seen.as_ref()
            && platform.listed(container).is_some()
        {
            return Ok(Arc::clone(platform));
        }
        let platform = EnginePlatform::of(Arc::clone(&self.engine), &self.stack.name).await;
        let platform = platform.map_err(|error| ProbeFailure::new(error.to_string()))?;
        let platform = Arc::new(match &self.helper {
            Some(image) => platform.with_helper(image.clone()),
            None => platform,
        });
        *seen = Some(Arc::clone(&platform));
        Ok(platform)
    }
}

#[async_trait]
impl ReadyCheck for ProbeReady {
    async fn protocol(&self, service: &str, container: &str) -> Result<(), ProbeFailure> {
        let Some(service) = self.stack.services.get(service) else { return Ok(()) };
        // Where there is nothing to ask, nobody needs to know where it would be asked.
        if [false, true].iter().all(|stub| Question::of(service, *stub).is_none()) {
            return Ok(());
        }
        let platform = self.platform(container).await?;
        let Some(status) = platform.listed(container) else {
            return Err(ProbeFailure::new("it doesn't run"));
        };
        match checks::protocol(&self.stack, service, platform.as_ref(), &status, QUESTION).await {
            Ok(_) => Ok(()),
            Err(failure) => {
                // A container that was started again may have other ports and addresses now.
                *self.seen.lock().await = None;
                Err(failure)
            }
        }
    }
}

//! How a plan is carried out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::apply::{Applier, Balancer};
use super::schedule::Limits;
use crate::plan::images::ImageUse;
use crate::stack::vv::Declared;

/// Makes the tar stream that the image of a stand-in is built from, or says why it can't. Called off the async
/// threads.
pub type StubImage = dyn Fn(&str) -> Result<Vec<u8>, String> + Send + Sync;

/// How a plan is carried out.
#[derive(Clone)]
pub struct ExecuteOptions {
    /// The project, for its events.
    pub project: String,
    /// How long readiness may take, from the first container started; nothing: for ever.
    pub timeout: Option<Duration>,
    /// How much is done at once.
    pub limits: Limits,
    /// How long a container that was started here and has neither healthcheck nor protocol must have run before it
    /// counts as running: one that ends at once isn't ready. Where the engine restarts it, half a second at least.
    pub settle: Duration,
    /// Apply what the stack declares beside containers.
    pub appliers: BTreeMap<Declared, Arc<dyn Applier>>,
    /// Tells the gateway which replicas it sends requests to; nothing where it isn't to be told.
    pub balancer: Option<Arc<dyn Balancer>>,
    /// Makes stand-ins; nothing where the plan has none.
    pub stub_image: Option<Arc<StubImage>>,
    /// Who wants each image, for what is said when one can't be had.
    pub images: BTreeMap<String, ImageUse>,
}

impl ExecuteOptions {
    /// The usual, for this project.
    pub fn new(project: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            timeout: None,
            limits: Limits::default(),
            settle: Duration::from_millis(150),
            appliers: BTreeMap::new(),
            balancer: None,
            stub_image: None,
            images: BTreeMap::new(),
        }
    }
}

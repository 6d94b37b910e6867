//! What is checked, and one look at it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::commands::context::helper_image;
use crate::engine::Engine;
use crate::engine::platform::EnginePlatform;
use crate::failure::{Failure, Kind, Result};
use crate::output::short_duration;
use crate::output::typed::retype;
use crate::probe::checks::{check_services, check_within};
use crate::probe::{Check, Level, Outcome, Patience, Report};
use crate::stack::{Service, Stack};

/// Which services are checked, how deep, and for how long each check may take.
pub struct Scope<'a> {
    pub stack: &'a Stack,
    pub services: Vec<&'a Service>,
    pub engine: Arc<dyn Engine>,
    pub depth: Level,
    pub each: Duration,
    /// What is as bad as this isn't well.
    pub threshold: Outcome,
}

impl Scope<'_> {
    /// The project's containers as they are now.
    pub async fn look(&self, end: Instant) -> Result<EnginePlatform> {
        let begun = Instant::now();
        match timeout_at(end, EnginePlatform::of(Arc::clone(&self.engine), &self.stack.name)).await {
            Ok(platform) => Ok(platform?.with_helper(helper_image()?)),
            Err(_) => Err(Failure::new(
                Kind::EngineUnreachable,
                format!("the engine doesn't answer within {}", short_duration(begun.elapsed())),
            )),
        }
    }

    /// Everything checked once, all at the same time.
    pub async fn report(&self, end: Instant) -> Result<Report> {
        let platform = self.look(end).await?;
        let services = self.services.iter().copied();
        let patience = Patience::each(self.each).until(end);
        let checks = check_services(self.stack, services, &platform, self.depth, patience).await;
        Ok(self.document(&checks))
    }

    /// What checks come to, with commands that can be typed as they stand.
    pub fn document(&self, checks: &[Check]) -> Report {
        let mut report = Report::new(&self.stack.name, checks);
        for line in &mut report.checks {
            retype(&mut line.detail);
            line.hint.iter_mut().for_each(retype);
        }
        report
    }

    /// One service checked once.
    pub async fn checks(&self, service: &Service, platform: &EnginePlatform, end: Instant) -> Vec<Check> {
        let patience = Patience::each(self.each).until(end);
        check_within(self.stack, service, platform, self.depth, patience).await
    }
}

//! What is checked, and one look at it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use crate::commands::context::helper_image;
use crate::commands::declared::Beside;
use crate::engine::Engine;
use crate::engine::platform::EnginePlatform;
use crate::failure::{Failure, Kind, Result};
use crate::output::short_duration;
use crate::output::typed::retype;
use crate::plan::not_required_by;
use crate::probe::checks::check_within;
use crate::probe::{Check, Level, Outcome, Patience, Report, Secrets};
use crate::stack::{Service, Stack};

/// Which services are checked, how deep, and for how long each check may take.
pub struct Scope<'a> {
    pub stack: &'a Stack,
    pub services: Vec<&'a Service>,
    /// The user named them.
    pub named: bool,
    pub engine: Arc<dyn Engine>,
    pub depth: Level,
    pub each: Duration,
    /// The stack's, which nothing is to show.
    pub secrets: Secrets,
    /// What is as bad as this isn't well.
    pub threshold: Outcome,
    /// What the stack declares beside containers, where that is asked.
    pub beside: Beside,
}

impl Scope<'_> {
    /// The project's containers as they are now.
    pub async fn look(&self, end: Instant) -> Result<Arc<EnginePlatform>> {
        let begun = Instant::now();
        match timeout_at(end, EnginePlatform::of(Arc::clone(&self.engine), &self.stack.name)).await {
            Ok(platform) => Ok(Arc::new(platform?.with_helper(helper_image()))),
            Err(_) => Err(Failure::new(
                Kind::EngineUnreachable,
                format!("the engine doesn't answer within {}", short_duration(begun.elapsed())),
            )),
        }
    }

    /// Everything checked once, all at the same time.
    pub async fn report(&self, end: Instant) -> Result<Report> {
        let platform = self.look(end).await?;
        let each = self.services.iter().map(|service| self.checks(service, &platform, end));
        let checks: Vec<Check> = join_all(each).await.into_iter().flatten().collect();
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
    pub async fn checks(
        &self,
        service: &Service,
        platform: &Arc<EnginePlatform>,
        end: Instant,
    ) -> Vec<Check> {
        let patience = Patience::each(self.each).until(end);
        let checks =
            check_within(self.stack, service, platform.as_ref(), self.depth, patience, &self.secrets);
        let declared = self.beside.checks(self.stack, service, platform, patience.limit());
        let (mut checks, declared) = tokio::join!(checks, declared);
        let declared: Vec<Check> = declared.into_iter().map(|told| told.unless_broken(&checks)).collect();
        checks.extend(declared);
        self.pardon(&mut checks);
        checks
    }

    /// What everybody can do without (`required: false`) fails nobody, as in a start; who names it wants it well.
    fn pardon(&self, checks: &mut [Check]) {
        if self.named {
            return;
        }
        for check in checks.iter_mut().filter(|check| check.outcome == Outcome::Fail) {
            let optional_for = not_required_by(self.stack, &check.replica.service);
            if !optional_for.is_empty() {
                check.outcome = Outcome::Warn;
                check.detail = format!("{} (not required by {})", check.detail, optional_for.join(", "));
            }
        }
    }
}

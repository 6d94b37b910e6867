//! What is checked, and one look at it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use crate::commands::context::helper_image;
use crate::commands::init_topics::on_health::{Told, unless_broken};
use crate::commands::init_topics::on_start::Topics;
use crate::engine::Engine;
use crate::engine::platform::EnginePlatform;
use crate::failure::{Failure, Kind, Result};
use crate::output::short_duration;
use crate::output::typed::retype;
use crate::plan::not_required_by;
use crate::platform::Platform;
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
    /// What the stack declares of Kafka, where that is asked.
    pub topics: Option<Topics>,
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
        let (mut checks, topics) = tokio::join!(checks, self.topics(service, platform, patience));
        checks.extend(topics.map(|check| unless_broken(check, &checks)));
        self.pardon(&mut checks);
        checks
    }

    /// The check of declared topics, if it is told of this service.
    async fn topics(
        &self,
        service: &Service,
        platform: &Arc<EnginePlatform>,
        patience: Patience,
    ) -> Option<Told> {
        let topics = self.topics.as_ref().filter(|_| self.holds_topics(service))?;
        let platform: Arc<dyn Platform> = Arc::<EnginePlatform>::clone(platform);
        Some(topics.check(self.stack, &service.name, platform, patience.limit()).await)
    }

    fn holds_topics(&self, service: &Service) -> bool {
        Topics::told_of(self.stack) == Some(service.name.as_str())
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

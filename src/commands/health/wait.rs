//! `vv health --wait`: asks each service again until all are well at the same time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::scope::Scope;
use crate::commands::context::Context;
use crate::commands::interrupt;
use crate::engine::platform::EnginePlatform;
use crate::failure::{Failure, Kind, Result};
use crate::output::health::waiting::Waiting;
use crate::probe::{Check, Outcome, Report};
use crate::stack::Service;

/// Between two questions to a service: at first, each time longer by this much, at most.
const PAUSE: Duration = Duration::from_millis(50);
const LONGER: f64 = 1.6;
const LONGEST: Duration = Duration::from_millis(500);

/// A look at the containers serves all services for so long.
const LOOK: Duration = Duration::from_millis(200);

/// So long, being well is taken to last: what is older when the last service becomes well is asked again.
const FRESH: Duration = Duration::from_secs(2);

/// What a service was when it was asked last.
struct Verdict {
    checks: Vec<Check>,
    at: Instant,
    /// Well …
    well: bool,
    /// … as soon as it was asked.
    at_once: bool,
}

/// Asks until all are well or the time is over; what was seen last.
///
/// # Errors
/// When the engine can't be asked at all, or the user interrupts.
pub async fn until_well(context: &Context, scope: &Scope<'_>, end: Instant) -> Result<Report> {
    let waiting = Waiting::new(&context.printer);
    let looker = Looker { scope, end, last: Mutex::new(None) };
    looker.look().await?;
    let interrupted = interrupt();
    let verdicts = tokio::select! {
        verdicts = all_well(scope, &looker, &waiting, end) => verdicts,
        () = interrupted.cancelled() => {
            waiting.end();
            return Err(Failure::quiet(Kind::Interrupted));
        }
    };
    waiting.end();
    let checks: Vec<Check> = verdicts.into_iter().flat_map(|verdict| verdict.checks).collect();
    Ok(scope.document(&checks))
}

async fn all_well(scope: &Scope<'_>, looker: &Looker<'_>, waiting: &Waiting, end: Instant) -> Vec<Verdict> {
    let services = &scope.services;
    let mut verdicts =
        join_all(services.iter().map(|service| until_one_is(scope, looker, waiting, service, end))).await;
    loop {
        // Well one after the other isn't well together.
        let stale: Vec<usize> =
            (0..verdicts.len()).filter(|index| verdicts[*index].at.elapsed() > FRESH).collect();
        if stale.is_empty() || verdicts.iter().any(|verdict| !verdict.well) {
            return verdicts;
        }
        let again = stale.iter().map(|index| until_one_is(scope, looker, waiting, services[*index], end));
        let again = join_all(again).await;
        let settled = again.iter().all(|verdict| verdict.at_once);
        for (index, verdict) in stale.into_iter().zip(again) {
            verdicts[index] = verdict;
        }
        if settled {
            return verdicts;
        }
    }
}

/// Asks one service until it is well or the time is over.
async fn until_one_is(
    scope: &Scope<'_>,
    looker: &Looker<'_>,
    waiting: &Waiting,
    service: &Service,
    end: Instant,
) -> Verdict {
    let mut pause = PAUSE;
    let mut at_once = true;
    loop {
        let checks = match looker.look().await {
            Ok(platform) => scope.checks(service, &platform, end).await,
            Err(failure) => vec![unasked(service, &failure)],
        };
        let worst = checks.iter().filter(|check| check.outcome >= scope.threshold).max_by_key(|check| {
            // The lowest that fails is why the others do.
            (check.outcome, std::cmp::Reverse(check.level))
        });
        let at = Instant::now();
        let Some(worst) = worst else {
            waiting.well(&service.name);
            return Verdict { checks, at, well: true, at_once };
        };
        waiting.waits(&service.name, &worst.name, &worst.detail);
        at_once = false;
        // A question that has no time for its answer would only blot out what is known.
        if at + pause + pause.max(scope.each / 10) >= end {
            let rest = end.saturating_duration_since(at);
            if rest > Duration::ZERO {
                sleep(rest).await;
            }
            return Verdict { checks, at, well: false, at_once };
        }
        sleep(pause).await;
        pause = pause.mul_f64(LONGER).min(LONGEST);
    }
}

/// The engine couldn't be asked this time.
fn unasked(service: &Service, failure: &Failure) -> Check {
    Check {
        replica: crate::platform::Replica { service: service.name.clone(), number: 0 },
        name: "container".into(),
        level: crate::probe::Level::Container,
        outcome: Outcome::Fail,
        detail: format!("the engine can't be asked: {}", failure.in_a_line()),
        hint: Some("vv version".into()),
        took: Duration::ZERO,
    }
}

/// Looks at the containers for all services together.
struct Looker<'a> {
    scope: &'a Scope<'a>,
    end: Instant,
    last: Mutex<Option<(Instant, Arc<EnginePlatform>)>>,
}

impl Looker<'_> {
    async fn look(&self) -> Result<Arc<EnginePlatform>> {
        let mut last = self.last.lock().await;
        if let Some((at, platform)) = &*last
            && at.elapsed() < LOOK
        {
            return Ok(Arc::clone(platform));
        }
        let platform = self.scope.look(self.end).await?;
        *last = Some((Instant::now(), Arc::clone(&platform)));
        Ok(platform)
    }
}

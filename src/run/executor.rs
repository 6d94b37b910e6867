//! Carries a plan out. Decides nothing: what is done, and after what, is the plan's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, join_all};
use futures_util::stream::StreamExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::clock::Clock;
use super::diagnose::{diagnose, running};
use super::error::{
    FailedImage, FailureCause, Interruption, OperationFailure, Outcome, RunError, attempt, reasons,
};
use super::event::{Event, Reporter};
use super::events::EventHub;
use super::images;
use super::options::ExecuteOptions;
use super::perform::perform;
use super::schedule::{Class, Schedule};
use super::under_way::{UnderWay, Waited};
use super::wait::{Deaths, FailedContainer, ReadyCheck, WaitFailure, Waits};
use crate::engine::{Engine, EngineError};
use crate::plan::operation::{Action, Operation, OperationId, Plan, WaitCondition, WaitFor};

/// How often the reporter is told that time passes.
const TICK: Duration = Duration::from_secs(1);

/// Carries `plan` out: each operation begins as soon as those it comes after have succeeded.
///
/// The first failure stops everything that isn't a short engine call under way: those finish. So does `interrupt`.
///
/// # Errors
/// What failed, with the last output of the containers concerned; or that the user interrupted.
pub async fn execute(
    plan: &Plan,
    engine: Arc<dyn Engine>,
    ready: Arc<dyn ReadyCheck>,
    reporter: &dyn Reporter,
    options: &ExecuteOptions,
    interrupt: &CancellationToken,
) -> Result<Outcome, RunError> {
    reporter.begin(&plan.operations);
    let result = match Run::new(&plan.operations, engine, ready, reporter, options).await {
        Ok(run) => run.carry_out(interrupt).await,
        Err(error) => {
            for id in 0..plan.operations.len() {
                reporter.event(Event::Cancelled { id });
            }
            Err(RunError::Engine(error))
        }
    };
    reporter.end();
    result
}

/// A plan being carried out.
struct Run<'a> {
    operations: &'a [Operation],
    engine: Arc<dyn Engine>,
    reporter: &'a dyn Reporter,
    options: &'a ExecuteOptions,
    schedule: Schedule,
    clock: Clock,
    activity: Arc<Activity>,
    waits: Option<Arc<Waits>>,
    deaths: Option<Deaths>,
    /// When each operation under way began.
    begun: BTreeMap<OperationId, Instant>,
    passed: Vec<OperationId>,
    done: usize,
    warnings: Vec<String>,
    failures: Vec<OperationFailure>,
    /// Until when other pulls go on after one that failed.
    others_until: Instant,
}

impl<'a> Run<'a> {
    async fn new(
        operations: &'a [Operation],
        engine: Arc<dyn Engine>,
        ready: Arc<dyn ReadyCheck>,
        reporter: &'a dyn Reporter,
        options: &'a ExecuteOptions,
    ) -> Result<Self, EngineError> {
        let activity = Arc::new(Activity::default());
        let (mut waits, mut deaths) = (None, None);
        // Before the first operation, so that nothing is missed; and only where something is to be listened for.
        if operations.iter().any(|operation| matches!(operation.action, Action::Wait(_))) {
            let hub = EventHub::open(Arc::clone(&engine), &options.project).await?;
            let (shared, receiver) =
                Waits::new(Arc::clone(&engine), ready, hub, Arc::clone(&activity), options.settle);
            (waits, deaths) = (Some(Arc::new(shared)), Some(receiver));
        }
        let mut clock = Clock::new(options.timeout);
        let starts = |operation: &Operation| {
            matches!(operation.action, Action::StartContainer(_) | Action::RestartContainer { .. })
        };
        if !operations.iter().any(starts) {
            clock.start();
        }
        Ok(Self {
            operations,
            engine,
            reporter,
            options,
            schedule: Schedule::new(operations, options.limits),
            clock,
            activity,
            waits,
            deaths,
            begun: BTreeMap::new(),
            passed: Vec::new(),
            done: 0,
            warnings: Vec::new(),
            failures: Vec::new(),
            others_until: Instant::now(),
        })
    }

    async fn carry_out(mut self, interrupt: &CancellationToken) -> Result<Outcome, RunError> {
        let start = Instant::now();
        let mut under_way = UnderWay::default();
        let mut ticks = tokio::time::interval(TICK);
        let mut interrupted = interrupt.is_cancelled();
        loop {
            if interrupted || !self.failures.is_empty() {
                under_way.waits.clear();
                under_way.builds.clear();
                if interrupted || !self.looks_for_missing_images() {
                    under_way.pulls.clear();
                } else {
                    while let Some(id) = self.schedule.next_pull() {
                        self.begin(id, &mut under_way);
                    }
                }
                if under_way.calls.is_empty() && under_way.pulls.is_empty() {
                    break;
                }
            } else {
                while let Some(id) = self.schedule.next() {
                    self.begin(id, &mut under_way);
                }
                if self.begun.is_empty() {
                    self.revisit(&mut under_way);
                }
                if self.begun.is_empty() {
                    break;
                }
            }
            tokio::select! {
                biased;
                () = interrupt.cancelled(), if !interrupted => {
                    interrupted = true;
                    self.acknowledge();
                }
                Some((id, result)) = under_way.calls.next() => self.called(id, result),
                Some((id, result)) = under_way.pulls.next() => self.called(id, result),
                Some((id, result)) = under_way.builds.next() => self.called(id, result),
                // Before deaths: one that follows a success is then known to concern somebody.
                Some((id, result)) = under_way.waits.next() => self.waited(id, result),
                Some((container, failure)) = next_death(&mut self.deaths) => self.died(container, failure),
                () = tokio::time::sleep_until(self.others_until),
                    if !self.failures.is_empty() && !under_way.pulls.is_empty() => {}
                () = self.clock.expires(), if !under_way.waits.is_empty() => self.timed_out(),
                _ = ticks.tick() => self.reporter.tick(),
            }
        }
        // A death that came in with the last success.
        while let Some((container, failure)) = self.deaths.as_mut().and_then(|deaths| deaths.try_recv().ok())
        {
            self.died(container, failure);
        }
        self.finish(start, interrupted).await
    }

    fn begin(&mut self, id: OperationId, under_way: &mut UnderWay<'a>) {
        let operation = &self.operations[id];
        self.begun.insert(id, Instant::now());
        self.reporter.event(Event::Started { id });
        let class = Class::of(&operation.action);
        match &operation.action {
            Action::Wait(wait) => under_way.waits.push(self.wait(id, wait)),
            _ => {
                self.activity.operation_begins();
                let (engine, reporter) = (Arc::clone(&self.engine), self.reporter);
                let stub_image = self.options.stub_image.as_ref();
                let call = async move { (id, perform(&*engine, reporter, stub_image, id, operation).await) };
                if class != Class::Call {
                    self.clock.transfer_begins();
                }
                under_way.push(class, call.boxed());
            }
        }
    }

    /// Waits once more for what had become ready and was restarted since, while others were waited for.
    fn revisit(&mut self, under_way: &mut UnderWay<'a>) {
        let Some(waits) = &self.waits else { return };
        let operations = self.operations;
        let is_lost = |id: &OperationId| match &operations[*id].action {
            Action::Wait(wait) => waits.has_lost(wait),
            _ => false,
        };
        let (lost, passed) = self.passed.iter().partition(|id| is_lost(id));
        self.passed = passed;
        for id in Vec::into_iter(lost) {
            self.done -= 1;
            self.schedule.again(id);
            self.begin(id, under_way);
        }
    }

    fn wait(&self, id: OperationId, wait: &'a WaitFor) -> BoxFuture<'a, Waited> {
        let reporter = self.reporter;
        let Some(waits) = self.waits.clone() else { return std::future::ready((id, Ok(()))).boxed() };
        async move {
            let say = |message| reporter.event(Event::Progress { id, message, bytes: None });
            (id, waits.wait_for(wait, say).await)
        }
        .boxed()
    }

    /// The user interrupted: says what is still left to end.
    fn acknowledge(&self) {
        let ends = |id: &OperationId| Class::of(&self.operations[*id].action) == Class::Call;
        let left: Vec<OperationId> = self.begun.keys().copied().filter(ends).collect();
        if !left.is_empty() {
            self.reporter.interrupted(&left);
        }
    }

    fn called(&mut self, id: OperationId, result: Result<(), EngineError>) {
        let operation = &self.operations[id];
        self.activity.operation_ends();
        if Class::of(&operation.action) != Class::Call {
            self.clock.transfer_ends();
        }
        match result {
            Ok(()) => {
                if let Action::StartContainer(name) | Action::RestartContainer { container: name, .. } =
                    &operation.action
                {
                    let took = self.begun.get(&id).map(Instant::elapsed).unwrap_or_default();
                    self.activity.container_started(name, took);
                    self.clock.start();
                }
                self.succeeded(id);
            }
            Err(error) => self.failed(id, FailureCause::Engine(error)),
        }
    }

    fn waited(&mut self, id: OperationId, result: Result<(), FailedContainer>) {
        let Action::Wait(wait) = &self.operations[id].action else { return };
        if !self.begun.contains_key(&id) {
            // Its time was up, and it wasn't required.
            return;
        }
        match result {
            Ok(()) => {
                self.passed.push(id);
                self.succeeded(id);
            }
            Err(failed) if wait.required => {
                let containers = self.all_failed(wait, failed);
                self.failed(id, FailureCause::Wait { service: wait.service.clone(), containers });
            }
            Err(failed) => self.warned(id, wait, &[failed]),
        }
    }

    /// The one that ended a wait, and any other of its containers that has failed by now.
    fn all_failed(&self, wait: &WaitFor, first: FailedContainer) -> Vec<FailedContainer> {
        let Some(waits) = &self.waits else { return vec![first] };
        let others = wait.containers.iter().filter(|container| **container != first.container);
        let others = others.filter_map(|container| waits.failed(container, wait.condition));
        std::iter::once(first.clone()).chain(others).collect()
    }

    fn succeeded(&mut self, id: OperationId) {
        self.done += 1;
        self.schedule.succeeded(id);
        self.reporter.event(Event::Done { id, took: self.took(id) });
    }

    fn warned(&mut self, id: OperationId, wait: &WaitFor, failed: &[FailedContainer]) {
        let message = format!("service {} is not ready, but not required: {}", wait.service, reasons(failed));
        self.took(id);
        self.schedule.succeeded(id);
        if !self.warnings.contains(&message) {
            self.warnings.push(message.clone());
        }
        self.reporter.event(Event::Warned { id, message });
    }

    fn failed(&mut self, id: OperationId, cause: FailureCause) {
        self.took(id);
        self.reporter.event(Event::Failed { id, message: cause.to_string() });
        if self.failures.is_empty() {
            self.others_until = Instant::now() + images::OTHERS;
        }
        let operation = &self.operations[id];
        self.failures.push(OperationFailure {
            id,
            attempt: attempt(operation),
            cause,
            last_lines: Vec::new(),
            hints: Vec::new(),
            image: FailedImage::of(operation, &self.options.images),
        });
    }

    /// Nothing failed but pulls, and only just now: which other images can't be had is soon known.
    fn looks_for_missing_images(&self) -> bool {
        self.failures.iter().all(images::is_missing) && Instant::now() < self.others_until
    }

    /// A container that had become ready has ended: whoever relies on it can't succeed, and it isn't ready.
    fn died(&mut self, container: String, failure: WaitFailure) {
        let relied_on = self.passed.iter().copied().find_map(|id| match &self.operations[id].action {
            Action::Wait(wait)
                if wait.required
                    && wait.condition != WaitCondition::Completed
                    && wait.containers.contains(&container) =>
            {
                Some((id, wait.service.clone()))
            }
            _ => None,
        });
        let known = |failure: &OperationFailure| failure.container() == Some(container.as_str());
        if let Some((id, service)) = relied_on
            && !self.failures.iter().any(known)
        {
            let containers = vec![FailedContainer { container, failure }];
            self.failed(id, FailureCause::Wait { service, containers });
        }
    }

    fn timed_out(&mut self) {
        let Some((waits, limit)) = self.waits.clone().zip(self.options.timeout) else { return };
        let open: Vec<OperationId> = self.begun.keys().copied().collect();
        for id in open {
            let Action::Wait(wait) = &self.operations[id].action else { continue };
            let late = wait.containers.iter().filter(|container| waits.is_open(container, wait.condition));
            let late: Vec<FailedContainer> = late
                .map(|container| FailedContainer {
                    container: container.clone(),
                    failure: waits.timed_out(container, limit),
                })
                .collect();
            match late.is_empty() {
                true => {}
                false if wait.required => {
                    self.failed(id, FailureCause::Wait { service: wait.service.clone(), containers: late });
                }
                false => self.warned(id, wait, &late),
            }
        }
        // Where only what isn't required was late, the rest gets its time.
        self.clock.start_anew();
    }

    /// How long an operation took; it is no longer under way.
    fn took(&mut self, id: OperationId) -> Duration {
        self.begun.remove(&id).map(|begun| begun.elapsed()).unwrap_or_default()
    }

    async fn finish(mut self, start: Instant, interrupted: bool) -> Result<Outcome, RunError> {
        let mut left: Vec<OperationId> =
            self.schedule.unstarted().chain(self.begun.keys().copied()).collect();
        left.sort_unstable();
        for id in &left {
            self.reporter.event(Event::Cancelled { id: *id });
        }
        let engine = Arc::clone(&self.engine);
        join_all(self.failures.iter_mut().map(|failure| diagnose(&*engine, failure))).await;
        if interrupted {
            return Err(RunError::Interrupted(Interruption {
                done: self.done,
                left: left.len(),
                running: running(&*engine, &self.options.project).await,
                failures: self.failures,
            }));
        }
        if !self.failures.is_empty() {
            return Err(RunError::Failed(self.failures));
        }
        Ok(Outcome { done: self.done, warnings: self.warnings, took: start.elapsed() })
    }
}

async fn next_death(deaths: &mut Option<Deaths>) -> Option<(String, WaitFailure)> {
    deaths.as_mut()?.recv().await
}

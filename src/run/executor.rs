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
use super::error::{Interruption, OperationFailure, Outcome, RunError};
use super::event::{Event, Reporter};
use super::events::EventHub;
use super::options::ExecuteOptions;
use super::perform::perform;
use super::schedule::{Class, Schedule};
use super::under_way::{UnderWay, Waited};
use super::wait::{Deaths, ReadyCheck, WaitFailure, Waits};
use crate::engine::{Engine, EngineError};
use crate::plan::operation::{Action, Operation, OperationId, Plan, WaitFor};

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
pub(super) struct Run<'a> {
    pub(super) operations: &'a [Operation],
    pub(super) engine: Arc<dyn Engine>,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) options: &'a ExecuteOptions,
    pub(super) schedule: Schedule,
    pub(super) clock: Clock,
    pub(super) activity: Arc<Activity>,
    pub(super) waits: Option<Arc<Waits>>,
    pub(super) deaths: Option<Deaths>,
    /// When each operation under way began.
    pub(super) begun: BTreeMap<OperationId, Instant>,
    pub(super) passed: Vec<OperationId>,
    pub(super) done: usize,
    pub(super) warnings: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) failures: Vec<OperationFailure>,
    /// Until when other pulls go on after one that failed.
    pub(super) others_until: Instant,
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
            notes: Vec::new(),
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
                under_way.applies.clear();
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
                Some((id, result)) = under_way.applies.next() => self.called(id, result),
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
                let options = self.options;
                let call = async move { (id, perform(&*engine, reporter, options, id, operation).await) };
                if class.is_transfer() {
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
        Ok(Outcome { done: self.done, warnings: self.warnings, notes: self.notes, took: start.elapsed() })
    }
}

async fn next_death(deaths: &mut Option<Deaths>) -> Option<(String, WaitFailure)> {
    deaths.as_mut()?.recv().await
}

//! What becomes of operations: done, failed, late, or failed without being required.

use std::time::Duration;

use tokio::time::Instant;

use super::error::{FailedImage, FailureCause, OperationFailure, attempt, reasons};
use super::event::Event;
use super::executor::Run;
use super::images;
use super::schedule::Class;
use super::wait::{FailedContainer, WaitFailure};
use crate::plan::operation::{Action, OperationId, WaitCondition, WaitFor};

impl Run<'_> {
    pub(super) fn called(&mut self, id: OperationId, result: Result<Vec<String>, FailureCause>) {
        let operation = &self.operations[id];
        self.activity.operation_ends();
        if Class::of(&operation.action).is_transfer() {
            self.clock.transfer_ends();
        }
        match result {
            Ok(notes) => {
                self.notes.extend(notes);
                if let Action::StartContainer(name) | Action::RestartContainer { container: name, .. } =
                    &operation.action
                {
                    let took = self.begun.get(&id).map(Instant::elapsed).unwrap_or_default();
                    self.activity.container_started(name, took);
                    self.clock.start();
                }
                self.succeeded(id);
            }
            Err(cause) => self.failed(id, cause),
        }
    }

    pub(super) fn waited(&mut self, id: OperationId, result: Result<(), FailedContainer>) {
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
    pub(super) fn all_failed(&self, wait: &WaitFor, first: FailedContainer) -> Vec<FailedContainer> {
        let Some(waits) = &self.waits else { return vec![first] };
        let others = wait.containers.iter().filter(|container| **container != first.container);
        let others = others.filter_map(|container| waits.failed(container, wait.condition));
        std::iter::once(first.clone()).chain(others).collect()
    }

    pub(super) fn succeeded(&mut self, id: OperationId) {
        self.done += 1;
        self.schedule.succeeded(id);
        self.reporter.event(Event::Done { id, took: self.took(id) });
    }

    pub(super) fn warned(&mut self, id: OperationId, wait: &WaitFor, failed: &[FailedContainer]) {
        let message = format!("service {} is not ready, but not required: {}", wait.service, reasons(failed));
        self.took(id);
        self.schedule.succeeded(id);
        if !self.warnings.contains(&message) {
            self.warnings.push(message.clone());
        }
        self.reporter.event(Event::Warned { id, message });
    }

    pub(super) fn failed(&mut self, id: OperationId, cause: FailureCause) {
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
    pub(super) fn looks_for_missing_images(&self) -> bool {
        self.failures.iter().all(images::is_missing) && Instant::now() < self.others_until
    }

    /// A container that had become ready has ended: whoever relies on it can't succeed, and it isn't ready.
    pub(super) fn died(&mut self, container: String, failure: WaitFailure) {
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

    pub(super) fn timed_out(&mut self) {
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
    pub(super) fn took(&mut self, id: OperationId) -> Duration {
        self.begun.remove(&id).map(|begun| begun.elapsed()).unwrap_or_default()
    }
}

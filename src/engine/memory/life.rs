//! What containers do by themselves: end, be restarted, be checked.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Inner;
use super::behaviour::{Behaviour, Exit};
use super::state::Outbox;
use crate::engine::{ActiveHealthcheck, ContainerEventKind, LogLine};
use crate::plan::observed::{ContainerState, Health};
use crate::stack::model::RestartPolicy;

/// The engine's first pause before a restart; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause before a restart.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A run of this length sets the pause back.
const GOOD_RUN: Duration = Duration::from_secs(10);

/// Lets a run that has just started take its course.
pub(super) fn begin(inner: &Arc<Inner>, id: &str, epoch: u64) {
    let state = inner.state();
    let Some(container) = state.containers.get(id).filter(|container| container.epoch == epoch) else {
        return;
    };
    let behaviour = state.behaviour(container);
    let healthcheck = container.healthcheck(&behaviour);
    let run = container.runs;
    drop(state);

    for line in &behaviour.logs {
        write(inner, id, line);
    }
    if let Some(end) = behaviour.exit_of_run(run) {
        let (inner, id) = (Arc::downgrade(inner), id.to_owned());
        tokio::spawn(async move {
            sleep(end.after).await;
            if let Some(inner) = inner.upgrade() {
                exit(&inner, &id, epoch, end);
            }
        });
    }
    if let Some(healthcheck) = healthcheck {
        tokio::spawn(check(Arc::downgrade(inner), id.to_owned(), epoch, healthcheck, behaviour));
    }
}

/// Writes a line of output.
fn write(inner: &Arc<Inner>, id: &str, line: &str) {
    let mut state = inner.state();
    let time = state.timestamp(Instant::now());
    let line = LogLine { time, stderr: false, line: line.as_bytes().to_vec() };
    if let Some(container) = state.containers.get_mut(id) {
        container.logs.push(line.clone());
    }
    drop(state);
    let _ = inner.lines.send((id.to_owned(), line));
}

/// Ends a run: the restart policy decides what comes next.
pub(super) fn exit(inner: &Arc<Inner>, id: &str, epoch: u64, end: Exit) {
    let mut outbox = Outbox::default();
    let mut restart = None;
    let mut state = inner.state();
    {
        let next = state.next();
        let Some(container) = state.containers.get_mut(id) else { return };
        if container.epoch != epoch || !container.state.is_up() {
            return;
        }
        if end.oom {
            outbox.events.push(container.event(ContainerEventKind::Oom));
        }
        outbox.events.push(container.event(ContainerEventKind::Died(end.code)));
        let ran = container.started.map(|started| started.elapsed()).unwrap_or_default();
        container.epoch = next;
        container.oom_killed = end.oom;
        container.finished = Some(Instant::now());
        container.health = container.health.map(|_| Health::Unhealthy);
        let again = match container.request.spec.restart {
            RestartPolicy::No => false,
            RestartPolicy::Always | RestartPolicy::UnlessStopped => true,
            RestartPolicy::OnFailure(most) => {
                end.code != 0 && most.is_none_or(|most| container.restarts < most)
            }
        };
        if again {
            let doublings = if ran >= GOOD_RUN { 0 } else { container.restarts.min(16) as u32 };
            container.restarts += 1;
            container.state = ContainerState::Restarting;
            restart = Some((next, (FIRST_PAUSE * 2u32.pow(doublings)).min(LONGEST_PAUSE)));
        } else {
            container.state = ContainerState::Exited(end.code);
            container.ports.clear();
        }
    }
    drop(state);
    outbox.deliver(inner);
    if let Some((epoch, pause)) = restart {
        let (inner, id) = (Arc::downgrade(inner), id.to_owned());
        tokio::spawn(async move {
            sleep(pause).await;
            if let Some(inner) = inner.upgrade() {
                start_again(&inner, &id, epoch);
            }
        });
    }
}

fn start_again(inner: &Arc<Inner>, id: &str, epoch: u64) {
    let mut state = inner.state();
    if state.containers.get(id).is_none_or(|container| container.epoch != epoch) {
        return;
    }
    state.run(id);
    let outbox = std::mem::take(&mut state.outbox);
    drop(state);
    outbox.deliver(inner);
}

/// The engine's own runs of the healthcheck, for one run of the container.
async fn check(
    inner: Weak<Inner>,
    id: String,
    epoch: u64,
    healthcheck: ActiveHealthcheck,
    behaviour: Behaviour,
) {
    let started = Instant::now();
    let mut failures = 0;
    loop {
        sleep(healthcheck.interval).await;
        let result = behaviour.test_result(started.elapsed());
        let in_start_period = started.elapsed() < healthcheck.start_period;
        sleep(result.takes.min(healthcheck.timeout)).await;
        let passed = result.code == 0 && result.takes <= healthcheck.timeout;
        failures = if passed { 0 } else { failures + u64::from(!in_start_period) };

        let Some(inner) = inner.upgrade() else { return };
        let mut state = inner.state();
        let Some(container) = state.containers.get_mut(&id).filter(|container| container.epoch == epoch)
        else {
            return;
        };
        let health = match (passed, failures >= healthcheck.retries) {
            (true, _) => Health::Healthy,
            (false, true) => Health::Unhealthy,
            (false, false) => container.health.unwrap_or(Health::Starting),
        };
        container.health_output = Some(result.output.trim_end().to_owned());
        let changed = container.health != Some(health);
        container.health = Some(health);
        let event = container.event(ContainerEventKind::Health(health));
        drop(state);
        if changed {
            inner.emit(event);
        }
    }
}

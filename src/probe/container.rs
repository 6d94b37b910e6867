//! The container level: what the platform's word on a replica means for the service. Pure.

use super::Outcome;
use super::answer::{Answer, ProbeFailure};
use super::kind::Kind;
use crate::platform::{ReplicaState, ReplicaStatus};
use crate::stack::model::{Condition, RestartPolicy};
use crate::stack::{Service, Stack};

/// What was found at a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub outcome: Outcome,
    pub detail: String,
    pub hint: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::Ok, detail: detail.into(), hint: None }
    }

    /// Not asked.
    pub fn skipped(why: impl Into<String>) -> Self {
        Self { outcome: Outcome::Skipped, detail: why.into(), hint: None }
    }

    /// Works, but look at it.
    pub fn warn(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { outcome: Outcome::Warn, detail: detail.into(), hint: Some(hint.into()) }
    }

    /// Doesn't work.
    pub fn fail(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { outcome: Outcome::Fail, detail: detail.into(), hint: Some(hint.into()) }
    }
}

impl From<Result<Answer, ProbeFailure>> for Finding {
    fn from(answer: Result<Answer, ProbeFailure>) -> Self {
        match answer {
            Ok(Answer::Seen(detail)) => Self::ok(detail),
            Ok(Answer::Doubtful { detail, hint }) => Self::warn(detail, hint),
            Ok(Answer::NotAsked(why)) => Self::skipped(format!("not asked: {why}")),
            Err(ProbeFailure { detail, hint, .. }) => Self { outcome: Outcome::Fail, detail, hint },
        }
    }
}

/// What a replica's state means.
pub(super) fn judge(stack: &Stack, service: &Service, status: &ReplicaStatus) -> Finding {
    let name = &service.name;
    let logs = format!("vv logs {name}");
    let start = format!("vv start {name}");
    match status.state {
        ReplicaState::Running if status.restarts > 0 => Finding::warn(
            format!("running, restarted {}", times(status.restarts)),
            format!("{logs} shows why it ended before"),
        ),
        ReplicaState::Running => Finding::ok(if status.stub { "running (stub)" } else { "running" }),
        ReplicaState::Paused => {
            Finding::fail("paused: its processes are frozen", format!("docker unpause {}", status.name))
        }
        ReplicaState::Restarting => {
            Finding::fail(format!("ends again and again, restarted {}", times(status.restarts)), logs)
        }
        ReplicaState::Created => Finding::fail("created, but never started", start),
        ReplicaState::Dead => Finding::fail("dead: the engine couldn't remove it", start),
        ReplicaState::Exited { oom: true, .. } => Finding::fail(
            "ended: the kernel killed it for lack of memory",
            match service.resources.memory {
                Some(bytes) => format!("raise its memory limit ({} MiB now)", bytes / (1024 * 1024)),
                None => "the machine is short of memory: vv status shows what else runs".into(),
            },
        ),
        ReplicaState::Exited { code: 0, .. } if is_job(stack, service) => {
            Finding::ok("done: it ended with 0")
        }
        ReplicaState::Exited { code: 0, .. } => Finding::fail("ended with 0, but should keep running", start),
        ReplicaState::Exited { code, .. } => Finding::fail(
            format!("ended with {}", meaning(code)),
            format!("{logs} shows why; {start} starts it again"),
        ),
    }
}

/// Whether a service is there to end: another waits for that, or nothing about it is made to be asked.
pub(super) fn is_job(stack: &Stack, service: &Service) -> bool {
    let awaited = |other: &Service| {
        other
            .depends_on
            .get(&service.name)
            .is_some_and(|dependency| dependency.condition == Condition::ServiceCompletedSuccessfully)
    };
    let kind = Kind::of(service);
    if kind == Some(Kind::Job) || stack.services.values().any(awaited) {
        return true;
    }
    let may_end = matches!(service.restart, RestartPolicy::No | RestartPolicy::OnFailure(_));
    may_end
        && service.ports.is_empty()
        && service.healthcheck.is_none()
        && service.vv.probe.is_none()
        && service.vv.urls.is_empty()
        && kind.is_none()
}

fn times(count: u64) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}

/// An exit code, with what it usually stands for.
fn meaning(code: i64) -> String {
    match code {
        126 => "126: its command can't be run".into(),
        127 => "127: its command wasn't found".into(),
        137 => "137: it was killed (SIGKILL)".into(),
        139 => "139: it crashed (SIGSEGV)".into(),
        143 => "143: it was told to stop (SIGTERM)".into(),
        _ => code.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{service, stack_of, status};
    use crate::stack::model::Dependency;

    fn found(state: ReplicaState, change: impl FnOnce(&mut Service, &mut ReplicaStatus)) -> String {
        let mut service = service("api", &[8080], &[]);
        let mut status = status("api", 1);
        status.state = state;
        change(&mut service, &mut status);
        let finding = judge(&stack_of([service.clone()]), &service, &status);
        format!("{:?} | {} | {}", finding.outcome, finding.detail, finding.hint.unwrap_or_default())
    }

    #[test]
    fn every_state_has_its_words() {
        let exited = |code, oom| ReplicaState::Exited { code, oom };
        let as_is = |_: &mut Service, _: &mut ReplicaStatus| {};
        let lines = [
            found(ReplicaState::Running, as_is),
            found(ReplicaState::Running, |_, status| status.stub = true),
            found(ReplicaState::Running, |_, status| status.restarts = 1),
            found(ReplicaState::Paused, as_is),
            found(ReplicaState::Restarting, |_, status| status.restarts = 7),
            found(ReplicaState::Created, as_is),
            found(ReplicaState::Dead, as_is),
            found(exited(137, true), as_is),
            found(exited(137, true), |service, _| service.resources.memory = Some(256 * 1024 * 1024)),
            found(exited(0, false), as_is),
            found(exited(0, false), |service, _| service.ports.clear()),
            found(exited(1, false), as_is),
            found(exited(127, false), as_is),
            found(exited(137, false), as_is),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        Ok | running | 
        Ok | running (stub) | 
        Warn | running, restarted once | vv logs api shows why it ended before
        Fail | paused: its processes are frozen | docker unpause api-1
        Fail | ends again and again, restarted 7 times | vv logs api
        Fail | created, but never started | vv start api
        Fail | dead: the engine couldn't remove it | vv start api
        Fail | ended: the kernel killed it for lack of memory | the machine is short of memory: vv status shows what else runs
        Fail | ended: the kernel killed it for lack of memory | raise its memory limit (256 MiB now)
        Fail | ended with 0, but should keep running | vv start api
        Ok | done: it ended with 0 | 
        Fail | ended with 1 | vv logs api shows why; vv start api starts it again
        Fail | ended with 127: its command wasn't found | vv logs api shows why; vv start api starts it again
        Fail | ended with 137: it was killed (SIGKILL) | vv logs api shows why; vv start api starts it again
        ");
    }

    #[test]
    fn a_job_is_what_somebody_waits_for_or_what_nobody_can_ask() {
        let mut job = service("migrate", &[], &[]);
        job.vv.kind = Some("postgres".into());
        assert!(!is_job(&stack_of([job.clone()]), &job), "a server");
        let mut waiting = service("api", &[8080], &[]);
        let condition = Condition::ServiceCompletedSuccessfully;
        waiting.depends_on.insert("migrate".into(), Dependency { condition, restart: false, required: true });
        assert!(is_job(&stack_of([job.clone(), waiting]), &job));
        job.vv.kind = None;
        assert!(is_job(&stack_of([job.clone()]), &job));
        job.restart = RestartPolicy::Always;
        assert!(!is_job(&stack_of([job.clone()]), &job), "it is to be started again");
        job.vv.kind = Some("job".into());
        assert!(is_job(&stack_of([job.clone()]), &job), "the file has the last word");
    }
}

//! The container level: what the platform's word on a replica means for the service. Pure.

use std::time::Duration;

use super::Outcome;
use super::answer::{Answer, ProbeFailure, first_line};
use super::kind::Kind;
use super::said::{core_of, missing_program};
use crate::platform::{ReplicaState, ReplicaStatus};
use crate::stack::model::RestartPolicy;
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
        ReplicaState::Running if status.restarts > 0 => restarted(service, status, logs),
        ReplicaState::Running => Finding::ok(if status.stub { "running (stub)" } else { "running" }),
        ReplicaState::Paused => {
            Finding::fail("paused: its processes are frozen", format!("docker unpause {}", status.name))
        }
        ReplicaState::Restarting => Finding::fail(
            format!(
                "ends again and again: restarted {}{}",
                times(status.restarts),
                last_end(service, status)
            ),
            after_ends(service, status, logs),
        ),
        ReplicaState::Created => never_started(service, status, start),
        ReplicaState::Dead => Finding::fail("dead: the engine couldn't remove it", start),
        ReplicaState::Exited { oom: true, .. } => {
            Finding::fail("ended: the kernel killed it for lack of memory", more_memory(service))
        }
        ReplicaState::Exited { code: 0, .. } if stack.is_job(service) => Finding::ok("done: it ended with 0"),
        ReplicaState::Exited { code: 0, .. } if may_end(service) => Finding::warn(
            "ended with 0, and nobody waits for its end",
            format!("{start} starts it again; x-vv.kind: job says that it is meant to end"),
        ),
        ReplicaState::Exited { code: 0, .. } => Finding::fail("ended with 0, but should keep running", start),
        ReplicaState::Exited { code, .. } => Finding::fail(
            format!("ended with {}{}", meaning(code), perhaps(service, Some(code))),
            format!("{logs} shows why; {start} starts it again"),
        ),
    }
}

/// One that was made and not started, or that couldn't be.
fn never_started(service: &Service, status: &ReplicaStatus, start: String) -> Finding {
    let Some(error) = &status.start_error else { return Finding::fail("created, but never started", start) };
    match missing_program(error) {
        Some(program) => Finding::fail(
            format!("couldn't start: its command {program} isn't in the image {}", service.image),
            "correct its command or entrypoint",
        ),
        None => Finding::fail(
            format!("couldn't start: {}", first_line(core_of(error))),
            format!("vv why {} says more", service.name),
        ),
    }
}

/// A container that is up this long after a restart has got over it for now …
const SETTLED: Duration = Duration::from_secs(60);
/// … and what was longer ago isn't worth a word: nothing would ever take it back.
const FORGOTTEN: Duration = Duration::from_secs(60 * 60);

/// One that runs and has ended before. Between two ends it runs, too.
fn restarted(service: &Service, status: &ReplicaStatus, logs: String) -> Finding {
    let often = times(status.restarts);
    let Some(up) = status.up_for else {
        return Finding::warn(
            format!("running, restarted {often}"),
            format!("{logs} shows why it ended before"),
        );
    };
    let ends = last_end(service, status);
    match up {
        up if up < SETTLED && status.restarts > 1 => Finding::fail(
            format!("ends again and again: restarted {often}{ends}, up for {}", length(up)),
            after_ends(service, status, logs),
        ),
        up if up < FORGOTTEN => Finding::warn(
            format!("running for {}, restarted {often}{ends}", length(up)),
            format!("{logs} shows why it ended before"),
        ),
        up => Finding::ok(format!("running for {}", length(up))),
    }
}

/// `, last with code 3`
fn last_end(service: &Service, status: &ReplicaStatus) -> String {
    let code = status.last_end.code.map(|code| format!(", last with code {code}")).unwrap_or_default();
    match status.last_end.oom {
        true => format!("{code}, for lack of memory"),
        false => format!("{code}{}", perhaps(service, status.last_end.code)),
    }
}

/// The kernel may kill any process of a container that reaches its limit, and the engine only tells of some.
fn perhaps(service: &Service, code: Option<i64>) -> &'static str {
    match (code, service.resources.memory) {
        (Some(137), Some(_)) => ", perhaps for lack of memory",
        _ => "",
    }
}

fn after_ends(service: &Service, status: &ReplicaStatus, logs: String) -> String {
    if status.last_end.oom { more_memory(service) } else { logs }
}

fn more_memory(service: &Service) -> String {
    match service.resources.memory {
        Some(bytes) => format!("raise its memory limit ({} MiB now)", bytes / (1024 * 1024)),
        None => "the machine is short of memory: vv status shows what else runs".into(),
    }
}

/// `2 s`, `5 min`, `3 h`, `9 days`
fn length(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// Whether a service may be meant to end: nothing about it is made to be asked, or to be up again and again.
fn may_end(service: &Service) -> bool {
    matches!(service.restart, RestartPolicy::No | RestartPolicy::OnFailure(_))
        && service.ports.is_empty()
        && service.healthcheck.is_none()
        && service.vv.probe.is_none()
        && service.vv.urls.is_empty()
        && Kind::of(service).is_none()
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
    use crate::stack::model::{Condition, Dependency};

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
        let after = |restarts, up, code| {
            move |_: &mut Service, status: &mut ReplicaStatus| {
                status.restarts = restarts;
                status.up_for = Some(Duration::from_secs(up));
                status.last_end.code = code;
            }
        };
        let lines = [
            found(ReplicaState::Running, as_is),
            found(ReplicaState::Running, |_, status| status.stub = true),
            found(ReplicaState::Running, |_, status| status.restarts = 1),
            found(ReplicaState::Running, after(1, 2, Some(1))),
            found(ReplicaState::Running, after(4, 2, Some(3))),
            found(ReplicaState::Running, after(4, 2, None)),
            found(ReplicaState::Running, after(4, 59, Some(137))),
            found(ReplicaState::Running, |service, status| {
                service.resources.memory = Some(256 * 1024 * 1024);
                after(4, 0, Some(137))(service, status);
            }),
            found(ReplicaState::Running, |service, status| {
                service.resources.memory = Some(256 * 1024 * 1024);
                after(4, 0, Some(137))(service, status);
                status.last_end.oom = true;
            }),
            found(ReplicaState::Running, after(4, 60, None)),
            found(ReplicaState::Running, after(4, 3599, None)),
            found(ReplicaState::Running, after(4, 3600, None)),
            found(ReplicaState::Running, after(4, 900_000, None)),
            found(ReplicaState::Paused, as_is),
            found(ReplicaState::Restarting, |_, status| status.restarts = 7),
            found(ReplicaState::Created, as_is),
            found(ReplicaState::Created, |_, status| {
                let error = "OCI runtime create failed: runc create failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: unknown";
                status.start_error = Some(error.into());
            }),
            found(ReplicaState::Created, |_, status| {
                let error = "OCI runtime create failed: runc create failed: unable to start container process: exec: \"/run\": permission denied: unknown";
                status.start_error = Some(error.into());
            }),
            found(ReplicaState::Dead, as_is),
            found(exited(137, true), as_is),
            found(exited(137, true), |service, _| service.resources.memory = Some(256 * 1024 * 1024)),
            found(exited(0, false), as_is),
            found(exited(0, false), |service, _| service.ports.clear()),
            found(exited(1, false), as_is),
            found(exited(127, false), as_is),
            found(exited(137, false), as_is),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Ok | running | 
        Ok | running (stub) | 
        Warn | running, restarted once | vv logs api shows why it ended before
        Warn | running for 2 s, restarted once, last with code 1 | vv logs api shows why it ended before
        Fail | ends again and again: restarted 4 times, last with code 3, up for 2 s | vv logs api
        Fail | ends again and again: restarted 4 times, up for 2 s | vv logs api
        Fail | ends again and again: restarted 4 times, last with code 137, up for 59 s | vv logs api
        Fail | ends again and again: restarted 4 times, last with code 137, perhaps for lack of memory, up for 0 s | vv logs api
        Fail | ends again and again: restarted 4 times, last with code 137, for lack of memory, up for 0 s | raise its memory limit (256 MiB now)
        Warn | running for 1 min, restarted 4 times | vv logs api shows why it ended before
        Warn | running for 59 min, restarted 4 times | vv logs api shows why it ended before
        Ok | running for 1 h | 
        Ok | running for 10 days | 
        Fail | paused: its processes are frozen | docker unpause api-1
        Fail | ends again and again: restarted 7 times | vv logs api
        Fail | created, but never started | vv start api
        Fail | couldn't start: its command nope isn't in the image acme/api-of-ours | correct its command or entrypoint
        Fail | couldn't start: exec: "/run": permission denied | vv why api says more
        Fail | dead: the engine couldn't remove it | vv start api
        Fail | ended: the kernel killed it for lack of memory | the machine is short of memory: vv status shows what else runs
        Fail | ended: the kernel killed it for lack of memory | raise its memory limit (256 MiB now)
        Fail | ended with 0, but should keep running | vv start api
        Warn | ended with 0, and nobody waits for its end | vv start api starts it again; x-vv.kind: job says that it is meant to end
        Fail | ended with 1 | vv logs api shows why; vv start api starts it again
        Fail | ended with 127: its command wasn't found | vv logs api shows why; vv start api starts it again
        Fail | ended with 137: it was killed (SIGKILL) | vv logs api shows why; vv start api starts it again
        "#);
    }

    #[test]
    fn a_job_is_what_somebody_waits_for_or_what_the_file_says() {
        let ended = |stack: &Stack| {
            let mut ended = status("migrate", 1);
            ended.state = ReplicaState::Exited { code: 0, oom: false };
            judge(stack, &stack.services["migrate"], &ended).outcome
        };
        let mut job = service("migrate", &[], &[]);
        assert_eq!(ended(&stack_of([job.clone()])), Outcome::Warn, "it may have been stopped");
        let mut waiting = service("api", &[8080], &[]);
        let condition = Condition::ServiceCompletedSuccessfully;
        waiting.depends_on.insert("migrate".into(), Dependency { condition, restart: false, required: true });
        assert_eq!(ended(&stack_of([job.clone(), waiting.clone()])), Outcome::Ok);
        let mut stack = stack_of([job.clone()]);
        stack.inactive.insert("api".into(), waiting);
        assert_eq!(ended(&stack), Outcome::Ok, "a profile is off");
        job.restart = RestartPolicy::Always;
        assert_eq!(ended(&stack_of([job.clone()])), Outcome::Fail, "it is to be started again");
        job.restart = RestartPolicy::No;
        job.vv.kind = Some("postgres".into());
        assert_eq!(ended(&stack_of([job.clone()])), Outcome::Fail, "a server");
        job.vv.kind = Some("job".into());
        assert_eq!(ended(&stack_of([job.clone()])), Outcome::Ok, "the file has the last word");
    }
}

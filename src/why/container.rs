//! What a single container shows. Pure.

use super::facts::ReplicaFacts;
use super::words::{self, short};
use super::{Cause, Reason};
use crate::platform::{HealthVerdict, ReplicaState};
use crate::probe::said::{core_of, missing_program};
use crate::probe::{Check, Level, Outcome};
use crate::stack::Service;

/// How many of the last lines are shown.
const SHOWN: usize = 8;

/// Why this container isn't ready; nothing where it is, or is done. `checks` are those of this replica.
pub fn judge(service: &Service, replica: &ReplicaFacts, checks: &[&Check]) -> Option<Reason> {
    let name = &service.name;
    let start = format!("vv start {name}");
    let reason = |cause, what: String, fix: String| Reason::of(service, cause, what, fix);
    // The probes know a job that has done its work from a server that ended.
    let fine = checks.iter().any(|check| check.level == Level::Container && check.outcome == Outcome::Ok);
    let doubtful =
        checks.iter().find(|check| check.level == Level::Container && check.outcome == Outcome::Warn);
    match replica.status.state {
        ReplicaState::Created => Some(never_started(service, replica)),
        ReplicaState::Paused => Some(reason(
            Cause::Paused,
            "is paused: its processes are frozen".to_owned(),
            format!("docker unpause {}", replica.status.name),
        )),
        ReplicaState::Dead => Some(reason(
            Cause::Dead,
            "is dead: the engine couldn't remove it".to_owned(),
            format!("docker rm -f {}; {start}", replica.status.name),
        )),
        ReplicaState::Exited { code: 0, .. } if fine => None,
        ReplicaState::Exited { code: 0, .. } if let Some(check) = doubtful => {
            Some(reason(Cause::Exited, check.detail.clone(), check.hint.clone().unwrap_or(start)))
        }
        ReplicaState::Exited { code, oom } => Some(ended(service, replica, code, oom, false)),
        ReplicaState::Restarting => {
            let code = replica.last_code.unwrap_or(-1);
            Some(ended(service, replica, code, replica.oom, true))
        }
        ReplicaState::Running => running(service, replica, checks),
    }
}

/// One that was made and not started, or that the engine couldn't start.
fn never_started(service: &Service, replica: &ReplicaFacts) -> Reason {
    let name = &service.name;
    let start = format!("vv start {name}");
    let Some(error) = &replica.error else {
        let made = "was made, but never started";
        return Reason { final_: false, ..Reason::of(service, Cause::NotStarted, made, start) };
    };
    let evidence = vec![format!("the engine says: {}", short(error))];
    let failed = |cause, what: String, fix: String| Reason {
        evidence: evidence.clone(),
        ..Reason::of(service, cause, what, fix)
    };
    if let Some((port, holder)) = &replica.port {
        return match holder {
            Some(holder) => failed(
                Cause::PortTaken,
                format!("couldn't start: port {port} is used by {holder}"),
                format!("stop what uses it, or publish another port; then {start}"),
            ),
            None => failed(
                Cause::PortTaken,
                format!("couldn't start: port {port} was taken, and is free by now"),
                start,
            ),
        };
    }
    if let Some(program) = missing_program(error) {
        return failed(
            Cause::StartFailed,
            format!("couldn't start: its command {program} isn't in the image {}", service.image),
            "correct its command or entrypoint".to_owned(),
        );
    }
    if words::disk_full(std::slice::from_ref(error)).is_some() {
        return failed(Cause::DiskFull, "couldn't start: the disk is full".to_owned(), disk_fix());
    }
    let fix = match () {
        () if error.contains("permission denied") => "make its command executable: chmod +x".to_owned(),
        () if error.contains("exec format error") => {
            format!("docker pull {} for this machine's platform, or name it: platform", service.image)
        }
        () if error.contains("bind source path does not exist") => {
            "vv doctor names the missing path".to_owned()
        }
        () => format!("mend that, then {start}"),
    };
    failed(Cause::StartFailed, format!("couldn't start: {}", short(core_of(error))), fix)
}

fn disk_fix() -> String {
    "docker system df shows what takes it; docker image prune frees what no tag names".to_owned()
}

/// One whose process has ended; `again`: the engine restarts it.
fn ended(service: &Service, replica: &ReplicaFacts, code: i64, oom: bool, again: bool) -> Reason {
    let name = &service.name;
    let logs = format!("vv logs {name}");
    let often = match replica.status.restarts {
        0 => String::new(),
        times => format!("restarted {times}×"),
    };
    let mut evidence = Vec::new();
    if again && !often.is_empty() {
        evidence.push(often);
    }
    evidence.extend(last_lines(replica));
    let reason = |cause, what: String, fix: String, final_| Reason {
        evidence: evidence.clone(),
        final_,
        ..Reason::of(service, cause, what, fix)
    };
    let verb = if again { "ends again and again, with" } else { "exited with" };
    if oom {
        let fix = match service.resources.memory {
            Some(bytes) => {
                format!(
                    "raise its memory limit ({} MiB now): deploy.resources.limits.memory or mem_limit",
                    bytes >> 20
                )
            }
            None => "the machine is short of memory: vv doctor says how much there is".to_owned(),
        };
        let what = if again {
            "is killed for lack of memory again and again"
        } else {
            "was killed for lack of memory (OOM)"
        };
        return reason(Cause::OutOfMemory, what.to_owned(), fix, true);
    }
    if let Some(line) = words::disk_full(&replica.logs) {
        return reason(
            Cause::DiskFull,
            format!("{verb} {code}: the disk is full: {}", quoted(line)),
            disk_fix(),
            true,
        );
    }
    let cause = if again { Cause::RestartLoop } else { Cause::Exited };
    let told = words::telling(&replica.logs).map(|line| format!(": {}", quoted(line))).unwrap_or_default();
    let meaning = words::exit_meaning(code);
    match (code, meaning) {
        (-1, _) => reason(cause, format!("ends again and again{told}"), logs, false),
        (125..=127, Some(meaning)) => reason(
            cause,
            format!("{verb} {code}: {meaning}{}", told.replacen(": ", ", ", 1)),
            "correct its command or entrypoint".to_owned(),
            true,
        ),
        // Somebody stopped it: nothing is to blame.
        (137 | 143 | 130, Some(meaning)) if !again => {
            reason(cause, format!("{verb} {code}: {meaning}"), format!("vv start {name}"), true)
        }
        (_, Some(meaning)) => {
            reason(cause, format!("{verb} {code}: {meaning}{}", told.replacen(": ", ", ", 1)), logs, false)
        }
        (0, None) => reason(
            cause,
            format!("{verb} 0, and should keep running{told}"),
            format!("{logs}; a service that is to end: x-vv.kind: job"),
            false,
        ),
        (_, None) => reason(cause, format!("{verb} {code}{told}"), logs, false),
    }
}

fn quoted(line: &str) -> String {
    format!("\"{}\"", short(line))
}

fn last_lines(replica: &ReplicaFacts) -> Vec<String> {
    let said: Vec<&String> = replica.logs.iter().filter(|line| !line.trim().is_empty()).collect();
    let last = &said[said.len().saturating_sub(SHOWN)..];
    if last.is_empty() {
        return vec![format!("{} said nothing", replica.status.name)];
    }
    let title = format!("the last output of {}:", replica.status.name);
    std::iter::once(title).chain(last.iter().map(|line| format!("  {}", short(line)))).collect()
}

/// One that runs, and perhaps doesn't answer.
fn running(service: &Service, replica: &ReplicaFacts, checks: &[&Check]) -> Option<Reason> {
    let failing =
        checks.iter().filter(|check| check.outcome == Outcome::Fail).min_by_key(|check| check.level);
    let unhealthy = replica.status.health == Some(HealthVerdict::Unhealthy);
    let failing = failing?;
    let name = &service.name;
    let mut evidence = Vec::new();
    if let Some(output) = replica.health_output.as_ref().filter(|_| failing.level == Level::Healthcheck) {
        evidence.push("its healthcheck said last:".to_owned());
        evidence.extend(output.lines().take(SHOWN).map(|line| format!("  {}", short(line))));
    }
    if replica.status.restarts > 0 {
        evidence.push(format!("restarted {}× so far", replica.status.restarts));
    }
    if !replica.logs.is_empty() {
        evidence.extend(last_lines(replica));
    }
    let fix = failing.hint.clone().unwrap_or_else(|| format!("vv logs {name}"));
    let reason = |cause, what: String, fix: String, final_| {
        Some(Reason { evidence: evidence.clone(), final_, ..Reason::of(service, cause, what, fix) })
    };
    // It runs for the moment, between two ends.
    let ended_before = replica.status.restarts > 1 && replica.last_code.is_some_and(|code| code != 0);
    if failing.level == Level::Container || ended_before {
        return Some(ended(service, replica, replica.last_code.unwrap_or(-1), replica.oom, true));
    }
    if let Some(line) = words::disk_full(&replica.logs) {
        return reason(Cause::DiskFull, format!("finds the disk full: {}", quoted(line)), disk_fix(), true);
    }
    if failing.level == Level::Healthcheck {
        let output = replica.health_output.as_deref().unwrap_or_default();
        if let Some(program) = missing_program(&failing.detail).or_else(|| missing_program(output)) {
            return reason(
                Cause::HealthcheckMissing,
                format!(
                    "can't be checked: its healthcheck runs {program}, which isn't in the image {}",
                    service.image
                ),
                format!("let healthcheck.test run something that is in the image, or put {program} into it"),
                true,
            );
        }
        let verb = if unhealthy { "is unhealthy" } else { "isn't healthy yet" };
        let detail = failing.detail.split_once(": ").map_or(failing.detail.as_str(), |(_, detail)| detail);
        return reason(Cause::HealthcheckFails, format!("{verb}: {detail}"), fix, false);
    }
    reason(Cause::ProbeFails, format!("runs, but {} fails: {}", failing.name, failing.detail), fix, false)
}

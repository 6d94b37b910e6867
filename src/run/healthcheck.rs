//! A container's own healthcheck, run by vv: the engine's first run comes only after a whole interval.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::protocol::Row;
use crate::backoff::Backoff;
use crate::engine::earlier::{self, Earlier};
use crate::engine::{ContainerDetails, Engine, EngineError, ExecRequest, ExecSession};
use crate::probe::said::{lacks_the_command, telling_line};
use crate::stack::model::Test;

/// How much of a test's output is kept, in bytes.
const KEPT_OUTPUT: usize = 4096;

/// Runs a container's own healthcheck once: for those who won't wait until the engine has run it. Whether it passes, or
/// what it says; nothing for a container without one, and where that can't be found out within `limit`.
pub async fn check_once(
    engine: &Arc<dyn Engine>,
    container: &str,
    limit: Duration,
) -> Option<Result<(), String>> {
    let asked = timeout(limit, async {
        let details = engine.inspect(container).await.ok()?;
        let test = HealthTest::new(Arc::clone(engine), &details)?;
        match test.run(&test.seen).await {
            Run::Passed => Some(Ok(())),
            Run::Failed(said) | Run::Lacking(said) => Some(Err(said)),
            Run::Hung(_) => Some(Err(format!("its test doesn't end within {:?}", test.limit))),
            Run::Earlier => Some(Err(GOES_ON.to_owned())),
            Run::Unreachable(_) => None,
        }
    });
    asked.await.ok().flatten()
}

const GOES_ON: &str = "a run of its test that was begun before still goes on";

/// What the engine says of a container's health while vv asks for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing that counts.
    Open,
    /// Its own runs pass.
    Healthy,
    /// Its own runs fail.
    Unhealthy,
}

/// Why a healthcheck will not pass.
#[derive(Debug, Clone)]
pub(super) enum TestFailure {
    /// The engine says unhealthy and vv's own run failed too; what the test said last.
    Unhealthy(String),
    /// The container hasn't the test's program, and won't get it; what was said of it.
    Lacking(String),
    /// The engine can't be asked any more.
    Engine(EngineError),
}

/// A container's test.
pub(super) struct HealthTest {
    engine: Arc<dyn Engine>,
    /// The container's id and name.
    container: String,
    name: String,
    request: ExecRequest,
    /// The commands that ran there when it was looked at.
    seen: Vec<String>,
    limit: Duration,
}

/// How one run ended.
enum Run {
    Passed,
    Failed(String),
    /// Its program can't be run there.
    Lacking(String),
    /// It is past its limit and still goes on.
    Hung(ExecSession),
    Unreachable(EngineError),
    /// Not begun: one that was begun before still goes on.
    Earlier,
}

impl HealthTest {
    /// The test of a container; nothing when its healthcheck is switched off.
    pub(super) fn new(engine: Arc<dyn Engine>, container: &ContainerDetails) -> Option<Self> {
        let healthcheck = container.healthcheck.as_ref()?;
        let command = match &healthcheck.test {
            Test::None => return None,
            Test::Cmd(words) => words.clone(),
            Test::Shell(line) => shell(&healthcheck.shell).into_iter().chain([line.clone()]).collect(),
        };
        let request = ExecRequest { command, ..ExecRequest::default() };
        let (id, name, seen) = (container.id.clone(), container.name.clone(), container.execs.clone());
        Some(Self { engine, container: id, name, request, seen, limit: healthcheck.timeout })
    }

    /// Runs the test at once and again until one run passes, or the engine's verdict is in.
    ///
    /// Two runs never overlap; one past its limit is waited for. A run that fails means nothing by itself; with the
    /// engine's `Unhealthy`, or where `hopeless` says that nothing is going to change, it ends the wait. So does a
    /// program that isn't there, once `lacking` says that it has been missing for long enough.
    pub(super) async fn until_passed(
        &self,
        verdict: &mut watch::Receiver<Verdict>,
        hopeless: impl Fn() -> bool,
        lacking: impl Fn(Duration) -> bool,
        say: impl Fn(String),
    ) -> Result<(), TestFailure> {
        let (mut backoff, mut row) = (Backoff::default(), Row::default());
        // What ran when it was looked at; once a run was begun, there is none of the test's but vv's own.
        let mut seen = self.seen.as_slice();
        loop {
            let judged = match *verdict.borrow_and_update() {
                Verdict::Healthy => return Ok(()),
                Verdict::Unhealthy => true,
                Verdict::Open => hopeless(),
            };
            let begun = Instant::now();
            let run = tokio::select! {
                biased;
                run = self.run(seen) => run,
                () = healthy(verdict.clone()) => return Ok(()),
            };
            if !matches!(run, Run::Earlier) {
                seen = &[];
            }
            let missing_for = row.add(matches!(run, Run::Lacking(_)));
            let said = match run {
                Run::Passed => return Ok(()),
                Run::Unreachable(error) => return Err(TestFailure::Engine(error)),
                Run::Lacking(said) if missing_for.is_some_and(&lacking) => {
                    return Err(TestFailure::Lacking(said));
                }
                Run::Failed(said) | Run::Lacking(said) => said,
                Run::Earlier => GOES_ON.to_owned(),
                Run::Hung(session) => {
                    let said = format!("its test doesn't end within {:?}", self.limit);
                    if judged {
                        return Err(TestFailure::Unhealthy(said));
                    }
                    say(format!("health: {said}"));
                    tokio::select! {
                        () = ended(session) => {}
                        () = healthy(verdict.clone()) => return Ok(()),
                        // No further run is allowed, and this one counts as failed.
                        () = unhealthy(verdict.clone()) => return Err(TestFailure::Unhealthy(said)),
                    }
                    said
                }
            };
            if judged && *verdict.borrow() != Verdict::Healthy {
                return Err(TestFailure::Unhealthy(said));
            }
            say(format!("health: {said}"));
            let took = begun.elapsed().min(self.limit);
            tokio::select! {
                () = sleep(backoff.pause(took)) => {}
                Ok(()) = verdict.changed() => {}
            }
        }
    }

    /// One run; none while one that was begun before goes on, by another vv or by the engine.
    async fn run(&self, seen: &[String]) -> Run {
        match earlier::among(self.engine.as_ref(), seen, &self.request.command, self.limit).await {
            Earlier::Ended(0) => return Run::Passed,
            Earlier::Nothing | Earlier::Ended(_) => {}
            Earlier::Running => return Run::Earlier,
        }
        let started = timeout(self.limit, self.engine.exec(&self.container, &self.request)).await;
        let mut session = match started {
            Ok(Ok(session)) => session,
            Ok(Err(error @ EngineError::Unreachable { .. })) => return Run::Unreachable(error),
            Ok(Err(error)) => return self.refused(&error),
            Err(_) => return Run::Failed(format!("the engine doesn't run its test within {:?}", self.limit)),
        };
        let mut output = Vec::new();
        let read = timeout(self.limit, async {
            while let Some(Ok((_, bytes))) = session.output.next().await {
                let room = KEPT_OUTPUT.saturating_sub(output.len());
                output.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
        });
        if read.await.is_err() {
            return Run::Hung(session);
        }
        match self.engine.exec_exit_code(&session.id).await {
            Ok(0) => Run::Passed,
            Ok(code) => {
                let said = telling_line(&String::from_utf8_lossy(&output));
                if let (126 | 127, Some(said)) = (code, said.as_deref())
                    && lacks_the_command(said)
                {
                    return Run::Lacking(said.to_owned());
                }
                Run::Failed(said.unwrap_or_else(|| format!("its test exits with {code}")))
            }
            Err(error @ EngineError::Unreachable { .. }) => Run::Unreachable(error),
            Err(error) => self.refused(&error),
        }
    }

    /// The engine's words, with the container's name for its id.
    fn refused(&self, error: &EngineError) -> Run {
        let said = error.to_string().replace(&self.container, &self.name);
        // Later engines look for the program before they begin.
        match said.contains("executable file not found") {
            true => Run::Lacking(said),
            false => Run::Failed(said),
        }
    }
}

fn shell(own: &[String]) -> Vec<String> {
    match own {
        [] => vec!["/bin/sh".to_owned(), "-c".to_owned()],
        own => own.to_vec(),
    }
}

async fn ended(mut session: ExecSession) {
    while let Some(Ok(_)) = session.output.next().await {}
}

async fn healthy(verdict: watch::Receiver<Verdict>) {
    becomes(verdict, Verdict::Healthy).await;
}

async fn unhealthy(verdict: watch::Receiver<Verdict>) {
    becomes(verdict, Verdict::Unhealthy).await;
}

async fn becomes(mut verdict: watch::Receiver<Verdict>, wanted: Verdict) {
    if verdict.wait_for(|verdict| *verdict == wanted).await.is_err() {
        std::future::pending::<()>().await;
    }
}

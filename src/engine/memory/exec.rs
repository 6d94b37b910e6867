//! Commands in containers, and output.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::{broadcast, oneshot};
use tokio::time::sleep;

use super::behaviour::ExecScript;
use super::state::{Container, State};
use super::{Inner, MemoryEngine};
use crate::engine::{
    ContainerEvent, ContainerEventKind, EngineError, EngineStream, ExecRequest, ExecSession, LogLine,
    LogQuery,
};
use crate::plan::observed::ContainerState;
use crate::stack::model::Test;

/// The exit code of a command that isn't there.
const NOT_FOUND: i64 = 127;
/// The exit code of a command whose container ended under it.
const KILLED: i64 = 137;

impl State {
    /// What a command in a container will do.
    fn exec_script(&self, container: &Container, request: &ExecRequest) -> ExecScript {
        let behaviour = self.behaviour(container);
        if let Some(script) = behaviour.commands.get(&request.command.join(" ")) {
            return script.clone();
        }
        let is_test = container.healthcheck(&behaviour).is_some_and(|check| match check.test {
            Test::Cmd(words) => words == request.command,
            Test::Shell(line) => request.command.last() == Some(&line),
            Test::None => false,
        });
        if is_test {
            let since_start = container.started.map(|started| started.elapsed()).unwrap_or_default();
            return behaviour.test_result(since_start);
        }
        let command = request.command.first().cloned().unwrap_or_default();
        let output = format!("exec: \"{command}\": executable file not found in $PATH\n");
        ExecScript { code: NOT_FOUND, output, ..ExecScript::default() }
    }

    fn exec_begins(&mut self, container: &str) {
        let now = self.execs_now.entry(container.to_owned()).or_default();
        *now += 1;
        let most = self.most_execs_at_once.entry(container.to_owned()).or_default();
        *most = (*most).max(*now);
    }
}

impl MemoryEngine {
    pub(super) async fn run_exec(
        &self,
        container: &str,
        request: &ExecRequest,
    ) -> Result<ExecSession, EngineError> {
        let (exec, name, id, script) = self
            .call("exec", container, |state| {
                let exec = format!("exec-{}", state.next());
                let found = state.get("run a command in container", container)?;
                if found.state != ContainerState::Running {
                    return Err(EngineError::Conflict {
                        attempt: format!("run a command in container {}", found.name),
                        message: format!("container {} is not running", found.id),
                    });
                }
                let script = state.exec_script(found, request);
                let (name, id) = (found.name.clone(), found.id.clone());
                state.exec_begins(&name);
                state.execs.insert(exec.clone(), (id.clone(), request.command.clone()));
                Ok((exec, name, id, script))
            })
            .await?;
        let (ended, end) = oneshot::channel();
        // It runs on when nobody listens any more, as a real one does.
        tokio::spawn(run(Arc::clone(&self.inner), exec.clone(), name, id, script, ended));
        let output = stream::once(async move { end.await.unwrap_or_default() });
        let output =
            output.filter(|bytes| std::future::ready(!bytes.is_empty())).map(|bytes| Ok((false, bytes)));
        Ok(ExecSession { output: Box::pin(output), input: None, id: exec })
    }

    pub(super) async fn read_logs(
        &self,
        container: &str,
        query: &LogQuery,
    ) -> Result<EngineStream<LogLine>, EngineError> {
        let written = self.inner.lines.subscribe();
        let events = self.inner.events.subscribe();
        let (id, up, lines) = self
            .call("logs", container, |state| {
                let found = state.get("read the logs of container", container)?;
                let since = query.since.unwrap_or(jiff::Timestamp::MIN);
                let until = query.until.unwrap_or(jiff::Timestamp::MAX);
                let wanted = |line: &&LogLine| line.time >= since && line.time <= until;
                let lines: Vec<LogLine> = found.logs.iter().filter(wanted).cloned().collect();
                let skip = query.tail.map_or(0, |tail| {
                    lines.len().saturating_sub(usize::try_from(tail).unwrap_or(usize::MAX))
                });
                Ok((found.id.clone(), found.state.is_up(), lines[skip..].to_vec()))
            })
            .await?;
        let history = stream::iter(lines.into_iter().map(Ok));
        if !query.follow || !up {
            return Ok(Box::pin(history));
        }
        Ok(Box::pin(history.chain(live_lines(written, events, id))))
    }

    /// A container's output from now until it ends.
    pub(super) async fn attach_container(&self, container: &str) -> Result<ExecSession, EngineError> {
        let (written, events) = (self.inner.lines.subscribe(), self.inner.events.subscribe());
        let id = self
            .call("attach", container, |state| Ok(state.get("attach to container", container)?.id.clone()))
            .await?;
        let output = live_lines(written, events, id.clone()).map(|line| {
            let mut line = line?;
            line.line.push(b'\n');
            Ok((line.stderr, line.line))
        });
        Ok(ExecSession { output: Box::pin(output), input: Some(Box::pin(tokio::io::sink())), id })
    }
}

/// The lines that a container writes from now until it ends.
fn live_lines(
    written: broadcast::Receiver<(String, LogLine)>,
    events: broadcast::Receiver<Option<ContainerEvent>>,
    id: String,
) -> EngineStream<LogLine> {
    let lines = stream::unfold((written, events, id), |(mut written, mut events, id)| async move {
        loop {
            tokio::select! {
                biased;
                line = written.recv() => match line {
                    Ok((of, line)) if of == id => return Some((Ok(line), (written, events, id))),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                event = events.recv() => match event {
                    Ok(Some(event)) if event.id == id && is_end(&event.kind) => return None,
                    Ok(Some(_)) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Ok(None) | Err(broadcast::error::RecvError::Closed) => return None,
                },
            }
        }
    });
    Box::pin(lines)
}

/// A command runs: until it ends, or its container does.
async fn run(
    inner: Arc<Inner>,
    exec: String,
    name: String,
    container: String,
    script: ExecScript,
    ended: oneshot::Sender<Vec<u8>>,
) {
    let mut events = inner.events.subscribe();
    let container_ends = async {
        loop {
            match events.recv().await {
                Ok(Some(event)) if event.id == container && is_end(&event.kind) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                _ => {}
            }
        }
    };
    let (code, output) = tokio::select! {
        () = container_ends => (KILLED, Vec::new()),
        () = sleep(script.takes) => (script.code, script.output.into_bytes()),
    };
    let mut state = inner.state();
    state.exec_codes.insert(exec, code);
    if let Some(now) = state.execs_now.get_mut(&name) {
        *now -= 1;
    }
    drop(state);
    let _ = ended.send(output);
}

fn is_end(kind: &ContainerEventKind) -> bool {
    matches!(kind, ContainerEventKind::Died(_) | ContainerEventKind::Removed)
}

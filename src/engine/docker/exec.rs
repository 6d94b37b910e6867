//! Commands in containers, and a container's own first process.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::{AttachContainerOptionsBuilder, ResizeExecOptionsBuilder};
use futures_util::{Stream, StreamExt};

use super::client::Client;
use crate::engine::{EngineError, EngineStream, ExecRequest, ExecSession, ExecState};

/// How long the exit code of a command may be missing after its output has ended.
const EXIT_LIMIT: Duration = Duration::from_secs(10);

/// Starts a command in a container. Two calls.
pub async fn start(
    client: &Client,
    container: &str,
    request: &ExecRequest,
) -> Result<ExecSession, EngineError> {
    let attempt = format!("run a command in {container}");
    let created =
        client.call(&attempt, client.docker().create_exec(container, config(request, true))).await?;
    let options = StartExecOptions { detach: false, tty: request.tty, output_capacity: Some(64 * 1024) };
    match client.call(&attempt, client.docker().start_exec(&created.id, Some(options))).await? {
        StartExecResults::Attached { output, input } => Ok(ExecSession {
            output: pieces(client, attempt, output),
            input: request.stdin.then_some(input),
            id: created.id,
        }),
        StartExecResults::Detached => {
            Err(EngineError::Refused { attempt, message: "the engine didn't attach".to_owned() })
        }
    }
}

/// Starts a command in a container and leaves it. Two calls.
pub async fn start_detached(
    client: &Client,
    container: &str,
    request: &ExecRequest,
) -> Result<(), EngineError> {
    let attempt = format!("run a command in {container}");
    let created =
        client.call(&attempt, client.docker().create_exec(container, config(request, false))).await?;
    let options = StartExecOptions { detach: true, tty: request.tty, output_capacity: None };
    client.call(&attempt, client.docker().start_exec(&created.id, Some(options))).await?;
    Ok(())
}

fn config(request: &ExecRequest, attached: bool) -> ExecConfig {
    let environment = request.environment.iter().map(|(name, value)| format!("{name}={value}"));
    ExecConfig {
        attach_stdin: Some(request.stdin && attached),
        attach_stdout: Some(attached),
        attach_stderr: Some(attached),
        tty: Some(request.tty),
        env: Some(environment.collect()),
        cmd: Some(request.command.clone()),
        privileged: Some(request.privileged),
        user: request.user.clone(),
        working_dir: request.working_dir.clone(),
        ..ExecConfig::default()
    }
}

/// The exit code of a command that has ended. Its output ends a moment before the engine notes the code, so this
/// asks again for a while; a command that runs on is an error.
pub async fn exit_code(client: &Client, id: &str) -> Result<i64, EngineError> {
    let attempt = "ask for a command's exit code";
    let mut pause = Duration::from_millis(2);
    let begun = tokio::time::Instant::now();
    loop {
        let answer = client.call(attempt, client.docker().inspect_exec(id)).await?;
        if let (Some(code), false) = (answer.exit_code, answer.running.unwrap_or_default()) {
            return Ok(code);
        }
        if begun.elapsed() > EXIT_LIMIT {
            return Err(EngineError::Refused {
                attempt: attempt.to_owned(),
                message: "the command still runs".to_owned(),
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// What a command is, and whether it still runs.
pub async fn state(client: &Client, id: &str) -> Result<ExecState, EngineError> {
    let answer = client.call("ask whether a command still runs", client.docker().inspect_exec(id)).await?;
    let process = answer.process_config.unwrap_or_default();
    let words = process.entrypoint.into_iter().chain(process.arguments.unwrap_or_default());
    Ok(ExecState {
        command: words.collect(),
        running: answer.running.unwrap_or_default(),
        code: answer.exit_code,
    })
}

/// Tells a command's terminal its size.
pub async fn resize(client: &Client, id: &str, width: u16, height: u16) -> Result<(), EngineError> {
    let options = ResizeExecOptionsBuilder::new().w(i32::from(width)).h(i32::from(height)).build();
    client.call("resize a command's terminal", client.docker().resize_exec(id, options)).await
}

/// Attaches to a container's first process, before it is started.
pub async fn attach(client: &Client, container: &str, stdin: bool) -> Result<ExecSession, EngineError> {
    let attempt = format!("attach to {container}");
    let options =
        AttachContainerOptionsBuilder::new().stream(true).stdin(stdin).stdout(true).stderr(true).build();
    let attached = client.call(&attempt, client.docker().attach_container(container, Some(options))).await?;
    Ok(ExecSession {
        output: pieces(client, attempt, attached.output),
        input: stdin.then_some(attached.input),
        id: container.to_owned(),
    })
}

fn pieces(
    client: &Client,
    attempt: String,
    output: impl Stream<Item = Result<LogOutput, Error>> + Send + 'static,
) -> EngineStream<(bool, Vec<u8>)> {
    let error = client.errors(attempt);
    Box::pin(output.map(move |item| match item {
        Ok(LogOutput::StdErr { message }) => Ok((true, message.into())),
        Ok(LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message }) => {
            Ok((false, message.into()))
        }
        Err(failure) => Err(error(failure)),
    }))
}

//! Containers: made, started, stopped, removed.

use std::time::Duration;

use bollard::errors::Error;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder,
    ResizeContainerTTYOptionsBuilder, RestartContainerOptionsBuilder, StopContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use futures_util::StreamExt;

use super::client::Client;
use super::create::{self, Abilities};
use super::error::missing_program;
use super::networks::gone_is_fine;
use crate::engine::EngineError;
use crate::plan::spec::CreateContainer;

/// The engine's time for a stop when nothing else is said.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// Makes a container; its id.
pub async fn create(client: &Client, request: &CreateContainer) -> Result<String, EngineError> {
    let attempt = format!("create container {}", request.name);
    let abilities = Abilities { many_networks: client.speaks(44), gateway_priority: client.speaks(48) };
    let body = create::body(request, abilities)
        .map_err(|message| EngineError::Refused { attempt: attempt.clone(), message })?;
    let mut options = CreateContainerOptionsBuilder::new().name(&request.name);
    if let Some(platform) = &request.spec.platform {
        options = options.platform(platform);
    }
    let answer = client.call(&attempt, client.docker().create_container(Some(options.build()), body)).await?;
    Ok(answer.id)
}

/// Starts a container. One that runs already is fine.
pub async fn start(client: &Client, container: &str) -> Result<(), EngineError> {
    let attempt = format!("start {container}");
    let started = client.call(&attempt, client.docker().start_container(container, None)).await;
    let Err(error) = started else { return Ok(()) };
    Err(match missing_program(&error.to_string()) {
        Some(program) => {
            let found = client.docker().inspect_container(container, None).await.ok();
            let image = found.and_then(|found| found.config?.image).unwrap_or_default();
            EngineError::CommandMissing { attempt, program, image }
        }
        None => error,
    })
}

/// Stops a container. One that doesn't run is fine.
pub async fn stop(client: &Client, container: &str, timeout: Option<Duration>) -> Result<(), EngineError> {
    let mut options = StopContainerOptionsBuilder::new();
    if let Some(timeout) = timeout {
        options = options.t(seconds(timeout));
    }
    let request = client.docker().stop_container(container, Some(options.build()));
    // What the container itself was made with isn't known here, so that nothing said may mean minutes.
    let longer = timeout.unwrap_or(Duration::from_secs(600));
    client.call_longer(longer, &format!("stop {container}"), request).await
}

/// Stops and starts a container.
pub async fn restart(client: &Client, container: &str, timeout: Option<Duration>) -> Result<(), EngineError> {
    let mut options = RestartContainerOptionsBuilder::new();
    if let Some(timeout) = timeout {
        options = options.t(seconds(timeout));
    }
    let request = client.docker().restart_container(container, Some(options.build()));
    let longer = timeout.unwrap_or(Duration::from_secs(600));
    client.call_longer(longer, &format!("restart {container}"), request).await
}

fn seconds(time: Duration) -> i32 {
    // Rounded up: a grace of half a second isn't none.
    let whole = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    i32::try_from(whole).unwrap_or(i32::MAX)
}

/// Removes a container and its anonymous volumes. One that isn't there is fine; one that somebody else is removing
/// is waited for.
pub async fn remove(client: &Client, container: &str, force: bool) -> Result<(), EngineError> {
    let attempt = format!("remove {container}");
    let options = RemoveContainerOptionsBuilder::new().v(true).force(force).build();
    let request = client.docker().remove_container(container, Some(options));
    match client.call_longer(DEFAULT_GRACE, &attempt, request).await {
        Err(EngineError::Conflict { message, .. }) if message.contains("is already in progress") => {
            wait_removed(client, container).await
        }
        result => gone_is_fine(result),
    }
}

async fn wait_removed(client: &Client, container: &str) -> Result<(), EngineError> {
    let attempt = format!("wait for the removal of {container}");
    let options = WaitContainerOptionsBuilder::new().condition("removed").build();
    let mut stream = client.docker().wait_container(container, Some(options));
    let ended = async {
        match stream.next().await {
            None | Some(Ok(_) | Err(Error::DockerContainerWaitError { .. })) => Ok(()),
            Some(Err(error)) => Err(error),
        }
    };
    gone_is_fine(client.call(&attempt, ended).await)
}

/// Gives a container another name.
pub async fn rename(client: &Client, container: &str, name: &str) -> Result<(), EngineError> {
    let options = RenameContainerOptionsBuilder::new().name(name).build();
    let attempt = format!("rename {container} to {name}");
    client.call(&attempt, client.docker().rename_container(container, options)).await
}

/// Tells a container's terminal its size.
pub async fn resize(client: &Client, container: &str, width: u16, height: u16) -> Result<(), EngineError> {
    let options = ResizeContainerTTYOptionsBuilder::new().w(i32::from(width)).h(i32::from(height)).build();
    let attempt = format!("resize the terminal of {container}");
    client.call(&attempt, client.docker().resize_container_tty(container, options)).await
}

/// Waits until a container has ended, for as long as that takes; its exit code.
pub async fn wait_exit(client: &Client, container: &str) -> Result<i64, EngineError> {
    let attempt = format!("wait for {container}");
    let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
    let mut stream = client.docker().wait_container(container, Some(options));
    match stream.next().await {
        Some(Ok(answer)) => Ok(answer.status_code),
        // bollard's name for every exit code that isn't 0.
        Some(Err(Error::DockerContainerWaitError { code, error })) if error.is_empty() => Ok(code),
        Some(Err(error)) => Err(client.error(&attempt, error)),
        None => Err(EngineError::Refused { attempt, message: "the engine ended the answer".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grace_is_rounded_up() {
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(Duration::from_millis(1500)), 2);
        assert_eq!(seconds(Duration::from_secs(3)), 3);
    }
}

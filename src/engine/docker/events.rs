//! What happens to a project's containers.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::client::Client;
use super::observe::{PROJECT, SERVICE};
use crate::engine::{ContainerEvent, ContainerEventKind, EngineError, EngineStream};
use crate::plan::observed::Health;

/// Events from now on. The engine is asked for all since this moment by its own clock, and keeps the latest few
/// hundred, so none is lost between this call and the moment at which its stream is up.
pub async fn project(client: &Client, project: &str) -> Result<EngineStream<ContainerEvent>, EngineError> {
    let since = now(client).await?;
    let filters = HashMap::from([
        ("type", vec!["container".to_owned()]),
        ("label", vec![format!("{PROJECT}={project}")]),
    ]);
    let options = EventsOptionsBuilder::new().since(&since).filters(&filters).build();
    let stream = client.docker().events(Some(options)).map({
        let error = client.errors("watch the containers".to_owned());
        move |item| item.map_err(&error)
    });
    let stream = stream.filter_map(async |item| item.map(understood).transpose());
    Ok(driven(stream))
}

/// The engine's clock, in seconds with nanoseconds. A local engine has ours.
async fn now(client: &Client) -> Result<String, EngineError> {
    if !client.is_local() {
        let info = client.call("ask for the engine's time", client.docker().info()).await?;
        if let Some(time) = info.system_time {
            return Ok(time.to_string());
        }
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Ok(format!("{}.{:09}", now.as_secs(), now.subsec_nanos()))
}

/// The same stream, read at once and on: its request goes out now, not when somebody first asks for an item.
fn driven<T: Send + 'static>(
    stream: impl Stream<Item = T> + Send + 'static,
) -> std::pin::Pin<Box<dyn Stream<Item = T> + Send>> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut stream = Box::pin(stream);
        loop {
            tokio::select! {
                () = sender.closed() => break,
                item = stream.next() => match item {
                    Some(item) => {
                        if sender.send(item).is_err() {
                            break;
                        }
                    }
                    None => break,
                },
            }
        }
    });
    Box::pin(futures_util::stream::poll_fn(move |context| receiver.poll_recv(context)))
}

fn understood(message: EventMessage) -> Option<ContainerEvent> {
    let actor = message.actor?;
    let attributes = actor.attributes.unwrap_or_default();
    let attribute = |name: &str| attributes.get(name).cloned().unwrap_or_default();
    Some(ContainerEvent {
        id: actor.id?,
        name: attribute("name"),
        service: attribute(SERVICE),
        kind: kind(&message.action?, &attribute("exitCode")),
    })
}

fn kind(action: &str, exit_code: &str) -> ContainerEventKind {
    match action {
        "create" => ContainerEventKind::Created,
        "start" => ContainerEventKind::Started,
        "die" => ContainerEventKind::Died(exit_code.parse().unwrap_or_default()),
        "oom" => ContainerEventKind::Oom,
        "pause" => ContainerEventKind::Paused,
        "unpause" => ContainerEventKind::Unpaused,
        "destroy" => ContainerEventKind::Removed,
        "health_status: healthy" => ContainerEventKind::Health(Health::Healthy),
        "health_status: unhealthy" => ContainerEventKind::Health(Health::Unhealthy),
        "health_status: starting" => ContainerEventKind::Health(Health::Starting),
        other => ContainerEventKind::Other(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        assert_eq!(kind("die", "137"), ContainerEventKind::Died(137));
        assert_eq!(kind("health_status: healthy", ""), ContainerEventKind::Health(Health::Healthy));
        assert_eq!(kind("exec_start: sh", ""), ContainerEventKind::Other("exec_start: sh".to_owned()));
    }
}

//! A container that helps vv for as long as vv runs.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::CreateContainerOptions;

use super::client::Client;
use super::{containers, exec};
use crate::engine::{EngineError, ExecSession};

/// Says what the container is for. It belongs to no project: it is neither a service's replica nor an orphan.
const LABEL: &str = "vv.helper";

/// Makes and starts it on a network, attached: it ends when the session is dropped or this process ends, since its
/// stdin does, and the engine removes it then. Three calls.
pub async fn start(
    client: &Client,
    image: &str,
    command: &[&str],
    network: &str,
) -> Result<ExecSession, EngineError> {
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(command.iter().map(|word| (*word).to_owned()).collect()),
        labels: Some(HashMap::from([(LABEL.to_owned(), String::new())])),
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        host_config: Some(HostConfig {
            auto_remove: Some(true),
            network_mode: Some(network.to_owned()),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let attempt = format!("make a helper container on the network {network}");
    let create = client.docker().create_container(None::<CreateContainerOptions>, body);
    let id = client.call(&attempt, create).await?.id;
    let started = async {
        let session = exec::attach(client, &id, true).await?;
        containers::start(client, &id).await?;
        Ok(session)
    };
    match started.await {
        Ok(session) => Ok(session),
        Err(error) => {
            // It never ran, so the engine doesn't remove it by itself; the first error is the one to tell.
            let _ = containers::remove(client, &id, true).await;
            Err(error)
        }
    }
}

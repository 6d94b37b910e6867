//! Volumes: made and removed.

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::RemoveVolumeOptions;

use super::client::Client;
use super::networks::gone_is_fine;
use crate::engine::EngineError;
use crate::plan::spec::CreateVolume;

/// Makes a volume.
pub async fn create(client: &Client, request: &CreateVolume) -> Result<(), EngineError> {
    let volume = &request.volume;
    let body = VolumeCreateRequest {
        name: Some(volume.name.clone()),
        driver: Some(volume.driver.clone().unwrap_or_else(|| "local".to_owned())),
        driver_opts: Some(volume.driver_opts.clone().into_iter().collect()),
        labels: Some(request.labels.clone().into_iter().collect()),
        cluster_volume_spec: None,
    };
    let attempt = format!("create volume {}", volume.name);
    client.call(&attempt, client.docker().create_volume(body)).await?;
    Ok(())
}

/// Removes a volume. One that isn't there is fine.
pub async fn remove(client: &Client, name: &str) -> Result<(), EngineError> {
    let attempt = format!("remove volume {name}");
    gone_is_fine(
        client.call(&attempt, client.docker().remove_volume(name, None::<RemoveVolumeOptions>)).await,
    )
}

//! Networks: made, joined, removed.

use std::collections::HashMap;

use bollard::models::{
    EndpointIpamConfig, EndpointSettings, Ipam, IpamConfig, NetworkConnectRequest, NetworkCreateRequest,
};

use super::client::Client;
use crate::engine::EngineError;
use crate::plan::spec::CreateNetwork;
use crate::stack::model::{IpamPool, NetworkAttachment};

/// Makes a network.
pub async fn create(client: &Client, request: &CreateNetwork) -> Result<(), EngineError> {
    let attempt = format!("create network {}", request.network.name);
    client.call(&attempt, client.docker().create_network(body(request))).await?;
    Ok(())
}

fn body(request: &CreateNetwork) -> NetworkCreateRequest {
    let network = &request.network;
    let ipam = (network.ipam_driver.is_some() || !network.ipam.is_empty()).then(|| Ipam {
        driver: network.ipam_driver.clone(),
        config: Some(network.ipam.iter().map(pool).collect()),
        options: None,
    });
    NetworkCreateRequest {
        name: network.name.clone(),
        driver: Some(network.driver.clone().unwrap_or_else(|| "bridge".to_owned())),
        internal: Some(network.internal),
        attachable: Some(network.attachable),
        ipam,
        enable_ipv6: network.enable_ipv6,
        options: Some(network.driver_opts.clone().into_iter().collect()),
        labels: Some(request.labels.clone().into_iter().collect()),
        ..NetworkCreateRequest::default()
    }
}

fn pool(pool: &IpamPool) -> IpamConfig {
    let taken: HashMap<String, String> = pool.aux_addresses.clone().into_iter().collect();
    IpamConfig {
        subnet: pool.subnet.clone(),
        ip_range: pool.ip_range.clone(),
        gateway: pool.gateway.clone(),
        auxiliary_addresses: (!taken.is_empty()).then_some(taken),
    }
}

/// Removes a network. One that isn't there is fine.
pub async fn remove(client: &Client, name: &str) -> Result<(), EngineError> {
    let attempt = format!("remove network {name}");
    gone_is_fine(client.call(&attempt, client.docker().remove_network(name)).await)
}

/// Puts a container on a network. One that is on it is fine.
pub async fn connect(
    client: &Client,
    network: &str,
    container: &str,
    attachment: &NetworkAttachment,
) -> Result<(), EngineError> {
    let attempt = format!("connect {container} to network {network}");
    let request = NetworkConnectRequest {
        container: container.to_owned(),
        endpoint_config: Some(endpoint(attachment)),
    };
    match client.call(&attempt, client.docker().connect_network(network, request)).await {
        Err(EngineError::Refused { message, .. }) if message.contains("already exists in network") => Ok(()),
        result => result,
    }
}

/// How a container is on a network.
pub fn endpoint(attachment: &NetworkAttachment) -> EndpointSettings {
    let fixed = attachment.ipv4_address.is_some()
        || attachment.ipv6_address.is_some()
        || !attachment.link_local_ips.is_empty();
    EndpointSettings {
        aliases: (!attachment.aliases.is_empty()).then(|| attachment.aliases.clone()),
        ipam_config: fixed.then(|| EndpointIpamConfig {
            ipv4_address: attachment.ipv4_address.clone(),
            ipv6_address: attachment.ipv6_address.clone(),
            link_local_ips: (!attachment.link_local_ips.is_empty())
                .then(|| attachment.link_local_ips.clone()),
        }),
        mac_address: attachment.mac_address.clone(),
        driver_opts: (!attachment.driver_opts.is_empty())
            .then(|| attachment.driver_opts.clone().into_iter().collect()),
        ..EndpointSettings::default()
    }
}

/// A removal of something that isn't there is done.
pub fn gone_is_fine(result: Result<(), EngineError>) -> Result<(), EngineError> {
    match result {
        Err(EngineError::NotFound { .. }) => Ok(()),
        result => result,
    }
}

//! What the engine has: lists, asked for in parallel.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerSummary, ImageSummary, MountPoint, Network, PortSummary, Volume};
use bollard::query_parameters::{
    ListContainersOptions, ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListVolumesOptions,
};

use super::client::Client;
use super::status;
use crate::engine::{EngineError, PublishedPort};
use crate::plan::observed::{
    ContainerState, ObservedAttachment, ObservedContainer, ObservedMount, ObservedNetwork, ObservedPort,
    ObservedVolume,
};
use crate::stack::reference;

/// Compose's label of the project.
pub const PROJECT: &str = "com.docker.compose.project";
/// Compose's label of the service.
pub const SERVICE: &str = "com.docker.compose.service";
const NUMBER: &str = "com.docker.compose.container-number";
const ONE_OFF: &str = "com.docker.compose.oneoff";
/// Compose's label of the folder that a project was started from.
pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
/// Compose's label of the files that a project was read from.
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";

/// Containers with this label, stopped ones too.
async fn labelled(
    client: &Client,
    attempt: &str,
    label: String,
) -> Result<Vec<ContainerSummary>, EngineError> {
    let filters = HashMap::from([("label", vec![label])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    client.call(attempt, client.docker().list_containers(Some(options))).await
}

/// The project's containers.
pub async fn containers(client: &Client, project: &str) -> Result<Vec<ObservedContainer>, EngineError> {
    let list = labelled(client, "list the containers", format!("{PROJECT}={project}")).await?;
    let mut list: Vec<ObservedContainer> = list.into_iter().map(container).collect();
    list.sort_by(|a, b| (&a.service, a.number, &a.name).cmp(&(&b.service, b.number, &b.name)));
    Ok(list)
}

/// All projects with containers, and the folder they were started from.
pub async fn projects(client: &Client) -> Result<BTreeMap<String, String>, EngineError> {
    let list = labelled(client, "list the projects", PROJECT.to_owned()).await?;
    let folders = list.into_iter().filter_map(|container| {
        let mut labels = container.labels?;
        Some((labels.remove(PROJECT)?, labels.remove(WORKING_DIR).unwrap_or_default()))
    });
    Ok(folders.collect())
}

/// Every host port that a running container publishes, of whichever project.
pub async fn published_ports(client: &Client) -> Result<Vec<PublishedPort>, EngineError> {
    let list = client
        .call("list the containers", client.docker().list_containers(None::<ListContainersOptions>))
        .await?;
    let of_container = |summary: ContainerSummary| {
        let project = summary.labels.as_ref().and_then(|labels| labels.get(PROJECT)).cloned();
        let files = summary.labels.as_ref().and_then(|labels| labels.get(CONFIG_FILES));
        let files: Vec<String> =
            files.map(|files| files.split(',').map(str::to_owned).collect()).unwrap_or_default();
        let names = summary.names.unwrap_or_default();
        let container = names.first().map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default();
        let ports =
            ports(summary.ports.unwrap_or_default()).into_iter().filter(|port| port.published.is_some());
        ports
            .map(|port| PublishedPort {
                container: container.clone(),
                project: project.clone(),
                files: files.clone(),
                port,
            })
            .collect::<Vec<_>>()
    };
    Ok(list.into_iter().flat_map(of_container).collect())
}

/// All networks.
pub async fn networks(client: &Client) -> Result<Vec<ObservedNetwork>, EngineError> {
    let list = client.call("list the networks", client.docker().list_networks(None)).await?;
    let mut list: Vec<ObservedNetwork> = list.into_iter().map(network).collect();
    list.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(list)
}

/// All volumes.
pub async fn volumes(client: &Client) -> Result<Vec<ObservedVolume>, EngineError> {
    let list =
        client.call("list the volumes", client.docker().list_volumes(None::<ListVolumesOptions>)).await?;
    let mut list: Vec<ObservedVolume> = list.volumes.unwrap_or_default().into_iter().map(volume).collect();
    list.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(list)
}

/// The IDs of all images by every name they have.
pub async fn images(client: &Client) -> Result<BTreeMap<String, String>, EngineError> {
    let options = ListImagesOptionsBuilder::new().digests(true).build();
    let list = client.call("list the images", client.docker().list_images(Some(options))).await?;
    Ok(list.into_iter().flat_map(image_names).collect())
}

fn image_names(image: ImageSummary) -> impl Iterator<Item = (String, String)> {
    let id = image.id;
    image
        .repo_tags
        .into_iter()
        .chain(image.repo_digests)
        .filter(|name| !name.starts_with("<none>"))
        .map(move |name| (reference::normalise(&name), id.clone()))
}

fn container(summary: ContainerSummary) -> ObservedContainer {
    let labels: BTreeMap<String, String> = summary.labels.unwrap_or_default().into_iter().collect();
    let status = summary.status.unwrap_or_default();
    let state_name = summary.state.map(|state| state.to_string()).unwrap_or_default();
    let state = status::state(&state_name, &status);
    let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
    let networks = summary.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    ObservedContainer {
        id: summary.id.unwrap_or_default(),
        name: summary.names.as_deref().map(own_name).unwrap_or_default(),
        service: label(SERVICE),
        number: label(NUMBER).parse().unwrap_or(0),
        oneoff: label(ONE_OFF).eq_ignore_ascii_case("true"),
        state,
        health: (state == ContainerState::Running).then(|| status::health(&status)).flatten(),
        image: summary.image.unwrap_or_default(),
        image_id: summary.image_id.unwrap_or_default(),
        networks: networks
            .into_iter()
            .map(|(name, endpoint)| {
                let attachment = ObservedAttachment {
                    network_id: endpoint.network_id.unwrap_or_default(),
                    address: endpoint.ip_address.unwrap_or_default(),
                    address6: endpoint.global_ipv6_address.unwrap_or_default(),
                };
                (name, attachment)
            })
            .collect(),
        network_mode: summary.host_config.and_then(|config| config.network_mode).unwrap_or_default(),
        mounts: summary.mounts.unwrap_or_default().into_iter().filter_map(mount).collect(),
        ports: ports(summary.ports.unwrap_or_default()),
        created: summary.created.unwrap_or_default(),
        labels,
        status,
        inspected: None,
        image_sets: None,
    }
}

/// The container's own name: links add names with a second slash.
fn own_name(names: &[String]) -> String {
    let own = names.iter().map(|name| name.trim_start_matches('/')).find(|name| !name.contains('/'));
    own.unwrap_or_default().to_owned()
}

fn mount(point: MountPoint) -> Option<(String, ObservedMount)> {
    let kind = point.typ.map(|kind| kind.to_string()).unwrap_or_default();
    let source = match kind.as_str() {
        "volume" => point.name,
        _ => point.source,
    };
    Some((point.destination?, ObservedMount { kind, source: source.unwrap_or_default() }))
}

fn ports(list: Vec<PortSummary>) -> Vec<ObservedPort> {
    let mut ports: Vec<ObservedPort> = list
        .into_iter()
        .map(|port| ObservedPort {
            target: port.private_port,
            protocol: port.typ.map_or_else(|| "tcp".to_owned(), |kind| kind.to_string()),
            published: port.public_port,
            host_ip: port.ip.unwrap_or_default(),
        })
        .collect();
    ports.sort();
    ports.dedup();
    ports
}

fn network(summary: Network) -> ObservedNetwork {
    let pools = summary.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    ObservedNetwork {
        id: summary.id.unwrap_or_default(),
        name: summary.name.unwrap_or_default(),
        driver: summary.driver.unwrap_or_default(),
        internal: summary.internal.unwrap_or_default(),
        labels: summary.labels.unwrap_or_default().into_iter().collect(),
        subnets: pools.into_iter().filter_map(|pool| pool.subnet).collect(),
    }
}

fn volume(volume: Volume) -> ObservedVolume {
    ObservedVolume { name: volume.name, driver: volume.driver, labels: volume.labels.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_container_is_understood() {
        let json = serde_json::json!({
            "Id": "abc", "Names": ["/other/alias", "/shop-web-2"], "Image": "web:1", "ImageID": "sha256:1",
            "Created": 5, "State": "running", "Status": "Up 3 seconds (health: starting)",
            "Labels": {PROJECT: "shop", SERVICE: "web", NUMBER: "2", ONE_OFF: "False"},
            "Ports": [
                {"IP": "::", "PrivatePort": 80, "PublicPort": 32768, "Type": "tcp"},
                {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 32768, "Type": "tcp"},
                {"PrivatePort": 9, "Type": "udp"}
            ],
            "HostConfig": {"NetworkMode": "shop_default"},
            "NetworkSettings": {"Networks": {"shop_default": {"NetworkID": "n1", "IPAddress": "172.18.0.2"}}},
            "Mounts": [
                {"Type": "volume", "Name": "shop_data", "Source": "/var/lib/…", "Destination": "/data"},
                {"Type": "bind", "Source": "/srv/x", "Destination": "/x"}
            ]
        });
        let seen = container(serde_json::from_value(json).unwrap());
        insta::assert_debug_snapshot!(seen, @r#"
        ObservedContainer {
            id: "abc",
            name: "shop-web-2",
            service: "web",
            number: 2,
            oneoff: false,
            state: Running,
            health: Some(
                Starting,
            ),
            image: "web:1",
            image_id: "sha256:1",
            labels: {
                "com.docker.compose.container-number": "2",
                "com.docker.compose.oneoff": "False",
                "com.docker.compose.project": "shop",
                "com.docker.compose.service": "web",
            },
            networks: {
                "shop_default": ObservedAttachment {
                    network_id: "n1",
                    address: "172.18.0.2",
                    address6: "",
                },
            },
            network_mode: "shop_default",
            mounts: {
                "/data": ObservedMount {
                    kind: "volume",
                    source: "shop_data",
                },
                "/x": ObservedMount {
                    kind: "bind",
                    source: "/srv/x",
                },
            },
            ports: [
                ObservedPort {
                    target: 9,
                    protocol: "udp",
                    published: None,
                    host_ip: "",
                },
                ObservedPort {
                    target: 80,
                    protocol: "tcp",
                    published: Some(
                        32768,
                    ),
                    host_ip: "0.0.0.0",
                },
                ObservedPort {
                    target: 80,
                    protocol: "tcp",
                    published: Some(
                        32768,
                    ),
                    host_ip: "::",
                },
            ],
            created: 5,
            status: "Up 3 seconds (health: starting)",
            inspected: None,
            image_sets: None,
        }
        "#);
    }
}

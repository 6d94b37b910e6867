//! Networks, volumes, images.

use sha2::{Digest, Sha256};

use super::state::State;
use crate::engine::EngineError;
use crate::plan::images::normal_reference;
use crate::plan::observed::{ContainerState, ObservedNetwork, ObservedVolume};
use crate::plan::spec::{CreateNetwork, CreateVolume, MountSpec};

/// The ID of an image in this version.
pub(super) fn image_id(image: &str, version: u32) -> String {
    let digest = Sha256::digest(format!("{image} {version}"));
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

impl State {
    pub fn create_network(&mut self, request: &CreateNetwork) -> Result<(), EngineError> {
        let name = request.network.name.clone();
        if self.networks.contains_key(&name) {
            return Err(EngineError::Conflict {
                attempt: format!("create network {name}"),
                message: format!("network with name {name} already exists"),
            });
        }
        let id = self.next_id();
        let serial = self.networks.len() + 16;
        let network = ObservedNetwork {
            id,
            name: name.clone(),
            driver: request.network.driver.clone().unwrap_or_else(|| "bridge".to_owned()),
            internal: request.network.internal,
            labels: request.labels.clone(),
            subnets: vec![format!("172.{serial}.0.0/16")],
        };
        self.networks.insert(name, network);
        Ok(())
    }

    pub fn remove_network(&mut self, name: &str) -> Result<(), EngineError> {
        let mut containers = self.containers.values();
        // Only what runs has an endpoint; a stopped container doesn't hold its network.
        if containers.any(|container| container.state.is_up() && container.networks.contains_key(name)) {
            return Err(EngineError::Conflict {
                attempt: format!("remove network {name}"),
                message: format!("network {name} has active endpoints"),
            });
        }
        self.networks.remove(name);
        Ok(())
    }

    pub fn create_volume(&mut self, request: &CreateVolume) {
        let volume = &request.volume;
        let driver = volume.driver.clone().unwrap_or_else(|| "local".to_owned());
        // Docker gives the one that is there, whatever its labels.
        self.volumes.entry(volume.name.clone()).or_insert_with(|| ObservedVolume {
            name: volume.name.clone(),
            driver,
            labels: request.labels.clone(),
        });
    }

    /// A volume that comes into being because a container mounts it.
    pub fn make_volume(&mut self, name: &str) {
        self.volumes.entry(name.to_owned()).or_insert_with(|| ObservedVolume {
            name: name.to_owned(),
            driver: "local".to_owned(),
            ..ObservedVolume::default()
        });
    }

    pub fn remove_volume(&mut self, name: &str) -> Result<(), EngineError> {
        let user = self.containers.values().find(|container| {
            let mut mounts = container.request.spec.volumes.values();
            let named = |mount: &MountSpec| {
                matches!(mount, MountSpec::Volume { name: Some(mounted), .. } if mounted == name)
            };
            mounts.any(named) || container.anonymous.values().any(|mounted| mounted == name)
        });
        if let Some(user) = user {
            return Err(EngineError::Conflict {
                attempt: format!("remove volume {name}"),
                message: format!("volume is in use - [{}]", user.id),
            });
        }
        self.volumes.remove(name);
        Ok(())
    }

    pub fn pull_image(&mut self, image: &str) -> Result<(), EngineError> {
        if !self.remote_images.contains(&normal_reference(image)) {
            return Err(EngineError::NotFound {
                attempt: format!("pull {image}"),
                message: format!("manifest for {image} not found"),
            });
        }
        self.add_image(image);
        Ok(())
    }

    pub fn remove_image(&mut self, image: &str) {
        let image = &normal_reference(image);
        let in_use = |id: &String| {
            let up = |state: ContainerState| state != ContainerState::Removing;
            self.containers.values().any(|container| up(container.state) && &container.image_id == id)
        };
        if self.images.get(image).is_some_and(|id| !in_use(id)) {
            self.images.remove(image);
        }
    }
}

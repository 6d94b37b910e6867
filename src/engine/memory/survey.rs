//! What the engine in memory tells of itself.

use async_trait::async_trait;

use super::MemoryEngine;
use crate::engine::EngineError;
use crate::engine::survey::{ImagePlatform, Neighbour, Survey, System};
use crate::plan::images::normal_reference;

#[async_trait]
impl Survey for MemoryEngine {
    async fn system(&self) -> Result<System, EngineError> {
        self.call("system", "", |_| {
            Ok(System {
                storage_driver: "memory".to_owned(),
                memory: Some(8 << 30),
                cpus: Some(4),
                ..System::default()
            })
        })
        .await
    }

    async fn image_platform(&self, image: &str) -> Result<Option<ImagePlatform>, EngineError> {
        self.call("image_platform", image, |state| Ok(state.image_id(image).map(|_| platform()))).await
    }

    async fn registry_platforms(&self, image: &str) -> Result<Vec<ImagePlatform>, EngineError> {
        self.call("registry_platforms", image, |state| {
            if state.remote_images.contains(&normal_reference(image)) {
                return Ok(vec![platform()]);
            }
            Err(EngineError::NotFound {
                attempt: format!("ask for {image}"),
                message: "manifest unknown".to_owned(),
            })
        })
        .await
    }

    async fn neighbours(&self) -> Result<Vec<Neighbour>, EngineError> {
        self.call("neighbours", "", |state| {
            let neighbour = |container: &super::state::Container| {
                let label = |name: &str| container.label(name).map(str::to_owned);
                Neighbour {
                    container: container.name.clone(),
                    project: label("com.docker.compose.project"),
                    service: label("com.docker.compose.service"),
                    working_dir: label("com.docker.compose.project.working_dir"),
                    config_files: label("com.docker.compose.project.config_files"),
                }
            };
            Ok(state.containers.values().map(neighbour).collect())
        })
        .await
    }
}

fn platform() -> ImagePlatform {
    ImagePlatform { os: "linux".to_owned(), arch: "amd64".to_owned() }
}

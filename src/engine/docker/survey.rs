//! The engine's own account of itself, and what registries say through it.

use std::path::PathBuf;

use async_trait::async_trait;
use bollard::models::{ContainerSummary, OciPlatform, SystemInfo, SystemInfoCgroupVersionEnum};
use bollard::query_parameters::ListContainersOptionsBuilder;

use super::DockerEngine;
use super::images::transfer_error;
use super::observe::{CONFIG_FILES, PROJECT, SERVICE, WORKING_DIR};
use crate::engine::EngineError;
use crate::engine::survey::{ImagePlatform, Neighbour, Proxies, Survey, System};
use crate::stack::reference;

#[async_trait]
impl Survey for DockerEngine {
    async fn system(&self) -> Result<System, EngineError> {
        let info = self.client.call("ask about the engine's machine", self.client.docker().info()).await?;
        Ok(system(info))
    }

    async fn image_platform(&self, image: &str) -> Result<Option<ImagePlatform>, EngineError> {
        let attempt = format!("inspect image {image}");
        match self.client.call(&attempt, self.client.docker().inspect_image(image)).await {
            Ok(answer) => Ok(Some(ImagePlatform {
                os: answer.os.unwrap_or_default(),
                arch: answer.architecture.unwrap_or_default(),
            })),
            Err(EngineError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn registry_platforms(&self, image: &str) -> Result<Vec<ImagePlatform>, EngineError> {
        let attempt = format!("ask for {image}");
        let found = self.credentials.find(reference::registry(image)).await;
        let request = self.client.docker().inspect_registry_image(image, Some(found.credentials.clone()));
        match request.await {
            Ok(answer) => Ok(answer.platforms.into_iter().map(platform).collect()),
            Err(error) => Err(transfer_error(&self.client, &attempt, error, &found)),
        }
    }

    async fn neighbours(&self) -> Result<Vec<Neighbour>, EngineError> {
        let options = ListContainersOptionsBuilder::new().all(true).build();
        let request = self.client.docker().list_containers(Some(options));
        let list = self.client.call("list all containers", request).await?;
        Ok(list.into_iter().map(neighbour).collect())
    }
}

fn system(info: SystemInfo) -> System {
    let kept = |text: Option<String>| text.filter(|text| !text.is_empty());
    let positive = |number: Option<i64>| number.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
    let status = info.driver_status.unwrap_or_default();
    let backing = status.into_iter().find(|pair| pair.first().is_some_and(|key| key == "Backing Filesystem"));
    System {
        storage_driver: info.driver.unwrap_or_default(),
        backing: backing.and_then(|pair| pair.into_iter().nth(1)),
        cgroup_version: match info.cgroup_version {
            Some(SystemInfoCgroupVersionEnum::_1) => Some(1),
            Some(SystemInfoCgroupVersionEnum::_2) => Some(2),
            Some(SystemInfoCgroupVersionEnum::EMPTY) | None => None,
        },
        memory: positive(info.mem_total),
        cpus: positive(info.ncpu),
        data_root: PathBuf::from(info.docker_root_dir.unwrap_or_default()),
        kernel: info.kernel_version.unwrap_or_default(),
        rootless: info.security_options.iter().flatten().any(|option| option.contains("name=rootless")),
        time: info.system_time.and_then(|time| time.parse().ok()),
        proxies: Proxies {
            http: kept(info.http_proxy),
            https: kept(info.https_proxy),
            none_for: kept(info.no_proxy),
        },
    }
}

fn platform(platform: OciPlatform) -> ImagePlatform {
    ImagePlatform { os: platform.os.unwrap_or_default(), arch: platform.architecture.unwrap_or_default() }
}

fn neighbour(summary: ContainerSummary) -> Neighbour {
    let mut labels = summary.labels.unwrap_or_default();
    Neighbour {
        container: summary
            .names
            .unwrap_or_default()
            .iter()
            .map(|name| name.trim_start_matches('/'))
            .find(|name| !name.contains('/'))
            .unwrap_or_default()
            .to_owned(),
        project: labels.remove(PROJECT),
        service: labels.remove(SERVICE),
        working_dir: labels.remove(WORKING_DIR),
        config_files: labels.remove(CONFIG_FILES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_of_version_20_is_understood() {
        let info: SystemInfo = serde_json::from_value(serde_json::json!({
            "Driver": "overlay2",
            "DriverStatus": [["Backing Filesystem", "extfs"], ["Supports d_type", "true"]],
            "CgroupVersion": "1", "NCPU": 2, "MemTotal": 25_276_416_000_i64,
            "DockerRootDir": "/var/lib/docker", "KernelVersion": "6.1.0",
            "SystemTime": "2026-11-21T13:47:48.123456789Z",
            "HttpProxy": "http://xxxxx:xxxxx@proxy:3128", "HttpsProxy": "", "NoProxy": "localhost",
            "SecurityOptions": ["name=seccomp,profile=default", "name=rootless"],
        }))
        .unwrap();
        let system = system(info);
        assert_eq!(system.proxies.https, None, "an empty one is none");
        insta::assert_debug_snapshot!(system, @r#"
        System {
            storage_driver: "overlay2",
            backing: Some(
                "extfs",
            ),
            cgroup_version: Some(
                1,
            ),
            memory: Some(
                25276416000,
            ),
            cpus: Some(
                2,
            ),
            data_root: "/var/lib/docker",
            kernel: "6.1.0",
            rootless: true,
            time: Some(
                2026-11-21T13:47:48.123456789Z,
            ),
            proxies: Proxies {
                none_for: Some(
                    "localhost",
                ),
                ..
            },
        }
        "#);
    }
}

//! The trait, method by method: each names its call and hands it to the state.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use tokio::sync::broadcast::error::RecvError;

use super::MemoryEngine;
use super::state::State;
use crate::engine::{
    ContainerDetails, ContainerEvent, ContainerEventKind, Engine, EngineError, EngineStream, ExecRequest,
    ExecSession, ExecState, LogLine, LogQuery, OnProgress, Progress, PublishedPort,
};
use crate::plan::observed::{ContainerState, EngineInfo, Observed, ObservedContainer};
use crate::plan::spec::{CopiedFile, CreateContainer, CreateNetwork, CreateVolume};
use crate::stack::model::{Build, NetworkAttachment};

/// The label with a container's project.
const PROJECT: &str = "com.docker.compose.project";

fn engine_info() -> EngineInfo {
    EngineInfo {
        version: "20.10.24".to_owned(),
        api: (1, 41),
        os: "linux".to_owned(),
        arch: "amd64".to_owned(),
        local: true,
        secluded: false,
        address: None,
    }
}

fn of_project(state: &State, project: &str) -> Vec<ObservedContainer> {
    let containers = state.containers.values().filter(|container| container.label(PROJECT) == Some(project));
    containers.map(|container| state.observe_container(container)).collect()
}

#[async_trait]
impl Engine for MemoryEngine {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        Ok(engine_info())
    }

    async fn observe(&self, project: &str) -> Result<Observed, EngineError> {
        self.call("observe", project, |state| {
            Ok(Observed {
                engine: engine_info(),
                containers: of_project(state, project),
                networks: state.networks.values().cloned().collect(),
                volumes: state.volumes.values().cloned().collect(),
                images: state.images.clone(),
            })
        })
        .await
    }

    async fn containers(&self, project: &str) -> Result<Vec<ObservedContainer>, EngineError> {
        self.call("containers", project, |state| Ok(of_project(state, project))).await
    }

    async fn projects(&self) -> Result<BTreeMap<String, String>, EngineError> {
        self.call("projects", "", |state| {
            let projects = state.containers.values().filter_map(|container| {
                let folder = container.label("com.docker.compose.project.working_dir").unwrap_or_default();
                Some((container.label(PROJECT)?.to_owned(), folder.to_owned()))
            });
            Ok(projects.collect())
        })
        .await
    }

    async fn published_ports(&self) -> Result<Vec<PublishedPort>, EngineError> {
        self.call("published_ports", "", |state| {
            let ports = state.containers.values().flat_map(|container| {
                container.ports.iter().map(|port| PublishedPort {
                    container: container.name.clone(),
                    project: container.label(PROJECT).map(str::to_owned),
                    files: Vec::new(),
                    port: port.clone(),
                })
            });
            Ok(ports.collect())
        })
        .await
    }

    async fn inspect(&self, container: &str) -> Result<ContainerDetails, EngineError> {
        self.call("inspect", container, |state| state.inspect(container)).await
    }

    async fn inspect_with_image(&self, container: &str) -> Result<ContainerDetails, EngineError> {
        self.inspect(container).await
    }

    async fn create_network(&self, request: &CreateNetwork) -> Result<(), EngineError> {
        self.call("create_network", &request.network.name, |state| state.create_network(request)).await
    }

    async fn remove_network(&self, name: &str) -> Result<(), EngineError> {
        self.call("remove_network", name, |state| state.remove_network(name)).await
    }

    async fn connect_network(
        &self,
        network: &str,
        container: &str,
        attachment: &NetworkAttachment,
    ) -> Result<(), EngineError> {
        self.call("connect_network", container, |state| state.connect_network(network, container, attachment))
            .await
    }

    async fn create_volume(&self, request: &CreateVolume) -> Result<(), EngineError> {
        self.call("create_volume", &request.volume.name, |state| {
            state.create_volume(request);
            Ok(())
        })
        .await
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        self.call("remove_volume", name, |state| state.remove_volume(name)).await
    }

    async fn create_container(&self, request: &CreateContainer) -> Result<String, EngineError> {
        self.call("create_container", &request.name, |state| state.create_container(request)).await
    }

    async fn copy_files(&self, container: &str, files: &[CopiedFile]) -> Result<(), EngineError> {
        self.call("copy_files", container, |state| state.copy_files(container, files)).await
    }

    async fn start_container(&self, container: &str) -> Result<(), EngineError> {
        self.call("start_container", container, |state| state.start_container(container)).await
    }

    async fn stop_container(&self, container: &str, _timeout: Option<Duration>) -> Result<(), EngineError> {
        self.call("stop_container", container, |state| state.stop_container(container, false)).await
    }

    async fn restart_container(
        &self,
        container: &str,
        _timeout: Option<Duration>,
    ) -> Result<(), EngineError> {
        self.call("restart_container", container, |state| {
            state.stop_container(container, false)?;
            state.start_container(container)
        })
        .await
    }

    async fn remove_container(&self, container: &str, force: bool) -> Result<(), EngineError> {
        self.call("remove_container", container, |state| state.remove_container(container, force)).await
    }

    async fn rename_container(&self, container: &str, name: &str) -> Result<(), EngineError> {
        self.call("rename_container", container, |state| state.rename_container(container, name)).await
    }

    async fn image_id(&self, image: &str) -> Result<Option<String>, EngineError> {
        self.call("image_id", image, |state| Ok(state.image_id(image))).await
    }

    async fn pull_image(
        &self,
        image: &str,
        _platform: Option<&str>,
        progress: OnProgress<'_>,
    ) -> Result<(), EngineError> {
        progress(Progress { message: "pulling 1 of 1 layers".to_owned(), bytes: Some((0, 1)) });
        self.call("pull_image", image, |state| state.pull_image(image)).await
    }

    async fn push_image(&self, image: &str, _progress: OnProgress<'_>) -> Result<(), EngineError> {
        self.call("push_image", image, |state| {
            state.remote_images.insert(crate::plan::images::normal_reference(image));
            Ok(())
        })
        .await
    }

    async fn build_image(
        &self,
        image: &str,
        build: &Build,
        progress: OnProgress<'_>,
    ) -> Result<(), EngineError> {
        progress(Progress { message: "Step 1/1 : FROM scratch".to_owned(), bytes: None });
        self.call("build_image", image, |state| {
            std::iter::once(image)
                .chain(build.tags.iter().map(String::as_str))
                .for_each(|tag| state.add_image(tag));
            Ok(())
        })
        .await
    }

    async fn load_image(&self, image: &str, _archive: Vec<u8>) -> Result<(), EngineError> {
        self.call("load_image", image, |state| {
            state.add_image(image);
            Ok(())
        })
        .await
    }

    async fn remove_image(&self, image: &str) -> Result<(), EngineError> {
        self.call("remove_image", image, |state| {
            state.remove_image(image);
            Ok(())
        })
        .await
    }

    async fn image_tags(&self, repository: &str) -> Result<Vec<String>, EngineError> {
        self.call("image_tags", repository, |state| {
            let below = |image: &&String| image.rsplit_once(':').is_some_and(|(name, _)| name == repository);
            Ok(state.images.keys().filter(below).cloned().collect())
        })
        .await
    }

    async fn prune_images(&self, but: &str, _older: Duration) -> Result<(), EngineError> {
        // All that is here was made just now.
        self.call("prune_images", but, |_| Ok(())).await
    }

    async fn logs(&self, container: &str, query: &LogQuery) -> Result<EngineStream<LogLine>, EngineError> {
        self.read_logs(container, query).await
    }

    async fn events(&self, project: &str) -> Result<EngineStream<ContainerEvent>, EngineError> {
        // From before the call on, so that nothing falls between.
        let receiver = self.inner.events.subscribe();
        self.call("events", project, |_| Ok(())).await?;
        let (engine, project) = (self.clone(), project.to_owned());
        let events = stream::unfold((receiver, BTreeSet::new()), move |(mut receiver, mut own)| {
            let (engine, project) = (engine.clone(), project.clone());
            async move {
                loop {
                    match receiver.recv().await {
                        Ok(Some(event)) => {
                            let state = engine.state();
                            // One that is removed by now is known from its earlier events.
                            let found = state.containers.get(&event.id);
                            if found.is_some_and(|found| found.label(PROJECT) == Some(project.as_str())) {
                                own.insert(event.id.clone());
                            }
                            drop(state);
                            if own.contains(&event.id) {
                                return Some((Ok(event), (receiver, own)));
                            }
                        }
                        Ok(None) | Err(RecvError::Closed) => return None,
                        Err(RecvError::Lagged(_)) => {}
                    }
                }
            }
        });
        Ok(Box::pin(events))
    }

    async fn exec(&self, container: &str, request: &ExecRequest) -> Result<ExecSession, EngineError> {
        self.run_exec(container, request).await
    }

    async fn exec_detached(&self, container: &str, request: &ExecRequest) -> Result<(), EngineError> {
        self.run_exec(container, request).await.map(drop)
    }

    async fn exec_exit_code(&self, id: &str) -> Result<i64, EngineError> {
        self.call("exec_exit_code", id, |state| {
            state.exec_codes.get(id).copied().ok_or_else(|| EngineError::NotFound {
                attempt: format!("read the exit code of {id}"),
                message: "it runs".to_owned(),
            })
        })
        .await
    }

    async fn exec_state(&self, id: &str) -> Result<ExecState, EngineError> {
        self.call("exec_state", id, |state| {
            let Some((_, command)) = state.execs.get(id) else {
                let attempt = format!("ask whether {id} still runs");
                return Err(EngineError::NotFound { attempt, message: "No such exec instance".to_owned() });
            };
            let code = state.exec_codes.get(id).copied();
            Ok(ExecState { command: command.clone(), running: code.is_none(), code })
        })
        .await
    }

    async fn exec_resize(&self, id: &str, _width: u16, _height: u16) -> Result<(), EngineError> {
        self.call("exec_resize", id, |_| Ok(())).await
    }

    async fn attach(&self, container: &str, _tty: bool, _stdin: bool) -> Result<ExecSession, EngineError> {
        self.attach_container(container).await
    }

    async fn start_helper(
        &self,
        image: &str,
        _command: &[&str],
        _network: &str,
    ) -> Result<ExecSession, EngineError> {
        let attempt = format!("start a helper from {image}");
        Err(EngineError::Refused { attempt, message: "there is no network to be on in memory".to_owned() })
    }

    async fn resize(&self, container: &str, _width: u16, _height: u16) -> Result<(), EngineError> {
        self.call("resize", container, |_| Ok(())).await
    }

    async fn wait_exit(&self, container: &str) -> Result<i64, EngineError> {
        let mut events = self.inner.events.subscribe();
        let (id, ended) = self
            .call("wait_exit", container, |state| {
                let found = state.get("wait for container", container)?;
                let ended = match found.state {
                    ContainerState::Exited(code) => Some(code),
                    _ => None,
                };
                Ok((found.id.clone(), ended))
            })
            .await?;
        if let Some(code) = ended {
            return Ok(code);
        }
        loop {
            match events.recv().await {
                Ok(Some(ContainerEvent { id: of, kind: ContainerEventKind::Died(code), .. })) if of == id => {
                    return Ok(code);
                }
                Ok(Some(_)) | Err(RecvError::Lagged(_)) => {}
                Ok(None) | Err(RecvError::Closed) => return Err(super::calls::unreachable()),
            }
        }
    }
}

//! Docker, through bollard. Nothing of bollard leaves this folder.

mod archive;
mod build;
mod build_watch;
mod client;
mod containers;
mod context;
mod create;
mod credentials;
mod dockerignore;
mod error;
mod events;
mod evidence;
mod exec;
mod helper;
mod images;
mod inspect;
mod known;
mod layers;
mod logs;
mod mounts_of;
mod networks;
mod observe;
mod spec_of;
mod ssh;
mod stall;
mod status;
mod survey;
mod volumes;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use self::client::Client;
use self::credentials::CredentialStore;
use self::inspect::ImageCache;
use super::connect::Endpoint;
use super::{
    ConnectOptions, ContainerDetails, ContainerEvent, Engine, EngineError, EngineStream, ExecRequest,
    ExecSession, ExecState, LogLine, LogQuery, OnProgress, PublishedPort,
};
use crate::plan::observed::{EngineInfo, Observed, ObservedContainer};
use crate::plan::spec::{CopiedFile, CreateContainer, CreateNetwork, CreateVolume};
use crate::stack::model::{Build, NetworkAttachment};

pub use self::error::taken_port;

/// A Docker engine.
pub struct DockerEngine {
    client: Client,
    info: EngineInfo,
    credentials: CredentialStore,
    images: ImageCache,
    classic_builder: bool,
}

impl DockerEngine {
    /// Connects and asks for the version. One call.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`]
    pub async fn connect(endpoint: Endpoint, options: &ConnectOptions) -> Result<Self, EngineError> {
        let (client, info) = Client::open(endpoint, options).await?;
        Ok(Self {
            client,
            info,
            credentials: CredentialStore::new(&options.config_dir),
            images: ImageCache::default(),
            classic_builder: options.classic_builder,
        })
    }
}

#[async_trait]
impl Engine for DockerEngine {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        Ok(self.info.clone())
    }

    async fn observe(&self, project: &str) -> Result<Observed, EngineError> {
        let (containers, networks, volumes, images) = tokio::try_join!(
            observe::containers(&self.client, project),
            observe::networks(&self.client),
            observe::volumes(&self.client),
            observe::images(&self.client),
        )?;
        Ok(Observed { engine: self.info.clone(), containers, networks, volumes, images })
    }

    async fn containers(&self, project: &str) -> Result<Vec<ObservedContainer>, EngineError> {
        observe::containers(&self.client, project).await
    }

    async fn projects(&self) -> Result<BTreeMap<String, String>, EngineError> {
        observe::projects(&self.client).await
    }

    async fn published_ports(&self) -> Result<Vec<PublishedPort>, EngineError> {
        observe::published_ports(&self.client).await
    }

    async fn inspect(&self, container: &str) -> Result<ContainerDetails, EngineError> {
        inspect::container(&self.client, container).await
    }

    async fn inspect_with_image(&self, container: &str) -> Result<ContainerDetails, EngineError> {
        inspect::with_image(&self.client, &self.images, container).await
    }

    async fn create_network(&self, request: &CreateNetwork) -> Result<(), EngineError> {
        networks::create(&self.client, request).await
    }

    async fn remove_network(&self, name: &str) -> Result<(), EngineError> {
        networks::remove(&self.client, name).await
    }

    async fn connect_network(
        &self,
        network: &str,
        container: &str,
        attachment: &NetworkAttachment,
    ) -> Result<(), EngineError> {
        networks::connect(&self.client, network, container, attachment).await
    }

    async fn create_volume(&self, request: &CreateVolume) -> Result<(), EngineError> {
        volumes::create(&self.client, request).await
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        volumes::remove(&self.client, name).await
    }

    async fn create_container(&self, request: &CreateContainer) -> Result<String, EngineError> {
        containers::create(&self.client, request).await
    }

    async fn copy_files(&self, container: &str, files: &[CopiedFile]) -> Result<(), EngineError> {
        archive::copy(&self.client, container, files).await
    }

    async fn start_container(&self, container: &str) -> Result<(), EngineError> {
        containers::start(&self.client, container).await
    }

    async fn stop_container(&self, container: &str, timeout: Option<Duration>) -> Result<(), EngineError> {
        containers::stop(&self.client, container, timeout).await
    }

    async fn restart_container(&self, container: &str, timeout: Option<Duration>) -> Result<(), EngineError> {
        containers::restart(&self.client, container, timeout).await
    }

    async fn remove_container(&self, container: &str, force: bool) -> Result<(), EngineError> {
        containers::remove(&self.client, container, force).await
    }

    async fn rename_container(&self, container: &str, name: &str) -> Result<(), EngineError> {
        containers::rename(&self.client, container, name).await
    }

    async fn image_id(&self, image: &str) -> Result<Option<String>, EngineError> {
        images::id(&self.client, image).await
    }

    async fn pull_image(
        &self,
        image: &str,
        platform: Option<&str>,
        progress: OnProgress<'_>,
    ) -> Result<(), EngineError> {
        images::pull(&self.client, &self.credentials, image, platform, progress).await
    }

    async fn push_image(&self, image: &str, progress: OnProgress<'_>) -> Result<(), EngineError> {
        images::push(&self.client, &self.credentials, image, progress).await
    }

    async fn build_image(
        &self,
        image: &str,
        build: &Build,
        progress: OnProgress<'_>,
    ) -> Result<(), EngineError> {
        let (client, store, classic) = (&self.client, &self.credentials, self.classic_builder);
        build::image(build::Job { client, store, image, build, classic }, progress).await
    }

    async fn load_image(&self, image: &str, archive: Vec<u8>) -> Result<(), EngineError> {
        images::load(&self.client, image, archive).await
    }

    async fn remove_image(&self, image: &str) -> Result<(), EngineError> {
        images::remove(&self.client, image).await
    }

    async fn image_tags(&self, repository: &str) -> Result<Vec<String>, EngineError> {
        images::tags(&self.client, repository).await
    }

    async fn prune_images(&self, but: &str, older: Duration) -> Result<(), EngineError> {
        images::prune(&self.client, but, older).await
    }

    async fn logs(&self, container: &str, query: &LogQuery) -> Result<EngineStream<LogLine>, EngineError> {
        Ok(logs::lines(&self.client, container, query))
    }

    async fn events(&self, project: &str) -> Result<EngineStream<ContainerEvent>, EngineError> {
        events::project(&self.client, project).await
    }

    async fn exec(&self, container: &str, request: &ExecRequest) -> Result<ExecSession, EngineError> {
        exec::start(&self.client, container, request).await
    }

    async fn exec_detached(&self, container: &str, request: &ExecRequest) -> Result<(), EngineError> {
        exec::start_detached(&self.client, container, request).await
    }

    async fn exec_exit_code(&self, id: &str) -> Result<i64, EngineError> {
        exec::exit_code(&self.client, id).await
    }

    async fn exec_state(&self, id: &str) -> Result<ExecState, EngineError> {
        exec::state(&self.client, id).await
    }

    async fn exec_resize(&self, id: &str, width: u16, height: u16) -> Result<(), EngineError> {
        exec::resize(&self.client, id, width, height).await
    }

    async fn attach(&self, container: &str, _tty: bool, stdin: bool) -> Result<ExecSession, EngineError> {
        exec::attach(&self.client, container, stdin).await
    }

    async fn start_helper(
        &self,
        image: &str,
        command: &[&str],
        network: &str,
    ) -> Result<ExecSession, EngineError> {
        helper::start(&self.client, image, command, network).await
    }

    async fn resize(&self, container: &str, width: u16, height: u16) -> Result<(), EngineError> {
        containers::resize(&self.client, container, width, height).await
    }

    async fn wait_exit(&self, container: &str) -> Result<i64, EngineError> {
        containers::wait_exit(&self.client, container).await
    }
}

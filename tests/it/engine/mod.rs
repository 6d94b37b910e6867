//! The engine room against a real Docker engine.

mod builds;
mod connecting;
mod containers;
mod streams;
mod tls;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use vv::engine::connect::connect;
use vv::engine::{ConnectOptions, Engine, EngineStream, ExecRequest};
use vv::plan::spec::{ContainerSpec, CreateContainer, CreateNetwork, CreateVolume};
use vv::stack::model::{Network, NetworkAttachment, Volume};

/// A small image with a shell, made by `make parts`.
pub const BUSYBOX: &str = "localhost/vv-parts/busybox:1";

const PROJECT_LABEL: &str = "com.docker.compose.project";

/// A project of its own name on the real engine. Dropped, it leaves nothing behind.
pub struct Scene {
    pub engine: Arc<dyn Engine>,
    pub project: String,
}

impl Scene {
    pub async fn new(test: &str) -> Self {
        let engine = connect(&ConnectOptions::from_env()).await.expect("a Docker engine is needed");
        let found = engine.image_id(BUSYBOX).await.unwrap();
        assert!(found.is_some(), "{BUSYBOX} is needed: `make parts` builds it");
        Self { engine, project: format!("vvengine-{test}-{:08x}", rand::random::<u32>()) }
    }

    pub fn name(&self, part: &str) -> String {
        format!("{}-{part}", self.project)
    }

    pub fn labels(&self, service: &str) -> BTreeMap<String, String> {
        [(PROJECT_LABEL, self.project.as_str()), ("com.docker.compose.service", service)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    /// A spec that runs this line in a shell.
    pub fn shell(&self, line: &str) -> ContainerSpec {
        ContainerSpec {
            image: BUSYBOX.to_owned(),
            command: Some(["sh", "-c", line].map(str::to_owned).to_vec()),
            network_mode: Some("none".to_owned()),
            stop_grace_period: Some(1),
            ..ContainerSpec::default()
        }
    }

    pub fn request(&self, service: &str, spec: ContainerSpec) -> CreateContainer {
        let mut labels = self.labels(service);
        labels.extend(spec.labels.clone());
        CreateContainer {
            name: self.name(service),
            service: service.to_owned(),
            labels,
            spec,
            service_alias: true,
            cached: Vec::new(),
        }
    }

    /// Makes a container; its name.
    pub async fn create(&self, service: &str, spec: ContainerSpec) -> String {
        let request = self.request(service, spec);
        self.engine.create_container(&request).await.unwrap();
        request.name
    }

    /// Makes and starts a container; its name.
    pub async fn start(&self, service: &str, spec: ContainerSpec) -> String {
        let name = self.create(service, spec).await;
        self.engine.start_container(&name).await.unwrap();
        name
    }

    /// Makes a network; its name.
    pub async fn network(&self, key: &str) -> String {
        let name = self.name(key);
        let network = Network { name: name.clone(), ..Network::default() };
        let request = CreateNetwork { network, labels: self.labels("") };
        self.engine.create_network(&request).await.unwrap();
        name
    }

    /// Makes a volume; its name.
    pub async fn volume(&self, key: &str) -> String {
        let name = self.name(key);
        let volume = Volume { name: name.clone(), ..Volume::default() };
        self.engine.create_volume(&CreateVolume { volume, labels: self.labels("") }).await.unwrap();
        name
    }

    /// Runs a command; its exit code and output.
    pub async fn run(&self, container: &str, words: &[&str]) -> (i64, String) {
        let command = words.iter().map(ToString::to_string).collect();
        let request = ExecRequest { command, ..ExecRequest::default() };
        let session = self.engine.exec(container, &request).await.unwrap();
        let output = all(session.output).await.into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<u8>>();
        let code = self.engine.exec_exit_code(&session.id).await.unwrap();
        (code, String::from_utf8_lossy(&output).trim().to_owned())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let project = self.project.clone();
        // A runtime of its own: this one may be about to go down with a failed test.
        let cleaned = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(clean(&project));
        });
        cleaned.join().expect("the test's leftovers can be removed");
    }
}

async fn clean(project: &str) {
    let engine = connect(&ConnectOptions::from_env()).await.unwrap();
    let observed = engine.observe(project).await.unwrap();
    for container in &observed.containers {
        engine.remove_container(&container.id, true).await.unwrap();
    }
    let ours = |labels: &BTreeMap<String, String>| labels.get(PROJECT_LABEL).is_some_and(|of| of == project);
    for network in observed.networks.iter().filter(|network| ours(&network.labels)) {
        engine.remove_network(&network.id).await.unwrap();
    }
    for volume in observed.volumes.iter().filter(|volume| ours(&volume.labels)) {
        engine.remove_volume(&volume.name).await.unwrap();
    }
    for image in observed.images.keys().filter(|image| image.contains(project)) {
        engine.remove_image(image).await.unwrap();
    }
}

/// All items of a stream that ends.
pub async fn all<T>(stream: EngineStream<T>) -> Vec<T> {
    stream.map(|item| item.unwrap()).collect().await
}

/// An attachment with these aliases.
pub fn aliases(names: &[&str]) -> NetworkAttachment {
    let aliases = names.iter().map(ToString::to_string).collect();
    NetworkAttachment { aliases, ..NetworkAttachment::default() }
}

/// Asks until the answer is yes.
pub async fn until(what: &str, mut yes: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !yes().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! What one operation does: an engine call, or a word with a system.

use std::sync::Arc;

use super::cached_files;
use super::error::{BackendError, FailureCause};
use super::event::{Event, Reporter};
use super::options::{ExecuteOptions, StubImage};
use crate::engine::{Engine, EngineError, Progress, own_image};
use crate::failure::Kind;
use crate::plan::operation::{Action, Apply, Operation, OperationId};

/// Does what an operation stands for. Waits aren't done.
pub(super) async fn perform(
    engine: &dyn Engine,
    reporter: &dyn Reporter,
    options: &ExecuteOptions,
    id: OperationId,
    operation: &Operation,
) -> Result<Vec<String>, FailureCause> {
    match &operation.action {
        Action::Apply(Apply { what, .. }) => {
            let Some(applier) = options.appliers.get(what) else {
                let message = format!("this command doesn't apply {}", what.name());
                return Err(FailureCause::Backend(BackendError {
                    kind: Kind::Failed,
                    message,
                    hints: Vec::new(),
                }));
            };
            let say = |message| reporter.event(Event::Progress { id, message, bytes: None });
            applier.apply(&say).await.map_err(FailureCause::Backend)
        }
        Action::Targets(targets) => match &options.balancer {
            Some(balancer) => balancer.follow(targets).await.map_err(FailureCause::Backend),
            None => Ok(Vec::new()),
        },
        _ => {
            let called = call(engine, reporter, options.stub_image.as_ref(), id, operation).await;
            called.map(|()| Vec::new()).map_err(FailureCause::Engine)
        }
    }
}

async fn call(
    engine: &dyn Engine,
    reporter: &dyn Reporter,
    stub_image: Option<&Arc<StubImage>>,
    id: OperationId,
    operation: &Operation,
) -> Result<(), EngineError> {
    let progress = |progress: Progress| {
        let Progress { message, bytes } = progress;
        reporter.event(Event::Progress { id, message, bytes });
    };
    match &operation.action {
        Action::PullImage { image, platform } => {
            engine.pull_image(image, platform.as_deref(), &progress).await
        }
        Action::BuildImage { image, build } => engine.build_image(image, build, &progress).await,
        Action::BuildStub { image } => {
            own_image::load(engine, image, stub_archive(stub_image, image).await?).await
        }
        Action::CreateNetwork(request) => engine.create_network(request).await,
        Action::RemoveNetwork(name) => engine.remove_network(name).await,
        Action::CreateVolume(request) => engine.create_volume(request).await,
        Action::RemoveVolume(name) => engine.remove_volume(name).await,
        Action::CreateContainer(request) => {
            if !request.cached.is_empty() {
                let files = request.cached.clone();
                let attempt = format!("write the files of container {}", request.name);
                blocking(attempt, move || cached_files::write(&files)).await?;
            }
            engine.create_container(request).await.map(|_| ())
        }
        Action::CopyFiles { container, files } => engine.copy_files(container, files).await,
        Action::ConnectNetwork { container, network, attachment } => {
            engine.connect_network(network, container, attachment).await
        }
        Action::StartContainer(container) => engine.start_container(container).await,
        Action::StopContainer { container, timeout } => engine.stop_container(container, *timeout).await,
        Action::RestartContainer { container, timeout } => {
            engine.restart_container(container, *timeout).await
        }
        Action::RemoveContainer { container, force } => engine.remove_container(container, *force).await,
        Action::RenameContainer { from, to } => engine.rename_container(from, to).await,
        Action::Apply(_) | Action::Targets(_) | Action::Wait(_) => Ok(()),
    }
}

async fn stub_archive(stub_image: Option<&Arc<StubImage>>, image: &str) -> Result<Vec<u8>, EngineError> {
    let attempt = format!("build the stand-in {image}");
    let Some(make) = stub_image.map(Arc::clone) else {
        let message = "this command doesn't make stand-ins".to_owned();
        return Err(EngineError::Refused { attempt, message });
    };
    let image = image.to_owned();
    blocking(attempt, move || make(&image)).await
}

/// Work with files, off the threads that wait for the engine.
async fn blocking<T: Send + 'static>(
    attempt: String,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, EngineError> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(panic.to_string()));
    done.map_err(|message| EngineError::Refused { attempt, message })
}

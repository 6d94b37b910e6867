//! The engine's event stream, opened once and shared by all who wait.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::broadcast;
use tokio::task::AbortHandle;

use crate::engine::{ContainerEvent, Engine, EngineError, EngineStream};

/// Room for events that a busy listener hasn't read; one that falls behind looks anew instead.
const ROOM: usize = 1024;
/// Pauses before the tries to reopen a stream that broke.
const REOPEN: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// What a listener hears.
#[derive(Debug, Clone)]
pub(super) enum Signal {
    /// Something happened.
    Event(Arc<ContainerEvent>),
    /// Something may have been missed: look anew.
    Missed,
    /// The stream broke and can't be opened again.
    Lost(EngineError),
}

/// The event stream. Closes when dropped.
pub(super) struct EventHub {
    sender: broadcast::Sender<Signal>,
    task: AbortHandle,
}

impl EventHub {
    /// Opens the stream; events from now on are heard.
    pub(super) async fn open(engine: Arc<dyn Engine>, project: &str) -> Result<Self, EngineError> {
        let stream = engine.events(project).await?;
        let (sender, _) = broadcast::channel(ROOM);
        let task = tokio::spawn(forward(engine, project.to_owned(), stream, sender.clone()));
        Ok(Self { sender, task: task.abort_handle() })
    }

    pub(super) fn subscribe(&self) -> Listener {
        Listener { receiver: self.sender.subscribe() }
    }
}

impl Drop for EventHub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Hears what happens from when it was made.
pub(super) struct Listener {
    receiver: broadcast::Receiver<Signal>,
}

impl Listener {
    /// What happens next to the container with this id, or to the stream itself.
    pub(super) async fn next(&mut self, id: &str) -> Signal {
        loop {
            match self.receiver.recv().await {
                Ok(Signal::Event(event)) if event.id != id => {}
                Ok(signal) => return signal,
                Err(broadcast::error::RecvError::Lagged(_)) => return Signal::Missed,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

async fn forward(
    engine: Arc<dyn Engine>,
    project: String,
    mut stream: EngineStream<ContainerEvent>,
    sender: broadcast::Sender<Signal>,
) {
    loop {
        // An error in the stream is its end, however it is put.
        while let Some(Ok(event)) = stream.next().await {
            let _ = sender.send(Signal::Event(Arc::new(event)));
        }
        match reopen(&*engine, &project).await {
            Ok(again) => stream = again,
            Err(error) => {
                let _ = sender.send(Signal::Lost(error));
                return;
            }
        }
        let _ = sender.send(Signal::Missed);
    }
}

async fn reopen(engine: &dyn Engine, project: &str) -> Result<EngineStream<ContainerEvent>, EngineError> {
    let mut result = Err(EngineError::Unreachable { message: String::new(), hints: Vec::new() });
    for pause in REOPEN {
        tokio::time::sleep(pause).await;
        result = engine.events(project).await;
        if result.is_ok() {
            break;
        }
    }
    result
}

//! Follows replicas that come and go.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::filter::Filter;
use super::merge::{Line, Source, Window};
use super::show;
use crate::engine::{ContainerEvent, ContainerEventKind, Engine, EngineStream, LogQuery};
use crate::failure::Result;
use crate::output::log::LogWriter;
use crate::plan::observed::ObservedContainer;

/// The time of the last line that was shown, by container id.
pub type LastSeen = HashMap<String, Timestamp>;

/// Lines read ahead of the terminal. A slow terminal fills it, and then the engine waits: nothing is lost.
const READ_AHEAD: usize = 1024;

/// What to follow.
pub struct Follower {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// The project.
    pub project: String,
    /// The services; replicas of others are ignored.
    pub services: Vec<String>,
    /// History ended here.
    pub since: Timestamp,
    /// The last line shown of each container.
    pub last: LastSeen,
}

impl Follower {
    /// Shows lines until the user interrupts (true) or the engine goes away (false).
    pub async fn run(
        self,
        mut events: EngineStream<ContainerEvent>,
        containers: Vec<ObservedContainer>,
        writer: &mut LogWriter,
        filter: &Filter,
    ) -> Result<bool> {
        let (sender, mut lines) = mpsc::channel(READ_AHEAD);
        let mut runs: HashMap<String, watch::Sender<u64>> = HashMap::new();
        for container in &containers {
            runs.insert(container.id.clone(), self.follow(container, sender.clone()));
        }
        let mut window = Window::default();
        let interrupt = tokio::signal::ctrl_c();
        tokio::pin!(interrupt);
        loop {
            let due = window.due();
            tokio::select! {
                _ = &mut interrupt => {
                    window.drain().iter().for_each(|line| show(line, filter, writer));
                    return Ok(true);
                }
                Some(line) = lines.recv() => window.push(line, Instant::now()),
                () = async { sleep_until(due.unwrap_or_else(Instant::now)).await }, if due.is_some() => {}
                event = events.next() => match event {
                    Some(event) => self.changed(event?, &mut runs, &sender).await?,
                    None => {
                        window.drain().iter().for_each(|line| show(line, filter, writer));
                        return Ok(false);
                    }
                },
            }
            let mut shown = false;
            while let Some(line) = window.pop(Instant::now()) {
                show(&line, filter, writer);
                shown = true;
            }
            if shown {
                writer.flush();
            }
        }
    }

    /// A container came, started again or went.
    async fn changed(
        &self,
        event: ContainerEvent,
        runs: &mut HashMap<String, watch::Sender<u64>>,
        sender: &mpsc::Sender<Line>,
    ) -> Result {
        match event.kind {
            ContainerEventKind::Started if self.services.contains(&event.service) => {
                match runs.get(&event.id) {
                    Some(runs) => runs.send_modify(|run| *run += 1),
                    None => {
                        let containers = self.engine.containers(&self.project).await?;
                        if let Some(container) =
                            containers.iter().find(|container| container.id == event.id && !container.oneoff)
                        {
                            runs.insert(event.id, self.follow(container, sender.clone()));
                        }
                    }
                }
            }
            ContainerEventKind::Removed => {
                runs.remove(&event.id);
            }
            _ => {}
        }
        Ok(())
    }

    /// Follows a container in a task of its own, through its restarts, until it is removed.
    fn follow(&self, container: &ObservedContainer, sender: mpsc::Sender<Line>) -> watch::Sender<u64> {
        let (runs, mut run) = watch::channel(0);
        let source = Source::of(container);
        let engine = Arc::clone(&self.engine);
        let mut last = self.last.get(&container.id).copied();
        let mut since = self.since;
        tokio::spawn(async move {
            loop {
                run.borrow_and_update();
                let query = LogQuery { follow: true, since: Some(since), ..LogQuery::default() };
                let Ok(mut stream) = engine.logs(&source.id, &query).await else { break };
                // `since` includes its own moment: what was shown is not shown again.
                let shown = last;
                while let Some(Ok(line)) = stream.next().await {
                    if shown.is_some_and(|shown| line.time <= shown) {
                        continue;
                    }
                    last = Some(line.time);
                    since = line.time;
                    if sender.send(Line { source: Arc::clone(&source), line }).await.is_err() {
                        return;
                    }
                }
                if run.changed().await.is_err() {
                    break;
                }
            }
        });
        runs
    }
}

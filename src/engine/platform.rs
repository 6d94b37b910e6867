//! The engine as a [`Platform`]: what probes, logs and exec see of it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

use super::earlier::{self, Earlier};
use super::relay::{HelperImage, Relay};
use super::{ContainerDetails, Engine, EngineError, ExecRequest, LogQuery};
use crate::plan::observed::{ContainerState, Health, ObservedContainer};
use crate::platform::{
    Endpoint, ExecResult, HealthVerdict, LastEnd, Platform, PlatformError, Replica, ReplicaState,
    ReplicaStatus,
};

/// The label of a stand-in's container.
const STUB_LABEL: &str = "vv.stub";

/// The label that names a container's project.
const PROJECT_LABEL: &str = "com.docker.compose.project";

/// A container that was started so lately is asked how it ended before.
const JUST_NOW: Duration = Duration::from_secs(60);

/// How long the engine may take to tell more of a container than the list does. It is slow to while the container's
/// healthcheck is being started on a busy machine, and what it adds isn't worth a false alarm.
const INSPECT: Duration = Duration::from_secs(2);

/// Output of a command that is kept, in bytes.
const EXEC_OUTPUT: usize = 64 * 1024;

/// A project's containers, as they were when it was made.
pub struct EnginePlatform {
    engine: Arc<dyn Engine>,
    containers: Vec<ObservedContainer>,
    /// Containers' own addresses can be reached from here.
    reaches_networks: bool,
    host: IpAddr,
    relay: Option<Arc<Relay>>,
    /// The commands that ran in containers, by their ids, when the replicas were looked at.
    execs: Mutex<BTreeMap<String, Vec<String>>>,
    /// What was told of containers, by their ids: each is inspected once, whoever asks.
    statuses: Mutex<BTreeMap<String, Arc<OnceCell<ReplicaStatus>>>>,
}

impl EnginePlatform {
    /// Looks at the project's containers. Two calls, one of them remembered.
    pub async fn of(engine: Arc<dyn Engine>, project: &str) -> Result<Self, EngineError> {
        let containers = engine.containers(project).await?;
        Self::from_containers(engine, containers).await
    }

    /// Of containers that somebody has just looked at.
    pub async fn from_containers(
        engine: Arc<dyn Engine>,
        mut containers: Vec<ObservedContainer>,
    ) -> Result<Self, EngineError> {
        let info = engine.info().await?;
        containers.retain(|container| !container.oneoff);
        containers.sort_by_key(|container| container.number);
        let host = info.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Ok(Self {
            engine,
            containers,
            reaches_networks: info.local && !info.secluded,
            host,
            relay: None,
            execs: Mutex::default(),
            statuses: Mutex::default(),
        })
    }

    /// Where containers' own addresses can't be reached from here, a helper container of this image leads to them.
    #[must_use]
    pub fn with_helper(mut self, image: HelperImage) -> Self {
        if !self.reaches_networks {
            self.relay = Some(Relay::of(&self.engine, image));
        }
        self
    }

    /// The containers behind the replicas.
    pub fn containers(&self) -> &[ObservedContainer] {
        &self.containers
    }

    /// A running container as a replica, as the list had it: without its restarts.
    pub fn listed(&self, container: &str) -> Option<ReplicaStatus> {
        let found = self.containers.iter().find(|found| found.name == container && found.state.is_up())?;
        Some(status_of(found, None))
    }

    /// The replicas of a service, as the list had them: no further call, and no restarts.
    pub fn listed_replicas(&self, service: &str) -> Vec<ReplicaStatus> {
        let ours = self.containers.iter().filter(|container| container.service == service);
        ours.map(|container| status_of(container, None)).collect()
    }

    /// A container as a replica. An inspect tells what a list doesn't (restarts, memory); without one, the list will
    /// do.
    async fn status(&self, container: &ObservedContainer) -> ReplicaStatus {
        let cell = {
            let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(statuses.entry(container.id.clone()).or_default())
        };
        cell.get_or_init(|| self.inspected(container)).await.clone()
    }

    async fn inspected(&self, container: &ObservedContainer) -> ReplicaStatus {
        let details = timeout(INSPECT, self.engine.inspect(&container.id)).await;
        let details = details.ok().and_then(Result::ok);
        if let Some(details) = &details {
            let mut execs = self.execs.lock().unwrap_or_else(PoisonError::into_inner);
            execs.insert(container.id.clone(), details.execs.clone());
        }
        detailed(self.engine.as_ref(), container, details.as_ref()).await
    }

    fn container(&self, replica: &Replica) -> Result<&ObservedContainer, PlatformError> {
        self.containers
            .iter()
            .find(|container| container.service == replica.service && container.number == replica.number)
            .ok_or_else(|| {
                PlatformError::NotRunning(format!("{}-{} isn't there", replica.service, replica.number))
            })
    }

    /// The container in whose network namespace this one is: its own, unless it shares another's.
    fn network_owner<'a>(&'a self, container: &'a ObservedContainer) -> &'a ObservedContainer {
        let Some(owner) = container.network_mode.strip_prefix("container:") else { return container };
        self.containers.iter().find(|other| other.id == owner || other.name == owner).unwrap_or(container)
    }

    /// Where a published port answers: the engine's host, at the address it is bound to.
    fn published(&self, container: &ObservedContainer, port: u16) -> Option<SocketAddr> {
        let bindings = container.ports.iter().filter(|bound| bound.target == port && bound.protocol == "tcp");
        let mut addresses = bindings.filter_map(|bound| {
            let address = match bound.host_ip.parse::<IpAddr>() {
                Ok(address) if !address.is_unspecified() => address,
                Ok(IpAddr::V6(_)) if self.host.is_loopback() => IpAddr::V6(Ipv6Addr::LOCALHOST),
                _ => self.host,
            };
            Some(SocketAddr::new(address, bound.published?))
        });
        // An engine lists the IPv4 and the IPv6 binding of a port; either will do, the first is what people type.
        let first = addresses.next()?;
        Some(if first.is_ipv4() { first } else { addresses.find(SocketAddr::is_ipv4).unwrap_or(first) })
    }
}

#[async_trait]
impl Platform for EnginePlatform {
    async fn replicas(&self, service: &str) -> Result<Vec<ReplicaStatus>, PlatformError> {
        let ours = self.containers.iter().filter(|container| container.service == service);
        Ok(futures_util::future::join_all(ours.map(|container| self.status(container))).await)
    }

    async fn reach(&self, replica: &Replica, port: u16) -> Result<Endpoint, PlatformError> {
        let container = self.network_owner(self.container(replica)?);
        if let Some(address) = self.published(container, port) {
            return Ok(Endpoint { address, published: true });
        }
        if container.network_mode == "host" {
            return Ok(Endpoint { address: SocketAddr::new(self.host, port), published: false });
        }
        if !container.state.is_up() {
            // It was started since the list was made, which knows neither its ports nor its addresses.
            return Err(PlatformError::NotRunning(format!("{} was only just started", container.name)));
        }
        let Some((network, address)) = address_of(container) else {
            // By its own wish; of another, nobody reaches it, and that is a failure.
            let by_wish = ["none", "container:"].iter().any(|mode| container.network_mode.starts_with(mode));
            return Err(match by_wish {
                true => {
                    PlatformError::NotReachable(format!("{} has no address on a network", container.name))
                }
                false => PlatformError::CutOff(format!("{} is cut off from its networks", container.name)),
            });
        };
        let address = SocketAddr::new(address, port);
        if self.reaches_networks {
            return Ok(Endpoint { address, published: false });
        }
        let hidden = |why: &str| {
            PlatformError::NotReachable(format!(
                "port {port} isn't published, and the engine's networks can't be reached from here{why}"
            ))
        };
        let Some(relay) = &self.relay else { return Err(hidden("")) };
        let door = relay.door(network, address).await.map_err(|error| hidden(&format!(": {error}")))?;
        Ok(Endpoint { address: door, published: true })
    }

    async fn names(&self, replica: &Replica) -> Vec<String> {
        let Ok(container) = self.container(replica) else { return Vec::new() };
        let addresses = container.networks.values().flat_map(|network| [&network.address, &network.address6]);
        let mut names: Vec<String> = addresses.filter(|address| !address.is_empty()).cloned().collect();
        names.push(container.name.clone());
        // A container's host name is the short form of its id, unless the stack says otherwise.
        names.extend(container.id.get(..12).map(str::to_owned));
        names
    }

    async fn exec(
        &self,
        replica: &Replica,
        command: &[String],
        limit: Duration,
    ) -> Result<ExecResult, PlatformError> {
        let container = self.container(replica)?;
        let request = ExecRequest { command: command.to_vec(), ..ExecRequest::default() };
        let begun = Instant::now();
        // Some of the time is left for saying so.
        let waiting = limit.mul_f64(0.9);
        // What ran when the replicas were looked at serves the first that comes.
        let seen = self.execs.lock().unwrap_or_else(PoisonError::into_inner).remove(&container.id);
        let engine = self.engine.as_ref();
        let earlier = match seen {
            Some(seen) => earlier::among(engine, &seen, command, waiting).await,
            None => earlier::in_container(engine, &container.id, command, waiting).await,
        };
        match earlier {
            Earlier::Ended(0) => return Ok(ExecResult::default()),
            // It may pass by now.
            Earlier::Nothing | Earlier::Ended(_) => {}
            Earlier::Running => return Err(PlatformError::StillRuns),
        }
        let run = async {
            let mut session = self.engine.exec(&container.id, &request).await?;
            let mut output = Vec::new();
            while let Some(chunk) = session.output.next().await {
                let (_, bytes) = chunk?;
                output.extend_from_slice(&bytes[..bytes.len().min(EXEC_OUTPUT.saturating_sub(output.len()))]);
            }
            let code = self.engine.exec_exit_code(&session.id).await?;
            Ok(ExecResult { code, output: String::from_utf8_lossy(&output).into_owned() })
        };
        match timeout(limit.saturating_sub(begun.elapsed()), run).await {
            Ok(result) => result.map_err(|error: EngineError| PlatformError::Other(error.to_string())),
            Err(_) => Err(PlatformError::Timeout(limit)),
        }
    }

    async fn last_logs(&self, replica: &Replica, lines: usize) -> Result<Vec<String>, PlatformError> {
        let container = self.container(replica)?;
        last_logs(self.engine.as_ref(), &container.id, lines)
            .await
            .map_err(|error| PlatformError::Other(error.to_string()))
    }
}

/// A network that a container is on, and its address there.
fn address_of(container: &ObservedContainer) -> Option<(&str, IpAddr)> {
    let mut all = container.networks.iter().flat_map(|(name, network)| {
        [&network.address, &network.address6].map(|address| (name.as_str(), address.parse().ok()))
    });
    all.find_map(|(name, address)| Some((name, address?)))
}

/// The last lines of a container's output.
pub async fn last_logs(
    engine: &dyn Engine,
    container: &str,
    lines: usize,
) -> Result<Vec<String>, EngineError> {
    let query = LogQuery { tail: Some(lines as u64), ..LogQuery::default() };
    let mut stream = engine.logs(container, &query).await?;
    let mut output = Vec::new();
    while let Some(line) = stream.next().await {
        output.push(String::from_utf8_lossy(&line?.line).into_owned());
    }
    Ok(output)
}

/// A container as a replica, with what an inspect told. Of one that was restarted just now, one call more asks how it
/// ended before: an inspect forgets that as soon as it runs again.
pub async fn detailed(
    engine: &dyn Engine,
    container: &ObservedContainer,
    details: Option<&ContainerDetails>,
) -> ReplicaStatus {
    let mut status = status_of(container, details);
    let flaps = status.restarts > 0 && status.up_for.is_some_and(|up| up < JUST_NOW);
    if flaps && let Some(ended) = details.and_then(|details| details.finished_at.as_deref()?.parse().ok()) {
        let code = timeout(INSPECT, last_code(engine, container, ended)).await;
        status.last_end.code = code.ok().flatten();
    }
    status
}

/// The exit code of a container's last end, from what the engine remembers since a moment.
async fn last_code(engine: &dyn Engine, container: &ObservedContainer, ended: Timestamp) -> Option<i64> {
    let project = container.labels.get(PROJECT_LABEL)?;
    let since = ended.checked_sub(SignedDuration::from_secs(1)).ok()?;
    let events = engine.past_events(project, since).await.ok()?;
    let end = events.iter().rfind(|event| event.container == container.name && event.action == "die")?;
    end.exit_code.as_deref()?.parse().ok()
}

/// Since its last start, by this machine's clock.
fn up_for(details: &ContainerDetails) -> Option<Duration> {
    let started: Timestamp = details.started_at.as_deref()?.parse().ok()?;
    // A clock that is behind the engine's would make it negative.
    Some(Timestamp::now().duration_since(started).try_into().unwrap_or_default())
}

fn status_of(container: &ObservedContainer, details: Option<&ContainerDetails>) -> ReplicaStatus {
    let state = details.map_or(container.state, |details| details.state);
    let health = details.map_or(container.health, |details| details.health);
    ReplicaStatus {
        replica: Replica { service: container.service.clone(), number: container.number },
        state: match state {
            ContainerState::Created => ReplicaState::Created,
            ContainerState::Running => ReplicaState::Running,
            ContainerState::Paused => ReplicaState::Paused,
            ContainerState::Restarting => ReplicaState::Restarting,
            ContainerState::Exited(code) => {
                ReplicaState::Exited { code, oom: details.is_some_and(|details| details.oom_killed) }
            }
            ContainerState::Removing | ContainerState::Dead => ReplicaState::Dead,
        },
        health: health.map(|health| match health {
            Health::Starting => HealthVerdict::Starting,
            Health::Healthy => HealthVerdict::Healthy,
            Health::Unhealthy => HealthVerdict::Unhealthy,
        }),
        restarts: details.map_or(0, |details| details.restarts),
        up_for: details.filter(|_| state == ContainerState::Running).and_then(up_for),
        last_end: details.map_or_else(LastEnd::default, |details| LastEnd {
            code: details.last_code,
            oom: details.oom_killed,
        }),
        start_error: details.and_then(|details| details.error.clone()),
        name: container.name.clone(),
        stub: container.labels.contains_key(STUB_LABEL),
    }
}

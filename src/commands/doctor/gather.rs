//! Gathers the facts: everything is asked at once, and nothing is waited for longer than its limit.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, join};
use jiff::Timestamp;
use tokio::time::timeout;

use super::here;
use crate::doctor::facts::{Asked, EngineFacts, Facts, Holder, ImageSeen, PathKind, Resolved, Unreachable};
use crate::doctor::{HostPort, binds, wanted_ports};
use crate::engine::survey::System;
use crate::engine::{ConnectOptions, Engine, EngineError, ExecRequest, PublishedPort, connect};
use crate::plan::Stubs;
use crate::plan::observed::{ContainerState, Observed, ObservedContainer};
use crate::run::ports::{self, PortHolder};
use crate::stack::model::PullPolicy;
use crate::stack::{Service, Stack, is_remote};

/// How long any question may take. An engine under load needs seconds.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a look-up in a container may take.
const LOOKUP: Duration = Duration::from_secs(3);
/// In how many containers a look-up is tried: an image may lack the command.
const TRIES: usize = 3;

/// Gathers all of them.
pub async fn facts(stack: &Stack, stubs: &Stubs, stub_problem: Option<String>) -> Facts {
    let paths = paths(stack, stubs);
    let engine = match reach().await {
        Ok(engine) => engine,
        Err(unreachable) => {
            let here = here::look(false).await;
            let (ports, paths) = (BTreeMap::new(), paths.await);
            return Facts { here, engine: Err(unreachable), ports, paths, stub_problem };
        }
    };
    let info = engine.info().await.unwrap_or_default();
    let mut here = here::look(true).await;
    let published = async { bounded(engine.published_ports()).await.unwrap_or_default() };
    let ports = async { port_holders(stack, here.shared, &published.await).await };
    let observed = async {
        let observed = bounded(engine.observe(&stack.name)).await;
        let names = names(engine.as_ref(), observed.as_ref().ok()).await;
        (observed, names)
    };
    let (ports, (observed, names), (system, skew), neighbours, images, paths) = join!(
        ports,
        observed,
        system(engine.as_ref()),
        bounded(engine.neighbours()),
        images(engine.as_ref(), stack, stubs),
        paths,
    );
    if here.shared
        && let Ok(system) = &system
    {
        here.free_disk = here::free_disk(&system.data_root);
    }
    let engine = EngineFacts { info, system, observed, neighbours, images, skew, names };
    Facts { here, engine: Ok(engine), ports, paths, stub_problem }
}

async fn reach() -> Result<Arc<dyn Engine>, Unreachable> {
    match timeout(LIMIT, connect::connect(&ConnectOptions::from_env())).await {
        Ok(Ok(engine)) => Ok(engine),
        Ok(Err(EngineError::Unreachable { message, hints })) => Err(Unreachable { message, hints }),
        Ok(Err(error)) => Err(Unreachable { message: error.to_string(), hints: Vec::new() }),
        Err(_) => Err(Unreachable {
            message: format!("the Docker engine doesn't answer within {} s", LIMIT.as_secs()),
            hints: vec!["it may hang: sudo systemctl restart docker".to_owned()],
        }),
    }
}

/// The answer, if it comes in time.
async fn bounded<T>(question: impl Future<Output = Result<T, EngineError>>) -> Asked<T> {
    match timeout(LIMIT, question).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

/// The engine's machine, and how far its clock is ahead, with half the way there and back as doubt.
async fn system(engine: &dyn Engine) -> (Asked<System>, Option<(i64, u64)>) {
    let asked = Timestamp::now();
    let system = bounded(engine.system()).await;
    let answered = Timestamp::now();
    let time = system.as_ref().ok().and_then(|system| system.time);
    let skew = time.map(|time| {
        let way = answered.as_millisecond() - asked.as_millisecond();
        (time.as_millisecond() - (asked.as_millisecond() + way / 2), way.unsigned_abs() / 2)
    });
    (system, skew)
}

/// Who has the stack's host ports.
async fn port_holders(
    stack: &Stack,
    shared: bool,
    published: &[PublishedPort],
) -> BTreeMap<HostPort, Holder> {
    let wanted: BTreeSet<HostPort> = wanted_ports(stack).into_iter().map(|(_, port)| port).collect();
    let mut holders = BTreeMap::new();
    let mut others = Vec::new();
    for port in wanted {
        match published.iter().find(|published| is_at(published, &port)) {
            Some(published) => {
                holders.insert(port, told(PortHolder::from(published.clone())));
            }
            None => others.push(port),
        }
    }
    if shared {
        holders.extend(processes_at(others).await);
    }
    holders
}

fn is_at(published: &PublishedPort, port: &HostPort) -> bool {
    published.port.published == Some(port.number)
        && published.port.protocol == port.protocol_name()
        && ports::overlap(port.address, published.port.host_ip.parse().ok())
}

/// The processes of this machine that keep these ports from being bound.
pub async fn processes_at(wanted: Vec<HostPort>) -> BTreeMap<HostPort, Holder> {
    let look = move || {
        let taken = wanted
            .into_iter()
            .filter(|port| ports::is_taken(port.address, port.number, port.protocol_name()));
        taken.map(|port| (port, holder(&port))).collect()
    };
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

fn holder(port: &HostPort) -> Holder {
    ports::process_at(port.address, port.number, port.protocol_name()).map_or(Holder::Somebody, told)
}

/// Who has a port, as findings tell it.
pub fn told(holder: PortHolder) -> Holder {
    let words = holder.to_string();
    match holder {
        PortHolder::Container { name, project, files } => Holder::Container { name, project, files },
        PortHolder::Process { .. } if holder.is_an_engines() => Holder::OtherEngine { words },
        PortHolder::Process { pid, .. } => Holder::Process { words, pid: Some(pid) },
        PortHolder::ProcessOf { .. } => Holder::Process { words, pid: None },
    }
}

/// What is at the paths that the stack names.
async fn paths(stack: &Stack, stubs: &Stubs) -> BTreeMap<PathBuf, PathKind> {
    let mut wanted: BTreeSet<PathBuf> = BTreeSet::new();
    for service in stack.services.values() {
        if let Some(build) = service.build.as_ref().filter(|build| !is_remote(&build.context)) {
            wanted.insert(build.context.clone());
            wanted.insert(build.context.join(build.dockerfile.as_deref().unwrap_or("Dockerfile")));
        }
        if !stubs.contains_key(&service.name) {
            wanted.extend(binds(service).map(|(source, _)| source.to_path_buf()));
        }
    }
    kinds(wanted).await
}

/// What is at these paths. A disk of the network that hangs is given up after a while.
pub async fn kinds(wanted: BTreeSet<PathBuf>) -> BTreeMap<PathBuf, PathKind> {
    let look = |path: PathBuf| async move {
        // Where it can't be told, nothing is said against it.
        let kind = match timeout(LOOKUP, tokio::fs::metadata(&path)).await {
            Ok(Ok(found)) if found.is_dir() => PathKind::Folder,
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => return None,
            _ => PathKind::File,
        };
        Some((path, kind))
    };
    join_all(wanted.into_iter().map(look)).await.into_iter().flatten().collect()
}

/// What is known of the images of the stack's services.
async fn images(engine: &dyn Engine, stack: &Stack, stubs: &Stubs) -> BTreeMap<String, ImageSeen> {
    let real = stack.services.values().filter(|service| !stubs.contains_key(&service.name));
    let mut services: BTreeMap<&str, &Service> = BTreeMap::new();
    for service in real {
        services.entry(&service.image).or_insert(service);
    }
    let each = services.into_iter().map(async |(image, service)| {
        let built = stack.services.values().any(|other| other.build.is_some() && other.image == image);
        Some((image.to_owned(), self::image(engine, service, built).await?))
    });
    join_all(each).await.into_iter().flatten().collect()
}

/// Nothing for one that is going to be built.
async fn image(engine: &dyn Engine, service: &Service, built: bool) -> Option<ImageSeen> {
    match bounded(engine.image_platform(&service.image)).await {
        Ok(Some(platform)) => return Some(ImageSeen::Here(Some(platform))),
        Ok(None) if built => return None,
        Ok(None) if service.pull_policy == PullPolicy::Never => {
            return Some(ImageSeen::Nowhere("it is never pulled".to_owned()));
        }
        Ok(None) => {}
        Err(why) => return Some(ImageSeen::Unknown(why)),
    }
    Some(match timeout(LIMIT, engine.registry_platforms(&service.image)).await {
        Ok(Ok(platforms)) => ImageSeen::Pullable(platforms),
        // What the registry or the engine on its way there refuses now, it refuses a pull.
        Ok(Err(
            EngineError::NotFound { message, .. }
            | EngineError::Refused { message, .. }
            | EngineError::Conflict { message, .. },
        )) => ImageSeen::Nowhere(message),
        Ok(Err(error)) => ImageSeen::Unknown(error.to_string()),
        Err(_) => ImageSeen::Unknown(format!("no answer within {} s", LIMIT.as_secs())),
    })
}

/// Looks up a service's name in a container that runs.
async fn names(engine: &dyn Engine, observed: Option<&Observed>) -> Resolved {
    let running: Vec<&ObservedContainer> = observed
        .iter()
        .flat_map(|observed| &observed.containers)
        .filter(|container| container.state == ContainerState::Running && !container.oneoff)
        .collect();
    let neighbour = |container: &ObservedContainer| {
        running.iter().find(|other| {
            other.service != container.service
                && other.networks.keys().any(|network| container.networks.contains_key(network))
        })
    };
    let pairs: Vec<(&ObservedContainer, &ObservedContainer)> =
        running.iter().filter_map(|container| Some((*container, *neighbour(container)?))).collect();
    if pairs.is_empty() {
        return Resolved::NotAsked("no two services run".to_owned());
    }
    for (container, other) in pairs.into_iter().take(TRIES) {
        let (container, service) = (container.name.clone(), other.service.clone());
        match timeout(LOOKUP, lookup(engine, &container, &service)).await {
            Ok(Some(true)) => return Resolved::Found { container, service },
            Ok(Some(false)) => return Resolved::NotFound { container, service },
            Ok(None) | Err(_) => {}
        }
    }
    Resolved::NotAsked("the containers that run have no getent".to_owned())
}

/// Whether a name is found there; nothing where that can't be tried.
async fn lookup(engine: &dyn Engine, container: &str, name: &str) -> Option<bool> {
    let command = ["getent", "hosts", name].map(str::to_owned).to_vec();
    let mut session =
        engine.exec(container, &ExecRequest { command, ..ExecRequest::default() }).await.ok()?;
    while session.output.next().await.is_some() {}
    // getent(1): 2 is a key that wasn't found.
    match engine.exec_exit_code(&session.id).await.ok()? {
        0 => Some(true),
        2 => Some(false),
        _ => None,
    }
}

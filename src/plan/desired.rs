//! From a service of the stack to the container it should be.

use std::collections::BTreeMap;
use std::time::Duration;

use super::hash::spec_hash;
use super::input::{Inputs, PlanError, Stub};
use super::spec::{ContainerSpec, MountSpec};
use super::{files, images};
use crate::stack::model::{
    Healthcheck, Mount, MountKind, Namespace, Network, NetworkAttachment, Protocol, Service, Stack, Test,
    Volume,
};

/// The user that stand-ins run as: nobody in particular.
const STUB_USER: &str = "65532";

/// What a service's containers should be.
#[derive(Debug, Clone)]
pub struct Desired<'a> {
    /// The service.
    pub service: &'a Service,
    /// What each replica is made of.
    pub spec: ContainerSpec,
    /// The hash of it.
    pub hash: String,
    /// It is a stand-in.
    pub stub: bool,
    /// The ID of the image now; nothing when the image isn't there yet.
    pub image_id: Option<String>,
}

impl<'a> Desired<'a> {
    /// What this service's containers should be.
    pub fn new(inputs: &Inputs<'a>, service: &'a Service) -> Result<Self, PlanError> {
        let stub = inputs.stubs.get(&service.name);
        let mut spec = container_spec(inputs, service)?;
        if let Some(stub) = stub {
            put_stub(&mut spec, stub);
        }
        Ok(Self {
            service,
            hash: spec_hash(&spec),
            stub: stub.is_some(),
            image_id: images::current_id(inputs.observed, &spec.image).map(str::to_owned),
            spec,
        })
    }
}

/// The network of this key.
pub(super) fn network<'a>(stack: &'a Stack, service: &str, key: &str) -> Result<&'a Network, PlanError> {
    stack
        .networks
        .get(key)
        .ok_or_else(|| PlanError::new(format!("service {service}: there is no network {key}")))
}

/// The volume of this key.
pub(super) fn volume<'a>(stack: &'a Stack, service: &str, key: &str) -> Result<&'a Volume, PlanError> {
    stack
        .volumes
        .get(key)
        .ok_or_else(|| PlanError::new(format!("service {service}: there is no volume {key}")))
}

/// A namespace as Compose writes it.
pub(super) fn namespace(namespace: &Namespace) -> String {
    match namespace {
        Namespace::Host => "host".to_owned(),
        Namespace::None => "none".to_owned(),
        Namespace::Service(name) => format!("service:{name}"),
        Namespace::Container(name) => format!("container:{name}"),
        Namespace::Other(text) => text.clone(),
    }
}

/// A service's own spec, without a stand-in.
fn container_spec(inputs: &Inputs<'_>, service: &Service) -> Result<ContainerSpec, PlanError> {
    let mut ports = service.ports.clone();
    ports.sort();
    ports.dedup();
    Ok(ContainerSpec {
        image: service.image.clone(),
        platform: service.platform.clone(),
        command: service.command.clone(),
        entrypoint: service.entrypoint.clone(),
        environment: set_variables(service),
        labels: service.labels.clone(),
        hostname: service.hostname.clone(),
        domainname: service.domainname.clone(),
        user: service.user.clone(),
        working_dir: service.working_dir.clone(),
        ports,
        expose: exposed(service),
        volumes: mounts(inputs.stack, service)?,
        files: service
            .files
            .iter()
            .map(|file| Ok((file.target.clone(), files::spec(inputs, service, file)?)))
            .collect::<Result<_, PlanError>>()?,
        networks: networks(inputs.stack, service)?,
        network_mode: service.network_mode.as_ref().map(namespace),
        ipc: service.ipc.as_ref().map(namespace),
        pid: service.pid.as_ref().map(namespace),
        healthcheck: service.healthcheck.clone(),
        restart: service.restart,
        stop_signal: service.stop_signal.clone(),
        stop_grace_period: service.stop_grace_period.map(whole_seconds),
        init: service.init,
        tty: service.tty,
        stdin_open: service.stdin_open,
        read_only: service.read_only,
        privileged: service.privileged,
        cap_add: service.cap_add.clone(),
        cap_drop: service.cap_drop.clone(),
        security_opt: service.security_opt.clone(),
        group_add: service.group_add.clone(),
        extra_hosts: service.extra_hosts.clone(),
        dns: service.dns.clone(),
        dns_search: service.dns_search.clone(),
        dns_opt: service.dns_opt.clone(),
        sysctls: service.sysctls.clone(),
        ulimits: service.ulimits.clone(),
        shm_size: service.shm_size,
        devices: service.devices.clone(),
        logging: service.logging.clone(),
        resources: service.resources.clone(),
    })
}

/// Puts the stand-in in the place of the service's own code. Ports, networks, environment and labels stay; what
/// belongs to the missing sources or image goes: bind mounts, user, folders, rights on the host.
fn put_stub(spec: &mut ContainerSpec, stub: &Stub) {
    spec.image.clone_from(&stub.image);
    spec.platform = None;
    spec.entrypoint = Some(vec!["/vv".to_owned(), "stub".to_owned()]);
    spec.command = Some(stub.command.clone());
    spec.user = Some(STUB_USER.to_owned());
    spec.working_dir = None;
    spec.environment.extend(stub.environment.clone());
    spec.labels.extend(stub.labels.clone());
    spec.volumes.retain(|_, mount| !matches!(mount, MountSpec::Bind { .. }));
    spec.privileged = false;
    spec.cap_add.clear();
    spec.devices.clear();
    spec.group_add.clear();
    spec.stop_signal = None;
    spec.healthcheck = Some(Healthcheck {
        test: Some(Test::Cmd(["/vv", "stub", "--check"].map(str::to_owned).to_vec())),
        interval: Some(Duration::from_secs(10)),
        timeout: Some(Duration::from_secs(3)),
        retries: Some(3),
        start_period: None,
        start_interval: None,
    });
}

fn set_variables(service: &Service) -> BTreeMap<String, String> {
    let set = service.environment.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    set.collect()
}

/// Exposed ports, each with its protocol.
fn exposed(service: &Service) -> Vec<String> {
    let mut ports: Vec<String> = service
        .expose
        .iter()
        .map(|port| if port.contains('/') { port.clone() } else { format!("{port}/tcp") })
        .collect();
    ports.sort();
    ports.dedup();
    ports
}

/// `tcp`, `udp`, `sctp`.
pub(super) fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
    }
}

fn mounts(stack: &Stack, service: &Service) -> Result<BTreeMap<String, MountSpec>, PlanError> {
    let mounts = service.mounts.iter();
    mounts.map(|mount| Ok((mount.target.clone(), mount_spec(stack, service, mount)?))).collect()
}

fn mount_spec(stack: &Stack, service: &Service, mount: &Mount) -> Result<MountSpec, PlanError> {
    Ok(match &mount.kind {
        MountKind::Volume { source, nocopy } => MountSpec::Volume {
            name: match source {
                Some(key) => Some(volume(stack, &service.name, key)?.name.clone()),
                None => None,
            },
            read_only: mount.read_only,
            nocopy: *nocopy,
        },
        MountKind::Bind { source, .. } if source.to_str().is_none() => {
            return Err(PlanError::new(format!(
                "service {}: the path {} that is mounted at {} isn't UTF-8",
                service.name,
                source.display(),
                mount.target
            )));
        }
        MountKind::Bind { source, create_host_path, propagation } => MountSpec::Bind {
            source: source.clone(),
            read_only: mount.read_only,
            create_host_path: *create_host_path,
            propagation: propagation.clone(),
        },
        MountKind::Tmpfs { size, mode } => MountSpec::Tmpfs { size: *size, mode: *mode },
    })
}

fn networks(stack: &Stack, service: &Service) -> Result<BTreeMap<String, NetworkAttachment>, PlanError> {
    let networks = service.networks.iter();
    networks
        .map(|(key, attachment)| Ok((network(stack, &service.name, key)?.name.clone(), attachment.clone())))
        .collect()
}

/// Whole seconds, the engine's unit; a part of one counts as one, so that a short grace period isn't none.
fn whole_seconds(duration: Duration) -> i64 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

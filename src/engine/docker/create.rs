//! The body of a create request. Pure.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, DeviceMapping, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig,
    Mount, MountBindOptions, MountBindOptionsPropagationEnum, MountTmpfsOptions, MountType,
    MountVolumeOptions, NetworkingConfig, PortBinding, ResourcesUlimits, RestartPolicy as EngineRestart,
    RestartPolicyNameEnum,
};

use super::networks;
use crate::plan::labels::ONEOFF;
use crate::plan::spec::{ContainerSpec, CreateContainer, Delivery, MountSpec};
use crate::stack::model::{Healthcheck, NetworkAttachment, Port, Protocol, RestartPolicy, Test};

/// What the engine's API version allows.
#[derive(Debug, Clone, Copy)]
pub struct Abilities {
    /// Several networks at create, and `start_interval` (API 1.44).
    pub many_networks: bool,
    /// A gateway's priority (API 1.48).
    pub gateway_priority: bool,
}

/// Bind mounts that must exist, and files, are `Mounts`; the short syntax, which makes what is missing, is `Binds`.
type Mounts = (Vec<Mount>, Vec<String>);

/// The whole body.
///
/// # Errors
/// Words for what the engine can't do.
pub fn body(request: &CreateContainer, abilities: Abilities) -> Result<ContainerCreateBody, String> {
    let spec = &request.spec;
    if !abilities.many_networks && spec.networks.values().any(|network| network.mac_address.is_some()) {
        return Err("mac_address needs Docker 25 or newer".to_owned());
    }
    let endpoints = endpoints(spec, abilities);
    let first = first_network(spec);
    // The end of our stdin is the end of a one-off container's only with this; others keep theirs open, as Compose's.
    let attached_stdin = spec.stdin_open && request.labels.get(ONEOFF).is_some_and(|value| value == "True");
    Ok(ContainerCreateBody {
        image: Some(spec.image.clone()),
        cmd: spec.command.clone(),
        entrypoint: spec.entrypoint.clone(),
        env: Some(spec.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        labels: Some(request.labels.clone().into_iter().collect()),
        hostname: spec.hostname.clone(),
        domainname: spec.domainname.clone(),
        user: spec.user.clone(),
        working_dir: spec.working_dir.clone(),
        exposed_ports: Some(exposed(spec)),
        tty: Some(spec.tty),
        open_stdin: Some(spec.stdin_open),
        stdin_once: Some(attached_stdin),
        attach_stdin: Some(attached_stdin),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        healthcheck: spec.healthcheck.as_ref().map(|check| healthcheck(check, abilities)),
        stop_signal: spec.stop_signal.clone(),
        stop_timeout: spec.stop_grace_period,
        host_config: Some(host_config(spec, first)),
        networking_config: (!endpoints.is_empty())
            .then_some(NetworkingConfig { endpoints_config: Some(endpoints) }),
        ..ContainerCreateBody::default()
    })
}

fn exposed(spec: &ContainerSpec) -> Vec<String> {
    let published = spec.ports.iter().map(|port| format!("{}/{}", port.target, protocol(port.protocol)));
    let mut ports: Vec<String> = spec.expose.iter().cloned().chain(published).collect();
    ports.sort();
    ports.dedup();
    ports
}

/// The network that the container is made on: the one with the highest priority, else the first by name.
fn first_network(spec: &ContainerSpec) -> Option<&str> {
    let highest = spec.networks.values().map(|network| network.priority).max()?;
    spec.networks.iter().find(|(_, network)| network.priority == highest).map(|(name, _)| name.as_str())
}

fn endpoints(spec: &ContainerSpec, abilities: Abilities) -> HashMap<String, EndpointSettings> {
    let first = first_network(spec);
    let joined =
        spec.networks.iter().filter(|(name, _)| abilities.many_networks || Some(name.as_str()) == first);
    joined.map(|(name, network)| (name.clone(), endpoint(network, abilities))).collect()
}

fn endpoint(network: &NetworkAttachment, abilities: Abilities) -> EndpointSettings {
    let mut endpoint = networks::endpoint(network);
    if abilities.gateway_priority && network.priority != 0 {
        endpoint.gw_priority = Some(network.priority);
    }
    endpoint
}

/// The API's form of a healthcheck; the image's where a part is unset.
fn healthcheck(check: &Healthcheck, abilities: Abilities) -> HealthConfig {
    let nanos = |time: Option<std::time::Duration>| time.map(|time| saturate(time.as_nanos()));
    HealthConfig {
        test: check.test.as_ref().map(|test| match test {
            Test::None => vec!["NONE".to_owned()],
            Test::Cmd(words) => std::iter::once("CMD".to_owned()).chain(words.iter().cloned()).collect(),
            Test::Shell(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
        }),
        interval: nanos(check.interval),
        timeout: nanos(check.timeout),
        retries: check.retries.map(saturate),
        start_period: nanos(check.start_period),
        start_interval: nanos(check.start_interval).filter(|_| abilities.many_networks),
    }
}

/// The number as the API counts; what is larger than it can say is as good as endless.
fn saturate(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

fn host_config(spec: &ContainerSpec, first_network: Option<&str>) -> HostConfig {
    let (mounts, binds) = mounts(spec);
    let limits = &spec.resources;
    let mode = spec.network_mode.clone().or_else(|| first_network.map(str::to_owned));
    HostConfig {
        binds: Some(binds),
        mounts: Some(mounts),
        network_mode: mode,
        port_bindings: Some(port_bindings(&spec.ports)),
        restart_policy: Some(restart(spec.restart)),
        log_config: spec.logging.as_ref().map(|logging| HostConfigLogConfig {
            typ: logging.driver.clone(),
            config: Some(logging.options.clone().into_iter().collect()),
        }),
        init: spec.init,
        ipc_mode: spec.ipc.clone(),
        pid_mode: spec.pid.clone(),
        privileged: Some(spec.privileged),
        readonly_rootfs: Some(spec.read_only),
        cap_add: list(&spec.cap_add),
        cap_drop: list(&spec.cap_drop),
        security_opt: list(&spec.security_opt),
        group_add: list(&spec.group_add),
        extra_hosts: list(&spec.extra_hosts),
        dns: list(&spec.dns),
        dns_search: list(&spec.dns_search),
        dns_options: list(&spec.dns_opt),
        sysctls: (!spec.sysctls.is_empty()).then(|| spec.sysctls.clone().into_iter().collect()),
        ulimits: (!spec.ulimits.is_empty()).then(|| {
            let limit = |(name, limit): (&String, &crate::stack::model::Ulimit)| ResourcesUlimits {
                name: Some(name.clone()),
                soft: Some(limit.soft),
                hard: Some(limit.hard),
            };
            spec.ulimits.iter().map(limit).collect()
        }),
        shm_size: spec.shm_size.map(saturate),
        devices: (!spec.devices.is_empty()).then(|| spec.devices.iter().map(|text| device(text)).collect()),
        nano_cpus: limits.nano_cpus,
        memory: limits.memory.map(saturate),
        memory_reservation: limits.memory_reservation.map(saturate),
        memory_swap: limits.memory_swap,
        pids_limit: limits.pids,
        cpu_shares: limits.cpu_shares,
        cpuset_cpus: limits.cpuset.clone(),
        ..HostConfig::default()
    }
}

fn list(items: &[String]) -> Option<Vec<String>> {
    (!items.is_empty()).then(|| items.to_vec())
}

/// The API's name of a protocol.
pub fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
    }
}

/// Host ports by container port. A range stays one binding: the engine picks from it.
fn port_bindings(ports: &[Port]) -> HashMap<String, Option<Vec<PortBinding>>> {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in ports {
        let host_port = match port.published {
            None => String::new(),
            Some(range) if range.first == range.last => range.first.to_string(),
            Some(range) => format!("{}-{}", range.first, range.last),
        };
        let binding = PortBinding {
            host_ip: Some(port.host_ip.clone().unwrap_or_default()),
            host_port: Some(host_port),
        };
        let key = format!("{}/{}", port.target, protocol(port.protocol));
        bindings.entry(key).or_default().get_or_insert_default().push(binding);
    }
    bindings
}

fn restart(policy: RestartPolicy) -> EngineRestart {
    let (name, most) = match policy {
        RestartPolicy::No => (RestartPolicyNameEnum::NO, None),
        RestartPolicy::Always => (RestartPolicyNameEnum::ALWAYS, None),
        RestartPolicy::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
        RestartPolicy::OnFailure(most) => (RestartPolicyNameEnum::ON_FAILURE, most.map(saturate)),
    };
    EngineRestart { name: Some(name), maximum_retry_count: most }
}

/// `host[:container[:permissions]]`
fn device(text: &str) -> DeviceMapping {
    let mut parts = text.splitn(3, ':');
    let host = parts.next().unwrap_or_default();
    let inside = parts.next().unwrap_or(host);
    DeviceMapping {
        path_on_host: Some(host.to_owned()),
        path_in_container: Some(inside.to_owned()),
        cgroup_permissions: Some(parts.next().unwrap_or("rwm").to_owned()),
    }
}

fn mounts(spec: &ContainerSpec) -> Mounts {
    let mut mounts = Vec::new();
    let mut binds = Vec::new();
    for (target, mount) in &spec.volumes {
        match as_bind(target, mount) {
            Some(bind) => binds.push(bind),
            None => mounts.push(as_mount(target, mount)),
        }
    }
    for (target, file) in &spec.files {
        if let Delivery::Bind(path) | Delivery::CachedBind(path) = &file.delivery {
            mounts.push(Mount {
                typ: Some(MountType::BIND),
                source: Some(path.to_string_lossy().into_owned()),
                target: Some(target.clone()),
                read_only: Some(true),
                ..Mount::default()
            });
        }
    }
    (mounts, binds)
}

/// `source:target:options`, for a bind whose source the engine is to make. A colon in a path has no place there;
/// such a source must exist.
fn as_bind(target: &str, mount: &MountSpec) -> Option<String> {
    let MountSpec::Bind { source, read_only, create_host_path: true, propagation } = mount else {
        return None;
    };
    let source = source.to_string_lossy();
    if source.contains(':') || target.contains(':') {
        return None;
    }
    let way = if *read_only { "ro" } else { "rw" };
    let propagation = propagation.as_ref().map(|way| format!(",{way}")).unwrap_or_default();
    Some(format!("{source}:{target}:{way}{propagation}"))
}

fn as_mount(target: &str, mount: &MountSpec) -> Mount {
    let target = Some(target.to_owned());
    match mount {
        MountSpec::Volume { name, read_only, nocopy } => Mount {
            typ: Some(MountType::VOLUME),
            target,
            source: name.clone(),
            read_only: Some(*read_only),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(*nocopy),
                ..MountVolumeOptions::default()
            }),
            ..Mount::default()
        },
        MountSpec::Bind { source, read_only, propagation, .. } => Mount {
            typ: Some(MountType::BIND),
            target,
            source: Some(source.to_string_lossy().into_owned()),
            read_only: Some(*read_only),
            bind_options: propagation
                .as_deref()
                .and_then(propagation_of)
                .map(|way| MountBindOptions { propagation: Some(way), ..MountBindOptions::default() }),
            ..Mount::default()
        },
        MountSpec::Tmpfs { size, mode } => Mount {
            typ: Some(MountType::TMPFS),
            target,
            tmpfs_options: Some(MountTmpfsOptions {
                size_bytes: size.map(saturate),
                mode: mode.map(i64::from),
                options: None,
            }),
            ..Mount::default()
        },
    }
}

fn propagation_of(text: &str) -> Option<MountBindOptionsPropagationEnum> {
    text.parse().ok()
}

//! What a container was made of, read back from the engine: the reverse of [`super::create`]. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use bollard::models::{
    ContainerConfig, ContainerInspectResponse, EndpointSettings, HealthConfig, HostConfig, ImageConfig,
    PortBinding, RestartPolicy as EngineRestart, RestartPolicyNameEnum,
};

use super::mounts_of;
use super::observe::SERVICE;
use crate::plan::spec::ContainerSpec;
use crate::stack::model::{
    Healthcheck, Logging, NetworkAttachment, Port, PortRange, Protocol, Resources, RestartPolicy, Test,
    Ulimit,
};

/// The container's spec without what its image sets, and without labels that Compose and vv themselves add. The
/// engine's own defaults are in it: they can't be told from the same value asked for.
pub fn container(answer: &ContainerInspectResponse, image: &ImageConfig) -> ContainerSpec {
    let empty_config = ContainerConfig::default();
    let empty_host = HostConfig::default();
    let config = answer.config.as_ref().unwrap_or(&empty_config);
    let host = answer.host_config.as_ref().unwrap_or(&empty_host);
    let id = answer.id.as_deref().unwrap_or_default();
    let short_id = id.get(..12).unwrap_or(id);
    let (entrypoint, command) = entrypoint_and_command(config, image);
    let image_environment = environment(image.env.as_deref().unwrap_or_default());
    let mut variables = environment(config.env.as_deref().unwrap_or_default());
    variables.retain(|name, value| image_environment.get(name) != Some(value));
    let ports = ports(host.port_bindings.as_ref());

    ContainerSpec {
        image: config.image.clone().unwrap_or_default(),
        // The engine keeps what the image is, not what was asked for.
        platform: None,
        command,
        entrypoint,
        environment: variables,
        labels: labels(config, image),
        hostname: own(&config.hostname, &None).filter(|name| name != short_id),
        domainname: own(&config.domainname, &None),
        user: own(&config.user, &image.user),
        working_dir: own(&config.working_dir, &image.working_dir),
        expose: exposed(config, image, &ports),
        ports,
        volumes: mounts_of::container(host, answer.mounts.as_deref().unwrap_or_default()),
        // They look like other binds, or like nothing.
        files: BTreeMap::new(),
        networks: networks(answer, config, short_id),
        network_mode: network_mode(answer, host),
        ipc: own(&host.ipc_mode, &None),
        pid: own(&host.pid_mode, &None),
        healthcheck: own_healthcheck(config.healthcheck.as_ref(), image.healthcheck.as_ref()),
        restart: restart(host.restart_policy.as_ref()),
        stop_signal: own(&config.stop_signal, &image.stop_signal),
        stop_grace_period: config.stop_timeout,
        init: host.init,
        tty: config.tty.unwrap_or_default(),
        stdin_open: config.open_stdin.unwrap_or_default(),
        read_only: host.readonly_rootfs.unwrap_or_default(),
        privileged: host.privileged.unwrap_or_default(),
        cap_add: list(&host.cap_add),
        cap_drop: list(&host.cap_drop),
        security_opt: list(&host.security_opt),
        group_add: list(&host.group_add),
        extra_hosts: list(&host.extra_hosts),
        dns: list(&host.dns),
        dns_search: list(&host.dns_search),
        dns_opt: list(&host.dns_options),
        sysctls: host.sysctls.clone().unwrap_or_default().into_iter().collect(),
        ulimits: ulimits(host),
        shm_size: host.shm_size.and_then(positive),
        devices: devices(host),
        logging: logging(host),
        resources: resources(host),
    }
}

/// What an image sets by itself, in the same words.
pub fn image(image: &ImageConfig) -> ContainerSpec {
    ContainerSpec {
        command: image.cmd.clone().filter(|words| !words.is_empty()),
        entrypoint: image.entrypoint.clone().filter(|words| !words.is_empty()),
        environment: environment(image.env.as_deref().unwrap_or_default()),
        labels: image.labels.clone().unwrap_or_default().into_iter().collect(),
        user: own(&image.user, &None),
        working_dir: own(&image.working_dir, &None),
        expose: image.exposed_ports.iter().flatten().map(|port| with_protocol(port)).collect(),
        volumes: mounts_of::image(image.volumes.as_deref().unwrap_or_default()),
        healthcheck: image.healthcheck.as_ref().map(healthcheck),
        stop_signal: own(&image.stop_signal, &None),
        ..ContainerSpec::default()
    }
}

/// Names and values of `NAME=value` entries.
pub fn environment(entries: &[String]) -> BTreeMap<String, String> {
    let pairs = entries.iter().map(|entry| entry.split_once('=').unwrap_or((entry, "")));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A healthcheck's test as the API has it; nothing for an empty one, which inherits the image's.
pub fn test(words: &[String]) -> Option<Test> {
    let (kind, rest) = words.split_first()?;
    match kind.as_str() {
        "NONE" => Some(Test::None),
        "CMD-SHELL" => Some(Test::Shell(rest.join(" "))),
        "CMD" => Some(Test::Cmd(rest.to_vec())),
        _ => Some(Test::Cmd(words.to_vec())),
    }
}

/// The container's value, when it has one of its own.
fn own(value: &Option<String>, image: &Option<String>) -> Option<String> {
    value.clone().filter(|text| !text.is_empty() && Some(text) != image.as_ref())
}

/// An entrypoint of the container's own drops the image's command, so then whatever command there is counts.
fn entrypoint_and_command(
    config: &ContainerConfig,
    image: &ImageConfig,
) -> (Option<Vec<String>>, Option<Vec<String>>) {
    let words = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let (entrypoint, command) = (words(&config.entrypoint), words(&config.cmd));
    if entrypoint != words(&image.entrypoint) {
        return (Some(entrypoint), Some(command).filter(|words| !words.is_empty()));
    }
    (None, (command != words(&image.cmd)).then_some(command))
}

fn labels(config: &ContainerConfig, image: &ImageConfig) -> BTreeMap<String, String> {
    let of_image = image.labels.clone().unwrap_or_default();
    let labels = config.labels.clone().unwrap_or_default().into_iter();
    labels
        .filter(|(name, value)| {
            let added = name.starts_with("com.docker.compose.") || name.starts_with("vv.");
            !added && of_image.get(name) != Some(value)
        })
        .collect()
}

/// Compose leaves the protocol out where the file does.
fn with_protocol(port: &str) -> String {
    if port.contains('/') { port.to_owned() } else { format!("{port}/tcp") }
}

fn exposed(config: &ContainerConfig, image: &ImageConfig, published: &[Port]) -> Vec<String> {
    let of_image: BTreeSet<String> =
        image.exposed_ports.iter().flatten().map(|port| with_protocol(port)).collect();
    let is_published = |port: &String| {
        published.iter().any(|p| *port == format!("{}/{}", p.target, super::create::protocol(p.protocol)))
    };
    let all: BTreeSet<String> =
        config.exposed_ports.iter().flatten().map(|port| with_protocol(port)).collect();
    all.into_iter().filter(|port| !of_image.contains(port) && !is_published(port)).collect()
}

/// Sorted: the engine doesn't keep the file's order.
fn ports(bindings: Option<&HashMap<String, Option<Vec<PortBinding>>>>) -> Vec<Port> {
    let mut ports = Vec::new();
    for (key, list) in bindings.into_iter().flatten() {
        let (target, kind) = key.split_once('/').unwrap_or((key, "tcp"));
        let Ok(target) = target.parse() else { continue };
        let protocol = match kind {
            "udp" => Protocol::Udp,
            "sctp" => Protocol::Sctp,
            _ => Protocol::Tcp,
        };
        for binding in list.iter().flatten() {
            ports.push(Port {
                target,
                published: binding.host_port.as_deref().and_then(port_range),
                host_ip: own(&binding.host_ip, &None),
                protocol,
            });
        }
    }
    ports.sort();
    ports
}

/// `8000`, `8000-8010`; nothing where the engine picks.
fn port_range(text: &str) -> Option<PortRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = PortRange { first: first.parse().ok()?, last: last.parse().ok()? };
    (range.last != 0).then_some(range)
}

/// The networks by name, without the aliases that every container has there.
fn networks(
    answer: &ContainerInspectResponse,
    config: &ContainerConfig,
    short_id: &str,
) -> BTreeMap<String, NetworkAttachment> {
    if answer.host_config.as_ref().is_some_and(|host| network_mode(answer, host).is_some()) {
        return BTreeMap::new();
    }
    let name = answer.name.as_deref().unwrap_or_default().trim_start_matches('/');
    let service = config.labels.as_ref().and_then(|labels| labels.get(SERVICE));
    let usual: Vec<&str> = [name, short_id]
        .into_iter()
        .chain(service.map(String::as_str))
        .chain(config.hostname.as_deref())
        .collect();
    let endpoints = answer.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    let endpoints = endpoints.into_iter().flatten();
    endpoints.map(|(network, endpoint)| (network.clone(), attachment(endpoint, &usual))).collect()
}

fn attachment(endpoint: &EndpointSettings, usual: &[&str]) -> NetworkAttachment {
    let aliases = endpoint.aliases.iter().flatten().filter(|alias| !usual.contains(&alias.as_str()));
    let fixed = endpoint.ipam_config.clone().unwrap_or_default();
    NetworkAttachment {
        aliases: aliases.cloned().collect(),
        ipv4_address: own(&fixed.ipv4_address, &None),
        ipv6_address: own(&fixed.ipv6_address, &None),
        link_local_ips: list(&fixed.link_local_ips),
        mac_address: own(&endpoint.mac_address, &None),
        priority: endpoint.gw_priority.unwrap_or_default(),
        driver_opts: endpoint.driver_opts.clone().unwrap_or_default().into_iter().collect(),
    }
}

/// `host`, `none`, `container:ID`, `bridge`; nothing where the mode only repeats a network.
fn network_mode(answer: &ContainerInspectResponse, host: &HostConfig) -> Option<String> {
    let mode = host.network_mode.clone().filter(|mode| !mode.is_empty())?;
    let built_in =
        matches!(mode.as_str(), "host" | "none" | "bridge" | "default") || mode.starts_with("container:");
    let networks = answer.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    let is_network = networks.is_some_and(|networks| networks.contains_key(&mode));
    if built_in {
        Some(if mode == "default" { "bridge".to_owned() } else { mode })
    } else {
        (!is_network).then_some(mode)
    }
}

fn own_healthcheck(check: Option<&HealthConfig>, image: Option<&HealthConfig>) -> Option<Healthcheck> {
    check.filter(|check| Some(*check) != image).map(healthcheck)
}

fn healthcheck(check: &HealthConfig) -> Healthcheck {
    let time = |nanos: Option<i64>| nanos.and_then(positive).map(Duration::from_nanos);
    Healthcheck {
        test: test(check.test.as_deref().unwrap_or_default()),
        interval: time(check.interval),
        timeout: time(check.timeout),
        retries: check.retries.and_then(positive),
        start_period: time(check.start_period),
        start_interval: time(check.start_interval),
    }
}

/// The API's way to say "unset" is zero, or less.
fn positive(number: i64) -> Option<u64> {
    u64::try_from(number).ok().filter(|number| *number > 0)
}

fn restart(policy: Option<&EngineRestart>) -> RestartPolicy {
    let Some(policy) = policy else { return RestartPolicy::No };
    match policy.name {
        Some(RestartPolicyNameEnum::ALWAYS) => RestartPolicy::Always,
        Some(RestartPolicyNameEnum::UNLESS_STOPPED) => RestartPolicy::UnlessStopped,
        Some(RestartPolicyNameEnum::ON_FAILURE) => {
            RestartPolicy::OnFailure(policy.maximum_retry_count.and_then(positive))
        }
        Some(RestartPolicyNameEnum::NO | RestartPolicyNameEnum::EMPTY) | None => RestartPolicy::No,
    }
}

fn list(items: &Option<Vec<String>>) -> Vec<String> {
    items.clone().unwrap_or_default()
}

fn ulimits(host: &HostConfig) -> BTreeMap<String, Ulimit> {
    let limits = host.ulimits.iter().flatten().filter_map(|limit| {
        let (soft, hard) = (limit.soft.unwrap_or_default(), limit.hard.unwrap_or_default());
        Some((limit.name.clone()?, Ulimit { soft, hard }))
    });
    limits.collect()
}

fn devices(host: &HostConfig) -> Vec<String> {
    let whole = |device: &bollard::models::DeviceMapping| {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        let (outside, inside) = (part(&device.path_on_host), part(&device.path_in_container));
        format!("{outside}:{inside}:{}", part(&device.cgroup_permissions))
    };
    host.devices.iter().flatten().map(whole).collect()
}

fn logging(host: &HostConfig) -> Option<Logging> {
    let config = host.log_config.as_ref()?;
    let driver = own(&config.typ, &None);
    let options = config.config.clone().unwrap_or_default().into_iter().collect();
    Some(Logging { driver, options })
}

fn resources(host: &HostConfig) -> Resources {
    Resources {
        nano_cpus: host.nano_cpus.filter(|n| *n != 0),
        memory: host.memory.and_then(positive),
        memory_reservation: host.memory_reservation.and_then(positive),
        memory_swap: host.memory_swap.filter(|swap| *swap != 0),
        pids: host.pids_limit.filter(|n| *n > 0),
        cpu_shares: host.cpu_shares.filter(|n| *n != 0),
        cpuset: own(&host.cpuset_cpus, &None),
    }
}

#[cfg(test)]
mod tests;

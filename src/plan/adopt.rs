//! Whether a container that carries no comparable hash is what vv itself would make: field by field, with what the
//! engine and the image fill in taken out. So vv keeps what Compose, or a vv with another hash, has started.

use std::collections::BTreeMap;

use super::desired::{Desired, protocol};
use super::hash::{Fields, fields};
use super::images;
use super::labels::is_own;
use super::names::short_id;
use super::observed::ObservedContainer;
use super::request::replica_ports;
use super::spec::{ContainerSpec, Delivery, MountSpec};
use crate::stack::model::{Healthcheck, Port, Resources, RestartPolicy, Test};

/// `/dev/shm` where nothing is said, in bytes.
const DEFAULT_SHM: u64 = 64 << 20;
/// The engine's time for a stop where nothing is said, in seconds.
const DEFAULT_GRACE: i64 = 10;

/// The names of the fields in which this container differs from what is desired, sorted. Nothing when it wasn't
/// inspected, and so can't be compared.
pub(super) fn differences(desired: &Desired<'_>, container: &ObservedContainer) -> Option<Vec<String>> {
    let there = container.inspected.as_deref()?.clone();
    let image = container.image_sets.as_deref().cloned().unwrap_or_default();
    let mut wanted = desired.spec.clone();
    wanted.ports = replica_ports(&wanted.ports, container.number);

    let mut pair = Pair { wanted, there, container };
    pair.image(desired);
    pair.files();
    pair.mounts();
    pair.networks();
    pair.namespaces();
    pair.defaults();
    let Pair { wanted, there, .. } = pair;
    Some(unequal(&fields(&comparable(wanted, &image)), &fields(&comparable(there, &image))))
}

fn unequal(wanted: &Fields, there: &Fields) -> Vec<String> {
    let mut names: Vec<String> = wanted.keys().chain(there.keys()).cloned().collect();
    names.sort();
    names.dedup();
    names.retain(|name| wanted.get(name) != there.get(name));
    names
}

/// What is wanted and what is there. Its methods take out of `there` what the engine filled in where the wanted
/// side is silent, and what can't be seen from outside.
struct Pair<'a> {
    wanted: ContainerSpec,
    there: ContainerSpec,
    container: &'a ObservedContainer,
}

impl Pair<'_> {
    /// The reference doesn't matter when it means the same image; a moved tag is a cause of its own.
    fn image(&mut self, desired: &Desired<'_>) {
        let same_id = desired.image_id.as_deref() == Some(&self.container.image_id);
        let same_name =
            images::normal_reference(&self.there.image) == images::normal_reference(&self.wanted.image);
        if same_id || same_name {
            self.there.image.clone_from(&self.wanted.image);
        }
        self.there.platform.clone_from(&self.wanted.platform);
    }

    /// Bound files show as bind mounts; copied ones can't be seen, and count as they should be.
    fn files(&mut self) {
        self.there.files = self.wanted.files.clone();
        for (target, file) in &self.wanted.files {
            let mount = self.there.volumes.remove(target);
            let bound = match (&file.delivery, &mount) {
                (Delivery::Bind(path), Some(MountSpec::Bind { source, .. })) => source == path,
                (Delivery::Bind(_), _) => false,
                (Delivery::Copy | Delivery::CachedBind(_), _) => true,
            };
            if !bound {
                self.there.files.remove(target);
            }
        }
    }

    fn mounts(&mut self) {
        let wanted = &self.wanted.volumes;
        // What the image declares, or a replaced container handed on.
        self.there.volumes.retain(|target, mount| {
            wanted.contains_key(target)
                || !matches!(mount, MountSpec::Volume { name, .. } if name.as_deref().is_none_or(is_anonymous))
        });
        for (target, there) in &mut self.there.volumes {
            match (wanted.get(target), there) {
                (
                    Some(MountSpec::Volume { name: wanted_name, nocopy: wanted_nocopy, .. }),
                    MountSpec::Volume { name, nocopy, .. },
                ) => {
                    *nocopy = *wanted_nocopy;
                    if wanted_name.is_none() && name.as_deref().is_none_or(is_anonymous) {
                        *name = None;
                    }
                }
                (
                    Some(MountSpec::Bind {
                        create_host_path: wanted_create, propagation: wanted_way, ..
                    }),
                    MountSpec::Bind { create_host_path, propagation, source, .. },
                ) => {
                    *create_host_path = *wanted_create;
                    if wanted_way.is_none() && propagation.as_deref().is_none_or(|way| way == "rprivate") {
                        *propagation = None;
                    }
                    // Where Docker Desktop keeps the machine's own files.
                    if let Ok(path) = source.strip_prefix("/host_mnt") {
                        *source = std::path::Path::new("/").join(path);
                    }
                }
                (Some(MountSpec::Tmpfs { size: None, mode: None }), MountSpec::Tmpfs { size, mode }) => {
                    (*size, *mode) = (None, None);
                }
                _ => {}
            }
        }
    }

    /// Further networks and names do no harm; addresses count where they are asked for.
    fn networks(&mut self) {
        let wanted = &self.wanted.networks;
        self.there.networks.retain(|name, _| wanted.contains_key(name));
        for (name, there) in &mut self.there.networks {
            let Some(wanted) = wanted.get(name) else { continue };
            let mut seen = wanted.clone();
            seen.aliases.retain(|alias| there.aliases.contains(alias));
            let asked = |wanted: &Option<String>, there: &Option<String>| wanted.as_ref().and(there.clone());
            seen.ipv4_address = asked(&wanted.ipv4_address, &there.ipv4_address);
            seen.ipv6_address = asked(&wanted.ipv6_address, &there.ipv6_address);
            seen.mac_address = asked(&wanted.mac_address, &there.mac_address);
            *there = seen;
        }
    }

    /// Which container is meant by a shared namespace is looked at elsewhere.
    fn namespaces(&mut self) {
        let shares = |text: &Option<String>| text.as_ref().is_some_and(|text| text.starts_with("container:"));
        if self.there.hostname.as_deref().is_some_and(|name| name == short_id(&self.container.id))
            || (self.wanted.hostname.is_none() && self.wanted.network_mode.is_some())
        {
            self.there.hostname.clone_from(&self.wanted.hostname);
        }
        let pairs = [
            (&self.wanted.network_mode, &mut self.there.network_mode),
            (&self.wanted.ipc, &mut self.there.ipc),
            (&self.wanted.pid, &mut self.there.pid),
        ];
        for (wanted, there) in pairs {
            let follows = match wanted {
                Some(wanted) if wanted.starts_with("service:") => shares(there),
                Some(wanted) if wanted == "bridge" => there.as_deref().is_none_or(|mode| mode == "default"),
                Some(_) => false,
                None => !shares(there) && !matches!(there.as_deref(), Some("host" | "none")),
            };
            if follows {
                there.clone_from(wanted);
            }
        }
    }

    fn defaults(&mut self) {
        let (wanted, there) = (&self.wanted, &mut self.there);
        forget(&wanted.shm_size, &mut there.shm_size, |size| *size == DEFAULT_SHM || *size == 0);
        forget(&wanted.stop_grace_period, &mut there.stop_grace_period, |time| *time == DEFAULT_GRACE);
        forget(&wanted.stop_signal, &mut there.stop_signal, |signal| signal == "SIGTERM");
        forget(&wanted.init, &mut there.init, |init| !init);
        // The daemon's own log settings show in every container.
        forget(&wanted.logging, &mut there.logging, |_| true);
        if let (Some(wanted), Some(there)) = (&wanted.logging, &mut there.logging) {
            forget(&wanted.driver, &mut there.driver, |_| true);
        }
        let (limits, found): (&Resources, &mut Resources) = (&wanted.resources, &mut there.resources);
        forget(&limits.nano_cpus, &mut found.nano_cpus, |value| *value == 0);
        forget(&limits.memory, &mut found.memory, |value| *value == 0);
        forget(&limits.memory_reservation, &mut found.memory_reservation, |value| *value == 0);
        // Twice the memory when unset.
        forget(&limits.memory_swap, &mut found.memory_swap, |_| true);
        forget(&limits.pids, &mut found.pids, |value| *value <= 0);
        forget(&limits.cpu_shares, &mut found.cpu_shares, |value| *value == 0);
        forget(&limits.cpuset, &mut found.cpuset, String::is_empty);
        // Set by the engine itself beside a privileged container or a host's namespace.
        if !wanted.security_opt.iter().any(|option| option.starts_with("label")) {
            there.security_opt.retain(|option| option != "label=disable");
        }
    }
}

/// Drops a found value that is only the default, where nothing is wanted.
fn forget<T>(wanted: &Option<T>, there: &mut Option<T>, is_default: impl Fn(&T) -> bool) {
    if wanted.is_none() && there.as_ref().is_some_and(is_default) {
        *there = None;
    }
}

/// The names that the engine gives to volumes without one.
pub(super) fn is_anonymous(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// One form for what can be written in several ways, and without what the image sets: the same for both sides.
fn comparable(mut spec: ContainerSpec, image: &ContainerSpec) -> ContainerSpec {
    spec.environment.retain(|name, value| image.environment.get(name) != Some(value));
    spec.labels.retain(|name, value| !is_own(name) && image.labels.get(name) != Some(value));
    let (entrypoint, command) = match spec.entrypoint.take() {
        // An entrypoint of one's own drops the image's command.
        Some(entrypoint) if Some(&entrypoint) != image.entrypoint.as_ref() || spec.command.is_some() => {
            (Some(entrypoint), spec.command.take())
        }
        _ => (image.entrypoint.clone(), spec.command.take().or_else(|| image.command.clone())),
    };
    spec.entrypoint = entrypoint.filter(|words| !words.is_empty());
    spec.command = command.filter(|words| !words.is_empty());
    spec.user = text_or(spec.user, &image.user);
    spec.working_dir = text_or(spec.working_dir, &image.working_dir);
    spec.stop_signal = text_or(spec.stop_signal, &image.stop_signal);
    spec.hostname = spec.hostname.filter(|name| !name.is_empty());
    spec.domainname = spec.domainname.filter(|name| !name.is_empty());
    spec.healthcheck = effective(spec.healthcheck, image.healthcheck.as_ref());
    spec.expose.extend(spec.ports.iter().map(|port| format!("{}/{}", port.target, protocol(port.protocol))));
    spec.expose.retain(|port| !image.expose.contains(port));
    spec.expose = sorted(spec.expose);
    spec.ports = spec.ports.into_iter().map(plain_port).collect();
    spec.ports.sort();
    spec.restart = match spec.restart {
        RestartPolicy::OnFailure(Some(0)) => RestartPolicy::OnFailure(None),
        policy => policy,
    };
    spec.cap_add = sorted(spec.cap_add.iter().map(|name| capability(name)));
    spec.cap_drop = sorted(spec.cap_drop.iter().map(|name| capability(name)));
    spec.security_opt = sorted(spec.security_opt);
    spec.group_add = sorted(spec.group_add);
    spec.extra_hosts = sorted(spec.extra_hosts.iter().map(|host| host.replacen('=', ":", 1)));
    spec.devices = sorted(spec.devices.iter().map(|device| whole_device(device)));
    spec
}

fn text_or(own: Option<String>, image: &Option<String>) -> Option<String> {
    own.filter(|text| !text.is_empty()).or_else(|| image.clone()).filter(|text| !text.is_empty())
}

fn sorted(items: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut items: Vec<String> = items.into_iter().collect();
    items.sort();
    items.dedup();
    items
}

fn capability(name: &str) -> String {
    let name = name.to_ascii_uppercase();
    name.strip_prefix("CAP_").map_or(name.clone(), str::to_owned)
}

fn whole_device(device: &str) -> String {
    let parts: Vec<&str> = device.split(':').collect();
    match parts.as_slice() {
        [host] => format!("{host}:{host}:rwm"),
        [host, inside] => format!("{host}:{inside}:rwm"),
        _ => device.to_owned(),
    }
}

fn plain_port(port: Port) -> Port {
    let everywhere = |address: &String| matches!(address.as_str(), "" | "0.0.0.0" | "::");
    Port {
        host_ip: port.host_ip.filter(|address| !everywhere(address)),
        published: port.published.filter(|range| range.last != 0),
        ..port
    }
}

/// The healthcheck in force: the engine takes from the image what is unset.
fn effective(own: Option<Healthcheck>, image: Option<&Healthcheck>) -> Option<Healthcheck> {
    let mut check = own.or_else(|| image.cloned())?;
    if check.test == Some(Test::None) {
        let off = Healthcheck { test: Some(Test::None), interval: None, timeout: None, ..check };
        return Some(Healthcheck { retries: None, start_period: None, start_interval: None, ..off });
    }
    if let Some(image) = image {
        check.test = check.test.or_else(|| image.test.clone());
        check.interval = check.interval.or(image.interval);
        check.timeout = check.timeout.or(image.timeout);
        check.retries = check.retries.or(image.retries);
        check.start_period = check.start_period.or(image.start_period);
    }
    check.interval = check.interval.filter(|time| !time.is_zero());
    check.timeout = check.timeout.filter(|time| !time.is_zero());
    check.start_period = check.start_period.filter(|time| !time.is_zero());
    check.retries = check.retries.filter(|times| *times != 0);
    // Engines before API 1.44 don't keep it.
    check.start_interval = None;
    Some(check)
}

/// The names of anonymous volumes of a container by target, to be handed on to the one that replaces it: whatever
/// isn't mounted there by the spec itself.
pub(super) fn anonymous_volumes(
    container: &ObservedContainer,
    spec: &ContainerSpec,
) -> BTreeMap<String, String> {
    let mounts = container.mounts.iter().filter(|(target, mount)| {
        mount.kind == "volume"
            && is_anonymous(&mount.source)
            && !spec.files.contains_key(*target)
            && spec.volumes.get(*target).is_none_or(|m| matches!(m, MountSpec::Volume { name: None, .. }))
    });
    mounts.map(|(target, mount)| (target.clone(), mount.source.clone())).collect()
}

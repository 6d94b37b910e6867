//! A service as Compose writes it.

use std::collections::BTreeMap;
use std::time::Duration;

use indexmap::IndexMap;
use serde_yaml::{Mapping, Value};

use super::values::{Block, Form, list, strings};
use super::{as_it_stands, deploy};
use crate::stack::model::{
    Build, Condition, Dependency, FileMount, Healthcheck, Mount, MountKind, NetworkAttachment, Port,
    PortNotes, Protocol, Service, Test,
};
use crate::stack::node::{self, Node};
use crate::stack::units::format_duration;

/// A service, in the order in which Compose writes its keys. Its dependencies include optional ones that a profile
/// keeps out.
pub(super) fn render(
    service: &Service,
    dependencies: &IndexMap<String, Dependency>,
    source: &Node,
    form: Form,
) -> Value {
    let mut block = Block::default();
    block.filled("profiles", list(&service.profiles));
    as_it_stands(&mut block, source, "annotations");
    as_it_stands(&mut block, source, "attach");
    block.option("build", service.build.as_ref().map(|described| build(described, source)));
    as_it_stands(&mut block, source, "develop");
    block.filled("cap_add", list(&service.cap_add));
    block.filled("cap_drop", list(&service.cap_drop));
    deploy::beside(&mut block, service, source, &["cpus"]);
    block.option("cpuset", service.resources.cpuset.as_deref());
    deploy::beside(&mut block, service, source, &["cpu_shares"]);
    block.command("command", service.command.as_deref(), form);
    block.filled("configs", files(service, source, false));
    block.option("container_name", service.container_name.as_deref());
    block.filled("depends_on", depends_on(dependencies));
    block.option("deploy", deploy::render(source, form));
    block.filled("devices", devices(service));
    block.filled("dns", list(&service.dns));
    block.filled("dns_opt", list(&service.dns_opt));
    block.filled("dns_search", list(&service.dns_search));
    block.option("domainname", service.domainname.as_deref());
    block.command("entrypoint", service.entrypoint.as_deref(), form);
    block.filled("environment", environment(&service.environment));
    block.filled("expose", list(&expose(source)));
    let hosts: Vec<String> = service.extra_hosts.iter().map(|host| host.replacen(':', "=", 1)).collect();
    block.filled("extra_hosts", list(&hosts));
    block.filled("group_add", list(&service.group_add));
    block.option("hostname", service.hostname.as_deref());
    block.option("healthcheck", service.healthcheck.as_ref().map(|check| healthcheck(check, source)));
    // The image of a build that names none isn't the file's.
    block.option(
        "image",
        source.get("image").filter(|node| node.value != node::Value::Null).map(|_| service.image.as_str()),
    );
    block.option("init", service.init);
    as_it_stands(&mut block, source, "ipc");
    block.filled("labels", strings(&service.labels));
    as_it_stands(&mut block, source, "links");
    if let Some(logging) = &service.logging {
        let mut inner = Block::default();
        inner.option("driver", logging.driver.as_deref());
        inner.filled("options", strings(&logging.options));
        block.put("logging", inner);
    }
    deploy::beside(&mut block, service, source, &["mem_limit", "mem_reservation", "memswap_limit"]);
    as_it_stands(&mut block, source, "mac_address");
    as_it_stands(&mut block, source, "network_mode");
    block.filled("networks", networks(service, source));
    as_it_stands(&mut block, source, "pid");
    deploy::beside(&mut block, service, source, &["pids_limit"]);
    block.option("platform", service.platform.as_deref());
    let notes = |found: &Port| service.port_notes.get(found).cloned().unwrap_or_default();
    block.filled("ports", service.ports.iter().map(|found| port(found, notes(found))).collect::<Vec<_>>());
    block.flag("privileged", service.privileged);
    if let Some(policy) = source.get("pull_policy").and_then(Node::as_str) {
        block.put("pull_policy", if policy == "if_not_present" { "missing" } else { policy });
    }
    block.flag("read_only", service.read_only);
    restart(&mut block, source);
    deploy::beside(&mut block, service, source, &["scale"]);
    block.filled("secrets", files(service, source, true));
    block.filled("security_opt", list(&service.security_opt));
    block.option("shm_size", service.shm_size.map(|bytes| bytes.to_string()));
    block.flag("stdin_open", service.stdin_open);
    block.option("stop_grace_period", service.stop_grace_period.map(format_duration));
    block.option("stop_signal", service.stop_signal.as_deref());
    block.filled("sysctls", strings(&service.sysctls));
    let tmpfs = tmpfs(source);
    block.filled("tmpfs", list(&tmpfs));
    block.flag("tty", service.tty);
    block.filled("ulimits", ulimits(service, source));
    block.option("user", service.user.as_deref());
    let below_volumes = |mount: &&Mount| {
        let place =
            |text: &String| text.split(':').next().map(|target| target.trim_end_matches('/').to_owned());
        !(matches!(mount.kind, MountKind::Tmpfs { .. })
            && tmpfs.iter().any(|text| place(text).as_deref() == Some(mount.target.as_str())))
    };
    block.filled("volumes", service.mounts.iter().filter(below_volumes).map(mount).collect::<Vec<_>>());
    block.option("working_dir", service.working_dir.as_deref());
    block.extensions(source);
    block.into()
}

fn build(build: &Build, source: &Node) -> Value {
    let mut block = Block::default();
    block.put("context", build.context.to_string_lossy().as_ref());
    match &build.dockerfile_inline {
        None => block.put("dockerfile", build.dockerfile.as_deref().unwrap_or("Dockerfile")),
        Some(text) => block.put("dockerfile_inline", text.as_str()),
    }
    block.filled("args", environment(&build.args));
    block.filled("labels", strings(&build.labels));
    block.filled("cache_from", list(&build.cache_from));
    if let Some(source) = source.get("build") {
        as_it_stands(&mut block, source, "cache_to");
    }
    block.flag("no_cache", build.no_cache);
    block.flag("pull", build.pull);
    let hosts: Vec<String> = build.extra_hosts.iter().map(|host| host.replacen(':', "=", 1)).collect();
    block.filled("extra_hosts", list(&hosts));
    block.option("network", build.network.as_deref());
    block.option("target", build.target.as_deref());
    block.option("shm_size", build.shm_size.map(|bytes| bytes.to_string()));
    block.filled("tags", list(&build.tags));
    block.filled("platforms", list(&build.platforms));
    block.into()
}

fn environment(variables: &BTreeMap<String, Option<String>>) -> Mapping {
    let value = |value: &Option<String>| value.as_deref().map_or(Value::Null, Value::from);
    variables.iter().map(|(name, text)| (Value::from(name.as_str()), value(text))).collect()
}

fn depends_on(dependencies: &IndexMap<String, Dependency>) -> Mapping {
    let dependency = |dependency: &Dependency| {
        let mut block = Block::default();
        block.put(
            "condition",
            match dependency.condition {
                Condition::ServiceStarted => "service_started",
                Condition::ServiceHealthy => "service_healthy",
                Condition::ServiceCompletedSuccessfully => "service_completed_successfully",
            },
        );
        block.flag("restart", dependency.restart);
        block.put("required", dependency.required);
        Value::from(block)
    };
    let sorted: BTreeMap<_, _> = dependencies.iter().collect();
    sorted.into_iter().map(|(name, on)| (Value::from(name.as_str()), dependency(on))).collect()
}

fn devices(service: &Service) -> Vec<Value> {
    let device = |text: &String| {
        let parts: Vec<&str> = text.split(':').collect();
        let mut block = Block::default();
        block.put("source", parts[0]);
        block.put("target", *parts.get(1).unwrap_or(&parts[0]));
        block.put("permissions", *parts.get(2).unwrap_or(&"rwm"));
        Value::from(block)
    };
    service.devices.iter().map(device).collect()
}

/// A secret's target below its usual folder stands as it does in the text.
fn files(service: &Service, source: &Node, secret: bool) -> Vec<Value> {
    let written = |file: &FileMount| {
        let node::Value::Sequence(items) = &source.get("secrets").filter(|_| secret)?.value else {
            return None;
        };
        let target = |item: &Node| item.get("target").and_then(Node::as_str).map(str::to_owned);
        let mut targets = items.iter().filter_map(target);
        targets.find(|target| file.target.strip_prefix("/run/secrets/") == Some(target.as_str()))
    };
    let file = |file: &FileMount| {
        let mut block = Block::default();
        block.put("source", file.name.as_str());
        if secret || file.target.strip_prefix('/') != Some(file.name.as_str()) {
            block.put("target", written(file).as_deref().unwrap_or(&file.target));
        }
        block.option("uid", file.uid.as_deref());
        block.option("gid", file.gid.as_deref());
        block.option("mode", file.mode.map(|mode| format!("0{mode:o}")));
        Value::from(block)
    };
    service.files.iter().filter(|file| file.secret == secret).map(file).collect()
}

fn healthcheck(check: &Healthcheck, source: &Node) -> Value {
    let mut block = Block::default();
    let disabled = source.get("healthcheck").and_then(|check| check.get("disable")).is_some();
    match &check.test {
        None => {}
        Some(Test::None) if disabled => {}
        Some(Test::None) => block.put("test", list(&["NONE"])),
        Some(Test::Cmd(words)) => {
            let words: Vec<&str> = std::iter::once("CMD").chain(words.iter().map(String::as_str)).collect();
            block.put("test", list(&words));
        }
        Some(Test::Shell(line)) => block.put("test", list(&["CMD-SHELL", line])),
    }
    let duration = |time: Option<Duration>| time.map(format_duration);
    block.option("timeout", duration(check.timeout));
    block.option("interval", duration(check.interval));
    block.option("retries", check.retries);
    block.option("start_period", duration(check.start_period));
    block.option("start_interval", duration(check.start_interval));
    block.flag("disable", disabled && check.test == Some(Test::None));
    block.into()
}

fn networks(service: &Service, source: &Node) -> Mapping {
    let attachment = |(name, attachment): (&String, &NetworkAttachment)| {
        // One that nothing is said of isn't the same as one of which nothing special is said.
        let said = source.get("networks").and_then(|networks| networks.get(name));
        let Some(said) = said.filter(|node| node.as_mapping().is_some()) else {
            return (Value::from(name.as_str()), Value::Null);
        };
        let mut block = Block::default();
        block.filled("aliases", list(&attachment.aliases));
        block.filled("driver_opts", strings(&attachment.driver_opts));
        block.option("ipv4_address", attachment.ipv4_address.as_deref());
        block.option("ipv6_address", attachment.ipv6_address.as_deref());
        block.filled("link_local_ips", list(&attachment.link_local_ips));
        // The service's own is said of the service.
        as_it_stands(&mut block, said, "mac_address");
        block.option("priority", Some(attachment.priority).filter(|priority| *priority != 0));
        (Value::from(name.as_str()), Value::from(block))
    };
    let sorted: BTreeMap<_, _> = service.networks.iter().collect();
    sorted.into_iter().map(attachment).collect()
}

/// As it stands: the model spreads ranges out.
fn expose(source: &Node) -> Vec<String> {
    let items = match source.get("expose").map(|node| &node.value) {
        Some(node::Value::Sequence(items)) => items.as_slice(),
        _ => &[],
    };
    items.iter().filter_map(|item| crate::stack::scalar::text_of(&item.value)).collect()
}

fn port(port: &Port, notes: PortNotes) -> Value {
    let mut block = Block::default();
    block.option("name", notes.name);
    block.put("mode", if notes.host_mode { "host" } else { "ingress" });
    block.option("host_ip", port.host_ip.as_deref());
    block.put("target", port.target);
    block.option(
        "published",
        port.published.map(|range| match range.first == range.last {
            true => range.first.to_string(),
            false => format!("{}-{}", range.first, range.last),
        }),
    );
    block.put(
        "protocol",
        match port.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        },
    );
    block.option("app_protocol", notes.app_protocol);
    block.into()
}

/// As it stands: the model's policy may be that of `deploy`.
fn restart(block: &mut Block, source: &Node) {
    match source.get("restart").map(|node| &node.value) {
        Some(node::Value::Bool(_)) => block.put("restart", "no"),
        _ => as_it_stands(block, source, "restart"),
    }
}

/// `tmpfs` of the text: what stands there isn't below `volumes` in Compose's document.
fn tmpfs(source: &Node) -> Vec<String> {
    match source.get("tmpfs").map(|node| &node.value) {
        Some(node::Value::String(text)) => vec![text.clone()],
        Some(node::Value::Sequence(items)) => {
            items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

fn ulimits(service: &Service, source: &Node) -> Mapping {
    let limit = |name: &str, limit: &crate::stack::model::Ulimit| {
        let written = source.get("ulimits").and_then(|limits| limits.get(name));
        if written.is_some_and(|node| node.as_mapping().is_none()) {
            return Value::from(limit.soft);
        }
        let mut block = Block::default();
        block.put("soft", limit.soft);
        block.put("hard", limit.hard);
        Value::from(block)
    };
    service.ulimits.iter().map(|(name, value)| (Value::from(name.as_str()), limit(name, value))).collect()
}

fn mount(mount: &Mount) -> Value {
    let mut block = Block::default();
    let (kind, source) = match &mount.kind {
        MountKind::Volume { source, .. } => ("volume", source.clone()),
        MountKind::Bind { source, .. } => ("bind", Some(source.to_string_lossy().into_owned())),
        MountKind::Tmpfs { .. } => ("tmpfs", None),
    };
    block.put("type", kind);
    block.option("source", source);
    block.put("target", mount.target.as_str());
    block.flag("read_only", mount.read_only);
    let mut details = Block::default();
    match &mount.kind {
        MountKind::Volume { nocopy, .. } => details.flag("nocopy", *nocopy),
        MountKind::Bind { create_host_path, propagation, .. } => {
            details.option("propagation", propagation.as_deref());
            details.put("create_host_path", *create_host_path);
        }
        MountKind::Tmpfs { size, mode } => {
            details.option("size", size.map(|bytes| bytes.to_string()));
            details.option("mode", *mode);
        }
    }
    block.put(kind, details);
    block.into()
}

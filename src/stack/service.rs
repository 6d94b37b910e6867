//! A service: which keys there are, and what each becomes.

use std::collections::BTreeMap;

use super::context::Context;
use super::decode::{At, Fields, Keys};
use super::model::{Logging, PullPolicy, Service, Ulimit};
use super::{
    build, command, depends_on, deploy, environment, file_objects, healthcheck, mounts, networks, ports,
    reference, vv_service,
};

const KEYS: Keys = Keys {
    read: &[
        "build",
        "cap_add",
        "cap_drop",
        "command",
        "configs",
        "container_name",
        "cpu_shares",
        "cpus",
        "cpuset",
        "depends_on",
        "deploy",
        "devices",
        "dns",
        "dns_opt",
        "dns_search",
        "domainname",
        "entrypoint",
        "env_file",
        "environment",
        "expose",
        "extra_hosts",
        "group_add",
        "healthcheck",
        "hostname",
        "image",
        "init",
        "ipc",
        "label_file",
        "labels",
        "links",
        "logging",
        "mac_address",
        "mem_limit",
        "mem_reservation",
        "memswap_limit",
        "network_mode",
        "networks",
        "pid",
        "pids_limit",
        "platform",
        "ports",
        "privileged",
        "profiles",
        "pull_policy",
        "read_only",
        "restart",
        "scale",
        "secrets",
        "security_opt",
        "shm_size",
        "stdin_open",
        "stop_grace_period",
        "stop_signal",
        "sysctls",
        "tmpfs",
        "tty",
        "ulimits",
        "user",
        "volumes",
        "working_dir",
        "x-vv",
    ],
    // `attach` is about `up` in the foreground, `develop` about `watch`; annotations are notes for the runtime.
    ignored: &["annotations", "attach", "develop"],
    unsupported: &[
        "blkio_config",
        "cgroup",
        "cgroup_parent",
        "cpu_count",
        "cpu_percent",
        "cpu_period",
        "cpu_quota",
        "cpu_rt_period",
        "cpu_rt_runtime",
        "credential_spec",
        "device_cgroup_rules",
        "external_links",
        "gpus",
        "isolation",
        "mem_swappiness",
        "models",
        "oom_kill_disable",
        "oom_score_adj",
        "post_start",
        "pre_start",
        "pre_stop",
        "provider",
        "runtime",
        "storage_opt",
        "use_api_socket",
        "userns_mode",
        "uts",
        "volumes_from",
    ],
    extensions: true,
};
const LOGGING: Keys = Keys::compose(&["driver", "options"]);
const ULIMIT: Keys = Keys::compose(&["soft", "hard"]);
const DEVICE: Keys = Keys::compose(&["source", "target", "permissions"]);

/// A service as the file has it. `image` is still empty for a build that names none.
pub fn read(name: &str, at: &At<'_>, context: &Context<'_>) -> Option<Service> {
    let Some(fields) = at.fields(KEYS) else {
        if at.is_null() {
            at.expected("a mapping");
        }
        return None;
    };
    let build = fields.get("build").and_then(|at| build::read(&at, context));
    let image_at = fields.get("image");
    let image = image_at.as_ref().and_then(At::text);
    if let (Some(at), Some(image)) = (&image_at, &image)
        && let Some(problem) = reference::problem(image)
    {
        at.problem_when_active(problem);
    }
    let image_variable =
        image_at.and_then(|at| context.merged.image_variables.get(at.mark()).map(str::to_owned));
    if fields.get("image").is_none() && fields.get("build").is_none() {
        at.problem_when_active("has neither an 'image' nor a 'build'");
    }
    let namespace = |key: &str| fields.get(key).and_then(|at| networks::namespace(&at, context));
    let (network_mode, ipc, pid) = (namespace("network_mode"), namespace("ipc"), namespace("pid"));
    let mut depends_on = depends_on::read(&fields, name, context);
    depends_on::imply(&fields, [&network_mode, &ipc, &pid].into_iter().flatten(), context, &mut depends_on);
    let deployment = deploy::read(&fields);
    if let (Some(at), 2..) = (fields.get("container_name"), deployment.replicas) {
        at.problem(format!(
            "{} replicas can't share one 'container_name'; remove it, or the replicas",
            deployment.replicas
        ));
    }
    let (ports, port_notes) = fields.get("ports").map(|at| ports::read(&at, context)).unwrap_or_default();
    Some(Service {
        name: name.to_owned(),
        image: image.unwrap_or_default(),
        image_variable,
        build,
        pull_policy: fields.get("pull_policy").and_then(|at| pull_policy(&at)).unwrap_or_default(),
        platform: fields.string("platform"),
        command: fields.get("command").and_then(|at| command::read(&at)),
        entrypoint: fields.get("entrypoint").and_then(|at| command::read(&at)),
        environment: environment::read(&fields, context),
        labels: environment::labels(&fields, context),
        container_name: fields.get("container_name").and_then(|at| container_name(&at)),
        hostname: fields.string("hostname"),
        domainname: fields.string("domainname"),
        user: fields.get("user").and_then(|at| at.string_or_number()),
        working_dir: fields.string("working_dir"),
        ports,
        port_notes,
        expose: fields.get("expose").map(|at| ports::expose(&at)).unwrap_or_default(),
        mounts: mounts::read(&fields, context),
        files: file_objects::mounts(&fields, context),
        networks: networks::attachments(&fields, context),
        network_mode,
        ipc,
        pid,
        depends_on,
        healthcheck: fields.get("healthcheck").and_then(|at| healthcheck::read(&at)),
        restart: deployment.restart,
        stop_signal: fields.string("stop_signal"),
        stop_grace_period: fields.get("stop_grace_period").and_then(|at| at.duration()),
        init: fields.get("init").and_then(|at| at.boolean()),
        tty: fields.flag("tty"),
        stdin_open: fields.flag("stdin_open"),
        read_only: fields.flag("read_only"),
        privileged: fields.flag("privileged"),
        cap_add: fields.strings("cap_add"),
        cap_drop: fields.strings("cap_drop"),
        security_opt: fields.strings("security_opt"),
        group_add: fields.get("group_add").map(|at| at.strings_or_numbers()).unwrap_or_default(),
        extra_hosts: fields.get("extra_hosts").map(|at| build::extra_hosts(&at)).unwrap_or_default(),
        dns: fields.get("dns").map(|at| at.string_or_strings()).unwrap_or_default(),
        dns_search: fields.get("dns_search").map(|at| at.string_or_strings()).unwrap_or_default(),
        dns_opt: fields.strings("dns_opt"),
        sysctls: fields.get("sysctls").map(|at| at.labels()).unwrap_or_default(),
        ulimits: fields.get("ulimits").map(|at| ulimits(&at)).unwrap_or_default(),
        shm_size: fields.get("shm_size").and_then(|at| at.bytes()),
        devices: fields.get("devices").map(|at| devices(&at)).unwrap_or_default(),
        logging: fields.get("logging").and_then(|at| logging(&at)),
        replicas: deployment.replicas,
        resources: deployment.resources,
        reserved_cpus: deployment.reserved_cpus,
        profiles: fields.strings("profiles"),
        vv: fields.get("x-vv").map(|at| vv_service::read(&at, context)).unwrap_or_default(),
    })
}

/// The engine's own rule for names.
fn container_name(at: &At<'_>) -> Option<String> {
    let name = at.text()?;
    let valid = name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if !valid {
        at.problem(format!(
            "'{name}' isn't a container's name: two characters or more, letters, digits, '_', '.' and '-', a letter \
             or digit first"
        ));
    }
    valid.then_some(name)
}

fn pull_policy(at: &At<'_>) -> Option<PullPolicy> {
    let periodic = |text: &str| matches!(text, "daily" | "weekly" | "refresh") || text.starts_with("every_");
    if at.node.as_str().is_some_and(periodic) {
        at.problem("pulling every so often is not supported yet");
        return None;
    }
    at.word(&[
        ("missing", PullPolicy::Missing),
        ("if_not_present", PullPolicy::Missing),
        ("always", PullPolicy::Always),
        ("never", PullPolicy::Never),
        ("build", PullPolicy::Build),
    ])
}

fn logging(at: &At<'_>) -> Option<Logging> {
    let fields = at.fields(LOGGING)?;
    let options = fields.get("options").map(|at| at.options()).unwrap_or_default();
    Some(Logging { driver: fields.string("driver"), options })
}

/// `nofile: 1024`, or `{soft: …, hard: …}`
fn ulimits(at: &At<'_>) -> BTreeMap<String, Ulimit> {
    at.entries()
        .into_iter()
        .filter_map(|(name, at)| {
            let limit = if at.is_mapping() {
                let fields = at.fields(ULIMIT)?;
                Ulimit {
                    soft: fields.required("soft")?.integer()?,
                    hard: fields.required("hard")?.integer()?,
                }
            } else {
                let both = at.integer()?;
                Ulimit { soft: both, hard: both }
            };
            Some((name.to_owned(), limit))
        })
        .collect()
}

/// `host[:container[:permissions]]`
fn devices(at: &At<'_>) -> Vec<String> {
    let device = |at: &At<'_>| {
        if !at.is_mapping() {
            return at.text();
        }
        let fields: Fields<'_> = at.fields(DEVICE)?;
        let source = fields.required("source")?.text()?;
        let target = fields.string("target").unwrap_or_else(|| source.clone());
        let permissions = fields.string("permissions").unwrap_or_else(|| "rwm".into());
        Some(format!("{source}:{target}:{permissions}"))
    };
    at.items().iter().filter_map(device).collect()
}

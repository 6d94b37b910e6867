//! Replicas, limits and the restart policy: from `deploy`, and from the older keys beside it.

use super::decode::{At, Fields, Keys};
use super::model::{Resources, RestartPolicy};
use super::units;

const DEPLOY: Keys = Keys {
    read: &["mode", "replicas", "resources", "restart_policy"],
    // These speak of a cluster's services, not of containers. Compose has no use for them either.
    ignored: &["labels", "update_config", "rollback_config", "placement", "endpoint_mode"],
    unsupported: &[],
    extensions: true,
};
const RESOURCES: Keys = Keys::compose(&["limits", "reservations"]);
const LIMITS: Keys = Keys::compose(&["cpus", "memory", "pids"]);
const RESERVATIONS: Keys = Keys {
    read: &["cpus", "memory"],
    ignored: &[],
    unsupported: &["devices", "generic_resources"],
    extensions: true,
};
const RESTART: Keys = Keys {
    read: &["condition", "max_attempts"],
    ignored: &["delay", "window"],
    unsupported: &[],
    extensions: true,
};

/// What `deploy` and the keys beside it come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// How many.
    pub replicas: u32,
    /// Limits and reservations.
    pub resources: Resources,
    /// See [`super::model::Service::reserved_cpus`].
    pub reserved_cpus: Option<f64>,
    /// `deploy.restart_policy` before `restart`.
    pub restart: RestartPolicy,
}

/// Reads `deploy`, `scale`, `restart`, `cpus`, `mem_limit` and their like.
pub fn read(service: &Fields<'_>) -> Deployment {
    let deploy = service.get("deploy").and_then(|at| at.fields(DEPLOY));
    let deploy = deploy.as_ref();
    if let Some(at) = deploy.and_then(|deploy| deploy.get("mode")) {
        at.word(&[("replicated", ()), ("global", ()), ("replicated-job", ()), ("global-job", ())]);
    }
    let replicas = deploy.and_then(|deploy| deploy.get("replicas"));
    let replicas = one(service, "scale", "deploy.replicas", replicas, |at| at.integer::<u32>());
    let policy = deploy.and_then(|deploy| deploy.get("restart_policy")).and_then(|at| at.fields(RESTART));
    let restart = service.get("restart").and_then(|at| restart(&at));
    let (resources, reserved_cpus) = resources(service, deploy);
    Deployment {
        replicas: replicas.unwrap_or(1),
        resources,
        reserved_cpus,
        restart: policy.as_ref().and_then(restart_policy).or(restart).unwrap_or_default(),
    }
}

/// The value of a key of the service, or of its place below `deploy`; two different ones exclude each other.
fn one<T: PartialEq>(
    service: &Fields<'_>,
    key: &'static str,
    deploy_key: &str,
    deploy: Option<At<'_>>,
    read: impl Fn(&At<'_>) -> Option<T>,
) -> Option<T> {
    let own_at = service.get(key);
    let own = own_at.as_ref().and_then(&read);
    let deployed = deploy.as_ref().and_then(&read);
    if let (Some(at), Some(a), Some(b)) = (&own_at, &own, &deployed)
        && a != b
    {
        at.problem(format!("'{key}' and '{deploy_key}' differ"));
    }
    deployed.or(own)
}

/// Limits and reservations; the CPUs that are reserved are no matter of the engine's.
fn resources(service: &Fields<'_>, deploy: Option<&Fields<'_>>) -> (Resources, Option<f64>) {
    let resources = deploy.and_then(|deploy| deploy.get("resources")).and_then(|at| at.fields(RESOURCES));
    let resources = resources.as_ref();
    let limits = resources.and_then(|resources| resources.get("limits")).and_then(|at| at.fields(LIMITS));
    let limit = |key: &str| limits.as_ref().and_then(|limits| limits.get(key));
    let reservations =
        resources.and_then(|resources| resources.get("reservations")).and_then(|at| at.fields(RESERVATIONS));
    let reservation = |key: &str| reservations.as_ref().and_then(|reservations| reservations.get(key));
    let reserved = reservation("memory");
    let reserved_cpus = reservation("cpus").and_then(|at| at.number());
    let limits_path = "deploy.resources.limits";
    let resources = Resources {
        nano_cpus: one(service, "cpus", &format!("{limits_path}.cpus"), limit("cpus"), nano_cpus)
            .filter(|cpus| *cpus > 0),
        memory: one(service, "mem_limit", &format!("{limits_path}.memory"), limit("memory"), |at| at.bytes())
            .filter(|bytes| *bytes > 0),
        memory_reservation: one(
            service,
            "mem_reservation",
            "deploy.resources.reservations.memory",
            reserved,
            |at| at.bytes(),
        )
        .filter(|bytes| *bytes > 0),
        memory_swap: service.get("memswap_limit").and_then(|at| memory_swap(&at)),
        pids: one(service, "pids_limit", &format!("{limits_path}.pids"), limit("pids"), |at| at.integer()),
        cpu_shares: service.get("cpu_shares").and_then(|at| at.integer()),
        cpuset: service.string("cpuset"),
    };
    (resources, reserved_cpus)
}

fn nano_cpus(at: &At<'_>) -> Option<i64> {
    let cpus = at.number()?;
    if cpus > 1e9 {
        at.problem("so many CPUs no machine has");
        return None;
    }
    Some((cpus * 1e9).round() as i64)
}

/// -1 is unlimited.
fn memory_swap(at: &At<'_>) -> Option<i64> {
    let minus_one = match at.node.as_str() {
        Some(text) => units::integer(text) == Some(-1),
        None => at.node.value == super::node::Value::Int(-1),
    };
    if minus_one {
        return Some(-1);
    }
    at.bytes().and_then(|bytes| i64::try_from(bytes).ok())
}

/// `no`, `always`, `unless-stopped`, `on-failure[:ATTEMPTS]`
fn restart(at: &At<'_>) -> Option<RestartPolicy> {
    // Unquoted, `no` is a word in YAML 1.2 and a boolean in 1.1.
    if at.node.value == super::node::Value::Bool(false) {
        return Some(RestartPolicy::No);
    }
    let text = at.string()?;
    if let Some(attempts) = text.strip_prefix("on-failure:") {
        let attempts = attempts.parse().ok();
        if attempts.is_none() {
            at.problem(format!("'{text}': expected a number of attempts after 'on-failure:'"));
        }
        return attempts.map(|attempts| RestartPolicy::OnFailure(Some(attempts).filter(|count| *count > 0)));
    }
    match text.as_str() {
        // The words of `deploy.restart_policy` do here, too.
        "no" | "none" | "" => Some(RestartPolicy::No),
        "always" | "any" => Some(RestartPolicy::Always),
        "on-failure" => Some(RestartPolicy::OnFailure(None)),
        "unless-stopped" => Some(RestartPolicy::UnlessStopped),
        _ => at.word(&["no", "always", "on-failure", "unless-stopped"].map(|word| (word, RestartPolicy::No))),
    }
}

fn restart_policy(fields: &Fields<'_>) -> Option<RestartPolicy> {
    let attempts = fields.get("max_attempts").and_then(|at| at.integer::<u64>());
    let policy = match fields.get("condition") {
        Some(at) => at.word(&[
            ("none", RestartPolicy::No),
            ("on-failure", RestartPolicy::OnFailure(attempts.filter(|count| *count > 0))),
            ("any", RestartPolicy::Always),
            ("no", RestartPolicy::No),
            ("always", RestartPolicy::Always),
            ("unless-stopped", RestartPolicy::UnlessStopped),
        ])?,
        None => RestartPolicy::Always,
    };
    if attempts.is_some()
        && !matches!(policy, RestartPolicy::OnFailure(_))
        && let Some(at) = fields.get("max_attempts")
    {
        at.problem("only 'condition: on-failure' has a number of attempts");
    }
    Some(policy)
}

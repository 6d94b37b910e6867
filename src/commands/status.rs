//! `vv status`: one line per replica.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures_util::future::{join_all, try_join_all};
use serde_json::json;

use super::complete;
use super::context::{self, Context};
use crate::cli::Format;
use crate::engine::Engine;
use crate::engine::platform::EnginePlatform;
use crate::failure::Result;
use crate::output::table::{self, Tone, cell};
use crate::plan::observed::{ObservedContainer, ObservedPort};
use crate::platform::{HealthVerdict, Platform, ReplicaState, ReplicaStatus};
use crate::run::check_once;
use crate::stack::Stack;

/// How long a replica's own healthcheck may take that the engine hasn't run yet.
const CHECK: Duration = Duration::from_secs(2);

/// Show each replica: state, health, ports, image, age
///
/// HEALTH is the engine's verdict. Until its first one is in, a whole interval after the start, vv runs the healthcheck
/// itself, and `passing` says that it passes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv status
  vv status --format json | jq -r '.replicas[] | select(.state != \"running\") | .container'")]
pub struct StatusArgs {
    /// Services; all when none is named
    #[arg(value_name = "SERVICE", add = complete::services())]
    services: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Shows them. A service without a replica has a line that says so.
pub async fn run(context: &Context, args: StatusArgs) -> Result {
    let stack = context.load_for(args.format, &args.services)?;
    let services = context::select(&stack, &args.services)?;
    let engine = context.engine().await?;
    let platform = EnginePlatform::of(Arc::clone(&engine), &stack.name).await?;
    let mut names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
    if args.services.is_empty() {
        names.extend(others(&stack, platform.containers()));
    }
    let replicas = names.iter().map(|name| platform.replicas(name));
    let replicas = try_join_all(replicas).await?;
    let checks =
        replicas.iter().map(|replicas| join_all(replicas.iter().map(|status| check(&engine, status))));
    let checks = join_all(checks).await;
    let now = jiff::Timestamp::now().as_second();

    let mut rows = table::new(&["REPLICA", "STATE", "HEALTH", "PORTS", "IMAGE", "AGE"]);
    let mut documents = Vec::new();
    for ((name, replicas), checks) in names.iter().zip(&replicas).zip(&checks) {
        if replicas.is_empty() {
            rows.add_row([cell(name, Tone::Faint), cell("not there", Tone::Faint)]);
        }
        let orphan = !stack.services.contains_key(*name) && !stack.inactive.contains_key(*name);
        for (status, check) in replicas.iter().zip(checks) {
            let Some(container) =
                platform.containers().iter().find(|container| container.name == status.name)
            else {
                continue;
            };
            let age = u64::try_from(now - container.created).unwrap_or(0);
            rows.add_row([
                replica_cell(status, orphan),
                state_cell(status),
                health_cell(status, check.as_ref()),
                comfy_table::Cell::new(ports(container).join(", ")),
                image_cell(status, container),
                comfy_table::Cell::new(crate::output::age(Duration::from_secs(age))),
            ]);
            documents.push(document(status, container, check.as_ref(), orphan));
        }
    }
    match args.format {
        Format::Table => context.printer.data(table::render(&mut rows)),
        Format::Json => context.printer.json(&json!({
            "schema": "vv.status/1",
            "stack": stack.name,
            "replicas": documents,
        })),
    }
    Ok(())
}

/// Services that have containers though they take no part: those of profiles that are off, then orphans, whose service
/// isn't in the stack any more.
fn others<'a>(stack: &Stack, containers: &'a [ObservedContainer]) -> Vec<&'a str> {
    let names: BTreeSet<&str> = containers.iter().map(|container| container.service.as_str()).collect();
    let others = names.into_iter().filter(|name| !stack.services.contains_key(*name));
    let (inactive, orphans): (Vec<_>, Vec<_>) = others.partition(|name| stack.inactive.contains_key(*name));
    inactive.into_iter().chain(orphans).collect()
}

fn replica_cell(status: &ReplicaStatus, orphan: bool) -> comfy_table::Cell {
    let name = format!("{}-{}", status.replica.service, status.replica.number);
    match orphan {
        true => cell(format!("{name} (orphan)"), Tone::Doubtful),
        false => cell(name, Tone::Good),
    }
}

/// What came of running the healthcheck of a replica of which the engine has no verdict yet.
async fn check(engine: &Arc<dyn Engine>, status: &ReplicaStatus) -> Option<Result<(), String>> {
    let open = status.state == ReplicaState::Running && status.health == Some(HealthVerdict::Starting);
    if open { check_once(engine, &status.name, CHECK).await } else { None }
}

fn state_cell(status: &ReplicaStatus) -> comfy_table::Cell {
    let restarts = match status.restarts {
        0 => String::new(),
        times => format!(" (restarted {times}×)"),
    };
    let (text, tone) = state(&status.state);
    cell(
        format!("{text}{restarts}"),
        if status.restarts > 0 && tone == Tone::Good { Tone::Doubtful } else { tone },
    )
}

fn state(state: &ReplicaState) -> (String, Tone) {
    match state {
        ReplicaState::Created => ("created".into(), Tone::Doubtful),
        ReplicaState::Running => ("running".into(), Tone::Good),
        ReplicaState::Paused => ("paused".into(), Tone::Doubtful),
        ReplicaState::Restarting => ("restarting".into(), Tone::Bad),
        ReplicaState::Exited { oom: true, .. } => ("out of memory".into(), Tone::Bad),
        ReplicaState::Exited { code: 0, .. } => ("exited (0)".into(), Tone::Faint),
        ReplicaState::Exited { code, .. } => (format!("exited ({code})"), Tone::Bad),
        ReplicaState::Dead => ("dead".into(), Tone::Bad),
    }
}

fn health_cell(status: &ReplicaStatus, check: Option<&Result<(), String>>) -> comfy_table::Cell {
    match (health(status), status.health) {
        (Some(_), Some(HealthVerdict::Starting)) if check == Some(&Ok(())) => cell("passing", Tone::Good),
        (Some(text), Some(HealthVerdict::Healthy)) => cell(text, Tone::Good),
        (Some(text), Some(HealthVerdict::Unhealthy)) => cell(text, Tone::Bad),
        (Some(text), _) => cell(text, Tone::Doubtful),
        (None, _) => cell("-", Tone::Faint),
    }
}

/// Only a running replica has a health; the engine keeps the last verdict of one that stopped.
fn health(status: &ReplicaStatus) -> Option<&'static str> {
    let running = matches!(status.state, ReplicaState::Running | ReplicaState::Paused);
    status.health.filter(|_| running).map(|health| match health {
        HealthVerdict::Starting => "starting",
        HealthVerdict::Healthy => "healthy",
        HealthVerdict::Unhealthy => "unhealthy",
    })
}

fn image_cell(status: &ReplicaStatus, container: &ObservedContainer) -> comfy_table::Cell {
    if status.stub { cell("stub", Tone::Doubtful) } else { comfy_table::Cell::new(&container.image) }
}

/// `8500→8500`, `127.0.0.1:…` only where it isn't the local host; UDP says so.
fn ports(container: &ObservedContainer) -> Vec<String> {
    let mut ports: Vec<&ObservedPort> =
        container.ports.iter().filter(|port| port.published.is_some()).collect();
    ports.sort();
    let mut texts: Vec<String> = ports
        .into_iter()
        .filter_map(|port| {
            let published = port.published?;
            let protocol = if port.protocol == "tcp" { String::new() } else { format!("/{}", port.protocol) };
            Some(if published == port.target {
                format!("{published}{protocol}")
            } else {
                format!("{published}→{}{protocol}", port.target)
            })
        })
        .collect();
    // The same port bound on an IPv4 and an IPv6 address.
    texts.dedup();
    texts
}

fn document(
    status: &ReplicaStatus,
    container: &ObservedContainer,
    check: Option<&Result<(), String>>,
    orphan: bool,
) -> serde_json::Value {
    let (exit_code, oom) = match status.state {
        ReplicaState::Exited { code, oom } => (Some(code), oom),
        _ => (None, false),
    };
    json!({
        "service": status.replica.service,
        "replica": status.replica.number,
        "container": status.name,
        "state": match status.state {
            ReplicaState::Created => "created",
            ReplicaState::Running => "running",
            ReplicaState::Paused => "paused",
            ReplicaState::Restarting => "restarting",
            ReplicaState::Exited { .. } => "exited",
            ReplicaState::Dead => "dead",
        },
        "exit_code": exit_code,
        "oom_killed": oom,
        "health": health(status),
        // vv's own run of the healthcheck, where the engine has no verdict yet; what it says when it fails.
        "healthcheck": check.map(|check| json!({"passes": check.is_ok(), "said": check.as_ref().err()})),
        "restarts": status.restarts,
        "stub": status.stub,
        // Its service isn't in the stack any more.
        "orphan": orphan,
        "image": container.image,
        "created": jiff::Timestamp::from_second(container.created).ok(),
        "ports": container.ports.iter().map(|port| json!({
            "target": port.target,
            "protocol": port.protocol,
            "published": port.published,
            "host_ip": port.host_ip,
        })).collect::<Vec<_>>(),
    })
}

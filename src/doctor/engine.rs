//! The engine: whether it answers, its version, its machine.

use super::facts::{EngineFacts, Facts, Here};
use super::{Finding, size};
use crate::engine::survey::System;
use crate::stack::Stack;

/// So much less than what a stack asks for is how machines of that size are sold: firmware and kernel take their part.
const TOLERATED: f64 = 0.9;
/// Less than this part of what the stack asks for, and it won't work.
const HOPELESS: f64 = 0.5;
/// Less free space than this stops databases and brokers sooner or later.
const FULL: u64 = 1 << 30;
/// A stack without a word about it needs about this.
const NARROW: u64 = 4 << 30;
/// How far clocks may be apart, in milliseconds: tokens are checked to the second or so.
const SKEW: u64 = 2_000;

/// Whether it answers.
pub fn reach(facts: &Facts) -> Vec<Finding> {
    match &facts.engine {
        Ok(engine) => {
            let where_it_is = if engine.info.local { "on this machine" } else { "on another machine" };
            let (major, minor) = engine.info.api;
            vec![Finding::ok(
                "engine",
                format!("Docker {} answers, {where_it_is} (API {major}.{minor})", engine.info.version),
            )]
        }
        Err(unreachable) => {
            let fix = unreachable.hints.first().cloned();
            vec![Finding::fail(
                "engine",
                unreachable.message.clone(),
                fix.unwrap_or_else(|| "docker version".to_owned()),
            )]
        }
    }
}

/// Its version and its machine.
pub fn settings(stack: &Stack, engine: &EngineFacts, here: &Here) -> Vec<Finding> {
    let mut findings: Vec<Finding> = version(stack, &engine.info.version).into_iter().collect();
    match &engine.system {
        Ok(system) => {
            findings.extend(storage(system));
            findings.extend(cgroups(stack, system));
            findings.extend(memory(stack, system.memory));
            findings.extend(cpus(stack, system.cpus));
        }
        Err(why) => findings.push(Finding::warn(
            "engine",
            format!("its storage, memory and CPUs aren't known: {why}"),
            "docker info",
        )),
    }
    findings.extend(disk(stack, engine, here));
    findings.extend(clock(engine));
    findings
}

/// That the engine is as new as the stack asks.
pub fn version(stack: &Stack, version: &str) -> Option<Finding> {
    let wanted = stack.vv.requires.engine.as_deref()?;
    Some(if numbers(version) >= numbers(wanted) {
        Finding::ok("version", format!("{version}; the stack asks for {wanted}"))
    } else {
        Finding::fail(
            "version",
            format!("the engine is {version}, and the stack asks for {wanted} (x-vv.requires.engine)"),
            format!("install Docker {wanted} or newer: https://docs.docker.com/engine/install/"),
        )
    })
}

/// `20.10.24+dfsg1` is 20, 10, 24.
fn numbers(version: &str) -> Vec<u64> {
    let numeric = version.split(['+', '-', '~']).next().unwrap_or_default();
    numeric.split('.').map_while(|part| part.parse().ok()).collect()
}

fn storage(system: &System) -> Option<Finding> {
    let driver = system.storage_driver.as_str();
    let backing = system.backing.as_ref().map(|backing| format!(" on {backing}")).unwrap_or_default();
    Some(match driver {
        "" => return None,
        "vfs" => Finding::warn(
            "storage",
            "the storage driver is vfs: every layer is a whole copy, slow and large",
            "set \"storage-driver\": \"overlay2\" in /etc/docker/daemon.json (images must be had anew)",
        ),
        "devicemapper" | "aufs" | "overlay" => Finding::warn(
            "storage",
            format!("the storage driver is {driver}{backing}, which newer engines don't have any more"),
            "set \"storage-driver\": \"overlay2\" in /etc/docker/daemon.json (images must be had anew)",
        ),
        _ => Finding::ok("storage", format!("{driver}{backing}")),
    })
}

fn cgroups(stack: &Stack, system: &System) -> Option<Finding> {
    let version = system.cgroup_version?;
    let limited = stack.services.values().any(|service| {
        let resources = &service.resources;
        resources.memory.is_some() || resources.nano_cpus.is_some() || resources.pids.is_some()
    });
    Some(if version == 1 && system.rootless && limited {
        Finding::warn(
            "cgroup",
            "version 1 and a rootless engine: the stack's limits of memory and CPUs have no effect",
            "boot with systemd.unified_cgroup_hierarchy=1",
        )
    } else {
        Finding::ok("cgroup", format!("version {version}"))
    })
}

/// Whether the machine has the memory that the stack asks for, and that its services reserve and may take.
pub fn memory(stack: &Stack, total: Option<u64>) -> Option<Finding> {
    let total = total?;
    let sum = |of: fn(&crate::stack::Service) -> Option<u64>| -> u64 {
        stack.services.values().map(|service| of(service).unwrap_or(0) * u64::from(service.replicas)).sum()
    };
    let reserved = sum(|service| service.resources.memory_reservation);
    let limits = sum(|service| service.resources.memory);
    let has = format!("{} in all", size(total));
    if let Some(wanted) = stack.vv.requires.memory {
        let part = total as f64 / wanted as f64;
        let seen = format!("{has}, and the stack asks for {} (x-vv.requires.memory)", size(wanted));
        let fix = "give the engine's machine more, or start a part: vv start SERVICE…";
        if part < HOPELESS {
            return Some(Finding::fail("memory", seen, fix));
        }
        if part < TOLERATED {
            return Some(Finding::warn("memory", seen, fix));
        }
    }
    if reserved > total {
        let seen = format!("{has}, and the services reserve {} together", size(reserved));
        return Some(Finding::warn(
            "memory",
            seen,
            "lower deploy.resources.reservations.memory, or start a part: vv start SERVICE…",
        ));
    }
    let limits = match limits {
        0 => String::new(),
        // Limits are what services may take at most; that they don't all do so at once is the usual bet.
        limits => format!("; the services' limits come to {}", size(limits)),
    };
    Some(Finding::ok("memory", format!("{has}{limits}")))
}

fn cpus(stack: &Stack, total: Option<u64>) -> Vec<Finding> {
    let Some(total) = total else { return Vec::new() };
    let count = |cpus: u64| if cpus == 1 { "1 CPU".to_owned() } else { format!("{cpus} CPUs") };
    let mut findings = Vec::new();
    for service in stack.services.values() {
        let Some(limit) = service.resources.nano_cpus else { continue };
        let limit = limit as f64 / 1e9;
        // The engine refuses to make such a container.
        if limit > total as f64 {
            let seen = format!("{} may use {limit} CPUs, and the machine has {total}", service.name);
            let fix = format!("lower its cpus (or deploy.resources.limits.cpus) to {total} or less");
            findings.push(Finding::fail("cpus", seen, fix).of(&service.name));
        }
    }
    let reserves = |service: &crate::stack::Service| {
        service.reserved_cpus.unwrap_or_default() * f64::from(service.replicas)
    };
    let reserved: f64 = stack.services.values().map(reserves).sum();
    match stack.vv.requires.cpus {
        Some(wanted) if (total as f64) < wanted => {
            let seen = format!("{}, and the stack asks for {wanted:.0} (x-vv.requires.cpus)", count(total));
            findings.push(Finding::warn(
                "cpus",
                seen,
                "give the engine's machine more, or wait longer: vv start --timeout 15m",
            ));
        }
        _ if reserved > total as f64 => {
            let seen = format!("{}, and the services reserve {reserved} together", count(total));
            findings.push(Finding::warn(
                "cpus",
                seen,
                "lower deploy.resources.reservations.cpus, or start a part: vv start SERVICE…",
            ));
        }
        _ => findings.push(Finding::ok("cpus", count(total))),
    }
    findings
}

fn disk(stack: &Stack, engine: &EngineFacts, here: &Here) -> Option<Finding> {
    let root = engine.system.as_ref().ok()?.data_root.display().to_string();
    let Some(free) = here.free_disk else {
        let why = if engine.info.local { "it can't be seen from here" } else { "it is another machine's" };
        return Some(Finding::ok(
            "disk",
            format!("not asked: {root} is where the engine keeps its data, and {why}"),
        ));
    };
    let seen = format!("{} free in {root}", size(free));
    let fix = "docker system df shows what takes it; docker image prune frees what no tag names";
    if free < FULL {
        return Some(Finding::fail("disk", seen, fix));
    }
    if let Some(wanted) = stack.vv.requires.disk
        && free < wanted
    {
        let seen = format!("{seen}, and the stack asks for {} (x-vv.requires.disk)", size(wanted));
        return Some(Finding::warn("disk", seen, fix));
    }
    if free < NARROW {
        return Some(Finding::warn("disk", seen, fix));
    }
    Some(Finding::ok("disk", seen))
}

fn clock(engine: &EngineFacts) -> Option<Finding> {
    let (skew, doubt) = engine.skew?;
    let off = skew.unsigned_abs();
    if off <= SKEW + doubt {
        return Some(Finding::ok("clock", "the engine's clock is this machine's"));
    }
    let way = if skew > 0 { "ahead of" } else { "behind" };
    Some(Finding::warn(
        "clock",
        format!(
            "the engine's clock is {:.1} s {way} this machine's: tokens and certificates will be refused",
            off as f64 / 1000.0
        ),
        if engine.info.local {
            "restart Docker Desktop, or sudo timedatectl set-ntp true"
        } else {
            "on the engine's machine: sudo timedatectl set-ntp true"
        },
    ))
}

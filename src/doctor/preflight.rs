//! What a start knows before it asks the engine anything more than planning did. Only what would certainly fail is a
//! failure: a start that would have gone through must never be kept from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::facts::{Here, Holder, PathKind};
use super::ports::{self, HostPort};
use super::{Finding, Severity, engine, files};
use crate::plan::observed::Observed;
use crate::plan::operation::{Action, Plan, Target};
use crate::plan::spec::MountSpec;
use crate::stack::{Service, Stack};

/// What a plan is going to start, as far as this machine has a say in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Starting {
    /// The services that get a new container.
    pub services: BTreeSet<String>,
    /// Host ports, with their services. Those that the project's own containers have now aren't among them: the plan
    /// knows how they pass from one to another.
    pub ports: Vec<(String, HostPort)>,
    /// What is mounted from the disk, with its service and whether the engine makes a folder where there is nothing.
    pub mounts: Vec<(String, PathBuf, bool)>,
}

impl Starting {
    /// What this plan starts.
    pub fn of(stack: &Stack, plan: &Plan, observed: &Observed) -> Self {
        let held = |port: &HostPort| {
            let up = observed.containers.iter().filter(|container| container.state.is_up());
            up.flat_map(|container| &container.ports).any(|bound| bound.published == Some(port.number))
        };
        let mut starting = Self::default();
        for operation in &plan.operations {
            let Target::Container { service, name } = &operation.target else { continue };
            match &operation.action {
                Action::CreateContainer(request) => {
                    starting.services.insert(service.clone());
                    for mount in request.spec.volumes.values() {
                        if let MountSpec::Bind { source, create_host_path, .. } = mount {
                            starting.mounts.push((service.clone(), source.clone(), *create_host_path));
                        }
                    }
                    let ports = request.spec.ports.iter().filter_map(HostPort::of);
                    starting.ports.extend(ports.map(|port| (service.clone(), port)));
                }
                // One that was stopped; its ports are those that the file says, or it would be made anew.
                Action::StartContainer(_) => {
                    let first =
                        observed.containers.iter().any(|there| there.name == *name && there.number == 1);
                    let declared = stack.services.get(service).filter(|_| first);
                    let ports =
                        declared.into_iter().flat_map(|service| &service.ports).filter_map(HostPort::of);
                    starting.ports.extend(ports.map(|port| (service.clone(), port)));
                }
                _ => {}
            }
        }
        starting.ports.retain(|(_, port)| !held(port));
        starting.ports.sort();
        starting.ports.dedup();
        starting.mounts.sort();
        starting.mounts.dedup();
        starting
    }
}

/// What will fail, and what deserves a word. `taken` are the ports that can't be bound, with who has them; `paths` what
/// is there of what is mounted.
pub fn preflight(
    stack: &Stack,
    observed: &Observed,
    starting: &Starting,
    taken: &BTreeMap<HostPort, Holder>,
    paths: &BTreeMap<PathBuf, PathKind>,
    here: &Here,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = engine::version(stack, &observed.engine.version).into_iter().collect();
    let wanted: Vec<(&Service, HostPort)> = starting
        .ports
        .iter()
        .filter_map(|(service, port)| Some((stack.services.get(service)?, *port)))
        .collect();
    findings.extend(ports::twice(&wanted));
    if here.shared {
        for (service, port) in &starting.ports {
            findings.extend(taken.get(port).map(|holder| ports::taken(service, port, holder)));
        }
        for (service, source, create) in &starting.mounts {
            if !paths.contains_key(source) {
                let finding = files::missing(service, source, *create);
                // A folder for data that the engine makes is what people want.
                let file = finding.severity == Severity::Fail || finding.seen.contains("of that name");
                findings.extend(file.then_some(finding));
            }
        }
        if !starting.ports.is_empty() || !starting.mounts.is_empty() {
            // It was made to be enough, and swapping is slow but works.
            findings.extend(engine::memory(stack, here.memory).map(lenient));
        }
    }
    findings.extend(foreign_systems(stack, observed, starting));
    findings.retain(|finding| finding.severity > Severity::Ok);
    findings
}

fn lenient(mut finding: Finding) -> Finding {
    finding.severity = finding.severity.min(Severity::Warn);
    finding
}

/// Services for another operating system than the engine's.
fn foreign_systems(stack: &Stack, observed: &Observed, starting: &Starting) -> Vec<Finding> {
    let engine = observed.engine.os.as_str();
    let made = stack.services.values().filter(|service| starting.services.contains(&service.name));
    let foreign = made.filter_map(|service| {
        let platform = service.platform.as_deref()?;
        let system = platform.split('/').next()?;
        let is_system = matches!(system, "linux" | "windows" | "darwin");
        (is_system && !engine.is_empty() && system != engine).then(|| {
            let seen = format!("{} is for {platform}, and the engine runs {engine} containers", service.name);
            Finding::fail("image", seen, format!("platform: {engine}/{}", observed.engine.arch))
                .of(&service.name)
        })
    });
    foreign.collect()
}

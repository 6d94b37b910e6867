//! Names: taken by other projects, or expected and not there.

use super::Finding;
use super::facts::EngineFacts;
use crate::engine::survey::Neighbour;
use crate::stack::Stack;

/// Every clash with what else the engine has.
pub fn findings(stack: &Stack, engine: &EngineFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &engine.neighbours {
        Ok(neighbours) => {
            findings.extend(elsewhere(stack, neighbours));
            findings.extend(containers(stack, neighbours));
        }
        Err(why) => findings.push(Finding::warn(
            "name",
            format!("what else the engine runs isn't known: {why}"),
            "docker ps -a",
        )),
    }
    findings.extend(external(stack, engine));
    findings
}

/// The project runs already, from other files.
fn elsewhere(stack: &Stack, neighbours: &[Neighbour]) -> Option<Finding> {
    let files = stack.origin.config_files.join(",");
    let own = stack.origin.working_dir.to_string_lossy();
    let other =
        neighbours.iter().filter(|other| other.project.as_deref() == Some(&stack.name)).find(|other| {
            // One of an unknown origin isn't another's.
            other.config_files.as_deref().is_some_and(|of_other| of_other != files)
                && other.working_dir.as_deref().is_some_and(|folder| folder != own)
        })?;
    let folder = other.working_dir.as_deref().unwrap_or_default();
    Some(Finding::warn(
        "project",
        format!("a project {} from {folder} is there: a start from here replaces its containers", stack.name),
        format!("give this one another name: -p {}-2", stack.name),
    ))
}

/// The names that the stack's containers get are others'.
fn containers(stack: &Stack, neighbours: &[Neighbour]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in stack.services.values() {
        let names: Vec<String> = match &service.container_name {
            Some(name) => vec![name.clone()],
            None => (1..=service.replicas)
                .map(|number| format!("{}-{}-{number}", stack.name, service.name))
                .collect(),
        };
        for name in names {
            let Some(other) = neighbours.iter().find(|other| other.container == name) else { continue };
            if other.project.as_deref() == Some(&stack.name) {
                continue;
            }
            let whose = match &other.project {
                Some(project) => format!("of project {project}"),
                None => "of no project".to_owned(),
            };
            findings.push(
                Finding::fail(
                    "name",
                    format!(
                        "the name {name} of {}'s container is taken by a container {whose}",
                        service.name
                    ),
                    format!("docker rm -f {name}, if it isn't needed; else change container_name or -p"),
                )
                .of(&service.name),
            );
        }
    }
    findings
}

/// Networks and volumes that somebody else was to make.
fn external(stack: &Stack, engine: &EngineFacts) -> Vec<Finding> {
    let Ok(observed) = &engine.observed else { return Vec::new() };
    let mut findings = Vec::new();
    for network in stack.networks.values().filter(|network| network.external) {
        if !observed.networks.iter().any(|there| there.name == network.name) {
            findings.push(Finding::fail(
                "network",
                format!("the external network {} isn't there", network.name),
                format!("docker network create {}", network.name),
            ));
        }
    }
    for volume in stack.volumes.values().filter(|volume| volume.external) {
        if !observed.volumes.iter().any(|there| there.name == volume.name) {
            findings.push(Finding::fail(
                "volume",
                format!("the external volume {} isn't there", volume.name),
                format!("docker volume create {}", volume.name),
            ));
        }
    }
    findings
}

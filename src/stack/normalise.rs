//! From the document to a stack: who takes part, and what is only known then.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::document::{Document, Draft};
use super::kind;
use super::model::{Condition, Dependency, MountKind, Service, Stack};
use super::problem::LoadError;
use super::validate;
use super::vv::Declared;

/// The stack that a document becomes; the profiles of the named services are switched on.
pub(super) fn stack(document: &Document, named: &[String]) -> Result<Stack, LoadError> {
    let merged = &document.merged;
    let profiles = profiles(document, named);
    let takes_part = |service: &Service| {
        service.profiles.is_empty()
            || profiles.contains("*")
            || service.profiles.iter().any(|profile| profiles.contains(profile.as_str()))
    };
    let (active, inactive): (Vec<&Draft>, Vec<&Draft>) =
        document.services.values().partition(|draft| takes_part(&draft.service));
    let mut problems = document.problems.clone();
    problems.extend(active.iter().flat_map(|draft| draft.problems.iter().cloned()));
    let mut warnings = merged.warnings.clone();
    warnings.extend(document.warnings.iter().cloned());

    let finished = |drafts: Vec<&Draft>| -> IndexMap<String, Service> {
        drafts
            .into_iter()
            .map(|draft| (draft.service.name.clone(), finish(&draft.service, &merged.name)))
            .collect()
    };
    let (mut services, mut inactive) = (finished(active), finished(inactive));
    if let Some(warning) = drop_container_names(document, services.values_mut().chain(inactive.values_mut()))
    {
        warnings.push(warning);
    }
    imply_dependencies(&mut services);
    let findings = validate::together(&services, &inactive, &merged.root);
    problems.extend(findings.problems);
    warnings.extend(findings.warnings);
    if !problems.is_empty() {
        return Err(LoadError::new(problems));
    }
    // An optional dependency that a profile keeps out isn't waited for.
    for service in services.values_mut() {
        service.depends_on.retain(|name, _| !inactive.contains_key(name));
    }
    let networks = kept(&document.networks, &used_networks(&services));
    let volumes = kept(&document.volumes, &used_volumes(&services));
    let mut seen = BTreeSet::new();
    warnings.retain(|warning| seen.insert(warning.clone()));
    Ok(Stack {
        name: merged.name.clone(),
        origin: merged.origin.clone(),
        services,
        inactive,
        networks,
        volumes,
        vv: document.vv.clone(),
        warnings,
    })
}

/// The active profiles: those that were asked for, and those of the services that were named and are kept out.
fn profiles<'a>(document: &'a Document, named: &[String]) -> BTreeSet<&'a str> {
    let asked: BTreeSet<&str> = document.merged.profiles.iter().map(String::as_str).collect();
    let of_named = named
        .iter()
        .filter_map(|name| document.services.get(name))
        .map(|draft| &draft.service.profiles)
        .filter(|profiles| !profiles.iter().any(|profile| asked.contains(profile.as_str())))
        .flatten()
        .map(String::as_str);
    asked.iter().copied().chain(of_named).collect()
}

/// What a service has that the file doesn't say: the name of the image it builds, its kind.
fn finish(service: &Service, project: &str) -> Service {
    let mut service = service.clone();
    if service.image.is_empty() {
        service.image = format!("{project}-{}", service.name);
    }
    if service.vv.kind.is_none() {
        service.vv.kind = kind::guess(&service.image).map(str::to_owned);
    }
    service
}

/// Who needs topics, or routes, depends on what holds them.
fn imply_dependencies(services: &mut IndexMap<String, Service>) {
    let holders = |what: Declared| -> Vec<String> {
        let of_kind = services.values().filter(|service| service.vv.kind.as_deref() == Some(what.kind()));
        of_kind.map(|service| service.name.clone()).collect()
    };
    let holders = [Declared::Topics, Declared::Routes].map(|what| (what, holders(what)));
    for service in services.values_mut() {
        let needed = holders.iter().filter(|(what, _)| service.vv.needs.contains(what));
        for holder in needed.flat_map(|(_, names)| names).filter(|name| **name != service.name) {
            service.depends_on.entry(holder.clone()).or_insert(Dependency {
                condition: Condition::ServiceStarted,
                restart: false,
                required: true,
            });
        }
    }
}

/// A shipped stack's fixed container names would keep a second project of it from starting: they stand only under
/// the stack's own name.
fn drop_container_names<'s>(
    document: &Document,
    services: impl Iterator<Item = &'s mut Service>,
) -> Option<String> {
    let merged = &document.merged;
    if merged.origin.embedded.is_none() || merged.name == merged.default_name {
        return None;
    }
    let dropped: Vec<String> = services.filter_map(|service| service.container_name.take()).collect();
    let one = dropped.len() == 1;
    (!dropped.is_empty()).then(|| {
        format!(
            "the container name{} {} {} only used in the project '{}', not in '{}'",
            if one { "" } else { "s" },
            dropped.join(", "),
            if one { "is" } else { "are" },
            merged.default_name,
            merged.name
        )
    })
}

fn used_networks(services: &IndexMap<String, Service>) -> BTreeSet<&str> {
    services.values().flat_map(|service| service.networks.keys()).map(String::as_str).collect()
}

fn used_volumes(services: &IndexMap<String, Service>) -> BTreeSet<&str> {
    let named = services.values().flat_map(|service| &service.mounts).filter_map(|mount| match &mount.kind {
        MountKind::Volume { source, .. } => source.as_deref(),
        _ => None,
    });
    named.collect()
}

fn kept<T: Clone>(declared: &IndexMap<String, T>, used: &BTreeSet<&str>) -> IndexMap<String, T> {
    let used = declared.iter().filter(|(key, _)| used.contains(key.as_str()));
    used.map(|(key, value)| (key.clone(), value.clone())).collect()
}

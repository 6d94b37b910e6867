//! `depends_on`, and the dependencies that other keys imply.

use indexmap::IndexMap;

use super::context::{Context, declared};
use super::decode::{Fields, Keys};
use super::model::{Condition, Dependency, Namespace};

const KEYS: Keys = Keys::compose(&["condition", "restart", "required"]);

const CONDITIONS: [(&str, Condition); 3] = [
    ("service_started", Condition::ServiceStarted),
    ("service_healthy", Condition::ServiceHealthy),
    ("service_completed_successfully", Condition::ServiceCompletedSuccessfully),
];

const STARTED: Dependency =
    Dependency { condition: Condition::ServiceStarted, restart: false, required: true };

/// The declared dependencies.
pub fn read(service: &Fields<'_>, name: &str, context: &Context<'_>) -> IndexMap<String, Dependency> {
    let mut dependencies = IndexMap::new();
    let Some(at) = service.get("depends_on") else { return dependencies };
    let list = at.is_list();
    for (other, at) in at.names() {
        if other == name {
            at.problem(format!("the service '{name}' depends on itself"));
            continue;
        }
        let dependency = if list {
            Some(STARTED)
        } else {
            at.fields(KEYS).and_then(|fields| {
                Some(Dependency {
                    condition: fields.required("condition")?.word(&CONDITIONS)?,
                    restart: fields.flag("restart"),
                    required: fields.get("required").and_then(|at| at.boolean()).unwrap_or(true),
                })
            })
        };
        if declared(&at, "service", &other, context.services.iter().copied())
            && let Some(dependency) = dependency
        {
            dependencies.insert(other, dependency);
        }
    }
    dependencies
}

/// Adds what `links` and shared namespaces imply, where the file doesn't say it itself.
pub fn imply<'n>(
    service: &Fields<'_>,
    namespaces: impl IntoIterator<Item = &'n Namespace>,
    context: &Context<'_>,
    dependencies: &mut IndexMap<String, Dependency>,
) {
    let implied = Dependency { restart: true, ..STARTED };
    for namespace in namespaces {
        if let Namespace::Service(name) = namespace {
            dependencies.entry(name.clone()).or_insert(implied.clone());
        }
    }
    for at in service.get("links").map(|at| at.items()).unwrap_or_default() {
        let Some(link) = at.text() else { continue };
        let (target, alias) = link.split_once(':').unwrap_or((&link, &link));
        if alias != target {
            at.problem(format!(
                "links under another name are not supported yet; give '{target}' the alias '{alias}' under 'networks'"
            ));
        }
        if declared(&at, "service", target, context.services.iter().copied()) {
            dependencies.entry(target.to_owned()).or_insert(implied.clone());
        }
    }
}

//! Which images are to be pulled or built, and which one a reference means now.

use std::collections::{BTreeMap, BTreeSet};

use super::graph;
use super::input::{Inputs, PlanError, StartRequest};
use super::observed::Observed;
use super::operation::{Action, Cause, Operation, Plan, Target};
use crate::stack::model::{PullPolicy, Service, Stack};
pub use crate::stack::reference::normalise as normal_reference;

/// The ID of the image that a reference means on the engine now.
pub fn current_id<'a>(observed: &'a Observed, reference: &str) -> Option<&'a str> {
    let wanted = normal_reference(reference);
    if let Some(id) = observed.images.get(&wanted).or_else(|| observed.images.get(reference)) {
        return Some(id);
    }
    // By the ID itself, whole or short.
    let hex = reference.strip_prefix("sha256:").unwrap_or(reference);
    let is_hex = hex.len() >= 12 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let by_id = |id: &&String| is_hex && id.strip_prefix("sha256:").unwrap_or(id).starts_with(hex);
    observed.images.values().find(by_id).map(String::as_str)
}

/// The first step of a start: the images that are to be made anew though they are there, and those that are missing
/// under containers that are there. Empty for most starts; see the room's own words on why it is a step of its own.
pub fn images_plan(inputs: &Inputs<'_>, request: &StartRequest) -> Result<Plan, PlanError> {
    let services = selected(inputs, &request.named(), request.no_deps)?;
    let mut operations = Vec::new();
    for need in needs(inputs, &services, request)? {
        let has_containers = |service: &&&Service| {
            inputs.observed.containers.iter().any(|c| c.service == service.name && !c.oneoff)
        };
        let missing = need.cause == Cause::Missing;
        if !missing
            || services.iter().filter(|s| image_of(inputs, s) == need.image).any(|s| has_containers(&s))
        {
            operations.push(need.operation());
        }
    }
    Ok(Plan { operations, notes: Vec::new() })
}

/// Builds the images of these services (all, when none is named): `vv build`.
pub fn build_plan(
    inputs: &Inputs<'_>,
    services: &[String],
    no_cache: bool,
    pull: bool,
) -> Result<Plan, PlanError> {
    let mut operations: BTreeMap<String, Operation> = BTreeMap::new();
    let mut notes = Vec::new();
    for service in selected(inputs, services, true)? {
        let image = image_of(inputs, service);
        let target = Target::Image(image.clone());
        let action = match (&service.build, inputs.stubs.get(&service.name)) {
            (_, Some(stub)) if current_id(inputs.observed, &stub.image).is_none() => {
                Action::BuildStub { image: image.clone() }
            }
            (_, Some(_)) => {
                notes.push(format!("{}: its sources are missing, its stand-in is there", service.name));
                continue;
            }
            (Some(build), None) => {
                let mut build = build.clone();
                build.no_cache |= no_cache;
                build.pull |= pull;
                Action::BuildImage { image: image.clone(), build: Box::new(build) }
            }
            (None, None) if services.is_empty() => continue,
            (None, None) => {
                notes.push(format!("{}: nothing to build, its image is {image}", service.name));
                continue;
            }
        };
        operations.entry(image).or_insert(Operation {
            action,
            target,
            cause: Cause::Asked,
            after: Vec::new(),
        });
    }
    Ok(Plan { operations: operations.into_values().collect(), notes })
}

/// Pulls the images of these services (all, when none is named): `vv pull`.
pub fn pull_plan(inputs: &Inputs<'_>, services: &[String]) -> Result<Plan, PlanError> {
    let mut operations: BTreeMap<String, Operation> = BTreeMap::new();
    let mut notes = Vec::new();
    for service in selected(inputs, services, true)? {
        let image = image_of(inputs, service);
        let builds = |other: &Service| other.build.is_some() && other.image == service.image;
        if inputs.stack.services.values().any(builds) || inputs.stubs.contains_key(&service.name) {
            if !services.is_empty() {
                notes.push(format!("{}: its image is built here", service.name));
            }
            continue;
        }
        let action = Action::PullImage { image: image.clone(), platform: service.platform.clone() };
        let target = Target::Image(image.clone());
        operations.entry(image).or_insert(Operation {
            action,
            target,
            cause: Cause::Asked,
            after: Vec::new(),
        });
    }
    Ok(Plan { operations: operations.into_values().collect(), notes })
}

/// Who wants an image, for the words about one that can't be had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageUse {
    /// The services, in the stack's order.
    pub services: Vec<String>,
    /// The variable by which the stack takes another image.
    pub variable: Option<String>,
    /// Whether it is built here.
    pub built: bool,
}

/// Who wants each image of a stack.
pub fn uses(stack: &Stack) -> BTreeMap<String, ImageUse> {
    let mut uses: BTreeMap<String, ImageUse> = BTreeMap::new();
    for service in stack.services.values() {
        let wanted = uses.entry(service.image.clone()).or_default();
        wanted.services.push(service.name.clone());
        wanted.variable = wanted.variable.take().or_else(|| service.image_variable.clone());
        wanted.built |= service.build.is_some();
    }
    uses
}

impl ImageUse {
    /// `service a`, `services a, b`; nothing when nobody is known to want it.
    pub fn whose(&self) -> Option<String> {
        match self.services.as_slice() {
            [] => None,
            [one] => Some(format!("service {one}")),
            several => Some(format!("services {}", several.join(", "))),
        }
    }
}

/// The services of a request with what they depend on, in dependency order.
pub(super) fn selected<'a>(
    inputs: &Inputs<'a>,
    named: &[String],
    no_deps: bool,
) -> Result<Vec<&'a Service>, PlanError> {
    let order = graph::order(inputs.stack);
    if named.is_empty() {
        return Ok(order);
    }
    let services = named.iter().map(|name| inputs.service(name)).collect::<Result<Vec<_>, _>>()?;
    let chosen: BTreeSet<&str> = if no_deps {
        services.iter().map(|service| service.name.as_str()).collect()
    } else {
        graph::with_dependencies(inputs.stack, services)
    };
    Ok(order.into_iter().filter(|service| chosen.contains(service.name.as_str())).collect())
}

/// An image that is to be pulled or built.
#[derive(Debug, Clone)]
pub(super) struct Need {
    /// Its reference.
    pub image: String,
    action: Action,
    /// Missing, or Forced.
    pub cause: Cause,
}

impl Need {
    /// As an operation, which waits for nothing.
    pub fn operation(self) -> Operation {
        let target = Target::Image(self.image);
        Operation { action: self.action, target, cause: self.cause, after: Vec::new() }
    }
}

/// The reference that a service's containers are made from.
pub(super) fn image_of(inputs: &Inputs<'_>, service: &Service) -> String {
    inputs.stubs.get(&service.name).map_or_else(|| service.image.clone(), |stub| stub.image.clone())
}

/// The images that these services need pulled or built: missing ones, and those that the request or the file wants
/// made anew. One of each, in the order of the services.
pub(super) fn needs(
    inputs: &Inputs<'_>,
    services: &[&Service],
    request: &StartRequest,
) -> Result<Vec<Need>, PlanError> {
    let mut needs: Vec<Need> = Vec::new();
    let mut absent: Vec<&Service> = Vec::new();
    for service in services {
        match need(inputs, service, request) {
            Wanted::Need(need) if needs.iter().any(|other| other.image == need.image) => {}
            Wanted::Need(need) => needs.push(need),
            Wanted::Nothing => {}
            Wanted::Never => absent.push(service),
        }
    }
    if absent.is_empty() { Ok(needs) } else { Err(never(&absent)) }
}

/// Images that aren't there and may not be pulled.
fn never(services: &[&Service]) -> PlanError {
    let each = services.iter().map(|service| {
        format!(
            "service {}: the image {} isn't there, and its pull_policy is never",
            service.name, service.image
        )
    });
    let error = PlanError::new(each.collect::<Vec<_>>().join("; "));
    services.iter().fold(error, |error, service| {
        let error = error.hint(format!("docker pull {}", service.image));
        match &service.image_variable {
            Some(variable) => error.hint(format!("or set {variable} to one that is there")),
            None => error,
        }
    })
}

/// What a service needs of its image.
enum Wanted {
    Nothing,
    Need(Need),
    /// It isn't there, and there is no way to it.
    Never,
}

fn need(inputs: &Inputs<'_>, service: &Service, request: &StartRequest) -> Wanted {
    let image = image_of(inputs, service);
    let present = current_id(inputs.observed, &image).is_some();
    if inputs.stubs.contains_key(&service.name) {
        let action = Action::BuildStub { image: image.clone() };
        return match present {
            true => Wanted::Nothing,
            false => Wanted::Need(Need { image, action, cause: Cause::Missing }),
        };
    }
    let forced = |flag: &str| Cause::Forced { flag: flag.to_owned() };
    // Another service may be the one that builds the image that this one names.
    let builds = |other: &&Service| other.build.is_some() && other.image == service.image;
    let builder = service.build.is_some().then_some(service);
    let builder = builder.or_else(|| inputs.stack.services.values().find(builds));
    if let Some((builder, build)) = builder.and_then(|builder| Some((builder, builder.build.as_ref()?))) {
        let cause = match () {
            () if !present => Cause::Missing,
            () if request.build => forced("--build"),
            () if builder.pull_policy == PullPolicy::Build => forced("pull_policy: build"),
            () => return Wanted::Nothing,
        };
        let mut build = Box::new(build.clone());
        build.pull |= request.pull;
        return Wanted::Need(Need {
            action: Action::BuildImage { image: image.clone(), build },
            image,
            cause,
        });
    }
    let cause = match service.pull_policy {
        PullPolicy::Never if !present => return Wanted::Never,
        PullPolicy::Never => return Wanted::Nothing,
        _ if !present => Cause::Missing,
        PullPolicy::Always => forced("pull_policy: always"),
        _ if request.pull => forced("--pull"),
        _ => return Wanted::Nothing,
    };
    let action = Action::PullImage { image: image.clone(), platform: service.platform.clone() };
    Wanted::Need(Need { image, action, cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_normalised_as_the_engine_lists_them() {
        for (given, normal) in [
            ("redis", "redis:latest"),
            ("redis:7", "redis:7"),
            ("docker.io/library/redis:7", "redis:7"),
            ("docker.io/hashicorp/consul:1.16", "hashicorp/consul:1.16"),
            ("localhost:5000/web", "localhost:5000/web:latest"),
            ("quay.io/library/x", "quay.io/library/x:latest"),
            ("redis:7@sha256:abc", "redis@sha256:abc"),
        ] {
            assert_eq!(normal_reference(given), normal, "{given}");
        }
    }
}

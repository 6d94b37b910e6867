//! What depends on what among services.

use std::collections::BTreeSet;

use crate::stack::model::{Condition, Namespace, Service, Stack};

/// What a service needs of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge<'a> {
    /// The other service.
    pub to: &'a str,
    /// What must hold before this one starts.
    pub condition: Condition,
    /// Restart this one when the other is replaced or restarted.
    pub restart: bool,
    /// False: a failure is only a warning.
    pub required: bool,
    /// It lives in a namespace of the other, and has to be replaced with it.
    pub namespace: bool,
}

/// What a service needs of others, in the order of the file.
pub(super) fn edges(service: &Service) -> Vec<Edge<'_>> {
    let mut edges: Vec<Edge<'_>> = service
        .depends_on
        .iter()
        .map(|(name, dependency)| Edge {
            to: name,
            condition: dependency.condition,
            restart: dependency.restart,
            required: dependency.required,
            namespace: false,
        })
        .collect();
    for to in namespace_parents(service) {
        match edges.iter_mut().find(|edge| edge.to == to) {
            Some(edge) => edge.namespace = true,
            None => edges.push(Edge {
                to,
                condition: Condition::ServiceStarted,
                restart: false,
                required: true,
                namespace: true,
            }),
        }
    }
    edges
}

/// The services in whose namespaces this one lives.
pub(super) fn namespace_parents(service: &Service) -> impl Iterator<Item = &str> {
    [&service.network_mode, &service.ipc, &service.pid].into_iter().filter_map(|namespace| match namespace {
        Some(Namespace::Service(name)) => Some(name.as_str()),
        _ => None,
    })
}

/// Whether nobody but those that can do without it (`required: false`) is there to depend on a service: somebody does.
pub(super) fn is_optional<'a>(name: &str, dependents: impl IntoIterator<Item = &'a Service>) -> bool {
    let edges = dependents.into_iter().flat_map(edges).filter(|edge| edge.to == name);
    let needs: Vec<bool> = edges.map(|edge| edge.required || edge.namespace).collect();
    !needs.is_empty() && !needs.contains(&true)
}

/// Who can do without a service (`required: false`), where nobody else of the stack depends on it; otherwise nobody.
pub fn not_required_by<'a>(stack: &'a Stack, name: &str) -> Vec<&'a str> {
    if !is_optional(name, stack.services.values()) {
        return Vec::new();
    }
    let dependents = stack.services.values().filter(|other| edges(other).iter().any(|edge| edge.to == name));
    dependents.map(|other| other.name.as_str()).collect()
}

/// The active services, each after those it depends on; otherwise as in the file.
pub(super) fn order(stack: &Stack) -> Vec<&Service> {
    let mut placed = BTreeSet::new();
    let mut order = Vec::new();
    for service in stack.services.values() {
        place(stack, service, &mut placed, &mut order);
    }
    order
}

fn place<'a>(
    stack: &'a Stack,
    service: &'a Service,
    placed: &mut BTreeSet<&'a str>,
    order: &mut Vec<&'a Service>,
) {
    // The loader refuses cycles; here one would only break the order.
    if !placed.insert(&service.name) {
        return;
    }
    for edge in edges(service) {
        if let Some(dependency) = stack.services.get(edge.to) {
            place(stack, dependency, placed, order);
        }
    }
    order.push(service);
}

/// These services and all they depend on.
pub(super) fn with_dependencies<'a>(
    stack: &'a Stack,
    services: impl IntoIterator<Item = &'a Service>,
) -> BTreeSet<&'a str> {
    let mut all = BTreeSet::new();
    for service in services {
        place(stack, service, &mut all, &mut Vec::new());
    }
    all
}

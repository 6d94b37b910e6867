//! Replicas in the place of services: a declared target whose host is a service of the stack becomes one target for each
//! of its replicas. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::declaration::{Balanced, Declaration, Entity, To};

/// Puts the replicas in. `replicas`: the host names of each service's replicas; a service that has none just now is in
/// it with an empty list, and what isn't in it is no service.
///
/// What is made has the weight, the tags and the places of what was declared, and no id: that could be only one's. The
/// host of Kong's own services is left alone: to those, a service's name is an address as good as any.
pub fn expand(declaration: &mut Declaration, replicas: &BTreeMap<String, Vec<String>>) {
    let mut entities = Vec::with_capacity(declaration.entities.len());
    // Where each entity comes to stand; nothing for one that is replaced.
    let mut moved = Vec::with_capacity(declaration.entities.len());
    for entity in std::mem::take(&mut declaration.entities) {
        let Some((service, port)) = service_of(&entity, replicas) else {
            moved.push(Some(entities.len()));
            entities.push(entity);
            continue;
        };
        moved.push(None);
        if let Some(upstream) = entity.refers.get("upstream") {
            let balanced = Balanced { upstream: upstream.to.clone(), service: service.clone() };
            if !declaration.balanced.contains(&balanced) {
                declaration.balanced.push(balanced);
            }
        }
        let hosts = replicas.get(&service).into_iter().flatten();
        entities.extend(hosts.map(|host| stand_in(&entity, &service, &format!("{host}:{port}"))));
    }
    let references =
        entities.iter_mut().flat_map(|entity| entity.refers.values_mut()).map(|other| &mut other.to);
    for to in references.chain(declaration.balanced.iter_mut().map(|balanced| &mut balanced.upstream)) {
        if let To::Declared(index) = to
            && let Some(Some(new)) = moved.get(*index)
        {
            *index = *new;
        }
    }
    declaration.entities = entities;
}

/// The service that a target names, and its port.
fn service_of(entity: &Entity, replicas: &BTreeMap<String, Vec<String>>) -> Option<(String, String)> {
    // One that stands for a replica already isn't one to expand.
    if entity.kind.name() != "targets" || entity.service.is_some() {
        return None;
    }
    let (host, port) = entity.fields.get("target")?.as_str()?.rsplit_once(':')?;
    replicas.contains_key(host).then(|| (host.to_owned(), port.to_owned()))
}

fn stand_in(declared: &Entity, service: &str, target: &str) -> Entity {
    let mut entity = declared.clone();
    let before = declared.fields.get("target").and_then(Value::as_str).unwrap_or_default();
    entity.label = declared.label.replacen(before, target, 1);
    entity.fields.insert("target".to_owned(), target.into());
    entity.id = None;
    entity.service = Some(service.to_owned());
    entity
}

/// The services, of these, whose replicas are targets.
pub fn services<'a>(declaration: &Declaration, among: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let among: BTreeMap<String, Vec<String>> =
        among.into_iter().map(|name| (name.to_owned(), Vec::new())).collect();
    let named = declaration.entities.iter().filter_map(|entity| service_of(entity, &among));
    named.map(|(service, _)| service).collect()
}

/// Whether this host is one of a replica of the service, as containers are named: `<project>-<service>-<number>`.
pub fn is_replica(host: &str, project: &str, service: &str) -> bool {
    let number = host.strip_prefix(project).and_then(|rest| rest.strip_prefix('-'));
    let number = number.and_then(|rest| rest.strip_prefix(service)).and_then(|rest| rest.strip_prefix('-'));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::read::tests::{declaration, told};

    const TEXT: &str = "
plugins: [{name: cors, service: o}]
upstreams:
  - name: orders
    targets:
      - {target: 'orders:8001', weight: 20, tags: [blue], id: cccccccc-0000-4000-8000-000000000020}
      - {target: 'elsewhere.test:80'}
      - {target: 'users:8002'}
  - {name: idle, targets: [{target: 'idle:80'}, {target: 'idle:81'}]}
services: [{name: o, host: orders, client_certificate: null, routes: [{name: r, paths: [/o]}]}, {name: direct, host: users}]
";

    fn replicas() -> BTreeMap<String, Vec<String>> {
        let of = |service: &str, count: usize| {
            let hosts = (1..=count).map(|number| format!("shop-{service}-{number}")).collect();
            (service.to_owned(), hosts)
        };
        [of("orders", 2), of("users", 1), of("idle", 0), of("other", 3)].into()
    }

    #[test]
    fn a_target_that_names_a_service_becomes_its_replicas() {
        let mut read = declaration(TEXT);
        expand(&mut read, &replicas());
        let services = read.entities.iter().filter_map(|entity| entity.service.as_deref());
        assert_eq!(services.collect::<Vec<_>>(), ["orders", "orders", "users"]);
        insta::assert_snapshot!(told(&read));
        insta::assert_snapshot!(format!("{:?}", read.balanced));
        assert_eq!(read.entities[2].mark_of("weight").to_string(), "kong.yml:7:41");
        // What is expanded stays.
        let before = told(&read);
        let hosts = [("shop-orders-1".to_owned(), vec!["x".to_owned()])].into();
        expand(&mut read, &hosts);
        assert_eq!(told(&read), before);
    }

    #[test]
    fn a_replica_is_told_by_its_host() {
        for (host, wanted) in [
            ("shop-orders-1", true),
            ("shop-orders-12", true),
            ("shop-orders-", false),
            ("shop-orders-1a", false),
            ("shop-orders", false),
            ("orders", false),
            ("shop-orders-api-1", false),
            ("other-orders-1", false),
            ("shop-orders-1.test", false),
        ] {
            assert_eq!(is_replica(host, "shop", "orders"), wanted, "{host}");
        }
    }
}

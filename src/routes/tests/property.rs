//! Whatever is declared and whatever the gateway holds: one run makes the one the other, and takes nothing from others.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use vv_stand_ins::kong;
use vv_stand_ins::kong::state::Entities;

use crate::routes::declaration::{Declaration, To};
use crate::routes::plan::{Options, RoutePlan};
use crate::routes::testing::{Running, came_of, options, read, told};

/// What may be declared, or held: few names, few ids, so that they meet.
#[derive(Debug, Clone, Default)]
struct World {
    /// By name: host, retries, id.
    services: BTreeMap<u8, (u8, u8, Option<u8>)>,
    /// By name: service, path, id, protocol ([`protocols`]).
    routes: BTreeMap<u8, (Option<u8>, u8, Option<u8>, u8)>,
    /// Routes without a name, by path: strip_path.
    unnamed: BTreeMap<u8, bool>,
    /// By name and place: minute.
    plugins: BTreeMap<(u8, u8), u8>,
    /// By name: custom_id, id.
    consumers: BTreeMap<u8, (Option<u8>, Option<u8>)>,
    /// By key: consumer.
    keys: BTreeMap<u8, u8>,
    /// By consumer and group.
    groups: BTreeSet<(u8, u8)>,
    /// Passwords, by consumer.
    passwords: BTreeMap<u8, u8>,
    /// By name: slots.
    upstreams: BTreeMap<u8, u8>,
    /// By upstream and address: weight.
    targets: BTreeMap<(u8, u8), u8>,
}

fn world() -> impl Strategy<Value = World> {
    let http = (
        btree_map(0..4u8, (0..2u8, 4..6u8, option::weighted(0.4, 0..4u8)), 0..4),
        btree_map(0..4u8, (option::of(0..4u8), 0..3u8, option::weighted(0.4, 0..4u8), 0..4u8), 0..4),
        btree_map(0..2u8, any::<bool>(), 0..2),
        btree_map((0..2u8, 0..9u8), 1..3u8, 0..5),
    );
    let people = (
        btree_map(0..3u8, (option::of(0..3u8), option::weighted(0.4, 0..3u8)), 0..3),
        btree_map(0..3u8, 0..3u8, 0..3),
        btree_set((0..3u8, 0..2u8), 0..3),
        btree_map(0..3u8, 0..2u8, 0..3),
    );
    let upstreams = (btree_map(0..2u8, 10..12u8, 0..2), btree_map((0..2u8, 0..3u8), 0..2u8, 0..4));
    (http, people, upstreams).prop_map(
        |(
            (services, routes, unnamed, plugins),
            (consumers, keys, groups, passwords),
            (upstreams, targets),
        )| {
            World {
                services,
                routes,
                unnamed,
                plugins,
                consumers,
                keys,
                groups,
                passwords,
                upstreams,
                targets,
            }
            .valid()
        },
    )
}

/// The protocol of a route and what it matches on. Half of the names are those of streams: a plugin of HTTP can't be on
/// one of these, also on the way from the one to the other.
fn protocols(name: u8, protocol: u8, path: u8) -> Value {
    let (paths, snis) = (json!([format!("/p{path}")]), json!([format!("p{path}.test")]));
    match (is_stream(name), protocol) {
        (false, 0) => json!({"paths": paths}),
        (false, 1) => json!({"protocols": ["https"], "paths": paths}),
        (false, 2) => json!({"protocols": ["grpc"], "paths": paths}),
        (false, _) => json!({"protocols": ["grpcs"], "paths": paths}),
        (true, 0) => json!({"protocols": ["tls"], "snis": snis}),
        (true, 1) => json!({"protocols": ["tls_passthrough"], "snis": snis}),
        (true, protocol) => json!({
            "protocols": [if protocol == 2 { "tcp" } else { "udp" }],
            "destinations": [{"ip": "10.0.0.1", "port": 9000 + u32::from(path)}],
        }),
    }
}

fn is_stream(route: u8) -> bool {
    route >= 2
}

fn id(kind: u8, number: u8) -> String {
    format!("{kind:08}-0000-4000-8000-{number:012}")
}

impl World {
    /// Without what no file may have: the same id or custom_id twice, what belongs to nobody.
    fn valid(mut self) -> Self {
        fn once(ids: impl Iterator<Item = Option<u8>>) -> Vec<Option<u8>> {
            let mut seen = BTreeSet::new();
            ids.map(|id| id.filter(|id| seen.insert(*id))).collect()
        }
        let ids = once(self.services.values().map(|one| one.2));
        self.services.values_mut().zip(ids).for_each(|(one, id)| one.2 = id);
        let ids = once(self.routes.values().map(|one| one.2));
        self.routes.values_mut().zip(ids).for_each(|(one, id)| one.2 = id);
        let ids = once(self.consumers.values().map(|one| one.1));
        self.consumers.values_mut().zip(ids).for_each(|(one, id)| one.1 = id);
        let customs = once(self.consumers.values().map(|one| one.0));
        self.consumers.values_mut().zip(customs).for_each(|(one, id)| one.0 = id);
        let Self { services, routes, consumers, upstreams, .. } = &self;
        let (services, routes) = (services.clone(), routes.clone());
        let (consumers, upstreams) = (consumers.clone(), upstreams.clone());
        self.routes
            .values_mut()
            .for_each(|one| one.0 = one.0.filter(|service| services.contains_key(service)));
        self.plugins.retain(|(_, place), _| match place {
            0 => true,
            1..=4 => services.contains_key(&(place - 1)),
            _ => routes.contains_key(&(place - 5)) && !is_stream(place - 5),
        });
        self.keys.retain(|_, consumer| consumers.contains_key(consumer));
        self.groups.retain(|(consumer, _)| consumers.contains_key(consumer));
        self.passwords.retain(|consumer, _| consumers.contains_key(consumer));
        self.targets.retain(|(upstream, _), _| upstreams.contains_key(upstream));
        self
    }

    /// Its entities, by the lists of a declarative file; what is referred to comes first.
    fn entities(&self) -> Vec<(&'static str, Value)> {
        let mut all = Vec::new();
        let with = |mut entity: Value, kind: u8, number: Option<u8>| {
            if let Some(number) = number {
                entity["id"] = id(kind, number).into();
            }
            entity
        };
        for (name, (host, retries, id)) in &self.services {
            all.push((
                "services",
                with(
                    json!({"name": format!("s{name}"), "host": format!("h{host}"), "retries": retries}),
                    1,
                    *id,
                ),
            ));
        }
        for (name, (service, path, id, protocol)) in &self.routes {
            let mut route = protocols(*name, *protocol, *path);
            route["name"] = format!("r{name}").into();
            let id = &id.map(|id| if is_stream(*name) { id + 4 } else { id });
            if let Some(service) = service {
                route["service"] = json!({"name": format!("s{service}")});
            }
            all.push(("routes", with(route, 2, *id)));
        }
        for (path, strip) in &self.unnamed {
            all.push(("routes", json!({"paths": [format!("/unnamed{path}")], "strip_path": strip})));
        }
        for (name, (custom, id)) in &self.consumers {
            let mut consumer = json!({"username": format!("c{name}")});
            if let Some(custom) = custom {
                consumer["custom_id"] = format!("x{custom}").into();
            }
            all.push(("consumers", with(consumer, 3, *id)));
        }
        let of = |consumer: &u8| json!({"username": format!("c{consumer}")});
        for (key, consumer) in &self.keys {
            all.push((
                "keyauth_credentials",
                json!({"key": format!("made-up-key-{key}"), "consumer": of(consumer)}),
            ));
        }
        for (consumer, group) in &self.groups {
            all.push(("acls", json!({"group": format!("g{group}"), "consumer": of(consumer)})));
        }
        for (consumer, password) in &self.passwords {
            all.push(("basicauth_credentials", json!({"username": format!("b{consumer}"), "password": format!("made-up-pw-{password}"), "consumer": of(consumer)})));
        }
        for (name, slots) in &self.upstreams {
            all.push(("upstreams", json!({"name": format!("u{name}"), "slots": slots})));
        }
        for ((upstream, address), weight) in &self.targets {
            all.push(("targets", json!({"target": format!("10.0.0.{address}:80"), "weight": weight, "upstream": {"name": format!("u{upstream}")}})));
        }
        for ((name, place), minute) in &self.plugins {
            let mut plugin = match name {
                0 => json!({"name": "rate-limiting", "config": {"minute": minute, "policy": "local"}}),
                _ => json!({"name": "cors", "config": {"max_age": minute}}),
            };
            match place {
                0 => {}
                1..=4 => plugin["service"] = json!({"name": format!("s{}", place - 1)}),
                _ => plugin["route"] = json!({"name": format!("r{}", place - 5)}),
            }
            all.push(("plugins", plugin));
        }
        all
    }

    fn declaration(&self) -> Declaration {
        let mut document = Map::new();
        for (kind, entity) in self.entities() {
            let list = document.entry(kind).or_insert_with(|| json!([]));
            list.as_array_mut().unwrap().push(entity);
        }
        for kind in ["services", "routes", "plugins", "consumers", "upstreams"] {
            document.entry(kind).or_insert_with(|| json!([]));
        }
        read(&serde_yaml::to_string(&document).unwrap(), &[]).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Makes these entities, each with an owner's tags; what Kong refuses isn't there.
async fn hold(gateway: &Running, held: &[(&'static str, Value)], owners: &[u8]) {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for (number, (kind, entity)) in held.iter().enumerate() {
        let mut entity = entity.clone();
        let owner = owners.get(number % owners.len().max(1)).copied().unwrap_or_default();
        match owner {
            0 => entity["tags"] = json!(["vv:demo"]),
            1 => {}
            _ => entity["tags"] = json!(["vv:other", "team"]),
        }
        let path = match *kind {
            "keyauth_credentials" => "key-auths".to_owned(),
            "basicauth_credentials" => "basic-auths".to_owned(),
            "targets" => format!("upstreams/{}/targets", entity["upstream"]["name"].as_str().unwrap()),
            kind => kind.to_owned(),
        };
        if *kind == "targets" {
            entity.as_object_mut().unwrap().remove("upstream");
        }
        let _ = taken.insert(path.clone());
        let request =
            crate::routes::admin::Request { method: reqwest::Method::POST, path, body: Some(entity) };
        let end = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        gateway.admin.ask(&request, end).await.unwrap();
    }
}

/// What isn't this stack's.
fn of_others(held: &Entities) -> BTreeMap<String, Value> {
    let entities = held.values().flatten();
    let own = |entity: &Map<String, Value>| {
        entity.get("tags").and_then(Value::as_array).is_some_and(|tags| tags.contains(&json!("vv:demo")))
    };
    entities
        .filter(|(_, entity)| !own(entity))
        .map(|(id, entity)| (id.clone(), Value::Object(entity.clone())))
        .collect()
}

/// The declared entities that the gateway doesn't hold as declared, by a look of its own.
fn missing(declaration: &Declaration, held: &Entities, plan: &RoutePlan) -> Vec<String> {
    let name = |entity: &Map<String, Value>| {
        ["name", "username"].iter().find_map(|field| entity.get(*field).cloned()).unwrap_or_default()
    };
    let holds = |number: usize| {
        let entity = &declaration.entities[number];
        held.get(entity.kind.name()).into_iter().flat_map(BTreeMap::values).any(|live| {
            let fields =
                entity.fields.iter().filter(|(field, _)| *field != "password").all(|(field, value)| {
                    match value {
                        Value::Object(config) => {
                            config.iter().all(|(field_of, value)| live[field][field_of] == *value)
                        }
                        value => live[field] == *value,
                    }
                });
            let refers = entity.refers.iter().all(|(field, reference)| {
                let To::Declared(parent) = reference.to else { return false };
                let parent = &declaration.entities[parent];
                let to = live[field]["id"].as_str().and_then(|id| held[parent.kind.name()].get(id));
                to.is_some_and(|to| name(to) == name(&parent.fields))
            });
            let ids = entity.id.as_ref().is_none_or(|id| live["id"] == **id);
            fields && refers && ids
        })
    };
    let impossible: BTreeSet<&str> = plan.impossible.iter().map(|one| one.label.as_str()).collect();
    let numbers = (0..declaration.entities.len())
        .filter(|number| !impossible.contains(declaration.entities[*number].label.as_str()));
    numbers
        .filter(|number| !holds(*number))
        .map(|number| declaration.entities[number].label.clone())
        .collect()
}

async fn check(declared: World, held: World, owners: Vec<u8>) {
    let declaration = declared.declaration();
    let gateway = Running::start();
    hold(&gateway, &held.entities(), &owners).await;
    let before = of_others(&gateway.kong.entities());
    let (plan, applied) = gateway.run(&declaration, &options()).await;
    let shown = || format!("{}\n--\n{}", told(&plan), came_of(&applied));
    assert_eq!(applied.failure(), None, "{}", shown());
    assert_eq!(of_others(&gateway.kong.entities()), before, "{}", shown());
    assert_eq!(missing(&declaration, &gateway.kong.entities(), &plan), Vec::<String>::new(), "{}", shown());
    gateway.kong.forget_journal();
    let (again, _) = gateway.run(&declaration, &options()).await;
    assert!(again.changes.is_empty(), "{}\n--\n{}", shown(), told(&again));
    assert_eq!(gateway.kong.writes(), [], "{}", told(&again));
    let prune = Options { prune: true, ..options() };
    let (pruned, applied) = gateway.run(&declaration, &prune).await;
    let shown = || format!("{}\n--\n{}\n--\n{}", shown(), told(&pruned), came_of(&applied));
    assert_eq!(applied.failure(), None, "{}", shown());
    assert_eq!(of_others(&gateway.kong.entities()), before, "{}", shown());
    let (again, _) = gateway.run(&declaration, &prune).await;
    assert!(again.changes.is_empty(), "{}\n--\n{}", shown(), told(&again));
    let foreign = !again.impossible.is_empty() || again.undeclared.iter().any(|one| one.kept.is_some());
    if !foreign {
        assert!(again.is_settled() && again.undeclared.is_empty(), "{}\n--\n{}", shown(), told(&again));
        let held: usize = gateway.kong.entities().values().map(BTreeMap::len).sum();
        assert!(held - before.len() <= declaration.entities.len(), "{}", shown());
    }
    assert_eq!(missing(&declaration, &gateway.kong.entities(), &again), Vec::<String>::new(), "{}", shown());
}

/// The same without a database, where the whole is replaced.
async fn check_pushed(declared: World, held: World) {
    let (declaration, before) = (declared.declaration(), held.declaration());
    let gateway = Running::with(kong::Options { database: false, ..kong::Options::default() });
    let prune = Options { prune: true, ..options() };
    let (plan, applied) = gateway.run(&before, &prune).await;
    assert_eq!(applied.failure(), None, "{}\n--\n{}", told(&plan), came_of(&applied));
    let was = gateway.kong.entities();
    assert_eq!(missing(&before, &was, &plan), Vec::<String>::new(), "{}", told(&plan));
    gateway.kong.forget_journal();
    let (plan, applied) = gateway.run(&declaration, &options()).await;
    if plan.blocked.is_some() {
        assert_eq!(gateway.kong.entities(), was);
        assert_eq!(gateway.kong.writes(), []);
    } else {
        assert_eq!(applied.failure(), None, "{}\n--\n{}", told(&plan), came_of(&applied));
    }
    let (plan, applied) = gateway.run(&declaration, &prune).await;
    assert_eq!(applied.failure(), None, "{}\n--\n{}", told(&plan), came_of(&applied));
    let held = gateway.kong.entities();
    assert_eq!(missing(&declaration, &held, &plan), Vec::<String>::new(), "{}", told(&plan));
    assert_eq!(held.values().map(BTreeMap::len).sum::<usize>(), declaration.entities.len());
    gateway.kong.forget_journal();
    let (plan, _) = gateway.run(&declaration, &options()).await;
    assert!(plan.is_settled() && plan.undeclared.is_empty(), "{}", told(&plan));
    assert_eq!(gateway.kong.writes(), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_run_makes_it_so(declared in world(), held in world(), owners in proptest::collection::vec(0..3u8, 1..6)) {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(check(declared, held, owners));
    }

    #[test]
    fn one_push_makes_it_so(declared in world(), held in world()) {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(check_pushed(declared, held));
    }

    /// With nobody else's there, nothing is impossible but what ids and names that are crossed make so.
    #[test]
    fn alone_everything_is_as_declared(declared in world(), held in world()) {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(check(declared, held, vec![0]));
    }
}

//! What the gateway holds, so that it can be looked up.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::identity;
use crate::routes::gateway::Gateway;
use crate::routes::kind::Kind;
use crate::routes::schema::Schema;
use crate::routes::{PROBE, owner_tag};

/// One entity of the gateway.
pub(super) type Entity = Map<String, Value>;

/// What the gateway holds.
pub(super) struct Live<'a> {
    gateway: &'a Gateway,
    tag: String,
    by_id: BTreeMap<&'a Kind, HashMap<&'a str, &'a Entity>>,
    by_key: BTreeMap<&'a Kind, HashMap<String, Vec<&'a Entity>>>,
    by_unique: BTreeMap<&'a Kind, HashMap<String, &'a Entity>>,
    /// By the id of what is referred to: who does.
    referring: HashMap<&'a str, Vec<(&'a Kind, &'a Entity)>>,
    /// What others need, directly or through what they need: it can't be deleted.
    needed: BTreeSet<&'a str>,
}

/// Whose an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// This stack's.
    Own,
    /// Somebody else's, or nobody's.
    Foreign,
    /// vv's own probe.
    Probe,
}

impl<'a> Live<'a> {
    pub fn of(gateway: &'a Gateway, owner: &str) -> Self {
        let mut live = Self {
            gateway,
            tag: owner_tag(owner),
            by_id: BTreeMap::new(),
            by_key: BTreeMap::new(),
            by_unique: BTreeMap::new(),
            referring: HashMap::new(),
            needed: BTreeSet::new(),
        };
        for (kind, entities) in &gateway.entities {
            let plain = Schema::in_gateway(gateway, kind, None).unwrap_or_default();
            for entity in entities {
                let Some(id) = id(entity) else { continue };
                for value in entity.values() {
                    if let Some(to) = value.get("id").and_then(Value::as_str) {
                        live.referring.entry(to).or_default().push((kind, entity));
                    }
                }
                live.by_id.entry(kind).or_default().insert(id, entity);
                if live.whose(entity) == Whose::Probe {
                    continue;
                }
                for key in identity::looked_for_by(kind, &plain, entity) {
                    live.by_key.entry(kind).or_default().entry(key).or_default().push(entity);
                }
                for key in identity::unique(kind, &plain, entity) {
                    live.by_unique.entry(kind).or_default().insert(key.text, entity);
                }
            }
        }
        live.needed = live.needed_by_others();
        live
    }

    fn needed_by_others(&self) -> BTreeSet<&'a str> {
        let mut needed = BTreeSet::new();
        let mut next: Vec<&'a Entity> = self
            .all()
            .map(|(_, entity)| entity)
            .filter(|entity| self.whose(entity) == Whose::Foreign)
            .collect();
        while let Some(entity) = next.pop() {
            for to in referred(entity) {
                if needed.insert(to) {
                    next.extend(self.by_id.values().filter_map(|of_kind| of_kind.get(to).copied()));
                }
            }
        }
        needed
    }

    /// Whether others need it: it can't be deleted.
    pub fn is_needed(&self, id: &str) -> bool {
        self.needed.contains(id)
    }

    /// All of a type, in the gateway's order.
    pub fn all(&self) -> impl Iterator<Item = (&'a Kind, &'a Entity)> + use<'a> {
        self.gateway.entities.iter().flat_map(|(kind, entities)| entities.iter().map(move |one| (kind, one)))
    }

    pub fn by_id(&self, kind: &Kind, id: &str) -> Option<&'a Entity> {
        self.by_id.get(kind)?.get(id).copied()
    }

    /// The one by this key that nobody has claimed yet: one's own first.
    pub fn by_key(&self, kind: &Kind, key: &str, claimed: &BTreeSet<String>) -> Option<&'a Entity> {
        let found = self.by_key.get(kind)?.get(key)?.iter();
        let free = found.filter(|entity| id(entity).is_some_and(|id| !claimed.contains(id)));
        free.min_by_key(|entity| (self.whose(entity) != Whose::Own, id(entity))).copied()
    }

    /// The one that has this key, which no two have.
    pub fn by_unique(&self, kind: &Kind, key: &str) -> Option<&'a Entity> {
        self.by_unique.get(kind)?.get(key).copied()
    }

    /// By a name, as references give it: any of the fields that it is named by.
    pub fn by_name(&self, kind: &Kind, name: &str) -> Option<&'a Entity> {
        let named_by: &[&str] = kind.facts().map_or(&["name"], |facts| facts.named_by);
        let entities = self.gateway.entities.get(kind)?;
        named_by.iter().find_map(|field| {
            entities.iter().find(|entity| entity.get(*field).is_some_and(|value| value == name))
        })
    }

    /// The names of a type, for suggestions.
    pub fn names(&self, kind: &Kind) -> impl Iterator<Item = &'a str> + use<'a> {
        let field = kind.facts().and_then(|facts| facts.named_by.first().copied()).unwrap_or("name");
        let entities = self.gateway.entities.get(kind).into_iter().flatten();
        entities.filter_map(move |entity| entity.get(field).and_then(Value::as_str))
    }

    /// Who refers to it.
    pub fn referring(&self, id: &str) -> &[(&'a Kind, &'a Entity)] {
        self.referring.get(id).map_or(&[], Vec::as_slice)
    }

    /// Whose it is. Without a database nobody owns anything: the configuration is replaced as a whole.
    pub fn whose(&self, entity: &Entity) -> Whose {
        let has = |tag: &str| {
            let tags = entity.get("tags").and_then(Value::as_array);
            tags.is_some_and(|tags| tags.iter().any(|one| one == tag))
        };
        match () {
            () if has(PROBE) => Whose::Probe,
            () if !self.gateway.database || has(&self.tag) => Whose::Own,
            () => Whose::Foreign,
        }
    }

    /// What it is called: `route orders`, `plugin jwt of route orders`. Never a secret.
    pub fn label(&self, kind: &Kind, entity: &Entity) -> String {
        let text = |field: &str| entity.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        let short = || id(entity).map(|id| id.get(..8).unwrap_or(id)).unwrap_or_default();
        let facts = kind.facts();
        let name = match facts {
            Some(facts) if facts.secret_name => None,
            Some(facts) if facts.named_by.is_empty() => text("name"),
            Some(facts) => facts.named_by.iter().find_map(|field| text(field)),
            None => text("name"),
        };
        let mut label = format!("{} {}", kind.one(), name.unwrap_or_else(short));
        let fields: Vec<(&str, &str)> = match kind.name() {
            "plugins" => identity::SCOPE.iter().map(|field| (*field, plural(field))).collect(),
            "snis" => Vec::new(),
            _ => facts.and_then(|facts| facts.owner).into_iter().collect(),
        };
        for (field, of) in fields {
            let to = identity::reference(entity, field);
            if !to.is_empty() {
                let of = Kind::of(of);
                let parent = self.by_id(&of, to).map(|parent| self.label(&of, parent));
                label.push_str(&format!(" of {}", parent.unwrap_or_else(|| format!("{} {to}", of.one()))));
            }
        }
        label
    }
}

/// The type that a plugin's field refers to.
fn plural(field: &str) -> &'static str {
    match field {
        "service" => "services",
        "route" => "routes",
        "consumer" => "consumers",
        _ => "consumer_groups",
    }
}

/// An entity's id.
pub(super) fn id(entity: &Entity) -> Option<&str> {
    entity.get("id").and_then(Value::as_str)
}

/// The ids that an entity refers to.
pub(super) fn referred(entity: &Entity) -> impl Iterator<Item = &str> {
    entity.values().filter_map(|value| value.get("id").and_then(Value::as_str))
}

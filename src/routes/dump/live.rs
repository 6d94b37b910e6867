//! What a gateway holds, with what belongs to what.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::{Options, list_of};
use crate::routes::PROBE;
use crate::routes::gateway::Gateway;
use crate::routes::kind::Kind;
use crate::routes::read::names::is_own_tag;
use crate::routes::read::shape::{Shape, names_of, one_field};
use crate::routes::schema::{Holds, Schema};

/// Everything that is written.
pub struct Live<'g> {
    /// Without vv's probes.
    pub items: Vec<Item<'g>>,
    by_id: HashMap<(Kind, &'g str), usize>,
    /// By the number of what they are written in.
    within: HashMap<usize, Vec<usize>>,
    /// There are passwords in it that the gateway hashed.
    pub keeps_hashes: bool,
}

/// An entity.
pub struct Item<'g> {
    /// Its type.
    pub kind: Kind,
    /// As the Admin API shows it.
    pub live: &'g Map<String, Value>,
    /// Its type's schema; nothing where the gateway didn't tell it.
    pub schema: Option<Schema>,
    /// What it refers to, by field: the type and the id.
    pub refers: BTreeMap<String, (Kind, String)>,
    /// The number of the entity that it is written in, and the field that refers to that.
    pub parent: Option<(usize, &'static str)>,
    /// Nothing else tells it apart, or what refers to it has no other way.
    pub keeps_id: bool,
}

impl<'g> Live<'g> {
    /// What is written of a gateway.
    pub fn of(gateway: &'g Gateway, options: &Options) -> Self {
        let mut items: Vec<Item<'g>> = Vec::new();
        let mut schemas = HashMap::new();
        for (kind, entities) in &gateway.entities {
            for live in entities {
                let plugin = live.get("name").and_then(Value::as_str).filter(|_| kind.name() == "plugins");
                let schema = schemas.entry((kind, plugin));
                let schema = schema.or_insert_with(|| Schema::in_gateway(gateway, kind, plugin)).clone();
                items.push(Item::of(kind, live, schema));
            }
        }
        without_probes(&mut items);
        let mut by_id = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let live: &'g Map<String, Value> = item.live;
            if let Some(id) = live.get("id").and_then(Value::as_str) {
                by_id.insert((item.kind.clone(), id), index);
            }
        }
        let keeps_hashes =
            options.secrets && items.iter().any(|item| item.kind.name() == "basicauth_credentials");
        let mut live = Self { items, by_id, within: HashMap::new(), keeps_hashes };
        live.nest();
        live.keep_ids();
        live
    }

    /// The entity of this type with this id.
    pub fn find(&self, kind: &Kind, id: &str) -> Option<usize> {
        self.by_id.get(&(kind.clone(), id)).copied()
    }

    /// What belongs to one entity alone stands in it.
    fn nest(&mut self) {
        for index in 0..self.items.len() {
            let item = &self.items[index];
            let mut refers = item.refers.iter().filter(|(field, _)| *field != "client_certificate");
            let (Some((field, (kind, id))), None) = (refers.next(), refers.next()) else { continue };
            let Some(parent) = self.find(kind, id).filter(|parent| *parent != index) else { continue };
            let back =
                Shape::of(kind).nested.iter().find(|nested| nested.back == field).map(|nested| nested.back);
            if list_of(&item.kind, kind, field).is_some() {
                self.items[index].parent = back.map(|back| (parent, back));
                self.within.entry(parent).or_default().push(index);
            }
        }
    }

    fn keep_ids(&mut self) {
        let mut kept: BTreeSet<usize> = BTreeSet::new();
        let mut certificates: HashMap<(&Kind, &str), usize> = HashMap::new();
        for (index, item) in self.items.iter().enumerate() {
            match item.kind.name() {
                "plugins" => {}
                "certificates" | "ca_certificates" => {
                    let cert = item.live.get("cert").and_then(Value::as_str).unwrap_or_default();
                    if let Some(first) = certificates.insert((&item.kind, cert.trim()), index) {
                        kept.extend([first, index]);
                    }
                }
                "consumers" if self.keeps_hashes => {
                    let within = self.within.get(&index).into_iter().flatten();
                    let mut within = within.map(|child| self.items[*child].kind.name());
                    if item.name().is_none() || within.any(|kind| kind == "basicauth_credentials") {
                        kept.insert(index);
                    }
                }
                _ => {
                    if item.name().is_none() {
                        kept.insert(index);
                    }
                }
            }
            let by_field = item
                .refers
                .iter()
                .filter(|(field, _)| item.parent.is_none_or(|(_, back)| back != field.as_str()));
            for (_, (kind, id)) in by_field {
                let other = self.find(kind, id);
                kept.extend(other.filter(|other| self.items[*other].name().is_none()));
            }
            // Services name their CA certificates in a plain list.
            let authorities =
                item.live.get("ca_certificates").and_then(Value::as_array).into_iter().flatten();
            let authorities = authorities.filter_map(Value::as_str);
            kept.extend(authorities.filter_map(|id| self.find(&Kind::of("ca_certificates"), id)));
        }
        for index in kept {
            self.items[index].keeps_id = true;
        }
    }

    /// The lists in an entity, in the order of its type, each sorted.
    pub fn children(&self, index: usize) -> Vec<(&'static str, Vec<usize>)> {
        let mut lists: Vec<(&'static str, Vec<usize>)> = Vec::new();
        for nested in Shape::of(&self.items[index].kind).nested {
            let is_in = |item: &Item<'_>| {
                item.kind.name() == nested.kind && item.parent == Some((index, nested.back))
            };
            let within = self.within.get(&index).into_iter().flatten().copied();
            let mut children: Vec<usize> = within.filter(|child| is_in(&self.items[*child])).collect();
            children.sort_by(|one, other| self.items[*one].sort_key().cmp(&self.items[*other].sort_key()));
            if !children.is_empty() {
                lists.push((nested.key, children));
            }
        }
        lists
    }

    /// What an entity is about, for the variables in it.
    pub fn about(&self, index: usize) -> About {
        let item = &self.items[index];
        let parent = item.parent.map(|(parent, _)| self.about(parent));
        let mut words = parent.as_ref().map(|parent| parent.words.clone()).unwrap_or_default();
        let facts = item.kind.facts();
        let is_owned = facts.is_some_and(|facts| facts.owner.is_some());
        let name = match item.kind.name() {
            "plugins" => item.live.get("name").and_then(Value::as_str),
            // One of its hosts.
            "certificates" => item.live.get("snis").and_then(|snis| snis.get(0)?.as_str()),
            _ => item.name().filter(|_| !is_owned),
        };
        let kind = item.kind.name().trim_end_matches("_credentials").trim_end_matches("_secrets");
        if name.is_none() || item.kind.name() == "certificates" {
            words.push(one_field(kind).to_owned());
        }
        words.extend(name.filter(|name| words.last().is_none_or(|last| last != name)).map(str::to_owned));
        let own =
            name.map_or_else(|| item.kind.one().to_owned(), |name| format!("{} {name}", item.kind.one()));
        let label = parent.map_or_else(|| own.clone(), |parent| format!("{own} of {}", parent.label));
        About { words, label }
    }
}

/// What an entity is about.
pub struct About {
    /// Outermost first, for the names of variables: `bob`, `keyauth`.
    pub words: Vec<String>,
    /// For people: `key-auth credential of consumer bob`.
    pub label: String,
}

/// Drops vv's probes and what belongs to them.
fn without_probes(items: &mut Vec<Item<'_>>) {
    let is_probe = |item: &Item<'_>| {
        let tags = item.live.get("tags").and_then(Value::as_array).into_iter().flatten();
        let named = item.name().is_some_and(|name| name.starts_with(PROBE));
        named && item.kind.name() != "plugins" || tags.filter_map(Value::as_str).any(|tag| tag == PROBE)
    };
    let mut gone: BTreeSet<(Kind, String)> = BTreeSet::new();
    loop {
        let before = items.len();
        items.retain(|item| {
            let goes = is_probe(item) || item.refers.values().any(|other| gone.contains(other));
            if goes && let Some(id) = item.id() {
                gone.insert((item.kind.clone(), id.to_owned()));
            }
            !goes
        });
        if items.len() == before {
            return;
        }
    }
}

impl<'g> Item<'g> {
    fn of(kind: &Kind, live: &'g Map<String, Value>, schema: Option<Schema>) -> Self {
        let shape = Shape::of(kind);
        let of_field = |field: &str| {
            let holds = schema.as_ref().and_then(|schema| schema.fields.get(field)).map(|field| &field.holds);
            match holds {
                Some(Holds::Foreign(kind)) => Some(kind.clone()),
                Some(_) => None,
                None => shape.foreign.iter().find(|(name, _)| *name == field).map(|(_, kind)| Kind::of(kind)),
            }
        };
        let refers = live.iter().filter_map(|(field, value)| {
            let id = value.get("id").and_then(Value::as_str)?;
            Some((field.clone(), (of_field(field)?, id.to_owned())))
        });
        let refers = refers.collect();
        Self { kind: kind.clone(), live, schema, refers, parent: None, keeps_id: false }
    }

    /// Its id.
    pub fn id(&self) -> Option<&str> {
        self.live.get("id").and_then(Value::as_str)
    }

    /// What it is told apart by.
    pub fn name(&self) -> Option<&str> {
        names_of(self.kind.name()).iter().find_map(|field| self.live.get(*field)?.as_str())
    }

    /// The fields that are written first.
    pub fn name_fields(&self) -> Vec<&'static str> {
        let mut fields = names_of(self.kind.name()).to_vec();
        fields.extend(
            ["name", "instance_name"].iter().filter(|field| !names_of(self.kind.name()).contains(field)),
        );
        fields
    }

    /// Its tags without vv's own.
    pub fn tags(&self) -> Vec<&str> {
        let tags = self.live.get("tags").and_then(Value::as_array).into_iter().flatten();
        let mut tags: Vec<&str> = tags.filter_map(Value::as_str).filter(|tag| !is_own_tag(tag)).collect();
        tags.sort_unstable();
        tags
    }

    /// Named ones by their names, then the others by what they hold.
    pub fn sort_key(&self) -> (bool, String, String) {
        let name = match self.kind.name() {
            "plugins" => self.live.get("name").and_then(Value::as_str),
            _ => self.name(),
        };
        let refers = self.refers.values().map(|(_, id)| id.as_str()).collect::<Vec<_>>().join(" ");
        let rest = self.live.get("cert").and_then(Value::as_str).or(self.id()).unwrap_or_default();
        (name.is_none(), name.unwrap_or_default().to_owned(), format!("{refers} {rest}"))
    }
}

//! Goes through a document and notes its entities, what they stand in and what they name.

use std::collections::{BTreeMap, BTreeSet};

use super::fields;
use super::header::{self, Header, Pair};
use super::names;
use super::shape::{self, COMMON, MEMBERSHIP, Shape};
use crate::routes::declaration::{Entity, Reference, To};
use crate::routes::kind::{KNOWN, Kind};
use crate::stack::decode::{At, Sink, json};
use crate::stack::node::{Node, Value};
use crate::stack::problem::Mark;

/// What was read.
pub struct Reader<'a> {
    /// Where problems go.
    pub sink: &'a Sink,
    /// Kong reads the file itself.
    pub as_is: bool,
    /// What holds for the whole file.
    pub header: Header<'a>,
    /// As [`crate::routes::declaration::Declaration::entities`], without labels.
    pub entities: Vec<Entity>,
    /// Where each of them stands.
    pub places: Vec<Place>,
    /// References that aren't resolved yet.
    pub pending: Vec<Pending>,
    /// The types whose list the file has.
    pub listed: BTreeSet<Kind>,
}

/// Where an entity stands in the document.
pub struct Place {
    /// `services[0].routes[1]`
    pub path: String,
    /// Its number in its list, from 1.
    pub number: usize,
    /// The number of the entity that it is nested in, and the field that refers to that.
    pub within: Option<(usize, String)>,
}

/// A reference to an entity, as it is written.
pub struct Pending {
    /// The number of the entity that has it.
    pub entity: usize,
    /// The field.
    pub field: String,
    /// The type of what it refers to.
    pub kind: &'static str,
    /// How that is named.
    pub named: Named,
    /// Where.
    pub mark: Mark,
    /// Where, in the document.
    pub path: String,
}

/// How a reference is written.
pub enum Named {
    /// A name or an id.
    Any(String),
    /// `{id: …}`
    Id(String),
    /// `{name: …}`
    By(&'static str, String),
}

impl<'a> Reader<'a> {
    /// Reads a document.
    pub fn read(root: &At<'a>, sink: &'a Sink, as_is: bool) -> Self {
        let entries = Pair::all(root, sink);
        let header = header::read(root, &entries, as_is);
        let mut reader = Self {
            sink,
            as_is,
            header,
            entities: Vec::new(),
            places: Vec::new(),
            pending: Vec::new(),
            listed: BTreeSet::new(),
        };
        for pair in entries.iter().filter(|pair| !pair.key.starts_with('_')) {
            reader.top(pair);
        }
        reader
    }

    fn top(&mut self, pair: &Pair<'a>) {
        let is_known = shape::collections().any(|name| name == pair.key);
        if pair.key.starts_with("x-") {
            if self.as_is {
                pair.unknown("Kong reads this file itself, and refuses this key; anchors may stand in '_ignore: [&name {…}]'");
            }
            return;
        }
        if !is_known {
            let of_api = KNOWN.iter().find(|facts| facts.path == pair.key).map(|facts| facts.name);
            if let Some(near) = of_api.or_else(|| shape::typo(pair.key, shape::collections())) {
                return pair.unknown(format!("unknown key; did you mean '{near}'?"));
            }
            let is_list_of_entities = match &pair.at.node.value {
                Value::Sequence(items) => items.iter().all(|item| item.as_mapping().is_some()),
                _ => false,
            };
            if !is_list_of_entities {
                return pair.unknown("unknown key; Kong's lists are 'services', 'routes', 'plugins', 'upstreams', 'consumers', …");
            }
        }
        self.list(&pair.at, &Kind::of(pair.key), None);
    }

    /// A list of entities of this type; `within`: in this one, which the field refers to.
    fn list(&mut self, at: &At<'a>, kind: &Kind, within: Option<(usize, &str)>) {
        self.listed.insert(kind.clone());
        if at.is_mapping() {
            let one = names::a(kind.one());
            return at.problem(format!("expected a list, found a mapping; {one} is an item of it, '- …'"));
        }
        for (index, item) in at.items().into_iter().enumerate() {
            self.entity(&item, kind, index + 1, within);
        }
    }

    fn entity(&mut self, at: &At<'a>, kind: &Kind, number: usize, within: Option<(usize, &str)>) {
        let shape = Shape::of(kind);
        let entity = Entity {
            kind: kind.clone(),
            id: None,
            fields: serde_json::Map::new(),
            refers: BTreeMap::new(),
            tags: self.header.select_tags.clone(),
            label: String::new(),
            mark: at.mark().clone(),
            marks: BTreeMap::new(),
            service: None,
        };
        let index = self.entities.len();
        let place = Place {
            path: at.path.clone(),
            number,
            within: within.map(|(parent, field)| (parent, field.to_owned())),
        };
        if kind.name() == "snis" && within.is_some() && at.is_text() {
            // The Admin API takes plain names as well.
            self.push(entity, place);
            let name = names::host_name(at, true);
            self.entities[index].fields.extend(name.map(|name| ("name".to_owned(), name.into())));
            return;
        }
        if !at.is_mapping() {
            let hint = shape.fields.first().map_or_else(String::new, |field| format!(" ({field}: …)"));
            return at.expected(&format!("a mapping{hint}"));
        }
        self.push(entity, place);
        let pairs = Pair::all(at, self.sink);
        let mut nested = Vec::new();
        for pair in &pairs {
            self.field(pair, shape, index, &mut nested);
        }
        fields::complete(&mut self.entities[index], at, &pairs, &self.header);
        for (pair, kind, back) in nested {
            self.list(&pair.at, &kind, Some((index, &back)));
        }
        for pair in &pairs {
            match (kind.name(), pair.key) {
                ("consumers", "groups") => self.members(&pair.at, index, "consumer", "consumer_group"),
                ("consumer_groups", "consumers") => {
                    self.members(&pair.at, index, "consumer_group", "consumer")
                }
                _ => {}
            }
        }
    }

    fn push(&mut self, mut entity: Entity, place: Place) {
        if let Some((parent, field)) = &place.within {
            let kind = self.entities[*parent].kind.clone();
            entity.refers.insert(field.clone(), Reference { kind, to: To::Declared(*parent) });
        }
        self.entities.push(entity);
        self.places.push(place);
    }

    fn field<'p>(
        &mut self,
        pair: &'p Pair<'a>,
        shape: &Shape,
        index: usize,
        nested: &mut Vec<(&'p Pair<'a>, Kind, String)>,
    ) {
        let kind = self.entities[index].kind.clone();
        let key = pair.key;
        if let Some(list) = shape.nested.iter().find(|list| list.key == key) {
            nested.push((pair, Kind::of(list.kind), list.back.to_owned()));
            return;
        }
        if let Some((field, of)) = shape.foreign.iter().find(|(field, _)| *field == key)
            && (shape.is_known() || is_reference(pair.at.node))
        {
            return self.reference(&pair.at, index, field, of);
        }
        match key {
            "_comment" | "_ignore" => return header::remark(pair),
            "_config" => {
                return pair
                    .unknown("only decK knows it; a YAML anchor does the same: 'config: {<<: *name}'");
            }
            _ if key.starts_with('_') => return pair.unknown("unknown key, which Kong refuses too"),
            "groups" if kind.name() == "consumers" => return,
            "consumers" if kind.name() == "consumer_groups" => return,
            _ => {}
        }
        let entity = &mut self.entities[index];
        marks(&pair.entry.key, pair.at.node, key.to_owned(), &mut entity.marks);
        match key {
            "id" => entity.id = names::id(&pair.at),
            "tags" => {
                let own = names::tags(&pair.at);
                let new = own.into_iter().filter(|tag| !self.header.select_tags.contains(tag));
                entity.tags.extend(new);
            }
            // Kong sets them itself.
            "created_at" | "updated_at" | "ws_id" => {}
            _ if shape.fields.contains(&key) => {
                entity.fields.insert(key.to_owned(), json(pair.at.node));
            }
            _ => self.unknown(pair, shape, &kind, index, nested),
        }
    }

    /// A field that the table doesn't know: misspelt, or of another version of Kong.
    fn unknown<'p>(
        &mut self,
        pair: &'p Pair<'a>,
        shape: &Shape,
        kind: &Kind,
        index: usize,
        nested: &mut Vec<(&'p Pair<'a>, Kind, String)>,
    ) {
        let key = pair.key;
        if shape.is_known() && Kind::of(key).facts().is_some() {
            return pair.unknown(format!(
                "{key} don't belong to {}; they may stand at the top",
                names::a(kind.one())
            ));
        }
        if shape.is_known()
            && let Some(near) = shape::typo(key, shape.keys())
        {
            return pair.unknown(format!("unknown key; did you mean '{near}'?"));
        }
        let is_list_of_entities = match &pair.at.node.value {
            Value::Sequence(items) => {
                !items.is_empty() && items.iter().all(|item| item.as_mapping().is_some())
            }
            _ => false,
        };
        if is_list_of_entities && !shape.nested.is_empty() {
            nested.push((pair, Kind::of(key), shape::one_field(kind.name()).to_owned()));
        } else {
            self.entities[index].fields.insert(key.to_owned(), json(pair.at.node));
        }
    }

    fn reference(&mut self, at: &At<'a>, index: usize, field: &str, kind: &'static str) {
        let entity = &mut self.entities[index];
        entity.marks.insert(field.to_owned(), at.mark().clone());
        if let Some((_, back)) = &self.places[index].within
            && back == field
        {
            return at
                .problem(format!("a {} has it already by where it stands; take it out", entity.kind.one()));
        }
        if at.is_null() {
            entity.fields.insert(field.to_owned(), serde_json::Value::Null);
            return;
        }
        let Some(named) = self.named(at, kind) else { return };
        let (mark, path) = (at.mark().clone(), at.path.clone());
        self.pending.push(Pending { entity: index, field: field.to_owned(), kind, named, mark, path });
    }

    fn named(&self, at: &At<'a>, kind: &'static str) -> Option<Named> {
        let by = shape::names_of(kind);
        if at.is_text() {
            return names::text(at).map(Named::Any);
        }
        let example = by.first().copied().unwrap_or("id");
        if !at.is_mapping() {
            at.expected(&format!("a mapping ({example}: …), or what it is called as a string"));
            return None;
        }
        let mut found = None;
        for pair in Pair::all(at, self.sink) {
            let by = by.iter().find(|by| **by == pair.key);
            match (pair.key, by) {
                ("id", _) => found = names::id(&pair.at).map(Named::Id).or(found),
                (_, Some(by)) if pair.at.is_null() || matches!(found, Some(Named::Id(_))) => {
                    let _ = by;
                }
                (_, Some(by)) => found = names::text(&pair.at).map(|name| Named::By(by, name)).or(found),
                _ => pair.unknown(format!("unknown key; expected 'id' or '{example}'")),
            }
        }
        match &found {
            None if at.len() == 0 => at.problem(format!("'{example}' or 'id' is missing")),
            // Kong 3.4.2 answers 400, "missing primary key".
            Some(Named::By(by, name)) if self.as_is => {
                let name = names::shown(name);
                at.problem(format!(
                    "Kong reads this file itself, and takes no '{by}:' here; write '{name}' alone"
                ));
            }
            _ => {}
        }
        found
    }

    /// A consumer's groups, or a group's consumers.
    fn members(&mut self, at: &At<'a>, index: usize, own: &str, other: &'static str) {
        let kind = Kind::of(MEMBERSHIP);
        let Some((_, of)) = Shape::of(&kind).foreign.iter().find(|(field, _)| *field == other) else {
            return;
        };
        self.listed.insert(kind.clone());
        for (number, item) in at.items().into_iter().enumerate() {
            let entity = Entity {
                kind: kind.clone(),
                id: None,
                fields: serde_json::Map::new(),
                refers: BTreeMap::new(),
                tags: self.header.select_tags.clone(),
                label: String::new(),
                mark: item.mark().clone(),
                marks: BTreeMap::new(),
                service: None,
            };
            let member = self.entities.len();
            let within = Some((index, own.to_owned()));
            self.push(entity, Place { path: item.path.clone(), number: number + 1, within });
            self.reference(&item, member, other, of);
        }
    }
}

/// Whether a value of a type that isn't known names an entity.
fn is_reference(node: &Node) -> bool {
    match &node.value {
        Value::Mapping(entries) => {
            entries.len() == 1 && entries.keys().all(|key| ["id", "name", "username"].contains(&key.as_str()))
        }
        Value::String(_) => true,
        _ => false,
    }
}

/// Notes where a value and all in it stand. A collection's place is its key's: in block style it begins a line later.
pub fn marks(key: &Mark, node: &Node, path: String, noted: &mut BTreeMap<String, Mark>) {
    match &node.value {
        Value::Mapping(entries) => {
            for (name, entry) in entries {
                marks(&entry.key, &entry.node, format!("{path}.{name}"), noted);
            }
            noted.insert(path, key.clone());
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                marks(&item.mark, item, format!("{path}.{index}"), noted);
            }
            noted.insert(path, key.clone());
        }
        _ => {
            noted.insert(path, node.mark.clone());
        }
    }
}

/// Fields that any entity may have.
pub fn is_common(field: &str) -> bool {
    COMMON.contains(&field)
}

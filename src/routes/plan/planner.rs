//! Goes through what is declared, type by type, and decides what is to be done with each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use serde_json::Value;

use super::desired::{Desired, desired};
use super::live::{Entity as LiveEntity, Live, Whose, id};
use super::reference::{self, State};
use super::verdict::Verdict;
use super::{Action, Change, Impossible, Options, RoutePlan, deletion, identity, order};
use crate::failure::nearest;
use crate::routes::declaration::{Declaration, Entity};
use crate::routes::gateway::Gateway;
use crate::routes::kind::Kind;
use crate::routes::owner_tag;
use crate::routes::schema::Schema;

/// What is known while a plan is made.
pub(super) struct Planner<'a> {
    pub declaration: &'a Declaration,
    pub gateway: &'a Gateway,
    pub options: &'a Options,
    pub live: Live<'a>,
    pub tag: String,
    pub states: Vec<State>,
    /// Something is declared that no gateway would take, or that leads nowhere: what else was meant isn't sure.
    pub faulty: bool,
    /// The ids of the gateway's entities that are declared ones.
    pub claimed: BTreeSet<String>,
    /// What entities are called, by their ids.
    pub labels: HashMap<String, String>,
    /// The numbers of changes, by the ids of what they change.
    pub changes: HashMap<String, usize>,
    /// Changes that must wait until an entity of the gateway is deleted: its id.
    pub waiting: Vec<(usize, String)>,
    /// The gateway's entities that must let go of fields before they are deleted, by id.
    pub parked: BTreeMap<String, Vec<String>>,
    /// How declared entities will be shown, by id.
    pub shown: BTreeMap<String, (Kind, LiveEntity)>,
    /// Read once: by type, and by the plugin's name.
    schemas: BTreeMap<(Kind, Option<String>), Option<Rc<Schema>>>,
    pub plan: RoutePlan,
}

/// A declared entity on its way through.
pub(super) struct Candidate<'a> {
    pub number: usize,
    pub entity: &'a Entity,
    pub schema: Rc<Schema>,
    pub desired: Desired,
    /// What it is looked for by.
    pub keys: Vec<String>,
    /// The gateway's.
    pub found: Option<&'a LiveEntity>,
    pub id: Option<String>,
    /// What is to be done with it.
    pub verdict: Verdict,
}

impl<'a> Planner<'a> {
    pub fn new(declaration: &'a Declaration, gateway: &'a Gateway, options: &'a Options) -> Self {
        let live = Live::of(gateway, &options.owner);
        let labels =
            live.all().filter_map(|(kind, entity)| Some((id(entity)?.to_owned(), live.label(kind, entity))));
        Self {
            labels: labels.collect(),
            live,
            tag: owner_tag(&options.owner),
            states: vec![State::Open; declaration.entities.len()],
            faulty: false,
            claimed: BTreeSet::new(),
            changes: HashMap::new(),
            waiting: Vec::new(),
            parked: BTreeMap::new(),
            shown: BTreeMap::new(),
            plan: RoutePlan { database: gateway.database, workers: gateway.workers, ..RoutePlan::default() },
            schemas: BTreeMap::new(),
            declaration,
            gateway,
            options,
        }
    }

    pub fn plan(mut self) -> RoutePlan {
        let kinds = order::kinds(self.declaration, self.gateway);
        for kind in &kinds {
            let mut group = self.candidates(kind);
            self.identify(kind, &mut group);
            self.judge(&mut group);
            self.conflicts(kind, &mut group);
            group.into_iter().for_each(|candidate| self.take(candidate));
        }
        deletion::decide(&mut self, &kinds);
        self.outlook();
        self.plan.ids = self.states.iter().map(State::id).collect();
        self.plan
    }

    /// The declared entities of a type that the schemas take and whose references lead somewhere.
    fn candidates(&mut self, kind: &Kind) -> Vec<Candidate<'a>> {
        let declaration = self.declaration;
        let mut group = Vec::new();
        let mut without_key: BTreeMap<String, usize> = BTreeMap::new();
        for (number, entity) in declaration.entities.iter().enumerate().filter(|(_, one)| one.kind == *kind) {
            let Some(schema) = self.schema(number, entity) else { continue };
            let fields: Vec<&str> = entity.refers.keys().map(String::as_str).collect();
            let faults = schema.check(&schema.coerce(&entity.fields), &fields);
            let is_sound = faults.is_empty();
            let refers = reference::ids(entity, declaration, &self.states, &self.live);
            // Of a reference that leads nowhere, that is what is wrong.
            let dangling = refers.as_ref().err().map(|dangling| dangling.field.clone());
            for fault in faults.into_iter().filter(|fault| Some(&fault.path) != dangling.as_ref()) {
                let message = if fault.path.is_empty() {
                    fault.message
                } else {
                    format!("{}: {}", fault.path, fault.message)
                };
                self.fault(number, &fault.path, message, None);
            }
            let refers = match refers {
                Ok(refers) if is_sound => refers,
                Ok(_) => continue,
                Err(dangling) => {
                    self.faulty |= !dangling.follows;
                    self.block(number, &dangling.field, dangling.reason, dangling.hint);
                    continue;
                }
            };
            let desired = desired(entity, &refers, &schema, &self.tag, declaration.hashed);
            let mut keys = identity::looked_for_by(kind, &schema, &desired.shown);
            if keys.is_empty() {
                // The gateway makes up what it is named by: told apart by its place beside its like.
                let beside = format!("unnamed:{refers:?}");
                let place = without_key.entry(beside.clone()).or_default();
                *place += 1;
                keys.push(format!("{beside}#{place}"));
            }
            let verdict = Verdict::Settled;
            group.push(Candidate { number, entity, schema, desired, keys, found: None, id: None, verdict });
        }
        group
    }

    /// The schema of a declared entity; without one it is impossible.
    fn schema(&mut self, number: usize, entity: &Entity) -> Option<Rc<Schema>> {
        let name = entity.fields.get("name").and_then(Value::as_str);
        let version = &self.gateway.version;
        if entity.kind.name() == "plugins"
            && let Some(name) = name.filter(|name| !self.gateway.plugins.contains(*name))
        {
            let hint = nearest(name, self.gateway.plugins.iter().map(String::as_str));
            let hint = hint.map(|meant| format!("did you mean '{meant}'?"));
            let has = if hint.is_some() { String::new() } else { some_of(&self.gateway.plugins) };
            let reason = format!("plugin '{name}' isn't installed on this Kong{has}");
            self.fault(number, "name", reason, hint);
            return None;
        }
        let plugin = name.filter(|_| entity.kind.name() == "plugins");
        let key = (entity.kind.clone(), plugin.map(str::to_owned));
        let read = || Schema::in_gateway(self.gateway, &entity.kind, plugin).map(Rc::new);
        let schema = self.schemas.entry(key).or_insert_with(read).clone();
        if schema.is_none() {
            let reason = format!("this Kong ({version}) has no {}", entity.kind);
            self.fault(number, "", reason, None);
        }
        schema
    }

    /// Finds the gateway's entities that the declared ones are: each is at most one's.
    fn identify(&mut self, kind: &Kind, group: &mut [Candidate<'a>]) {
        for candidate in group.iter_mut().filter(|candidate| candidate.entity.id.is_some()) {
            candidate.id = candidate.entity.id.clone();
            let found = candidate.id.as_deref().and_then(|id| self.live.by_id(kind, id));
            self.claim(candidate, found);
        }
        let levels = group.iter().map(|candidate| candidate.keys.len()).max().unwrap_or_default();
        for level in 0..levels {
            for candidate in group.iter_mut().filter(|candidate| candidate.id.is_none()) {
                let key = candidate.keys.get(level);
                let found = key.and_then(|key| self.live.by_key(kind, key, &self.claimed));
                self.claim(candidate, found);
            }
        }
        for candidate in group.iter_mut().filter(|candidate| candidate.id.is_none()) {
            let found = self.by_sni(candidate);
            self.claim(candidate, found);
        }
        for candidate in group.iter_mut().filter(|candidate| candidate.id.is_none()) {
            // Always the same id, unless somebody has it for something else.
            let first = candidate.keys.first().cloned().unwrap_or_default();
            let ids = (0..).map(|turn| match turn {
                0 => identity::made(&self.options.owner, kind, &first),
                turn => identity::made(&self.options.owner, kind, &format!("{first}#{turn}")),
            });
            for id in ids {
                match self.live.by_id(kind, &id) {
                    Some(entity) if self.claimed.contains(&id) || self.live.whose(entity) != Whose::Own => {}
                    Some(entity) => {
                        self.claim(candidate, Some(entity));
                        break;
                    }
                    None => {
                        candidate.id = Some(id);
                        break;
                    }
                }
            }
        }
        for candidate in group.iter() {
            let id = candidate.id.clone().unwrap_or_default();
            self.labels.insert(id.clone(), candidate.entity.label.clone());
            if let Some(state) = self.states.get_mut(candidate.number) {
                *state = State::Known(id);
            }
        }
    }

    fn claim(&mut self, candidate: &mut Candidate<'a>, found: Option<&'a LiveEntity>) {
        if let Some((found, id)) = found.and_then(|found| Some((found, id(found)?.to_owned()))) {
            self.claimed.insert(id.clone());
            candidate.found = Some(found);
            candidate.id = Some(id);
        }
    }

    /// A certificate whose text changed is known by a name that it answers to.
    fn by_sni(&self, candidate: &Candidate<'a>) -> Option<&'a LiveEntity> {
        if candidate.entity.kind.name() != "certificates" {
            return None;
        }
        let snis = Kind::of("snis");
        let declared = self.declaration.entities.iter().filter(|entity| entity.kind == snis);
        let of_this = declared.filter(|sni| {
            let to = sni.refers.get("certificate").map(|reference| &reference.to);
            to == Some(&crate::routes::declaration::To::Declared(candidate.number))
        });
        let mut names = of_this.filter_map(|sni| sni.fields.get("name")?.as_str());
        names.find_map(|name| {
            let sni = self.live.by_name(&snis, name)?;
            let id = identity::reference(sni, "certificate");
            self.live.by_id(&candidate.entity.kind, id).filter(|_| !self.claimed.contains(id))
        })
    }

    /// Notes what was decided on one.
    fn take(&mut self, candidate: Candidate<'a>) {
        let Candidate { number, entity, id, desired, found, verdict, .. } = candidate;
        let id = id.unwrap_or_default();
        let mut shown = found.cloned().unwrap_or_default();
        match verdict {
            Verdict::Settled => self.plan.settled += 1,
            Verdict::Impossible(reason, hint) => return self.block(number, "", reason, hint),
            Verdict::Foreign(reason, hint) => self.impossible(number, "", reason, hint),
            Verdict::Change(action, send) => {
                let refers = desired.sent.iter().filter_map(|(_, value)| value.get("id")?.as_str());
                let is_made = |change: &usize| {
                    self.plan.changes.get(*change).is_some_and(|change| change.action == Action::Create)
                };
                let after = refers.filter_map(|id| self.changes.get(id)).copied().filter(is_made).collect();
                // One that moves from a consumer to another is in neither's list on the way.
                let moves = matches!(action, Action::Update { .. }) && send.0.contains_key("consumer");
                let within = identity::within_which(&entity.kind, found.unwrap_or(&desired.sent));
                let within = within.filter(|_| !moves);
                self.changes.insert(id.clone(), self.plan.changes.len());
                self.plan.changes.push(Change {
                    kind: entity.kind.clone(),
                    id: id.clone(),
                    label: entity.label.clone(),
                    action,
                    mark: Some(entity.mark.clone()),
                    declared: Some(number),
                    send,
                    within,
                    after,
                    park: self.parked.remove(&id).unwrap_or_default(),
                });
                shown.extend(desired.shown);
                shown.insert("id".to_owned(), id.clone().into());
            }
        }
        self.shown.insert(id, (entity.kind.clone(), shown));
    }

    /// It is declared wrongly: nothing at all is sent. A route would be open without the plugin that guards it, and what
    /// is missing in the file may be what is written wrongly in it.
    fn fault(&mut self, number: usize, field: &str, reason: String, hint: Option<String>) {
        self.faulty = true;
        self.block(number, field, reason, hint);
    }

    /// Nothing is sent for it, nor for what refers to it.
    fn block(&mut self, number: usize, field: &str, reason: String, hint: Option<String>) {
        if let Some(state) = self.states.get_mut(number) {
            *state = State::Blocked;
        }
        self.impossible(number, field, reason, hint);
    }

    fn impossible(&mut self, number: usize, field: &str, reason: String, hint: Option<String>) {
        let Some(entity) = self.declaration.entities.get(number) else { return };
        let (label, mark) = (entity.label.clone(), entity.mark_of(field).clone());
        self.plan.impossible.push(Impossible { label, reason, hint, mark, declared: Some(number) });
    }

    /// What the gateway will hold.
    fn outlook(&mut self) {
        // A fault of the file is found by its place.
        self.plan
            .impossible
            .sort_by_key(|one| (one.mark.source.name.clone(), one.mark.line, one.mark.column));
        // Without a database the configuration is taken as a whole.
        let is_whole = !self.gateway.database && !self.plan.impossible.is_empty();
        if self.faulty || is_whole {
            let first = self.plan.impossible.first().map(|one| one.label.clone()).unwrap_or_default();
            let more = match self.plan.impossible_entities() {
                0 | 1 => String::new(),
                several => format!(" (and {} more)", several - 1),
            };
            let why = format!("nothing is sent, since {first} can't be as declared{more}");
            self.plan.blocked.get_or_insert(why);
        }
        let gone = |id: &str| {
            let change = self.changes.get(id).and_then(|change| self.plan.changes.get(*change));
            change.is_some_and(|change| matches!(change.action, Action::Delete { .. }))
        };
        for (kind, entity) in self.live.all() {
            let id = id(entity).unwrap_or_default();
            if !gone(id) && !self.shown.contains_key(id) {
                self.plan.after.entry(kind.clone()).or_default().push(entity.clone());
            }
        }
        for (kind, entity) in std::mem::take(&mut self.shown).into_values() {
            self.plan.after.entry(kind).or_default().push(entity);
        }
        self.plan.foreign =
            self.live.all().filter(|(_, entity)| self.live.whose(entity) == Whose::Foreign).count();
    }
}

/// ` (has: acl, cors and 29 more)`, so that it is seen what kind of names there are.
fn some_of(names: &BTreeSet<String>) -> String {
    const SHOWN: usize = 8;
    if names.is_empty() {
        return String::new();
    }
    let some: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = match names.len() - some.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(" (has: {}{more})", some.join(", "))
}

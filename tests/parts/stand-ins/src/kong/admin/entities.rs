//! What may be done with entities: each function decides, and tells the changes to be made.

use serde_json::{Map, Value, json};

use super::{certificates, errors, kinds, plugins, schema};
use crate::kong::server::Answer;
use crate::kong::state::{Change, Entity, State};
use crate::kong::{Gateway, NewId};

/// Changes to be made, and what is answered then.
pub type Decided = Result<(Vec<Change>, Answer), Answer>;

/// Entities, and whether they may change.
#[derive(Clone, Copy)]
pub struct Store<'a> {
    /// The entities.
    pub state: &'a State,
    /// Without a database, whatever would change something is refused.
    pub database: bool,
    /// The id of what is made next.
    pub new_id: Option<&'a NewId>,
}

/// The entity inside which something is looked for: the field that refers to it, and its id.
pub type Parent<'a> = Option<(&'static str, &'a str)>;

fn belongs(entity: &Entity, parent: Parent<'_>) -> bool {
    parent.is_none_or(|(field, id)| entity.get(field).is_some_and(|key| key["id"] == id))
}

impl<'a> Store<'a> {
    /// A gateway's.
    pub fn new(gateway: &'a Gateway, state: &'a State) -> Self {
        Self { state, database: gateway.options.database, new_id: gateway.options.new_id.as_ref() }
    }

    /// An entity by its id or by the field that names it.
    pub fn find(self, kind: &str, key: &str, parent: Parent<'_>) -> Result<Option<&'a Entity>, Answer> {
        if schema::is_uuid(key) {
            return Ok(self.state.get(kind, key).filter(|entity| belongs(entity, parent)));
        }
        if kind == "certificates" {
            return certificates::by_sni(self.state, key).map(Some);
        }
        let Some(field) = kinds::key(kind) else { return Ok(None) };
        let key = named(kind, field, key)?;
        let fits =
            |entity: &&Entity| entity.get(field).is_some_and(|own| *own == key) && belongs(entity, parent);
        Ok(self.state.all(kind).find(fits))
    }

    /// POST to a collection.
    pub fn create(self, kind: &'static str, mut body: Entity, parent: Parent<'_>) -> Decided {
        adopt(&mut body, parent);
        plugins::check_protocols(self.state, kind, &body)?;
        let snis = certificates::take_snis(kind, &mut body);
        self.prepare(kind, &mut body)?;
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        let mut changes = certificates::change_snis(self.state, &id, snis.unwrap_or_default())?;
        self.check(kind, &mut body, None, false)?;
        if !self.database {
            return Err(errors::unsupported("create", kind, None));
        }
        if self.state.get(kind, &id).is_some() {
            return Err(errors::primary_key(&id));
        }
        self.constraints(kind, &body)?;
        changes.insert(0, put(kind, body.clone()));
        Ok((changes.clone(), Answer::json(201, self.shown(kind, &body, &changes))))
    }

    /// PUT of an entity: all of it is as the body says now.
    pub fn replace(self, kind: &'static str, key: &str, mut body: Entity, parent: Parent<'_>) -> Decided {
        adopt(&mut body, parent);
        // Whatever it belonged to before: a route's PUT in another service moves it there. What is unique in its
        // parent only is looked for there.
        let inside = if matches!(kind, "targets" | "acls") { parent } else { None };
        let old = self.find(kind, key, inside)?;
        // A target's PUT changes what it names, and makes none.
        if kind == "targets" {
            return match old {
                Some(_) => self.update(kind, key, body, parent),
                None => Err(errors::not_found()),
            };
        }
        let by = if schema::is_uuid(key) { None } else { kinds::key(kind) };
        match by {
            Some(field) => body.insert(field.to_owned(), named(kind, field, key)?),
            None => body.insert("id".to_owned(), json!(key)),
        };
        if let Some(old) = old {
            body.insert("id".to_owned(), old["id"].clone());
        }
        plugins::check_protocols(self.state, kind, &body)?;
        let snis = certificates::take_snis(kind, &mut body);
        self.prepare(kind, &mut body)?;
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        let mut changes = match kind {
            "certificates" => certificates::change_snis(self.state, &id, snis.unwrap_or_default())?,
            _ => Vec::new(),
        };
        self.check(kind, &mut body, None, false)?;
        if !self.database {
            return Err(errors::unsupported("create or update", kind, by));
        }
        self.constraints(kind, &body)?;
        changes.insert(0, put(kind, body.clone()));
        Ok((changes.clone(), Answer::json(200, self.shown(kind, &body, &changes))))
    }

    /// PATCH of an entity.
    pub fn update(self, kind: &'static str, key: &str, mut body: Entity, parent: Parent<'_>) -> Decided {
        let Some(old) = self.find(kind, key, parent)? else {
            let field = if schema::is_uuid(key) { "id" } else { kinds::key(kind).unwrap_or("id") };
            return Err(if parent.is_some() { errors::not_found() } else { errors::missing(field, key) });
        };
        plugins::check_protocols_of_change(self.state, kind, &body, old)?;
        let snis = certificates::take_snis(kind, &mut body);
        from_url(kind, &mut body);
        self.resolve(kind, &mut body)?;
        body.remove("id");
        body.remove("updated_at");
        let mut entity = schema::merge(kind, old, &body);
        entity.remove("updated_at");
        schema::fill_auto(kind, &mut entity);
        // A nested record that was null until now has its defaults.
        schema::fill_defaults(kind, &mut entity);
        let id = old["id"].as_str().unwrap_or_default().to_owned();
        let mut changes = match snis {
            Some(snis) => certificates::change_snis(self.state, &id, snis)?,
            None => Vec::new(),
        };
        self.check(kind, &mut entity, Some(old), true)?;
        if !self.database {
            let by = if schema::is_uuid(key) { None } else { kinds::key(kind) };
            return Err(errors::unsupported("update", kind, by));
        }
        self.constraints(kind, &entity)?;
        changes.insert(0, put(kind, entity.clone()));
        Ok((changes.clone(), Answer::json(200, self.shown(kind, &entity, &changes))))
    }

    /// DELETE of an entity, with all that goes with it.
    pub fn delete(self, kind: &'static str, key: &str, parent: Parent<'_>) -> Decided {
        let found = match self.find(kind, key, parent) {
            // A certificate that no name leads to is no error here.
            Err(answer) if kind == "certificates" && answer.status == 404 => None,
            found => found?,
        };
        let Some(entity) = found else {
            return match parent {
                Some(_) => Err(errors::not_found()),
                None => Ok((Vec::new(), Answer::empty(204))),
            };
        };
        if !self.database {
            let by = if schema::is_uuid(key) { None } else { kinds::key(kind) };
            return Err(errors::unsupported("remove", kind, by));
        }
        let mut changes = Vec::new();
        let id = entity["id"].as_str().unwrap_or_default();
        match self.remove(kind, id, &mut changes) {
            Ok(()) => Ok((changes, Answer::empty(204))),
            // Its names are gone even so: Kong 3.4.2 deletes them before it asks for the certificate.
            Err(refused) if kind == "certificates" => {
                Ok((certificates::change_snis(self.state, id, Vec::new())?, refused))
            }
            Err(refused) => Err(refused),
        }
    }

    fn remove(self, kind: &str, id: &str, changes: &mut Vec<Change>) -> Result<(), Answer> {
        for other in schema::kinds() {
            for (field, reference, rule) in schema::references(other) {
                let mut referring =
                    self.state.all(other).filter(|entity| entity[field]["id"] == id).peekable();
                if reference != kind || referring.peek().is_none() {
                    continue;
                }
                // Kong deletes a certificate's names itself.
                if rule["on_delete"] != "cascade" && other != "snis" {
                    return Err(errors::referenced(kind, other));
                }
                for entity in referring {
                    self.remove(other, entity["id"].as_str().unwrap_or_default(), changes)?;
                }
            }
        }
        changes.push(Change { kind: kind.to_owned(), id: id.to_owned(), entity: None });
        Ok(())
    }

    /// References by name become references by id; everything missing is filled in.
    fn prepare(self, kind: &str, body: &mut Entity) -> Result<(), Answer> {
        from_url(kind, body);
        self.resolve(kind, body)?;
        body.remove("updated_at");
        if let Some(id) =
            self.new_id.and_then(|new| new()).filter(|_| body.get("id").is_none_or(Value::is_null))
        {
            body.insert("id".to_owned(), json!(id));
        }
        schema::fill_auto(kind, body);
        schema::fill_defaults(kind, body);
        Ok(())
    }

    fn resolve(self, kind: &str, body: &mut Entity) -> Result<(), Answer> {
        for (field, reference, _) in schema::references(kind) {
            let Some(Value::Object(given)) = body.get(field) else { continue };
            if given.contains_key("id") {
                continue;
            }
            let unique =
                |name: &str| schema::field(reference, name).is_some_and(|field| field["unique"] == true);
            let Some((name, value)) = given.iter().find(|(name, _)| unique(name)) else { continue };
            match self.state.all(reference).find(|entity| entity.get(name) == Some(value)) {
                Some(entity) => body.insert(field.to_owned(), json!({"id": entity["id"]})),
                None => return Err(errors::unresolved(field, reference, name, value)),
            };
        }
        Ok(())
    }

    fn check(
        self,
        kind: &str,
        entity: &mut Entity,
        old: Option<&Entity>,
        updating: bool,
    ) -> Result<(), Answer> {
        // Kong looks at a target's address before anything else.
        if let Some(target) = entity.get("target").and_then(Value::as_str).filter(|_| kind == "targets")
            && schema::target(target).is_none()
        {
            let text = json!("Invalid target; not a valid hostname or ip address");
            return Err(errors::schema_violation(Map::from_iter([("target".to_owned(), text)])));
        }
        schema::validate(kind, entity, updating).map_err(errors::schema_violation)?;
        schema::normalise(kind, entity, old);
        Ok(())
    }

    /// What the database itself holds: unique fields, then references.
    fn constraints(self, kind: &str, entity: &Entity) -> Result<(), Answer> {
        for fields in kinds::unique(kind) {
            if fields.len() == 1 && entity[fields[0]].is_null() {
                continue;
            }
            let same = |other: &&Entity| {
                other["id"] != entity["id"]
                    && fields.iter().all(|field| other.get(*field) == entity.get(*field))
            };
            if self.state.all(kind).any(|other| same(&other)) {
                let keys = fields.iter().map(|field| ((*field).to_owned(), entity[*field].clone()));
                return Err(errors::unique(Value::Object(keys.collect())));
            }
        }
        for (field, reference, _) in schema::references(kind) {
            let key = &entity[field];
            if key["id"].as_str().is_some_and(|id| self.state.get(reference, id).is_none()) {
                return Err(errors::foreign_key(field, reference, &json!({"id": key["id"]})));
            }
        }
        Ok(())
    }

    fn shown(self, kind: &str, entity: &Entity, changes: &[Change]) -> Value {
        if kind != "certificates" {
            return Value::Object(entity.clone());
        }
        let mut state = State::default();
        state
            .entities
            .insert("snis".to_owned(), self.state.entities.get("snis").cloned().unwrap_or_default());
        let snis = state.entities.entry("snis".to_owned()).or_default();
        for change in changes.iter().filter(|change| change.kind == "snis") {
            match &change.entity {
                Some(entity) => snis.insert(change.id.clone(), entity.clone()),
                None => snis.remove(&change.id),
            };
        }
        show(&state, kind, entity)
    }
}

/// An entity as the Admin API shows it.
pub fn show(state: &State, kind: &str, entity: &Entity) -> Value {
    let mut shown = entity.clone();
    if kind == "certificates" {
        shown.insert("snis".to_owned(), certificates::snis_of(state, &entity["id"]));
    }
    Value::Object(shown)
}

fn put(kind: &str, entity: Entity) -> Change {
    let id = entity["id"].as_str().unwrap_or_default().to_owned();
    Change { kind: kind.to_owned(), id, entity: Some(entity) }
}

fn adopt(body: &mut Entity, parent: Parent<'_>) {
    if let Some((field, id)) = parent {
        body.insert(field.to_owned(), json!({"id": id}));
    }
}

/// A name in a path, in the form that Kong keeps it in.
fn named(kind: &str, field: &'static str, key: &str) -> Result<Value, Answer> {
    if kind == "targets" {
        return Ok(json!(schema::target(key).unwrap_or_else(|| key.to_owned())));
    }
    let Some(rule) = schema::field(kind, field) else { return Ok(json!(key)) };
    match schema::check(&format!("{kind}.{field}"), rule, &json!(key)) {
        Ok(()) => Ok(json!(key)),
        Err(error) => Err(errors::name(field, error.as_str().unwrap_or_default())),
    }
}

/// `url` stands for protocol, host, port and path, and wins over them.
pub fn from_url(kind: &str, body: &mut Entity) {
    let Some(Value::String(url)) = (kind == "services").then(|| body.remove("url")).flatten() else { return };
    let Some((protocol, rest)) = url.split_once("://") else {
        body.insert("path".to_owned(), json!(url));
        return;
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.find('/').map_or((rest, None), |at| (&rest[..at], Some(&rest[at..])));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, port.parse::<u16>().ok()),
        _ => (authority, None),
    };
    let port = port.or(match protocol {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    });
    body.insert("protocol".to_owned(), json!(protocol));
    body.insert("host".to_owned(), json!(host.trim_start_matches('[').trim_end_matches(']')));
    body.insert("path".to_owned(), json!(path));
    match port {
        Some(port) => body.insert("port".to_owned(), json!(port)),
        None => body.remove("port"),
    };
}

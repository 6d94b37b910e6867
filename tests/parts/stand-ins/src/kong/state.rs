//! What a gateway holds: its entities, each as the Admin API shows it, and where they are kept.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// An entity as the Admin API shows it: every field of its schema, foreign keys as `{"id": …}`.
pub type Entity = Map<String, Value>;

/// Entities by type (`services`, `keyauth_credentials`, … as in `/schemas`), then by id.
pub type Entities = BTreeMap<String, BTreeMap<String, Entity>>;

/// What is known of one target's health.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Health {
    /// Takes requests.
    Healthy,
    /// Is left out.
    Unhealthy,
}

/// All that a gateway holds.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The entities.
    pub entities: Entities,
    /// Grows with every change.
    pub generation: u64,
    /// The hash that `/status` tells without a database; `None` while nothing was loaded.
    pub configuration_hash: Option<String>,
    /// What checks or the Admin API said of targets, by the target's id; a target that isn't in here is healthy.
    pub health: BTreeMap<String, Health>,
}

impl State {
    /// The entities of a type, in order of id.
    pub fn all<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Entity> {
        self.entities.get(kind).into_iter().flat_map(BTreeMap::values)
    }

    /// One entity.
    pub fn get(&self, kind: &str, id: &str) -> Option<&Entity> {
        self.entities.get(kind)?.get(id)
    }

    /// The entity that a field named so refers to.
    pub fn referred<'a>(&'a self, entity: &Entity, field: &str, kind: &str) -> Option<&'a Entity> {
        self.get(kind, entity.get(field)?.get("id")?.as_str()?)
    }
}

/// One entity put (made or replaced) or deleted.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its type.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What it is now; `None`: it is gone.
    pub entity: Option<Entity>,
}

/// Where entities are kept between two starts.
#[async_trait::async_trait]
pub trait Keep: Send + Sync {
    /// Everything kept.
    ///
    /// # Errors
    /// The database can't be reached.
    async fn load(&self) -> anyhow::Result<Entities>;

    /// Carries out changes, all or none.
    ///
    /// # Errors
    /// The database can't be reached.
    async fn write(&self, changes: &[Change]) -> anyhow::Result<()>;

    /// Whether the database can be reached.
    async fn reachable(&self) -> bool;
}

/// Keeps nothing: entities live as long as their gateway.
#[derive(Debug)]
pub struct Forget;

#[async_trait::async_trait]
impl Keep for Forget {
    async fn load(&self) -> anyhow::Result<Entities> {
        Ok(Entities::new())
    }

    async fn write(&self, _changes: &[Change]) -> anyhow::Result<()> {
        Ok(())
    }

    async fn reachable(&self) -> bool {
        true
    }
}

//! What a gateway told of itself: one look at its Admin API.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::kind::Kind;

/// Entities by type, each as the Admin API shows it: foreign keys are `{"id": …}`.
pub type Entities = BTreeMap<Kind, Vec<Map<String, Value>>>;

/// What one look at a gateway told.
#[derive(Debug, Clone, Default)]
pub struct Gateway {
    /// Kong's version, as `/` tells it: `3.4.2`.
    pub version: String,
    /// It has a database; without one its whole configuration is replaced at once (`POST /config`).
    pub database: bool,
    /// The plugins that it has.
    pub plugins: BTreeSet<String>,
    /// How many workers its proxy has; nothing where it doesn't tell.
    pub workers: Option<u32>,
    /// What it holds, of the types that were asked for.
    pub entities: Entities,
    /// Everything was read, of all owners: only then is it known that nobody else needs what is to be deleted.
    pub whole: bool,
    /// The answers of `/schemas/{entity}`, by type.
    pub schemas: BTreeMap<Kind, Value>,
    /// The answers of `/schemas/plugins/{name}`, by plugin.
    pub plugin_schemas: BTreeMap<String, Value>,
}

//! What a worker knows: the entities as they were at some time, and what follows from them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::plugins;
use super::router::{Router, texts};
use crate::kong::state::{Entity, State};

/// A worker's view of the entities.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The state without what changes beside it.
    pub state: State,
    pub router: Router,
    plugins: BTreeMap<String, Vec<Plugin>>,
}

/// An enabled plugin.
#[derive(Clone, Debug)]
pub struct Plugin {
    pub name: String,
    pub config: Entity,
    pub route: Option<String>,
    pub service: Option<String>,
    consumer: Option<String>,
    protocols: Vec<String>,
}

impl Snapshot {
    /// Of a state.
    pub fn new(state: &State) -> Self {
        let mut by_name: BTreeMap<String, Vec<Plugin>> = BTreeMap::new();
        for plugin in state.all("plugins").filter_map(Plugin::new) {
            by_name.entry(plugin.name.clone()).or_default().push(plugin);
        }
        let state =
            State { entities: state.entities.clone(), generation: state.generation, ..State::default() };
        Self { router: Router::new(&state.entities), plugins: by_name, state }
    }

    /// The instance of a plugin that applies; Kong's order of precedence.
    pub fn plugin(&self, name: &str, scope: &Scope<'_>) -> Option<&Plugin> {
        let instances = self.plugins.get(name)?.iter();
        let applies = |plugin: &&Plugin| {
            let fits =
                |wanted: &Option<String>, given: Option<&str>| wanted.is_none() || wanted.as_deref() == given;
            fits(&plugin.route, scope.route)
                && fits(&plugin.service, scope.service)
                && fits(&plugin.consumer, scope.consumer)
                && plugin.protocols.iter().any(|protocol| protocol == scope.protocol)
        };
        let precedence = |plugin: &&Plugin| match (
            plugin.consumer.is_some(),
            plugin.route.is_some(),
            plugin.service.is_some(),
        ) {
            (true, true, true) => 8,
            (true, true, false) => 7,
            (true, false, true) => 6,
            (false, true, true) => 5,
            (true, false, false) => 4,
            (false, true, false) => 3,
            (false, false, true) => 2,
            (false, false, false) => 1,
        };
        instances.filter(applies).max_by_key(precedence)
    }

    /// The names of all plugins that there are, in the order in which they run.
    pub fn plugin_names(&self) -> impl Iterator<Item = &'static str> {
        plugins::in_order().filter(|name| self.plugins.contains_key(*name))
    }

    /// The first entity of a type with this text in a field.
    pub fn by(&self, kind: &str, field: &str, text: &str) -> Option<&Entity> {
        self.state.all(kind).find(|entity| entity.get(field).and_then(Value::as_str) == Some(text))
    }
}

/// What a plugin can be bound to.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub route: Option<&'a str>,
    pub service: Option<&'a str>,
    pub consumer: Option<&'a str>,
    pub protocol: &'a str,
}

impl Plugin {
    fn new(entity: &Entity) -> Option<Self> {
        if entity.get("enabled") == Some(&Value::Bool(false)) {
            return None;
        }
        let id = |field: &str| Some(entity.get(field)?.get("id")?.as_str()?.to_owned());
        Some(Self {
            name: entity.get("name")?.as_str()?.to_owned(),
            config: entity.get("config").and_then(Value::as_object).cloned().unwrap_or_default(),
            route: id("route"),
            service: id("service"),
            consumer: id("consumer"),
            protocols: texts(entity, "protocols"),
        })
    }

    /// A flag of the configuration.
    pub fn is(&self, field: &str) -> bool {
        self.config.get(field).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A text of the configuration.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.config.get(field).and_then(Value::as_str)
    }

    /// A list of texts of the configuration.
    pub fn texts(&self, field: &str) -> Vec<String> {
        texts(&self.config, field)
    }

    /// A number of the configuration.
    pub fn number(&self, field: &str) -> Option<u64> {
        self.config.get(field).and_then(Value::as_f64).map(|number| number as u64)
    }
}

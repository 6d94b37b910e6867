//! Which plugins act on a route, and which of them nobody passes without a login.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::gateway::Entities;
use super::super::kind::Kind;
use super::router::{Request, Route, texts};

/// Plugins that ask for a login.
const LOGINS: &[&str] = &[
    "jwt",
    "key-auth",
    "key-auth-enc",
    "basic-auth",
    "hmac-auth",
    "oauth2",
    "ldap-auth",
    "ldap-auth-advanced",
];

/// Enabled plugins by the entity that they are for; global ones have none.
pub(super) struct Plugins<'a>(BTreeMap<Option<&'a str>, Vec<Named<'a>>>);

/// A plugin by its name.
type Named<'a> = (&'a str, &'a Map<String, Value>);

/// A plugin without whose login no request reaches the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// The plugin: `jwt`.
    pub plugin: String,
    /// It asks for one by OPTIONS, too.
    on_preflight: bool,
    /// The protocols on which it acts; all where there are none.
    protocols: Vec<String>,
}

impl<'a> Plugins<'a> {
    pub fn of(entities: &'a Entities) -> Self {
        let mut by_scope: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for plugin in entities.get(&Kind::of("plugins")).into_iter().flatten() {
            let scope = |name: &str| plugin.get(name).and_then(|entity| entity.get("id")?.as_str());
            // Those of consumers act on requests with credentials only.
            let enabled = plugin.get("enabled") != Some(&Value::Bool(false));
            let of_consumers = scope("consumer").or(scope("consumer_group")).is_some();
            let name = plugin.get("name").and_then(Value::as_str);
            if let (Some(name), true, false) = (name, enabled, of_consumers) {
                by_scope.entry(scope("route").or(scope("service"))).or_default().push((name, plugin));
            }
        }
        Self(by_scope)
    }

    /// By name; of several of one name the one of the narrowest scope acts, as in Kong.
    pub fn acting_on(&self, route: &Route) -> BTreeMap<&'a str, &'a Map<String, Value>> {
        let scopes = [None, route.service.as_deref(), Some(route.id.as_str())];
        // The last of a name stays.
        scopes.iter().filter_map(|scope| self.0.get(scope)).flatten().copied().collect()
    }
}

impl Login {
    /// Of a plugin that asks for a login, and lets nobody in without one.
    pub fn of(name: &str, plugin: &Map<String, Value>) -> Option<Self> {
        let config = |field: &str| plugin.get("config").and_then(|config| config.get(field));
        let anonymous =
            config("anonymous").and_then(Value::as_str).is_some_and(|consumer| !consumer.is_empty());
        (LOGINS.contains(&name) && !anonymous).then(|| Self {
            plugin: name.to_owned(),
            on_preflight: config("run_on_preflight") != Some(&Value::Bool(false)),
            protocols: texts(plugin.get("protocols")),
        })
    }

    /// It lets none such through.
    pub fn stops(&self, request: &Request) -> bool {
        let protocol = if request.tls { "https" } else { "http" };
        (self.on_preflight || request.method != "OPTIONS")
            && (self.protocols.is_empty() || self.protocols.iter().any(|own| own == protocol))
    }
}

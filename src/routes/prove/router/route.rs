//! A route as the Admin API shows it, of which only what decides on requests.

use serde_json::{Map, Value};

/// A route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// `http`, `https`, `grpc`, `tcp`, …
    pub protocols: Vec<String>,
    /// Any, where there are none.
    pub methods: Vec<String>,
    /// As declared: with `*` as the first or last label, with a port.
    pub hosts: Vec<String>,
    /// As declared: a prefix, or a regex after `~`.
    pub paths: Vec<String>,
    /// By name as declared, each with the values that it may have; a regex after `~*`.
    pub headers: Vec<(String, Vec<String>)>,
    /// TLS server names.
    pub snis: Vec<String>,
    /// Between regexes.
    pub regex_priority: i64,
    /// The id of its service.
    pub service: Option<String>,
    /// It is written as an expression (`router_flavor: expressions`), which vv doesn't read.
    pub expression: bool,
}

impl Route {
    /// Of what the Admin API shows. Lists may be missing, null, or the `{}` that Kong writes for an empty one.
    pub fn of(fields: &Map<String, Value>) -> Self {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let headers = fields.get("headers").and_then(Value::as_object);
        let protocols = texts(fields.get("protocols"));
        Self {
            id: text("id").unwrap_or_default(),
            name: text("name"),
            protocols: if protocols.is_empty() { vec!["http".into(), "https".into()] } else { protocols },
            methods: texts(fields.get("methods")),
            hosts: texts(fields.get("hosts")),
            paths: texts(fields.get("paths")),
            headers: headers
                .into_iter()
                .flatten()
                .map(|(name, values)| (name.clone(), texts(Some(values))))
                .collect(),
            snis: texts(fields.get("snis")),
            regex_priority: fields.get("regex_priority").and_then(Value::as_i64).unwrap_or_default(),
            service: fields.get("service").and_then(|service| service.get("id")?.as_str()).map(str::to_owned),
            expression: text("expression").is_some(),
        }
    }

    /// What it is called in messages.
    pub fn label(&self) -> String {
        let first = self.paths.first().or(self.hosts.first());
        match (&self.name, first) {
            (Some(name), _) => format!("route {name}"),
            (None, Some(first)) => format!("the unnamed route of {first}"),
            (None, None) => format!("route {}", self.id),
        }
    }

    /// It has one of these protocols.
    pub fn speaks(&self, protocols: &[&str]) -> bool {
        self.protocols.iter().any(|protocol| protocols.contains(&protocol.as_str()))
    }
}

/// A list's texts.
pub fn texts(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

//! What a stand-in is told: a JSON document in its environment.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind, Result};
use crate::plan::Stub;
use crate::stack::Service;
use crate::stack::model::Protocol;
use crate::stack::vv::{StubCall, StubRoute};

/// The variable that carries the settings.
pub const VARIABLE: &str = "VV_STUB";

/// How a stand-in behaves, with all defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The service's name, in traces and logs too.
    pub service: String,
    /// The port it listens on.
    pub port: u16,
    /// The health path.
    pub health: String,
    /// The metrics path.
    pub metrics: String,
    /// Serves `/docs` and `/openapi.json`.
    pub docs: bool,
    /// Its routes.
    pub routes: Vec<StubRoute>,
    /// Calls made at every request of every route.
    pub calls: Vec<StubCall>,
    /// `host:port` of Logstash's TCP input.
    pub logstash: Option<String>,
}

impl Settings {
    /// A service's. An error where it isn't said which port it listens on.
    pub fn of(service: &Service) -> Result<Self> {
        let stub = service.vv.stub.clone().unwrap_or_default();
        let target = service.ports.iter().find(|port| port.protocol == Protocol::Tcp).map(|port| port.target);
        let exposed = service.expose.iter().find_map(|port| port.split('/').next()?.parse().ok());
        let Some(port) = stub.port.or(target).or(exposed) else {
            return Err(Failure::new(
                Kind::InvalidStack,
                format!("services.{}: its stand-in doesn't know which port to listen on", service.name),
            )
            .hint("give it `ports`, `expose` or `x-vv: {stub: {port: …}}`"));
        };
        Ok(Self {
            service: stub.service.unwrap_or_else(|| service.name.clone()),
            port,
            health: stub.health.unwrap_or_else(|| "/health".to_owned()),
            metrics: stub.metrics.unwrap_or_else(|| "/metrics".to_owned()),
            docs: stub.docs,
            routes: stub.routes,
            calls: stub.calls,
            logstash: stub.logs.map(|logs| logs.logstash),
        })
    }

    /// What the planner is told about the stand-in.
    pub fn into_stub(self, image: &str) -> Stub {
        let document =
            serde_json::to_string(&self).expect("strings, numbers and JSON values always serialise");
        Stub {
            image: image.to_owned(),
            environment: BTreeMap::from([(VARIABLE.to_owned(), document)]),
            ..Stub::default()
        }
    }

    /// What this process was told.
    pub fn from_env() -> Result<Self> {
        let document = std::env::var(VARIABLE).map_err(|_| {
            Failure::usage(format!(
                "{VARIABLE} is not set: `vv stub` is run by vv itself, inside a container"
            ))
        })?;
        serde_json::from_str(&document)
            .with_context(|| format!("{VARIABLE} can't be read"))
            .map_err(|error| Failure::from_error(Kind::Usage, error))
    }

    /// The route of a request: its pattern's index; or, where only the method is wrong, the methods that fit.
    pub fn route(&self, method: &str, path: &str) -> Route<'_> {
        let fitting: Vec<&StubRoute> = self.routes.iter().filter(|route| fits(&route.path, path)).collect();
        match fitting.iter().find(|route| route.method.eq_ignore_ascii_case(method)) {
            Some(route) => Route::Found(route),
            None if fitting.is_empty() => Route::None,
            None => Route::OtherMethods(fitting.iter().map(|route| route.method.to_uppercase()).collect()),
        }
    }
}

/// What a request meets.
#[derive(Debug, PartialEq)]
pub enum Route<'a> {
    /// This route.
    Found(&'a StubRoute),
    /// The path is there, for these methods.
    OtherMethods(Vec<String>),
    /// Nothing.
    None,
}

/// Whether a path fits a pattern in which `{name}` stands for one segment.
fn fits(pattern: &str, path: &str) -> bool {
    let (wanted, given) = (pattern.trim_end_matches('/').split('/'), path.trim_end_matches('/').split('/'));
    let is_parameter = |name: &str| name.starts_with('{') && name.ends_with('}');
    wanted.clone().count() == given.clone().count()
        && wanted
            .zip(given)
            .all(|(name, segment)| name == segment || (is_parameter(name) && !segment.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_segments() {
        for (pattern, path, expected) in [
            ("/", "/", true),
            ("/", "/x", false),
            ("/api/v1/models", "/api/v1/models", true),
            ("/api/v1/models", "/api/v1/models/", true),
            ("/api/v1/models", "/api/v1/modelsx", false),
            ("/api/v1/models/{id}", "/api/v1/models/7", true),
            ("/api/v1/models/{id}", "/api/v1/models", false),
            ("/api/v1/models/{id}", "/api/v1/models/7/lines", false),
        ] {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }
}

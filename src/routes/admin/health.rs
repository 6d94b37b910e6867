//! The health of targets, which stands in for the answer of a route that can't be asked.

use serde_json::Value;
use tokio::time::Instant;

use super::{Admin, Request};
use crate::routes::prove::Target;

impl Admin {
    /// The health of an upstream's targets; none where the gateway doesn't tell.
    pub async fn health(&self, upstream: &str, end: Instant) -> Vec<Target> {
        let path = format!("upstreams/{}/health", super::read::segment(upstream));
        let Ok(answer) = self.ask(&Request::get(&path), end).await else { return Vec::new() };
        let targets = answer.body.get("data").and_then(Value::as_array).into_iter().flatten();
        let target = |entry: &Value| {
            let text = |name: &str| Some(entry.get(name)?.as_str()?.to_owned());
            Some(Target { target: text("target")?, health: text("health")? })
        };
        targets.filter_map(target).collect()
    }
}

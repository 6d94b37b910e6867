//! What proving routes needs of the Admin API: a route of its own for a moment, and the health of targets.

use async_trait::async_trait;
use serde_json::Value;
use tokio::time::Instant;

use super::{Admin, Request};
use crate::routes::prove::Target;
use crate::routes::prove::barrier::Sentinel;

#[async_trait]
impl Sentinel for Admin {
    async fn put(&self, route: Value, plugin: Option<Value>) -> anyhow::Result<()> {
        self.make("routes", route).await?;
        match plugin {
            Some(plugin) => self.make("plugins", plugin).await,
            None => Ok(()),
        }
    }

    async fn remove(&self, route: &str) -> anyhow::Result<()> {
        let request =
            Request { method: reqwest::Method::DELETE, path: format!("routes/{route}"), body: None };
        self.ask(&request, Instant::now() + self.patience).await?;
        Ok(())
    }
}

impl Admin {
    async fn make(&self, collection: &str, entity: Value) -> anyhow::Result<()> {
        let request =
            Request { method: reqwest::Method::POST, path: collection.to_owned(), body: Some(entity) };
        let answer = self.ask(&request, Instant::now() + self.patience).await?;
        // One that is asked again after a lost answer is there already: Kong answers 400 with code 3.
        match answer.is_success() || answer.refusal().code == Some(3) {
            true => Ok(()),
            false => Err(anyhow::anyhow!("{}", answer.refusal().message)),
        }
    }

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

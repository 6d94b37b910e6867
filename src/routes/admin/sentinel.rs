//! The barrier's own route, made and deleted through the Admin API.

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;

use super::{Admin, Request};
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
        let request = Request { method: Method::DELETE, path: format!("routes/{route}"), body: None };
        let answer = self.ask(&request, Instant::now() + self.patience).await?;
        if !answer.is_success() && answer.status != 404 {
            bail!("the probe's route stays: {}", answer.refusal().message);
        }
        Ok(())
    }
}

impl Admin {
    async fn make(&self, kind: &str, entity: Value) -> anyhow::Result<()> {
        /// Kong's number for an id that is there already: an earlier answer was lost.
        const PRIMARY_KEY: i64 = 3;
        let request = Request { method: Method::POST, path: kind.to_owned(), body: Some(entity) };
        let answer =
            self.ask(&request, Instant::now() + self.patience).await.context("the probe can't be made")?;
        let refusal = answer.refusal();
        if !answer.is_success() && refusal.code != Some(PRIMARY_KEY) {
            bail!("the probe can't be made: {}", refusal.message);
        }
        Ok(())
    }
}

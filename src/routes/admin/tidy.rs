//! Takes away what a probe that was broken off has made.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;

use super::{Admin, Request};
use crate::routes::PROBE;

impl Admin {
    /// Deletes the probes of this owner, as far as the gateway can be asked until then. Their plugins go with them.
    pub async fn delete_probes(&self, owner_tag: &str, end: Instant) {
        let tags = format!("{},{PROBE}", super::read::segment(owner_tag));
        let Ok(answer) = self.ask(&Request::get(format!("routes?tags={tags}")), end).await else { return };
        let routes = answer.body.get("data").and_then(Value::as_array).into_iter().flatten();
        let ids = routes.filter_map(|route| route.get("id")?.as_str());
        let delete = ids.map(async |id| {
            let request = Request { method: Method::DELETE, path: format!("routes/{id}"), body: None };
            // What stays is found by its tags later.
            let _ = self.ask(&request, end).await;
        });
        join_all(delete).await;
    }
}

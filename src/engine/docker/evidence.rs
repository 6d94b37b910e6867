//! The engine's own words on what happened.

use std::collections::HashMap;

use async_trait::async_trait;
use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::DockerEngine;
use super::observe::PROJECT;
use crate::engine::EngineError;
use crate::engine::evidence::{Evidence, PastEvent};

#[async_trait]
impl Evidence for DockerEngine {
    async fn raw_inspect(&self, container: &str) -> Result<Value, EngineError> {
        let attempt = format!("inspect {container}");
        let answer =
            self.client.call(&attempt, self.client.docker().inspect_container(container, None)).await?;
        Ok(document(&answer))
    }

    async fn raw_info(&self) -> Result<Value, EngineError> {
        let docker = self.client.docker();
        let (version, info) = tokio::try_join!(
            self.client.call("ask for the engine's version", docker.version()),
            self.client.call("ask about the engine", docker.info()),
        )?;
        Ok(json!({"version": document(&version), "info": document(&info)}))
    }

    async fn past_events(&self, project: &str, since: Timestamp) -> Result<Vec<PastEvent>, EngineError> {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("label", vec![format!("{PROJECT}={project}")]),
        ]);
        let options = EventsOptionsBuilder::new()
            .since(&moment(since))
            // The stream ends here; without it, it would go on with what is to come.
            .until(&moment(Timestamp::now()))
            .filters(&filters)
            .build();
        let events = self.client.docker().events(Some(options));
        let events: Vec<EventMessage> = self.client.call("ask for past events", events.try_collect()).await?;
        Ok(events.into_iter().filter_map(understood).collect())
    }
}

/// A time as the engine reads it: seconds, with nanoseconds behind the point.
fn moment(time: Timestamp) -> String {
    format!("{}.{:09}", time.as_second(), time.subsec_nanosecond())
}

/// The document that was understood of an answer; nothing of it is left for what can't be written as JSON.
fn document(answer: &impl Serialize) -> Value {
    serde_json::to_value(answer).unwrap_or(Value::Null)
}

fn understood(message: EventMessage) -> Option<PastEvent> {
    let action = message.action?;
    // A healthcheck alone would fill the list with its runs.
    if action.starts_with("exec_") {
        return None;
    }
    let attributes = message.actor?.attributes.unwrap_or_default();
    let time =
        message.time_nano.map(i128::from).or_else(|| Some(i128::from(message.time?) * 1_000_000_000))?;
    Some(PastEvent {
        time: Timestamp::from_nanosecond(time).ok()?,
        container: attributes.get("name").cloned().unwrap_or_default(),
        action,
        exit_code: attributes.get("exitCode").cloned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_but_for_commands() {
        let event = |action: &str| {
            understood(
                serde_json::from_value(json!({
                    "Action": action, "time": 5, "timeNano": 5_250_000_000_i64,
                    "Actor": {"ID": "abc", "Attributes": {"name": "shop-web-1", "exitCode": "137"}}
                }))
                .unwrap(),
            )
        };
        let died = event("die").unwrap();
        assert_eq!((died.container.as_str(), died.exit_code.as_deref()), ("shop-web-1", Some("137")));
        assert_eq!(died.time.to_string(), "1970-01-01T00:00:05.25Z");
        assert_eq!(moment(died.time), "5.250000000");
        assert_eq!(event("exec_start: redis-cli -a hunter22 ping"), None);
    }
}
